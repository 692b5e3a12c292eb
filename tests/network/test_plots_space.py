"""Every view of four dimensions is drawn, and holds what it was given."""

import numpy as np
import pytest
from matplotlib.contour import ContourSet

from threelayer import ishigami
from threelayer.plots import lines, planes, space

pytestmark = pytest.mark.usefixtures("style")

GRID = np.linspace(-np.pi, np.pi, 9)
CUBE = np.stack(np.meshgrid(GRID, GRID, GRID, indexing="ij"), axis=-1)
TRUTH = ishigami(CUBE.reshape(-1, 3)).reshape(CUBE.shape[:-1])
X = np.random.default_rng(0).uniform(-np.pi, np.pi, (60, 3))
Y = ishigami(X)
FITTED = 0.9 * TRUTH
LABELS = [r"$x_1$ (rad)", r"$x_2$ (rad)", r"$x_3$ (rad)"]


def drawn(figure):
    """Draw the figure and return the axes that are not colour bars."""
    figure.canvas.draw()
    return [axis for axis in figure.axes if axis.get_label() != "<colorbar>"]


def color_bars(figure):
    return [axis for axis in figure.axes if axis.get_label() == "<colorbar>"]


def segments(line):
    """Return the parts (parts, points, 2) of a line with gaps between them."""
    points = line.get_xydata()
    return np.array(np.split(points[~np.isnan(points[:, 0])], np.isnan(points[:, 0]).sum()))


def legend_labels(legend):
    return [text.get_text() for text in legend.get_texts()]


@pytest.mark.parametrize("sized", [False, True])
def test_points_share_a_colour_scale_centred_at_zero(sized):
    figure = space.scatter_3d(X, {"noise": Y, "error": Y / 4}, "noise and error (units of $f$)", sized=sized)
    axes = drawn(figure)
    for axis, title in zip(axes, ("noise", "error"), strict=True):
        assert axis.get_title() == title
        assert [axis.get_xlabel(), axis.get_ylabel(), axis.get_zlabel()] == LABELS
        assert {dots.get_clim() for dots in axis.collections} == {(-np.abs(Y).max(), np.abs(Y).max())}
        assert sum(len(dots.get_offsets()) for dots in axis.collections) == len(X)
    drawn_values = np.concatenate([dots.get_array() for dots in axes[1].collections])
    assert np.allclose(np.sort(drawn_values), np.sort(Y / 4))
    sizes = [dots.get_sizes().item() for dots in axes[0].collections]
    largest = [np.abs(dots.get_array()).max() for dots in axes[0].collections]
    assert (len(sizes) > 1) is sized
    assert sizes == sorted(sizes, reverse=True)
    assert largest == sorted(largest, reverse=True)
    assert color_bars(figure)[0].get_xlabel() == "noise and error (units of $f$)"


def test_surfaces_are_cut_at_the_levels_on_every_plane():
    figure = space.isosurface_sections(
        GRID, {"truth": TRUTH, "network": FITTED}, (3.5, 10), "$f$", sections=3
    )
    axes = drawn(figure)
    assert [axis.get_title() for axis in axes] == ["truth", "network"]
    cuts = [artist for artist in axes[0].collections if isinstance(artist, ContourSet)]
    assert [list(cut.levels) for cut in cuts] == [[3.5, 10], [3.5], [3.5, 10]]  # x3 = 0 nowhere reaches 10
    assert axes[0].get_zlim()[0] <= -np.pi < np.pi <= axes[0].get_zlim()[1]
    assert legend_labels(figure.legends[0]) == ["$f$ = 3.5", "$f$ = 10"]


def test_a_surface_without_a_colour_is_refused():
    with pytest.raises(ValueError, match="colours for 4 levels"):
        space.isosurface_sections(GRID, {"truth": TRUTH}, range(5), "$f$")


def test_slices_follow_the_truth_along_each_input():
    shades = np.array([[0, 0.5], [0, 1], [-0.5, 0]]) * np.pi
    points = lines.slice_points(GRID, [0, np.pi / 2], shades)
    assert points.shape == (3, 2, 2, 9, 3)
    truth = ishigami(points.reshape(-1, 3)).reshape(points.shape[:-1])
    figure = lines.slice_families(points, truth, truth + 1, "units of $f$")
    axes = np.reshape(drawn(figure), (3, 2))
    assert [axis.get_xlabel() for axis in axes[:, 0]] == LABELS
    assert {axis.get_ylabel() for axis in axes[:, 0]} == {"units of $f$"}
    assert axes[2, 1].get_title() == r"$x_2 = \pi/2$"
    assert legend_labels(axes[2, 1].get_legend()) == [r"$x_1 = -\pi/2$", "$x_1 = 0$"]
    line, dots = axes[2, 1].lines[:2]  # x1 = -pi/2, x2 = pi/2
    assert np.allclose(line.get_ydata(), -1 + 7 - 0.1 * GRID**4)
    assert np.allclose(dots.get_ydata(), line.get_ydata()[::4] + 1)
    assert len({axis.get_ylim() for axis in axes.flat}) == 1


def test_slices_of_another_shape_are_refused():
    points = lines.slice_points(GRID, [0], np.zeros((3, 1)))
    with pytest.raises(ValueError, match="do not fit"):
        lines.slice_families(points, np.zeros((3, 1, 1, 8)), np.zeros((3, 1, 1, 8)), "$f$")


