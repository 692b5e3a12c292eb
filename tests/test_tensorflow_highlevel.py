"""The implementation at Keras's highest level: trajectory, callbacks, and a real TensorBoard on its log."""

import json
import os
import random
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

tf = pytest.importorskip("tensorflow")

from threelayer import Config, Data, DivergedError, Fit, Params, init_params, make_data, numpy_manual  # noqa: E402
from threelayer import tensorflow_highlevel as module  # noqa: E402

keras = module.keras  # not imported here, so that the module gets to choose the backend
CONFIG = Config(hidden=(5, 4), batch_size=7, epochs=9)

# NumPy has deprecated the interface through which Keras saves a model; any other warning is an error.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def data() -> Data:
    """Return data with two outputs; 50 samples in batches of 7 leave one over."""
    data = make_data(50, 11, 13)
    names = "y_train", "y_val", "y_test"
    return replace(data, **{name: np.hstack([y := getattr(data, name), np.sin(3 * y)]) for name in names})


@pytest.fixture(scope="module")
def params() -> Params:
    """Return weights whose biases are not zero."""
    drawn = init_params(CONFIG, n_out=2)
    return Params(*(p + 0.1 * np.arange(p.size).reshape(p.shape) / p.size for p in drawn))


def deviation(left, right) -> float:
    return max(float(np.abs(a - b).max()) for a, b in zip(left, right, strict=True))


def assert_same_run(ours, expected) -> None:
    assert deviation(ours.params, expected.params) < 1e-12
    assert deviation(ours.history.train_loss, expected.history.train_loss) < 1e-12
    assert deviation(ours.history.val_loss, expected.history.val_loss) < 1e-12


def global_state() -> dict:
    return {
        "floatx": keras.config.floatx(),
        "dtype policy": keras.config.dtype_policy().name,
        "backend": keras.config.backend(),
        "python seed": random.getstate(),
        "numpy seed": str(np.random.get_state()),  # noqa: NPY002
        "environment": dict(os.environ),
        "threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "summary step": tf.summary.experimental.get_step(),
    }


# -- at the start


def test_starts_as_numpy_does(params, data):
    loss, grads = module.loss_and_grads(params, data.x_train, data.y_train)
    expected_loss, expected_grads = numpy_manual.loss_and_grads(params, data.x_train, data.y_train)
    assert abs(loss - expected_loss) < 1e-13
    assert deviation(grads, expected_grads) < 1e-13
    x = data.x_test
    assert np.abs(module.predict(params, x) - numpy_manual.predict(params, x)).max() < 1e-13


def test_evaluates_as_numpy_does(params, data):
    expected, _ = numpy_manual.loss_and_grads(params, data.x_test, data.y_test)
    assert abs(module.evaluate(params, data.x_test, data.y_test) - expected) < 1e-13
    with pytest.raises(ValueError, match="2 axes"):
        module.evaluate(params, data.x_test, data.y_test[:, 0])


# -- the trajectory


CHANGES = [{}, {"batch_size": 1, "epochs": 3}, {"batch_size": 50, "momentum": 0, "seed": 8}]


@pytest.mark.parametrize("change", CHANGES)
def test_trains_as_numpy_does(params, data, change):
    config = replace(CONFIG, **change)
    assert_same_run(module.fit(params, data, config), numpy_manual.fit(params, data, config))


def losses_of(metric_dtype: str, **loss) -> dict:
    metrics = [keras.metrics.MeanSquaredError("mse", dtype=metric_dtype)]
    return {"loss": keras.losses.MeanSquaredError(**loss), "metrics": metrics}


