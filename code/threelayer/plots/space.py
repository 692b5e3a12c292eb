"""Four dimensions, three inputs and a value, on paper.

Values diverge from zero, and panels that are compared share their colours. The index order is the equation's:
values[i1, i2, i3] lies at (grid[i1], grid[i2], grid[i3]).
Source: chapter "four_dimensions".
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from threelayer.plots.style import (
    BLUE,
    DIVERGING,
    GREEN,
    GREY,
    GRID,
    INK,
    ORANGE,
    PINK,
    WIDTH,
    X_LABELS,
    pi_ticks,
)

SHADES = (BLUE, GREEN, ORANGE, PINK)
CONTOUR = "#4a5560"
STEPS = 21  # of a map's colours: odd, so that one of them stands for zero; few, so that files stay small
OTHERS = ((1, 2), (0, 2), (1, 0))  # of a slice along each input: what the columns hold, what the colours hold


def scatter_3d(x: np.ndarray, values: Mapping[str, np.ndarray], label: str, sized: bool = False) -> Figure:
    """Draw points in the cube of the inputs, values as colours centred at zero, one panel a quantity.

    Parameters
    ----------
    x : (n, 3), radians
    values
        Title to values (n,); all panels share one colour scale.
    label
        Symbol and unit of the colour.
    sized
        Let the area of a point grow with the size of its value, so that small values step back.
    """
    figure = plt.figure(figsize=(WIDTH, 3.9))
    most = max(np.abs(v).max() for v in values.values())
    for place, (title, v) in enumerate(values.items(), start=1):
        axis = _cube(figure, (1, len(values), place), title)
        points = axis.scatter(
            *x.T,
            c=v,
            s=1 + 80 * np.abs(v) / most if sized else 12,
            cmap=plt.get_cmap(DIVERGING, STEPS),
            vmin=-most,
            vmax=most,
            edgecolors=GREY,
            linewidths=0.25,
            depthshade=False,
            rasterized=True,
        )
    figure.colorbar(points, ax=figure.axes, location="bottom", label=label, shrink=0.7, aspect=30, pad=0.02)
    return figure


def isosurface_sections(
    grid: np.ndarray, panels: Mapping[str, np.ndarray], levels: Sequence[float], label: str, sections: int = 5
) -> Figure:
    """Draw the lines in which surfaces of equal value cut horizontal planes, stacked along x_3.

    Parameters
    ----------
    grid : (m,), radians
    panels
        Title to values (m, m, m).
    levels
        At most four values, in increasing order.
    label
        Symbol of the value.
    """
    if len(levels) > len(SHADES):
        raise ValueError(f"there are colours for {len(SHADES)} levels, not for {len(levels)}")
    shades = SHADES[: len(levels)]
    figure = plt.figure(figsize=(WIDTH, 3.6))
    x1, x2 = np.meshgrid(grid, grid, indexing="ij")
    for place, (title, values) in enumerate(panels.items(), start=1):
        axis = _cube(figure, (1, len(panels), place), title)
        for k in np.linspace(0, grid.size - 1, sections).round().astype(int):
            inside = [v for v in levels if values[:, :, k].min() < v < values[:, :, k].max()]
            if inside:
                axis.contour(
                    x1,
                    x2,
                    values[:, :, k],
                    levels=inside,
                    zdir="z",
                    offset=grid[k],
                    colors=[shades[list(levels).index(v)] for v in inside],
                    linewidths=1.1,
                )
        axis.set_zlim(-np.pi, np.pi)
    handles = [
        Line2D([], [], color=shade, label=f"{label} = {v:g}".replace("-", "\N{MINUS SIGN}"))
        for shade, v in zip(shades, levels, strict=True)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(levels))
    return figure


def slice_points(grid: np.ndarray, columns: Sequence[float], shades: np.ndarray) -> np.ndarray:
    """Return the points of `slice_families` (3, columns, shades, m, 3), radians; `shades` is (3, shades)."""
    shades = np.asarray(shades, dtype=float)
    points = np.empty((3, len(columns), shades.shape[1], grid.size, 3))
    for i, (column, shade) in enumerate(OTHERS):
        points[i, ..., i] = grid
        points[i, ..., column] = np.reshape(columns, (-1, 1, 1))
        points[i, ..., shade] = shades[i][:, np.newaxis]
    return points


def slice_families(points: np.ndarray, truth: np.ndarray, fitted: np.ndarray, ylabel: str) -> Figure:
    """Draw slices along each input: a row an input, a column and a colour a value of either other input.

    Parameters
    ----------
    points : (3, columns, shades, m, 3), radians
        From `slice_points`.
    truth, fitted : (3, columns, shades, m)
        Drawn as lines and as dots.
    """
    if not truth.shape == fitted.shape == points.shape[:-1]:
        raise ValueError(f"values {truth.shape} and {fitted.shape} do not fit points {points.shape}")
    rows, columns, shades, _ = truth.shape
    figure, axes = plt.subplots(rows, columns, figsize=(WIDTH, 2.1 * rows + 0.4), sharey=True, squeeze=False)
    for i, c in np.ndindex(rows, columns):
        axis, (column, shade) = axes[i, c], OTHERS[i]
        for s in range(shades):
            here = points[i, c, s]
            label = f"$x_{shade + 1} = {_in_pi(here[0, shade])}$"
            axis.plot(here[:, i], truth[i, c, s], color=SHADES[s], label=label)
            axis.plot(here[::3, i], fitted[i, c, s, ::3], ".", color=SHADES[s], markersize=6)
        pi_ticks(axis)
        axis.set(xlabel=X_LABELS[i], title=f"$x_{column + 1} = {_in_pi(points[i, c, 0, 0, column])}$")
    for row in axes:
        row[0].set_ylabel(ylabel)
        row[-1].legend(loc="center left", bbox_to_anchor=(1, 0.5), handlelength=1.2)
    ends = [
        Line2D([], [], color=INK, label="truth"),
        Line2D([], [], color=INK, ls="", marker=".", label="network"),
    ]
    figure.legend(handles=ends, loc="outside upper center", ncols=2)
    return figure


def field_grid(
    grid: np.ndarray,
    panels: Mapping[str, np.ndarray],
    xlabel: str,
    ylabel: str,
    zlabel: str,
    levels: Sequence[float],
) -> Figure:
    """Draw functions of two inputs as maps with contours, two a row, on one colour scale centred at zero.

    Parameters
    ----------
    grid : (m,), radians
    panels
        Title to values (m, m), whose rows follow the vertical axis.
    levels
        Where every panel has a contour, dashed below zero.
    """
    rows = -(-len(panels) // 2)
    figure, axes = plt.subplots(
        rows, 2, figsize=(0.84 * WIDTH, 2.3 * rows + 0.9), sharex=True, sharey=True, squeeze=False
    )
    most = max(np.abs(values).max() for values in panels.values())
    for axis, (title, values) in zip(axes.flat, panels.items(), strict=False):
        image = _map(axis, grid, values, most)
        axis.contour(grid, grid, values, levels=levels, colors=CONTOUR, linewidths=0.7)
        axis.set_title(title)
    for axis in axes[-1]:
        axis.set_xlabel(xlabel)
    for axis in axes[:, 0]:
        axis.set_ylabel(ylabel)
    figure.colorbar(image, ax=axes, location="bottom", label=zlabel, shrink=0.9, aspect=35, pad=0.02)
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
    figure.colorbar(
        value, ax=axes[:2], location="bottom", label=r"$f$ and $\hat y$ (units of $f$)", shrink=0.8, pad=0.02
    )
    figure.colorbar(wrong, ax=axes[2], location="bottom", label=r"$\hat y - f$", pad=0.02)
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
    grid.map_diag(plt.hist, bins=20, color=BLUE)
    for row, column in zip(*np.tril_indices(4), strict=True):
        axis = grid.axes[row, column]
        axis.grid(False)
        if column < 3:
            pi_ticks(axis)
        if column < row < 3:
            pi_ticks(axis, "y")
    grid.figure.set_size_inches(WIDTH, 5.6)
    return grid.figure


def parallel_coordinates(x: np.ndarray, y: np.ndarray, share: float = 0.1) -> Figure:
    """Draw each sample as a line across four axes; the lowest and highest `share` by `y` are coloured.

    Parameters
    ----------
    x : (n, 3), radians
    y : (n,), units of f
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 3.6))
    low, high = np.quantile(y, [share, 1 - share])
    heights = np.column_stack([x / (2 * np.pi) + 0.5, (y - y.min()) / np.ptp(y)])
    lines = np.stack([np.broadcast_to(np.arange(4.0), heights.shape), heights], axis=-1)
    families = (
        ("between", (y > low) & (y < high), GREY, 0.5, 0.35),
        (f"lowest {share:.0%}", y <= low, BLUE, 1.1, 0.8),
        (f"highest {share:.0%}", y >= high, ORANGE, 1.1, 0.8),
    )
    for label, chosen, color, width, alpha in families:
        axis.add_collection(
            LineCollection(lines[chosen], colors=color, linewidths=width, alpha=alpha, label=label)
        )
    handles = [Line2D([], [], color=color, label=label) for label, _, color, *_ in families]
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    for place in range(4):
        axis.vlines(place, 0, 1, color=INK, linewidth=1)
        ends = (
            ((0, r"$-\pi$"), (1, r"$\pi$")) if place < 3 else ((0, f"{y.min():.0f}"), (1, f"{y.max():.0f}"))
        )
        for height, text in ends:
            up = height == 1
            axis.annotate(
                text.replace("-", "\N{MINUS SIGN}") if place == 3 else text,
                (place, height),
                (0, 4 if up else -4),
                textcoords="offset points",
                ha="center",
                va="bottom" if up else "top",
            )
    axis.set_xticks(range(4), [*X_LABELS, "$y$ (units of $f$)"])
    axis.tick_params(axis="x", length=0, pad=12)
    axis.set(xlim=(-0.25, 3.35), ylim=(-0.02, 1.08), yticks=[])
    axis.grid(False)
    axis.spines[:].set_visible(False)
    return figure


