"""Maps of two inputs with a slider: through the third input, or through the epochs of training.

Heat maps, not surfaces in space: nothing hides behind anything, and two of them compare point by point.
Source: chapters "four_dimensions" and "watch_learning".
"""

import re
from collections.abc import Sequence

import numpy as np

from threelayer.arrays import real_array
from threelayer.plots.interactive.parts import (
    TICKS,
    Interactive,
    checked_cubes,
    color_axis,
    rounded,
    titles,
    with_color_bars,
)


def slice_explorer(grid: np.ndarray, truth: np.ndarray, fitted: np.ndarray, label: str) -> Interactive:
    """Draw f, the network and the network's error over x1 and x2, for the x3 that the reader chooses.

    Parameters
    ----------
    grid, truth, fitted
        As `checked_cubes` describes them.
    label
        What is seen, in plain text.
    """
    grid, truth, fitted = checked_cubes(grid, truth, fitted)
    error = fitted - truth
    # To slices (x3), rows (x2), columns (x1), as Plotly wants them.
    stacks = [rounded(values.transpose(2, 1, 0), values) for values in (truth, fitted, error)]
    frames = [
        {
            "name": f"x₃ = {_number(x3)} rad",
            "data": [{"type": "heatmap", "z": z} for z in slices],
            "traces": [0, 1, 2],
        }
        for x3, *slices in zip(grid, *stacks, strict=True)
    ]
    start = grid.size // 2
    data = [
        _heatmap(grid, stack[start], panel, "coloraxis2" if panel == 2 else "coloraxis")
        for panel, stack in enumerate(stacks)
    ]
    names, labels = ("truth f", "network ŷ", "error ŷ − f"), ("x₁ (rad)", "x₂ (rad)")
    scales = [color_axis("f and ŷ", truth, fitted), color_axis("ŷ − f, own scale", error)]
    wide = _planes(
        [((0, 0.3), (0, 1)), ((0.34, 0.64), (0, 1)), ((0.7, 1), (0, 1))],
        names,
        labels,
        margin=(52, 8, 30, 104),
    )
    wide = with_color_bars(wide, scales, [(0.32, 0.46, 0), (0.85, 0.3, 0)])
    # Two rows of 124 pixels, with 142 between them for ticks, labels, the first colour bar and the title.
    row = 124 / 390
    narrow = _planes(
        [((0, 0.46), (1 - row, 1)), ((0.54, 1), (1 - row, 1)), ((0.27, 0.73), (0, row))],
        names,
        labels,
        margin=(44, 8, 28, 100),
    )
    narrow = with_color_bars(narrow, scales, [(0.5, 0.9, (124 + 28) / 390), (0.5, 0.9, 0)])
    return Interactive(
        label,
        {"data": data, "layout": wide, "frames": frames},
        narrow,
        (330, 518),
        {"label": "Slice at x₃", "start": start, "plays": False},
    )


def epoch_explorer(
    grid: np.ndarray,
    surfaces: np.ndarray,
    epochs: Sequence[int],
    truth: np.ndarray,
    label: str,
    xlabel: str,
    ylabel: str,
) -> Interactive:
    """Draw the fitted surface after the epoch that the reader chooses, beside the truth.

    Parameters
    ----------
    grid
        (m,), radians, the same along both inputs.
    surfaces
        (e, m, m), units of f, one for each of the `epochs`, y along the rows as in `plots.field`.
    epochs
        (e,), as they are to be named.
    truth
        (m, m), units of f, y along the rows.
    label
        What is seen, in plain text.
    xlabel, ylabel
        Of the axes; those in `plots.X_LABELS` lose their dollars.
    """
    grid = real_array("grid", grid, ndim=1)
    truth, surfaces = real_array("truth", truth, ndim=2), real_array("surfaces", surfaces, ndim=3)
    if truth.shape != (grid.size,) * 2 or surfaces.shape != (len(epochs), *truth.shape):
        raise ValueError(
            f"truth must be (m, m) and surfaces (e, m, m) for m = {grid.size} and e = {len(epochs)}, "
            f"but they are {truth.shape} and {surfaces.shape}"
        )
    stack = rounded(surfaces, surfaces)
    frames = [
        {"name": f"epoch {int(epoch):,}", "data": [{"type": "heatmap", "z": z}], "traces": [1]}
        for epoch, z in zip(epochs, stack, strict=True)
    ]
    data = [
        _heatmap(grid, rounded(truth, truth), 0, "coloraxis", "x", "y"),
        _heatmap(grid, stack[0], 1, "coloraxis", "x", "y"),
    ]
    names, labels = ("truth f", "network ŷ"), (_unicode(xlabel), _unicode(ylabel))
    scale = [color_axis("f and ŷ", truth, surfaces)]
    wide = _planes([((0.08, 0.48), (0, 1)), ((0.52, 0.92), (0, 1))], names, labels, margin=(52, 8, 30, 104))
    narrow = _planes([((0, 0.46), (0, 1)), ((0.54, 1), (0, 1))], names, labels, margin=(44, 8, 28, 104))
    return Interactive(
        label,
        {"data": data, "layout": with_color_bars(wide, scale, [(0.5, 0.6, 0)]), "frames": frames},
        with_color_bars(narrow, scale, [(0.5, 0.9, 0)]),
        (394, 262),
        {"label": "Epoch", "start": 0, "plays": True},
    )


def _planes(domains: list[tuple], names: tuple, labels: tuple, margin: tuple) -> dict:
    """Lay out heat maps: a pair of axes for each domain, the y axis named where a row begins."""
    layout = {"annotations": titles(names, domains), "margin": dict(zip("lrtb", margin, strict=True))}
    rows = set()
    for panel, (x, y) in enumerate(domains):
        number = panel + 1 if panel else ""
        axis = {
            "fixedrange": True,
            "showgrid": False,
            "zeroline": False,
            "ticks": "outside",
            "ticklen": 4,
            **TICKS,
        }
        first = y not in rows
        rows.add(y)
        layout[f"xaxis{number}"] = axis | {
            "domain": list(x),
            "anchor": f"y{number}",
            "title": {"text": labels[0], "standoff": 4},
        }
        layout[f"yaxis{number}"] = axis | {
            "domain": list(y),
            "anchor": f"x{number}",
            "title": {"text": labels[1] if first else "", "standoff": 2},
            "showticklabels": first,
        }
    return layout | {"dragmode": False}


def _heatmap(grid: np.ndarray, z: list, panel: int, scale: str, x: str = "x₁", y: str = "x₂") -> dict:
    number = panel + 1 if panel else ""
    points = np.round(grid, 4).tolist()
    return {
        "type": "heatmap",
        "x": points,
        "y": points,
        "z": z,
        "xaxis": f"x{number}",
        "yaxis": f"y{number}",
        "coloraxis": scale,
        "zsmooth": "best",
        "hovertemplate": f"{x} = %{{x:.2f}}, {y} = %{{y:.2f}}: %{{z:.3g}}<extra></extra>",
    }


def _number(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")


def _unicode(label: str) -> str:
    return re.sub(r"\$(\w)_(\d)\$", lambda found: found[1] + chr(0x2080 + int(found[2])), label)
