"""What the three modules on Keras share: its backend, the pipeline of batches, and losses in a dtype.

The idea: Keras casts to `floatx`, float32 unless the process says otherwise. A library leaves that setting to
others: its data are tensors in a pipeline, which Keras does not cast, and each loss is told its dtype.
Source: chapter "tensorflow_layers", which shows the two lines that would set it.
"""

from typing import Any

import numpy as np

from threelayer.frameworks import tensorflow_guard  # noqa: F401  # sets what the next two read when imported

# isort: split
import keras
import tensorflow as tf

if keras.config.backend() != "tensorflow":
    raise ImportError(f"Keras runs on {keras.config.backend()}; import it with KERAS_BACKEND=tensorflow")

# The tuner of tf.data would need more time, every time a pipeline starts and stops, than it could save here.
FIXED = tf.data.Options()
FIXED.autotune.enabled = False


def batches_of(data: Any, order: np.ndarray) -> tf.data.Dataset:
    """Return a pipeline of all batches of `order`, gathered while the steps before them are taken.

    Each has the structure of `data`, for instance a pair of arrays.
    """
    steps = tf.data.Dataset.from_tensor_slices(order.reshape(-1, order.shape[-1]))
    batches = steps.map(lambda batch: tf.nest.map_structure(lambda array: tf.gather(array, batch), data))
    return batches.prefetch(4).with_options(FIXED)


def one_batch(data: Any) -> tf.data.Dataset:
    """Return a pipeline that yields `data` once, whole."""
    return tf.data.Dataset.from_tensors(data).with_options(FIXED)


def losses_in(dtype: str) -> tuple[keras.Loss, keras.Metric]:
    """Return the mean squared error as a loss, and once more as the metric `mse`.

    What Keras itself logs as `loss` is kept in `floatx`, whatever the dtype of the loss.
    """
    return keras.losses.MeanSquaredError(dtype=dtype), keras.metrics.MeanSquaredError("mse", dtype=dtype)
