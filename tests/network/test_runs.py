"""Runs that chapters keep: read back as they were, and only where they began alike."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from threelayer import Config, Fit, History, init_params, make_data, numpy_manual
from threelayer.runs import LEAVES, LEFT, keep, run_of

CONFIG = Config(hidden=(5, 4), batch_size=32, epochs=3)


@pytest.fixture(scope="module")
def data():
    return make_data(n_train=96, n_val=40, n_test=24)


@pytest.fixture
def kept(data, tmp_path, monkeypatch):
    """Train and keep the run, as a chapter does; return it."""
    start, snapshots = init_params(CONFIG), {}
    fit = numpy_manual.fit(
        start, data, CONFIG, on_epoch=lambda epoch, params, *_: snapshots.update({epoch + 1: params})
    )
    monkeypatch.setenv(LEAVES, str(tmp_path))
    keep(numpy_manual, start, data, CONFIG, snapshots, fit)
    monkeypatch.delenv(LEAVES)
    monkeypatch.setenv(LEFT, str(tmp_path))
    return start, snapshots, fit


def trained(name):
    """Return an implementation that notes how often it trains, and whose weights are all its own."""
    network = SimpleNamespace(__name__=f"threelayer.{name}", trainings=0)

    def fit(start, data, config, on_epoch):
        network.trainings += 1
        for epoch in range(config.epochs):
            on_epoch(epoch, start._replace(b3=np.array([100.0 + epoch])), 0.0, 0.0)
        return Fit(start, History([0.0] * config.epochs, [0.0] * config.epochs, [0.0] * config.epochs))

    network.fit = fit
    return network


def test_a_kept_run_is_read_as_it_was_and_not_made_again(data, kept):
    start, snapshots, fit = kept
    network = trained("numpy_manual")
    trajectory, read = run_of(network, start, data, CONFIG)
    assert network.trainings == 0
    assert len(trajectory) == CONFIG.epochs
    for epoch, params in enumerate(trajectory, start=1):
        for one, other in zip(params, snapshots[epoch], strict=True):
            np.testing.assert_array_equal(one, other)
    for one, other in zip(read.params, fit.params, strict=True):
        np.testing.assert_array_equal(one, other)
    assert read.history.frame().equals(fit.history.frame())


@pytest.mark.parametrize("other", ["network", "start", "config", "train", "val", "dtype", "nothing"])
def test_a_run_that_began_otherwise_is_not_taken(data, kept, other):
    start, _, _ = kept
    network, config, given = trained("jax_transforms" if other == "network" else "numpy_manual"), CONFIG, data
    if other == "start":
        start = start._replace(b1=start.b1 + 1e-15)
    if other == "config":
        config = replace(CONFIG, momentum=0.5)
    if other == "dtype":
        config = replace(CONFIG, dtype="float32")
    if other == "train":
        given = replace(data, y_train=np.nextafter(data.y_train, 9))
    if other == "val":
        given = replace(data, x_val=data.x_val[:-1], y_val=data.y_val[:-1])
    trajectory, _ = run_of(network, start, given, config)
    assert network.trainings == (0 if other == "nothing" else 1)
    assert (trajectory[-1].b3[0] == 102.0) == (other != "nothing")


def test_without_a_build_nothing_is_kept_and_every_run_is_new(data, kept, tmp_path, monkeypatch):
    start, snapshots, fit = kept
    monkeypatch.setenv(LEFT, "")
    before = sorted(tmp_path.iterdir())
    keep(trained("pytorch_scratch"), start, data, CONFIG, snapshots, fit)
    assert sorted(tmp_path.iterdir()) == before
    network = trained("numpy_manual")
    run_of(network, start, data, CONFIG)
    assert network.trainings == 1


def test_a_run_is_kept_whole_or_not_at_all(data, kept, tmp_path, monkeypatch):
    start, snapshots, fit = kept
    monkeypatch.setenv(LEAVES, str(tmp_path))
    del snapshots[2]
    with pytest.raises(KeyError):
        keep(trained("pytorch_scratch"), start, data, CONFIG, snapshots, fit)
    assert not (tmp_path / "pytorch_scratch.npz").exists()
