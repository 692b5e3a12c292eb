"""The three-layer network in PyTorch from tensors alone: einsum, and a layer that brings its own gradient.

The idea: computing with tensors records a graph, and autograd walks it back from the loss to the leaves.
Source: chapter "network", equations (forward-1) to (update); the layer by hand repeats its derivation.
"""

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor, einsum

from threelayer.data import batch_order
from threelayer.frameworks.pytorch_guard import guarded
from threelayer.spec import Config, Data, Fit, History, Params
from threelayer.validate import checked_fit, checked_params, checked_x, checked_xy

# Only CUDA is asked for: Apple's GPUs, which PyTorch also drives, have no float64.
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Dense(torch.autograd.Function):
    """A hidden layer by hand: a = tanh(x W + b)."""

    generate_vmap_rule = True  # for torch.func.vmap: all that is called below has such a rule

    @staticmethod
    def forward(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
        """Return a (n, h) for inputs (n, i)."""
        return torch.tanh(einsum("ni,ih->nh", x, W) + b)

    @staticmethod
    def setup_context(ctx, inputs: tuple[Tensor, ...], a: Tensor) -> None:
        """Keep what `backward` will need: not z, as the slope of tanh is a function of its value."""
        x, W, _ = inputs
        ctx.save_for_backward(x, W, a)

    @staticmethod
    def backward(ctx, da: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        """Return the gradient with respect to x, W and b, given that with respect to a."""
        x, W, a = ctx.saved_tensors
        dz = da * (1 - a**2)
        dW, db = einsum("ni,nh->ih", x, dz), einsum("nh->h", dz)
        dx = einsum("nh,ih->ni", dz, W) if ctx.needs_input_grad[0] else None  # the data need none
        return dx, dW, db


def forward(params: Params, x: Tensor) -> tuple[Tensor, ...]:
    """Return a1 (n, h) and a2 (n, k), the hidden activations, and y_hat (n, o)."""
    W1, b1, W2, b2, W3, b3 = params
    a1 = Dense.apply(x, W1, b1)
    a2 = Dense.apply(a1, W2, b2)
    y_hat = a2 @ W3 + b3  # without an activation function there is little to do: left to autograd
    return a1, a2, y_hat


def forward_autograd(params: Params, x: Tensor) -> tuple[Tensor, ...]:
    """Return the same as `forward`, from operations whose gradients PyTorch knows."""
    W1, b1, W2, b2, W3, b3 = params
    a1 = torch.tanh(einsum("ni,ih->nh", x, W1) + b1)
    a2 = torch.tanh(einsum("nh,hk->nk", a1, W2) + b2)
    y_hat = einsum("nk,ko->no", a2, W3) + b3
    return a1, a2, y_hat


def mean_squared_error(y_hat: Tensor, y: Tensor) -> Tensor:
    """Return the mean of the squared errors over all n * o entries."""
    return ((y_hat - y) ** 2).mean()


def to_tensor(array: np.ndarray) -> Tensor:
    """Copy an array to the device; it is made contiguous, as a tensor cannot have negative strides."""
    return torch.tensor(np.ascontiguousarray(array), device=DEVICE)


def from_params(params: Params) -> Params:
    """Copy weights into tensors that gradients are taken with respect to."""
    return Params(*(to_tensor(p).requires_grad_() for p in params))


def to_params(tensors: Iterable[Tensor]) -> Params:
    """Copy weights or gradients into NumPy arrays."""
    return Params(*(t.numpy(force=True).copy() for t in tensors))


@guarded
@torch.inference_mode()
def predict(params: Params, x: np.ndarray) -> np.ndarray:
    """Return the network's output (n, o) for inputs (n, i)."""
    params = checked_params(params)
    x = checked_x(params, x)
    return forward(from_params(params), to_tensor(x))[-1].numpy(force=True)


@guarded
def loss_and_grads(
    params: Params, x: np.ndarray, y: np.ndarray, *, forward: Callable = forward
) -> tuple[float, Params]:
    """Return the mean squared error and its gradient with respect to every weight.

    `forward` may be `forward_autograd`.
    """
    params = checked_params(params)
    x, y = checked_xy(params, x, y)
    params = from_params(params)
    loss = mean_squared_error(forward(params, to_tensor(x))[-1], to_tensor(y))
    return loss.item(), to_params(torch.autograd.grad(loss, params))


@torch.no_grad()
def update(
    params: Params, velocity: Params, grads: tuple[Tensor, ...], learning_rate: float, momentum: float
) -> None:
    """Take one step of gradient descent with momentum, in place: v <- m v + g, then p <- p - r v."""
    for p, v, g in zip(params, velocity, grads, strict=True):
        v *= momentum
        v += g
        p.sub_(v, alpha=learning_rate)


@guarded
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
    params, *arrays = checked_fit(params, data, config)
    x_train, y_train, x_val, y_val = map(to_tensor, arrays)
    params = from_params(params)
    velocity = Params(*(torch.zeros_like(p) for p in params))
    rates = config.learning_rate, config.momentum
    history = History()
    for epoch, batches in enumerate(to_tensor(batch_order(len(x_train), config))):
        batch_losses = []
        for x, y in zip(x_train[batches], y_train[batches], strict=True):
            loss = mean_squared_error(forward(params, x)[-1], y)
            batch_losses.append(loss.detach())
            update(params, velocity, torch.autograd.grad(loss, params), *rates)
        with torch.no_grad():
            val_loss = mean_squared_error(forward(params, x_val)[-1], y_val)
        losses = history.record(torch.stack(batch_losses).numpy(force=True), val_loss.item(), config)
        if on_epoch is not None:
            on_epoch(epoch, to_params(params), *losses)
    return Fit(to_params(params), history)
