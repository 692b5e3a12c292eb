"""Lines: one quantity at a time, along slices, along curves of single samples, and across four axes.

Source: chapter "four_dimensions".
"""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from threelayer.plots.style import BLUE, GREY, INK, ORANGE, SHADES, WIDTH, X_LABELS, pi_ticks

OTHERS = ((1, 2), (0, 2), (1, 0))  # of a slice along each input: what the columns hold, what the colours hold


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
            axis.plot(here[::4, i], fitted[i, c, s, ::4], ".", color=SHADES[s], markersize=7, mew=0)
        pi_ticks(axis)
        axis.tick_params(length=0)  # the grid marks the same places
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


def partial_dependence(
    grid: np.ndarray, individual: np.ndarray, exact: np.ndarray, ylabel: str, shown: int = 10
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
        axis.plot(*_in_one([(grid, curve) for curve in individual[i, :shown]]), color=GREY, linewidth=0.6)
        axis.plot(grid, individual[i].mean(axis=0), color=ORANGE, linewidth=2.4, label="mean")
        axis.plot(grid, exact[i], "--", color=INK, linewidth=1.2, label="exact")
        pi_ticks(axis)
        axis.tick_params(length=0)
        axis.set_xlabel(X_LABELS[i])
    axes[0].set_ylabel(ylabel)
    handles, labels = axes[0].get_legend_handles_labels()
    handles, labels = [Line2D([], [], color=GREY), *handles], ["one sample", *labels]
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    return figure


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
    families = (
        ("between", (y > low) & (y < high), GREY, 0.5, 0.6),
        (f"lowest {share:.0%}", y <= low, BLUE, 1.1, 0.8),
        (f"highest {share:.0%}", y >= high, ORANGE, 1.1, 0.8),
    )
    for label, chosen, color, width, alpha in families:
        lines = _in_one([(np.arange(4.0), line) for line in heights[chosen]])
        axis.plot(*lines, color=color, linewidth=width, alpha=alpha, label=label)
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


def _in_one(lines: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Join lines (x, y) with gaps between them to one (2, points): a file that states their style once."""
    return np.hstack([np.column_stack([line, (np.nan, np.nan)]) for line in lines])


def _in_pi(angle: float) -> str:
    """Write an angle as a multiple of pi in TeX: 0, pi, -pi/2."""
    names = {0: "0", 1: r"\pi/4", 2: r"\pi/2", 3: r"3\pi/4", 4: r"\pi"}
    quarters = angle / (np.pi / 4)
    if abs(round(quarters)) not in names or not np.isclose(quarters, round(quarters)):
        return f"{angle:.2f}"
    return ("-" if quarters < -0.5 else "") + names[abs(round(quarters))]
