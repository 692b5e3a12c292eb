"""Judge a trained network in units of f, and compare two sets of weights.

A network is one of the nine modules, so every page asks the same questions in the same words.
Source: chapter "numpy_manual".
"""

from types import ModuleType

import numpy as np

from threelayer.spec import Data, Params


def noise_floor(data: Data, noise: float = 0.25) -> float:
    """Return the loss to expect of a perfect network, equation (noise-floor)."""
    return float((noise / data.y_scale.std[0]) ** 2)


def predict_units(network: ModuleType, params: Params, data: Data, x: np.ndarray) -> np.ndarray:
    """Predict at points in radians (n, 3), in units of f (n,)."""
    y_hat = network.predict(params, data.x_scale.transform(x))
    return data.y_scale.inverse_transform(y_hat)[:, 0]


def errors(network: ModuleType, params: Params, data: Data) -> np.ndarray:
    """Return the errors on the test set, prediction minus truth (n, 1), in units of f."""
    return data.y_scale.std * (network.predict(params, data.x_test) - data.y_true_test)


def rmse(network: ModuleType, params: Params, data: Data) -> float:
    """Return the root mean square of the test error, in units of f."""
    return float(np.sqrt(np.mean(errors(network, params, data) ** 2)))


def r_squared(network: ModuleType, params: Params, data: Data) -> float:
    """Return the share of the variance of the true test values that is explained."""
    truth = data.y_scale.std * data.y_true_test
    return float(1 - np.mean(errors(network, params, data) ** 2) / truth.var())


def axis_lines(grid: np.ndarray, fixed: float = np.pi / 2) -> np.ndarray:
    """Return points (3, m, 3) along each input in turn, the other two held at `fixed`; all in radians."""
    lines = np.full((3, grid.size, 3), fixed)
    for i in range(3):
        lines[i, :, i] = grid
    return lines


def largest_deviation(left: Params, right: Params) -> float:
    """Return the largest absolute difference between two sets of weights."""
    return max(float(np.abs(a.astype(float) - b).max()) for a, b in zip(left, right, strict=True))
