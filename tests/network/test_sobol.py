"""The estimated Sobol indices and their standard errors: against closed forms, and against repetition."""

import numpy as np
import pytest

from threelayer.data import ishigami, ishigami_moments
from threelayer.sobol import sobol_estimate

MOMENTS = ishigami_moments()
EXACT = np.array([MOMENTS.first_order, MOMENTS.total])


def test_the_estimate_agrees_with_the_closed_form():
    indices, errors = sobol_estimate(ishigami, np.random.default_rng(3))
    assert np.all(np.abs(indices - EXACT) < 5 * errors)
    near, its_errors = sobol_estimate(lambda x: ishigami(x, b=0.09), np.random.default_rng(3))
    assert np.any(np.abs(near - EXACT) > 5 * its_errors), "blind to a coefficient a tenth too small"


def test_an_additive_function_has_equal_rows():
    indices, errors = sobol_estimate(lambda x: x @ [1.0, 2.0, 3.0], np.random.default_rng(4), scrambles=8)
    np.testing.assert_allclose(indices, np.array([[1, 4, 9]] * 2) / 14, atol=0.005)
    assert indices.shape == errors.shape == (2, 3)


def test_the_standard_errors_are_the_scatter_of_repeated_estimates():
    rng = np.random.default_rng(8)
    repeated = [sobol_estimate(ishigami, rng, n=2**8, scrambles=8) for _ in range(24)]
    scatter = np.std([estimate.indices for estimate in repeated], axis=0, ddof=1)
    claimed = np.sqrt(np.mean([estimate.standard_errors**2 for estimate in repeated], axis=0))
    # Of 24 values the standard deviation is known to 15 %.
    assert claimed / scatter == pytest.approx(np.ones((2, 3)), abs=0.5)
    assert np.all(claimed / scatter < np.sqrt(8) / 1.5), "that of one scramble would pass"


def test_one_seed_gives_one_estimate_and_another_a_different_one():
    first, again, other = (
        sobol_estimate(ishigami, np.random.default_rng(s), n=2**6, scrambles=3) for s in (5, 5, 6)
    )
    for name in first._fields:
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
        assert not np.array_equal(getattr(first, name), getattr(other, name))


def test_points_of_a_sequence_beat_independent_points():
    """A bootstrap would report the error of independent points, which is several times as large."""
    rng = np.random.default_rng(9)
    errors = sobol_estimate(ishigami, rng).standard_errors
    first_of_x3 = []  # by the same estimator, from as many independent points
    for _ in range(32):
        a, b = rng.uniform(-np.pi, np.pi, (2, 2**10, 3))
        f_a, f_b, mixed = ishigami(a), ishigami(b), ishigami(np.column_stack([a[:, :2], b[:, 2]]))
        first_of_x3.append(np.mean(f_b * (mixed - f_a)) / np.var([f_a, f_b]))
    assert np.std(first_of_x3, ddof=1) / np.sqrt(32) > 3 * errors[0, 2]
