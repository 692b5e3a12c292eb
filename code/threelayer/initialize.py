"""Initial weights: Glorot's uniform distribution, one draw that all nine implementations start from.

The draw is made in float64 by NumPy, so no framework's own generator is involved.
Source: chapter "network", equation (glorot); Glorot and Bengio (2010).
"""

from itertools import pairwise

import numpy as np

from threelayer.spec import Config, Params
from threelayer.streams import stream


def init_params(config: Config, n_in: int = 3, n_out: int = 1) -> Params:
    """Draw weights from U(-c, c), c = sqrt(6 / (fan_in + fan_out)), and set biases to zero.

    Parameters
    ----------
    n_in, n_out
        Number of inputs i and of outputs o.

    Returns
    -------
    Params, float64 whatever `config.dtype` is: a cast comes later and is the same for all.

    References
    ----------
    glorot2010, equation (glorot).
    """
    if n_in < 1 or n_out < 1:
        raise ValueError(f"a network needs at least one input and one output, not {n_in} and {n_out}")
    rng = stream(config.seed, "weights")
    widths = (n_in, *config.hidden, n_out)
    arrays = []
    for fan_in, fan_out in pairwise(widths):
        c = np.sqrt(6 / (fan_in + fan_out))
        arrays += [rng.uniform(-c, c, size=(fan_in, fan_out)), np.zeros(fan_out)]
    return Params(*arrays)
