"""Functions of the inputs, and the network as a drawing."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from threelayer.plots.style import (
    BLUE,
    CONTOUR,
    DIVERGING,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PINK,
    WIDTH,
    X_LABELS,
    pi_ticks,
)


def slices(
    grid: np.ndarray, curves: Mapping[str, np.ndarray], ylabel: str = "$f$", truth: str | None = None
) -> Figure:
    """Draw functions along each input in turn, the other two held fixed.

    Parameters
    ----------
    grid : (m,), radians
    curves
        Label to values (3, m): row i follows input i. The one named `truth` is drawn in ink, dashed.
    """
    figure, axes = plt.subplots(1, 3, figsize=(WIDTH, 2.9), sharey=True)
    shades = [BLUE, PINK, ORANGE, GREEN, GREY]
    for i, axis in enumerate(axes):
        for (label, values), shade in zip(curves.items(), shades, strict=False):
            is_truth = label == truth
            color = INK if is_truth else shade
            axis.plot(grid, values[i], label=label, color=color, linestyle="--" if is_truth else "-")
        pi_ticks(axis)
        axis.set_xlabel(X_LABELS[i])
    axes[0].set_ylabel(ylabel)
    if len(curves) > 1:
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(curves))
    return figure


def field(grid: np.ndarray, values: np.ndarray, xlabel: str, ylabel: str, zlabel: str) -> Figure:
    """Draw a signed function of two inputs as colour with contours; `values` (m, m) has y along its rows."""
    figure, axis = plt.subplots(figsize=(WIDTH * 0.75, 3.6))
    most = np.abs(values).max()
    mesh = axis.pcolormesh(
        grid, grid, values, cmap=DIVERGING, vmin=-most, vmax=most, shading="gouraud", rasterized=True
    )
    axis.contour(grid, grid, values, levels=9, colors=[CONTOUR], linewidths=0.6)
    pi_ticks(axis)
    pi_ticks(axis, "y")
    axis.set(xlabel=xlabel, ylabel=ylabel, aspect="equal")
    axis.grid(False)
    figure.colorbar(mesh, label=zlabel)
    return figure


def functions(
    grid: np.ndarray, left: Mapping[str, np.ndarray], right: Mapping[str, np.ndarray], titles: tuple[str, str]
) -> Figure:
    """Draw two families of functions of one variable side by side, the same label in the same colour."""
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 2.8))
    for axis, curves, title in zip(axes, (left, right), titles, strict=True):
        for (label, values), style in zip(curves.items(), ("-", "--", ":"), strict=False):
            axis.plot(grid, values, style, label=label)
        axis.set(title=title, xlabel="$z$")
    axes[0].legend()
    return figure


def sobol_bars(exact: np.ndarray, estimate: np.ndarray, error: np.ndarray) -> Figure:
    """Draw Sobol indices, exact beside estimated with an error bar.

    Parameters
    ----------
    exact, estimate, error : (2, 3)
        Row 0 first-order, row 1 total; columns are the inputs. `error` is a half-width.
    """
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 2.8), sharey=True)
    place = np.arange(3)
    for axis, title, e, m, s in zip(axes, ("first-order", "total"), exact, estimate, error, strict=True):
        axis.bar(place - 0.18, e, 0.34, color=BLUE, label="exact")
        axis.bar(place + 0.18, m, 0.34, color=ORANGE, yerr=s, ecolor=INK, capsize=3, label="estimated")
        axis.set_xticks(place, ["$x_1$", "$x_2$", "$x_3$"])
        axis.set(title=title, xlabel="input")
        axis.grid(False, axis="x")
    axes[0].set_ylabel("share of the variance")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def layers(letters: Sequence[str], widths: Sequence[int], names: Sequence[str]) -> Figure:
    """Draw the network: the units of each letter, and a bundle of weights between neighbours."""
    figure, axis = plt.subplots(figsize=(WIDTH, 3.1))
    columns = 2.4 * np.arange(len(widths))
    heights = [np.linspace(-1, 1, count) * (count - 1) / 4 for count in np.minimum(widths, 5)]
    for x, places, width, letter, name in zip(columns, heights, widths, letters, names, strict=True):
        for y in places:
            axis.add_patch(Circle((x, y), 0.1, facecolor=BLUE, edgecolor="none", zorder=2))
        if width > len(places):
            axis.text(x, -1.27, "⋮", ha="center", va="center")
        count = f"${letter}$ = 1 … {width}" if width > 1 else f"${letter}$ = 1"
        axis.text(x, -1.55, f"{name}\n{count}", ha="center", va="top")
    for layer, (left, right) in enumerate(pairwise(heights), start=1):
        ends = np.array([(a, b) for a in left for b in right]).T
        axis.plot(columns[layer - 1 : layer + 1], ends, color=GREY, linewidth=0.5, zorder=1)
        middle = columns[layer - 1 : layer + 1].mean()
        axis.text(middle, 1.3, rf"$W^{{({layer})}}$, $b^{{({layer})}}$", ha="center", color=ORANGE)
    axis.set(xlim=(-0.8, columns[-1] + 0.8), ylim=(-2.3, 1.6), aspect="equal")
    axis.axis("off")
    return figure
