"""The yardstick: the eight matrix products and the two tanh of one training step, and nothing else of it.

It is no lower bound: another program may do the same products faster.
Source: chapter "cost", equation (flops).
"""

from collections.abc import Callable

import numpy as np

from threelayer import Params


def flops(params: Params, n: int) -> int:
    """Return the multiplications and additions of the matrix products of one step over n samples."""
    first, second, third = (W.size for W in params[0::2])
    return 2 * n * (2 * first + 3 * second + 3 * third)  # the data needs no gradient


def numpy_products(params: Params, x: np.ndarray) -> tuple[Callable[[], None], int]:
    """Return what does the products of one step into arrays made beforehand, and 1, its number of steps."""
    W1, _, W2, _, W3, _ = params
    n, (h, k), o = len(x), W2.shape, W3.shape[1]
    a1, a2, y, d1, d2 = (np.empty((n, width), x.dtype) for width in (h, k, o, h, k))
    dW1, dW2, dW3 = (np.empty_like(W) for W in (W1, W2, W3))

    def step() -> None:
        np.tanh(np.matmul(x, W1, out=a1), out=a1)
        np.tanh(np.matmul(a1, W2, out=a2), out=a2)
        np.matmul(a2, W3, out=y)
        np.matmul(a2.T, y, out=dW3)
        np.matmul(y, W3.T, out=d2)
        np.matmul(a1.T, d2, out=dW2)
        np.matmul(d2, W2.T, out=d1)
        np.matmul(x.T, d1, out=dW1)

    return step, 1


def xla_products(params: Params, x: np.ndarray) -> tuple[Callable[[], None], int]:
    """Return the same compiled by XLA, many steps in one loop, and their number.

    Each step has its own x, or XLA would compute the products once and leave the loop.
    """
    import jax
    import jax.numpy as jnp

    steps = int(np.clip(1e9 / flops(params, len(x)), 1, 64))

    @jax.jit
    def loop(weights, xs):
        def step(_, x):
            W1, W2, W3 = weights
            a1 = jnp.tanh(x @ W1)
            a2 = jnp.tanh(a1 @ W2)
            y = a2 @ W3
            d2 = y @ W3.T
            d1 = d2 @ W2.T
            return (x.T @ d1, a1.T @ d2, a2.T @ y), None

        return jax.lax.scan(step, jax.tree.map(jnp.zeros_like, weights), xs)[0]

    xs = jnp.stack([jnp.asarray(x)] * steps)
    weights = tuple(map(jnp.asarray, params[0::2]))
    return lambda: jax.block_until_ready(loop(weights, xs)), steps


YARDSTICKS = {"numpy": numpy_products, "jax": xla_products}
