"""Keep a training run, so that a later chapter reads the very run that an earlier one shows.

The build gives each chapter a folder to leave files in, and tells those after it where they lie. Without a
build nothing is kept, and every run is a new one.
Source: bookmaking.build.execute, which keeps what a chapter leaves only as long as its outputs.
"""

import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np

from threelayer.spec import Config, Data, Fit, History, Params

# Environment variables: the folder to leave files in, and the folders where others have left some.
LEAVES, LEFT = "BOOK_LEAVES", "BOOK_LEFT"


class Run(NamedTuple):
    """What a training run went through."""

    trajectory: list[Params]  # the weights after each epoch
    fit: Fit


def keep(
    network: ModuleType, start: Params, data: Data, config: Config, snapshots: Mapping[int, Params], fit: Fit
) -> None:
    """Leave a run to the chapters after this one.

    Parameters
    ----------
    snapshots
        The weights after every epoch, by its number from 1.
    """
    if LEAVES not in os.environ:
        return
    epochs = [snapshots[epoch] for epoch in range(1, config.epochs + 1)]
    weights = {
        name: np.stack(values) for name, values in zip(Params._fields, zip(*epochs, strict=True), strict=True)
    }
    losses = {name: getattr(fit.history, name) for name in ("train_loss", "val_loss", "seconds")}
    path = Path(os.environ[LEAVES], _file(network))
    np.savez(path, beginning=_beginning(start, data, config), **weights, **losses)


def run_of(network: ModuleType, start: Params, data: Data, config: Config) -> Run:
    """Return the run of an implementation that a chapter kept, or train where none began like this one."""
    for folder in filter(None, os.environ.get(LEFT, "").split(os.pathsep)):
        path = Path(folder, _file(network))
        if path.is_file():
            with np.load(path) as kept:
                if str(kept["beginning"]) == _beginning(start, data, config):
                    weights = [kept[name] for name in Params._fields]
                    losses = [kept[name].tolist() for name in ("train_loss", "val_loss", "seconds")]
                    trajectory = [Params(*epoch) for epoch in zip(*weights, strict=True)]
                    return Run(trajectory, Fit(trajectory[-1], History(*losses)))
    trajectory = []
    fit = network.fit(start, data, config, on_epoch=lambda epoch, params, *_: trajectory.append(params))
    return Run(trajectory, fit)


def _file(network: ModuleType) -> str:
    return f"{network.__name__.rpartition('.')[2]}.npz"


def _beginning(start: Params, data: Data, config: Config) -> str:
    """Return a digest of all that decides a run beside the code."""
    arrays = [*start, data.x_train, data.y_train, data.x_val, data.y_val]
    total = sha256(repr((config, [(array.shape, array.dtype.str) for array in arrays])).encode())
    for array in arrays:
        total.update(np.ascontiguousarray(array))
    return total.hexdigest()
