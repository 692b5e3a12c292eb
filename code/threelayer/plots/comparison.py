"""The nine implementations beside each other."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

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


def effects(labels: Sequence[str], on_weights: np.ndarray, on_error: np.ndarray) -> Figure:
    """Draw what each switch does to the final weights and to the RMS test error, on logarithmic axes."""
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 0.42 * len(labels) + 1.0), sharey=True)
    place = np.arange(len(labels))[::-1]
    for axis, values, color, xlabel in (
        (axes[0], on_weights, BLUE, "change of a weight"),
        (axes[1], on_error, ORANGE, "change of the RMS error"),
    ):
        axis.plot(values, place, "o", color=color)
        axis.hlines(place, np.min(values[values > 0]) / 10, values, color=color, linewidth=2)
        axis.set(xscale="log", xlabel=xlabel, ylim=(-0.7, len(labels) - 0.3))
    axes[0].set_yticks(place, labels)
    return figure
