"""The reference: its gradients against the complex step, its predictions against scikit-learn, its fit."""

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from threelayer import Config, Params, init_params, make_data, numpy_manual
from threelayer.complex_step import complex_step_gradients, largest_difference


def random_problem(seed, i=3, h=5, k=4, o=2, n=7):
    """Return params, x, y with all sizes distinct and no zero bias."""
    rng = np.random.default_rng(seed)
    shapes = [(i, h), (h,), (h, k), (k,), (k, o), (o,)]
    params = Params(*(rng.normal(size=shape) for shape in shapes))
    return params, rng.normal(size=(n, i)), rng.normal(size=(n, o))


def test_forward_agrees_with_scikit_learn():
    MLPRegressor = pytest.importorskip("sklearn.neural_network").MLPRegressor
    params, x, y = random_problem(1)
    network = MLPRegressor(
        hidden_layer_sizes=(5, 4), activation="tanh", max_iter=1, solver="sgd", batch_size=7
    )
    with pytest.warns(match="Maximum iterations"):
        network.fit(x, y)  # only to build it; the weights are replaced
    network.coefs_, network.intercepts_ = list(params[0::2]), list(params[1::2])
    assert numpy_manual.predict(params, x) == pytest.approx(network.predict(x), abs=1e-14)


def test_loss_is_the_mean_over_samples_and_outputs():
    mean_squared_error = pytest.importorskip("sklearn.metrics").mean_squared_error
    params, x, y = random_problem(2)
    loss, _ = numpy_manual.loss_and_grads(params, x, y)
    assert loss == pytest.approx(mean_squared_error(y, numpy_manual.predict(params, x)), rel=1e-14)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    sizes=st.lists(st.integers(1, 6), min_size=4, max_size=4, unique=True),
    n=st.integers(1, 9),
    seed=st.integers(0, 2**16),
)
def test_every_gradient_entry_agrees_with_the_complex_step(sizes, n, seed):
    params, x, y = random_problem(seed, *sizes, n=n)
    _, grads = numpy_manual.loss_and_grads(params, x, y)
    assert largest_difference(grads, complex_step_gradients(params, x, y)) <= 1e-12


def test_the_complex_step_itself_agrees_with_a_difference_quotient():
    params, x, y = random_problem(3)
    exact = complex_step_gradients(params, x, y)
    for entry in np.ndindex(params.W2.shape):
        loss = []
        for sign in (1, -1):
            W2 = params.W2.copy()
            W2[entry] += sign * 1e-6
            loss.append(numpy_manual.loss_and_grads(params._replace(W2=W2), x, y)[0])
        assert exact.W2[entry] == pytest.approx((loss[0] - loss[1]) / 2e-6, abs=1e-8)


FAULTS = {
    "factor 2 left out": ("dz3 = 2 * (", "dz3 = ("),
    "dW3 doubled": ("dW3, db3 = einsum", "dW3, db3 = 2 * einsum"),
    "db3 left out": ('einsum("no->o", dz3)', "np.zeros_like(params.b3)"),
    "slope of the second tanh dropped": (" * (1 - a2**2)", ""),
    "W3 used from the wrong end": ('"no,ko->nk", dz3, W3)', '"no,ko->nk", dz3, W3[::-1])'),
    "dW2 with its axes swapped": (
        'einsum_blas("nh,nk->hk", a1, dz2)',
        'np.resize(einsum("nh,nk->kh", a1, dz2), W2.shape)',
    ),
    "db2 left out": ('einsum("nk->k", dz2)', "np.zeros_like(params.b2)"),
    "slope of the first tanh dropped": (" * (1 - a1**2)", ""),
    "W2 with its axes swapped": ("dz2, W2) * (1", "dz2, np.resize(W2.T, W2.shape)) * (1"),
    "dW1 from the wrong inputs": ('"ni,nh->ih", x, dz1)', '"ni,nh->ih", x[::-1], dz1)'),
    "db1 averaged": ('einsum("nh->h", dz1)', 'einsum("nh->h", dz1) / len(x)'),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault):
    line, changed = FAULTS[fault]
    source = inspect.getsource(numpy_manual.backward)
    assert source.count(line) == 1
    namespace = dict(vars(numpy_manual))
    exec(source.replace(line, changed), namespace)
    params, x, y = random_problem(4)
    grads = namespace["backward"](params, x, y, numpy_manual.forward(params, x))
    assert largest_difference(grads, complex_step_gradients(params, x, y)) > 1e-3


def test_training_repeats_to_the_bit_and_follows_the_update_rule():
    data = make_data(n_train=30, n_val=11, n_test=13)
    config = Config(hidden=(5, 4), batch_size=10, epochs=1, learning_rate=0.125, momentum=0.5)
    start = init_params(config)
    first = numpy_manual.fit(start, data, config)
    again = numpy_manual.fit(start, data, config)
    assert all(np.array_equal(a, b) for a, b in zip(first.params, again.params, strict=True))

    # The same three steps with the velocity written out as a sum of gradients.
    from threelayer import batch_order

    p, past = start, []
    for batch in batch_order(30, config)[0]:
        past.append(numpy_manual.loss_and_grads(p, data.x_train[batch], data.y_train[batch])[1])
        velocity = [
            sum(0.5 ** (len(past) - 1 - s) * g[j] for s, g in enumerate(past))
            for j in range(len(Params._fields))
        ]
        p = Params(*(w - 0.125 * v for w, v in zip(p, velocity, strict=True)))
    assert largest_difference(first.params, p) <= 1e-14


def test_default_configuration_learns_the_function():
    """One seed here; the chapter checks the median and the minimum of five."""
    data, config = make_data(seed=5), Config(seed=5)
    fit = numpy_manual.fit(init_params(config), data, config)

    def r_squared(params):
        left = numpy_manual.predict(params, data.x_test) - data.y_true_test
        return 1 - np.mean(left**2) / data.y_true_test.var()

    assert r_squared(fit.params) >= 0.992
    assert r_squared(init_params(config)) < 0.5
