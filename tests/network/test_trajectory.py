"""All implementations follow the trajectory of the reference, and what breaks it is seen.

The whole default training of all nine is compared on the page `one_trajectory`, each time the book is built;
here are the configurations that the page does not have: other widths, seeds, batches, inputs and outputs.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from threelayer import Config, Data, Params, init_params, make_data, numpy_manual
from threelayer.evaluate import largest_deviation
from threelayer.spec import Standardizer


def other_data(n_in, n_out, n=29, seed=0):
    """Return a smooth problem with any number of inputs and outputs."""
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(n_in, n_out))
    x = {part: rng.normal(size=(rows, n_in)) for part, rows in (("train", n), ("val", 13), ("test", 11))}
    y = {part: np.sin(values @ mix) for part, values in x.items()}
    unit = Standardizer(np.zeros(1), np.ones(1))
    return Data(
        **{f"x_{part}": values for part, values in x.items()},
        **{f"y_{part}": values for part, values in y.items()},
        **{f"y_true_{part}": values for part, values in y.items()},
        x_scale=unit,
        y_scale=unit,
    )


def assert_same(fit, reference, bound=1e-12):
    assert largest_deviation(fit.params, reference.params) <= bound
    for losses in ("train_loss", "val_loss"):
        ours, theirs = getattr(fit.history, losses), getattr(reference.history, losses)
        assert len(ours) == len(theirs)
        assert np.abs(np.subtract(ours, theirs)).max() <= bound


@pytest.mark.parametrize(("n_in", "n_out"), [(3, 1), (2, 5)])
def test_first_loss_and_gradient(implementation, n_in, n_out):
    params = init_params(Config(hidden=(6, 4)), n_in, n_out)
    params = params._replace(b1=params.b1 + 0.25, b2=params.b2 - 0.5, b3=params.b3 + 1.0)
    data = other_data(n_in, n_out)
    loss, grads = implementation.loss_and_grads(params, data.x_train, data.y_train)
    expected, reference = numpy_manual.loss_and_grads(params, data.x_train, data.y_train)
    assert abs(loss - expected) <= 1e-13
    assert largest_deviation(grads, reference) <= 1e-13
    assert (
        np.abs(implementation.predict(params, data.x_val) - numpy_manual.predict(params, data.x_val)).max()
        <= 1e-13
    )


CONFIGURATIONS = [
    Config(hidden=(7, 5), batch_size=6, epochs=4, seed=1),
    Config(hidden=(4, 9), batch_size=29, epochs=3, seed=2, learning_rate=0.125, momentum=0.0),
    # a batch of one at the default rate is chaotic: it amplifies rounding by more than any bound on it allows
    Config(hidden=(1, 2), batch_size=1, epochs=2, seed=3, learning_rate=2**-7),
]


@pytest.mark.parametrize("config", CONFIGURATIONS, ids=lambda c: f"{c.hidden} by {c.batch_size}")
@pytest.mark.parametrize(("n_in", "n_out"), [(3, 1), (2, 5)])
def test_trajectory(implementation, config, n_in, n_out):
    data, start = other_data(n_in, n_out), init_params(config, n_in, n_out)
    assert_same(implementation.fit(start, data, config), numpy_manual.fit(start, data, config))


def test_first_epochs_of_the_default_training(implementation):
    data, config = make_data(), Config(epochs=3)
    start = init_params(config)
    assert_same(implementation.fit(start, data, config), numpy_manual.fit(start, data, config))


# Few examples: each new shape is compiled anew by five of the nine.
@settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    hidden=st.tuples(st.integers(1, 8), st.integers(1, 8)),
    batch_size=st.integers(1, 20),
    rate=st.sampled_from([2.0**-9, 2.0**-7, 2.0**-6]),
    seed=st.integers(0, 2**31),
)
def test_any_trajectory(implementation, hidden, batch_size, rate, seed):
    config = Config(hidden=hidden, batch_size=batch_size, learning_rate=rate, epochs=2, seed=seed)
    data, start = other_data(3, 2, n=20, seed=seed), init_params(config, 3, 2)
    assert_same(implementation.fit(start, data, config), numpy_manual.fit(start, data, config))


def test_single_precision_stays_near(implementation):
    data, config = make_data(n_train=512), Config(epochs=10, batch_size=64)
    start = init_params(config)
    double = numpy_manual.fit(start, data, config).params
    single = implementation.fit(start, data, replace(config, dtype="float32")).params
    # 80 steps, each with a few roundings of 2**-24, amplified by at most a few hundred
    assert 1e-9 < largest_deviation(single, double) <= 1e-4


FAULTS = {
    "a transposed weight": lambda start, config: (start._replace(W2=start.W2.T.copy()), config),
    "another batch order": lambda start, config: (start, replace(config, seed=config.seed + 1)),
    "another momentum": lambda start, config: (start, replace(config, momentum=0.875)),
    "the sum in place of the mean": lambda start, config: (
        start,
        replace(config, learning_rate=config.learning_rate * config.batch_size),
    ),
    "one weight off by a billionth": lambda start, config: (Params(start.W1 + 1e-9, *start[1:]), config),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_seen(implementation, fault):
    data, config = other_data(3, 1), Config(hidden=(5, 5), batch_size=8, epochs=2)
    start = init_params(config)
    reference = numpy_manual.fit(start, data, config)
    wrong_start, wrong_config = FAULTS[fault](start, config)
    with pytest.raises(AssertionError):
        assert_same(implementation.fit(wrong_start, data, wrong_config), reference)
