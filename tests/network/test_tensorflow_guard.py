"""What a caller has set in TensorFlow and Keras changes no result and stays set; fresh weights."""

import random
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from threelayer import Config, DivergedError, Params, load  # noqa: E402
from threelayer.evaluate import largest_deviation  # noqa: E402
from threelayer.frameworks.tensorflow_guard import guarded  # noqa: E402

keras = load("tensorflow_layers").keras  # not imported here, so that the module gets to choose the backend
CONFIG = Config(hidden=(5, 4), batch_size=7, epochs=3, dtype="float32")
NAMES = ["tensorflow_scratch", "tensorflow_layers", "tensorflow_functional", "tensorflow_highlevel"]
ON_KERAS = NAMES[1:]

switch, optimizer = tf.config.experimental, tf.config.optimizer
tf32 = switch.tensor_float_32_execution_enabled


@pytest.fixture(params=NAMES)
def network(request):
    return load(request.param)


@pytest.fixture(params=[True, False], ids=["TF32 on", "TF32 off"])
def found(request):
    """Leave TF32 switched on or off to the test, and switch it on again, as TensorFlow has it."""
    switch.enable_tensor_float_32_execution(request.param)
    yield request.param
    switch.enable_tensor_float_32_execution(True)


def results(network, params, data, dtype="float32") -> list:
    cast = Params(*(p.astype(dtype) for p in params))
    loss, grads = network.loss_and_grads(cast, data.x_train, data.y_train)
    fit = network.fit(cast, data, replace(CONFIG, dtype=dtype))
    losses = np.array([fit.history.train_loss, fit.history.val_loss])
    return [network.predict(cast, data.x_test), np.array(loss), *grads, *fit.params, losses]


# -- TF32


def test_tf32_is_off_inside_and_afterwards_as_it_was(network, params, data, found):
    inside = []
    network.fit(params, data, CONFIG, lambda *_: inside.append(tf32()))
    assert inside == [False] * CONFIG.epochs
    assert tf32() is found


def test_tf32_is_as_it_was_after_an_error(network, params, data, found):
    with pytest.raises(ValueError, match="2 axes"):
        network.predict(params, data.x_test[0])
    assert tf32() is found
    with pytest.raises(DivergedError):
        network.fit(params, data, replace(CONFIG, learning_rate=1e30))
    assert tf32() is found
    with pytest.raises(KeyError):
        network.fit(params, data, CONFIG, lambda *_: {}["missing"])
    assert tf32() is found


def test_every_public_entry_point_is_guarded(network):
    names = ["predict", "loss_and_grads", "fit", *(["evaluate"] if hasattr(network, "evaluate") else [])]
    for name in names:
        entry = getattr(network, name)
        assert entry.__wrapped__.__name__ == name
        assert entry.__code__ is guarded(len).__code__


def test_two_threads_restore_what_the_first_one_found(found):
    started, may_end, seen = threading.Event(), threading.Event(), []

    @guarded
    def long():
        started.set()
        assert may_end.wait(timeout=60)
        seen.append(tf32())

    thread = threading.Thread(target=long)
    thread.start()
    assert started.wait(timeout=60)
    guarded(lambda: seen.append(tf32()))()  # begins and ends while the other one is inside
    seen.append(tf32())
    may_end.set()
    thread.join(timeout=60)
    assert seen == [False, False, False]
    assert tf32() is found


def test_xla_is_asked_for_whole_products():
    """What XLA compiles carries the precision of each product, so this can be read without a GPU."""
    network = load("tensorflow_scratch")
    W, b, x = (tf.ones(shape, "float32") for shape in ((3, 5), (5,), (7, 3)))

    def compiled() -> str:
        function = tf.function(lambda x, W, b: network.dense(x, W, b), jit_compile=True)
        return function.experimental_get_compiler_ir(x, W, b)(stage="hlo")

    assert "operand_precision={highest,highest}" in guarded(compiled)()
    assert "operand_precision" not in compiled()


# -- what else belongs to the process


@contextmanager
def set_and_back(setter, value, back):
    setter(value)
    try:
        yield
    finally:
        setter(back)


