"""The three-layer network from Keras layers on TensorFlow, trained by a loop of our own.

The idea: layers keep weights, the optimizer velocities, metrics losses; the loop that calls them stays ours.
Source: chapter "network", equations (forward-1) to (update); `EinsumDense` is Keras's own einsum layer.
"""

from collections.abc import Callable, Iterator

import numpy as np

from threelayer.data import batch_order
from threelayer.frameworks.keras_parts import batches_of
from threelayer.frameworks.tensorflow_guard import guarded
from threelayer.spec import Config, Data, Fit, History, Params
from threelayer.validate import checked_fit, checked_params, checked_x, checked_xy

# isort: split
import keras  # after the parts, which choose its backend
import tensorflow as tf
from keras.initializers import GlorotUniform
from keras.layers import EinsumDense
from keras.random import SeedGenerator


class ThreeLayer(keras.Model):
    """The network from built-in layers, each told its dtype, which would be Keras's `floatx` otherwise."""

    def __init__(self, hidden: tuple[int, int], n_out: int, dtype: str, seed: int = 0) -> None:
        super().__init__(name="three_layer", dtype=dtype)
        h, k = hidden
        # Without a seed Keras would take one from Python's global random numbers, and so move them.
        rest = {"kernel_initializer": GlorotUniform(SeedGenerator(seed)), "dtype": dtype}
        self.layer1 = EinsumDense("ni,ih->nh", h, bias_axes="h", activation="tanh", name="layer1", **rest)
        self.layer2 = EinsumDense("nh,hk->nk", k, bias_axes="k", activation="tanh", name="layer2", **rest)
        self.layer3 = EinsumDense("nk,ko->no", n_out, bias_axes="o", name="layer3", **rest)

    def build(self, shape: tuple) -> None:
        """Create the variables of each layer, for the shape that arrives there."""
        for layer in self.layers:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Return y_hat (n, o) for inputs (n, i); `training` is for layers that act otherwise then."""
        a1 = self.layer1(x)
        a2 = self.layer2(a1)
        return self.layer3(a2)


def from_params(params: Params) -> ThreeLayer:
    """Build the model around given weights."""
    n_in, h = params.W1.shape
    k, n_out = params.W3.shape
    model = ThreeLayer((h, k), n_out, params.W1.dtype.name)
    model.build((None, n_in))
    model.set_weights(params)
    return model


def to_params(model: keras.Model) -> Params:
    """Copy the weights into NumPy arrays."""
    return Params(*model.get_weights())


def mean_squared_error(y_hat: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Return the mean of the squared errors over all n * o entries."""
    return keras.ops.mean((y_hat - y) ** 2)


@guarded
def predict(params: Params, x: np.ndarray) -> np.ndarray:
    """Return the network's output (n, o) for inputs (n, i)."""
    params = checked_params(params)
    return from_params(params)(checked_x(params, x)).numpy()


@guarded
def loss_and_grads(params: Params, x: np.ndarray, y: np.ndarray) -> tuple[float, Params]:
    """Return the mean squared error and its gradient with respect to every weight."""
    params = checked_params(params)
    x, y = checked_xy(params, x, y)
    model = from_params(params)
    with tf.GradientTape() as tape:
        loss = mean_squared_error(model(x), y)
    grads = tape.gradient(loss, model.trainable_variables)
    return float(loss), Params(*(g.numpy() for g in grads))


class Training:
    """A model with what its training needs: an optimizer and two metrics."""

    def __init__(self, params: Params, config: Config) -> None:
        self.model = from_params(params)
        self.optimizer = keras.optimizers.SGD(config.learning_rate, config.momentum)
        self.train_loss = keras.metrics.Mean("train_loss", dtype=config.dtype)
        self.val_loss = keras.metrics.MeanSquaredError("val_loss", dtype=config.dtype)

    def train_step(self, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        """Let the optimizer take one step, and return the loss before it."""
        with tf.GradientTape() as tape:
            loss = mean_squared_error(self.model(x, training=True), y)
        grads = tape.gradient(loss, self.model.trainable_variables)
        self.optimizer.apply(grads, self.model.trainable_variables)
        return loss

    @tf.function
    def train_epoch(self, batches: Iterator, steps: int, x_val: tf.Tensor, y_val: tf.Tensor) -> None:
        """Take the next steps of the pipeline, then validate; the losses stay in the metrics."""
        self.train_loss.reset_state()
        for _ in tf.range(steps):
            self.train_loss.update_state(self.train_step(*next(batches)))
        self.val_loss.reset_state()
        self.val_loss.update_state(y_val, self.model(x_val, training=False))


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
        When the loss stops being finite; names the epoch: the metric keeps the mean of an epoch only.
    """
    params, x_train, y_train, x_val, y_val = checked_fit(params, data, config)
    training = Training(params, config)
    order = batch_order(len(x_train), config)
    batches = iter(batches_of((x_train, y_train), order))  # one iterator for all epochs
    val = tf.constant(x_val), tf.constant(y_val)
    history = History()
    for epoch in range(config.epochs):
        training.train_epoch(batches, order.shape[1], *val)
        train_loss, val_loss = (float(m.result()) for m in (training.train_loss, training.val_loss))
        losses = history.record(np.array([train_loss]), val_loss, config)
        if on_epoch is not None:
            on_epoch(epoch, to_params(training.model), *losses)
    return Fit(to_params(training.model), history)
