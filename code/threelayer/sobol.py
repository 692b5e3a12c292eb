"""Sobol indices of any function on the problem's cube, estimated, with an interval that can be repeated.

The estimator is SciPy's. Its own bootstrap takes no seed, so the resampling is done here.
Source: chapter "problem"; Saltelli et al. (2010).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.stats import norm, qmc, sobol_indices


class SobolEstimate(NamedTuple):
    """First-order (row 0) and total (row 1) indices of the inputs, and the half-widths of their intervals."""

    indices: np.ndarray  # (2, 3)
    half_widths: np.ndarray  # (2, 3)


def sobol_estimate(
    f: Callable[[np.ndarray], np.ndarray],
    rng: np.random.Generator,
    n: int = 2**12,
    confidence: float = 0.9999,
    resamples: int = 100,
) -> SobolEstimate:
    """Estimate the Sobol indices of `f` for x uniform on (-pi, pi)^3.

    The half-width is that of a normal interval with the bootstrap's standard error.

    Parameters
    ----------
    f
        Takes points of shape (m, 3) and returns values of shape (m,).
    n
        A power of two; `f` is asked for 5 n values.

    References
    ----------
    saltelli2010
    """
    points = np.pi * (2 * qmc.Sobol(6, rng=rng).random(n) - 1)
    a, b = points[:, :3], points[:, 3:]
    mixed = [f(np.where(np.arange(3) == j, b, a)) for j in range(3)]  # a with column j of b
    values = {"f_A": f(a)[None], "f_B": f(b)[None], "f_AB": np.stack(mixed)[:, None]}

    def indices(chosen: slice | np.ndarray) -> np.ndarray:
        result = sobol_indices(func={name: value[..., chosen] for name, value in values.items()}, n=n)
        return np.array([result.first_order, result.total_order])

    spread = np.std([indices(rng.integers(n, size=n)) for _ in range(resamples)], axis=0, ddof=1)
    return SobolEstimate(indices(slice(None)), norm.ppf((1 + confidence) / 2) * spread)
