"""Sobol indices of any function on the problem's cube, estimated, with their standard errors.

The estimator is SciPy's. Its bootstrap takes the points of one Sobol sequence for independent ones, and so
overstates the error. Here whole sequences are repeated, each scrambled anew.
Source: chapter "problem"; Saltelli et al. (2010), L'Ecuyer and Lemieux (2002).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.stats import qmc, sobol_indices


class SobolEstimate(NamedTuple):
    """First-order (row 0) and total (row 1) indices of the inputs, and their standard errors."""

    indices: np.ndarray  # (2, 3)
    standard_errors: np.ndarray  # (2, 3)


def sobol_estimate(
    f: Callable[[np.ndarray], np.ndarray], rng: np.random.Generator, n: int = 2**10, scrambles: int = 32
) -> SobolEstimate:
    """Estimate the Sobol indices of `f` for x uniform on (-pi, pi)^3, as the mean over independent scrambles.

    Parameters
    ----------
    f
        Takes points of shape (m, 3) and returns values of shape (m,).
    n
        A power of two; `f` is asked for 5 n values a scramble.

    References
    ----------
    saltelli2010, lecuyer2002
    """
    estimates = []
    for _ in range(scrambles):
        points = np.pi * (2 * qmc.Sobol(6, rng=rng).random(n) - 1)
        a, b = points[:, :3], points[:, 3:]
        mixed = [f(np.where(np.arange(3) == j, b, a)) for j in range(3)]  # a with column j of b
        values = {"f_A": f(a)[None], "f_B": f(b)[None], "f_AB": np.stack(mixed)[:, None]}
        result = sobol_indices(func=values, n=n)
        estimates.append([result.first_order, result.total_order])
    spread = np.std(estimates, axis=0, ddof=1)
    return SobolEstimate(np.mean(estimates, axis=0), spread / np.sqrt(scrambles))
