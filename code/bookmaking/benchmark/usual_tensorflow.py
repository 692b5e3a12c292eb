"""The usual ways to train this network in TensorFlow and Keras, as their guides write them.

They are what the benchmark holds the four TensorFlow implementations against.
Source: TensorFlow's "Basic training loops", Keras's "Writing a training loop from scratch" and "Training &
evaluation with the built-in methods".
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # each is read once, when its package is imported
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
import keras
import tensorflow as tf

from threelayer import Config, Params


def batched(x: np.ndarray, y: np.ndarray, config: Config, shuffle: bool) -> tf.data.Dataset:
    """Return the batches of one epoch, shuffled anew each time."""
    dataset = tf.data.Dataset.from_tensor_slices((x, y))
    if shuffle:
        dataset = dataset.shuffle(len(x))
    return dataset.batch(config.batch_size)


def eager(params: Params, x: np.ndarray, y: np.ndarray, config: Config, shuffle: bool) -> tuple:
    """Train by variables and a `GradientTape`, each operation run as Python comes to it."""
    variables = [tf.Variable(p, dtype=x.dtype) for p in params]
    velocities = [tf.Variable(tf.zeros_like(v), trainable=False) for v in variables]
    W1, b1, W2, b2, W3, b3 = variables
    dataset = batched(x, y, config, shuffle)
    ends = []
    for _ in range(config.epochs):
        losses = []
        for x_batch, y_batch in dataset:
            with tf.GradientTape() as tape:
                y_hat = tf.tanh(tf.tanh(x_batch @ W1 + b1) @ W2 + b2) @ W3 + b3
                loss = tf.reduce_mean(tf.square(y_hat - y_batch))
            gradients = tape.gradient(loss, variables)
            for p, v, g in zip(variables, velocities, gradients, strict=True):
                v.assign(config.momentum * v + g)
                p.assign_sub(config.learning_rate * v)
            losses.append(loss)
        float(tf.reduce_mean(losses))
        ends.append(time.perf_counter())
    return Params(*(v.numpy() for v in variables)), ends


@contextmanager
def precision(dtype: np.dtype) -> Iterator[None]:
    """Set Keras to a precision, as one does at the top of a script, and set it back.

    The policy must be set as well: Keras derives it from floatx once, when the first layer asks for it.
    """
    name, floatx, policy = np.dtype(dtype).name, keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(name)
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)


def dense_layers(params: Params) -> list[keras.layers.Layer]:
    """Return the three layers."""
    widths = [b.size for b in params[1::2]]
    return [keras.layers.Dense(n, activation=a) for n, a in zip(widths, ("tanh", "tanh", None), strict=True)]


def sequential(params: Params) -> keras.Model:
    """Return the network as `Sequential`, around given weights."""
    model = keras.Sequential([keras.Input((params.W1.shape[0],)), *dense_layers(params)])
    model.set_weights(params)
    return model


def functional(params: Params) -> keras.Model:
    """Return the network by the Functional API, around given weights."""
    x = keras.Input((params.W1.shape[0],))
    layer1, layer2, layer3 = dense_layers(params)
    model = keras.Model(x, layer3(layer2(layer1(x))))
    model.set_weights(params)
    return model


def compiled_step(params: Params, x: np.ndarray, y: np.ndarray, config: Config, shuffle: bool) -> tuple:
    """Train by a loop of one's own around a `tf.function` step, over batched `tf.data`."""
    with precision(x.dtype):
        model = sequential(params)
        optimizer = keras.optimizers.SGD(config.learning_rate, config.momentum)
        loss_fn = keras.losses.MeanSquaredError()
        train_loss = keras.metrics.Mean()

        @tf.function
        def train_step(x_batch, y_batch):
            with tf.GradientTape() as tape:
                loss = loss_fn(y_batch, model(x_batch, training=True))
            gradients = tape.gradient(loss, model.trainable_weights)
            optimizer.apply(gradients, model.trainable_weights)
            train_loss.update_state(loss)

        dataset = batched(x, y, config, shuffle)
        ends = []
        for _ in range(config.epochs):
            train_loss.reset_state()
            for x_batch, y_batch in dataset:
                train_step(x_batch, y_batch)
            float(train_loss.result())
            ends.append(time.perf_counter())
        return Params(*model.get_weights()), ends


def keras_fit(model: keras.Model, x: np.ndarray, y: np.ndarray, config: Config, shuffle: bool) -> tuple:
    """Train by one `fit` on arrays."""
    ends = []
    clock = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: ends.append(time.perf_counter()))
    model.compile(keras.optimizers.SGD(config.learning_rate, config.momentum), loss="mse")
    sizes = {"batch_size": config.batch_size, "epochs": config.epochs}
    model.fit(x, y, **sizes, shuffle=shuffle, verbose=0, callbacks=[clock])
    return Params(*model.get_weights()), ends


def fit_functional(params: Params, x: np.ndarray, y: np.ndarray, config: Config, shuffle: bool) -> tuple:
    """Compose a model by the Functional API and `fit` it on arrays."""
    with precision(x.dtype):
        return keras_fit(functional(params), x, y, config, shuffle)


def fit_sequential(params: Params, x: np.ndarray, y: np.ndarray, config: Config, shuffle: bool) -> tuple:
    """List the layers of a `Sequential` model and `fit` it on arrays."""
    with precision(x.dtype):
        return keras_fit(sequential(params), x, y, config, shuffle)
