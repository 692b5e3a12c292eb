"""Gradients by the complex step: an oracle for every hand-written backward pass, exact to rounding.

The idea: for analytic L, Im L(p + is) / s is the derivative up to s^2, with no subtraction to lose digits in.
Source: chapter "numpy_manual", equation (complex-step); Squire and Trapp (1998).
"""

import numpy as np

from threelayer.numpy_manual import forward, mean_squared_error
from threelayer.spec import Params

STEP = 1e-30  # its square is far below the last digit of float64, its reciprocal far from overflow


def complex_step_gradients(params: Params, x: np.ndarray, y: np.ndarray) -> Params:
    """Return the gradient of the loss, one forward pass for every single entry of `params`.

    Parameters
    ----------
    params, x, y
        float64; shapes as in `numpy_manual.loss_and_grads`.
    """
    grads = Params(*(np.empty_like(p) for p in params))
    moved = Params(*(p.astype(complex) for p in params))
    for p, grad in zip(moved, grads, strict=True):
        for entry in np.ndindex(p.shape):
            p[entry] += 1j * STEP
            grad[entry] = mean_squared_error(forward(moved, x)[-1], y).imag / STEP
            p[entry] -= 1j * STEP
    return grads


def largest_difference(left: Params, right: Params) -> float:
    """Return the largest deviation of any entry, relative to max(1, |entry of right|)."""
    return max(
        float((np.abs(a - b) / np.maximum(1, np.abs(b))).max()) for a, b in zip(left, right, strict=True)
    )
