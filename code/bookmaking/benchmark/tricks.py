"""Variants of the implementations: tricks that were taken, taken away; and tricks that were left out, tried.

Most exchange one name of a module for the time of a run, so that a variant differs from the implementation
in that and in nothing else.
Source: chapter "cost".
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from types import ModuleType
from unittest.mock import patch

import numpy as np

from threelayer import Config, Data, Fit, Params, load


def changed(implementation: str, change: Callable[[ModuleType], AbstractContextManager]) -> Callable:
    """Return the `fit` of an implementation in which something is changed while it runs."""

    def fit(params: Params, data: Data, config: Config) -> Fit:
        module = load(implementation)
        with change(module):
            return module.fit(params, data, config)

    return fit


def at_forward(params: Params, x: np.ndarray) -> tuple[np.ndarray, ...]:
    """Do the work of `numpy_manual.forward` with `@`."""
    W1, b1, W2, b2, W3, b3 = params
    a1 = np.tanh(x @ W1 + b1)
    a2 = np.tanh(a1 @ W2 + b2)
    return a1, a2, a2 @ W3 + b3


def at_backward(params: Params, x: np.ndarray, y: np.ndarray, forward_results: tuple) -> Params:
    """Do the work of `numpy_manual.backward` with `@`."""
    _, _, W2, _, W3, _ = params
    a1, a2, y_hat = forward_results
    dz3 = 2 * (y_hat - y) / y.size
    dz2 = dz3 @ W3.T * (1 - a2**2)
    dz1 = dz2 @ W2.T * (1 - a1**2)
    return Params(x.T @ dz1, dz1.sum(0), a1.T @ dz2, dz2.sum(0), a2.T @ dz3, dz3.sum(0))


def sample_by_sample(module: ModuleType) -> AbstractContextManager:
    """Look up the samples of a batch one by one and stack them, as a `DataLoader` usually does."""
    training_loader = module.training_loader

    def otherwise(*arguments) -> module.DataLoader:
        loader = training_loader(*arguments)
        slow = module.DataLoader(loader.dataset, batch_sampler=loader.sampler, generator=loader.generator)
        slow.sampler.set_epoch = loader.sampler.set_epoch
        return slow

    return patch.object(module, "training_loader", otherwise)


def addmm(module: ModuleType) -> AbstractContextManager:
    """Let the layers be one operation, `addmm`, in place of an einsum and a sum."""
    one = module.torch.addmm
    return patch.object(module.EinsumLinear, "forward", lambda self, x: one(self.bias, x, self.weight))


def steps_from_python(module: ModuleType, compiled: bool) -> AbstractContextManager:
    """Call a step from Python: operation by operation, or compiled, as one graph."""
    tf = module.tf
    step = tf.function(module.train_step) if compiled else module.train_step

    def train_epoch(params, velocity, batches, train, val, rates) -> tuple:
        x, y = train
        losses = [step(params, velocity, tf.gather(x, b), tf.gather(y, b), rates) for b in batches]
        return tf.stack(losses), tf.constant(0.0)

    return patch.object(module, "train_epoch", train_epoch)


def without_xla(module: ModuleType) -> AbstractContextManager:
    """Keep the loop over an epoch in a graph, but let no XLA fuse it."""
    epoch = module.tf.function(module.train_epoch.python_function, reduce_retracing=True)
    return patch.object(module, "train_epoch", epoch)


def compiled_with(module: ModuleType, **options) -> AbstractContextManager:
    """Give `compile` other options than the implementation does."""
    model = module.keras.Sequential
    usual = model.compile
    return patch.object(model, "compile", lambda self, *a, **given: usual(self, *a, **(given | options)))


def jax_one_call(params: Params, data: Data, config: Config) -> Fit:
    """Scan over the run: it shows no epoch, so a second call is timed, its epochs taken as equally long."""
    fit = load("jax_transforms").fit_in_one_call
    fit(params, data, config)  # compiles, for this number of epochs
    start = time.perf_counter()
    result = fit(params, data, config)
    took = time.perf_counter() - start
    result.history.seconds[:] = np.linspace(0, took, config.epochs + 1)[1:]
    return result


# implementation -> name of the variant -> what is changed
CHANGES = {
    "numpy_manual": {
        "einsum, no path": lambda module: patch.object(module, "einsum_blas", module.einsum),
        "einsum, path everywhere": lambda module: patch.object(module, "einsum", module.einsum_blas),
        "@": lambda module: patch.multiple(module, forward=at_forward, backward=at_backward),
    },
    "pytorch_scratch": {
        "einsum by autograd": lambda module: patch.object(module, "forward", module.forward_autograd)
    },
    "pytorch_modules": {
        "sample by sample": sample_by_sample,
        "SGD(fused=True)": lambda module: patch.object(
            module.torch.optim, "SGD", partial(module.torch.optim.SGD, fused=True)
        ),
    },
    "pytorch_lightning": {"addmm": addmm},
    "tensorflow_scratch": {
        "eager step": partial(steps_from_python, compiled=False),
        "tf.function step": partial(steps_from_python, compiled=True),
        "tf.function epoch, no XLA": without_xla,
    },
    "tensorflow_highlevel": {
        "steps_per_execution=1": partial(compiled_with, steps_per_execution=1),
        "jit_compile=True": partial(compiled_with, jit_compile=True),
    },
}
# (implementation, name of the variant) -> a function like `fit`
TRICKS = {
    **{(name, way): changed(name, change) for name, ways in CHANGES.items() for way, change in ways.items()},
    ("pytorch_lightning", "loop of pytorch_modules"): changed("pytorch_modules", nullcontext),
    ("jax_transforms", "lax.scan over the run"): jax_one_call,
}
