"""Every figure of the book: one style, arrays in, a Matplotlib figure out, and no training anywhere."""

from threelayer.plots.comparison import deviation_growth, deviation_matrix, effects
from threelayer.plots.functions import field, functions, layers, slices, sobol_bars
from threelayer.plots.style import (
    BLUE,
    DIVERGING,
    FRAMEWORK_COLORS,
    GREEN,
    GREY,
    GRID,
    INK,
    ORANGE,
    PAPER,
    PINK,
    STEPS,
    WIDTH,
    X_LABELS,
    color_of,
    pi_ticks,
    use_style,
)
from threelayer.plots.training import gradient_norms, loss_curves, predictions, sweep

__all__ = [
    "BLUE",
    "DIVERGING",
    "FRAMEWORK_COLORS",
    "GREEN",
    "GREY",
    "GRID",
    "INK",
    "ORANGE",
    "PAPER",
    "PINK",
    "STEPS",
    "WIDTH",
    "X_LABELS",
    "color_of",
    "deviation_growth",
    "deviation_matrix",
    "effects",
    "field",
    "functions",
    "gradient_norms",
    "layers",
    "loss_curves",
    "pi_ticks",
    "predictions",
    "slices",
    "sobol_bars",
    "sweep",
    "use_style",
]
