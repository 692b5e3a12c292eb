"""Two cubes that turn together, truth and network, as surfaces of equal value or as coloured fog.

Plotly gets the fields once, in the layout; the page's script hands them to the traces that name them.
Source: chapter "four_dimensions".
"""

from collections.abc import Sequence

import numpy as np

from threelayer.plots.interactive.parts import (
    TICKS,
    Interactive,
    checked_cubes,
    color_axis,
    rounded,
    titles,
    with_color_bars,
)

VIEW = {
    "eye": {"x": 1.8, "y": -1.8, "z": 1.1},
    "center": {"x": 0, "y": 0, "z": -0.1},
    "up": {"x": 0, "y": 0, "z": 1},
}


def isosurfaces(
    grid: np.ndarray, truth: np.ndarray, fitted: np.ndarray, levels: Sequence[float], label: str
) -> Interactive:
    """Draw the surfaces where f and the network have each of the given values.

    Parameters
    ----------
    grid, truth, fitted
        As `checked_cubes` describes them.
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
    scale = color_axis("f and ŷ", 1.5 * np.array(levels))
    names = [f"{level:g}".replace("-", "−") for level in levels]
    scale["colorbar"] |= {"tickvals": levels, "ticktext": names}
    return _two_scenes(grid, truth, fitted, [trace | shared for trace in traces], scale, label)


def volumes(grid: np.ndarray, truth: np.ndarray, fitted: np.ndarray, label: str) -> Interactive:
    """Draw f and the network as coloured fog: clear where near zero, dense where extreme.

    The parameters are those of `isosurfaces`.
    """
    scale = color_axis("f and ŷ", truth, fitted)
    trace = {"type": "volume", "isomin": scale["cmin"], "isomax": scale["cmax"], "surface": {"count": 17}}
    # As dense as the value is far from zero, on the shared scale.
    trace |= {"opacity": 0.3, "opacityscale": [[0, 1], [0.3, 0.4], [0.5, 0], [0.7, 0.4], [1, 1]]}
    return _two_scenes(grid, truth, fitted, [trace], scale, label)


def _two_scenes(
    grid: np.ndarray, truth: np.ndarray, fitted: np.ndarray, traces: list[dict], scale: dict, label: str
) -> Interactive:
    """Put the traces, once for the truth and once for the network, into two scenes with one camera."""
    grid, truth, fitted = checked_cubes(grid, truth, fitted)
    hover = "x₁ %{x:.2f}, x₂ %{y:.2f}, x₃ %{z:.2f} rad: %{value:.2f}<extra></extra>"
    data = [
        trace | {"scene": scene, "meta": {"field": name}, "coloraxis": "coloraxis", "hovertemplate": hover}
        for scene, name in (("scene", "truth"), ("scene2", "network"))
        for trace in traces
    ]
    fields = {name: rounded(v.ravel(), v) for name, v in (("truth", truth), ("network", fitted))}
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
        margin = {"l": 0, "r": 0, "t": 28, "b": 62}
        return with_color_bars(
            {**scenes, "annotations": titles(("truth f", "network ŷ"), domains), "margin": margin},
            [scale],
            [(0.5, length, 0)],
        )

    wide = layout([((0, 0.49), (0, 1)), ((0.51, 1), (0, 1))], 0.5)
    narrow = layout([((0, 1), (0.53, 1)), ((0, 1), (0, 0.47))], 0.9)
    return Interactive(label, {"data": data, "layout": wide | {"meta": meta}}, narrow, (400, 560))
