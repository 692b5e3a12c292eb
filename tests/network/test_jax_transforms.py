"""JAX: checked gradients, one gradient per sample, the run in one call, compilation, and the x64 switch."""

from dataclasses import replace

import numpy as np
import pytest

jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402
from jax.test_util import check_grads  # noqa: E402

from threelayer import Config, DivergedError, numpy_manual  # noqa: E402
from threelayer import jax_transforms as module  # noqa: E402
from threelayer.evaluate import largest_deviation  # noqa: E402

CONFIG = Config(hidden=(5, 4), batch_size=7, epochs=9)


def global_state() -> tuple:
    return (
        jax.config.jax_enable_x64,
        jnp.ones(1).dtype,
        jax.config.jax_default_matmul_precision,
    )


# -- the gradients


def test_hidden_activations_are_those_of_numpy(params, data):
    with jax.enable_x64(True):
        ours = module.forward(params, data.x_val)
    assert largest_deviation(map(np.asarray, ours), numpy_manual.forward(params, data.x_val)) < 1e-14


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
        assert largest_deviation((g[sample] for g in grads), alone) < 1e-13
    _, together = numpy_manual.loss_and_grads(params, x, y)
    assert largest_deviation((g.mean(axis=0) for g in grads), together) < 1e-13


# -- the trajectory


CHANGES = [{}, {"batch_size": 1, "epochs": 3}, {"batch_size": 50, "momentum": 0, "seed": 8}]


@pytest.mark.parametrize("change", CHANGES)
def test_one_call_trains_as_numpy_does(params, data, change):
    config = replace(CONFIG, **change)
    ours, expected = module.fit_in_one_call(params, data, config), numpy_manual.fit(params, data, config)
    assert largest_deviation(ours.params, expected.params) < 1e-12
    assert ours.history.train_loss == pytest.approx(expected.history.train_loss, abs=1e-12)
    assert ours.history.val_loss == pytest.approx(expected.history.val_loss, abs=1e-12)


def test_one_call_trains_in_float32_too(params, data):
    config = replace(CONFIG, dtype="float32")
    ours, expected = module.fit_in_one_call(params, data, config), module.fit(params, data, config)
    assert {p.dtype for p in ours.params} == {np.dtype("float32")}
    assert largest_deviation(ours.params, expected.params) < 1e-6


def nesterov(params, velocity, grads, rates):
    learning_rate, momentum = rates
    velocity = jax.tree.map(lambda v, g: momentum * v + g, velocity, grads)
    return jax.tree.map(
        lambda p, v, g: p - learning_rate * (momentum * v + g), params, velocity, grads
    ), velocity


def test_comparison_catches_another_form_of_momentum(params, data, monkeypatch):
    expected = numpy_manual.fit(params, data, CONFIG)
    monkeypatch.setattr(module, "update", nesterov)
    jax.clear_caches()  # what is compiled already does not know of the fault
    try:
        assert largest_deviation(module.fit(params, data, CONFIG).params, expected.params) > 1e-4
    finally:
        jax.clear_caches()


def test_other_rates_need_no_new_compilation(params, data):
    module.fit(params, data, CONFIG)
    compiled = module.train_epoch._cache_size()
    module.fit(params, data, replace(CONFIG, learning_rate=2**-5, momentum=0.5, seed=3))
    assert module.train_epoch._cache_size() == compiled


# -- manners


def test_the_state_of_jax_stays_as_it_was(params, data):
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


@pytest.mark.parametrize("fit", [module.fit, module.fit_in_one_call])
def test_divergence_names_epoch_step_and_rate(params, data, fit):
    with pytest.raises(DivergedError, match=r"epoch \d+, step \d+ at learning rate 1e\+200"):
        fit(params, data, replace(CONFIG, learning_rate=1e200))
