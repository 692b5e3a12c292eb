"""Fix, for one call, the settings of PyTorch that would change what an entry point computes.

A caller may have left them anywhere: in another cell, in a library, in a block around the call.
Source: PyTorch's notes "Autograd mechanics", "Automatic Mixed Precision package" and "CUDA semantics".
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import wraps

import torch


def guarded(function: Callable) -> Callable:
    """Let a function compute the same under every setting, and leave each as the caller has it."""

    @wraps(function)
    def call(*args, **kwargs):
        with (
            torch.inference_mode(False),
            torch.enable_grad(),
            torch.autocast("cpu", enabled=False),
            torch.autocast("cuda", enabled=False),
            default_device("cpu"),
            full_products(),
        ):
            return function(*args, **kwargs)

    return call


def default_device(name: str) -> torch.device | nullcontext:
    """Make the tensors for which no device is named on this one."""
    # Only where it is needed: a default device has PyTorch call Python in each of its functions.
    return nullcontext() if torch.get_default_device().type == name else torch.device(name)


@contextmanager
def full_products() -> Iterator[None]:
    """Multiply float32 as float32, not shortened to TF32 or bfloat16."""
    # The setting has two interfaces: one for all libraries, and since PyTorch 2.9 one for each of them.
    places = [getattr(library, "matmul", None) for library in (torch.backends.cuda, torch.backends.mkldnn)]
    each = {place: place.fp32_precision for place in places if hasattr(place, "fp32_precision")}
    try:
        overall = torch.get_float32_matmul_precision()
    except RuntimeError:  # the two disagree, so only the newer one has been used
        overall = None
    if overall == "highest" and {"ieee", "none"}.issuperset(each.values()):
        yield
        return
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        if overall is not None:
            torch.set_float32_matmul_precision(overall)
        for place, precision in each.items():
            place.fp32_precision = precision
