"""Timing: processes with a given number of threads, and steps per second.

Source: chapter "cost".
"""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

from threelayer import Config, init_params, load, make_data


def limits(threads: int) -> dict[str, str]:
    """Return the variables that hold the libraries' arithmetic to so many threads, and keep them silent."""
    pools = ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM")
    return {
        **{f"{pool}_NUM_THREADS": str(threads) for pool in pools},
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "NPROC": str(threads),  # read by XLA
        "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1",  # torch.compile starts from nothing
    }


@contextmanager
def worker(threads: int) -> Iterator[ProcessPoolExecutor]:
    """Lend a fresh process of so many threads; it lives until the block ends.

    Libraries read their limits when they are imported, so the process must be born with them.
    """
    before = dict(os.environ)
    os.environ.update(limits(threads))
    try:
        pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
        pool.submit(os.getpid).result()  # starts it
    finally:
        os.environ.clear()
        os.environ.update(before)
    with pool:
        yield pool


def wake(name: str) -> None:
    """Let a framework do in this process what it does only once, lest it count as the start of one arm."""
    data = make_data(2, 1, 1)
    load(name).loss_and_grads(init_params(Config(hidden=(1, 1))), data.x_train, data.y_train)


def rate(call: Callable[[], None], steps: int, seconds: float) -> float:
    """Return steps per second of a function that takes `steps` of them, called for about `seconds`.

    The first call is not timed: it may compile.
    """
    call()
    calls, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds or not calls:
        call()
        calls += 1
    return calls * steps / elapsed
