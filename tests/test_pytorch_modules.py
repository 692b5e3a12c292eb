"""The PyTorch implementation from modules: its layers, its loader, its trajectory and its manners."""

import random
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from threelayer import Config, Data, DivergedError, Params, batch_order, init_params, make_data, numpy_manual  # noqa: E402
from threelayer import pytorch_modules as module  # noqa: E402

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


def test_starts_as_numpy_does(params, data):
    loss, grads = module.loss_and_grads(params, data.x_train, data.y_train)
    expected_loss, expected_grads = numpy_manual.loss_and_grads(params, data.x_train, data.y_train)
    assert isinstance(loss, float)
    assert abs(loss - expected_loss) < 1e-13
    assert deviation(grads, expected_grads) < 1e-13
    x = data.x_test
    assert np.abs(module.predict(params, x) - numpy_manual.predict(params, x)).max() < 1e-13


def test_results_are_contiguous_although_they_were_transposed(params, data):
    _, grads = module.loss_and_grads(params, data.x_train, data.y_train)
    fit = module.fit(params, data, replace(CONFIG, epochs=1))
    assert all(a.flags.c_contiguous and a.flags.owndata for a in (*grads, *fit.params))


# -- the model


def test_linear_layer_is_an_einsum_over_its_second_axis():
    layer = torch.nn.Linear(3, 5, dtype=torch.float64)
    x = torch.linspace(-1, 1, 21, dtype=torch.float64).reshape(7, 3)
    by_einsum = torch.einsum("ni,hi->nh", x, layer.weight) + layer.bias
    assert layer.weight.shape == (5, 3)
    assert (layer(x) - by_einsum).abs().max() < 1e-15


def test_square_linear_layer_is_not_the_einsum_over_its_first_axis():
    layer = torch.nn.Linear(4, 4, dtype=torch.float64)
    x = torch.linspace(-1, 1, 28, dtype=torch.float64).reshape(7, 4)
    transposed = torch.einsum("ni,ih->nh", x, layer.weight) + layer.bias
    assert (layer(x) - transposed).abs().max() > 1e-3


def test_model_takes_weights_and_gives_them_back(params):
    model = module.ThreeLayer.from_params(params)
    assert model.layer1.weight.shape == (5, 3)
    assert all(isinstance(p, torch.nn.Parameter) and p.requires_grad for p in model.parameters())
    assert deviation(model.to_params(), params) == 0


def test_model_that_is_built_plainly_has_the_weights_that_pytorch_draws():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = module.ThreeLayer(3, (5, 4), 2)
        torch.manual_seed(3)
        layers = [torch.nn.Linear(*widths) for widths in ((3, 5), (5, 4), (4, 2))]
    expected = [p for layer in layers for p in layer.parameters()]
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), expected, strict=True))
    assert model(torch.zeros(7, 3)).shape == (7, 2)


# -- the loader


def test_loader_follows_the_shared_order(data):
    x, y = torch.from_numpy(data.x_train), torch.from_numpy(data.y_train)
    loader = module.training_loader(x, y, CONFIG)
    order = batch_order(len(x), CONFIG)
    assert len(loader) == order.shape[1]
    for epoch in (0, 4, 1):
        loader.sampler.set_epoch(epoch)
        for batch, (x_batch, y_batch) in zip(order[epoch], loader, strict=True):
            assert torch.equal(x_batch, x[batch])
            assert torch.equal(y_batch, y[batch])


def test_sampler_looks_up_its_epoch_as_late_as_possible():
    sampler = module.SharedOrder(np.arange(12).reshape(2, 3, 2))
    batches = iter(sampler)
    sampler.set_epoch(1)
    assert next(batches).tolist() == [6, 7]


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


class Nesterov(torch.optim.SGD):
    def __init__(self, parameters, **options):
        super().__init__(parameters, nesterov=True, **options)


class Transposed(module.ThreeLayer):
    @classmethod
    def from_params(cls, params):
        return super().from_params(params._replace(W2=params.W2.T))


FAULTS = {
    "sum over the outputs": (module, "mean_squared_error", sum_of_squares),
    "momentum form": (torch.optim, "SGD", Nesterov),
    "batch order": (module, "batch_order", lambda n, config: batch_order(n, config)[:, ::-1].copy()),
    "transposed weight": (module, "ThreeLayer", Transposed),
    "gradients that pile up": (torch.optim.SGD, "zero_grad", lambda optimizer: None),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_comparison_catches_a_planted_fault(data, fault, monkeypatch):
    monkeypatch.setattr(*FAULTS[fault])
    config = replace(CONFIG, hidden=(5, 5))  # square, so that a transposed weight fits as well
    params = init_params(config, n_out=2)
    ours, expected = module.fit(params, data, config), numpy_manual.fit(params, data, config)
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