@pytest.mark.parametrize(
    ("angle", "text"), [(0, "0"), (-np.pi / 4, r"-\pi/4"), (np.pi, r"\pi"), (1.0, "1.00"), (-1.0, "-1.00")]
)
def test_angles_are_named_by_pi_only_where_they_are_one(angle, text):
    assert lines._in_pi(angle) == text


def test_maps_share_colours_and_contours():
    panels = {"a": TRUTH[:, 0, :].T, "b": FITTED[:, 2, :].T, "c": TRUTH[:, 4, :].T, "d": FITTED[:, 4, :].T}
    figure = planes.maps(GRID, panels, LABELS[0], LABELS[2], "$f$ (units of $f$)", levels=[0, 4])
    axes = drawn(figure)
    most = max(np.abs(values).max() for values in panels.values())
    assert {axis.images[0].get_clim() for axis in axes} == {(-most, most)}
    for axis, (title, values) in zip(axes, panels.items(), strict=True):
        assert axis.get_title() == title
        assert np.array_equal(axis.images[0].get_array(), values)
        assert axis.images[0].origin == "lower"
        assert axis.get_xlim() == (-np.pi, np.pi)
        assert any(isinstance(artist, ContourSet) for artist in axis.collections)
    assert axes[2].get_xlabel() == LABELS[0]
    assert axes[2].get_ylabel() == LABELS[2]
    assert color_bars(figure)[0].get_xlabel() == "$f$ (units of $f$)"
    assert axes[0].images[0].cmap.N % 2 == 1  # zero has a colour of its own


def test_maps_remove_the_panels_that_have_no_map():
    figure = planes.maps(GRID, dict.fromkeys("abcd", TRUTH[:, :, 0].T), *LABELS[:2], "$f$", columns=3)
    axes = drawn(figure)
    assert len(axes) == 4
    assert all(axis.images for axis in axes)
    assert [bool(axis.get_xlabel()) for axis in axes] == [False, True, True, True]
    assert not any(isinstance(artist, ContourSet) for axis in axes for artist in axis.collections)


def test_the_error_has_its_own_scale_and_truth_and_network_share_one():
    figure = planes.plane_with_error(GRID, TRUTH[:, :, 0].T, FITTED[:, :, 0].T, *LABELS[:2])
    truth, network, error = (axis.images[0] for axis in drawn(figure))
    assert (
        truth.get_clim()
        == network.get_clim()
        == (-np.abs(TRUTH[:, :, 0]).max(), np.abs(TRUTH[:, :, 0]).max())
    )
    assert np.allclose(error.get_array(), -0.1 * TRUTH[:, :, 0].T)
    assert error.get_clim()[0] == -error.get_clim()[1] > -truth.get_clim()[1]
    assert len(color_bars(figure)) == 2
    assert all(bar.get_xlabel().endswith("(units of $f$)") for bar in color_bars(figure))
    with pytest.raises(ValueError, match="not on the same plane"):
        planes.plane_with_error(GRID, TRUTH[:, :, 0], FITTED[1:, :, 0], *LABELS[:2])


def test_pairs_are_all_there():
    figure = planes.pair_plot(X, Y)
    axes = drawn(figure)
    assert sum(bool(axis.collections) for axis in axes) == 6
    assert sum(bool(axis.patches) for axis in axes) == 4
    bottom = {axis.get_xlabel(): axis for axis in axes if axis.get_xlabel()}
    assert list(bottom) == [*LABELS, "$y$"]
    points = bottom[LABELS[2]].collections[0]
    assert np.allclose(points.get_offsets(), np.column_stack([X[:, 2], Y]))
    assert points.get_rasterized()


def test_lines_across_four_axes_mark_the_extremes():
    figure = lines.parallel_coordinates(X, Y, share=0.1)
    (axis,) = drawn(figure)
    assert [label.get_text() for label in axis.get_xticklabels()] == [*LABELS, "$y$ (units of $f$)"]
    families = {line.get_label(): segments(line) for line in axis.lines}
    counts = {label: len(family) for label, family in families.items()}
    assert counts == {"between": 48, "lowest 10%": 6, "highest 10%": 6}
    assert legend_labels(figure.legends[0]) == list(counts)
    highest = families["highest 10%"]
    assert highest[:, 3, 1].max() == pytest.approx(1)
    assert np.allclose(highest[:, 2, 1], X[np.quantile(Y, 0.9) <= Y, 2] / (2 * np.pi) + 0.5)


def test_the_mean_curve_is_the_mean_of_all_samples():
    individual = np.random.default_rng(1).normal(size=(3, 50, 9))
    figure = lines.partial_dependence(GRID, individual, np.zeros((3, 9)), r"$\hat y$", shown=5)
    axes = drawn(figure)
    assert [axis.get_xlabel() for axis in axes] == LABELS
    assert axes[0].get_ylabel() == r"$\hat y$"
    for i, axis in enumerate(axes):
        single, mean, exact = axis.lines
        assert np.allclose(mean.get_ydata(), individual[i].mean(axis=0))
        assert np.all(exact.get_ydata() == 0)
        assert np.allclose(segments(single)[:, :, 1], individual[i, :5])
    assert len({axis.get_ylim() for axis in axes}) == 1
    with pytest.raises(ValueError, match="9 grid points"):
        lines.partial_dependence(GRID, individual[:, :, 1:], np.zeros((3, 9)), r"$\hat y$")