def partial_dependence(
    grid: np.ndarray, individual: np.ndarray, exact: np.ndarray, ylabel: str, shown: int = 24
) -> Figure:
    """Draw what a prediction does when one input moves: for single samples, on average, and exactly.

    Parameters
    ----------
    grid : (m,), radians
    individual : (3, n, m)
        Row i follows input i; the first `shown` samples are drawn, the mean is over all n.
    exact : (3, m)
        The conditional mean of the truth.
    """
    if exact.shape != (3, grid.size) or individual.shape[::2] != exact.shape:
        raise ValueError(f"curves {individual.shape} and {exact.shape} do not fit {grid.size} grid points")
    figure, axes = plt.subplots(1, 3, figsize=(WIDTH, 3.3), sharey=True)
    for i, axis in enumerate(axes):
        curves = np.stack([np.broadcast_to(grid, (shown, grid.size)), individual[i, :shown]], axis=-1)
        axis.add_collection(LineCollection(curves, colors=GREY, linewidths=0.6))
        axis.plot(grid, individual[i].mean(axis=0), color=ORANGE, linewidth=2.4, label="mean")
        axis.plot(grid, exact[i], "--", color=INK, linewidth=1.2, label="exact")
        pi_ticks(axis)
        axis.set_xlabel(X_LABELS[i])
    axes[0].set_ylabel(ylabel)
    handles, labels = axes[0].get_legend_handles_labels()
    handles, labels = [Line2D([], [], color=GREY), *handles], ["one sample", *labels]
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    return figure


