"""One network, nine ways: the public names of the package.

Importing it imports NumPy and no framework; `load` brings in one implementation and its framework.
Source: the chapters of the book, one per module listed in `IMPLEMENTATIONS`.
"""

from importlib import import_module
from types import ModuleType

from threelayer.data import batch_order, ishigami, make_data
from threelayer.initialize import init_params
from threelayer.spec import Config, Data, DivergedError, Fit, History, Params

__all__ = [
    "IMPLEMENTATIONS",
    "Config",
    "Data",
    "DivergedError",
    "Fit",
    "History",
    "Params",
    "batch_order",
    "init_params",
    "ishigami",
    "load",
    "make_data",
]

# In book order. The value is the extra of pyproject.toml that installs what the module imports.
_EXTRAS = {
    "numpy_manual": None,
    "pytorch_scratch": "pytorch",
    "pytorch_modules": "pytorch",
    "pytorch_lightning": "lightning",
    "tensorflow_scratch": "tensorflow",
    "tensorflow_layers": "tensorflow",
    "tensorflow_functional": "tensorflow",
    "tensorflow_highlevel": "tensorflow",
    "jax_transforms": "jax",
}

IMPLEMENTATIONS: tuple[str, ...] = tuple(_EXTRAS)
"""The names of the nine implementations, in book order."""


def load(name: str) -> ModuleType:
    """Import one implementation by its name, and with it only that framework.

    Raises
    ------
    ValueError
        If `name` is none of `IMPLEMENTATIONS`.
    ImportError
        If the framework is not installed; the sentence names the extra that installs it.
    """
    if name not in IMPLEMENTATIONS:
        raise ValueError(f"no implementation is named {name!r}; choose one of {', '.join(IMPLEMENTATIONS)}")
    try:
        return import_module(f"threelayer.{name}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("threelayer"):
            raise
        raise ImportError(
            f"{name} needs the package {error.name!r}:"
            f" install it with the extra, pip install -e '.[{_EXTRAS[name]}]'"
        ) from error
