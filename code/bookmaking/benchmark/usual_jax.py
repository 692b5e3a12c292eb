"""The usual way to train this network in JAX: a compiled update, called in a Python loop.

It is what the benchmark holds `jax_transforms` against. JAX computes in float64 when its process begins with
JAX_ENABLE_X64, as a script begins with `jax.config.update("jax_enable_x64", True)`.
Source: the JAX documentation, "Training a simple neural network".
"""

import time
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from threelayer import Config, Params


def loss_fn(params: Params, x: jax.Array, y: jax.Array) -> jax.Array:
    """Return the mean squared error."""
    W1, b1, W2, b2, W3, b3 = params
    y_hat = jnp.tanh(jnp.tanh(x @ W1 + b1) @ W2 + b2) @ W3 + b3
    return jnp.mean((y_hat - y) ** 2)


@partial(jax.jit, static_argnums=4)
def update(params: Params, velocity: Params, x: jax.Array, y: jax.Array, config: Config) -> tuple:
    """Return weights, velocity and loss of one step."""
    loss, grads = jax.value_and_grad(loss_fn)(params, x, y)
    velocity = jax.tree.map(lambda v, g: config.momentum * v + g, velocity, grads)
    params = jax.tree.map(lambda p, v: p - config.learning_rate * v, params, velocity)
    return params, velocity, loss


def jitted_update(params: Params, x: np.ndarray, y: np.ndarray, config: Config, shuffle: bool) -> tuple:
    """Call a jitted update for every batch of every epoch."""
    rng = np.random.default_rng(config.seed)
    ends = []
    params = jax.tree.map(lambda p: jnp.asarray(p, x.dtype), params)
    velocity = jax.tree.map(jnp.zeros_like, params)
    for _ in range(config.epochs):
        order = rng.permutation(len(x)) if shuffle else np.arange(len(x))
        losses = []
        for first in range(0, len(x), config.batch_size):
            batch = order[first : first + config.batch_size]
            params, velocity, loss = update(params, velocity, x[batch], y[batch], config)
            losses.append(loss)
        float(jnp.mean(jnp.stack(losses)))
        ends.append(time.perf_counter())
    return jax.tree.map(np.asarray, params), ends
