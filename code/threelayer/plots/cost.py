"""What training costs: rates beside each other, over size, beside a yardstick, and what compiling pays."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from threelayer.plots.style import GREY, INK, WIDTH, color_of


def rates(
    names: Sequence[str], book: np.ndarray, usual: np.ndarray, ratios: Sequence[float], yardstick: float
) -> Figure:
    """Draw steps per second of each implementation and of its usual way, and their ratio.

    Parameters
    ----------
    book, usual : (m, 3)
        Lowest, median and highest rate.
    ratios
        Median of the ratios of pairs.
    yardstick
        Rate of the matrix products and tanh alone.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 0.42 * len(names) + 1.3))
    place = np.arange(len(names), dtype=float)[::-1]
    axis.axvline(yardstick, color=INK, linestyle="--", linewidth=1, label="yardstick")
    for values, offset, marker, face in ((book, 0.12, "o", None), (usual, -0.12, "s", "none")):
        for row, name, height in zip(values, names, place + offset, strict=True):
            color = color_of(name)
            axis.hlines(height, row[0], row[2], color=color, linewidth=2.5, alpha=0.5)
            axis.plot(row[1], height, marker, color=color, markerfacecolor=face or color)
    axis.plot([], [], "o", color=GREY, label="this book")
    axis.plot([], [], "s", color=GREY, markerfacecolor="none", label="usual way")
    axis.set(xscale="log", xlabel="steps per second", ylim=(-0.6, len(names) - 0.4))
    axis.set_yticks(place, names)
    right = axis.twinx()
    right.grid(False)
    right.set(ylim=axis.get_ylim(), ylabel="ratio, median of the pairs")
    right.set_yticks(place, [f"{ratio:.1f}" for ratio in ratios])
    right.tick_params(length=0)
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def growth(
    over_width: Mapping[str, np.ndarray], over_batch: Mapping[str, np.ndarray], width: int, batch: int
) -> Figure:
    """Draw steps per second and peak memory over the width of both hidden layers and over the batch.

    Parameters
    ----------
    over_width, over_batch
        By implementation (m, 3): size, steps per second, MiB.
    width, batch
        What is held where the other varies.
    """
    figure, axes = plt.subplots(2, 2, figsize=(WIDTH, 5.0), sharex="col", sharey="row")
    for column, curves in enumerate((over_width, over_batch)):
        for name, values in curves.items():
            for axis, heights in zip(axes[:, column], values.T[1:], strict=True):
                axis.loglog(values[:, 0], heights, ".-", color=color_of(name), label=name, base=10)
        axes[1, column].set_xscale("log", base=2)
    axes[0, 0].set(title=f"batch {batch}", ylabel="steps per second")
    axes[0, 1].set(title=f"width {width}")
    axes[1, 0].set(xlabel="width $h = k$", ylabel="peak memory (MiB)")
    axes[1, 1].set(xlabel="batch size")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def arithmetic(
    steps: Mapping[str, np.ndarray], products: np.ndarray, fixed: Mapping[str, float], peak: float
) -> Figure:
    """Draw the arithmetic rate over the arithmetic of a step, with the yardstick and two bounds.

    Parameters
    ----------
    steps
        By implementation (m, 2): operations of a step, operations per second.
    products : (m, 2)
        The same for the yardstick.
    fixed
        Seconds of the smallest step of each implementation: a sloping line.
    peak
        Largest rate of the yardstick: the level line.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 4.2))
    ends = np.array([products[:, 0].min(), products[:, 0].max()])
    axis.axhline(peak / 1e9, color=INK, linewidth=1, linestyle="--", label="peak of the yardstick")
    axis.plot(products[:, 0], products[:, 1] / 1e9, "x", color=INK, markersize=5, label="yardstick")
    for name, values in steps.items():
        color, seconds = color_of(name), fixed[name]
        axis.plot(values[:, 0], values[:, 1] / 1e9, ".", color=color, label=name)
        slope = np.geomspace(ends[0], min(ends[1], peak * seconds), 2)
        axis.plot(slope, slope / seconds / 1e9, color=color, linewidth=1, alpha=0.7)
    axis.set(
        xscale="log", yscale="log", xlabel="operations of one step", ylabel="billion operations per second"
    )
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def payback(lines: Mapping[str, np.ndarray], crossings: Mapping[str, float], last: float) -> Figure:
    """Draw seconds over steps, since the first call, of an implementation and of its usual way.

    Parameters
    ----------
    lines
        By implementation (2, 2): for the book's form and the usual one, seconds to start and per step.
    crossings
        The step after which the book's form is ahead; NaN where the lines do not cross.
    last
        The last step drawn.
    """
    figure, axes = plt.subplots(1, len(lines), figsize=(WIDTH, 3.2), sharey=True)
    steps = np.geomspace(1, last, 200)
    for axis, (name, pairs) in zip(np.atleast_1d(axes), lines.items(), strict=True):
        for (start, each), style, label in zip(pairs, ("-", "--"), ("this book", "usual way"), strict=True):
            axis.loglog(steps, start + each * steps, style, color=color_of(name))
            axis.plot([], [], style, color=GREY, label=label)
        if np.isfinite(crossings[name]):
            axis.axvline(crossings[name], color=INK, linewidth=1, linestyle=":")
        axis.set(title=name, xlabel="steps")
        axis.title.set_fontsize(9)
    np.atleast_1d(axes)[0].set_ylabel("seconds since the first call")
    figure.legend(*np.atleast_1d(axes)[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure
