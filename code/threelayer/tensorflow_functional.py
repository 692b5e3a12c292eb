"""The three-layer network in Keras's Functional API: a graph of layers, compiled and fitted by Keras.

The idea: call each layer on what another returned, and name the ends; Keras keeps the graph, and trains it.
Source: chapter "network", equations (forward-1) to (update); `EinsumDense` is Keras's own einsum layer.
"""

import os
from collections.abc import Callable

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


def build_model(n_in: int, hidden: tuple[int, int], n_out: int, dtype: str) -> keras.Model:
    """Compose the layers into a model from the input named x to the output named y_hat."""
    h, k = hidden
    # Zeros until the weights are set: Keras's own draw would move Python's global random numbers.
    rest = {"kernel_initializer": "zeros", "dtype": dtype}
    x = keras.Input((n_in,), name="x", dtype=dtype)
    a1 = EinsumDense("ni,ih->nh", h, bias_axes="h", activation="tanh", name="a1", **rest)(x)
    a2 = EinsumDense("nh,hk->nk", k, bias_axes="k", activation="tanh", name="a2", **rest)(a1)
    y_hat = EinsumDense("nk,ko->no", n_out, bias_axes="o", name="y_hat", **rest)(a2)
    return keras.Model({"x": x}, {"y_hat": y_hat}, name="three_layer")


def from_params(params: Params) -> keras.Model:
    """Build the model around given weights."""
    n_in, h = params.W1.shape
    k, n_out = params.W3.shape
    model = build_model(n_in, (h, k), n_out, params.W1.dtype.name)
    model.set_weights(params)
    return model


def to_params(model: keras.Model) -> Params:
    """Copy the weights into NumPy arrays."""
    return Params(*model.get_weights())


def with_activations(model: keras.Model) -> keras.Model:
    """Return a second model on the same layers, whose outputs are y_hat and the hidden activations a1, a2."""
    hidden = {name: model.get_layer(name).output for name in ("a1", "a2")}
    return keras.Model(model.input, model.output | hidden, name="with_activations")


def describe(model: keras.Model) -> list[tuple[str, list[str], tuple]]:
    """List each layer's name, the names of the layers it takes input from, and the shape of its output."""
    makers = {id(layer.output): layer.name for layer in model.layers}
    return [
        (layer.name, [makers[id(tensor)] for tensor in keras.tree.flatten(layer.input)], layer.output.shape)
        for layer in model.layers
    ]


def mean_squared_error(dtype: str) -> keras.Loss:
    """Return the loss that averages over all n * o entries; without a dtype it would round to float32."""
    return keras.losses.MeanSquaredError(dtype=dtype)


def predict(params: Params, x: np.ndarray) -> np.ndarray:
    """Return the network's output (n, o) for inputs (n, i)."""
    params = checked_params(params)
    x = checked_x(params, x)
    return from_params(params)({"x": x})["y_hat"].numpy()


def loss_and_grads(params: Params, x: np.ndarray, y: np.ndarray) -> tuple[float, Params]:
    """Return the mean squared error and its gradient by every weight."""
    params = checked_params(params)
    x, y = checked_xy(params, x, y)
    model = from_params(params)
    with tf.GradientTape() as tape:
        loss = mean_squared_error(y.dtype.name)(y, model({"x": x})["y_hat"])
    grads = tape.gradient(loss, model.trainable_variables)
    return float(loss), Params(*(g.numpy() for g in grads))


def batches_of(x: np.ndarray, y: np.ndarray, order: np.ndarray) -> tf.data.Dataset:
    """Return a pipeline of all batches of `order`, named, gathered while the steps before them are taken."""
    steps = tf.data.Dataset.from_tensor_slices(order.reshape(-1, order.shape[-1]))
    batches = steps.map(lambda batch: ({"x": tf.gather(x, batch)}, {"y_hat": tf.gather(y, batch)}))
    return batches.prefetch(4).with_options(FIXED)


def fit(
    params: Params,
    data: Data,
    config: Config,
    on_epoch: Callable[[int, Params, float, float], None] | None = None,
) -> Fit:
    """Train over `batch_order` and return the final weights with the history.

    Raises
    ------
    ValueError
        For bad input, before any work.
    DivergedError
        When the loss stops being finite.
    """
    params, x_train, y_train, x_val, y_val = checked_fit(params, data, config)
    order = batch_order(len(x_train), config)
    steps = order.shape[1]
    model = from_params(params)
    model.compile(
        optimizer=keras.optimizers.SGD(float(config.learning_rate), float(config.momentum)),
        loss={"y_hat": mean_squared_error(config.dtype)},
        # The same once more, as what Keras logs as "loss" is a float32, whatever the model computes in.
        metrics={"y_hat": [keras.metrics.MeanSquaredError("mse", dtype=config.dtype)]},
        steps_per_execution=steps,  # an epoch is one call into TensorFlow, not one call a step
    )
    history = History()

    def report(epoch: int, logs: dict[str, float]) -> None:
        losses = history.record(np.array([logs["mse"]]), logs["val_mse"], config)
        if on_epoch is not None:
            on_epoch(epoch, to_params(model), *losses)

    model.fit(
        batches_of(x_train, y_train, order),
        epochs=config.epochs,
        steps_per_epoch=steps,
        validation_data=tf.data.Dataset.from_tensors(({"x": x_val}, {"y_hat": y_val})).with_options(FIXED),
        shuffle=False,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=report)],
        verbose=0,
    )
    return Fit(to_params(model), history)
