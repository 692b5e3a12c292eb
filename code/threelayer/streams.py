"""Independent random streams from one seed.

Data, weights, order and Monte Carlo points each name their purpose: no two purposes share random numbers.
Source: NumPy's `SeedSequence`, whose spawn keys are made to give independent streams for one seed.
"""

import numpy as np

from threelayer.arrays import is_whole

# A purpose keeps its place for ever: a new one is added at the end, or the numbers in the book change.
PURPOSES = ("training data", "validation data", "test data", "weights", "batch order", "monte carlo")


def stream(seed: int, purpose: str) -> np.random.Generator:
    """Return the random generator that belongs to one seed and one of `PURPOSES`."""
    if not is_whole(seed, 0):
        raise ValueError(f"a seed is a whole number of at least 0, not {seed!r}")
    key = (PURPOSES.index(purpose),)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(int(seed), spawn_key=key)))
