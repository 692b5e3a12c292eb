"""The three-layer network in PyTorch's own building blocks: `nn.Module`, `torch.optim` and `DataLoader`.

The idea: a module owns its weights, an optimiser changes them, and a loader decides what they see.
Source: chapter "network", equations (forward-1) to (update); the backward pass is PyTorch's own.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Sampler, TensorDataset

from threelayer.data import batch_order
from threelayer.frameworks.pytorch_guard import guarded
from threelayer.spec import Config, Data, Fit, History, Params
from threelayer.validate import checked_fit, checked_params, checked_x, checked_xy

# Only CUDA is asked for: Apple's GPUs, which PyTorch also drives, have no float64.
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class ThreeLayer(nn.Module):
    """The network from built-in layers; the sizes decide its weights, which start as PyTorch draws them."""

    def __init__(self, n_in: int, hidden: tuple[int, int], n_out: int) -> None:
        super().__init__()
        h, k = hidden
        self.layer1 = nn.Linear(n_in, h)
        self.layer2 = nn.Linear(h, k)
        self.layer3 = nn.Linear(k, n_out)

    def forward(self, x: Tensor) -> Tensor:
        """Return y_hat (n, o) for inputs (n, i)."""
        a1 = torch.tanh(self.layer1(x))
        a2 = torch.tanh(self.layer2(a1))
        return self.layer3(a2)


def mean_squared_error(y_hat: Tensor, y: Tensor) -> Tensor:
    """Return the mean of the squared errors over all n * o entries."""
    return nn.functional.mse_loss(y_hat, y)


class SharedOrder(Sampler[Tensor]):
    """Yields the batches of one epoch, each as the indices of its samples.

    Parameters
    ----------
    order : (epochs, steps, batch_size)
    """

    def __init__(self, order: np.ndarray) -> None:
        self.order = to_tensor(order)
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch; PyTorch's own `DistributedSampler` has a method of this name and purpose."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[Tensor]:
        yield from self.order[self.epoch]  # looked up late: Lightning may set the epoch after `iter`

    def __len__(self) -> int:
        return self.order.shape[1]


def training_loader(x: Tensor, y: Tensor, config: Config) -> DataLoader:
    """Return what feeds the batches of `batch_order`, one epoch each time it is iterated."""
    return DataLoader(
        TensorDataset(x, y),
        sampler=SharedOrder(batch_order(len(x), config)),
        batch_size=None,  # the sampler hands out whole batches: one look-up each, not one for every sample
        generator=torch.Generator(),  # a loader draws a seed per epoch, here not from the global generator
    )


def to_tensor(array: np.ndarray) -> Tensor:
    """Copy an array to the device; it is made contiguous, as a tensor cannot have negative strides."""
    return torch.tensor(np.ascontiguousarray(array), device=DEVICE)


def from_params(params: Params) -> ThreeLayer:
    """Build the network around given weights, transposed: `nn.Linear` stores a weight as (out, in)."""
    n_in, h = params.W1.shape
    k, n_out = params.W3.shape
    with torch.device("meta"):  # shapes without numbers, as any numbers drawn here would be thrown away
        model = ThreeLayer(n_in, (h, k), n_out)
    tensors = (to_tensor(p.T) for p in params)
    model.load_state_dict(dict(zip(model.state_dict(), tensors, strict=True)), assign=True)
    return model


def to_params(tensors: Iterable[Tensor]) -> Params:
    """Copy weights or gradients into NumPy arrays, transposed back to (in, out)."""
    return Params(*(t.numpy(force=True).T.copy() for t in tensors))


@guarded
@torch.inference_mode()
def predict(params: Params, x: np.ndarray) -> np.ndarray:
    """Return the network's output (n, o) for inputs (n, i)."""
    params = checked_params(params)
    x = checked_x(params, x)
    model = from_params(params).eval()
    return model(to_tensor(x)).numpy(force=True)


@guarded
def loss_and_grads(params: Params, x: np.ndarray, y: np.ndarray) -> tuple[float, Params]:
    """Return the mean squared error and its gradient with respect to every weight."""
    params = checked_params(params)
    x, y = checked_xy(params, x, y)
    model = from_params(params)
    loss = mean_squared_error(model(to_tensor(x)), to_tensor(y))
    loss.backward()
    return loss.item(), to_params(p.grad for p in model.parameters())


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
    model = from_params(params)
    optimizer = torch.optim.SGD(model.parameters(), lr=config.learning_rate, momentum=config.momentum)
    loader = training_loader(x_train, y_train, config)
    history = History()
    for epoch in range(config.epochs):
        loader.sampler.set_epoch(epoch)
        model.train()
        batch_losses = []
        for x, y in loader:
            loss = mean_squared_error(model(x), y)
            batch_losses.append(loss.detach())
            optimizer.zero_grad()  # `backward` adds to the gradients that it finds
            loss.backward()
            optimizer.step()
        model.eval()  # nothing for these layers, but dropout and batch normalisation ask for it
        with torch.no_grad():
            val_loss = mean_squared_error(model(x_val), y_val)
        losses = history.record(torch.stack(batch_losses).numpy(force=True), val_loss.item(), config)
        if on_epoch is not None:
            on_epoch(epoch, to_params(model.parameters()), *losses)
    return Fit(to_params(model.parameters()), history)
