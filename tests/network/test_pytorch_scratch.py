"""PyTorch from tensors: the layer by hand, torch.func, and what the module must leave alone."""

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from support.pytorch_state import torch_state  # noqa: E402
from threelayer import Config, DivergedError, Params, numpy_manual  # noqa: E402
from threelayer import pytorch_scratch as module  # noqa: E402
from threelayer.evaluate import largest_deviation  # noqa: E402

CONFIG = Config(hidden=(5, 4), batch_size=7, epochs=9)


# -- at the start


def test_forward_autograd_starts_as_numpy_does(params, data):
    loss, grads = module.loss_and_grads(params, data.x_train, data.y_train, forward=module.forward_autograd)
    expected_loss, expected_grads = numpy_manual.loss_and_grads(params, data.x_train, data.y_train)
    assert abs(loss - expected_loss) < 1e-13
    assert largest_deviation(grads, expected_grads) < 1e-13


def test_hidden_activations_are_those_of_numpy(params, data):
    tensors = Params(*map(module.to_tensor, params))
    by_hand = module.forward(tensors, module.to_tensor(data.x_val))
    expected = numpy_manual.forward(params, data.x_val)
    assert largest_deviation((a.numpy(force=True) for a in by_hand), expected) < 1e-14


# -- the layer by hand


def layer_arguments() -> list:
    generator = torch.Generator().manual_seed(1)
    shapes = (7, 3), (3, 5), (5,)
    return [torch.randn(s, dtype=torch.float64, generator=generator, requires_grad=True) for s in shapes]


def test_layer_by_hand_passes_gradcheck():
    assert torch.autograd.gradcheck(Dense.apply, layer_arguments())
    assert torch.autograd.gradgradcheck(Dense.apply, layer_arguments())


Dense = module.Dense  # kept by name, as a test below puts one of these in its place


class SlopeForgotten(Dense):
    @staticmethod
    def backward(ctx, da):
        x, W, a = ctx.saved_tensors
        return Dense.backward(SimpleNamespace(saved_tensors=(x, W, 0 * a), needs_input_grad=(True,)), da)


class RowsReversed(Dense):
    @staticmethod
    def backward(ctx, da):
        dx, dW, db = Dense.backward(ctx, da)
        return dx, dW.flip(0), db


@pytest.mark.parametrize("wrong", [SlopeForgotten, RowsReversed])
def test_gradcheck_catches_a_wrong_layer(wrong):
    assert not torch.autograd.gradcheck(wrong.apply, layer_arguments(), raise_exception=False)


def test_layer_by_hand_spares_the_gradient_of_the_data():
    x, W, b = layer_arguments()
    a = Dense.apply(x.detach(), W, b)
    assert a.grad_fn.next_functions[0][0] is None
    a.sum().backward()
    assert W.grad is not None


# -- torch.func


def loss_of(forward, params, x, y):
    """Return the loss of one sample, as a function that torch.func can take apart."""
    return module.mean_squared_error(forward(params, x[None])[-1], y[None])


def test_torch_func_takes_the_gradient_of_each_sample_through_the_layer(params, data):
    tensors, x, y = (
        Params(*map(module.to_tensor, params)),
        module.to_tensor(data.x_val),
        module.to_tensor(data.y_val),
    )
    each = torch.func.vmap(torch.func.grad(partial(loss_of, module.forward)), in_dims=(None, 0, 0))
    found = each(tensors, x, y)
    for n in range(len(x)):
        _, expected = numpy_manual.loss_and_grads(params, data.x_val[n : n + 1], data.y_val[n : n + 1])
        assert largest_deviation((g[n].numpy(force=True) for g in found), expected) < 1e-14
    assert largest_deviation((g[0].numpy(force=True) for g in found), expected) > 1e-3  # of another sample


class OldStyle(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, W, b):
        a = Dense.forward(x, W, b)
        ctx.save_for_backward(x, W, a)
        return a

    backward = Dense.backward


def test_torch_func_refuses_a_layer_without_setup_context(params, data, monkeypatch):
    monkeypatch.setattr(module, "Dense", OldStyle)
    tensors, x, y = Params(*map(module.to_tensor, params)), *map(module.to_tensor, (data.x_val, data.y_val))
    with pytest.raises(RuntimeError, match="setup_context"):
        torch.func.grad(partial(loss_of, module.forward))(tensors, x[0], y[0])


# -- the trajectory


@torch.no_grad()
def averaging_momentum(params, velocity, grads, learning_rate, momentum):
    for p, v, g in zip(params, velocity, grads, strict=True):
        v *= momentum
        v += (1 - momentum) * g
        p -= learning_rate * v


FAULTS = {
    "momentum form": ("update", averaging_momentum),
    "slope forgotten": ("Dense", SlopeForgotten),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_comparison_catches_a_planted_fault(params, data, fault, monkeypatch):
    monkeypatch.setattr(module, *FAULTS[fault])
    ours, expected = module.fit(params, data, CONFIG), numpy_manual.fit(params, data, CONFIG)
    assert largest_deviation(ours.params, expected.params) > 1e-4


# -- manners


def test_the_state_of_pytorch_stays_as_it_was(params, data):
    before = torch_state()
    module.predict(params, data.x_test)
    module.loss_and_grads(params, data.x_train, data.y_train)
    module.fit(params, data, CONFIG)
    assert torch_state() == before


def test_divergence_names_epoch_step_and_rate(params, data):
    with pytest.raises(DivergedError, match=r"epoch \d+, step \d+ at learning rate 1e\+200"):
        module.fit(params, data, replace(CONFIG, learning_rate=1e200))
