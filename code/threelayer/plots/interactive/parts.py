"""What every figure that the reader moves is made of: the figure itself, its scales, titles and numbers.

A number has four significant digits of the largest of its kind: no eye sees more, and the files stay small.
Source: https://plotly.com/javascript/reference/.
"""

import math
from dataclasses import dataclass, field

import matplotlib as mpl
import numpy as np

from threelayer.arrays import real_array
from threelayer.plots.style import DIVERGING

MIME_TYPE = "application/vnd.threelayer.interactive+json"
TICKS = {"tickvals": [-3.1416, 0, 3.1416], "ticktext": ["−π", "0", "π"]}


@dataclass(frozen=True)
class Interactive:
    """A Plotly figure that shows itself on the site, where the output of a cell may be one.

    Attributes
    ----------
    label
        What is seen, in plain text: the name of the figure for those who cannot see it.
    figure
        Plotly's `data`, `layout`, `frames`. In space, where each trace would repeat coordinates and values,
        `layout["meta"]` holds the `grid` (m,) and the `fields` (m * m * m,) that a trace names in its `meta`.
    narrow
        The layout for a screen of less than 600 pixels.
    heights
        Of the wide and of the narrow layout, in CSS pixels.
    slider
        `label`, `start` and `plays` of the slider through the frames; empty without frames.
    """

    label: str
    figure: dict = field(repr=False)
    narrow: dict = field(repr=False)
    heights: tuple[int, int]
    slider: dict = field(default_factory=dict)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        content = {"label": self.label, "figure": self.figure, "narrow": self.narrow}
        content |= {"heights": list(self.heights), "slider": self.slider}
        return {MIME_TYPE: content, "text/plain": self.label}


def checked_cubes(grid: np.ndarray, truth: np.ndarray, fitted: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the three as real arrays, or refuse what does not fit.

    Parameters
    ----------
    grid
        (m,), radians, the same along each input.
    truth, fitted
        (m, m, m), units of f, indexed by x1, x2, x3.

    Raises
    ------
    ValueError
        When a shape is another, or a value is not a finite real number.
    """
    grid = real_array("grid", grid, ndim=1)
    truth, fitted = real_array("truth", truth, ndim=3), real_array("fitted", fitted, ndim=3)
    if not truth.shape == fitted.shape == (grid.size,) * 3:
        shapes = f"truth is {truth.shape} and fitted {fitted.shape}"
        raise ValueError(f"truth and fitted must be (m, m, m) for a grid of m = {grid.size}, but {shapes}")
    return grid, truth, fitted


def color_axis(title: str, *values: np.ndarray) -> dict:
    """Return a colour scale for all `values`, centred at zero."""
    most = _most(*values)
    colors = mpl.colormaps[DIVERGING](np.linspace(0, 1, 11))
    scale = [[i / 10, mpl.colors.to_hex(color)] for i, color in enumerate(colors)]
    bar = {"orientation": "h", "thickness": 12, "outlinewidth": 0, "ypad": 4, "nticks": 6}
    bar["title"] = {"text": f"{title} (units of f)"}
    return {"cmin": -most, "cmax": most, "colorscale": scale, "colorbar": bar}


def with_color_bars(layout: dict, scales: list[dict], places: list[tuple]) -> dict:
    """Place each scale's bar by its centre, its length and its foot; a foot at 0 is that of the figure."""
    layout = layout | {"annotations": list(layout["annotations"])}
    for number, (scale, (x, length, y)) in enumerate(zip(scales, places, strict=True)):
        bar = {"x": x, "len": length, "y": y, "xanchor": "center", "yanchor": "bottom"}
        bar["yref"] = "paper" if y else "container"
        # Plotly sets the title of a lying bar upon the bar itself, so it is written here, above.
        title = titles([scale["colorbar"]["title"]["text"]], [((x, x), (y, y))])[0]
        title["yshift"] = 36 - (0 if y else layout["margin"]["b"])
        layout["annotations"].append(title | {"font": {"size": 12}})
        bar["title"] = {"text": ""}
        layout[f"coloraxis{number + 1 if number else ''}"] = scale | {"colorbar": scale["colorbar"] | bar}
    return layout


def titles(names: tuple, domains: list[tuple]) -> list[dict]:
    """Return one annotation above each domain."""
    place = {"xref": "paper", "yref": "paper", "xanchor": "center", "yanchor": "bottom", "showarrow": False}
    return [
        place | {"text": name, "x": sum(x) / 2, "y": y[1], "font": {"size": 14}}
        for name, (x, y) in zip(names, domains, strict=True)
    ]


def _most(*values: np.ndarray) -> float:
    most = max(float(np.abs(v).max()) for v in values) or 1.0
    return float(f"{most:.4g}")


def rounded(values: np.ndarray, scale: np.ndarray) -> list:
    """Return nested lists with the decimals that give the largest of `scale` four significant digits."""
    decimals = 3 - math.floor(math.log10(_most(scale)))
    return (np.round(values, decimals) + 0.0).tolist()  # plus zero: no "-0.0"
