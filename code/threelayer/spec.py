"""What the nine implementations agree on: the form of weights, configuration, data and result.

These types carry data and no algorithm, so that each framework stays free to be itself.
Source: chapter "network", equations (forward-1) to (forward-3) and (update).
"""

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from threelayer.arrays import is_whole

if TYPE_CHECKING:
    import pandas as pd


class Params(NamedTuple):
    """Weights and biases of the three layers; equally their gradients, or their velocities."""

    W1: np.ndarray  # (i, h)
    b1: np.ndarray  # (h,)
    W2: np.ndarray  # (h, k)
    b2: np.ndarray  # (k,)
    W3: np.ndarray  # (k, o)
    b3: np.ndarray  # (o,)


@dataclass(frozen=True)
class Config:
    """How to train: everything that decides the result beside the data and the initial weights.

    Raises
    ------
    ValueError
        When a value is impossible: one sentence names it.
    """

    hidden: tuple[int, int] = (24, 16)  # widths h and k
    learning_rate: float = 2**-4  # exact in float32, in which Keras keeps it unless its floatx is another
    momentum: float = 0.9375
    batch_size: int = 256
    epochs: int = 500
    seed: int = 0  # weights and batch order draw from own streams
    dtype: str = "float64"  # or "float32"

    def __post_init__(self) -> None:
        if len(self.hidden) != 2 or not all(is_whole(width, 1) for width in self.hidden):
            raise ValueError(f"hidden must be two widths of at least 1, not {self.hidden!r}")
        if not (np.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ValueError(f"learning_rate must be positive and finite, not {self.learning_rate!r}")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum must lie in [0, 1), not {self.momentum!r}")
        for name, least in (("batch_size", 1), ("epochs", 1), ("seed", 0)):
            if not is_whole(getattr(self, name), least):
                raise ValueError(
                    f"{name} must be a whole number of at least {least}, not {getattr(self, name)!r}"
                )
        # A list of widths or an integer rate is no error, but only one type may reach the frameworks.
        object.__setattr__(self, "hidden", tuple(int(width) for width in self.hidden))
        for name in ("learning_rate", "momentum"):
            object.__setattr__(self, name, float(getattr(self, name)))
        if self.dtype not in ("float64", "float32"):
            raise ValueError(f'dtype must be "float64" or "float32", not {self.dtype!r}')


class DivergedError(ArithmeticError):
    """The loss of a run stopped being finite."""


@dataclass
class History:
    """What a run reported, one entry an epoch.

    Attributes
    ----------
    train_loss
        Mean of the epoch's batch losses, each taken before its update.
    val_loss
        Loss on the validation set after the epoch's last update.
    seconds
        Time since the start of training.
    """

    train_loss: list[float] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    _start: float = field(default_factory=time.perf_counter, repr=False, compare=False)

    @classmethod
    def resumed(cls, **entries: list[float]) -> "History":
        """Continue a history that was kept somewhere, and its clock; nothing has to be in it yet."""
        history = cls(**entries)
        history._start -= max(history.seconds, default=0.0)
        return history

    def record(self, batch_losses: np.ndarray, val_loss: float, config: Config) -> tuple[float, float]:
        """Add one epoch and return its two losses.

        Parameters
        ----------
        batch_losses
            One loss a step, shape (steps,); a framework that reveals only their mean passes that, shape (1,).

        Raises
        ------
        DivergedError
            When one of the losses is not finite; names epoch, learning rate and, where known, the step.
        """
        epoch = len(self.train_loss)
        bad = np.flatnonzero(~np.isfinite(batch_losses))
        if bad.size or not np.isfinite(val_loss):
            step = f", step {bad[0]}" if bad.size and len(batch_losses) > 1 else ""
            raise DivergedError(
                f"the loss is no longer finite in epoch {epoch}{step}"
                f" at learning rate {config.learning_rate:g}; choose a smaller one"
            )
        self.train_loss.append(float(np.mean(batch_losses, dtype="float64")))
        self.val_loss.append(float(val_loss))
        self.seconds.append(time.perf_counter() - self._start)
        return self.train_loss[-1], self.val_loss[-1]

    def frame(self) -> "pd.DataFrame":
        """Return the history as a pandas frame with the columns epoch, train_loss, val_loss and seconds."""
        import pandas as pd  # only here, so that training alone does not wait for it

        columns = {"train_loss": self.train_loss, "val_loss": self.val_loss, "seconds": self.seconds}
        return pd.DataFrame(columns).rename_axis("epoch").reset_index()


class Fit(NamedTuple):
    """What `fit` returns: the trained weights and how training went."""

    params: Params
    history: History


class Standardizer(NamedTuple):
    """A change of units to mean 0 and standard deviation 1, column by column, and the way back."""

    mean: np.ndarray  # (columns,)
    std: np.ndarray  # (columns,)

    @classmethod
    def fit(cls, values: np.ndarray) -> "Standardizer":
        """Take mean and standard deviation from `values` (n, columns)."""
        return cls(values.mean(axis=0), values.std(axis=0))

    def transform(self, values: np.ndarray) -> np.ndarray:
        """Go from units to standardised values."""
        return (values - self.mean) / self.std

    def inverse_transform(self, values: np.ndarray) -> np.ndarray:
        """Go from standardised values back to units."""
        return values * self.std + self.mean


@dataclass(frozen=True)
class Data:
    """Three independent samples, standardised with training statistics, all float64.

    `x_*` (n, 3); `y_*` (n, 1) with noise; `y_true_*` (n, 1) without noise, in the same units.
    `x_scale.inverse_transform` and `y_scale.inverse_transform` lead back to radians and to units of f.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_val: np.ndarray
    y_val: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    y_true_train: np.ndarray
    y_true_val: np.ndarray
    y_true_test: np.ndarray
    x_scale: Standardizer
    y_scale: Standardizer
