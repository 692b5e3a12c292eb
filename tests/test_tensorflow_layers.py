"""The implementation from Keras layers: the layers, the loop around them, the pipeline and the metrics."""

import os
import random
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from threelayer import Config, Data, DivergedError, Params, init_params, make_data, numpy_manual  # noqa: E402
from threelayer import tensorflow_layers as module  # noqa: E402

keras = module.keras  # not imported here, so that the module gets to choose the backend
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


def global_state() -> dict:
    return {
        "floatx": keras.config.floatx(),
        "dtype policy": keras.config.dtype_policy().name,
        "backend": keras.config.backend(),
        "python seed": random.getstate(),
        "numpy seed": str(np.random.get_state()),  # noqa: NPY002
        "environment": dict(os.environ),
        "threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "summary step": tf.summary.experimental.get_step(),
    }


# -- at the start


def test_starts_as_numpy_does(params, data):
    loss, grads = module.loss_and_grads(params, data.x_train, data.y_train)
    expected_loss, expected_grads = numpy_manual.loss_and_grads(params, data.x_train, data.y_train)
    assert abs(loss - expected_loss) < 1e-13
    assert deviation(grads, expected_grads) < 1e-13
    x = data.x_test
    assert np.abs(module.predict(params, x) - numpy_manual.predict(params, x)).max() < 1e-13


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_layers_are_einsums_in_the_dtype_of_the_weights(params, dtype):
    cast = Params(*(p.astype(dtype) for p in params))
    model = module.ThreeLayer.from_params(cast)
    assert [layer.equation for layer in model.layers] == ["ni,ih->nh", "nh,hk->nk", "nk,ko->no"]
    assert {layer.dtype_policy.name for layer in model.layers} == {dtype}
    assert [w.dtype for w in model.to_params()] == [dtype] * 6
    assert deviation(model.to_params(), cast) == 0


# -- the pipeline and the metrics


def test_pipeline_yields_the_batches_of_the_order(data):
    order = module.batch_order(50, CONFIG)
    batches = list(module.batches_of(data.x_train, data.y_train, order))
    assert len(batches) == CONFIG.epochs * (50 // 7)
    for (x, y), batch in zip(batches, order.reshape(-1, 7), strict=True):
        assert deviation((x.numpy(), y.numpy()), (data.x_train[batch], data.y_train[batch])) == 0


def test_metrics_hold_the_losses_of_one_epoch(params, data):
    training = module.Training(params, CONFIG)
    order = module.batch_order(50, CONFIG)
    batches = iter(module.batches_of(data.x_train, data.y_train, order))
    expected = numpy_manual.fit(params, data, CONFIG).history
    for epoch in range(2):
        training.train_epoch(batches, order.shape[1], data.x_val, data.y_val)
        assert abs(float(training.train_loss.result()) - expected.train_loss[epoch]) < 1e-14
        assert abs(float(training.val_loss.result()) - expected.val_loss[epoch]) < 1e-14


# -- the trajectory


CHANGES = [{}, {"batch_size": 1, "epochs": 3}, {"batch_size": 50, "momentum": 0, "seed": 8}]


@pytest.mark.parametrize("change", CHANGES)
def test_trains_as_numpy_does(params, data, change):
    config = replace(CONFIG, **change)
    assert_same_run(module.fit(params, data, config), numpy_manual.fit(params, data, config))


FAULTS = {
    "sum over the outputs": ("mean_squared_error", lambda y_hat, y: 2 * keras.ops.mean((y_hat - y) ** 2)),
    "batch order": ("batch_order", lambda n, config: numpy_manual.batch_order(n, config)[:, ::-1]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_comparison_catches_a_planted_fault(params, data, fault, monkeypatch):
    monkeypatch.setattr(module, *FAULTS[fault])
    ours, expected = module.fit(params, data, CONFIG), numpy_manual.fit(params, data, CONFIG)
    assert deviation(ours.params, expected.params) > 1e-4


def test_comparison_catches_a_rate_that_float32_cannot_hold(params, data):
    config = replace(CONFIG, learning_rate=0.05)
    ours, expected = module.fit(params, data, config), numpy_manual.fit(params, data, config)
    assert 1e-12 < deviation(ours.params, expected.params) < 1e-6


def test_float32_is_trained_in_float32(params, data):
    config = replace(CONFIG, dtype="float32", learning_rate=np.float64(2**-4), momentum=np.float64(0.9375))
    ours = module.fit(params, data, config)
    assert {p.dtype for p in ours.params} == {np.dtype("float32")}
    assert 0 < deviation(ours.params, numpy_manual.fit(params, data, CONFIG).params) < 1e-4
    assert module.predict(ours.params, data.x_test).dtype == np.float32


# -- manners


def test_global_state_and_arguments_stay_as_they_were(params, data, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept = [p.copy() for p in params], data.x_train.copy(), data.y_train.copy()
    before = global_state()
    inside = []
    module.predict(params, data.x_test)
    module.loss_and_grads(params, data.x_train, data.y_train)
    fit = module.fit(params, data, CONFIG, lambda *_: inside.append(global_state()))
    with pytest.raises(DivergedError, match=r"epoch \d+ at learning rate 1e\+200"):
        module.fit(params, data, replace(CONFIG, learning_rate=1e200))
    assert global_state() == before
    assert inside == [before] * CONFIG.epochs
    assert capfd.readouterr().out == ""
    assert list(tmp_path.iterdir()) == []
    assert deviation(params, kept[0]) == deviation((data.x_train, data.y_train), kept[1:]) == 0
    assert not any(np.shares_memory(a, b) for a, b in zip(fit.params, params, strict=True))


def test_on_epoch_gets_copies(params, data):
    def spoil(epoch, weights, train_loss, val_loss):
        for p in weights:
            p.fill(np.nan)

    assert_same_run(module.fit(params, data, CONFIG, spoil), numpy_manual.fit(params, data, CONFIG))


REFUSED = """
import sys, types

keras, layers = types.ModuleType("keras"), types.ModuleType("keras.layers")
keras.layers, layers.EinsumDense, keras.config = layers, None, types.SimpleNamespace(backend=lambda: "jax")
sys.modules |= {"keras": keras, "keras.layers": layers, "tensorflow": types.ModuleType("tensorflow")}
import threelayer.{name}
"""


@pytest.mark.parametrize("name", ["tensorflow_layers", "tensorflow_functional", "tensorflow_highlevel"])
def test_another_backend_is_refused_in_one_sentence(name):
    """A stand-in for a Keras that runs on JAX already: the real one would take long to import."""
    code = REFUSED.replace("{name}", name)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert run.returncode == 1
    sentence = "ImportError: Keras runs on jax; import it with KERAS_BACKEND=tensorflow"
    assert run.stderr.strip().splitlines()[-1] == sentence
