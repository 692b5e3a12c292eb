"""JAX: checked gradients, one gradient per sample, the run in one call, compilation, switches and devices."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402
from jax.test_util import check_grads  # noqa: E402

from threelayer import Config, DivergedError, Params, batch_order, numpy_manual  # noqa: E402
from threelayer import jax_transforms as module  # noqa: E402
from threelayer.evaluate import largest_deviation  # noqa: E402
from threelayer.frameworks.jax_guard import double_precision, guarded  # noqa: E402

CONFIG = Config(hidden=(5, 4), batch_size=7, epochs=9)


def global_state() -> tuple:
    return (
        jax.config.jax_enable_x64,
        jnp.ones(1).dtype,
        jax.config.jax_default_matmul_precision,
    )


# -- the gradients


def test_hidden_activations_are_those_of_numpy(params, data):
    with double_precision():
        ours = module.forward(params, data.x_val)
    assert largest_deviation(map(np.asarray, ours), numpy_manual.forward(params, data.x_val)) < 1e-14


def test_jax_agrees_with_its_own_differences(params, data):
    def loss(params):
        return module.loss(params, data.x_val, data.y_val)

    with double_precision():
        check_grads(loss, (params,), order=1, modes=("fwd", "rev"))


def test_check_grads_catches_a_wrong_gradient(params, data):
    @jax.custom_vjp
    def loss(params):
        return module.loss(params, data.x_val, data.y_val)

    def forward(params):
        return loss(params), jax.grad(module.loss)(params, data.x_val, data.y_val)

    def backward(grads, scale):
        return (jax.tree.map(lambda g: scale * g[::-1], grads),)  # the rows of every gradient reversed

    loss.defvjp(forward, backward)
    with double_precision(), pytest.raises(AssertionError):
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


def nesterov(params, velocity, grads, learning_rate, momentum):
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
    compiled = module.train_epoch.__wrapped__._cache_size()
    module.fit(params, data, replace(CONFIG, learning_rate=2**-5, momentum=0.5, seed=3))
    assert module.train_epoch.__wrapped__._cache_size() == compiled


# -- manners: the switches of the caller


def everything(params, data) -> list:
    """Return what all public functions compute, as one list of arrays."""
    loss, grads = module.loss_and_grads(params, data.x_train, data.y_train)
    y_hat = module.predict(params, data.x_test)
    each = module.per_sample_grads(params, data.x_val, data.y_val)
    config = replace(CONFIG, epochs=2, dtype=params.W1.dtype.name)
    fits = module.fit(params, data, config), module.fit_in_one_call(params, data, config)
    return [np.array(loss), y_hat, *grads, *each, *fits[0].params, *fits[1].params]


# A switch, what it may be set to, the dtype to compute in, and how far the result may then be: a program that
# is not compiled adds in another order, any other keeps every bit.
SWITCHES = [
    ("jax_enable_x64", True, "float64", 0),
    ("jax_enable_x64", True, "float32", 0),
    ("jax_default_matmul_precision", "bfloat16", "float64", 0),
    ("jax_default_matmul_precision", "BF16_BF16_F32", "float32", 0),
    ("jax_numpy_dtype_promotion", "strict", "float64", 0),
    ("jax_numpy_dtype_promotion", "strict", "float32", 0),
    ("jax_debug_nans", True, "float64", 0),
    ("jax_disable_jit", True, "float64", 1e-12),
]


@pytest.fixture
def switch():
    """Return a function that turns a switch of JAX, and turn all back at the end."""
    before = {}

    def turn(name, value):
        before.setdefault(name, getattr(jax.config, name))
        jax.config.update(name, value)

    yield turn
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.mark.parametrize(("name", "value", "dtype", "bound"), SWITCHES)
def test_the_switches_of_a_caller_change_nothing(params, data, switch, name, value, dtype, bound):
    params = Params(*(p.astype(dtype) for p in params))
    expected = everything(params, data)
    switch(name, value)
    ours = everything(params, data)
    assert getattr(jax.config, name) == value
    assert [a.dtype for a in ours] == [a.dtype for a in expected]
    assert largest_deviation(ours, expected) <= bound


def products(function, *arguments) -> tuple[int, int]:
    """Count the products in a program, and those that ask for every bit."""
    lines = jax.jit(function).lower(*arguments).as_text().splitlines()
    found = [line for line in lines if "dot_general" in line]
    return len(found), sum("[HIGHEST, HIGHEST]" in line and "algorithm" not in line for line in found)


@pytest.mark.parametrize("precision", [None, "bfloat16", "BF16_BF16_F32", "tensorfloat32"])
def test_every_product_of_a_step_asks_for_every_bit(params, data, switch, precision):
    switch("jax_default_matmul_precision", precision)
    arguments = params, data.x_val, data.y_val
    assert products(module.value_and_grad, *arguments) == (8, 8)  # three forward, five backward
    assert products(jax.grad(lambda W1: jnp.einsum("ni,ih->nh", arguments[1], W1).sum()), params.W1) == (1, 0)


def test_a_caller_who_forbids_broadcasting_hears_that(params, data, switch):
    switch("jax_numpy_rank_promotion", "raise")
    with pytest.raises(ValueError, match="jax_numpy_rank_promotion"):
        module.predict(params, data.x_val)


def test_divergence_is_jax_s_own_error_where_a_caller_looks_for_nan(params, data, switch):
    switch("jax_debug_nans", True)
    jax.clear_caches()  # what is compiled already does not look, and ends in a DivergedError
    with pytest.raises(FloatingPointError, match="nan"):
        module.fit(params, data, replace(CONFIG, learning_rate=1e200))
    assert not jax.config.jax_enable_x64


def test_the_state_trains_outside_the_block_and_in_any_thread(params, data):
    def epoch():
        state, train, _, rates = module.start(params, data, CONFIG)
        return module.train_epoch(state, batch_order(len(train[0]), CONFIG)[0], train, rates)[0][0]

    expected = module.fit(params, data, replace(CONFIG, epochs=1)).params
    with ThreadPoolExecutor(1) as pool:
        for ours in (epoch(), pool.submit(epoch).result()):
            assert largest_deviation(module.to_params(ours), expected) == 0


def test_without_its_guard_the_state_is_refused(params, data):
    state, train, _, rates = module.start(params, data, CONFIG)
    with pytest.warns(UserWarning, match="float64"), pytest.raises(TypeError, match="float64"):
        module.train_epoch.__wrapped__(state, batch_order(len(train[0]), CONFIG)[0], train, rates)


def test_a_guard_gives_back_what_it_found_after_an_error():
    @guarded
    def broken():
        assert jax.config.jax_enable_x64
        raise KeyError("an error of its own")

    before = global_state()
    with pytest.raises(KeyError, match="of its own"):
        broken()
    assert global_state() == before
    assert broken.__name__ == "broken"


TWO_DEVICES = """
import jax, numpy as np
from threelayer import Config, init_params, make_data, batch_order
from threelayer import jax_transforms as module

data, config = make_data(50, 11, 13), Config(hidden=(5, 4), batch_size=7, epochs=2)
params, ends = init_params(config), []
assert len(jax.devices()) == 2
for device in [None, *jax.devices()]:
    jax.config.update("jax_default_device", device)
    state, train, val, rates = module.start(params, data, config)
    state, losses = module.train_epoch(state, batch_order(50, config)[0], train, rates)
    where = {d for array in jax.tree.leaves((state, train, val, losses)) for d in array.devices()}
    assert where == {device or jax.devices()[0]}, where
    ends.append(module.fit(params, data, config).params)
assert all(np.array_equal(a, b) for end in ends for a, b in zip(end, ends[0], strict=True))
print("on one device at a time")
"""


def test_all_arrays_live_on_the_default_device():
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    run = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES],
        env=os.environ | flags | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert run.stdout == "on one device at a time\n", run.stderr


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
