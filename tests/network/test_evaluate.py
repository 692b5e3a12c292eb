"""The measures of a fit, against scikit-learn and against counting."""

import numpy as np
import pytest

from threelayer import Config, init_params, ishigami, make_data, numpy_manual
from threelayer.evaluate import (
    axis_lines,
    errors,
    largest_deviation,
    noise_floor,
    predict_units,
    r_squared,
    rmse,
)

DATA = make_data(n_train=40, n_val=11, n_test=23)
PARAMS = init_params(Config(hidden=(5, 4)))


def test_measures_agree_with_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    radians = DATA.x_scale.inverse_transform(DATA.x_test)
    y_hat = predict_units(numpy_manual, PARAMS, DATA, radians)
    truth = ishigami(radians)
    assert errors(numpy_manual, PARAMS, DATA)[:, 0] == pytest.approx(y_hat - truth, abs=1e-12)
    assert r_squared(numpy_manual, PARAMS, DATA) == pytest.approx(metrics.r2_score(truth, y_hat))
    assert rmse(numpy_manual, PARAMS, DATA) == pytest.approx(metrics.root_mean_squared_error(truth, y_hat))


def test_noise_floor_is_the_loss_of_the_truth():
    data = make_data(n_train=20_000, noise=0.5)
    loss = np.mean((data.y_train - data.y_true_train) ** 2)
    assert noise_floor(data, noise=0.5) == pytest.approx(loss, rel=0.05)
    assert noise_floor(data) != pytest.approx(loss, rel=0.05)


def test_lines_move_one_input_at_a_time():
    grid = np.linspace(-1, 1, 7)
    lines = axis_lines(grid, fixed=0.5)
    assert lines.shape == (3, 7, 3)
    for i in range(3):
        assert np.array_equal(lines[i, :, i], grid)
        assert (np.delete(lines[i], i, axis=1) == 0.5).all()


def test_largest_deviation_finds_the_one_entry():
    moved = PARAMS._replace(W2=PARAMS.W2.copy())
    moved.W2[1, 2] -= 0.25
    assert largest_deviation(moved, PARAMS) == 0.25
    assert largest_deviation(PARAMS, PARAMS) == 0.0
