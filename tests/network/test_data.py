"""The equation, its moments, the samples and the order of batches, against quadrature and counting."""

import numpy as np
import pytest
from numpy.polynomial.legendre import leggauss

from threelayer import Config, batch_order, ishigami, make_data
from threelayer.data import ishigami_moments
from threelayer.spec import Standardizer
from threelayer.streams import PURPOSES, stream


def quadrature_moments(a, b, nodes=24):
    """Integrate by a Gauss-Legendre rule over the cube: exact to rounding for a function this smooth."""
    point, weight = leggauss(nodes)
    x, w = np.pi * point, weight / 2
    grid = np.stack(np.meshgrid(x, x, x, indexing="ij"), axis=-1).reshape(-1, 3)
    f = ishigami(grid, a, b).reshape(nodes, nodes, nodes)
    mean = np.einsum("abc,a,b,c->", f, w, w, w)
    variance = np.einsum("abc,a,b,c->", (f - mean) ** 2, w, w, w)
    main = [
        np.einsum("a,a->", (np.einsum(f"abc,{other[0]},{other[1]}->{own}", f, w, w) - mean) ** 2, w)
        for own, other in (("a", "bc"), ("b", "ac"), ("c", "ab"))
    ]
    return mean, variance, np.array(main)


@pytest.mark.parametrize(("a", "b"), [(7.0, 0.1), (7.0, 0.05), (2.0, 1.0)])
def test_moments_agree_with_quadrature(a, b):
    mean, variance, main = quadrature_moments(a, b)
    exact = ishigami_moments(a, b)
    assert exact.mean == pytest.approx(mean, rel=1e-10)
    assert exact.variance == pytest.approx(variance, rel=1e-10)
    assert exact.main == pytest.approx(main, rel=1e-10, abs=1e-10 * variance)
    assert exact.pair13 == pytest.approx(variance - main.sum(), rel=1e-9)


def test_moments_have_their_literal_values():
    exact = ishigami_moments()
    assert exact.variance == pytest.approx(13.844588, abs=5e-7)
    assert exact.first_order == pytest.approx([0.313905, 0.442411, 0.0], abs=5e-7)
    assert exact.total == pytest.approx([0.557589, 0.442411, 0.243684], abs=1e-6)


@pytest.mark.parametrize("fault", [(7.0, 0.05), (2.0, 1.0)])
def test_other_coefficients_have_other_moments(fault):
    assert ishigami_moments(*fault).variance != pytest.approx(13.844588, abs=5e-7)


def test_ishigami_at_points_done_by_hand():
    half = np.pi / 2
    x = np.array([[0, 0, 1], [half, 0, 0], [0, half, 0], [half, half, 2], [-half, 0, 1]])
    assert ishigami(x) == pytest.approx([0, 1, 7, 1 + 7 + 1.6, -1.1])


@pytest.mark.parametrize(
    "x", [np.zeros(3), np.zeros((2, 2)), [[0, 0, np.nan]], [["0", "0", "0"]], [[True] * 3]]
)
def test_ishigami_refuses(x):
    with pytest.raises(ValueError, match=r"^x "):
        ishigami(x)


def test_sets_have_their_sizes_and_are_independent():
    data = make_data(n_train=40, n_val=30, n_test=50, seed=3)
    assert [a.shape for a in (data.x_train, data.y_train, data.y_true_train)] == [(40, 3), (40, 1), (40, 1)]
    assert data.x_val.shape == (30, 3)
    assert data.y_true_test.shape == (50, 1)
    points = np.vstack([data.x_train, data.x_val, data.x_test])
    assert len(np.unique(points, axis=0)) == 120


def test_a_set_does_not_depend_on_the_size_of_another():
    one, other = make_data(n_train=40, n_val=30), make_data(n_train=40, n_val=31)
    assert np.array_equal(one.x_train, other.x_train)
    assert np.array_equal(one.x_test, other.x_test)


def test_scale_is_fitted_on_training_data_only():
    data = make_data(n_train=40, n_val=30, n_test=50)
    assert data.x_train.mean(axis=0) == pytest.approx(0, abs=1e-13)
    assert data.x_train.std(axis=0) == pytest.approx(1)
    assert data.y_train.mean() == pytest.approx(0, abs=1e-13)
    # the control: had validation data taken part, these would hold as well
    assert np.abs(data.x_val.mean(axis=0)).max() > 1e-3
    assert data.y_test.std() != pytest.approx(1, abs=1e-4)


def test_the_way_back_to_units():
    data = make_data(n_train=40, n_val=30, n_test=50)
    radians = data.x_scale.inverse_transform(data.x_test)
    assert np.abs(radians).max() <= np.pi
    f = data.y_scale.inverse_transform(data.y_true_test)[:, 0]
    assert f == pytest.approx(ishigami(radians), abs=1e-12)


def test_standardizer_agrees_with_scikit_learn():
    StandardScaler = pytest.importorskip("sklearn.preprocessing").StandardScaler
    values = np.random.default_rng(5).normal(3, 2, (11, 4))
    assert Standardizer.fit(values).transform(values) == pytest.approx(StandardScaler().fit_transform(values))


def test_noise_is_what_was_asked_for():
    data = make_data(n_train=20_000, noise=0.5)
    noise = (data.y_train - data.y_true_train) * data.y_scale.std
    assert noise.std() == pytest.approx(0.5, rel=5 / np.sqrt(2 * 20_000))
    clean = make_data(n_train=40, noise=0.0)
    assert np.array_equal(clean.y_train, clean.y_true_train)


@pytest.mark.parametrize(
    "bad",
    [
        {"n_train": 1},
        {"n_val": 0},
        {"n_test": 2.5},
        {"n_train": True},
        {"noise": -0.1},
        {"noise": np.nan},
        {"seed": -1},
        {"seed": 1.5},
    ],
)
def test_make_data_refuses(bad):
    with pytest.raises(ValueError, match=r"must be|is a whole number"):
        make_data(**bad)


def test_batches_are_permutations_without_the_partial_one():
    config = Config(batch_size=4, epochs=3, seed=2)
    order = batch_order(11, config)
    assert order.shape == (3, 2, 4)
    for epoch in order:
        assert len(np.unique(epoch)) == 8
        assert epoch.min() >= 0
        assert epoch.max() <= 10
    assert not np.array_equal(order[0], order[1])
    assert np.array_equal(order, batch_order(11, config))
    assert not np.array_equal(order, batch_order(11, Config(batch_size=4, epochs=3, seed=3)))


def test_more_epochs_begin_like_fewer():
    short, long = (batch_order(11, Config(batch_size=4, epochs=e)) for e in (2, 5))
    assert np.array_equal(short, long[:2])


def test_a_batch_larger_than_the_data_is_refused():
    with pytest.raises(ValueError, match="only 7"):
        batch_order(7, Config(batch_size=8))


def test_streams_differ_by_purpose_and_by_seed():
    draws = {(seed, purpose): stream(seed, purpose).random() for seed in (0, 1) for purpose in PURPOSES}
    assert len(set(draws.values())) == len(draws)
    assert stream(0, "weights").random() == draws[0, "weights"]
