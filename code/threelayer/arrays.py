"""What a number and an array must be before anything is computed with them; all others build on this.

Source: NumPy's kinds of arrays, https://numpy.org/doc/stable/reference/generated/numpy.dtype.kind.html.
"""

import numpy as np


def is_whole(value: object, least: int) -> bool:
    """Tell whether a value is a whole number, of Python or NumPy, and not too small."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= least


def real_array(name: str, values: object, ndim: int, dtype: str = "float64") -> np.ndarray:
    """Return `values` as a finite floating-point array of the given rank, or say why it is none.

    Integers are cast. Booleans, text, complex numbers and objects are refused.
    """
    try:
        array = np.asarray(values)
    except ValueError as error:  # NumPy's own sentence about ragged lists names no argument
        raise ValueError(f"{name} must be a rectangular array of real numbers") from error
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{name} must hold real numbers, not {array.dtype}")
    if array.ndim != ndim:
        raise ValueError(f"{name} must have {ndim} axes, but its shape is {array.shape}")
    with np.errstate(over="ignore"):  # what does not fit in float32 becomes infinite and is named below
        array = array.astype(dtype, copy=False)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} contains NaN or infinity")
    return array
