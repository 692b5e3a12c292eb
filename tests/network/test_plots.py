"""Every kind of figure is drawn, with labels and with the data that it was given."""

import numpy as np
import pytest

from bookmaking.pages.figure_twins import DARK
from support.site_checks import contrast
from threelayer import IMPLEMENTATIONS, History, Params, plots

pytestmark = pytest.mark.usefixtures("style")

GRID = np.linspace(-np.pi, np.pi, 11)
CURVES = {"epoch 1": np.tile(np.cos(GRID), (3, 1)), "truth": np.tile(np.sin(GRID), (3, 1))}
HISTORY = History([1.0, 0.5, 0.25], [1.1, 0.6, 0.3], [0.1, 0.2, 0.3])
TRUTH = np.linspace(-9, 15, 40)[:, np.newaxis]

FIGURES = {
    "slices": lambda: plots.slices(GRID, CURVES, truth="truth"),
    "field": lambda: plots.field(GRID, np.outer(GRID, GRID), "x", "y", "z"),
    "sobol_bars": lambda: plots.sobol_bars(np.full((2, 3), 0.3), np.full((2, 3), 0.4), np.full((2, 3), 0.1)),
    "functions": lambda: plots.functions(GRID, {"tanh": GRID}, {"tanh": GRID**2}, ("value", "slope")),
    "loss_curves": lambda: plots.loss_curves({"numpy_manual": HISTORY}, 0.01),
    "predictions": lambda: plots.predictions(TRUTH, TRUTH + np.sin(TRUTH)),
    "gradient_norms": lambda: plots.gradient_norms(np.arange(3), Params(*[np.ones(3)] * 6)),
    "sweep": lambda: plots.sweep(
        np.array([1, 2, 4]),
        {"early": np.array([[3.0, 2, np.nan], [4, 3, 2]]), "late": np.array([[2.0, 1, 1], [3, 2, 3]])},
        "x",
        "y",
        2,
        1,
    ),
    "deviation_matrix": lambda: plots.deviation_matrix(["a", "b"], np.array([[0, 1e-14], [1e-14, 0]])),
    "deviation_growth": lambda: plots.deviation_growth(GRID + 4, {"jax_transforms": GRID + 5}, 12.0),
    "effects": lambda: plots.effects(
        ["one", "two"], np.array([1.0, 0.1]), [[0.5], [0.5]], [[0.4], [0.6, 0.7]]
    ),
}


@pytest.mark.parametrize("kind", FIGURES)
def test_axes_are_labelled_and_hold_data(kind):
    figure = FIGURES[kind]()
    figure.canvas.draw()
    for axis in figure.axes:
        assert axis.has_data()
        named = axis.get_xlabel() or axis.get_ylabel() or axis.get_title()
        assert named or [label.get_text() for label in axis.get_xticklabels()] == ["a", "b"]


def test_network_drawing_names_letters_and_widths():
    figure = plots.layers("ihko", (3, 24, 16, 1), ("input", "hidden", "hidden", "output"))
    words = " ".join(text.get_text() for text in figure.axes[0].texts)
    assert all(
        part in words for part in ("$i$ = 1 … 3", "$h$ = 1 … 24", "$k$ = 1 … 16", "$o$ = 1", "W^{(3)}")
    )
    assert len(figure.axes[0].patches) == 3 + 5 + 5 + 1


def test_curves_carry_the_values():
    figure = plots.slices(GRID, CURVES, truth="truth")
    lines = {line.get_label(): line for line in figure.axes[1].lines}
    assert np.array_equal(lines["epoch 1"].get_ydata(), np.cos(GRID))
    assert lines["truth"].get_color() == plots.INK
    assert lines["epoch 1"].get_color() != plots.INK


def test_signed_fields_are_centred_at_zero():
    figure = plots.field(GRID, np.outer(GRID, GRID) + 3, "x", "y", "z")
    low, high = figure.axes[0].collections[0].get_clim()
    assert low == -high


def test_a_diverged_setting_is_marked_and_not_drawn_as_a_value():
    figure = FIGURES["sweep"]()
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["early", "late", "used in the book", "a seed diverged", "noise floor"]
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    assert np.array_equal(lines["early"].get_ydata(), [3.5, 2.5, np.nan], equal_nan=True)
    assert np.array_equal(lines["late"].get_ydata(), [2.5, 1.5, 2])
    assert set(lines["a seed diverged"].get_xdata()) == {4}
    assert set(lines["used in the book"].get_xdata()) == {2}
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["1", "2", "4"]


def test_the_legend_of_the_bars_touches_none_of_them():
    figure = plots.sobol_bars(np.full((2, 3), 0.9), np.full((2, 3), 0.9), np.full((2, 3), 0.1))
    figure.canvas.draw()
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["exact", "estimated"]
    above = legend.get_window_extent().y0
    assert all(axis.get_window_extent().y1 < above for axis in figure.axes)


def test_each_framework_has_one_colour():
    colors = {name: plots.color_of(name) for name in IMPLEMENTATIONS}
    assert len(set(colors.values())) == 4
    assert colors["pytorch_scratch"] == colors["pytorch_lightning"] != colors["tensorflow_layers"]


def test_colours_are_legible_on_the_light_and_the_dark_page():
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # WebAIM's checker
    lines = plots.BLUE, plots.ORANGE, plots.PINK, plots.GREEN, plots.GREY
    for paper, ink in ((plots.PAPER, plots.INK), (DARK[plots.PAPER], DARK[plots.INK])):
        assert contrast(ink, paper) >= 4.5
        assert all(contrast(line, paper) >= 3 for line in lines)
    assert contrast(plots.GRID, plots.PAPER) < 3  # the grid stays behind the data
