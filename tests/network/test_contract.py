"""What all implementations promise: the same refusals, the same bookkeeping, and nothing else touched."""

import random
from dataclasses import replace

import numpy as np
import pytest

from threelayer import Config, DivergedError, Params, init_params, make_data
from threelayer.evaluate import largest_deviation

CONFIG = Config(hidden=(5, 4), batch_size=8, epochs=3, seed=6)


@pytest.fixture(scope="module")
def data():
    return make_data(n_train=43, n_val=11, n_test=13)


@pytest.fixture(scope="module")
def params():
    return init_params(CONFIG)


X, Y = np.linspace(-1, 1, 21).reshape(7, 3), np.linspace(0, 1, 7)[:, np.newaxis]


def same(left, right):
    return all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


BAD_X = {
    "wrong rank": (X[0], "2 axes"),
    "wrong width": (X[:, :2], "2 columns"),
    "no samples": (X[:0], "no samples"),
    "NaN": (np.where(X > 0.9, np.nan, X), "NaN or infinity"),
    "infinity": (np.where(X > 0.9, np.inf, X), "NaN or infinity"),
    "bool": (X > 0, "real numbers"),
    "text": (X.astype(str), "real numbers"),
    "complex": (X.astype(complex), "real numbers"),
    "objects": (X.astype(object), "real numbers"),
    "ragged": ([[1, 2, 3], [4, 5]], "rectangular"),
}


@pytest.mark.parametrize("case", BAD_X)
def test_bad_inputs_are_refused(implementation, params, case):
    x, words = BAD_X[case]
    with pytest.raises(ValueError, match=words):
        implementation.predict(params, x)
    with pytest.raises(ValueError, match=words):
        implementation.loss_and_grads(params, x, Y)


BAD_Y = {
    "shape (n,)": (Y[:, 0], "2 axes"),
    "other length": (Y[:5], "5"),
    "other width": (np.hstack([Y, Y]), "2 columns"),
    "NaN": (np.where(Y > 0.9, np.nan, Y), "NaN or infinity"),
    "bool": (Y > 0.5, "real numbers"),
}


@pytest.mark.parametrize("case", BAD_Y)
def test_bad_targets_are_refused(implementation, params, case):
    y, words = BAD_Y[case]
    with pytest.raises(ValueError, match=words):
        implementation.loss_and_grads(params, X, y)


def test_bad_training_data_are_refused(implementation, params, data):
    for name, bad in (
        ("y_train", data.y_train[:, 0]),
        ("x_val", data.x_val[:, :2]),
        ("y_val", data.y_val[:0]),
    ):
        with pytest.raises(ValueError, match=name):
            implementation.fit(params, replace(data, **{name: bad}), CONFIG)


BAD_PARAMS = {
    "W1 and b1": lambda p: p._replace(b1=p.b1[:-1]),
    "W1 and W2": lambda p: p._replace(W2=p.W2[:-1]),
    "rank": lambda p: p._replace(b2=p.b2[:, np.newaxis]),
    "NaN": lambda p: p._replace(W3=p.W3 * np.nan),
    "empty": lambda p: Params(p.W1[:0], *p[1:]),
    "too few": lambda p: p[:5],
}


@pytest.mark.parametrize("case", BAD_PARAMS)
def test_bad_weights_are_refused(implementation, params, data, case):
    bad = BAD_PARAMS[case](params)
    with pytest.raises(ValueError):
        implementation.predict(bad, X)
    with pytest.raises(ValueError):
        implementation.fit(bad, data, CONFIG)


def test_a_batch_larger_than_the_data_is_refused(implementation, params, data):
    with pytest.raises(ValueError, match=r"44.*43"):
        implementation.fit(params, data, Config(hidden=(5, 4), batch_size=44))


def test_weights_of_another_width_than_the_configuration_are_refused(implementation, params, data):
    with pytest.raises(ValueError, match="hidden"):
        implementation.fit(params, data, Config(hidden=(4, 5), batch_size=8))


def test_integers_are_cast(implementation, params):
    x = np.arange(21).reshape(7, 3) - 10
    assert implementation.predict(params, x) == pytest.approx(implementation.predict(params, x * 1.0), abs=0)


