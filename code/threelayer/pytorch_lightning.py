"""The three-layer network in PyTorch Lightning: a module says what a step is, a trainer does the stepping.

The idea: the framework owns the loop; whatever else is to happen waits in a hook until the loop calls it.
Source: chapter "network", equations (forward-1) to (update); the backward pass is PyTorch's own.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import Logger
from torch import Tensor, nn
from torch.utils.data import DataLoader

from threelayer.data import Data
from threelayer.lightning_callbacks import Record, silent_trainer
from threelayer.pytorch_modules import mean_squared_error, to_tensor, training_loader
from threelayer.spec import Config, Fit, Params
from threelayer.validate import checked_fit, checked_params, checked_x, checked_xy


class EinsumLinear(nn.Module):
    """A linear layer that is an einsum: it stores its weight as (in, out), as the equations write it."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_in, n_out))
        self.bias = nn.Parameter(torch.zeros(n_out))
        nn.init.xavier_uniform_(self.weight)  # named after Xavier Glorot: equation (glorot)

    def forward(self, x: Tensor) -> Tensor:
        """Return z (n, h) for inputs (n, i)."""
        return torch.einsum("ni,ih->nh", x, self.weight) + self.bias


def to_numpy(tensors: Iterable[Tensor]) -> Params:
    """Copy weights or gradients into NumPy arrays."""
    return Params(*(t.numpy(force=True).copy() for t in tensors))


class ThreeLayer(pl.LightningModule):
    """The network, its steps and its optimiser; sizes, dtype and rates are kept in every checkpoint."""

    def __init__(self, n_in: int, hidden: tuple[int, int], n_out: int, dtype: str, **rates: float) -> None:
        super().__init__()
        self.save_hyperparameters()
        h, k = hidden
        self.layer1 = EinsumLinear(n_in, h)
        self.layer2 = EinsumLinear(h, k)
        self.layer3 = EinsumLinear(k, n_out)
        self.to(getattr(torch, dtype))
        self.rates, self.batch_losses = rates, []

    def forward(self, x: Tensor) -> Tensor:
        """Return the prediction (n, o) for inputs (n, i)."""
        a1 = torch.tanh(self.layer1(x))
        a2 = torch.tanh(self.layer2(a1))
        return self.layer3(a2)

    @classmethod
    def from_params(cls, params: Params, **rates: float) -> Self:
        """Build the network around given weights."""
        n_in, h = params.W1.shape
        k, n_out = params.W3.shape
        with torch.device("meta"):  # shapes without numbers, as any numbers drawn here would be thrown away
            module = cls(n_in, (h, k), n_out, params.W1.dtype.name, **rates)
        tensors = map(to_tensor, params)
        module.load_state_dict(dict(zip(module.state_dict(), tensors, strict=True)), assign=True)
        return module

    def to_params(self) -> Params:
        """Copy the weights into NumPy arrays."""
        return to_numpy(self.parameters())

    def loss(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Return the mean squared error over a batch x, y."""
        x, y = batch
        return mean_squared_error(self(x), y)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Return the loss of a batch; the trainer takes its gradients and lets the optimiser step."""
        loss = self.loss(batch)
        self.batch_losses.append(loss.detach())
        return loss

    def on_train_epoch_end(self) -> None:
        """Log the mean loss, once an epoch: `self.log` in every step would take a third of the time."""
        self.log("train_loss", torch.stack(self.batch_losses).mean())
        self.batch_losses.clear()

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Log the loss on the validation set, after the last step of every epoch."""
        self.log("val_loss", self.loss(batch))

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Log the loss on the test set; training never comes here."""
        self.log("test_loss", self.loss(batch))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the optimiser of equation (update)."""
        return torch.optim.SGD(self.parameters(), **self.rates)


class SampleSets(pl.LightningDataModule):
    """Pairs x, y of samples: those for training in the shared order, the others each as one batch."""

    def __init__(
        self, train: tuple = (), val: tuple = (), test: tuple = (), config: Config | None = None
    ) -> None:
        super().__init__()
        self.train, self.val, self.test, self.config = train, val, test, config

    def train_dataloader(self) -> DataLoader:
        """Return the loader of chapter "pytorch_modules"; the trainer calls `set_epoch`."""
        return training_loader(*self.train, self.config)

    def val_dataloader(self) -> DataLoader:
        """Return a loader of the validation set."""
        return DataLoader([self.val], batch_size=None, generator=torch.Generator())

    def test_dataloader(self) -> DataLoader:
        """Return a loader of the test set."""
        return DataLoader([self.test], batch_size=None, generator=torch.Generator())


def predict(params: Params, x: np.ndarray) -> np.ndarray:
    """Return the network's output (n, o) for inputs (n, i)."""
    params = checked_params(params)
    x = checked_x(params, x)
    return ThreeLayer.from_params(params)(to_tensor(x)).numpy(force=True)


def loss_and_grads(params: Params, x: np.ndarray, y: np.ndarray) -> tuple[float, Params]:
    """Return the mean squared error and its gradient by every weight."""
    params = checked_params(params)
    x, y = checked_xy(params, x, y)
    module = ThreeLayer.from_params(params)
    loss = module.loss((to_tensor(x), to_tensor(y)))
    loss.backward()
    return loss.item(), to_numpy(p.grad for p in module.parameters())


def evaluate(params: Params, x: np.ndarray, y: np.ndarray) -> float:
    """Return the mean squared error, as the test step logs it."""
    params = checked_params(params)
    x, y = map(to_tensor, checked_xy(params, x, y))
    with silent_trainer(logger=False, enable_checkpointing=False) as trainer:
        [logged] = trainer.test(ThreeLayer.from_params(params), SampleSets(test=(x, y)), verbose=False)
    return logged["test_loss"]


def fit(
    params: Params,
    data: Data,
    config: Config,
    on_epoch: Callable[[int, Params, float, float], None] | None = None,
    *,
    callbacks: Sequence[pl.Callback] = (),
    logger: Sequence[Logger] = (),
    ckpt_path: str | Path | None = None,
) -> Fit:
    """Train over `batch_order` and return the final weights with the history.

    Lightning gets more `callbacks` and a `logger` on request, and goes on from the checkpoint at `ckpt_path`.

    Raises
    ------
    ValueError
        For bad input, before any work.
    DivergedError
        When the loss stops being finite.
    """
    params, *arrays = checked_fit(params, data, config)
    x_train, y_train, x_val, y_val = map(to_tensor, arrays)
    sets = SampleSets(train=(x_train, y_train), val=(x_val, y_val), config=config)
    module = ThreeLayer.from_params(params, lr=float(config.learning_rate), momentum=float(config.momentum))
    record = Record(config, on_epoch)
    keeps = any(isinstance(callback, ModelCheckpoint) for callback in callbacks)
    options = {"callbacks": [record, *callbacks], "logger": [*logger], "enable_checkpointing": keeps}
    with silent_trainer(max_epochs=config.epochs, **options) as trainer:
        trainer.fit(module, sets, ckpt_path=ckpt_path)
    return Fit(module.to_params(), record.history)
