"""Configuration, history and the names of the package."""

import subprocess
import sys

import numpy as np
import pytest

import threelayer
from threelayer import Config, DivergedError, History, load


@pytest.mark.parametrize(
    "bad",
    [
        {"hidden": (5,)},
        {"hidden": (5, 0)},
        {"hidden": (5, 2.5)},
        {"learning_rate": 0.0},
        {"learning_rate": np.inf},
        {"momentum": 1.0},
        {"momentum": -0.1},
        {"batch_size": 0},
        {"epochs": 0},
        {"epochs": True},
        {"seed": -1},
        {"dtype": "float16"},
    ],
)
def test_an_impossible_configuration_is_refused(bad):
    (name,) = bad
    with pytest.raises(ValueError, match=name):
        Config(**bad)


@pytest.mark.parametrize("number", [int, np.float64, np.float32])
def test_settings_of_another_type_are_cast(number):
    config = Config(hidden=[5, 4], learning_rate=number(1), momentum=number(0))
    assert config == Config(hidden=(5, 4), learning_rate=1.0, momentum=0.0)
    assert (type(config.hidden), type(config.learning_rate), type(config.momentum)) == (tuple, float, float)


def test_history_as_a_frame():
    history = History()
    history.record(np.array([1.0, 3.0]), 4.0, Config())
    history.record(np.array([1.0, 2.0]), 3.0, Config())
    frame = history.frame()
    assert list(frame.columns) == ["epoch", "train_loss", "val_loss", "seconds"]
    assert frame["epoch"].tolist() == [0, 1]
    assert frame["train_loss"].tolist() == [2.0, 1.5]
    assert frame["val_loss"].tolist() == [4.0, 3.0]
    assert frame["seconds"].is_monotonic_increasing
    assert frame["seconds"].between(0, 60).all()


def test_the_mean_of_an_epoch_is_taken_in_double_precision():
    losses = np.array([1.0, 1.0, 1.0 + 2.0**-23], dtype="float32")
    history = History()
    history.record(losses, 1.0, Config())
    assert history.train_loss == [1 + 2.0**-23 / 3]
    assert float(np.mean(losses)) != history.train_loss[0]  # the control: as NumPy would take it


def test_divergence_names_epoch_step_and_rate():
    history = History()
    history.record(np.array([1.0]), 1.0, Config())
    with pytest.raises(DivergedError, match=r"epoch 1, step 2 at learning rate 0\.5"):
        history.record(np.array([1.0, 2.0, np.inf, np.nan]), 1.0, Config(learning_rate=0.5))
    with pytest.raises(DivergedError, match=r"epoch 1, step 1 at"):
        history.record(np.array([1.0, np.nan]), 1.0, Config())
    with pytest.raises(DivergedError, match=r"epoch 1 at"):
        history.record(np.array([np.nan]), 1.0, Config())
    with pytest.raises(DivergedError, match=r"epoch 1 at"):
        history.record(np.array([1.0, 2.0]), np.inf, Config())
    assert history.train_loss == [1.0]


def test_public_names():
    assert len(threelayer.IMPLEMENTATIONS) == 9
    assert threelayer.IMPLEMENTATIONS[0] == "numpy_manual"
    assert all(hasattr(threelayer, name) for name in threelayer.__all__)


def test_importing_the_package_imports_no_framework():
    frameworks = "{'torch', 'tensorflow', 'keras', 'jax', 'pytorch_lightning', 'pandas', 'matplotlib'}"
    code = f"import sys, threelayer; threelayer.load('numpy_manual'); print({frameworks} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


def test_an_unknown_implementation_is_refused():
    with pytest.raises(ValueError, match="numpy_manual, pytorch_scratch"):
        load("numpy")


def test_a_missing_framework_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.delitem(sys.modules, "threelayer.jax_transforms", raising=False)
    with pytest.raises(ImportError, match=r"needs the package 'jax'.*\[jax\]"):
        load("jax_transforms")


def test_the_default_rates_are_exact_in_single_precision():
    config = Config()
    assert [np.float32(config.learning_rate), np.float32(config.momentum)] == [1 / 16, 15 / 16]
    assert float(np.float32(0.06)) != 0.06  # the control: a rate that Keras would round
