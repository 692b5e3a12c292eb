"""Planes: two of four quantities across the page, in maps of a function and in clouds of samples.

Values diverge from zero, and panels that are compared share their colours.
Source: chapters "four_dimensions" and "watch_learning".
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from threelayer.plots.style import BLUE, CONTOUR, DIVERGING, STEPS, WIDTH, X_LABELS, color_bar, pi_ticks


def maps(
    grid: np.ndarray,
    panels: Mapping[str, np.ndarray],
    xlabel: str,
    ylabel: str,
    zlabel: str,
    columns: int = 2,
    levels: Sequence[float] = (),
) -> Figure:
    """Draw functions of two inputs as maps in steps of one shared colour scale, centred at zero.

    Parameters
    ----------
    grid : (m,), radians
    panels
        Title to values (m, m), whose rows follow the vertical axis.
    levels
        Where every panel has a contour, dashed below zero.
    """
    rows = -(-len(panels) // columns)
    side = min(WIDTH / columns, 2.7)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(columns * side, rows * 0.98 * side + 0.8),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0, hspace=0)
    most = max(np.abs(values).max() for values in panels.values())
    for axis, (title, values) in zip(axes.flat, panels.items(), strict=False):
        image = _map(axis, grid, values, most)
        if levels:
            axis.contour(grid, grid, values, levels=levels, colors=CONTOUR, linewidths=0.7)
        axis.set_title(title)
    for axis in axes.flat[len(panels) :]:
        axis.remove()
    drawn = axes.flat[: len(panels)]
    for axis in drawn[-columns:]:  # the lowest of each column
        axis.set_xlabel(xlabel)
        axis.tick_params(axis="x", labelbottom=True)
    for axis in drawn[::columns]:
        axis.set_ylabel(ylabel)
    color_bar(image, list(drawn), zlabel, shrink=0.8, aspect=40)
    return figure


def plane_with_error(
    grid: np.ndarray, truth: np.ndarray, fitted: np.ndarray, xlabel: str, ylabel: str
) -> Figure:
    """Draw truth and network on a plane in the same colours, and the error in its own; all centred at zero.

    Parameters
    ----------
    grid : (m,), radians
    truth, fitted : (m, m)
        Rows follow the vertical axis.
    """
    if truth.shape != fitted.shape:
        raise ValueError(f"truth {truth.shape} and network {fitted.shape} are not on the same plane")
    figure, axes = plt.subplots(1, 3, figsize=(WIDTH, 3.4), sharey=True)
    most = max(np.abs(truth).max(), np.abs(fitted).max())
    error = fitted - truth
    value = _map(axes[0], grid, truth, most)
    _map(axes[1], grid, fitted, most)
    wrong = _map(axes[2], grid, error, np.abs(error).max())
    for axis, title in zip(axes, ("truth", "network", "error"), strict=True):
        axis.set(title=title, xlabel=xlabel)
    axes[0].set_ylabel(ylabel)
    color_bar(value, list(axes[:2]), r"$f$ and $\hat y$ (units of $f$)", shrink=0.8)
    color_bar(wrong, [axes[2]], r"$\hat y - f$ (units of $f$)")
    return figure


def pair_plot(x: np.ndarray, y: np.ndarray) -> Figure:
    """Draw every pair of the four quantities as points, and each one alone as a histogram.

    Parameters
    ----------
    x : (n, 3), radians
    y : (n,), units of f
    """
    frame = pd.DataFrame(np.column_stack([x, y]), columns=[*X_LABELS, "$y$"])
    with plt.rc_context({"figure.constrained_layout.use": False}):  # Seaborn lays its panels out itself
        grid = sns.PairGrid(frame, corner=True, height=WIDTH / 4, despine=True)
    grid.map_lower(plt.scatter, s=3, color=BLUE, alpha=0.4, linewidths=0, rasterized=True)
    grid.map_diag(plt.hist, bins=20, color=BLUE, histtype="stepfilled")  # one path, not twenty
    for row, column in zip(*np.tril_indices(4), strict=True):
        axis = grid.axes[row, column]
        axis.grid(False)
        if column < 3:
            pi_ticks(axis)
        if column < row < 3:
            pi_ticks(axis, "y")
    grid.figure.set_size_inches(WIDTH, 5.6)
    return grid.figure


def _map(axis: plt.Axes, grid: np.ndarray, values: np.ndarray, most: float) -> plt.cm.ScalarMappable:
    """Draw one map (m, m) from -most to most, its rows upwards."""
    low, high, margin = grid[0], grid[-1], (grid[1] - grid[0]) / 2
    image = axis.imshow(
        values,
        cmap=plt.get_cmap(DIVERGING, STEPS),
        vmin=-most,
        vmax=most,
        origin="lower",
        extent=(low - margin, high + margin, low - margin, high + margin),
        interpolation="bilinear",
        interpolation_stage="data",
    )
    axis.set(xlim=(low, high), ylim=(low, high))
    axis.grid(False)
    pi_ticks(axis)
    pi_ticks(axis, "y")
    return image
