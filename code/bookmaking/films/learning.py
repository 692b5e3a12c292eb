"""The fitted surface epoch by epoch, drawn as the chapter "watch_learning" draws it.

Source: chapter "watch_learning", whose plane and colour scale these are; the default training by JAX.
"""

import io
from functools import cache

import matplotlib.pyplot as plt
import numpy as np

from threelayer import Config, init_params, ishigami, load, make_data, plots
from threelayer.evaluate import predict_units
from threelayer.plots import planes

GRID = np.linspace(-np.pi, np.pi, 41)
PLANE = np.stack([*np.meshgrid(GRID, GRID), np.full((41, 41), 0.75 * np.pi)], axis=-1).reshape(-1, 3)


def surface(epoch: int) -> str:
    """Draw the network after an epoch beside the truth, as SVG."""
    panels = {f"epoch {epoch}": _learnt()[epoch], "truth": ishigami(PLANE).reshape(41, 41)}
    label = r"$\hat y(x_1, x_2, 3\pi/4)$ (units of $f$)"
    plots.use_style()
    figure, svg = planes.maps(GRID, panels, plots.X_LABELS[0], plots.X_LABELS[1], label), io.StringIO()
    figure.savefig(svg, format="svg", bbox_inches="tight")
    plt.close(figure)
    return svg.getvalue()


@cache
def _learnt() -> list[np.ndarray]:
    """Train the default network, and return it on the plane at each epoch."""
    network, data, config = load("jax_transforms"), make_data(), Config()
    snapshots = [init_params(config)]
    network.fit(snapshots[0], data, config, on_epoch=lambda epoch, params, *_: snapshots.append(params))
    return [predict_units(network, params, data, PLANE).reshape(41, 41) for params in snapshots]
