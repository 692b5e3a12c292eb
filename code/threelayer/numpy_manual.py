"""The three-layer network in NumPy, with backpropagation derived by hand: the reference for the other eight.

The idea: every product of the derivation is one einsum, whose letters name the axes it sums over.
Source: chapter "network", equations (forward-1) to (update); Rumelhart, Hinton and Williams (1986).
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from threelayer.data import batch_order
from threelayer.spec import Config, Data, Fit, History, Params
from threelayer.validate import checked_fit, checked_params, checked_x, checked_xy

# einsum runs a plain loop over its letters; with optimize=True it hands the product to BLAS. The hand-over
# has a cost, so only the products of two wide matrices, those with both h and k, go that way.
einsum = np.einsum
einsum_blas = partial(np.einsum, optimize=True)


def forward(params: Params, x: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return a1 (n, h) and a2 (n, k), the hidden activations, and y_hat (n, o)."""
    W1, b1, W2, b2, W3, b3 = params
    a1 = np.tanh(einsum("ni,ih->nh", x, W1) + b1)
    a2 = np.tanh(einsum_blas("nh,hk->nk", a1, W2) + b2)
    y_hat = einsum("nk,ko->no", a2, W3) + b3
    return a1, a2, y_hat


def mean_squared_error(y_hat: np.ndarray, y: np.ndarray) -> float:
    """Return the mean of the squared errors over all n * o entries."""
    return ((y_hat - y) ** 2).mean()


def backward(params: Params, x: np.ndarray, y: np.ndarray, forward_results: tuple) -> Params:
    """Return the gradient of the loss with respect to every weight, from the output back to the input.

    References
    ----------
    Equations (dz3), (dW3), (dz2), (dW2), (dz1) and (dW1) of chapter "network".
    """
    _, _, W2, _, W3, _ = params
    a1, a2, y_hat = forward_results
    dz3 = 2 * (y_hat - y) / y.size
    dW3, db3 = einsum("nk,no->ko", a2, dz3), einsum("no->o", dz3)
    dz2 = einsum("no,ko->nk", dz3, W3) * (1 - a2**2)
    dW2, db2 = einsum_blas("nh,nk->hk", a1, dz2), einsum("nk->k", dz2)
    dz1 = einsum_blas("nk,hk->nh", dz2, W2) * (1 - a1**2)
    dW1, db1 = einsum("ni,nh->ih", x, dz1), einsum("nh->h", dz1)
    return Params(dW1, db1, dW2, db2, dW3, db3)


def predict(params: Params, x: np.ndarray) -> np.ndarray:
    """Return the network's output (n, o) for inputs (n, i)."""
    params = checked_params(params)
    return forward(params, checked_x(params, x))[-1]


def loss_and_grads(params: Params, x: np.ndarray, y: np.ndarray) -> tuple[float, Params]:
    """Return the mean squared error and its gradient with respect to every weight."""
    params = checked_params(params)
    x, y = checked_xy(params, x, y)
    results = forward(params, x)
    return float(mean_squared_error(results[-1], y)), backward(params, x, y, results)


def update(params: Params, velocity: Params, grads: Params, learning_rate: float, momentum: float) -> None:
    """Take one step of gradient descent with momentum, in place: v <- m v + g, then p <- p - r v."""
    for p, v, g in zip(params, velocity, grads, strict=True):
        v *= momentum
        v += g
        p -= learning_rate * v


def fit(
    params: Params,
    data: Data,
    config: Config,
    on_epoch: Callable[[int, Params, float, float], None] | None = None,
) -> Fit:
    """Train over `batch_order` and return the final weights with the history.

    Raises
    ------
    ValueError
        For bad input, before any work.
    DivergedError
        When the loss stops being finite; names epoch and step.
    """
    params, x_train, y_train, x_val, y_val = checked_fit(params, data, config)
    params = Params(*(p.copy() for p in params))
    velocity = Params(*(np.zeros_like(p) for p in params))
    rates = config.learning_rate, config.momentum
    history = History()
    with np.errstate(over="ignore", invalid="ignore"):  # a run that diverges says so through its loss
        for epoch, batches in enumerate(batch_order(len(x_train), config)):
            batch_losses = np.empty(len(batches))
            for step, (x, y) in enumerate(zip(x_train[batches], y_train[batches], strict=True)):
                results = forward(params, x)
                batch_losses[step] = mean_squared_error(results[-1], y)
                update(params, velocity, backward(params, x, y, results), *rates)
            val_loss = mean_squared_error(forward(params, x_val)[-1], y_val)
            losses = history.record(batch_losses, val_loss, config)
            if on_epoch is not None:
                on_epoch(epoch, Params(*(p.copy() for p in params)), *losses)
    return Fit(params, history)
