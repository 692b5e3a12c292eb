"""Lightning: its einsum layer, checkpoints and resuming, loggers, the test step, and what it leaves alone."""

import logging
import os
import signal
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

pl = pytest.importorskip("pytorch_lightning")

import torch  # noqa: E402
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint  # noqa: E402

from support.pytorch_state import torch_state  # noqa: E402
from threelayer import Config, DivergedError, History, Params, numpy_manual, pytorch_modules  # noqa: E402
from threelayer import pytorch_lightning as module  # noqa: E402
from threelayer.evaluate import largest_deviation  # noqa: E402
from threelayer.frameworks.lightning_callbacks import checkpoints, loggers, silent_trainer  # noqa: E402

CONFIG = Config(hidden=(5, 4), batch_size=7, epochs=9)


def all_loggers() -> list:
    names = (
        "pytorch_lightning",
        "pytorch_lightning.utilities.rank_zero",
        "lightning_fabric",
        "lightning",
        "torch",
    )
    return [("root", logging.getLogger()), *((name, logging.getLogger(name)) for name in names)]


def global_state() -> dict:
    return {
        **torch_state(),
        "cudnn": (torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic),
        "matmul precision": torch.get_float32_matmul_precision(),
        "environment": dict(os.environ),
        "warnings": list(warnings.filters),
        "logging": {
            name: (log.level, log.disabled, log.propagate, [*log.handlers]) for name, log in all_loggers()
        },
        "signals": [signal.getsignal(s) for s in signal.valid_signals()],
    }


# -- the layer


def test_einsum_layer_is_the_linear_layer_with_its_weight_turned():
    ours, builtin = module.EinsumLinear(3, 5).double(), torch.nn.Linear(3, 5).double()
    ours.load_state_dict({"weight": builtin.weight.T, "bias": builtin.bias})
    x = torch.linspace(-1, 1, 21, dtype=torch.float64).reshape(7, 3).requires_grad_()
    assert ours.weight.shape == (3, 5)
    assert (ours(x) - builtin(x)).abs().max() < 1e-15
    results = []
    for layer in (ours, builtin):
        x.grad = None
        layer(x).square().sum().backward()
        results.append((x.grad, layer.bias.grad))
    assert all((a - b).abs().max() < 1e-14 for a, b in zip(*results, strict=True))
    assert (ours.weight.grad - builtin.weight.grad.T).abs().max() < 1e-14
    square, builtin = module.EinsumLinear(5, 5).double(), torch.nn.Linear(5, 5).double()
    square.load_state_dict(builtin.state_dict())  # fits, but means its transpose
    x = torch.linspace(-1, 1, 35, dtype=torch.float64).reshape(7, 5)
    assert (square(x) - builtin(x)).abs().max() > 1e-3


def test_einsum_layer_starts_with_glorot_weights_and_no_bias():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        layer = module.EinsumLinear(300, 200)
    c = np.sqrt(6 / 500)
    assert c * 0.99 < float(layer.weight.detach().abs().max()) <= c
    assert float(layer.weight.detach().var()) == pytest.approx(c**2 / 3, rel=0.02)
    assert not layer.bias.any()


# -- the trajectory


class Nesterov(torch.optim.SGD):
    def __init__(self, parameters, **options):
        super().__init__(parameters, nesterov=True, **options)


