"""Keras layers in our own loop: einsum layers, pipeline, metrics, and the manners of all three on Keras."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from threelayer import Config, DivergedError, Params, load, numpy_manual  # noqa: E402
from threelayer import tensorflow_layers as module  # noqa: E402
from threelayer.evaluate import largest_deviation  # noqa: E402

keras = module.keras  # not imported here, so that the module gets to choose the backend
CONFIG = Config(hidden=(5, 4), batch_size=7, epochs=9)


# -- the layers


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_layers_are_einsums_in_the_dtype_of_the_weights(params, dtype):
    cast = Params(*(p.astype(dtype) for p in params))
    model = module.from_params(cast)
    assert [layer.equation for layer in model.layers] == ["ni,ih->nh", "nh,hk->nk", "nk,ko->no"]
    assert {layer.dtype_policy.name for layer in model.layers} == {dtype}
    assert [w.dtype for w in module.to_params(model)] == [dtype] * 6
    assert largest_deviation(module.to_params(model), cast) == 0


def test_a_dropout_hears_of_training_without_being_told(params, data):
    class WithDropout(module.ThreeLayer):
        def build(self, shape):
            super().build(shape)
            self.dropout = keras.layers.Dropout(0.5, seed=0, dtype="float64")

        def call(self, x, training=None):
            return self.layer3(self.dropout(self.layer2(self.layer1(x))))

    model = WithDropout((5, 4), 2, "float64")
    model.build((None, 3))
    model.set_weights(params)
    expected = module.predict(params, data.x_val)
    assert np.abs(model(data.x_val) - expected).max() < 1e-14
    assert np.abs(model(data.x_val, training=False) - expected).max() < 1e-14
    assert np.abs(model(data.x_val, training=True) - expected).max() > 1e-2


# -- the pipeline and the metrics


def test_pipeline_yields_the_batches_of_the_order(data):
    order = module.batch_order(50, CONFIG)
    batches = list(module.batches_of((data.x_train, data.y_train), order))
    assert len(batches) == CONFIG.epochs * (50 // 7)
    for (x, y), batch in zip(batches, order.reshape(-1, 7), strict=True):
        assert largest_deviation((x.numpy(), y.numpy()), (data.x_train[batch], data.y_train[batch])) == 0


def test_metrics_hold_the_losses_of_one_epoch(params, data):
    training = module.Training(params, CONFIG)
    order = module.batch_order(50, CONFIG)
    batches = iter(module.batches_of((data.x_train, data.y_train), order))
    expected = numpy_manual.fit(params, data, CONFIG).history
    for epoch in range(2):
        training.train_epoch(batches, order.shape[1], data.x_val, data.y_val)
        assert abs(float(training.train_loss.result()) - expected.train_loss[epoch]) < 1e-14
        assert abs(float(training.val_loss.result()) - expected.val_loss[epoch]) < 1e-14


# -- the trajectory


def test_comparison_catches_a_rate_that_float32_cannot_hold(params, data):
    config = replace(CONFIG, learning_rate=0.05)
    ours, expected = module.fit(params, data, config), numpy_manual.fit(params, data, config)
    assert 1e-12 < largest_deviation(ours.params, expected.params) < 1e-6


# -- manners

ON_KERAS = ["tensorflow_layers", "tensorflow_functional", "tensorflow_highlevel"]


def global_state() -> dict:
    return {
        "floatx": keras.config.floatx(),
        "dtype policy": keras.config.dtype_policy().name,
        "backend": keras.config.backend(),
        "environment": dict(os.environ),
        "threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "summary step": tf.summary.experimental.get_step(),
    }


@pytest.mark.parametrize("name", ON_KERAS)
def test_the_state_of_keras_stays_as_it_was(params, data, name):
    network = load(name)
    before = global_state()
    inside = []
    network.predict(params, data.x_test)
    network.loss_and_grads(params, data.x_train, data.y_train)
    network.fit(params, data, CONFIG, lambda *_: inside.append(global_state()))
    with pytest.raises(DivergedError, match=r"epoch \d+ at learning rate 1e\+200"):
        network.fit(params, data, replace(CONFIG, learning_rate=1e200))
    assert global_state() == before
    assert inside == [before] * CONFIG.epochs


REFUSED = """
import sys, types

keras, tf = types.ModuleType("keras"), types.ModuleType("tensorflow")
keras.config = types.SimpleNamespace(backend=lambda: "jax")
sys.modules |= {"keras": keras, "tensorflow": tf}
import threelayer.{name}
"""


@pytest.mark.parametrize("name", ON_KERAS)
def test_another_backend_is_refused_in_one_sentence(name):
    """A stand-in for a Keras that runs on JAX already: the real one would take long to import."""
    code = REFUSED.replace("{name}", name)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert run.returncode == 1
    sentence = "ImportError: Keras runs on jax; import it with KERAS_BACKEND=tensorflow"
    assert run.stderr.strip().splitlines()[-1] == sentence
