"""How a training went, and what it left."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from threelayer.plots.style import BLUE, DASHES, GREEN, GREY, INK, ORANGE, SHADES, WIDTH, color_of
from threelayer.spec import History, Params


def loss_curves(histories: Mapping[str, History], noise_floor: float) -> Figure:
    """Draw training and validation loss over epochs on a logarithmic axis, with the noise floor.

    One history is drawn in two colours; several get the colours of their frameworks.
    """
    figure, axis = plt.subplots()
    for name, history in histories.items():
        frame = history.frame()
        color = color_of(name)
        axis.plot(frame["epoch"], frame["train_loss"], color=color, label=f"{name}, training")
        axis.plot(frame["epoch"], frame["val_loss"], color=INK, linewidth=0.8, label=f"{name}, validation")
    axis.axhline(noise_floor, color=INK, linestyle="--", linewidth=1, label="noise floor")
    axis.set(yscale="log", xlabel="epoch", ylabel="loss (standardised)")
    axis.legend()
    return figure


def predictions(y_true: np.ndarray, y_hat: np.ndarray, color: str = BLUE) -> Figure:
    """Draw predictions against the truth with the identity line, and the distribution of the errors.

    Parameters
    ----------
    y_true, y_hat : (n, 1), units of f
    """
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.0))
    low, high = float(min(y_true.min(), y_hat.min())), float(max(y_true.max(), y_hat.max()))
    axes[0].plot([low, high], [low, high], color=INK, linewidth=1, linestyle="--", label="identity")
    axes[0].plot(
        y_true[:, 0],
        y_hat[:, 0],
        ".",
        color=color,
        markersize=2.5,
        alpha=0.5,
        rasterized=True,
        label="sample",
    )
    axes[0].set(xlabel=r"truth $f(x)$", ylabel=r"prediction $\hat y$ (units of $f$)", aspect="equal")
    axes[0].legend(loc="upper left", markerscale=4)
    error = (y_hat - y_true)[:, 0]
    axes[1].hist(error, bins=60, color=color, histtype="stepfilled")
    axes[1].set(xlabel=r"error $\hat y - f(x)$ (units of $f$)", ylabel="samples")
    return figure


def gradient_norms(epochs: np.ndarray, norms: Params) -> Figure:
    """Draw the norm of each weight's gradient over epochs; `norms` holds one array (epochs,) a parameter."""
    figure, axis = plt.subplots()
    for name, color, style in (("W1", BLUE, "-"), ("W2", ORANGE, "--"), ("W3", GREEN, ":")):
        axis.plot(
            epochs, getattr(norms, name), style, color=color, label=rf"$\|\mathrm{{d}}W^{{({name[1]})}}\|$"
        )
    axis.set(yscale="log", xlabel="epoch", ylabel="norm of the gradient")
    axis.legend(ncols=3)
    return figure


def sweep(
    values: np.ndarray,
    results: Mapping[str, np.ndarray],
    xlabel: str,
    ylabel: str,
    mark: float | None = None,
    floor: float | None = None,
) -> Figure:
    """Draw a quantity over a setting: median as a line, range over seeds as a band, NaN where runs diverged.

    Parameters
    ----------
    values : (m,)
    results
        Label to values (seeds, m), one band each. A setting at which a seed diverged is left out and marked.
    mark
        The setting that the book uses, drawn as a vertical line.
    floor
        The noise floor, drawn as a horizontal line.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 3.6))
    diverged = np.any([np.isnan(runs).any(axis=0) for runs in results.values()], axis=0)
    for (label, runs), color, dash in zip(results.items(), SHADES, DASHES, strict=False):
        good = np.where(np.isnan(runs).any(axis=0), np.nan, runs)
        axis.fill_between(values, good.min(axis=0), good.max(axis=0), color=color, alpha=0.25, linewidth=0)
        axis.plot(values, np.median(good, axis=0), dash, marker="o", color=color, label=label)
    axis.set_xscale("log", base=2)
    if values.min() >= 1:  # counts, of which a power of two would be a riddle
        axis.set_xticks(values, [f"{value:g}" for value in values])
        axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set(yscale="log", xlabel=xlabel, ylabel=ylabel)
    if mark is not None:
        axis.axvline(mark, color=GREY, linestyle="-.", label="used in the book")
    for value in values[diverged]:
        axis.axvline(value, color=INK, linestyle=":", label="a seed diverged")
    if floor is not None:
        axis.axhline(floor, color=INK, linestyle="--", linewidth=1, label="noise floor")
    handles, labels = axis.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    figure.legend(unique.values(), unique.keys(), loc="outside upper center", ncols=3)
    return figure
