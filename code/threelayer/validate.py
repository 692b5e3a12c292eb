"""The refusals that all nine implementations share: bad input ends in one clear sentence, before any work.

NumPy arrays come in, checked NumPy arrays go out, in the dtype that the computation will use.
Source: the shapes of chapter "network", the contract of CONTRIBUTING.md.
"""

import numpy as np

from threelayer.arrays import real_array
from threelayer.spec import Config, Data, Params


def checked_params(params: Params, dtype: str | None = None) -> Params:
    """Return the weights as arrays of one dtype whose shapes chain from layer to layer.

    Without `dtype` they keep their own: float32 when all six are float32, float64 otherwise.
    """
    if len(params) != 6:
        raise ValueError(f"params must hold W1, b1, W2, b2, W3, b3, but has {len(params)} entries")
    if dtype is None:
        dtype = "float32" if all(getattr(p, "dtype", None) == np.float32 for p in params) else "float64"
    ranks = Params(2, 1, 2, 1, 2, 1)
    arrays = Params(
        *(
            real_array(name, values, rank, dtype)
            for name, values, rank in zip(Params._fields, params, ranks, strict=True)
        )
    )
    for layer, (weight, bias) in enumerate(zip(arrays[0::2], arrays[1::2], strict=True), start=1):
        if weight.size == 0:
            raise ValueError(f"W{layer} is empty: its shape is {weight.shape}")
        if weight.shape[1] != bias.shape[0]:
            raise ValueError(f"W{layer} {weight.shape} and b{layer} {bias.shape} do not chain")
    for layer in (1, 2):
        left, right = arrays[2 * layer - 2], arrays[2 * layer]
        if left.shape[1] != right.shape[0]:
            raise ValueError(f"W{layer} {left.shape} and W{layer + 1} {right.shape} do not chain")
    return arrays


def checked_x(params: Params, x: np.ndarray, name: str = "x") -> np.ndarray:
    """Return the inputs (n, i) in the dtype of checked `params`, at least one row."""
    x = real_array(name, x, 2, params.W1.dtype.name)
    if x.shape[0] == 0:
        raise ValueError(f"{name} holds no samples")
    if x.shape[1] != params.W1.shape[0]:
        raise ValueError(f"{name} has {x.shape[1]} columns, but W1 expects {params.W1.shape[0]}")
    return x


def checked_xy(
    params: Params, x: np.ndarray, y: np.ndarray, names: tuple[str, str] = ("x", "y")
) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs (n, i) and targets (n, o) in the dtype of checked `params`."""
    x = checked_x(params, x, names[0])
    y = real_array(names[1], y, 2, params.W1.dtype.name)
    if y.shape[0] != x.shape[0]:
        raise ValueError(f"{names[0]} has {x.shape[0]} rows, but {names[1]} has {y.shape[0]}")
    if y.shape[1] != params.W3.shape[1]:
        raise ValueError(f"{names[1]} has {y.shape[1]} columns, but W3 gives {params.W3.shape[1]}")
    return x, y


def checked_fit(
    params: Params, data: Data, config: Config
) -> tuple[Params, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return params, x_train, y_train, x_val, y_val, checked and in the dtype of `config`."""
    params = checked_params(params, config.dtype)
    widths = (params.W1.shape[1], params.W2.shape[1])
    if widths != tuple(config.hidden):
        raise ValueError(f"params have hidden widths {widths}, but config.hidden is {tuple(config.hidden)}")
    x_train, y_train = checked_xy(params, data.x_train, data.y_train, ("x_train", "y_train"))
    x_val, y_val = checked_xy(params, data.x_val, data.y_val, ("x_val", "y_val"))
    if config.batch_size > len(x_train):
        raise ValueError(
            f"batch_size is {config.batch_size}, but there are only {len(x_train)} training samples"
        )
    return params, x_train, y_train, x_val, y_val
