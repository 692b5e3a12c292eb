"""The three-layer network at Keras's highest level: `Sequential`, `compile`, `fit`, `evaluate`, `predict`.

The idea: say what to do in a list of layers and a list of callbacks; Keras owns the loop and calls back.
Source: chapter "network", equations (forward-1) to (update); `EinsumDense` is Keras's own einsum layer.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # each is read once, when its package is imported
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
import keras
import tensorflow as tf
from keras.layers import EinsumDense

from threelayer.data import Data, batch_order
from threelayer.spec import Config, Fit, History, Params
from threelayer.validate import checked_fit, checked_params, checked_x, checked_xy

if keras.config.backend() != "tensorflow":
    raise ImportError(f"Keras runs on {keras.config.backend()}; import it with KERAS_BACKEND=tensorflow")

# The tuner of tf.data would need more time, every time a pipeline starts and stops, than it could save here.
FIXED = tf.data.Options()
FIXED.autotune.enabled = False


def build_model(n_in: int, hidden: tuple[int, int], n_out: int, dtype: str) -> keras.Sequential:
    """List the layers; each takes what the one before it returns."""
    h, k = hidden
    # Zeros until the weights are set: Keras's own draw would move Python's global random numbers.
    rest = {"kernel_initializer": "zeros", "dtype": dtype}
    layers = [
        keras.Input((n_in,), name="x", dtype=dtype),
        EinsumDense("ni,ih->nh", h, bias_axes="h", activation="tanh", name="a1", **rest),
        EinsumDense("nh,hk->nk", k, bias_axes="k", activation="tanh", name="a2", **rest),
        EinsumDense("nk,ko->no", n_out, bias_axes="o", name="y_hat", **rest),
    ]
    return keras.Sequential(layers, name="three_layer")


def from_params(params: Params) -> keras.Sequential:
    """Build the model around given weights."""
    n_in, h = params.W1.shape
    k, n_out = params.W3.shape
    model = build_model(n_in, (h, k), n_out, params.W1.dtype.name)
    model.set_weights(params)
    return model


def to_params(model: keras.Model) -> Params:
    """Copy the weights into NumPy arrays."""
    return Params(*model.get_weights())


def losses_in(dtype: str) -> dict:
    """Return the loss for `compile`, and the same as a metric, as Keras logs the loss itself in float32."""
    return {
        "loss": keras.losses.MeanSquaredError(dtype=dtype),
        "metrics": [keras.metrics.MeanSquaredError("mse", dtype=dtype)],
    }


def one_batch(data: np.ndarray | tuple) -> tf.data.Dataset:
    """Return a dataset that yields `data` as it is; an array by itself Keras would cast to float32."""
    return tf.data.Dataset.from_tensors(data).with_options(FIXED)


def predict(params: Params, x: np.ndarray) -> np.ndarray:
    """Return the network's output (n, o) for inputs (n, i)."""
    params = checked_params(params)
    x = checked_x(params, x)
    model = from_params(params)
    model.run_eagerly = True  # a single pass does not repay the making of a graph
    return model.predict(one_batch(x), verbose=0)


def evaluate(params: Params, x: np.ndarray, y: np.ndarray) -> float:
    """Return the mean squared error over all n * o entries."""
    params = checked_params(params)
    x, y = checked_xy(params, x, y)
    model = from_params(params)
    model.compile(**losses_in(y.dtype.name), run_eagerly=True)
    return model.evaluate(one_batch((x, y)), return_dict=True, verbose=0)["mse"]


def loss_and_grads(params: Params, x: np.ndarray, y: np.ndarray) -> tuple[float, Params]:
    """Return the mean squared error and its gradient by every weight."""
    params = checked_params(params)
    x, y = checked_xy(params, x, y)
    model = from_params(params)
    with tf.GradientTape() as tape:  # the one thing that Keras leaves to its backend
        loss = losses_in(y.dtype.name)["loss"](y, model(x))
    grads = tape.gradient(loss, model.trainable_variables)
    return float(loss), Params(*(g.numpy() for g in grads))


class Record(keras.callbacks.Callback):
    """A callback of our own: it keeps the history, and passes on what every epoch has brought."""

    def __init__(self, config: Config, on_epoch: Callable[[int, Params, float, float], None] | None) -> None:
        super().__init__()
        self.config, self.on_epoch, self.history = config, on_epoch, History()

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Record the losses of the epoch; Keras calls this after validation."""
        losses = self.history.record(np.array([logs["mse"]]), logs["val_mse"], self.config)
        if self.on_epoch is not None:
            self.on_epoch(epoch, to_params(self.model), *losses)


def usual_callbacks(folder: Path, patience: int) -> list[keras.callbacks.Callback]:
    """Return three of Keras's own: stop early, keep the best model, write a log for TensorBoard."""
    return [
        keras.callbacks.EarlyStopping("val_mse", patience=patience, restore_best_weights=True),
        keras.callbacks.ModelCheckpoint(folder / "best.keras", "val_mse", save_best_only=True),
        keras.callbacks.TensorBoard(folder / "log"),
    ]


def fit(
    params: Params,
    data: Data,
    config: Config,
    on_epoch: Callable[[int, Params, float, float], None] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Fit:
    """Train over `batch_order` and return the final weights with the history; more `callbacks` on request.

    Raises
    ------
    ValueError
        For bad input, before any work.
    DivergedError
        When the loss stops being finite.
    """
    params, x_train, y_train, x_val, y_val = checked_fit(params, data, config)
    order = batch_order(len(x_train), config)
    epochs, steps, batch_size = order.shape
    batches = tf.data.Dataset.from_tensor_slices(order.reshape(epochs * steps, batch_size))
    batches = batches.map(lambda batch: (tf.gather(x_train, batch), tf.gather(y_train, batch)))
    model = from_params(params)
    optimizer = keras.optimizers.SGD(float(config.learning_rate), float(config.momentum))
    # An epoch is one call into TensorFlow, not one call a step.
    model.compile(optimizer, **losses_in(config.dtype), steps_per_execution=steps)
    record = Record(config, on_epoch)
    model.fit(
        batches.prefetch(4).with_options(FIXED),
        epochs=epochs,
        steps_per_epoch=steps,
        shuffle=False,
        validation_data=one_batch((x_val, y_val)),
        callbacks=[record, *callbacks],
        verbose=0,
    )
    return Fit(to_params(model), record.history)
