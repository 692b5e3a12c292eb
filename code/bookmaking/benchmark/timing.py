"""Timing: processes that begin alike, and what is timed in them.

Source: chapter "cost", section "Measure side by side".
"""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

from bookmaking.cache.cores import thread_limits

CPU_ONLY = {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}  # read when a framework is imported


@contextmanager
def nursery(threads: int) -> Iterator[ProcessPoolExecutor]:
    """Lend a new process of so many threads and without a GPU; it imports a framework, and `Fork` copies it.

    Libraries read their limits when they are imported, so the process must be born with them.
    """
    before = dict(os.environ)
    os.environ.update(thread_limits(threads) | CPU_ONLY)
    os.environ |= {"NPROC": str(threads), "TF_NUM_INTEROP_THREADS": str(threads)}  # XLA reads NPROC
    os.environ |= {"JAX_ENABLE_X64": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}
    try:
        pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
        pool.submit(os.getpid).result()  # starts it
    finally:
        os.environ.clear()
        os.environ.update(before)
    with pool:
        yield pool


class Fork:
    """A copy of this process, which calls functions one after another: new, but with all that is imported.

    Parameters
    ----------
    one_core
        Hold it to one core, with every thread that any library starts.
    """

    def __init__(self, one_core: bool) -> None:
        fork = multiprocessing.get_context("fork")
        self.connection, far = fork.Pipe()
        self.process = fork.Process(target=_answer, args=(far, self.connection, one_core))
        self.process.start()
        far.close()

    def __enter__(self) -> "Fork":
        return self

    def __exit__(self, *_) -> None:
        self.connection.close()  # ends its loop
        self.process.join()

    def call(self, function: Callable, *arguments: object) -> object:
        """Return what the function returns there.

        Raises
        ------
        RuntimeError
            When it raises there, or the process dies.
        """
        self.connection.send((function, arguments))
        try:
            failure, value = self.connection.recv()
        except EOFError:
            failure = "its process died"
        if failure:
            raise RuntimeError(failure)
        return value


def _answer(connection, near, one_core: bool) -> None:
    near.close()  # or this process would keep its own end open
    if one_core:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    while True:
        try:
            function, arguments = connection.recv()
        except EOFError:
            return
        try:
            connection.send((None, function(*arguments)))
        except Exception as error:
            connection.send((f"{type(error).__name__}: {error}", None))


def call_in_fork(one_core: bool, function: Callable, *arguments: object) -> object:
    """Return what a function returns in a copy of this process that lives for this call only."""
    with Fork(one_core) as copy:
        return copy.call(function, *arguments)


def seconds_per_step(ends: list[float], steps: int) -> float:
    """Return the seconds of a step from the end of the first epoch to that of the last."""
    return (ends[-1] - ends[0]) / ((len(ends) - 1) * steps)


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
