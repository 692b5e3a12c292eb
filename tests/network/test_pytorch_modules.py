"""PyTorch from modules: layers that store their weights transposed, the loader, the device, the manners."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from support.pytorch_state import torch_state  # noqa: E402
from threelayer import Config, DivergedError, batch_order, numpy_manual  # noqa: E402
from threelayer import pytorch_modules as module  # noqa: E402
from threelayer.evaluate import largest_deviation  # noqa: E402

CONFIG = Config(hidden=(5, 4), batch_size=7, epochs=9)


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
    model = module.from_params(params)
    assert model.layer1.weight.shape == (5, 3)
    assert all(isinstance(p, torch.nn.Parameter) and p.requires_grad for p in model.parameters())
    assert largest_deviation(module.to_params(model.parameters()), params) == 0


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
    x, y = module.to_tensor(data.x_train), module.to_tensor(data.y_train)
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


class Nesterov(torch.optim.SGD):
    def __init__(self, parameters, **options):
        super().__init__(parameters, nesterov=True, **options)


FAULTS = {
    "momentum form": (torch.optim, "SGD", Nesterov),
    "gradients that pile up": (torch.optim.SGD, "zero_grad", lambda optimizer: None),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_comparison_catches_a_planted_fault(params, data, fault, monkeypatch):
    monkeypatch.setattr(*FAULTS[fault])
    ours, expected = module.fit(params, data, CONFIG), numpy_manual.fit(params, data, CONFIG)
    assert largest_deviation(ours.params, expected.params) > 1e-4


class Dropping(module.ThreeLayer):
    """The network with a student's first dropout."""

    def forward(self, x):
        a1 = torch.tanh(self.layer1(x))
        a2 = torch.nn.functional.dropout(torch.tanh(self.layer2(a1)), 0.5, self.training)
        return self.layer3(a2)


def test_layers_are_told_whether_they_are_trained_or_used(params, data, monkeypatch):
    plain, whole = module.predict(params, data.x_test), module.fit(params, data, CONFIG)
    monkeypatch.setattr(module, "ThreeLayer", Dropping)
    assert np.array_equal(module.predict(params, data.x_test), plain)
    with torch.random.fork_rng(devices=[]):
        dropped = module.fit(params, data, CONFIG)
        assert largest_deviation(dropped.params, whole.params) > 1e-3
        loss, _ = numpy_manual.loss_and_grads(dropped.params, data.x_val, data.y_val)
        assert dropped.history.val_loss[-1] == pytest.approx(loss, abs=1e-14)
        monkeypatch.setattr(torch.nn.Module, "eval", lambda network: network)
        assert not np.allclose(module.predict(params, data.x_test), plain)


def test_a_prediction_records_nothing(params, data, monkeypatch):
    seen = []
    forward = module.ThreeLayer.forward
    monkeypatch.setattr(
        module.ThreeLayer, "forward", lambda network, x: seen.append(y := forward(network, x)) or y
    )
    module.predict(params, data.x_test)
    module.loss_and_grads(params, data.x_test, data.y_test)
    assert [y.requires_grad for y in seen] == [False, True]


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
