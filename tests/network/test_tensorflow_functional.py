"""The Functional API: the graph, its description, the second model on its layers, and the loss's dtype."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from threelayer import numpy_manual
from threelayer import tensorflow_functional as module
from threelayer.evaluate import largest_deviation

keras = module.keras  # not imported here, so that the module gets to choose the backend


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
        ("layer1", ["x"], (None, 5)),
        ("layer2", ["layer1"], (None, 4)),
        ("layer3", ["layer2"], (None, 2)),
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


# -- the loss


def test_comparison_catches_a_loss_in_float32(params, data, monkeypatch):
    monkeypatch.setattr(module, "losses_in", lambda dtype: (keras.losses.MeanSquaredError(), None))
    loss, grads = module.loss_and_grads(params, data.x_train, data.y_train)
    expected_loss, expected_grads = numpy_manual.loss_and_grads(params, data.x_train, data.y_train)
    assert abs(loss - expected_loss) > 1e-11
    assert largest_deviation(grads, expected_grads) > 1e-11
