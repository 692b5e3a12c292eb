"""Double precision for the time of one call: what JAX computes may not depend on a switch that a caller left.

JAX turns float64 into float32 unless `jax_enable_x64` is on, and the switch is the caller's to turn. Inside a
block it holds for one thread only, so a guarded function may be called from any thread. The product of
matrices has a switch of its own; there each product of `jax_transforms` says itself how precise it must be.
Source: the JAX documentation, "Default dtypes and the X64 flag".
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps

import jax

# Before JAX 0.8 the switch for a block stood among the experiments.
enable_x64 = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64


def double_precision() -> AbstractContextManager:
    """Return a block inside which JAX keeps float64 as it is; after it the switch stands as before."""
    return enable_x64(True)


def guarded(function: Callable) -> Callable:
    """Let a function run in `double_precision`, whatever its caller has switched on or off."""

    @wraps(function)
    def in_double_precision(*args, **kwargs):
        with double_precision():
            return function(*args, **kwargs)

    return in_double_precision
