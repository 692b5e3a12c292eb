"""Keras's highest level: evaluation, the dtype of the loss, callbacks, and a real TensorBoard on its log."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from threelayer import Config, Fit, Params, numpy_manual
from threelayer import tensorflow_highlevel as module
from threelayer.evaluate import largest_deviation

keras = module.keras  # not imported here, so that the module gets to choose the backend
CONFIG = Config(hidden=(5, 4), batch_size=7, epochs=9)

# NumPy has deprecated the interface through which Keras saves a model; any other warning is an error.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


# -- the loss


def test_evaluates_as_numpy_does(params, data):
    expected, _ = numpy_manual.loss_and_grads(params, data.x_test, data.y_test)
    assert abs(module.evaluate(params, data.x_test, data.y_test) - expected) < 1e-13
    with pytest.raises(ValueError, match="2 axes"):
        module.evaluate(params, data.x_test, data.y_test[:, 0])


def loss_in_float32(metric_dtype: str) -> tuple:
    return keras.losses.MeanSquaredError(), keras.metrics.MeanSquaredError("mse", dtype=metric_dtype)


def test_comparison_catches_a_loss_in_float32(params, data, monkeypatch):
    monkeypatch.setattr(module, "losses_in", loss_in_float32)
    ours, expected = module.fit(params, data, CONFIG), numpy_manual.fit(params, data, CONFIG)
    assert 1e-12 < largest_deviation(ours.params, expected.params) < 1e-4


# -- callbacks, and TensorBoard

LONG = replace(CONFIG, epochs=80, learning_rate=2**-6)
PATIENCE = 3


class Run(NamedTuple):
    folder: Path
    fit: Fit
    weights: list[Params]  # after each epoch
    logs: dict[str, list[float]]  # what Keras logged


@pytest.fixture(scope="module")
def run(params, data, tmp_path_factory) -> Run:
    folder, weights, log = tmp_path_factory.mktemp("run"), [], keras.callbacks.History()
    callbacks = [log, *module.usual_callbacks(folder, PATIENCE)]
    fit = module.fit(params, data, LONG, lambda *call: weights.append(call[1]), callbacks=callbacks)
    return Run(folder, fit, weights, log.history)


def test_keras_logs_the_loss_in_float32_and_the_metric_in_float64(run):
    assert run.logs["mse"] == run.fit.history.train_loss
    assert run.logs["val_mse"] == run.fit.history.val_loss
    assert 1e-12 < np.abs(np.subtract(run.logs["loss"], run.logs["mse"])).max() < 1e-6


def test_early_stopping_ends_the_run_and_returns_to_the_best_epoch(run, params, data):
    best = int(np.argmin(run.fit.history.val_loss))
    assert len(run.weights) == best + 1 + PATIENCE < LONG.epochs
    assert largest_deviation(run.fit.params, run.weights[best]) == 0
    expected = numpy_manual.fit(params, data, replace(LONG, epochs=best + 1))
    assert largest_deviation(run.fit.params, expected.params) < 1e-12


def test_checkpoint_holds_the_best_epoch(run, data):
    model = keras.saving.load_model(run.folder / "best.keras")
    assert largest_deviation(model.get_weights(), run.fit.params) == 0
    assert np.abs(model(data.x_test) - module.predict(run.fit.params, data.x_test)).max() < 1e-14


@pytest.fixture(scope="module")
def ask(run) -> Iterator[Callable[[str], str]]:
    """Start TensorBoard on the log of the run, and return what asks it a question."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tensorboard.main", "--load_fast=false", "--host=127.0.0.1"]
    command += [f"--port={port}", f"--logdir={run.folder / 'log'}"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    opener = build_opener(ProxyHandler({}))  # no proxy stands before the loopback address

    def ask(question: str) -> str:
        with opener.open(f"http://127.0.0.1:{port}/data/{question}", timeout=30) as answer:
            return answer.read().decode()

    def is_ready() -> bool:
        try:
            return set(json.loads(ask("plugin/scalars/tags"))) == {"train", "validation"}
        except URLError:  # it does not listen yet
            return False

    try:
        deadline = time.monotonic() + 120
        while not is_ready():
            assert server.poll() is None, server.stderr.read()
            assert time.monotonic() < deadline, "TensorBoard does not answer"
            time.sleep(0.2)
        yield ask
    finally:
        server.terminate()
        server.communicate(timeout=30)


@pytest.mark.parametrize("part", ["train", "validation"])
def test_tensorboard_serves_the_scalars(run, ask, part):
    assert "epoch_mse" in json.loads(ask("plugin/scalars/tags"))[part]
    points = json.loads(ask(f"plugin/scalars/scalars?run={part}&tag=epoch_mse"))
    expected = run.fit.history.train_loss if part == "train" else run.fit.history.val_loss
    assert [step for _, step, _ in points] == list(range(len(expected)))
    assert [value for *_, value in points] == np.float32(expected).tolist()


def test_tensorboard_serves_the_graph(ask):
    assert json.loads(ask("plugin/graphs/info"))["train"]["tags"]["keras"]["conceptual_graph"]
    graph = ask("plugin/graphs/graph?run=train&conceptual=true&tag=keras")
    nodes = re.findall(r'name: "three_layer/(\w+)"(?:\s+input: "three_layer/(\w+)")?', graph)
    assert nodes == [("x", ""), ("layer1", "x"), ("layer2", "layer1"), ("layer3", "layer2")]
