"""Variants of the implementations: tricks that were taken, taken away; and tricks that were left out, tried.

Each is a function like `fit`. Most exchange one name of a module for the time of a run, so that a variant
differs from the implementation in that and in nothing else.
Source: chapter "cost".
"""

import time
from functools import partial
from unittest.mock import patch

import numpy as np

from threelayer import Config, Data, Fit, Params, load


def numpy_plain_einsum(params: Params, data: Data, config: Config) -> Fit:
    """Leave no product to BLAS."""
    module = load("numpy_manual")
    with patch.object(module, "einsum_blas", module.einsum):
        return module.fit(params, data, config)


def numpy_path_everywhere(params: Params, data: Data, config: Config) -> Fit:
    """Look for a path in every einsum, also in those too small to repay it."""
    module = load("numpy_manual")
    with patch.object(module, "einsum", module.einsum_blas):
        return module.fit(params, data, config)


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


def numpy_at(params: Params, data: Data, config: Config) -> Fit:
    """Write `@` and `.T` for einsum."""
    module = load("numpy_manual")
    with patch.multiple(module, forward=at_forward, backward=at_backward):
        return module.fit(params, data, config)


def torch_known_operations(params: Params, data: Data, config: Config) -> Fit:
    """Let autograd find the gradient, without a layer of our own."""
    module = load("pytorch_scratch")
    with patch.object(module, "forward", module.forward_autograd):
        return module.fit(params, data, config)


def torch_sample_by_sample(params: Params, data: Data, config: Config) -> Fit:
    """Look up the samples of a batch one by one and stack them, as a `DataLoader` usually does."""
    module = load("pytorch_modules")
    training_loader = module.training_loader

    def otherwise(*arguments) -> module.DataLoader:
        loader = training_loader(*arguments)
        slow = module.DataLoader(loader.dataset, batch_sampler=loader.sampler, generator=loader.generator)
        slow.sampler.set_epoch = loader.sampler.set_epoch
        return slow

    with patch.object(module, "training_loader", otherwise):
        return module.fit(params, data, config)


def torch_fused(params: Params, data: Data, config: Config) -> Fit:
    """Let the optimiser change all weights in one kernel."""
    module = load("pytorch_modules")
    import torch

    with patch.object(torch.optim, "SGD", partial(torch.optim.SGD, fused=True)):
        return module.fit(params, data, config)


def torch_compiled(params: Params, data: Data, config: Config) -> Fit:
    """Let `torch.compile` generate the forward and the backward pass."""
    module = load("pytorch_modules")
    import torch

    with patch.object(module.ThreeLayer, "forward", torch.compile(module.ThreeLayer.forward)):
        return module.fit(params, data, config)


def lightning_addmm(params: Params, data: Data, config: Config) -> Fit:
    """Let the layers be one operation, `addmm`, in place of an einsum and a sum."""
    module = load("pytorch_lightning")
    import torch

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.addmm(self.bias, x, self.weight)

    with patch.object(module.EinsumLinear, "forward", forward):
        return module.fit(params, data, config)


def lightning_loop(params: Params, data: Data, config: Config) -> Fit:
    """Write the loop out: it is that of `pytorch_modules`."""
    return load("pytorch_modules").fit(params, data, config)


def tensorflow_steps(params: Params, data: Data, config: Config, compiled: bool) -> Fit:
    """Call a step from Python: operation by operation, or compiled, as one graph."""
    module = load("tensorflow_scratch")
    import tensorflow as tf

    step = tf.function(module.train_step) if compiled else module.train_step

    def train_epoch(params, velocity, batches, train, val, rates) -> tuple[tf.Tensor, tf.Tensor]:
        x, y = train
        losses = [step(params, velocity, tf.gather(x, b), tf.gather(y, b), rates) for b in batches]
        return tf.stack(losses), tf.constant(0.0)

    with patch.object(module, "train_epoch", train_epoch):
        return module.fit(params, data, config)


def tensorflow_without_xla(params: Params, data: Data, config: Config) -> Fit:
    """Keep the loop over an epoch in a graph, but let no XLA fuse it."""
    module = load("tensorflow_scratch")
    import tensorflow as tf

    epoch = tf.function(module.train_epoch.python_function, reduce_retracing=True)
    with patch.object(module, "train_epoch", epoch):
        return module.fit(params, data, config)


def keras_compile(params: Params, data: Data, config: Config, **options) -> Fit:
    """Give `compile` other options than the implementation does."""
    module = load("tensorflow_highlevel")
    import keras

    compile_model = keras.Sequential.compile

    def compile_otherwise(self, *arguments, **usual) -> None:
        compile_model(self, *arguments, **(usual | options))

    with patch.object(keras.Sequential, "compile", compile_otherwise):
        return module.fit(params, data, config)


def jax_one_call(params: Params, data: Data, config: Config) -> Fit:
    """Scan over the run: it shows no epoch, so a second call is timed, its epochs taken as equally long."""
    fit = load("jax_transforms").fit_in_one_call
    fit(params, data, config)  # compiles, for this number of epochs
    start = time.perf_counter()
    result = fit(params, data, config)
    took = time.perf_counter() - start
    result.history.seconds[:] = np.linspace(0, took, config.epochs + 1)[1:]
    return result


# (implementation, name of the variant) -> function
TRICKS = {
    ("numpy_manual", "einsum, no path"): numpy_plain_einsum,
    ("numpy_manual", "einsum, path everywhere"): numpy_path_everywhere,
    ("numpy_manual", "@"): numpy_at,
    ("pytorch_scratch", "einsum by autograd"): torch_known_operations,
    ("pytorch_modules", "sample by sample"): torch_sample_by_sample,
    ("pytorch_modules", "SGD(fused=True)"): torch_fused,
    ("pytorch_modules", "torch.compile"): torch_compiled,
    ("pytorch_lightning", "addmm"): lightning_addmm,
    ("pytorch_lightning", "loop of pytorch_modules"): lightning_loop,
    ("tensorflow_scratch", "eager step"): partial(tensorflow_steps, compiled=False),
    ("tensorflow_scratch", "tf.function step"): partial(tensorflow_steps, compiled=True),
    ("tensorflow_scratch", "tf.function epoch, no XLA"): tensorflow_without_xla,
    ("tensorflow_highlevel", "steps_per_execution=1"): partial(keras_compile, steps_per_execution=1),
    ("tensorflow_highlevel", "jit_compile=True"): partial(keras_compile, jit_compile=True),
    ("jax_transforms", "lax.scan over the run"): jax_one_call,
}
