"""Glorot's distribution, against its definition."""

import numpy as np
import pytest
from scipy.stats import kstest

from threelayer import Config, init_params


def test_shapes_and_zero_biases():
    params = init_params(Config(hidden=(5, 4)), n_in=3, n_out=2)
    assert [p.shape for p in params] == [(3, 5), (5,), (5, 4), (4,), (4, 2), (2,)]
    assert all(p.dtype == np.float64 for p in params)
    assert not any(bias.any() for bias in params[1::2])


def test_weights_are_uniform_within_glorots_bound():
    params = init_params(Config(hidden=(120, 90), dtype="float32"))
    for weight in params[0::2]:
        c = np.sqrt(6 / sum(weight.shape))
        assert kstest(weight.ravel(), "uniform", args=(-c, 2 * c)).pvalue > 1e-3
    # the control: He's bound, which looks at the fan in only, must be refused
    c = np.sqrt(6 / params.W2.shape[0])
    assert kstest(params.W2.ravel(), "uniform", args=(-c, 2 * c)).pvalue < 1e-3


def test_seed_decides():
    one, same, other = (init_params(Config(seed=seed)) for seed in (0, 0, 1))
    assert np.array_equal(one.W2, same.W2)
    assert not np.array_equal(one.W2, other.W2)


@pytest.mark.parametrize("sizes", [(0, 1), (3, 0)])
def test_no_input_or_no_output_is_refused(sizes):
    with pytest.raises(ValueError, match="at least one"):
        init_params(Config(), *sizes)


def test_one_input_and_one_output_are_enough():
    params = init_params(Config(hidden=(5, 4)), n_in=1, n_out=1)
    assert (params.W1.shape, params.W3.shape) == ((1, 5), (4, 1))
