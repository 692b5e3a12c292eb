"""How cost grows: steps per second and memory over width, batch, precision and threads.

Each cell is timed in a process of its own, and once more in every round. Memory is that of another process,
which takes two steps and nothing else. Source: chapter "cost".
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np

from bookmaking.benchmark.timing import call_in_fork, nursery, rate, seconds_per_step
from bookmaking.benchmark.yardstick import YARDSTICKS, flops
from threelayer import Config, Data, Params, init_params, load, make_data

WIDTHS = (8, 32, 128, 512, 1024)
BATCHES = (16, 64, 256, 1024, 4096)
FIXED = (
    128,
    256,
)  # the width over which batches vary, and the batch over which widths do: memory is asked there
LIBRARIES = {"numpy": "numpy_manual", "pytorch": "pytorch_modules", "jax": "jax_transforms"}
PLAIN, VARIANTS = ("float64", 1), (("float32", 1), ("float64", 2))  # precision and threads


def sample(width: int, batch: int, dtype: str, steps: int) -> tuple[Params, Data, Config]:
    """Return a square network and the data of an epoch, with a rate too small to diverge at any width."""
    config = Config(hidden=(width, width), batch_size=batch, dtype=dtype, learning_rate=2**-12)
    return init_params(config), make_data(steps * batch, 1, 1), config


def steps_an_epoch(work: int, batch: int) -> int:
    """Return how many steps make an epoch: many where a step is short, so that its ends do not count."""
    return int(np.clip(min(1e9 / work, 65536 / batch), 1, 256))


def import_library(library: str) -> None:
    """Import a library, and compute nothing."""
    load(LIBRARIES[library])


def time_cell(
    library: str, width: int, batch: int, dtype: str, seconds: float, products: bool
) -> dict[str, float]:
    """Return steps per second and the seconds to start; with `products`, also the rate of the yardstick."""
    work = flops(sample(width, batch, dtype, steps=2)[0], batch)
    steps = steps_an_epoch(work, batch)
    params, data, config = sample(width, batch, dtype, steps)
    fit = load(LIBRARIES[library]).fit
    start = time.perf_counter()
    ends = fit(params, data, replace(config, epochs=2)).history.seconds
    first, each = time.perf_counter() - start, seconds_per_step(ends, steps)
    if (epochs := int(min(seconds / (steps * each), 1000))) > 1:  # else an epoch is long enough as it is
        ends = fit(params, data, replace(config, epochs=epochs + 1)).history.seconds
        each = seconds_per_step(ends, steps)
    found = {"steps_per_second": 1 / each, "startup": max(0.0, first - 2 * steps * each)}
    if products and library in YARDSTICKS:
        weights = Params(*(p.astype(dtype) for p in params))
        call, calls = YARDSTICKS[library](weights, data.x_train[:batch].astype(dtype))
        found["products_per_second"] = rate(call, calls, seconds)
    return found


def resident(field: str) -> float:
    """Return a field of this process's memory, as Linux keeps it, in MiB."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) / 2**10


def memory_of_cell(library: str, width: int, batch: int) -> float:
    """Return the MiB by which two steps exceed, at their peak, what is held after a first small step."""
    fit = load(LIBRARIES[library]).fit
    for size in ((2, 2), (width, batch)):
        params, data, config = sample(*size, "float64", steps=2)
        Path("/proc/self/clear_refs").write_text("5", "ascii")  # the peak is that from here on
        before = resident("VmRSS")
        fit(params, data, replace(config, epochs=1))
    return resident("VmHWM") - before


def grow(
    rounds: int, seconds: float, report: Callable[[str], None], widths=WIDTHS, batches=BATCHES
) -> list[dict]:
    """Measure all cells, in an order drawn anew in each round, and return a record for each.

    The corners are measured in other precision, and with other threads, as well; what is compared stands
    beside each other.
    """
    cells = list(product(widths, batches))
    ends = set(product((widths[0], widths[-1]), (batches[0], batches[-1])))
    found: dict[tuple, dict] = {}
    rng = np.random.default_rng(1)
    for number in range(rounds):
        start = time.perf_counter()
        with ExitStack() as stack:
            pools = {key: stack.enter_context(nursery(key[1])) for key in product(LIBRARIES, (1, 2))}
            for job in [pool.submit(import_library, library) for (library, _), pool in pools.items()]:
                job.result()
            for place in rng.permutation(len(cells)):
                width, batch = cell = cells[place]
                for library, (dtype, threads) in product(LIBRARIES, (PLAIN, *VARIANTS)):
                    plain = (dtype, threads) == PLAIN
                    if not plain and cell not in ends:
                        continue
                    key = library, threads, width, batch, dtype
                    values = found.setdefault(key, {"flops": flops(sample(*cell, dtype, 2)[0], batch)})
                    pool, alone = pools[library, threads], threads == 1
                    task = time_cell, library, *cell, dtype, seconds, plain
                    for name, value in pool.submit(call_in_fork, alone, *task).result().items():
                        values.setdefault(name, []).append(value)
                    if plain and not number and (width == FIXED[0] or batch == FIXED[1]):
                        task = memory_of_cell, library, *cell
                        values["memory"] = pool.submit(call_in_fork, alone, *task).result()
        report(f"growth {number + 1}/{rounds} took {time.perf_counter() - start:.0f} s")
    names = ("library", "threads", "width", "batch", "dtype")
    return [dict(zip(names, key, strict=True)) | values for key, values in found.items()]
