"""The three-layer network in JAX: pure functions of the weights, and transformations of those functions.

The idea: write the loss once; `grad`, `vmap`, `scan` and `jit` turn it into everything that training needs.
Source: chapter "network", equations (forward-1) to (update); the backward pass is JAX's own.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from threelayer.data import batch_order
from threelayer.frameworks.jax_guard import double_precision, guarded
from threelayer.spec import Config, Data, Fit, History, Params
from threelayer.validate import checked_fit, checked_params, checked_x, checked_xy

# On a GPU or TPU JAX rounds the factors of a float32 product to fewer bits, unless asked for all of them.
einsum = partial(jnp.einsum, precision="highest")


@jax.jit
def forward(params: Params, x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return a1 (n, h) and a2 (n, k), the hidden activations, and y_hat (n, o)."""
    W1, b1, W2, b2, W3, b3 = params
    a1 = jnp.tanh(einsum("ni,ih->nh", x, W1) + b1)
    a2 = jnp.tanh(einsum("nh,hk->nk", a1, W2) + b2)
    y_hat = einsum("nk,ko->no", a2, W3) + b3
    return a1, a2, y_hat


def mean_squared_error(y_hat: jax.Array, y: jax.Array) -> jax.Array:
    """Return the mean of the squared errors over all n * o entries."""
    return ((y_hat - y) ** 2).mean()


@jax.jit
def loss(params: Params, x: jax.Array, y: jax.Array) -> jax.Array:
    """Return the mean squared error as a function of the weights."""
    return mean_squared_error(forward(params, x)[-1], y)


# jit stands outermost, so that each transformed function is one compiled program.
value_and_grad = jax.jit(jax.value_and_grad(loss))
grads_of_each = jax.jit(jax.vmap(jax.grad(loss), in_axes=(None, 0, 0)))


def to_params(params: Params) -> Params:
    """Copy weights or gradients into NumPy arrays; `Params`, a named tuple, is a pytree as it stands."""
    return jax.tree.map(np.array, params)


@guarded
def predict(params: Params, x: np.ndarray) -> np.ndarray:
    """Return the network's output (n, o) for inputs (n, i)."""
    params = checked_params(params)
    return np.array(forward(params, checked_x(params, x))[-1])


@guarded
def loss_and_grads(params: Params, x: np.ndarray, y: np.ndarray) -> tuple[float, Params]:
    """Return the mean squared error and its gradient with respect to every weight."""
    params = checked_params(params)
    value, grads = value_and_grad(params, *checked_xy(params, x, y))
    return float(value), to_params(grads)


@guarded
def per_sample_grads(params: Params, x: np.ndarray, y: np.ndarray) -> Params:
    """Return the gradient of every sample's own loss: W1 (n, i, h), b1 (n, h) and so on."""
    params = checked_params(params)
    x, y = checked_xy(params, x, y)
    return to_params(grads_of_each(params, x[:, np.newaxis], y[:, np.newaxis]))  # n batches of one


def update(
    params: Params, velocity: Params, grads: Params, learning_rate: float, momentum: float
) -> tuple[Params, Params]:
    """Return weights and velocity after one step: v <- m v + g, then p <- p - r v."""
    velocity = jax.tree.map(lambda v, g: momentum * v + g, velocity, grads)
    params = jax.tree.map(lambda p, v: p - learning_rate * v, params, velocity)
    return params, velocity


@guarded
@jax.jit
def train_epoch(state: tuple, batches: jax.Array, train: tuple, rates: tuple) -> tuple[tuple, jax.Array]:
    """Scan a training step over `batches` (steps, batch size), the samples that each step of an epoch sees.

    `state` holds weights and velocity. Other `rates` need no new compilation, as they are arguments. Returned
    are the new state and the batch losses (steps,), each taken before its update.
    """
    x, y = train

    def step(state: tuple, batch: jax.Array) -> tuple[tuple, jax.Array]:
        params, velocity = state
        batch_loss, grads = value_and_grad(params, x[batch], y[batch])
        return update(params, velocity, grads, *rates), batch_loss

    return jax.lax.scan(step, state, batches)


@guarded
@jax.jit
def train_run(state: tuple, order: jax.Array, train: tuple, val: tuple, rates: tuple) -> tuple[tuple, tuple]:
    """Scan `train_epoch` over `order`; return the final state, and batch and validation losses by epoch."""

    def epoch(state: tuple, batches: jax.Array) -> tuple[tuple, tuple]:
        state, batch_losses = train_epoch(state, batches, train, rates)
        return state, (batch_losses, loss(state[0], *val))

    return jax.lax.scan(epoch, state, order)


@guarded
def start(params: Params, data: Data, config: Config) -> tuple[tuple, tuple, tuple, tuple]:
    """Check the input and put state, training pair and validation pair on the default device."""
    params, x_train, y_train, x_val, y_val = checked_fit(params, data, config)
    velocity = jax.tree.map(np.zeros_like, params)
    rates = float(config.learning_rate), float(config.momentum)  # Python floats take on the weights' dtype
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
        When the loss stops being finite; names epoch and step.
    """
    state, train, val, rates = start(params, data, config)
    history = History()
    for epoch, batches in enumerate(batch_order(len(train[0]), config)):
        with double_precision():
            state, batch_losses = train_epoch(state, batches, train, rates)
            val_loss = loss(state[0], *val)
        losses = history.record(np.asarray(batch_losses), float(val_loss), config)
        if on_epoch is not None:
            on_epoch(epoch, to_params(state[0]), *losses)
    return Fit(to_params(state[0]), history)


def fit_in_one_call(params: Params, data: Data, config: Config) -> Fit:
    """Train like `fit`, the whole run compiled into one loop: nothing is seen of an epoch until the end."""
    state, train, val, rates = start(params, data, config)
    history = History()
    state, losses = train_run(state, batch_order(len(train[0]), config), train, val, rates)
    for batch_losses, val_loss in zip(*map(np.asarray, losses), strict=True):
        history.record(batch_losses, val_loss, config)
    return Fit(to_params(state[0]), history)
