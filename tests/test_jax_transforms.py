"""The JAX implementation: its gradients, its trajectory, its transformations, and its switch."""

import random
from dataclasses import replace

import numpy as np
import pytest

jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402
from jax.test_util import check_grads  # noqa: E402

from threelayer import Config, Data, DivergedError, Params, init_params, make_data, numpy_manual  # noqa: E402
from threelayer import jax_transforms as module  # noqa: E402

CONFIG = Config(hidden=(5, 4), batch_size=7, epochs=9)


@pytest.fixture(scope="module")
def data() -> Data:
    """Return data with two outputs; 50 samples in batches of 7 leave one over."""
    data = make_data(50, 11, 13)
    names = "y_train", "y_val", "y_test"
    return replace(data, **{name: np.hstack([y := getattr(data, name), np.sin(3 * y)]) for name in names})


@pytest.fixture(scope="module")
def params() -> Params:
    """Return weights whose biases are not zero."""
    drawn = init_params(CONFIG, n_out=2)
    return Params(*(p + 0.1 * np.arange(p.size).reshape(p.shape) / p.size for p in drawn))


def deviation(left, right) -> float:
    return max(float(np.abs(a - b).max()) for a, b in zip(left, right, strict=True))


def assert_same_run(ours, expected) -> None:
    assert deviation(ours.params, expected.params) < 1e-12
    assert deviation(ours.history.train_loss, expected.history.train_loss) < 1e-12
    assert deviation(ours.history.val_loss, expected.history.val_loss) < 1e-12


def global_state() -> tuple:
    return (
        jax.config.jax_enable_x64,
        jnp.ones(1).dtype,
        jax.config.jax_default_matmul_precision,
        random.getstate(),
        str(np.random.get_state()),  # noqa: NPY002
    )


# -- at the start


def test_starts_as_numpy_does(params, data):
    loss, grads = module.loss_and_grads(params, data.x_train, data.y_train)
    expected_loss, expected_grads = numpy_manual.loss_and_grads(params, data.x_train, data.y_train)
    assert abs(loss - expected_loss) < 1e-13
    assert deviation(grads, expected_grads) < 1e-13
    x = data.x_test
    assert np.abs(module.predict(params, x) - numpy_manual.predict(params, x)).max() < 1e-13


def test_hidden_activations_are_those_of_numpy(params, data):
    with jax.enable_x64(True):
        ours = module.forward(params, data.x_val)
    assert deviation(map(np.asarray, ours), numpy_manual.forward(params, data.x_val)) < 1e-14


def test_jax_agrees_with_its_own_differences(params, data):
    def loss(params):
        return module.mean_squared_error(params, data.x_val, data.y_val)

    with jax.enable_x64(True):
        check_grads(loss, (params,), order=1, modes=("fwd", "rev"))


def test_check_grads_catches_a_wrong_gradient(params, data):
    @jax.custom_vjp
    def loss(params):
        return module.mean_squared_error(params, data.x_val, data.y_val)

    def forward(params):
        return loss(params), jax.grad(module.mean_squared_error)(params, data.x_val, data.y_val)

    def backward(grads, scale):
        return (jax.tree.map(lambda g: scale * g[::-1], grads),)  # the rows of every gradient reversed

    loss.defvjp(forward, backward)
    with jax.enable_x64(True), pytest.raises(AssertionError):
        check_grads(loss, (params,), order=1, modes=("rev",))


# -- one gradient per sample


def test_per_sample_gradients_are_those_of_each_sample_alone(params, data):
    x, y = data.x_val, data.y_val
    grads = module.per_sample_grads(params, x, y)
    assert [g.shape for g in grads] == [(11, *p.shape) for p in params]
    for sample in range(len(x)):
        _, alone = numpy_manual.loss_and_grads(params, x[sample : sample + 1], y[sample : sample + 1])
        assert deviation((g[sample] for g in grads), alone) < 1e-13
    assert deviation((g.mean(axis=0) for g in grads), numpy_manual.loss_and_grads(params, x, y)[1]) < 1e-13


# -- the trajectory


