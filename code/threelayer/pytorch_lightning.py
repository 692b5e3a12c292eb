"""The three-layer network in PyTorch Lightning: a module says what a step is, a trainer does the stepping.

The idea: the framework owns the loop; whatever else is to happen waits in a hook until the loop calls it.
Source: chapter "network", equations (forward-1) to (update); the backward pass is PyTorch's own.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger
from torch import Tensor, nn

from threelayer.frameworks.lightning_callbacks import Record, SampleSets, silent_trainer
from threelayer.frameworks.pytorch_guard import guarded
from threelayer.pytorch_modules import mean_squared_error, to_tensor
from threelayer.pytorch_scratch import to_params
from threelayer.spec import Config, Data, Fit, Params
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


class ThreeLayer(pl.LightningModule):
    """The network, its steps and its optimiser; every checkpoint keeps the arguments as `hparams`."""

    def __init__(
        self, n_in: int, hidden: tuple[int, int], n_out: int, dtype: str, lr: float, momentum: float
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        h, k = hidden
        self.layer1 = EinsumLinear(n_in, h)
        self.layer2 = EinsumLinear(h, k)
        self.layer3 = EinsumLinear(k, n_out)
        self.to(getattr(torch, dtype))
        self.batch_losses = []

    def forward(self, x: Tensor) -> Tensor:
        """Return y_hat (n, o) for inputs (n, i)."""
        a1 = torch.tanh(self.layer1(x))
        a2 = torch.tanh(self.layer2(a1))
        return self.layer3(a2)

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
        """Log the mean loss once an epoch, which is cheaper than `self.log` with `on_epoch` in every step."""
        self.log("train_loss", torch.stack(self.batch_losses).mean())
        self.batch_losses.clear()

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Log the loss on the validation set, after the last step of every epoch."""
        self.log("val_loss", self.loss(batch))

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Log the loss on the test set; only `Trainer.test` comes here."""
        self.log("test_loss", self.loss(batch))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the optimiser of equation (update)."""
        return torch.optim.SGD(self.parameters(), lr=self.hparams.lr, momentum=self.hparams.momentum)


def from_params(params: Params, config: Config = Config()) -> ThreeLayer:  # noqa: B008 (frozen)
    """Build the network around given weights, in their dtype, with the rates of a configuration."""
    n_in, h = params.W1.shape
    k, n_out = params.W3.shape
    rates = {"lr": config.learning_rate, "momentum": config.momentum}
    with torch.device("meta"):  # shapes without numbers, as any numbers drawn here would be thrown away
        module = ThreeLayer(n_in, (h, k), n_out, params.W1.dtype.name, **rates)
    tensors = map(to_tensor, params)
    module.load_state_dict(dict(zip(module.state_dict(), tensors, strict=True)), assign=True)
    return module


@guarded
@torch.inference_mode()
def predict(params: Params, x: np.ndarray) -> np.ndarray:
    """Return the network's output (n, o) for inputs (n, i)."""
    params = checked_params(params)
    x = checked_x(params, x)
    module = from_params(params).eval()
    return module(to_tensor(x)).numpy(force=True)


@guarded
def loss_and_grads(params: Params, x: np.ndarray, y: np.ndarray) -> tuple[float, Params]:
    """Return the mean squared error and its gradient with respect to every weight."""
    params = checked_params(params)
    x, y = checked_xy(params, x, y)
    module = from_params(params)
    loss = module.loss((to_tensor(x), to_tensor(y)))
    loss.backward()
    return loss.item(), to_params(p.grad for p in module.parameters())


@guarded
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

    Lightning gets more `callbacks` and a `logger` on request, and goes on from the checkpoint at `ckpt_path`,
    which must have been written at the end of an epoch.

    Raises
    ------
    ValueError
        For bad input, before any work.
    DivergedError
        When the loss stops being finite; names epoch and step.
    """
    params, *arrays = checked_fit(params, data, config)
    x_train, y_train, x_val, y_val = map(to_tensor, arrays)
    sets = SampleSets(config, train=(x_train, y_train), val=(x_val, y_val))
    module = from_params(params, config)
    record = Record(config, on_epoch)
    options = {"callbacks": [record, *callbacks], "logger": [*logger], "max_epochs": config.epochs}
    with silent_trainer(**options) as trainer:
        trainer.fit(module, sets, ckpt_path=ckpt_path)
    return Fit(to_params(module.parameters()), record.history)
