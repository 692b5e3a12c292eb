"""The three-layer network in TensorFlow: variables, einsum, and layers that bring their own gradient.

The idea: a tape records the operations and replays their gradients backwards; `tf.function` compiles it all.
Source: chapter "network", equations (forward-1) to (update); the layers by hand repeat its derivation.
"""

from collections.abc import Callable

import numpy as np

from threelayer.data import batch_order
from threelayer.frameworks.tensorflow_guard import guarded
from threelayer.spec import Config, Data, Fit, History, Params
from threelayer.validate import checked_fit, checked_params, checked_x, checked_xy

# isort: split
import tensorflow as tf  # after the guard, which sets what it reads


@tf.custom_gradient
def dense(x: tf.Tensor, W: tf.Tensor, b: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """Return z (n, h) for inputs (n, i), and how to go back from its gradient to those of the arguments."""

    def backward(dz: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        dW, db = tf.einsum("ni,nh->ih", x, dz), tf.einsum("nh->h", dz)
        dx = tf.einsum("nh,ih->ni", dz, W)
        return dx, dW, db

    return tf.einsum("ni,ih->nh", x, W) + b, backward


@tf.custom_gradient
def tanh(z: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """Return a = tanh(z), and how to go back from its gradient: the slope is a function of the value."""
    a = tf.tanh(z)
    return a, lambda da: da * (1 - a**2)


def forward(params: Params, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return a1 (n, h) and a2 (n, k), the hidden activations, and y_hat (n, o)."""
    W1, b1, W2, b2, W3, b3 = params
    a1 = tanh(dense(x, W1, b1))
    a2 = tanh(dense(a1, W2, b2))
    y_hat = dense(a2, W3, b3)
    return a1, a2, y_hat


def forward_tape(params: Params, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return the same as `forward`, from operations whose gradients the tape knows."""
    W1, b1, W2, b2, W3, b3 = params
    a1 = tf.tanh(tf.einsum("ni,ih->nh", x, W1) + b1)
    a2 = tf.tanh(tf.einsum("nh,hk->nk", a1, W2) + b2)
    y_hat = tf.einsum("nk,ko->no", a2, W3) + b3
    return a1, a2, y_hat


def mean_squared_error(y_hat: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Return the mean of the squared errors over all n * o entries."""
    return tf.reduce_mean((y_hat - y) ** 2)


def from_params(params: Params) -> Params:
    """Copy weights into variables: on the GPU where there is one, watched by every tape."""
    return Params(*(tf.Variable(p) for p in params))


def to_params(params: Params) -> Params:
    """Copy weights or gradients into NumPy arrays."""
    return Params(*(p.numpy() for p in params))


@guarded
def predict(params: Params, x: np.ndarray) -> np.ndarray:
    """Return the network's output (n, o) for inputs (n, i)."""
    params = checked_params(params)
    return forward(params, checked_x(params, x))[-1].numpy()


@guarded
def loss_and_grads(
    params: Params, x: np.ndarray, y: np.ndarray, *, forward: Callable = forward
) -> tuple[float, Params]:
    """Return the mean squared error and its gradient with respect to every weight.

    `forward` may be `forward_tape`.
    """
    params = checked_params(params)
    x, y = checked_xy(params, x, y)
    variables = from_params(params)
    with tf.GradientTape() as tape:
        loss = mean_squared_error(forward(variables, x)[-1], y)
    return float(loss), to_params(tape.gradient(loss, variables))


def update(
    params: Params, velocity: Params, grads: Params, learning_rate: tf.Tensor, momentum: tf.Tensor
) -> None:
    """Take one step of gradient descent with momentum, in place: v <- m v + g, then p <- p - r v."""
    for p, v, g in zip(params, velocity, grads, strict=True):
        v.assign(momentum * v + g)
        p.assign_sub(learning_rate * v)


def train_step(params: Params, velocity: Params, x: tf.Tensor, y: tf.Tensor, rates: tuple) -> tf.Tensor:
    """Take one step on a batch and return the loss before it: called as it stands, operation by operation."""
    with tf.GradientTape() as tape:
        loss = mean_squared_error(forward(params, x)[-1], y)
    update(params, velocity, tape.gradient(loss, params), *rates)
    return loss


@tf.function(jit_compile=True, reduce_retracing=True)
def train_epoch(
    params: Params, velocity: Params, batches: tf.Tensor, train: tuple, val: tuple, rates: tuple
) -> tuple[tf.Tensor, tf.Tensor]:
    """Step through the batches (steps, batch size) in one graph, its operations fused by XLA.

    Returned are the batch losses (steps,), each taken before its update, and the validation loss after all.
    """
    x, y = train
    batch_losses = tf.TensorArray(x.dtype, size=len(batches))
    for step in tf.range(len(batches)):  # a range of TensorFlow's: the loop, too, becomes part of the graph
        batch = batches[step]
        loss = train_step(params, velocity, tf.gather(x, batch), tf.gather(y, batch), rates)
        batch_losses = batch_losses.write(step, loss)
    x_val, y_val = val
    return batch_losses.stack(), mean_squared_error(forward(params, x_val)[-1], y_val)


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
        When the loss stops being finite; names epoch and step.
    """
    params, x_train, y_train, x_val, y_val = checked_fit(params, data, config)
    train = tf.constant(x_train), tf.constant(y_train)
    val = tf.constant(x_val), tf.constant(y_val)
    # As tensors: a Python number becomes part of the graph, and each new value would need a new graph.
    rates = tuple(tf.constant(rate, config.dtype) for rate in (config.learning_rate, config.momentum))
    params = from_params(params)
    velocity = Params(*(tf.Variable(tf.zeros_like(p), trainable=False) for p in params))
    history = History()
    for epoch, batches in enumerate(batch_order(len(x_train), config)):
        batch_losses, val_loss = train_epoch(params, velocity, tf.constant(batches), train, val, rates)
        losses = history.record(batch_losses.numpy(), val_loss.numpy(), config)
        if on_epoch is not None:
            on_epoch(epoch, to_params(params), *losses)
    return Fit(to_params(params), history)