CHANGES = [{}, {"batch_size": 1, "epochs": 3}, {"batch_size": 50, "momentum": 0, "seed": 8}]


@pytest.mark.parametrize("fit", [module.fit, module.fit_in_one_call])
@pytest.mark.parametrize("change", CHANGES)
def test_trains_as_numpy_does(params, data, change, fit):
    config = replace(CONFIG, **change)
    assert_same_run(fit(params, data, config), numpy_manual.fit(params, data, config))


def nesterov(params, velocity, grads, rates):
    learning_rate, momentum = rates
    velocity = jax.tree.map(lambda v, g: momentum * v + g, velocity, grads)
    return jax.tree.map(
        lambda p, v, g: p - learning_rate * (momentum * v + g), params, velocity, grads
    ), velocity


FAULTS = {
    "momentum form": ("update", nesterov),
    "batch order": ("batch_order", lambda n, config: numpy_manual.batch_order(n, config)[:, ::-1]),
    "sum over the outputs": (
        "mean_squared_error",
        lambda params, x, y: ((module.forward(params, x)[-1] - y) ** 2).sum() / len(y),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_comparison_catches_a_planted_fault(params, data, fault, monkeypatch):
    expected = numpy_manual.fit(params, data, CONFIG)
    monkeypatch.setattr(module, *FAULTS[fault])
    jax.clear_caches()  # what is compiled already does not know of the fault
    try:
        assert deviation(module.fit(params, data, CONFIG).params, expected.params) > 1e-4
    finally:
        jax.clear_caches()


def test_float32_is_trained_in_float32(params, data):
    config = replace(CONFIG, dtype="float32", learning_rate=np.float64(2**-4), momentum=np.float64(0.9375))
    ours = module.fit(params, data, config)
    assert {p.dtype for p in ours.params} == {np.dtype("float32")}
    assert 0 < deviation(ours.params, numpy_manual.fit(params, data, CONFIG).params) < 1e-4
    assert module.predict(ours.params, data.x_test).dtype == np.float32
    assert deviation(module.fit_in_one_call(params, data, config).params, ours.params) < 1e-6


def test_other_rates_need_no_new_compilation(params, data):
    module.fit(params, data, CONFIG)
    compiled = module.train_epoch._cache_size()
    module.fit(params, data, replace(CONFIG, learning_rate=2**-5, momentum=0.5, seed=3))
    assert module.train_epoch._cache_size() == compiled


# -- manners


def test_global_state_and_arguments_stay_as_they_were(params, data, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept = [p.copy() for p in params], data.x_train.copy(), data.y_train.copy()
    before = global_state()
    assert before[:2] == (False, np.float32)
    inside = []
    module.predict(params, data.x_test)
    module.loss_and_grads(params, data.x_train, data.y_train)
    module.per_sample_grads(params, data.x_train, data.y_train)
    module.fit(params, data, CONFIG, lambda *_: inside.append(global_state()))
    module.fit_in_one_call(params, data, CONFIG)
    assert global_state() == before
    assert inside == [before] * CONFIG.epochs  # the caller's own code is not in the block either
    with pytest.raises(DivergedError):
        module.fit_in_one_call(params, data, replace(CONFIG, learning_rate=1e200))
    assert global_state() == before
    assert capfd.readouterr().out == ""
    assert list(tmp_path.iterdir()) == []
    assert deviation(params, kept[0]) == deviation((data.x_train, data.y_train), kept[1:]) == 0


def test_on_epoch_gets_copies(params, data):
    def spoil(epoch, weights, train_loss, val_loss):
        for p in weights:
            p.fill(np.nan)

    assert_same_run(module.fit(params, data, CONFIG, spoil), numpy_manual.fit(params, data, CONFIG))


@pytest.mark.parametrize("fit", [module.fit, module.fit_in_one_call])
def test_divergence_names_epoch_step_and_rate(params, data, fit):
    with pytest.raises(DivergedError, match=r"epoch \d+, step \d+ at learning rate 1e\+200"):
        fit(params, data, replace(CONFIG, learning_rate=1e200))
