"""The implementation in the Functional API: the graph, the second model on its layers, and the trajectory."""

import os
import random
from dataclasses import replace

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from threelayer import Config, Data, DivergedError, Params, init_params, make_data, numpy_manual  # noqa: E402
from threelayer import tensorflow_functional as module  # noqa: E402

keras = module.keras  # not imported here, so that the module gets to choose the backend
CONFIG = Config(hidden=(5, 4), batch_size=7, epochs=9)


@pytest.fixture(scope="module")
def data() -> Data:
    """Return data with two outputs; 50 samples in batches of 7 leave one over."""
    data = make_data(50, 11, 13)
    names = "y_train", "y_val", "y_test"
    return replace(data, **{name: np.hstack([y := getattr(data, name), np.sin(3 * y)]) for name in names})


@pytest.fixture(scope="module")
def params() -> Params:
    """Return weights whose biases are not zero."""
    drawn = init_params(CONFIG, n_out=2)
    return Params(*(p + 0.1 * np.arange(p.size).reshape(p.shape) / p.size for p in drawn))


def deviation(left, right) -> float:
    return max(float(np.abs(a - b).max()) for a, b in zip(left, right, strict=True))


def assert_same_run(ours, expected) -> None:
    assert deviation(ours.params, expected.params) < 1e-12
    assert deviation(ours.history.train_loss, expected.history.train_loss) < 1e-12
    assert deviation(ours.history.val_loss, expected.history.val_loss) < 1e-12


def global_state() -> dict:
    return {
        "floatx": keras.config.floatx(),
        "dtype policy": keras.config.dtype_policy().name,
        "backend": keras.config.backend(),
        "python seed": random.getstate(),
        "numpy seed": str(np.random.get_state()),  # noqa: NPY002
        "environment": dict(os.environ),
        "threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "summary step": tf.summary.experimental.get_step(),
    }


# -- at the start


def test_starts_as_numpy_does(params, data):
    loss, grads = module.loss_and_grads(params, data.x_train, data.y_train)
    expected_loss, expected_grads = numpy_manual.loss_and_grads(params, data.x_train, data.y_train)
    assert abs(loss - expected_loss) < 1e-13
    assert deviation(grads, expected_grads) < 1e-13
    x = data.x_test
    assert np.abs(module.predict(params, x) - numpy_manual.predict(params, x)).max() < 1e-13


# -- the graph


def test_graph_has_named_ends(params):
    model = module.from_params(params)
    assert {name: tensor.shape for name, tensor in model.input.items()} == {"x": (None, 3)}
    assert {name: tensor.shape for name, tensor in model.output.items()} == {"y_hat": (None, 2)}
    assert {tensor.dtype for tensor in (*model.input.values(), *model.output.values())} == {"float64"}


def test_description_follows_the_graph(params):
    model = module.from_params(params)
    rows = [
        ("x", [], (None, 3)),
        ("a1", ["x"], (None, 5)),
        ("a2", ["a1"], (None, 4)),
        ("y_hat", ["a2"], (None, 2)),
    ]
    assert module.describe(model) == rows
    assert module.describe(module.with_activations(model)) == rows


def test_description_shows_a_branch():
    x = keras.Input((3,), name="x")
    left, right = keras.layers.ReLU(name="left")(x), keras.layers.Softmax(name="right")(x)
    model = keras.Model(x, keras.layers.Add(name="sum")([left, right]))
    assert module.describe(model)[-1] == ("sum", ["left", "right"], (None, 3))


def test_second_model_shows_the_hidden_activations_of_the_first(params, data):
    model = module.from_params(params)
    shown = module.with_activations(model)
    expected = dict(zip(("a1", "a2", "y_hat"), numpy_manual.forward(params, data.x_val), strict=True))
    outputs = shown({"x": data.x_val})
    assert set(outputs) == set(expected)
    assert all(np.abs(outputs[name] - expected[name]).max() < 1e-14 for name in expected)
    model.set_weights([0 * w for w in model.get_weights()])  # the layers are shared, not copied
    assert np.abs(shown({"x": data.x_val})["a1"]).max() == 0


# -- the trajectory


CHANGES = [{}, {"batch_size": 1, "epochs": 3}, {"batch_size": 50, "momentum": 0, "seed": 8}]


@pytest.mark.parametrize("change", CHANGES)
def test_trains_as_numpy_does(params, data, change):
    config = replace(CONFIG, **change)
    assert_same_run(module.fit(params, data, config), numpy_manual.fit(params, data, config))


FAULTS = {
    "sum over the samples": (
        "mean_squared_error",
        lambda dtype: keras.losses.MeanSquaredError(reduction="sum", dtype=dtype),
    ),
    "batch order": ("batch_order", lambda n, config: numpy_manual.batch_order(n, config)[:, ::-1]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_comparison_catches_a_planted_fault(params, data, fault, monkeypatch):
    monkeypatch.setattr(module, *FAULTS[fault])
    ours, expected = module.fit(params, data, CONFIG), numpy_manual.fit(params, data, CONFIG)
    assert deviation(ours.params, expected.params) > 1e-4


def test_comparison_catches_a_loss_in_float32(params, data, monkeypatch):
    monkeypatch.setattr(module, "mean_squared_error", lambda dtype: keras.losses.MeanSquaredError())
    loss, grads = module.loss_and_grads(params, data.x_train, data.y_train)
    expected_loss, expected_grads = numpy_manual.loss_and_grads(params, data.x_train, data.y_train)
    assert abs(loss - expected_loss) > 1e-11
    assert deviation(grads, expected_grads) > 1e-11


def test_float32_is_trained_in_float32(params, data):
    config = replace(CONFIG, dtype="float32", learning_rate=np.float64(2**-4), momentum=np.float64(0.9375))
    ours = module.fit(params, data, config)
    assert {p.dtype for p in ours.params} == {np.dtype("float32")}
    assert 0 < deviation(ours.params, numpy_manual.fit(params, data, CONFIG).params) < 1e-4
    assert module.predict(ours.params, data.x_test).dtype == np.float32


# -- manners


def test_global_state_and_arguments_stay_as_they_were(params, data, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept = [p.copy() for p in params], data.x_train.copy(), data.y_train.copy()
    before = global_state()
    inside = []
    module.predict(params, data.x_test)
    module.loss_and_grads(params, data.x_train, data.y_train)
    fit = module.fit(params, data, CONFIG, lambda *_: inside.append(global_state()))
    with pytest.raises(DivergedError, match=r"epoch \d+ at learning rate 1e\+200"):
        module.fit(params, data, replace(CONFIG, learning_rate=1e200))
    assert global_state() == before
    assert inside == [before] * CONFIG.epochs
    assert capfd.readouterr().out == ""
    assert list(tmp_path.iterdir()) == []
    assert deviation(params, kept[0]) == deviation((data.x_train, data.y_train), kept[1:]) == 0
    assert not any(np.shares_memory(a, b) for a, b in zip(fit.params, params, strict=True))


def test_on_epoch_gets_copies(params, data):
    def spoil(epoch, weights, train_loss, val_loss):
        for p in weights:
            p.fill(np.nan)

    assert_same_run(module.fit(params, data, CONFIG, spoil), numpy_manual.fit(params, data, CONFIG))
