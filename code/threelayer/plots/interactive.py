"""Figures that the reader moves: arrays in, a Plotly figure out as a plain dict, and no training anywhere.

The site draws them with its own copy of Plotly's script and native sliders (`book/_static/interactive.js`).
A number has four significant digits of the largest of its kind: no eye sees more, and the files stay small.
Source: chapter "four_dimensions", https://plotly.com/javascript/reference/.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import matplotlib as mpl
import numpy as np

from threelayer.plots.style import DIVERGING
from threelayer.validate import real_array

MIME_TYPE = "application/vnd.threelayer.interactive+json"
VIEW = {
    "eye": {"x": 1.8, "y": -1.8, "z": 1.1},
    "center": {"x": 0, "y": 0, "z": -0.1},
    "up": {"x": 0, "y": 0, "z": 1},
}
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


def isosurfaces(
    grid: np.ndarray, truth: np.ndarray, fitted: np.ndarray, levels: Sequence[float], label: str
) -> Interactive:
    """Draw the surfaces where f and the network have each of the given values.

    Parameters
    ----------
    grid
        (m,), radians, the same along each input.
    truth, fitted
        (m, m, m), units of f, indexed by x1, x2, x3.
    levels
        Units of f.
    label
        What is seen, in plain text.
    """
    levels = sorted(float(level) for level in levels)
    traces = [{"isomin": level, "isomax": level, "surface": {"count": 1}, "opacity": 0.7} for level in levels]
    shared = {
        "type": "isosurface",
        "caps": {side: {"show": False} for side in "xyz"},
        "lighting": {"ambient": 0.75, "diffuse": 0.45, "specular": 0.05, "roughness": 0.8},
    }
    # The scale is that of the levels, so that their colours differ; its ends are too dark for the dark page.
    scale = _color_axis("f and ŷ", 1.5 * np.array(levels))
    names = [f"{level:g}".replace("-", "−") for level in levels]
    scale["colorbar"] |= {"tickvals": levels, "ticktext": names}
    return _two_scenes(grid, truth, fitted, [trace | shared for trace in traces], scale, label)


def volumes(grid: np.ndarray, truth: np.ndarray, fitted: np.ndarray, label: str) -> Interactive:
    """Draw f and the network as coloured smoke: clear where near zero, dense where extreme.

    Parameters
    ----------
    grid
        (m,), radians, the same along each input.
    truth, fitted
        (m, m, m), units of f, indexed by x1, x2, x3.
    label
        What is seen, in plain text.
    """
    scale = _color_axis("f and ŷ", truth, fitted)
    trace = {"type": "volume", "isomin": scale["cmin"], "isomax": scale["cmax"], "surface": {"count": 17}}
    # As dense as the value is far from zero, on the shared scale.
    trace |= {"opacity": 0.3, "opacityscale": [[0, 1], [0.3, 0.4], [0.5, 0], [0.7, 0.4], [1, 1]]}
    return _two_scenes(grid, truth, fitted, [trace], scale, label)


def slice_explorer(grid: np.ndarray, truth: np.ndarray, fitted: np.ndarray, label: str) -> Interactive:
    """Draw f, the network and the network's error over x1 and x2, for the x3 that the reader chooses.

    Parameters
    ----------
    grid
        (m,), radians, the same along each input.
    truth, fitted
        (m, m, m), units of f, indexed by x1, x2, x3.
    label
        What is seen, in plain text.
    """
    grid, truth, fitted = _checked(grid, truth, fitted)
    error = fitted - truth
    # To slices (x3), rows (x2), columns (x1), as Plotly wants them.
    stacks = [_rounded(values.transpose(2, 1, 0), values) for values in (truth, fitted, error)]
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
    titles, labels = ("truth f", "network ŷ", "error ŷ − f"), ("x₁ (rad)", "x₂ (rad)")
    scales = [_color_axis("f and ŷ", truth, fitted), _color_axis("ŷ − f, own scale", error)]
    wide = _planes(
        [((0, 0.3), (0, 1)), ((0.34, 0.64), (0, 1)), ((0.7, 1), (0, 1))],
        titles,
        labels,
        margin=(52, 8, 30, 104),
    )
    wide = _with_color_bars(wide, scales, [(0.32, 0.46, 0), (0.85, 0.3, 0)])
    # Two rows of 124 pixels, with 142 between them for ticks, labels, the first colour bar and the title.
    row = 124 / 390
    narrow = _planes(
        [((0, 0.46), (1 - row, 1)), ((0.54, 1), (1 - row, 1)), ((0.27, 0.73), (0, row))],
        titles,
        labels,
        margin=(44, 8, 28, 100),
    )
    narrow = _with_color_bars(narrow, scales, [(0.5, 0.9, (124 + 28) / 390), (0.5, 0.9, 0)])
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

    Heat maps, not surfaces in space: nothing hides behind anything, and two of them compare point by point.

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
    stack = _rounded(surfaces, surfaces)
    frames = [
        {"name": f"epoch {int(epoch):,}", "data": [{"type": "heatmap", "z": z}], "traces": [1]}
        for epoch, z in zip(epochs, stack, strict=True)
    ]
    data = [
        _heatmap(grid, _rounded(truth, truth), 0, "coloraxis", "x", "y"),
        _heatmap(grid, stack[0], 1, "coloraxis", "x", "y"),
    ]
    titles, labels = ("truth f", "network ŷ"), (_unicode(xlabel), _unicode(ylabel))
    scale = [_color_axis("f and ŷ", truth, surfaces)]
    wide = _planes([((0.08, 0.48), (0, 1)), ((0.52, 0.92), (0, 1))], titles, labels, margin=(52, 8, 30, 104))
    narrow = _planes([((0, 0.46), (0, 1)), ((0.54, 1), (0, 1))], titles, labels, margin=(44, 8, 28, 104))
    return Interactive(
        label,
        {"data": data, "layout": _with_color_bars(wide, scale, [(0.5, 0.6, 0)]), "frames": frames},
        _with_color_bars(narrow, scale, [(0.5, 0.9, 0)]),
        (394, 262),
        {"label": "Epoch", "start": 0, "plays": True},
    )


def _two_scenes(
    grid: np.ndarray, truth: np.ndarray, fitted: np.ndarray, traces: list[dict], scale: dict, label: str
) -> Interactive:
    """Put the traces, once for the truth and once for the network, into two scenes with one camera."""
    grid, truth, fitted = _checked(grid, truth, fitted)
    hover = "x₁ %{x:.2f}, x₂ %{y:.2f}, x₃ %{z:.2f} rad: %{value:.2f}<extra></extra>"
    data = [
        trace | {"scene": scene, "meta": {"field": name}, "coloraxis": "coloraxis", "hovertemplate": hover}
        for scene, name in (("scene", "truth"), ("scene2", "network"))
        for trace in traces
    ]
    fields = {name: _rounded(v.ravel(), v) for name, v in (("truth", truth), ("network", fitted))}
    meta = {"grid": np.round(grid, 4).tolist(), "fields": fields}

    def layout(domains: list[tuple], length: float) -> dict:
        scenes = {
            key: {
                "domain": {"x": list(x), "y": list(y)},
                "camera": VIEW,
                "aspectmode": "cube",
                "dragmode": "turntable",
                "bgcolor": "rgba(0,0,0,0)",
                **{
                    f"{side}axis": {
                        "title": {"text": name, "font": {"size": 13}},
                        "range": [meta["grid"][0], meta["grid"][-1]],
                        "tickfont": {"size": 11},
                        "showbackground": False,
                        "showspikes": False,
                        "zeroline": False,
                        **TICKS,
                    }
                    for side, name in zip("xyz", ("x₁", "x₂", "x₃"), strict=True)
                },
            }
            for key, (x, y) in zip(("scene", "scene2"), domains, strict=True)
        }
        titles = _titles(("truth f", "network ŷ"), domains)
        margin = {"l": 0, "r": 0, "t": 28, "b": 62}
        return _with_color_bars(
            {**scenes, "annotations": titles, "margin": margin}, [scale], [(0.5, length, 0)]
        )

    wide = layout([((0, 0.49), (0, 1)), ((0.51, 1), (0, 1))], 0.5)
    narrow = layout([((0, 1), (0.53, 1)), ((0, 1), (0, 0.47))], 0.9)
    return Interactive(label, {"data": data, "layout": wide | {"meta": meta}}, narrow, (400, 560))


def _planes(domains: list[tuple], titles: tuple, labels: tuple, margin: tuple) -> dict:
    """Lay out heat maps: a pair of axes for each domain, the y axis named where a row begins."""
    layout = {"annotations": _titles(titles, domains), "margin": dict(zip("lrtb", margin, strict=True))}
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


def _titles(titles: tuple, domains: list[tuple]) -> list[dict]:
    place = {"xref": "paper", "yref": "paper", "xanchor": "center", "yanchor": "bottom", "showarrow": False}
    return [
        place | {"text": title, "x": sum(x) / 2, "y": y[1], "font": {"size": 14}}
        for title, (x, y) in zip(titles, domains, strict=True)
    ]


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


def _color_axis(title: str, *values: np.ndarray) -> dict:
    """Return a colour scale for all `values`, centred at zero."""
    most = _most(*values)
    colors = mpl.colormaps[DIVERGING](np.linspace(0, 1, 11))
    scale = [[i / 10, mpl.colors.to_hex(color)] for i, color in enumerate(colors)]
    bar = {"orientation": "h", "thickness": 12, "outlinewidth": 0, "ypad": 4, "nticks": 6}
    bar["title"] = {"text": f"{title} (units of f)"}
    return {"cmin": -most, "cmax": most, "colorscale": scale, "colorbar": bar}


def _with_color_bars(layout: dict, scales: list[dict], places: list[tuple]) -> dict:
    """Place each scale's bar by its centre, its length and its foot; a foot at 0 is that of the figure."""
    layout = layout | {"annotations": list(layout["annotations"])}
    for number, (scale, (x, length, y)) in enumerate(zip(scales, places, strict=True)):
        bar = {"x": x, "len": length, "y": y, "xanchor": "center", "yanchor": "bottom"}
        bar["yref"] = "paper" if y else "container"
        # Plotly sets the title of a lying bar upon the bar itself, so it is written here, above.
        title = _titles([scale["colorbar"]["title"]["text"]], [((x, x), (y, y))])[0]
        title["yshift"] = 36 - (0 if y else layout["margin"]["b"])
        layout["annotations"].append(title | {"font": {"size": 12}})
        bar["title"] = {"text": ""}
        layout[f"coloraxis{number + 1 if number else ''}"] = scale | {"colorbar": scale["colorbar"] | bar}
    return layout


def _checked(grid: np.ndarray, truth: np.ndarray, fitted: np.ndarray) -> tuple[np.ndarray, ...]:
    grid = real_array("grid", grid, ndim=1)
    truth, fitted = real_array("truth", truth, ndim=3), real_array("fitted", fitted, ndim=3)
    if not truth.shape == fitted.shape == (grid.size,) * 3:
        shapes = f"truth is {truth.shape} and fitted {fitted.shape}"
        raise ValueError(f"truth and fitted must be (m, m, m) for a grid of m = {grid.size}, but {shapes}")
    return grid, truth, fitted


def _most(*values: np.ndarray) -> float:
    most = max(float(np.abs(v).max()) for v in values) or 1.0
    return float(f"{most:.4g}")


def _rounded(values: np.ndarray, scale: np.ndarray) -> list:
    """Return nested lists with the decimals that give the largest of `scale` four significant digits."""
    decimals = 3 - math.floor(math.log10(_most(scale)))
    return (np.round(values, decimals) + 0.0).tolist()  # plus zero: no "-0.0"


def _number(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")


def _unicode(label: str) -> str:
    return re.sub(r"\$(\w)_(\d)\$", lambda found: found[1] + chr(0x2080 + int(found[2])), label)
