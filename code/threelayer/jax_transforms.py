"""The three-layer network in JAX: pure functions of the weights, and transformations of those functions.

The idea: write the loss once; `grad`, `vmap`, `scan` and `jit` turn it into everything that training needs.
Source: chapter "network", equations (forward-1) to (update); the backward pass is JAX's own.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from threelayer.data import Data, batch_order
from threelayer.spec import Config, Fit, History, Params
from threelayer.validate import checked_fit, checked_params, checked_x, checked_xy

# Accelerators round the factors of a float32 product to fewer bits, unless they are asked for all of them.
einsum = partial(jnp.einsum, precision="highest")


@jax.jit
def forward(params: Params, x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return both hidden activations and the prediction: a1 (n, h), a2 (n, k), y_hat (n, o)."""
    W1, b1, W2, b2, W3, b3 = params
    a1 = jnp.tanh(einsum("ni,ih->nh", x, W1) + b1)
    a2 = jnp.tanh(einsum("nh,hk->nk", a1, W2) + b2)
    y_hat = einsum("nk,ko->no", a2, W3) + b3
    return a1, a2, y_hat


@jax.jit
def mean_squared_error(params: Params, x: jax.Array, y: jax.Array) -> jax.Array:
    """Return the mean of the squared errors over all n * o entries, as a function of the weights."""
    return ((forward(params, x)[-1] - y) ** 2).mean()


def to_numpy(params: Params) -> Params:
    """Copy weights from the device into NumPy arrays; `Params`, a named tuple, is a pytree as it stands."""
    return jax.tree.map(np.array, params)


def predict(params: Params, x: np.ndarray) -> np.ndarray:
    """Return the network's output (n, o) for inputs (n, i)."""
    params = checked_params(params)
    x = checked_x(params, x)
    with jax.enable_x64(True):  # without it JAX turns float64 into float32; after the block all is as before
        return np.array(forward(params, x)[-1])


def loss_and_grads(params: Params, x: np.ndarray, y: np.ndarray) -> tuple[float, Params]:
    """Return the mean squared error and its gradient by every weight."""
    params = checked_params(params)
    x, y = checked_xy(params, x, y)
    with jax.enable_x64(True):
        loss, grads = jax.value_and_grad(mean_squared_error)(params, x, y)
        return float(loss), to_numpy(grads)


def per_sample_grads(params: Params, x: np.ndarray, y: np.ndarray) -> Params:
    """Return the gradient of every sample's own loss: W1 (n, i, h), b1 (n, h) and so on.

    Their mean over n is the gradient that `loss_and_grads` returns.
    """
    params = checked_params(params)
    x, y = checked_xy(params, x, y)
    with jax.enable_x64(True):
        grads_of_each = jax.vmap(jax.grad(mean_squared_error), in_axes=(None, 0, 0))
        return to_numpy(grads_of_each(params, x[:, np.newaxis], y[:, np.newaxis]))  # n batches of one


def update(
    params: Params, velocity: Params, grads: Params, learning_rate: float, momentum: float
) -> tuple[Params, Params]:
    """Return weights and velocity after one step: v <- m v + g, then p <- p - r v."""
    velocity = jax.tree.map(lambda v, g: momentum * v + g, velocity, grads)
    params = jax.tree.map(lambda p, v: p - learning_rate * v, params, velocity)
    return params, velocity


@jax.jit
def train_epoch(state: tuple, batches: jax.Array, train: tuple, rates: tuple) -> tuple[tuple, jax.Array]:
    """Scan a training step over the batches of one epoch, a single compiled loop.

    `state` holds weights and velocity; `batches` (steps, batch size) says which samples each step sees. The
    rates come as arguments, so that other values need no new compilation. Returned are the new state and the
    batch losses (steps,), each taken before its update.
    """
    x, y = train

    def step(state: tuple, batch: jax.Array) -> tuple[tuple, jax.Array]:
        params, velocity = state
        loss, grads = jax.value_and_grad(mean_squared_error)(params, x[batch], y[batch])
        return update(params, velocity, grads, *rates), loss

    return jax.lax.scan(step, state, batches)


@jax.jit
def train_run(state: tuple, order: jax.Array, train: tuple, val: tuple, rates: tuple) -> tuple[tuple, tuple]:
    """Scan `train_epoch` over the epochs of `order` (epochs, steps, batch size).

    Returned are the final state, and the batch losses (epochs, steps) with the validation losses (epochs,).
    """

    def epoch(state: tuple, batches: jax.Array) -> tuple[tuple, tuple]:
        state, batch_losses = train_epoch(state, batches, train, rates)
        return state, (batch_losses, mean_squared_error(state[0], *val))

    return jax.lax.scan(epoch, state, order)


def start(params: Params, data: Data, config: Config) -> tuple[tuple, tuple, tuple, tuple]:
    """Check the input and put state, training pair and validation pair on the default device."""
    params, x_train, y_train, x_val, y_val = checked_fit(params, data, config)
    velocity = jax.tree.map(np.zeros_like, params)
    rates = float(config.learning_rate), float(config.momentum)  # Python floats take on the weights' dtype
    with jax.enable_x64(True):
        return *jax.device_put(((params, velocity), (x_train, y_train), (x_val, y_val))), rates


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
    state, train, val, rates = start(params, data, config)
    history = History()
    for epoch, batches in enumerate(batch_order(len(train[0]), config)):
        with jax.enable_x64(True):
            state, batch_losses = train_epoch(state, batches, train, rates)
            val_loss = mean_squared_error(state[0], *val)
        losses = history.record(np.asarray(batch_losses), float(val_loss), config)
        if on_epoch is not None:
            on_epoch(epoch, to_numpy(state[0]), *losses)
    return Fit(to_numpy(state[0]), history)


def fit_in_one_call(params: Params, data: Data, config: Config) -> Fit:
    """Train like `fit`, the whole run compiled into one loop: nothing is seen of an epoch until the end."""
    state, train, val, rates = start(params, data, config)
    history = History()
    with jax.enable_x64(True):
        state, losses = train_run(state, batch_order(len(train[0]), config), train, val, rates)
    for batch_losses, val_loss in zip(*map(np.asarray, losses), strict=True):
        history.record(batch_losses, val_loss, config)
    return Fit(to_numpy(state[0]), history)
