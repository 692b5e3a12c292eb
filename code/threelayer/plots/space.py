"""Space: the cube of the three inputs in perspective, with a value as colour or as surfaces.

The index order is the equation's: values[i1, i2, i3] lies at (grid[i1], grid[i2], grid[i3]).
Source: chapter "four_dimensions".
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from threelayer.plots.style import DIVERGING, GREY, GRID, INK, SHADES, STEPS, WIDTH, X_LABELS, color_bar


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
        # Few sizes: dots of one size share one outline in the file. The largest come first and cover none.
        size = 3 + 12 * np.round(6 * np.abs(v) / most) if sized else np.full(len(x), 15)
        for area in np.unique(size)[::-1]:
            points = axis.scatter(
                *x[size == area].T,
                c=v[size == area],
                s=area,
                cmap=plt.get_cmap(DIVERGING, STEPS),
                vmin=-most,
                vmax=most,
                edgecolors=GREY,
                linewidths=0.25,
                depthshade=False,
                clip_on=False,  # nothing lies outside, and each dot would state its clipping
            )
    color_bar(points, figure.axes, label, shrink=0.7, aspect=30)
    return figure


def isosurface_sections(
    grid: np.ndarray, panels: Mapping[str, np.ndarray], levels: Sequence[float], label: str, sections: int = 4
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
        for tick in side.get_major_ticks():  # the panes have the grid, and the cube's edges need no marks
            tick.gridline.set_visible(False)
            tick.tick1line.set_visible(False)
    axis.set_title(title, y=0.98)
    return axis
