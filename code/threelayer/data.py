"""The problem: the Ishigami equation, samples of it, and the order in which training sees them.

Training, validation and test samples come from independent streams; scaling is fitted on training data only.
Source: chapter "problem", equations (ishigami), (variance) and (standardise); Ishigami and Homma (1990).
"""

from typing import NamedTuple

import numpy as np

from threelayer.arrays import is_whole, real_array
from threelayer.spec import Config, Data, Standardizer
from threelayer.streams import stream


def ishigami(x: np.ndarray, a: float = 7.0, b: float = 0.1) -> np.ndarray:
    """Evaluate f(x) = sin x1 + a sin^2 x2 + b x3^4 sin x1 for each row of `x`.

    Parameters
    ----------
    x : (n, 3), radians

    Returns
    -------
    (n,)

    References
    ----------
    ishigami1990, equation (ishigami).
    """
    x = real_array("x", x, ndim=2)
    if x.shape[1] != 3:
        raise ValueError(f"x must have 3 columns, but its shape is {x.shape}")
    x1, x2, x3 = x.T
    return np.sin(x1) + a * np.sin(x2) ** 2 + b * x3**4 * np.sin(x1)


class Moments(NamedTuple):
    """Exact mean, variance and parts of the variance of the Ishigami equation, x uniform on (-pi, pi)^3.

    `main` holds V1, V2, V3, the variance explained by one input alone; `pair13` is V13, what x1 and x3
    explain only together. All other interactions are zero. Units: f and f squared.
    """

    mean: float
    variance: float
    main: np.ndarray  # (3,)
    pair13: float

    @property
    def first_order(self) -> np.ndarray:
        """First-order Sobol indices S1, S2, S3, shape (3,)."""
        return self.main / self.variance

    @property
    def total(self) -> np.ndarray:
        """Total Sobol indices ST1, ST2, ST3, shape (3,)."""
        return (self.main + self.pair13 * np.array([1, 0, 1])) / self.variance


def ishigami_moments(a: float = 7.0, b: float = 0.1) -> Moments:
    """Return the moments in closed form, as chapter "problem" derives them."""
    main = np.array([(1 + b * np.pi**4 / 5) ** 2 / 2, a**2 / 8, 0.0])
    pair13 = 8 * b**2 * np.pi**8 / 225
    variance = 1 / 2 + a**2 / 8 + b * np.pi**4 / 5 + b**2 * np.pi**8 / 18
    return Moments(mean=a / 2, variance=variance, main=main, pair13=pair13)


def make_data(
    n_train: int = 4096, n_val: int = 1024, n_test: int = 4096, noise: float = 0.25, seed: int = 0
) -> Data:
    """Sample the Ishigami equation three times and standardise.

    Parameters
    ----------
    noise
        Standard deviation of the Gaussian noise added to the targets, in units of f.

    Raises
    ------
    ValueError
        For fewer than two training samples, no validation or test sample, or a noise that is negative
        or not finite.
    """
    for name, count, least in (("n_train", n_train, 2), ("n_val", n_val, 1), ("n_test", n_test, 1)):
        if not is_whole(count, least):
            raise ValueError(f"{name} must be a whole number of at least {least}, not {count!r}")
    if not (np.isfinite(noise) and noise >= 0):
        raise ValueError(f"noise must be finite and at least 0, not {noise!r}")
    x_train, y_true_train, y_train = _sample(n_train, noise, stream(seed, "training data"))
    x_val, y_true_val, y_val = _sample(n_val, noise, stream(seed, "validation data"))
    x_test, y_true_test, y_test = _sample(n_test, noise, stream(seed, "test data"))
    x_scale, y_scale = Standardizer.fit(x_train), Standardizer.fit(y_train)
    return Data(
        x_train=x_scale.transform(x_train),
        y_train=y_scale.transform(y_train),
        x_val=x_scale.transform(x_val),
        y_val=y_scale.transform(y_val),
        x_test=x_scale.transform(x_test),
        y_test=y_scale.transform(y_test),
        y_true_train=y_scale.transform(y_true_train),
        y_true_val=y_scale.transform(y_true_val),
        y_true_test=y_scale.transform(y_true_test),
        x_scale=x_scale,
        y_scale=y_scale,
    )


def _sample(n: int, noise: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw x (n, 3) uniform on (-pi, pi), its true value (n, 1) and a noisy observation (n, 1)."""
    x = rng.uniform(-np.pi, np.pi, size=(n, 3))
    y_true = ishigami(x)[:, np.newaxis]
    return x, y_true, y_true + noise * rng.standard_normal((n, 1))


def batch_order(n: int, config: Config) -> np.ndarray:
    """Return which samples each step sees: integers (epochs, steps, batch_size).

    Every epoch is a new permutation of the n samples; the last partial batch is dropped.

    Raises
    ------
    ValueError
        When a batch is larger than the data.
    """
    if config.batch_size > n:
        raise ValueError(f"batch_size is {config.batch_size}, but there are only {n} training samples")
    steps = n // config.batch_size
    rng = stream(config.seed, "batch order")
    epochs = np.tile(np.arange(n), (config.epochs, 1))
    order = rng.permuted(epochs, axis=1)[:, : steps * config.batch_size]
    return order.reshape(config.epochs, steps, config.batch_size)
