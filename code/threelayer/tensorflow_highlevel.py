"""The three-layer network at Keras's highest level: `Sequential`, `compile`, `fit`, `evaluate`, `predict`.

The idea: say what to do in a list of layers and a list of callbacks; Keras owns the loop and calls back.
Source: chapter "network", equations (forward-1) to (update); `EinsumDense` is Keras's own einsum layer.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from threelayer.data import batch_order
from threelayer.frameworks.keras_parts import batches_of, losses_in, one_batch
from threelayer.frameworks.tensorflow_guard import guarded
from threelayer.spec import Config, Data, Fit, History, Params
from threelayer.validate import checked_fit, checked_params, checked_x, checked_xy

# isort: split
import keras  # after the parts, which choose its backend
import tensorflow as tf
from keras.initializers import GlorotUniform
from keras.layers import EinsumDense
from keras.random import SeedGenerator


def build_model(
    n_in: int, hidden: tuple[int, int], n_out: int, dtype: str, seed: int = 0
) -> keras.Sequential:
    """List the layers; each takes what the one before it returns."""
    h, k = hidden
    # Without a seed Keras would take one from Python's global random numbers, and so move them.
    rest = {"kernel_initializer": GlorotUniform(SeedGenerator(seed)), "dtype": dtype}
    layers = [
        keras.Input((n_in,), name="x", dtype=dtype),
        EinsumDense("ni,ih->nh", h, bias_axes="h", activation="tanh", name="layer1", **rest),
        EinsumDense("nh,hk->nk", k, bias_axes="k", activation="tanh", name="layer2", **rest),
        EinsumDense("nk,ko->no", n_out, bias_axes="o", name="layer3", **rest),
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


@guarded
def predict(params: Params, x: np.ndarray) -> np.ndarray:
    """Return the network's output (n, o) for inputs (n, i)."""
    params = checked_params(params)
    x = checked_x(params, x)
    model = from_params(params)
    model.run_eagerly = True  # a single pass does not repay the making of a graph
    return model.predict(one_batch(x), verbose=0)


@guarded
def evaluate(params: Params, x: np.ndarray, y: np.ndarray) -> float:
    """Return the mean squared error over all n * o entries."""
    params = checked_params(params)
    x, y = checked_xy(params, x, y)
    model = from_params(params)
    loss, mse = losses_in(y.dtype.name)
    model.compile(loss=loss, metrics=[mse], run_eagerly=True)
    return model.evaluate(one_batch((x, y)), return_dict=True, verbose=0)["mse"]


@guarded
def loss_and_grads(params: Params, x: np.ndarray, y: np.ndarray) -> tuple[float, Params]:
    """Return the mean squared error and its gradient with respect to every weight."""
    params = checked_params(params)
    x, y = checked_xy(params, x, y)
    model = from_params(params)
    keras_loss, _ = losses_in(y.dtype.name)
    with tf.GradientTape() as tape:  # the one thing that Keras leaves to its backend
        loss = keras_loss(y, model(x))  # Keras puts the targets first
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
        keras.callbacks.EarlyStopping("val_mse", mode="min", patience=patience, restore_best_weights=True),
        keras.callbacks.ModelCheckpoint(folder / "best.keras", "val_mse", mode="min", save_best_only=True),
        keras.callbacks.TensorBoard(folder / "log"),
    ]


@guarded
def fit(
    params: Params,
    data: Data,
    config: Config,
    on_epoch: Callable[[int, Params, float, float], None] | None = None,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Fit:
    """Train over `batch_order` and return the final weights with the history; more `callbacks` on request.

    Raises
    ------
    ValueError
        For bad input, before any work.
    DivergedError
        When the loss stops being finite; names the epoch: Keras hands out the mean of an epoch only.
    """
    params, x_train, y_train, x_val, y_val = checked_fit(params, data, config)
    order = batch_order(len(x_train), config)
    steps = order.shape[1]
    model = from_params(params)
    loss, mse = losses_in(config.dtype)
    model.compile(
        optimizer=keras.optimizers.SGD(config.learning_rate, config.momentum),
        loss=loss,
        metrics=[mse],
        steps_per_execution=steps,  # an epoch is one call into TensorFlow, not one call a step
        jit_compile=False,  # "auto" would be another program where there is a GPU
        auto_scale_loss=False,  # nor does a mixed precision that somebody else has set concern this model
    )
    record = Record(config, on_epoch)
    model.fit(
        batches_of((x_train, y_train), order),
        epochs=config.epochs,
        steps_per_epoch=steps,
        validation_data=one_batch((x_val, y_val)),
        shuffle=False,
        callbacks=[record, *callbacks],
        verbose=0,
    )
    return Fit(to_params(model), record.history)
