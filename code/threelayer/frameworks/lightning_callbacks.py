"""What Lightning's trainer gets beside the module: samples, callbacks, loggers, and settings for silence.

The idea: a callback hears of every moment of training and reaches the module from there.
Source: chapter "pytorch_lightning".
"""

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger, Logger, TensorBoardLogger
from torch import Tensor
from torch.utils.data import DataLoader

from threelayer.pytorch_modules import DEVICE, training_loader
from threelayer.pytorch_scratch import to_params
from threelayer.spec import Config, History


class SampleSets(pl.LightningDataModule):
    """Pairs x, y of samples: `train` in the shared order, `val` and `test` each as one batch."""

    def __init__(self, config: Config, **pairs: tuple[Tensor, Tensor]) -> None:
        super().__init__()
        self.config, self.pairs = config, pairs

    def train_dataloader(self) -> DataLoader:
        """Return the loader of chapter "pytorch_modules"; the trainer calls `set_epoch`."""
        return training_loader(*self.pairs["train"], self.config)

    def val_dataloader(self) -> DataLoader:
        """Return a loader of the validation set."""
        return DataLoader([self.pairs["val"]], batch_size=None, generator=torch.Generator())

    def test_dataloader(self) -> DataLoader:
        """Return a loader of the test set."""
        return DataLoader([self.pairs["test"]], batch_size=None, generator=torch.Generator())


class Record(pl.Callback):
    """A callback of our own: keeps the history, in checkpoints too, and passes on what every epoch brings."""

    def __init__(self, config: Config, on_epoch: Callable | None) -> None:
        self.config, self.on_epoch, self.history = config, on_epoch, History()

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Record an epoch; its validation is over by now."""
        batch_losses = torch.stack(module.batch_losses).numpy(force=True)
        losses = self.history.record(batch_losses, trainer.callback_metrics["val_loss"].item(), self.config)
        if self.on_epoch is not None:
            self.on_epoch(trainer.current_epoch, to_params(module.parameters()), *losses)

    def state_dict(self) -> dict[str, list[float]]:
        """Return what a checkpoint keeps."""
        return {name: getattr(self.history, name) for name in ("train_loss", "val_loss", "seconds")}

    def load_state_dict(self, state: dict[str, list[float]]) -> None:
        """Continue the history of a checkpoint, and its clock."""
        self.history = History.resumed(**state)


def loggers(folder: str | Path) -> list[Logger]:
    """Return what writes the logged values below `folder`, as a table and for TensorBoard."""
    return [CSVLogger(folder, "csv"), TensorBoardLogger(folder, "tensorboard")]


def checkpoints(folder: str | Path) -> list[ModelCheckpoint]:
    """Return what keeps `best.ckpt`, of the lowest validation loss, and `last.ckpt` in `folder`."""
    # Two, because one that monitors a loss skips its `save_last`, too, in epochs that do not improve it. They
    # wait for the end of the epoch, as `Record` records only after validation.
    keep = partial(ModelCheckpoint, folder, save_on_train_epoch_end=True, enable_version_counter=False)
    return [keep("best", monitor="val_loss"), keep("last")]


@contextmanager
def silent_trainer(**options) -> Iterator[pl.Trainer]:
    """Lend a trainer that prints nothing and writes only what `options` ask for; then all is as it was."""
    remarks = logging.getLogger("pytorch_lightning")
    level = remarks.level
    remarks.setLevel(logging.ERROR)
    keeps = any(isinstance(callback, ModelCheckpoint) for callback in options.get("callbacks", ()))
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "num_sanity_val_steps": 0}
    quiet |= {"logger": False, "enable_checkpointing": keeps, "accelerator": DEVICE.type, "devices": 1}
    try:
        with warnings.catch_warnings(), torch.enable_grad():  # the trainer itself leaves grad mode on
            warnings.filterwarnings("ignore", module="pytorch_lightning|lightning_fabric")
            yield pl.Trainer(**(quiet | options))
    finally:
        remarks.setLevel(level)