def test_results_are_numpy_of_the_right_shape_and_dtype(implementation, params, data):
    for dtype in ("float64", "float32"):
        cast = Params(*(p.astype(dtype) for p in params))
        y_hat = implementation.predict(cast, X)
        loss, grads = implementation.loss_and_grads(cast, X, Y)
        fit = implementation.fit(params, data, Config(hidden=(5, 4), batch_size=8, epochs=1, dtype=dtype))
        assert isinstance(y_hat, np.ndarray)
        assert y_hat.shape == (7, 1)
        assert type(loss) is float
        for arrays in (grads, fit.params):
            assert isinstance(arrays, Params)
            assert [(a.shape, a.dtype) for a in arrays] == [(p.shape, np.dtype(dtype)) for p in params]
        assert y_hat.dtype == dtype


def test_inputs_may_be_views_and_read_only(implementation, params):
    backwards, read_only = X[::-1], X[::-1].copy()
    read_only.flags.writeable = False
    expected = implementation.predict(params, X[::-1].copy())
    assert np.array_equal(implementation.predict(params, backwards), expected)
    assert np.array_equal(implementation.predict(params, read_only), expected)


def test_weights_may_lie_in_memory_by_columns(implementation, params, data):
    by_columns = Params(*(np.asfortranarray(p) for p in params))
    ours, expected = implementation.fit(by_columns, data, CONFIG), implementation.fit(params, data, CONFIG)
    assert largest_deviation(ours.params, expected.params) < 1e-14


def test_nothing_is_changed_or_shared(implementation, params, data):
    given = [*params, data.x_train, data.y_train, data.x_val, data.y_val, X, Y]
    kept = [a.copy() for a in given]
    y_hat = implementation.predict(params, X)
    _, grads = implementation.loss_and_grads(params, X, Y)
    fit = implementation.fit(params, data, CONFIG)
    assert same(given, kept)
    assert not np.array_equal(fit.params.W2, params.W2)
    assert not any(np.shares_memory(a, b) for a in (y_hat, *grads, *fit.params) for b in given)


def use(implementation, params, data):
    implementation.predict(params, X)
    implementation.loss_and_grads(params, X, Y)
    implementation.fit(params, data, CONFIG)


def test_global_random_numbers_stay_as_they_were(implementation, params, data):
    def state():
        return random.getstate(), str(np.random.get_state())  # noqa: NPY002

    before = state()
    use(implementation, params, data)
    assert state() == before


def test_nothing_is_printed_or_written(implementation, params, data, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    use(implementation, params, data)
    assert capfd.readouterr().out == ""
    assert list(tmp_path.iterdir()) == []


def test_on_epoch_sees_what_the_history_keeps(implementation, params, data):
    seen = []
    fit = implementation.fit(params, data, CONFIG, on_epoch=lambda *call: seen.append(call))
    assert [call[0] for call in seen] == [0, 1, 2]
    assert [call[2] for call in seen] == fit.history.train_loss
    assert [call[3] for call in seen] == fit.history.val_loss
    assert len(fit.history.seconds) == 3
    # each call has weights of its own, and the last ones are the result
    assert not np.array_equal(seen[0][1].W2, seen[1][1].W2)
    assert same(seen[-1][1], fit.params)
    loss, _ = implementation.loss_and_grads(seen[1][1], data.x_val, data.y_val)
    assert loss == pytest.approx(fit.history.val_loss[1], abs=1e-14)


def test_on_epoch_may_write_into_its_weights(implementation, params, data):
    def spoil(epoch, weights, train_loss, val_loss):
        for p in weights:
            p.fill(np.nan)

    expected = implementation.fit(params, data, CONFIG).params
    assert same(implementation.fit(params, data, CONFIG, spoil).params, expected)


def test_divergence_is_an_error(implementation, params, data):
    with pytest.raises(DivergedError, match=r"epoch \d+.* at learning rate 64"):
        implementation.fit(params, data, Config(hidden=(5, 4), batch_size=8, epochs=40, learning_rate=64.0))
