"""Timing: processes with a given number of threads, and steps per second.

Source: chapter "cost".
"""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

from bookmaking.cache.cores import thread_limits
from threelayer import Config, init_params, load, make_data


@contextmanager
def worker(threads: int) -> Iterator[ProcessPoolExecutor]:
    """Lend a fresh process of so many threads; it lives until the block ends.

    Libraries read their limits when they are imported, so the process must be born with them.
    """
    before = dict(os.environ)
    os.environ.update(thread_limits(threads))
    os.environ["NPROC"] = str(threads)  # read by XLA
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    os.environ["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] = "1"  # torch.compile starts from nothing
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
