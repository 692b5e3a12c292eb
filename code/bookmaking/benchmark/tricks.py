"""Variants of the implementations: tricks that were taken, taken away; and tricks that were left out, tried.

Each is a function like `fit`. Most exchange one name of a module for the time of a run, so that a variant
differs from the implementation in that and in nothing else.
Source: chapter "cost".
"""

from functools import partial
from unittest.mock import patch

import numpy as np

from threelayer import Config, Data, Fit, History, Params, batch_order, load


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


def numpy_buffers(params: Params, data: Data, config: Config) -> Fit:
    """Write `@`, and every result into an array that was made before the first step."""
    x_train, y_train = data.x_train.astype(config.dtype), data.y_train.astype(config.dtype)
    params = Params(*(p.astype(config.dtype) for p in params))
    velocity, grads, scaled = (Params(*map(np.zeros_like, params)) for _ in range(3))
    W1, b1, W2, b2, W3, b3 = params
    dW1, db1, dW2, db2, dW3, db3 = grads
    n = config.batch_size
    widths = (W1.shape[0], b3.size, b1.size, b2.size, b3.size, b1.size, b2.size)
    x, y, a1, a2, dz3, slope1, slope2 = (np.empty((n, width), config.dtype) for width in widths)
    dz1, dz2, squares = np.empty_like(a1), np.empty_like(a2), np.empty_like(dz3)
    history = History()
    for batches in batch_order(len(x_train), config):
        losses = np.empty(len(batches))
        for step, batch in enumerate(batches):
            np.take(x_train, batch, axis=0, out=x, mode="clip")
            np.take(y_train, batch, axis=0, out=y, mode="clip")
            np.matmul(x, W1, out=a1)
            a1 += b1
            np.tanh(a1, out=a1)
            np.matmul(a1, W2, out=a2)
            a2 += b2
            np.tanh(a2, out=a2)
            np.matmul(a2, W3, out=dz3)
            dz3 += b3
            dz3 -= y
            losses[step] = np.multiply(dz3, dz3, out=squares).mean()
            dz3 *= 2 / dz3.size
            np.matmul(a2.T, dz3, out=dW3)
            np.sum(dz3, axis=0, out=db3)
            for above, W, a, slope, dz in ((dz3, W3, a2, slope2, dz2), (dz2, W2, a1, slope1, dz1)):
                np.matmul(above, W.T, out=dz)
                np.multiply(a, a, out=slope)
                np.subtract(1, slope, out=slope)
                dz *= slope
            np.matmul(a1.T, dz2, out=dW2)
            np.sum(dz2, axis=0, out=db2)
            np.matmul(x.T, dz1, out=dW1)
            np.sum(dz1, axis=0, out=db1)
            for p, v, g, s in zip(params, velocity, grads, scaled, strict=True):
                v *= config.momentum
                v += g
                p -= np.multiply(config.learning_rate, v, out=s)
        history.record(losses, 0.0, config)
    return Fit(params, history)


def torch_known_operations(params: Params, data: Data, config: Config) -> Fit:
    """Let autograd find the gradient, without a layer of our own."""
    module = load("pytorch_scratch")
    with patch.object(module, "forward", module.forward_autograd):
        return module.fit(params, data, config)


def torch_optimizer(params: Params, data: Data, config: Config, **options: bool) -> Fit:
    """Let the optimiser change all weights at once, by lists (foreach) or in one kernel (fused)."""
    module = load("pytorch_modules")
    import torch

    sgd = torch.optim.SGD

    def otherwise(*arguments, **usual) -> torch.optim.Optimizer:
        return sgd(*arguments, **(usual | options))

    with patch.object(torch.optim, "SGD", otherwise):
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


def lightning_manual(params: Params, data: Data, config: Config) -> Fit:
    """Take gradients and step in the module as well, so that the trainer calls no hook between them."""
    module = load("pytorch_lightning")

    def training_step(self, batch: tuple, batch_idx: int) -> None:
        optimizer = self.optimizers(use_pl_optimizer=False)
        optimizer.zero_grad()
        loss = self.loss(batch)
        loss.backward()
        optimizer.step()
        self.batch_losses.append(loss.detach())

    with patch.multiple(module.ThreeLayer, training_step=training_step, automatic_optimization=False):
        return lightning_addmm(params, data, config)


def tensorflow_steps(params: Params, data: Data, config: Config, form: str) -> Fit:
    """Call a step from Python: eager, operation by operation, or compiled, as one graph."""
    module = load("tensorflow_scratch")
    import tensorflow as tf

    call = {"eager": module.train_step, "graph": module.compiled_step}[form]
    x, y = (tf.constant(values, config.dtype) for values in (data.x_train, data.y_train))
    rates = tuple(tf.constant(rate, config.dtype) for rate in (config.learning_rate, config.momentum))
    params = module.to_variables(Params(*(p.astype(config.dtype) for p in params)))
    velocity = Params(*(tf.Variable(tf.zeros_like(p)) for p in params))
    history = History()
    for batches in batch_order(len(x), config):
        losses = [
            call(params, velocity, tf.gather(x, batch), tf.gather(y, batch), rates) for batch in batches
        ]
        history.record(np.array([float(loss) for loss in losses]), 0.0, config)
    return Fit(module.to_numpy(params), history)


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
    """Scan over the whole run."""
    return load("jax_transforms").fit_in_one_call(params, data, config)


def jax_donated(params: Params, data: Data, config: Config) -> Fit:
    """Let each epoch overwrite the weights and velocities that it was given."""
    module = load("jax_transforms")
    import jax

    epoch = jax.jit(module.train_epoch.__wrapped__, donate_argnums=0)
    with patch.object(module, "train_epoch", epoch):
        return module.fit(params, data, config)


# implementation, name of the variant -> function; what needs a C++ compiler may be missing on a machine
TRICKS = {
    ("numpy_manual", "einsum, no path"): numpy_plain_einsum,
    ("numpy_manual", "einsum, path everywhere"): numpy_path_everywhere,
    ("numpy_manual", "@"): numpy_at,
    ("numpy_manual", "@, out= buffers"): numpy_buffers,
    ("pytorch_scratch", "einsum by autograd"): torch_known_operations,
    ("pytorch_modules", "SGD(foreach=True)"): partial(torch_optimizer, foreach=True),
    ("pytorch_modules", "SGD(fused=True)"): partial(torch_optimizer, fused=True),
    ("pytorch_modules", "torch.compile"): torch_compiled,
    ("pytorch_lightning", "addmm"): lightning_addmm,
    ("pytorch_lightning", "addmm, manual optimisation"): lightning_manual,
    ("tensorflow_scratch", "eager step"): partial(tensorflow_steps, form="eager"),
    ("tensorflow_scratch", "tf.function step"): partial(tensorflow_steps, form="graph"),
    ("tensorflow_scratch", "tf.function epoch, no XLA"): tensorflow_without_xla,
    ("tensorflow_highlevel", "steps_per_execution=1"): partial(keras_compile, steps_per_execution=1),
    ("tensorflow_highlevel", "jit_compile=True"): partial(keras_compile, jit_compile=True),
    ("jax_transforms", "lax.scan over the run"): jax_one_call,
    ("jax_transforms", "donated buffers"): jax_donated,
}
