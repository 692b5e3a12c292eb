"""The sentences of refusals: each names the array, the sizes that do not fit, and what they should be."""

from dataclasses import replace

import numpy as np
import pytest

from threelayer import Config, init_params, make_data
from threelayer.validate import checked_fit, checked_params, checked_x, checked_xy

CONFIG = Config(hidden=(5, 4), batch_size=8)
PARAMS = init_params(CONFIG)
DATA = make_data(n_train=43, n_val=11, n_test=13)
X, Y = np.zeros((7, 3)), np.zeros((7, 1))


def refusal(check, *arguments) -> str:
    with pytest.raises(ValueError) as refused:
        check(*arguments)
    return str(refused.value)


def test_a_refusal_of_arrays_names_them_and_their_sizes():
    assert refusal(checked_params, PARAMS[:5]) == "params must hold W1, b1, W2, b2, W3, b3, but has 5 entries"
    assert refusal(checked_x, PARAMS, X[:0]) == "x holds no samples"
    assert refusal(checked_x, PARAMS, X[:, :2]) == "x has 2 columns, but W1 expects 3"
    assert refusal(checked_x, PARAMS, X[0], "x_val") == "x_val must have 2 axes, but its shape is (3,)"
    assert refusal(checked_xy, PARAMS, X, Y[:5]) == "x has 7 rows, but y has 5"
    assert refusal(checked_xy, PARAMS, X, np.hstack([Y, Y])) == "y has 2 columns, but W3 gives 1"


@pytest.mark.parametrize("name", ["x_train", "y_train", "x_val", "y_val"])
def test_a_refusal_of_data_names_the_set_and_both_its_halves(name):
    values = getattr(DATA, name)
    assert refusal(checked_fit, PARAMS, replace(DATA, **{name: values[:, 0]}), CONFIG).startswith(
        f"{name} must have 2 axes"
    )
    part = name.partition("_")[2]
    shorter = refusal(checked_fit, PARAMS, replace(DATA, **{name: values[:-1]}), CONFIG)
    rows = {f"{half}_{part}": len(values) - (f"{half}_{part}" == name) for half in "xy"}
    (x, n_x), (y, n_y) = rows.items()
    assert shorter == f"{x} has {n_x} rows, but {y} has {n_y}"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"b2": PARAMS.b2[:, np.newaxis]}, "b2 must have 1 axes, but its shape is (4, 1)"),
        ({"W1": PARAMS.W1[:0]}, "W1 is empty: its shape is (0, 5)"),
        ({"b1": PARAMS.b1[:4]}, "W1 (3, 5) and b1 (4,) do not chain"),
        ({"b3": np.zeros(2)}, "W3 (4, 1) and b3 (2,) do not chain"),
        ({"W2": PARAMS.W2[:4]}, "W1 (3, 5) and W2 (4, 4) do not chain"),
        ({"W3": PARAMS.W3[:3]}, "W2 (5, 4) and W3 (3, 1) do not chain"),
    ],
)
def test_a_refusal_of_weights_names_the_layer(changes, sentence):
    assert refusal(checked_params, PARAMS._replace(**changes)) == sentence


def test_what_is_right_is_taken_as_it_is_and_lists_are_cast():
    assert np.shares_memory(checked_x(PARAMS, X), X)
    from_lists = checked_params(PARAMS._replace(W1=PARAMS.W1.tolist(), b1=[0, 0, 0, 0, 0]))
    assert from_lists.W1.dtype == from_lists.b1.dtype == np.float64


def test_what_does_not_fit_in_single_precision_is_named_without_a_warning():
    single = checked_params(PARAMS, "float32")
    assert refusal(checked_x, single, X + 1e300) == "x contains NaN or infinity"
    assert np.isfinite(checked_x(PARAMS, X + 1e300)).all()
