"""Every figure of the page that watches the network learn is drawn with the data that it was given."""

import numpy as np
import pytest

from threelayer import plots
from threelayer.plots import learning

pytestmark = pytest.mark.usefixtures("style")

GRID = np.linspace(-np.pi, np.pi, 11)
RNG = np.random.default_rng(0)
STEPS = np.arange(1, 5) * 16
LOSSES = np.array([[1.0, 0.5, 0.25, 0.1], [1.1, 0.6, 0.2, 0.2], [0.9, 0.8, 0.7, 0.3]])
X = RNG.uniform(-np.pi, np.pi, (2000, 3))
RESIDUAL = 0.1 + 0.3 * RNG.standard_normal(2000)

FIGURES = {
    "ridges": lambda: learning.ridges(
        [0, 10], {"$a_1$": [np.zeros(5), np.array([-0.9, 0.9, 0.9])]}, {"$a_1$": 1.0}, bins=4, columns=1
    ),
    "convergence": lambda: learning.convergence({"h = 8": (STEPS, STEPS * 100, LOSSES)}, 0.01),
    "residuals": lambda: learning.residuals(X, RESIDUAL, 0.25, bins=8),
    "against_normal": lambda: learning.against_normal({"wide": 2 * RESIDUAL, "narrow": RESIDUAL}),
    "near_faces": lambda: learning.near_faces(
        {"cube": np.array([0.1, 0.2, 0.3, 0.4]), "wide": np.full(4, 0.2)}, np.array([67, 50, 35, 23])
    ),
}


def lines(axis):
    """Return the labelled lines of an axis by label."""
    return {line.get_label(): line for line in axis.lines}


@pytest.mark.parametrize("kind", FIGURES)
def test_axes_are_labelled_and_hold_data(kind):
    figure = FIGURES[kind]()
    figure.canvas.draw()
    assert figure.axes
    for axis in figure.axes:
        assert axis.has_data()
        assert axis.get_xlabel() or axis.get_ylabel() or axis.get_title()
    assert figure.get_size_inches()[0] == plots.WIDTH


def test_ridges_hold_the_histograms_first_epoch_on_top():
    axis = FIGURES["ridges"]().axes[0]
    first, last = (patch.get_data() for patch in axis.patches)
    assert first.baseline == 1
    assert last.baseline == 0
    assert np.allclose(first.values - 1, [0, 0, 0.85, 0])
    assert np.allclose(last.values, [0.425, 0, 0, 0.85])
    assert [label.get_text() for label in axis.get_yticklabels()] == ["0", "10"]


def test_convergence_draws_median_and_range_over_steps_and_over_multiplications():
    figure = FIGURES["convergence"]()
    figure.canvas.draw()
    for axis, x, xlabel in zip(figure.axes, (STEPS, STEPS * 100), ("step", "multiplications"), strict=True):
        assert axis.get_xlabel() == xlabel
        assert not any(label.get_text() for label in axis.get_xticklabels(minor=True))
        line = lines(axis)["h = 8"]
        assert np.array_equal(line.get_xdata(), x)
        assert np.array_equal(line.get_ydata(), np.median(LOSSES, axis=0))
        band = axis.collections[0].get_paths()[0].vertices
        assert band[:, 1].min() == LOSSES.min()
        assert band[:, 1].max() == LOSSES.max()
        assert set(lines(axis)["noise floor"].get_ydata()) == {0.01}


def test_residuals_show_mean_spread_and_noise_over_each_input():
    figure = FIGURES["residuals"]()
    assert [axis.get_xlabel() for axis in figure.axes] == plots.X_LABELS
    assert "units of $f$" in figure.axes[0].get_ylabel()
    for axis in figure.axes:
        assert lines(axis)["mean"].get_ydata().mean() == pytest.approx(0.1, abs=0.03)
        upper = lines(axis)["mean ± standard deviation"].get_ydata() - lines(axis)["mean"].get_ydata()
        assert upper.mean() == pytest.approx(0.3, abs=0.03)
        assert set(lines(axis)[r"$\pm\sigma$ of the noise"].get_ydata()) == {0.25}
        opacity = axis.images[0].get_array()[..., 3]
        assert opacity.max() == 1
        assert opacity.min() == 0


def test_quantiles_have_the_slope_of_the_spread():
    left, right = FIGURES["against_normal"]().axes
    for label, spread in (("wide", 0.6), ("narrow", 0.3)):
        line = lines(left)[label]
        assert np.array_equal(line.get_ydata(), np.sort(line.get_ydata()))
        assert np.polyfit(line.get_xdata(), line.get_ydata(), 1)[0] == pytest.approx(spread, rel=0.05)
    diagonal = lines(left)["standard normal"]
    assert np.array_equal(diagonal.get_xdata(), diagonal.get_ydata())
    assert right.lines[0].get_ydata().max() == pytest.approx(1 / np.sqrt(2 * np.pi))


def test_errors_and_neighbours_stand_over_the_number_of_faces():
    left, right = FIGURES["near_faces"]().axes
    assert np.array_equal(lines(left)["cube"].get_ydata(), [0.1, 0.2, 0.3, 0.4])
    assert [bar.get_height() for bar in right.patches] == [67, 50, 35, 23]
    assert left.get_ylim()[0] == right.get_ylim()[0] == 0
