"""The book's one style: colours, sizes, labels.

Ink, grid and paper are fixed colours, which the site exchanges for its dark theme; data colours suit both.
Source: Okabe and Ito's palette for colours (okabe2008), the letters of chapter "network" for labels.
"""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.ticker import MaxNLocator

INK, GRID, PAPER = "#1f2933", "#d5dae0", "#ffffff"
BLUE, ORANGE, PINK, GREEN, GREY = "#0072b2", "#d55e00", "#c2649a", "#009e73", "#78828c"
FRAMEWORK_COLORS = {"numpy": BLUE, "pytorch": ORANGE, "tensorflow": PINK, "jax": GREEN}
DIVERGING = "RdBu_r"  # for signed values, always centred at zero
STEPS = 17  # of its colours: odd, so that one of them stands for zero; few, so that files stay small
CONTOUR = "#4a5560"
SHADES = (BLUE, GREEN, ORANGE, PINK)  # of what is compared and is no framework
DASHES = ("-", "--", "-.", ":")

X_LABELS = [r"$x_1$ (rad)", r"$x_2$ (rad)", r"$x_3$ (rad)"]
WIDTH = 6.4  # inches: the measure of the text


def color_of(implementation: str) -> str:
    """Return the colour of the framework that an implementation belongs to."""
    return FRAMEWORK_COLORS[implementation.split("_")[0]]


def use_style() -> None:
    """Set the book's style for every figure that follows, and vector output in notebooks."""
    plt.rcParams.update(
        {
            "axes.axisbelow": True,
            "axes.edgecolor": INK,
            "axes.facecolor": "none",
            "axes.grid": True,
            "axes.labelcolor": INK,
            "axes.labelsize": 11,
            "axes.linewidth": 1.0,
            "axes.prop_cycle": plt.cycler(color=[BLUE, ORANGE, GREEN, PINK, GREY]),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlesize": 11,
            "figure.constrained_layout.use": True,
            "figure.facecolor": "none",
            "figure.figsize": (WIDTH, 3.2),
            "font.size": 11,
            "grid.color": GRID,
            "grid.linewidth": 0.6,
            "legend.fontsize": 10,
            "legend.frameon": False,
            "legend.title_fontsize": 10,
            "lines.linewidth": 1.6,
            "lines.markersize": 4.8,
            "lines.solid_capstyle": "round",
            "patch.edgecolor": "white",
            "patch.force_edgecolor": True,
            "patch.linewidth": 0.8,
            "savefig.facecolor": "none",
            "svg.fonttype": "path",
            "svg.hashsalt": "one network, nine ways",  # the same figure gives the same bytes
            "text.color": INK,
            "xtick.color": INK,
            "xtick.labelsize": 10,
            "xtick.major.size": 4.8,
            "xtick.major.width": 1.0,
            "xtick.minor.size": 3.2,
            "xtick.minor.width": 0.8,
            "ytick.color": INK,
            "ytick.labelsize": 10,
            "ytick.major.size": 4.8,
            "ytick.major.width": 1.0,
            "ytick.minor.size": 3.2,
            "ytick.minor.width": 0.8,
        }
    )
    try:
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ImportError:  # not in a notebook
        return
    set_matplotlib_formats("svg", metadata={"Date": None})


def color_bar(image: ScalarMappable, axes: Sequence[plt.Axes], label: str, **options: float) -> None:
    """Add the colour bar of an image below the axes that share it."""
    bar = axes[0].figure.colorbar(
        image, ax=axes, location="bottom", label=label, pad=0.02, ticks=MaxNLocator(5), **options
    )
    bar.solids.set_rasterized(True)  # a small picture instead of a path for every colour


def pi_ticks(axis: plt.Axes, which: str = "x") -> None:
    """Mark an axis in radians at minus pi, zero and pi."""
    getattr(axis, f"set_{which}ticks")([-np.pi, 0, np.pi], [r"$-\pi$", "0", r"$\pi$"])
