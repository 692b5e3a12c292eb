"""PyTorch from tensors: the layer by hand, its own Glorot draw, the device, and what it must leave alone."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from threelayer import Config, DivergedError, Params, numpy_manual  # noqa: E402
from threelayer import pytorch_scratch as module  # noqa: E402
from threelayer.evaluate import largest_deviation  # noqa: E402

CONFIG = Config(hidden=(5, 4), batch_size=7, epochs=9)


def global_state() -> dict:
    return {
        "default dtype": torch.get_default_dtype(),
        "default device": torch.get_default_device(),
        "threads": torch.get_num_threads(),
        "grad mode": torch.is_grad_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "anomaly": torch.is_anomaly_enabled(),
        "torch seed": torch.get_rng_state().tolist(),
    }


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


@pytest.mark.parametrize("bend", [True, False])
def test_layer_by_hand_passes_gradcheck(bend):
    x, W, b = layer_arguments()
    assert torch.autograd.gradcheck(Dense.apply, (x, W, b, bend))
    assert torch.autograd.gradgradcheck(Dense.apply, (x, W, b, bend))


Dense = module.Dense  # kept by name, as a test below puts one of these in its place


class SlopeForgotten(Dense):
    @staticmethod
    def backward(ctx, da):
        ctx.bend = False
        return Dense.backward(ctx, da)


class RowsReversed(Dense):
    @staticmethod
    def backward(ctx, da):
        dx, dW, db, _ = Dense.backward(ctx, da)
        return dx, dW.flip(0), db, None


@pytest.mark.parametrize("wrong", [SlopeForgotten, RowsReversed])
def test_gradcheck_catches_a_wrong_layer(wrong):
    assert not torch.autograd.gradcheck(wrong.apply, (*layer_arguments(), True), raise_exception=False)


def test_layer_by_hand_spares_the_gradient_of_the_data():
    x, W, b = layer_arguments()
    a = Dense.apply(x.detach(), W, b, True)
    assert a.grad_fn.next_functions[0][0] is None
    a.sum().backward()
    assert W.grad is not None


# -- own initialisation


def test_glorot_weights_are_uniform_within_their_bounds():
    fan_in, fan_out = 300, 200
    c = np.sqrt(6 / (fan_in + fan_out))
    before = global_state()
    W = module.glorot_uniform(fan_in, fan_out, torch.Generator().manual_seed(2))
    assert global_state() == before
    assert W.shape == (fan_in, fan_out)
    assert W.dtype == torch.float64
    assert W.abs().max() <= c
    counts = np.histogram(W.numpy(), bins=20, range=(-c, c))[0]
    expected = W.numel() / 20
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()
    assert float(W.var()) == pytest.approx(c**2 / 3, rel=0.02)


def test_glorot_weights_belong_to_the_generator():
    draws = [module.glorot_uniform(3, 5, torch.Generator().manual_seed(seed)) for seed in (4, 4, 5)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


# -- the trajectory


@torch.no_grad()
def averaging_momentum(params, velocity, grads, config):
    for p, v, g in zip(params, velocity, grads, strict=True):
        v *= config.momentum
        v += (1 - config.momentum) * g
        p -= config.learning_rate * v


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
    before = global_state()
    module.predict(params, data.x_test)
    module.loss_and_grads(params, data.x_train, data.y_train)
    module.fit(params, data, CONFIG)
    assert global_state() == before


def test_divergence_names_epoch_step_and_rate(params, data):
    with pytest.raises(DivergedError, match=r"epoch \d+, step \d+ at learning rate 1e\+200"):
        module.fit(params, data, replace(CONFIG, learning_rate=1e200))


def test_an_epoch_runs_on_whatever_device_is_chosen(params, data, monkeypatch):
    monkeypatch.setattr(module, "DEVICE", torch.device("meta"))  # has shapes but no numbers, on any machine
    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor"):  # the losses, at its end
        module.fit(params, data, CONFIG)
    to_tensor = module.to_tensor
    monkeypatch.setattr(module, "to_tensor", lambda a: to_tensor(a) if a.shape[-1] != 2 else torch.tensor(a))
    with pytest.raises(RuntimeError, match="device"):  # targets left on the CPU
        module.fit(params, data, CONFIG)