FAULTS = {
    "sum over the samples": ("losses_in", lambda dtype: losses_of(dtype, reduction="sum", dtype=dtype)),
    "batch order": ("batch_order", lambda n, config: numpy_manual.batch_order(n, config)[:, ::-1]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_comparison_catches_a_planted_fault(params, data, fault, monkeypatch):
    monkeypatch.setattr(module, *FAULTS[fault])
    ours, expected = module.fit(params, data, CONFIG), numpy_manual.fit(params, data, CONFIG)
    assert deviation(ours.params, expected.params) > 1e-4


def test_comparison_catches_a_loss_in_float32(params, data, monkeypatch):
    monkeypatch.setattr(module, "losses_in", losses_of)
    ours, expected = module.fit(params, data, CONFIG), numpy_manual.fit(params, data, CONFIG)
    assert 1e-12 < deviation(ours.params, expected.params) < 1e-4


def test_float32_is_trained_in_float32(params, data):
    config = replace(CONFIG, dtype="float32", learning_rate=np.float64(2**-4), momentum=np.float64(0.9375))
    ours = module.fit(params, data, config)
    assert {p.dtype for p in ours.params} == {np.dtype("float32")}
    assert 0 < deviation(ours.params, numpy_manual.fit(params, data, CONFIG).params) < 1e-4
    assert module.predict(ours.params, data.x_test).dtype == np.float32


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
    fit = module.fit(params, data, LONG, lambda *call: weights.append(call[1]), callbacks)
    return Run(folder, fit, weights, log.history)


def test_keras_logs_the_loss_in_float32_and_the_metric_in_float64(run):
    assert run.logs["mse"] == run.fit.history.train_loss
    assert run.logs["val_mse"] == run.fit.history.val_loss
    assert 1e-12 < deviation(run.logs["loss"], run.logs["mse"]) < 1e-6


def test_early_stopping_ends_the_run_and_returns_to_the_best_epoch(run, params, data):
    best = int(np.argmin(run.fit.history.val_loss))
    assert len(run.weights) == best + 1 + PATIENCE < LONG.epochs
    assert deviation(run.fit.params, run.weights[best]) == 0
    expected = numpy_manual.fit(params, data, replace(LONG, epochs=best + 1))
    assert deviation(run.fit.params, expected.params) < 1e-12


def test_checkpoint_holds_the_best_epoch(run, data):
    model = keras.saving.load_model(run.folder / "best.keras")
    assert deviation(model.get_weights(), run.fit.params) == 0
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
    assert deviation((value for *_, value in points), np.float32(expected)) == 0


def test_tensorboard_serves_the_graph(ask):
    assert json.loads(ask("plugin/graphs/info"))["train"]["tags"]["keras"]["conceptual_graph"]
    graph = ask("plugin/graphs/graph?run=train&conceptual=true&tag=keras")
    nodes = re.findall(r'name: "three_layer/(\w+)"(?:\s+input: "three_layer/(\w+)")?', graph)
    assert nodes == [("x", ""), ("a1", "x"), ("a2", "a1"), ("y_hat", "a2")]


# -- manners


def test_global_state_and_arguments_stay_as_they_were(params, data, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept = [p.copy() for p in params], data.x_train.copy(), data.y_train.copy()
    before = global_state()
    inside = []
    module.predict(params, data.x_test)
    module.loss_and_grads(params, data.x_train, data.y_train)
    fit = module.fit(params, data, CONFIG, lambda *_: inside.append(global_state()))
    with pytest.raises(DivergedError, match=r"epoch \d+ at learning rate 1e\+200"):
        module.fit(params, data, replace(CONFIG, learning_rate=1e200))
    assert global_state() == before
    assert inside == [before] * CONFIG.epochs
    assert capfd.readouterr().out == ""
    assert list(tmp_path.iterdir()) == []
    assert deviation(params, kept[0]) == deviation((data.x_train, data.y_train), kept[1:]) == 0
    assert not any(np.shares_memory(a, b) for a, b in zip(fit.params, params, strict=True))


def test_on_epoch_gets_copies(params, data):
    def spoil(epoch, weights, train_loss, val_loss):
        for p in weights:
            p.fill(np.nan)

    assert_same_run(module.fit(params, data, CONFIG, spoil), numpy_manual.fit(params, data, CONFIG))