def _cube(figure: Figure, place: tuple[int, int, int], title: str) -> plt.Axes:
    """Add three-dimensional axes over the inputs, in the book's colours and without walls."""
    axis = figure.add_subplot(*place, projection="3d")
    axis.set_box_aspect(None, zoom=0.79)
    axis.view_init(elev=24, azim=-52)
    for which, label, side in zip("xyz", X_LABELS, (axis.xaxis, axis.yaxis, axis.zaxis), strict=True):
        # The cube's edges meet in corners, where only one of two labels has room.
        getattr(axis, f"set_{which}ticks")(
            [-np.pi, 0, np.pi], [r"$-\pi$" if which == "x" else "", "0", r"$\pi$"]
        )
        getattr(axis, f"set_{which}label")(label, labelpad=-3)
        getattr(axis, f"set_{which}lim")(-np.pi, np.pi)
        side.set_tick_params(pad=-3)
        side.line.set_color(INK)
        side.pane.set(fill=False, edgecolor=GRID)
    axis.set_title(title, y=0.98)
    return axis


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


def _in_pi(angle: float) -> str:
    """Write an angle as a multiple of pi in TeX: 0, pi, -pi/2."""
    names = {0: "0", 1: r"\pi/4", 2: r"\pi/2", 3: r"3\pi/4", 4: r"\pi"}
    quarters = angle / (np.pi / 4)
    if abs(round(quarters)) not in names or not np.isclose(quarters, round(quarters)):
        return f"{angle:.2f}"
    return ("-" if quarters < -0.5 else "") + names[abs(round(quarters))]