FAULTS = {
    "momentum form": (torch.optim, "SGD", Nesterov),
    "gradients that pile up": (torch.optim.SGD, "zero_grad", lambda optimizer, **options: None),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_comparison_catches_a_planted_fault(params, data, fault, monkeypatch):
    monkeypatch.setattr(*FAULTS[fault])
    ours, expected = module.fit(params, data, CONFIG), numpy_manual.fit(params, data, CONFIG)
    assert largest_deviation(ours.params, expected.params) > 1e-4


# -- what Lightning adds


class Crash(Exception):
    pass


def crash_after(epoch):
    def on_epoch(now, *_):
        if now == epoch:
            raise Crash

    return on_epoch


@pytest.fixture
def whole(params, data):
    return module.fit(params, data, CONFIG)


@pytest.mark.parametrize("epoch", range(1, CONFIG.epochs, 3))
def test_resumed_run_ends_as_the_uninterrupted_one(params, data, whole, tmp_path, epoch):
    with pytest.raises(Crash):
        module.fit(params, data, CONFIG, crash_after(epoch), callbacks=checkpoints(tmp_path))
    seen = []
    other = Params(*(np.full_like(p, 9) for p in params))  # the weights come from the checkpoint
    resumed = module.fit(
        other, data, CONFIG, lambda now, *_: seen.append(now), ckpt_path=tmp_path / "last.ckpt"
    )
    assert seen == list(range(epoch, CONFIG.epochs))
    assert largest_deviation(resumed.params, whole.params) == 0
    assert resumed.history.train_loss == whole.history.train_loss
    assert resumed.history.val_loss == whole.history.val_loss
    assert resumed.history.seconds == sorted(resumed.history.seconds)


def test_longer_run_continues_a_shorter_one(params, data, whole, tmp_path):
    module.fit(params, data, replace(CONFIG, epochs=4), callbacks=checkpoints(tmp_path))
    longer = module.fit(params, data, CONFIG, ckpt_path=tmp_path / "last.ckpt")
    assert largest_deviation(longer.params, whole.params) == 0


def without_momentum(path):
    checkpoint = torch.load(path)
    for state in checkpoint["optimizer_states"][0]["state"].values():
        state["momentum_buffer"].zero_()
    torch.save(checkpoint, path)


def test_resuming_needs_the_momentum(params, data, whole, tmp_path):
    module.fit(params, data, replace(CONFIG, epochs=4), callbacks=checkpoints(tmp_path))
    without_momentum(tmp_path / "last.ckpt")
    resumed = module.fit(params, data, CONFIG, ckpt_path=tmp_path / "last.ckpt")
    assert largest_deviation(resumed.params, whole.params) > 1e-4


def test_resuming_needs_a_sampler_that_looks_up_its_epoch_late(params, data, whole, tmp_path, monkeypatch):
    module.fit(params, data, replace(CONFIG, epochs=4), callbacks=checkpoints(tmp_path))
    monkeypatch.setattr(
        pytorch_modules.SharedOrder, "__iter__", lambda sampler: iter(sampler.order[sampler.epoch])
    )
    assert largest_deviation(module.fit(params, data, CONFIG).params, whole.params) == 0
    resumed = module.fit(params, data, CONFIG, ckpt_path=tmp_path / "last.ckpt")
    assert largest_deviation(resumed.params, whole.params) > 1e-4


def test_checkpoint_inside_the_first_epoch_is_read_but_its_batches_begin_anew(params, data, whole, tmp_path):
    inside = ModelCheckpoint(tmp_path, "inside", every_n_train_steps=3)
    with pytest.raises(Crash):
        module.fit(params, data, CONFIG, crash_after(0), callbacks=[inside])
    resumed = module.fit(params, data, CONFIG, ckpt_path=tmp_path / "inside.ckpt")
    assert len(resumed.history.seconds) == CONFIG.epochs
    assert largest_deviation(resumed.params, whole.params) > 1e-4


def test_a_history_goes_on_where_it_was_kept():
    kept = History.resumed(train_loss=[2.0, 1.5], val_loss=[2.5, 2.0], seconds=[100.0, 200.0])
    kept.record(np.array([1.0, 0.5]), 1.25, CONFIG)
    assert (kept.train_loss, kept.val_loss) == ([2.0, 1.5, 0.75], [2.5, 2.0, 1.25])
    assert kept.seconds[:2] == [100.0, 200.0]
    assert 200.0 < kept.seconds[2] < 300.0
    begun = History.resumed(train_loss=[], val_loss=[], seconds=[])
    begun.record(np.array([1.0]), 1.0, CONFIG)
    assert begun.seconds[0] < 100.0


def test_the_rates_are_hyperparameters_that_somebody_must_choose(params):
    with pytest.raises(TypeError, match="lr"):
        module.ThreeLayer(3, (5, 4), 2, "float64", momentum=0.5)
    network = module.from_params(params, replace(CONFIG, learning_rate=0.125, momentum=0.5))
    assert (network.hparams.lr, network.hparams.momentum) == (0.125, 0.5)
    network.hparams.lr = 0.25  # as Lightning's search for a rate does
    options = network.configure_optimizers().param_groups[0]
    assert (options["lr"], options["momentum"]) == (0.25, 0.5)


def test_last_checkpoint_is_the_last_epoch_and_best_the_best(params, data, tmp_path):
    noisy = replace(CONFIG, learning_rate=0.5, epochs=12)
    weights = []
    fit = module.fit(
        params, data, noisy, lambda _, w, *losses: weights.append(w), callbacks=checkpoints(tmp_path)
    )
    best = int(np.argmin(fit.history.val_loss))
    assert best < noisy.epochs - 1  # otherwise this would test nothing
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.ckpt", "last.ckpt"]
    for name, epoch in (("best", best), ("last", noisy.epochs - 1)):
        kept = module.ThreeLayer.load_from_checkpoint(tmp_path / f"{name}.ckpt")
        assert largest_deviation(module.to_params(kept.parameters()), weights[epoch]) == 0
        assert kept.hparams.lr == 0.5


def test_early_stopping_ends_the_run_when_the_validation_loss_stops_improving(params, data):
    config = replace(CONFIG, learning_rate=0.5, epochs=40)
    whole = module.fit(params, data, config).history.val_loss
    stop = EarlyStopping("val_loss", patience=3)
    stopped = module.fit(params, data, config, callbacks=[stop])
    best = int(np.argmin(stopped.history.val_loss))
    assert len(stopped.history.val_loss) == best + 1 + 3 < config.epochs
    assert stopped.history.val_loss == whole[: best + 4]


def test_loggers_write_what_the_history_holds(params, data, tmp_path, whole):
    event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    fit = module.fit(params, data, CONFIG, logger=loggers(tmp_path))
    assert largest_deviation(fit.params, whole.params) == 0
    table = pd.read_csv(tmp_path / "csv" / "version_0" / "metrics.csv").groupby("epoch").first()
    events = event_accumulator.EventAccumulator(str(tmp_path / "tensorboard" / "version_0")).Reload()
    for name in ("train_loss", "val_loss"):
        losses = getattr(fit.history, name)
        assert table[name].tolist() == pytest.approx(losses, abs=1e-14)
        assert [event.value for event in events.Scalars(name)] == pytest.approx(losses, rel=1e-6)
    module.fit(params, data, replace(CONFIG, epochs=1), logger=loggers(tmp_path))
    assert (tmp_path / "csv" / "version_1" / "metrics.csv").is_file()


def evaluate(params, x, y):
    """Return what the test step logs."""
    with silent_trainer() as trainer:
        sets = module.SampleSets(Config(), test=(module.to_tensor(x), module.to_tensor(y)))
        [logged] = trainer.test(module.from_params(params), sets, verbose=False)
    return logged["test_loss"]


def test_test_step_measures_the_test_set(params, data):
    loss = evaluate(params, data.x_test, data.y_test)
    expected, _ = numpy_manual.loss_and_grads(params, data.x_test, data.y_test)
    assert abs(loss - expected) < 1e-14


def test_training_takes_no_test_step_and_a_test_no_training_step(params, data, monkeypatch):
    def forbidden(*_):
        raise AssertionError

    with monkeypatch.context() as patch:
        patch.setattr(module.ThreeLayer, "test_step", forbidden)
        module.fit(params, data, replace(CONFIG, epochs=1))
    monkeypatch.setattr(module.ThreeLayer, "training_step", forbidden)
    monkeypatch.setattr(module.ThreeLayer, "validation_step", forbidden)
    evaluate(params, data.x_test, data.y_test)


# -- manners


def test_global_state_stays_as_it_was_and_nothing_is_said_or_written(
    params, data, capfd, caplog, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    before = global_state()
    module.predict(params, data.x_test)
    module.loss_and_grads(params, data.x_train, data.y_train)
    evaluate(params, data.x_test, data.y_test)
    module.fit(params, data, CONFIG)
    assert global_state() == before
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
    assert list(tmp_path.iterdir()) == []


def test_divergence_names_epoch_step_and_rate(params, data):
    with pytest.raises(DivergedError, match=r"epoch \d+, step \d+ at learning rate 1e\+200"):
        module.fit(params, data, replace(CONFIG, learning_rate=1e200))


@pytest.mark.parametrize("grad_mode", [True, False])
def test_a_run_that_fails_leaves_no_trace_either(params, data, tmp_path, monkeypatch, grad_mode):
    monkeypatch.chdir(tmp_path)
    with torch.set_grad_enabled(grad_mode):
        before = global_state()
        with pytest.raises(Crash):
            module.fit(params, data, CONFIG, crash_after(2))
        with pytest.raises(DivergedError):
            module.fit(params, data, replace(CONFIG, learning_rate=1e200))
        assert global_state() == before
    assert list(tmp_path.iterdir()) == []


def test_warnings_of_on_epoch_are_heard(params, data):
    with pytest.warns(UserWarning, match="heard"):
        module.fit(params, data, CONFIG, lambda *_: warnings.warn("heard", stacklevel=1))
