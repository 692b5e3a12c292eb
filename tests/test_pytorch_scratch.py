"""The PyTorch implementation from tensors: its gradients, its trajectory, and what it must leave alone."""

import random
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from threelayer import Config, Data, DivergedError, Params, init_params, make_data, numpy_manual  # noqa: E402
from threelayer import pytorch_scratch as module  # noqa: E402

CONFIG = Config(hidden=(5, 4), batch_size=7, epochs=9)


def two_outputs(n_train: int = 50) -> Data:
    data = make_data(n_train, 11, 13)
    second = {name: np.hstack([y, np.sin(3 * y)]) for name, y in vars(data).items() if name.startswith("y_t")}
    return replace(data, **second, y_val=np.hstack([data.y_val, np.sin(3 * data.y_val)]), y_scale=None)


@pytest.fixture
def data() -> Data:
    return two_outputs()


@pytest.fixture
def params() -> Params:
    drawn = init_params(CONFIG, n_out=2)
    return Params(*(p + 0.1 * np.arange(p.size).reshape(p.shape) / p.size for p in drawn))  # biases not zero


def deviation(left, right) -> float:
    return max(float(np.abs(a - b).max()) for a, b in zip(left, right, strict=True))


def global_state() -> dict:
    return {
        "default dtype": torch.get_default_dtype(),
        "default device": torch.get_default_device(),
        "threads": torch.get_num_threads(),
        "grad mode": torch.is_grad_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "anomaly": torch.is_anomaly_enabled(),
        "torch seed": torch.get_rng_state().tolist(),
        "numpy seed": str(np.random.get_state()),  # noqa: NPY002
        "python seed": random.getstate(),
    }


# -- at the start


@pytest.mark.parametrize("forward", [module.forward, module.forward_autograd])
def test_starts_as_numpy_does(params, data, forward):
    loss, grads = module.loss_and_grads(params, data.x_train, data.y_train, forward=forward)
    expected_loss, expected_grads = numpy_manual.loss_and_grads(params, data.x_train, data.y_train)
    assert isinstance(loss, float)
    assert abs(loss - expected_loss) < 1e-13
    assert deviation(grads, expected_grads) < 1e-13
    x = data.x_test
    assert np.abs(module.predict(params, x) - numpy_manual.predict(params, x)).max() < 1e-13


def test_hidden_activations_are_those_of_numpy(params, data):
    tensors = Params(*map(module.to_tensor, params))
    by_hand = module.forward(tensors, module.to_tensor(data.x_val))
    expected = numpy_manual.forward(params, data.x_val)
    assert deviation((a.numpy(force=True) for a in by_hand), expected) < 1e-14


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


@pytest.mark.parametrize(
    "change", [{}, {"batch_size": 1, "epochs": 3}, {"batch_size": 50}, {"momentum": 0.0}, {"seed": 8}]
)
def test_trains_as_numpy_does(params, data, change):
    config = replace(CONFIG, **change)
    ours, expected = module.fit(params, data, config), numpy_manual.fit(params, data, config)
    assert deviation(ours.params, expected.params) < 1e-12
    assert deviation(ours.history.train_loss, expected.history.train_loss) < 1e-12
    assert deviation(ours.history.val_loss, expected.history.val_loss) < 1e-12


def sum_of_squares(y_hat, y):
    return ((y_hat - y) ** 2).sum() / len(y)


@torch.no_grad()
def averaging_momentum(params, velocity, grads, config):
    for p, v, g in zip(params, velocity, grads, strict=True):
        v *= config.momentum
        v += (1 - config.momentum) * g
        p -= config.learning_rate * v


FAULTS = {
    "sum over the outputs": ("mean_squared_error", sum_of_squares),
    "momentum form": ("update", averaging_momentum),
    "batch order": ("batch_order", lambda n, config: numpy_manual.batch_order(n, config)[:, ::-1]),
    "slope forgotten": ("Dense", SlopeForgotten),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_comparison_catches_a_planted_fault(params, data, fault, monkeypatch):
    monkeypatch.setattr(module, *FAULTS[fault])
    ours, expected = module.fit(params, data, CONFIG), numpy_manual.fit(params, data, CONFIG)
    assert deviation(ours.params, expected.params) > 1e-4


def test_float32_is_trained_in_float32(params, data):
    config = replace(CONFIG, dtype="float32")
    ours = module.fit(params, data, config)
    assert {p.dtype for p in ours.params} == {np.dtype("float32")}
    assert 0 < deviation(ours.params, numpy_manual.fit(params, data, CONFIG).params) < 1e-4
    assert module.predict(ours.params, data.x_test).dtype == np.float32


def test_rates_may_be_numpy_scalars(params, data):
    config = replace(CONFIG, learning_rate=np.float64(2**-4), momentum=np.float64(0.9375))
    assert deviation(module.fit(params, data, config).params, module.fit(params, data, CONFIG).params) == 0


# -- manners


def test_global_state_and_arguments_stay_as_they_were(params, data, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    originals = [p.copy() for p in params], data.x_train.copy(), data.y_train.copy()
    before = global_state()
    module.predict(params, data.x_test)
    module.loss_and_grads(params, data.x_train, data.y_train)
    fit = module.fit(params, data, CONFIG)
    assert global_state() == before
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []
    assert deviation(params, originals[0]) == 0
    assert deviation((data.x_train, data.y_train), originals[1:]) == 0
    assert not any(np.shares_memory(a, b) for a, b in zip(fit.params, params, strict=True))


def test_on_epoch_gets_copies(params, data):
    seen = []

    def watch(epoch, weights, train_loss, val_loss):
        seen.append((epoch, weights.W1.copy(), train_loss, val_loss))
        for p in weights:
            p.fill(np.nan)

    fit = module.fit(params, data, CONFIG, watch)
    assert [epoch for epoch, *_ in seen] == list(range(CONFIG.epochs))
    assert np.array_equal(seen[-1][1], fit.params.W1)
    assert [s[2] for s in seen] == fit.history.train_loss
    assert [s[3] for s in seen] == fit.history.val_loss


def test_takes_any_layout_of_memory(params, data):
    expected = module.predict(params, data.x_test[::-1].copy())
    assert np.array_equal(module.predict(params, data.x_test[::-1]), expected)
    read_only = data.x_test[::-1].copy()
    read_only.flags.writeable = False
    assert np.array_equal(module.predict(params, read_only), expected)
    turned = Params(*(np.asfortranarray(p) for p in params))
    assert deviation(module.fit(turned, data, CONFIG).params, module.fit(params, data, CONFIG).params) < 1e-14


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
