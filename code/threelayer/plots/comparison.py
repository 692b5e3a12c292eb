"""The nine implementations beside each other."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from threelayer.plots.style import BLUE, GREY, GRID, INK, ORANGE, WIDTH, color_of


def deviation_matrix(names: Sequence[str], deviations: np.ndarray) -> Figure:
    """Draw the largest deviation between every two sets of weights, its power of ten as colour and number.

    Parameters
    ----------
    deviations : (m, m)
        Symmetric, zero on the diagonal; a zero is drawn as an empty cell.
    """
    import seaborn as sns  # here, as it takes a second that no other figure of this package needs

    figure, axis = plt.subplots(figsize=(WIDTH, 5.4))
    powers = np.where(deviations > 0, np.log10(np.where(deviations > 0, deviations, 1)), np.nan)
    sns.heatmap(
        powers,
        ax=axis,
        cmap="cividis",
        annot=True,
        fmt=".1f",
        annot_kws={"size": 9},
        linewidths=0.5,
        linecolor=GRID,
        xticklabels=names,
        yticklabels=names,
        cbar_kws={"label": r"$\log_{10}$ of the largest deviation"},
        square=True,
    )
    axis.grid(False)
    axis.tick_params(axis="x", rotation=60)
    plt.setp(axis.get_xticklabels(), ha="right", rotation_mode="anchor")
    return figure


def deviation_growth(
    steps: np.ndarray,
    deviations: Mapping[str, np.ndarray],
    bound: float,
    disturbed: Sequence[np.ndarray] = (),
    ylabel: str = "largest deviation",
) -> Figure:
    """Draw the distance of each implementation to the reference over steps, with the bound.

    Runs whose last bits were `disturbed` on purpose are drawn in grey below the others.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 3.8))
    styles = ("-", "--", ":", "-.")
    seen: dict[str, int] = {}
    for values in disturbed:
        label = "_" if axis.lines else "last bits disturbed"
        axis.plot(steps, values, color=GREY, linewidth=2.5, alpha=0.6, label=label)
    for name, values in deviations.items():
        color = color_of(name)
        style = styles[seen.setdefault(color, 0) % len(styles)]
        seen[color] += 1
        axis.plot(steps, values, style, color=color, linewidth=1.2, label=name)
    axis.axhline(bound, color=INK, linestyle="--", linewidth=1, label="bound")
    axis.set(xscale="log", yscale="log", xlabel="step", ylabel=ylabel)
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def effects(
    labels: Sequence[str],
    on_weights: np.ndarray,
    errors_without: Sequence[Sequence[float]],
    errors_with: Sequence[Sequence[float]],
) -> Figure:
    """Draw what each switch does to the final weights, and the RMS test error of each run."""
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 0.42 * len(labels) + 1.0), sharey=True)
    place = np.arange(len(labels))[::-1]
    axes[0].plot(on_weights, place, "o", color=BLUE)
    axes[0].hlines(place, np.min(on_weights) / 10, on_weights, color=BLUE, linewidth=2)
    for row, without, given in zip(place, errors_without, errors_with, strict=True):
        axes[1].plot(given, np.full(len(given), row), "o", color=ORANGE, alpha=0.6)
        axes[1].plot(without, np.full(len(without), row), "x", color=INK)
    for axis, xlabel in zip(axes, ("change of a weight", "RMS test error"), strict=True):
        axis.set(xscale="log", xlabel=xlabel, ylim=(-0.7, len(labels) - 0.3))
    axes[0].set_yticks(place, labels)
    axes[1].xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes[1].xaxis.set_major_formatter("{x:g}")
    axes[1].xaxis.set_minor_formatter(NullFormatter())
    return figure
