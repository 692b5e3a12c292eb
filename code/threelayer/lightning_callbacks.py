"""What listens while Lightning trains: the history, loggers, checkpoints, and a trainer that keeps silent.

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

from threelayer.pytorch_modules import DEVICE
from threelayer.spec import Config, History


class Record(pl.Callback):
    """A callback of our own: keeps the history, in checkpoints too, and passes on what every epoch brings."""

    def __init__(self, config: Config, on_epoch: Callable | None) -> None:
        self.config, self.on_epoch, self.history = config, on_epoch, History()

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Record an epoch; its validation is over by now."""
        batch_losses = torch.stack(module.batch_losses).numpy(force=True)
        losses = self.history.record(batch_losses, trainer.callback_metrics["val_loss"].item(), self.config)
        if self.on_epoch is not None:
            self.on_epoch(trainer.current_epoch, module.to_params(), *losses)

    def state_dict(self) -> dict[str, list[float]]:
        """Return what a checkpoint keeps."""
        return {name: getattr(self.history, name) for name in ("train_loss", "val_loss", "seconds")}

    def load_state_dict(self, state: dict[str, list[float]]) -> None:
        """Continue the history of a checkpoint, and its clock."""
        self.history = History(**state)
        self.history._start -= self.history.seconds[-1]


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
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "num_sanity_val_steps": 0}
    try:
        with warnings.catch_warnings(), torch.enable_grad():  # the trainer itself leaves grad mode on
            warnings.filterwarnings("ignore", module="pytorch_lightning|lightning_fabric")
            yield pl.Trainer(accelerator=DEVICE.type, devices=1, **quiet, **options)
    finally:
        remarks.setLevel(level)
