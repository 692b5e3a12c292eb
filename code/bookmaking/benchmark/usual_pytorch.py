"""The usual ways to train this network in PyTorch and Lightning, as their tutorials write them.

They are what the benchmark holds the three PyTorch implementations against.
Source: PyTorch's "Learning PyTorch with Examples", "PyTorch: Defining New autograd Functions" and
"Quickstart", Lightning's "Lightning in 15 minutes".
"""

import logging
import time
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from threelayer import Config, Params


def operations(x: torch.Tensor, W1, b1, W2, b2, W3, b3) -> torch.Tensor:
    """Return the prediction, by operations whose gradients PyTorch knows."""
    return torch.tanh(torch.tanh(x @ W1 + b1) @ W2 + b2) @ W3 + b3


class TanhLayer(torch.autograd.Function):
    """A layer tanh(x W + b) that brings its own gradient."""

    @staticmethod
    def forward(ctx, x: torch.Tensor, W: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """Return the activations, and keep what `backward` needs."""
        a = torch.tanh(x @ W + b)
        ctx.save_for_backward(x, W, a)
        return a

    @staticmethod
    def backward(ctx, da: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the gradient with respect to x, W and b."""
        x, W, a = ctx.saved_tensors
        dz = da * (1 - a**2)
        return dz @ W.T, x.T @ dz, dz.sum(0)


def layers(x: torch.Tensor, W1, b1, W2, b2, W3, b3) -> torch.Tensor:
    """Return the prediction, by layers that bring their own gradient."""
    return TanhLayer.apply(TanhLayer.apply(x, W1, b1), W2, b2) @ W3 + b3


def by_hand(
    forward: Callable, params: Params, x: np.ndarray, y: np.ndarray, config: Config, shuffle: bool
) -> tuple:
    """Train by tensors, autograd, a loss and an update written out."""
    x, y = torch.tensor(x), torch.tensor(y)
    weights = [torch.tensor(p, dtype=x.dtype, requires_grad=True) for p in params]
    velocities = [torch.zeros_like(w) for w in weights]
    ends = []
    for _ in range(config.epochs):
        order = torch.randperm(len(x)) if shuffle else torch.arange(len(x))
        losses = []
        for batch in order.split(config.batch_size):
            loss = (forward(x[batch], *weights) - y[batch]).pow(2).mean()
            losses.append(loss.detach())
            loss.backward()
            with torch.no_grad():
                for w, v in zip(weights, velocities, strict=True):
                    v.mul_(config.momentum).add_(w.grad)
                    w -= config.learning_rate * v
                    w.grad = None
        torch.stack(losses).mean().item()
        ends.append(time.perf_counter())
    return Params(*(w.detach().numpy() for w in weights)), ends


tensors, function = partial(by_hand, operations), partial(by_hand, layers)


def sequential(params: Params, dtype: torch.dtype) -> nn.Sequential:
    """Return the network of built-in layers, around given weights."""
    n_in, h = params.W1.shape
    k, n_out = params.W3.shape
    model = nn.Sequential(nn.Linear(n_in, h), nn.Tanh(), nn.Linear(h, k), nn.Tanh(), nn.Linear(k, n_out))
    with torch.no_grad():
        for ours, theirs in zip(params, model.to(dtype).parameters(), strict=True):
            theirs.copy_(torch.tensor(ours.T))
    return model


def modules(params: Params, x: np.ndarray, y: np.ndarray, config: Config, shuffle: bool) -> tuple:
    """Train `nn.Sequential` by `optim.SGD` over a `DataLoader` of a `TensorDataset`."""
    x, y = torch.tensor(x), torch.tensor(y)
    loader = DataLoader(TensorDataset(x, y), batch_size=config.batch_size, shuffle=shuffle)
    model = sequential(params, x.dtype)
    loss_fn = nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=config.learning_rate, momentum=config.momentum)
    ends = []
    for _ in range(config.epochs):
        total = 0.0
        for x_batch, y_batch in loader:
            loss = loss_fn(model(x_batch), y_batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        ends.append(time.perf_counter())
    return Params(*(p.detach().numpy().T for p in model.parameters())), ends


class Regression(pl.LightningModule):
    """The network as a `LightningModule`."""

    def __init__(self, params: Params, dtype: torch.dtype, config: Config) -> None:
        super().__init__()
        self.model, self.config = sequential(params, dtype), config

    def training_step(self, batch: tuple, batch_idx: int) -> torch.Tensor:
        """Return the loss of a batch."""
        x, y = batch
        return nn.functional.mse_loss(self.model(x), y)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the optimiser."""
        rates = {"lr": self.config.learning_rate, "momentum": self.config.momentum}
        return torch.optim.SGD(self.parameters(), **rates)


class Clock(pl.Callback):
    """Notes when each epoch ends."""

    def __init__(self) -> None:
        self.ends = []

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Look at the clock."""
        self.ends.append(time.perf_counter())


def lightning(params: Params, x: np.ndarray, y: np.ndarray, config: Config, shuffle: bool) -> tuple:
    """Let a `Trainer` fit a `LightningModule`; logger, progress bar and checkpoints are off."""
    x, y = torch.tensor(x), torch.tensor(y)
    loader = DataLoader(TensorDataset(x, y), batch_size=config.batch_size, shuffle=shuffle)
    module, clock = Regression(params, x.dtype, config), Clock()
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pytorch_lightning|lightning_fabric")
        trainer = pl.Trainer(
            accelerator="cpu",
            max_epochs=config.epochs,
            logger=False,
            enable_progress_bar=False,
            enable_checkpointing=False,
            enable_model_summary=False,
            callbacks=[clock],
        )
        trainer.fit(module, loader)
    return Params(*(p.detach().numpy().T for p in module.parameters())), clock.ends
