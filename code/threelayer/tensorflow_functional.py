"""The three-layer network in Keras's Functional API: a graph of layers, compiled and fitted by Keras.

The idea: call each layer on what another returned, and name the ends; Keras keeps the graph, and trains it.
Source: chapter "network", equations (forward-1) to (update); `EinsumDense` is Keras's own einsum layer.
"""

from collections.abc import Callable

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


def build_model(n_in: int, hidden: tuple[int, int], n_out: int, dtype: str, seed: int = 0) -> keras.Model:
    """Compose the layers into a model from the input named x to the output named y_hat."""
    h, k = hidden
    # Without a seed Keras would take one from Python's global random numbers, and so move them.
    rest = {"kernel_initializer": GlorotUniform(SeedGenerator(seed)), "dtype": dtype}
    x = keras.Input((n_in,), name="x", dtype=dtype)
    a1 = EinsumDense("ni,ih->nh", h, bias_axes="h", activation="tanh", name="layer1", **rest)(x)
    a2 = EinsumDense("nh,hk->nk", k, bias_axes="k", activation="tanh", name="layer2", **rest)(a1)
    y_hat = EinsumDense("nk,ko->no", n_out, bias_axes="o", name="layer3", **rest)(a2)
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
    hidden = {"a1": model.get_layer("layer1").output, "a2": model.get_layer("layer2").output}
    return keras.Model(model.input, model.output | hidden, name="with_activations")


def describe(model: keras.Model) -> list[tuple[str, list[str], tuple]]:
    """List each layer's name, the names of the layers it takes input from, and the shape of its output."""
    makers = {id(layer.output): layer.name for layer in model.layers}
    return [
        (layer.name, [makers[id(tensor)] for tensor in keras.tree.flatten(layer.input)], layer.output.shape)
        for layer in model.layers
    ]


@guarded
def predict(params: Params, x: np.ndarray) -> np.ndarray:
    """Return the network's output (n, o) for inputs (n, i)."""
    params = checked_params(params)
    x = checked_x(params, x)
    return from_params(params)({"x": x})["y_hat"].numpy()


@guarded
def loss_and_grads(params: Params, x: np.ndarray, y: np.ndarray) -> tuple[float, Params]:
    """Return the mean squared error and its gradient with respect to every weight."""
    params = checked_params(params)
    x, y = checked_xy(params, x, y)
    model = from_params(params)
    keras_loss, _ = losses_in(y.dtype.name)
    with tf.GradientTape() as tape:
        loss = keras_loss(y, model({"x": x})["y_hat"])  # Keras puts the targets first
    grads = tape.gradient(loss, model.trainable_variables)
    return float(loss), Params(*(g.numpy() for g in grads))


@guarded
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
        When the loss stops being finite; names the epoch: Keras hands out the mean of an epoch only.
    """
    params, x_train, y_train, x_val, y_val = checked_fit(params, data, config)
    order = batch_order(len(x_train), config)
    steps = order.shape[1]
    model = from_params(params)
    loss, mse = losses_in(config.dtype)
    model.compile(
        optimizer=keras.optimizers.SGD(config.learning_rate, config.momentum),
        loss={"y_hat": loss},
        metrics={"y_hat": [mse]},
        steps_per_execution=steps,  # an epoch is one call into TensorFlow, not one call a step
        jit_compile=False,  # "auto" would be another program where there is a GPU
        auto_scale_loss=False,  # nor does a mixed precision that somebody else has set concern this model
    )
    history = History()

    def report(epoch: int, logs: dict[str, float]) -> None:
        losses = history.record(np.array([logs["mse"]]), logs["val_mse"], config)
        if on_epoch is not None:
            on_epoch(epoch, to_params(model), *losses)

    model.fit(
        batches_of(({"x": x_train}, {"y_hat": y_train}), order),
        epochs=config.epochs,
        steps_per_epoch=steps,
        validation_data=one_batch(({"x": x_val}, {"y_hat": y_val})),
        shuffle=False,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=report)],
        verbose=0,
    )
    return Fit(to_params(model), history)
