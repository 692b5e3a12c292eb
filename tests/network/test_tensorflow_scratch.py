"""TensorFlow from variables: the layers by hand, the compiled steps, retracing, and what it leaves alone."""

import os
from dataclasses import replace

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from threelayer import Config, DivergedError, Params, numpy_manual  # noqa: E402
from threelayer import tensorflow_scratch as module  # noqa: E402
from threelayer.evaluate import largest_deviation  # noqa: E402

CONFIG = Config(hidden=(5, 4), batch_size=7, epochs=9)


def global_state() -> dict:
    return {
        "environment": dict(os.environ),
        "eager": tf.config.functions_run_eagerly(),
        "XLA": tf.config.optimizer.get_jit(),
        "threads": tf.config.threading.get_intra_op_parallelism_threads(),
    }


# -- at the start


def test_forward_tape_starts_as_numpy_does(params, data):
    loss, grads = module.loss_and_grads(params, data.x_train, data.y_train, forward=module.forward_tape)
    expected_loss, expected_grads = numpy_manual.loss_and_grads(params, data.x_train, data.y_train)
    assert abs(loss - expected_loss) < 1e-13
    assert largest_deviation(grads, expected_grads) < 1e-13


@pytest.mark.parametrize("forward", [module.forward, module.forward_tape])
def test_hidden_activations_are_those_of_numpy(params, data, forward):
    ours = (a.numpy() for a in forward(params, data.x_val))
    assert largest_deviation(ours, numpy_manual.forward(params, data.x_val)) < 1e-14


# -- the layers by hand


def arguments() -> list:
    rng = np.random.default_rng(1)
    return [tf.constant(rng.standard_normal(shape)) for shape in ((7, 3), (3, 5), (5,))]


def largest_error(function, arguments) -> float:
    """Return how far the gradients by hand are from central differences, over all arguments."""
    return largest_deviation(*tf.test.compute_gradient(function, arguments))


def test_layers_by_hand_agree_with_differences():
    assert largest_error(module.dense, arguments()) < 1e-9
    assert largest_error(module.tanh, arguments()[:1]) < 1e-6


undecorated = module.dense.__wrapped__  # returns z and backward, before TensorFlow joins them


@tf.custom_gradient
def rows_reversed(x, W, b):
    z, backward = undecorated(x, W, b)
    return z, lambda dz: [gradient[::-1] for gradient in backward(dz)]


@tf.custom_gradient
def bias_averaged(x, W, b):
    z, backward = undecorated(x, W, b)
    return z, lambda dz: (*backward(dz)[:2], tf.reduce_mean(dz, axis=0))


@tf.custom_gradient
def slope_of_the_input(z):
    return tf.tanh(z), lambda da: da * (1 - z**2)


FAULTY_LAYERS = {
    "rows reversed": ("dense", rows_reversed, 3),
    "bias averaged": ("dense", bias_averaged, 3),
    "slope of the input": ("tanh", slope_of_the_input, 1),
}


@pytest.mark.parametrize("fault", FAULTY_LAYERS)
def test_differences_and_tape_catch_a_wrong_layer(params, data, fault, monkeypatch):
    name, wrong, count = FAULTY_LAYERS[fault]
    assert largest_error(wrong, arguments()[:count]) > 1e-2
    monkeypatch.setattr(module, name, wrong)
    _, by_hand = module.loss_and_grads(params, data.x_train, data.y_train)
    _, by_tape = module.loss_and_grads(params, data.x_train, data.y_train, forward=module.forward_tape)
    assert largest_deviation(by_hand, by_tape) > 1e-3


# -- the trajectory


def nesterov(params, velocity, grads, learning_rate, momentum):
    for p, v, g in zip(params, velocity, grads, strict=True):
        v.assign(momentum * v + g)
        p.assign_sub(learning_rate * (momentum * v + g))


FAULTS = {
    "momentum form": ("update", nesterov),
    "bias averaged": ("dense", bias_averaged),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_comparison_catches_a_planted_fault(params, data, fault, monkeypatch):
    monkeypatch.setattr(module, *FAULTS[fault])
    fresh = tf.function(module.train_epoch.python_function)  # the one traced already has the right code
    monkeypatch.setattr(module, "train_epoch", fresh)
    ours, expected = module.fit(params, data, CONFIG), numpy_manual.fit(params, data, CONFIG)
    assert largest_deviation(ours.params, expected.params) > 1e-4


STEPS = {"eager": module.train_step, "compiled": tf.function(module.train_step)}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_step_by_step_is_the_same_trajectory(params, data, step):
    config = replace(CONFIG, epochs=2)
    variables = module.from_params(params)
    velocity = Params(*(tf.Variable(tf.zeros_like(p), trainable=False) for p in variables))
    rates = tf.constant(config.learning_rate, "float64"), tf.constant(config.momentum, "float64")
    losses = [
        step(variables, velocity, tf.constant(data.x_train[batch]), tf.constant(data.y_train[batch]), rates)
        for batch in module.batch_order(50, config).reshape(-1, config.batch_size)
    ]
    expected = numpy_manual.fit(params, data, config)
    assert largest_deviation(module.to_params(variables), expected.params) < 1e-13
    assert largest_deviation(np.reshape(losses, (2, -1)).mean(axis=1), expected.history.train_loss) < 1e-13


def test_other_rates_and_weights_need_no_new_trace(params, data):
    module.fit(params, data, CONFIG)
    traced = module.train_epoch.experimental_get_tracing_count()
    module.fit(params, data, replace(CONFIG, learning_rate=2**-5, momentum=0.5, seed=3))
    assert module.train_epoch.experimental_get_tracing_count() == traced


# -- manners


def test_the_state_of_tensorflow_stays_as_it_was(params, data):
    before = global_state()
    inside = []
    module.predict(params, data.x_test)
    module.loss_and_grads(params, data.x_train, data.y_train)
    module.fit(params, data, CONFIG, lambda *_: inside.append(global_state()))
    with pytest.raises(DivergedError, match=r"epoch \d+, step \d+ at learning rate 1e\+200"):
        module.fit(params, data, replace(CONFIG, learning_rate=1e200))
    assert global_state() == before
    assert inside == [before] * CONFIG.epochs
