"""Choose the backend of Keras, import TensorFlow, and keep what a caller has set from changing a result.

The idea: on a GPU TensorFlow multiplies float32 in TF32, which keeps 10 of 23 bits, unless the process says
otherwise; and where the process asks for it, graphs are rewritten to half precision.
Source: TensorFlow's documentation of `tf.config.experimental` and `tf.config.optimizer`.
"""

import os
from collections.abc import Callable
from functools import wraps
from threading import Lock

# Keras and TensorFlow read these once, when they are imported, so they are set before that.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")  # without it TensorFlow describes the processor
import tensorflow as tf


class FullPrecision:
    """Keeps products in float32 whole while any thread is inside; the last to leave restores what was found.

    The settings belong to the process: what else it computes in the meantime is not shortened either.
    """

    def __init__(self) -> None:
        self.lock, self.inside, self.restore = Lock(), 0, ()

    def __enter__(self) -> None:
        with self.lock:
            if self.inside == 0:
                options = tf.config.optimizer.get_experimental_options()
                halving = {name: on for name, on in options.items() if "mixed_precision" in name and on}
                self.restore = tf.config.experimental.tensor_float_32_execution_enabled(), halving
                self.set(False, dict.fromkeys(halving, False))
            self.inside += 1

    def __exit__(self, *exception: object) -> None:
        with self.lock:
            self.inside -= 1
            if self.inside == 0:
                self.set(*self.restore)

    def set(self, tf32: bool, halving: dict[str, bool]) -> None:
        """Allow or forbid TF32, and the rewriting of graphs to half precision."""
        tf.config.experimental.enable_tensor_float_32_execution(tf32)
        if halving:
            tf.config.optimizer.set_experimental_options(halving)


_full_precision = FullPrecision()


def guarded(function: Callable) -> Callable:
    """Return a function that computes the same whatever its caller has set."""

    @wraps(function)
    def undisturbed(*args: object, **kwargs: object) -> object:
        if tf.distribute.has_strategy():
            raise RuntimeError(f"{function.__name__} runs on one device: call it outside strategy.scope()")
        with _full_precision:
            return function(*args, **kwargs)

    return undisturbed