HALVING = {"auto_mixed_precision_onednn_bfloat16": True}
SETTINGS = {
    "floatx float16": lambda: set_and_back(keras.config.set_floatx, "float16", "float32"),
    "floatx float64": lambda: set_and_back(keras.config.set_floatx, "float64", "float32"),
    "policy mixed_float16": lambda: set_and_back(keras.config.set_dtype_policy, "mixed_float16", "float32"),
    "policy float64": lambda: set_and_back(keras.config.set_dtype_policy, "float64", "float32"),
    "graphs in half precision": lambda: set_and_back(
        optimizer.set_experimental_options, HALVING, dict.fromkeys(HALVING, False)
    ),
    "XLA everywhere": lambda: set_and_back(optimizer.set_jit, "autoclustering", False),
    "TF32 off": lambda: set_and_back(switch.enable_tensor_float_32_execution, False, True),
    "a device": lambda: tf.device("/CPU:0"),
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_no_setting_changes_a_bit(network, params, data, setting):
    expected = results(network, params, data)
    with SETTINGS[setting]():
        ours = results(network, params, data)
        inside = optimizer.get_experimental_options()
    assert all(np.array_equal(a, b) for a, b in zip(ours, expected, strict=True))
    if setting == "graphs in half precision":
        assert HALVING.items() <= inside.items()


@pytest.mark.parametrize("name", ON_KERAS)
def test_without_the_guard_half_precision_would_be_seen(params, data, name):
    network = load(name)
    expected = network.fit(params, data, CONFIG).params
    with SETTINGS["graphs in half precision"]():
        unguarded = network.fit.__wrapped__(params, data, CONFIG).params
    assert largest_deviation(unguarded, expected) > 1e-4


@pytest.mark.filterwarnings("ignore:.*does not apply to tf.data functions")
@pytest.mark.parametrize(("dtype", "bound"), [("float64", 1e-13), ("float32", 1e-4)])
def test_functions_may_run_eagerly(network, params, data, dtype, bound):
    """Operation by operation the same sums are rounded in another order."""
    expected = results(network, params, data, dtype)
    with set_and_back(tf.config.run_functions_eagerly, True, False):
        ours = results(network, params, data, dtype)
        assert tf.config.functions_run_eagerly()
    assert largest_deviation(ours, expected) <= bound


def test_a_strategy_is_refused_in_one_sentence(network, params, data):
    with tf.distribute.OneDeviceStrategy("/CPU:0").scope():
        with pytest.raises(RuntimeError, match=r"predict .* outside strategy\.scope"):
            network.predict(params, data.x_test)
    network.predict(params, data.x_test)


# -- devices

SECOND = """
import tensorflow as tf

cpu, = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from threelayer import Config, init_params, load, make_data

data, config = make_data(50, 11, 13), Config(hidden=(5, 4), batch_size=7, epochs=2)
start = init_params(config)
for name in {names}:
    network = load(name)
    with tf.device("/CPU:1"):
        there = network.fit(start, data, config).params
        variables = network.from_params(start)
    here = network.fit(start, data, config).params
    variables = getattr(variables, "weights", variables)
    places = {{(getattr(v.value, "device", None) or v.device)[-5:] for v in variables}}
    print(name, places, max(abs(a - b).max() for a, b in zip(there, here)) == 0)
"""


def test_another_device_is_used_and_changes_no_bit():
    code = SECOND.format(names=NAMES)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == [f"{name} {{'CPU:1'}} True" for name in NAMES]


@pytest.mark.parametrize("name", ON_KERAS[1:])
def test_a_gpu_makes_keras_compile_no_other_program(params, data, name, monkeypatch):
    network, chosen, compile_model = load(name), [], keras.Model.compile

    def noted(model, *arguments, **options):
        compile_model(model, *arguments, **options)
        chosen.append(model.jit_compile)

    monkeypatch.setattr(keras.Model, "compile", noted)
    devices = [SimpleNamespace(device_type=kind) for kind in ("CPU", "GPU")]
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda *_: devices)
    network.fit(params, data, CONFIG)
    network.from_params(params).compile(loss="mse")  # what "auto" would choose
    assert chosen == [False, True]


# -- weights before they are set


def fresh(name: str, seed: int) -> list[np.ndarray]:
    network = load(name)
    if name == "tensorflow_layers":
        model = network.ThreeLayer((5, 5), 2, "float64", seed)
        model.build((None, 5))
    else:
        model = network.build_model(5, (5, 5), 2, "float64", seed)
    return model.get_weights()


@pytest.mark.parametrize("name", ON_KERAS)
def test_a_new_model_draws_weights_and_moves_no_random_numbers(name):
    before = random.getstate(), str(np.random.get_state())  # noqa: NPY002
    weights, again, other = fresh(name, 3), fresh(name, 3), fresh(name, 4)
    assert (random.getstate(), str(np.random.get_state())) == before  # noqa: NPY002
    assert largest_deviation(weights, again) == 0
    assert largest_deviation(weights, other) > 0.1
    assert np.abs(weights[0] - weights[2]).max() > 0.1  # two layers of one shape
    for W, b in zip(weights[::2], weights[1::2], strict=True):
        bound = np.sqrt(6 / sum(W.shape))
        assert 0.5 * bound < np.abs(W).max() <= bound
        assert not b.any()
    keras.layers.Dense(1)  # whose initializer has no seed
    assert random.getstate() != before[0]


@pytest.mark.parametrize("name", ON_KERAS)
def test_from_zeros_only_the_last_bias_would_learn(params, data, name):
    zeros = Params(*(0 * p for p in params))
    _, grads = load(name).loss_and_grads(zeros, data.x_train, data.y_train + 1)
    assert [bool(g.any()) for g in grads] == [False] * 5 + [True]
