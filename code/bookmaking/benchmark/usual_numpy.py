"""The usual way to train this network without a framework: scikit-learn's regressor.

It is what the benchmark holds `numpy_manual` against.
Source: the user guide of scikit-learn, "Neural network models (supervised)".
"""

import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from threelayer import Config, Params


def regressor(params: Params, x: np.ndarray, y: np.ndarray, config: Config, shuffle: bool) -> tuple:
    """Fit an `MLPRegressor`; it tells nobody when an epoch ends, so all are taken as equally long."""
    model = MLPRegressor(
        hidden_layer_sizes=config.hidden,
        activation="tanh",
        solver="sgd",
        alpha=0.0,
        batch_size=config.batch_size,
        learning_rate_init=config.learning_rate * 2 / y.shape[1],  # its loss is half the sum over outputs
        momentum=config.momentum,
        nesterovs_momentum=False,
        max_iter=config.epochs,
        shuffle=shuffle,
        tol=0.0,
        n_iter_no_change=config.epochs + 1,
        warm_start=True,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it trains for as long as it is told
        model.partial_fit(x[: config.batch_size], y[: config.batch_size].squeeze(1))  # makes its arrays
        model.coefs_ = [W.astype(x.dtype) for W in params[0::2]]
        model.intercepts_ = [b.astype(x.dtype) for b in params[1::2]]
        start = time.perf_counter()
        model.fit(x, y.squeeze(1))
        ends = np.linspace(start, time.perf_counter(), config.epochs + 1)[1:]
    weights = zip(model.coefs_, model.intercepts_, strict=True)
    return Params(*(array for layer in weights for array in layer)), list(ends)
