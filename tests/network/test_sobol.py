"""The estimated Sobol indices: against closed forms, and the same in each run."""

import numpy as np
import pytest

from threelayer.data import ishigami, ishigami_moments
from threelayer.sobol import sobol_estimate


def test_the_estimate_agrees_with_the_closed_form():
    exact = ishigami_moments()
    indices, half_widths = sobol_estimate(ishigami, np.random.default_rng(3))
    expected = np.array([exact.first_order, exact.total])
    assert np.all(np.abs(indices - expected) < half_widths)
    assert np.any(np.abs(indices - expected[::-1]) > half_widths), "blind to an exchange of the two rows"


def test_an_additive_function_has_equal_rows():
    indices, half_widths = sobol_estimate(lambda x: x @ [1.0, 2.0, 3.0], np.random.default_rng(4), n=2**10)
    np.testing.assert_allclose(indices, np.array([[1, 4, 9]] * 2) / 14, atol=0.01)
    assert half_widths.shape == (2, 3)


def test_one_seed_gives_one_estimate_and_another_a_different_one():
    first, again, other = (sobol_estimate(ishigami, np.random.default_rng(s), n=2**8) for s in (5, 5, 6))
    for name in first._fields:
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
        assert not np.array_equal(getattr(first, name), getattr(other, name))


def test_the_interval_narrows_as_one_over_the_root_of_n():
    few, many = (sobol_estimate(ishigami, np.random.default_rng(7), n=n).half_widths for n in (2**8, 2**12))
    assert (few / many).mean() == pytest.approx(4, rel=0.3)
