"""How cost grows: steps per second and memory over width, batch, precision and threads.

The steps are those of `numpy_manual`, `pytorch_modules` and `jax_transforms`, over one batch again and again.
Source: chapter "cost".
"""

import platform
import resource
import time
from collections.abc import Callable
from itertools import product

import numpy as np

from bookmaking.benchmark import floor
from bookmaking.benchmark.timing import rate, wake, worker
from threelayer import Config, Params, init_params, load

WIDTHS = (8, 32, 128, 512, 1024)
BATCHES = (16, 64, 256, 1024, 4096)
LIBRARIES = {"numpy": "numpy_manual", "pytorch": "pytorch_modules", "jax": "jax_transforms"}


def numpy_step(params: Params, x: np.ndarray, y: np.ndarray, config: Config) -> tuple[Callable, int]:
    """Return a function that takes one step."""
    module = load("numpy_manual")
    velocity = Params(*(np.zeros_like(p) for p in params))

    def step() -> None:
        results = module.forward(params, x)
        module.mean_squared_error(results[-1], y)
        grads = module.backward(params, x, y, results)
        module.update(params, velocity, grads, config.learning_rate, config.momentum)

    return step, 1


def torch_step(params: Params, x: np.ndarray, y: np.ndarray, config: Config) -> tuple[Callable, int]:
    """Return a function that takes one step."""
    module = load("pytorch_modules")
    import torch

    model, x, y = module.ThreeLayer.from_params(params), torch.tensor(x), torch.tensor(y)
    optimizer = torch.optim.SGD(model.parameters(), lr=config.learning_rate, momentum=config.momentum)

    def step() -> None:
        loss = module.mean_squared_error(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step, 1


def jax_steps(
    params: Params, x: np.ndarray, y: np.ndarray, config: Config, steps: int
) -> tuple[Callable, float]:
    """Return a function that takes many steps in one compiled loop, and the seconds to compile it."""
    module = load("jax_transforms")
    import jax

    with jax.enable_x64(True):
        state = jax.device_put((params, Params(*map(np.zeros_like, params))))
        batches = jax.device_put(np.tile(np.arange(len(x)), (steps, 1)))
        rest = batches, jax.device_put((x, y)), (config.learning_rate, config.momentum)
        start = time.perf_counter()
        epoch = module.train_epoch.lower(state, *rest).compile()
        compiling = time.perf_counter() - start

    def run() -> None:
        with jax.enable_x64(True):
            jax.block_until_ready(epoch(state, *rest))

    return run, compiling


def peak_memory() -> float:
    """Return the largest resident memory of this process so far, in MiB."""
    unit = 2**20 if platform.system() == "Darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def sample(width: int, batch: int, dtype: str) -> tuple[Params, np.ndarray, np.ndarray, Config]:
    """Return weights of a square network and one batch, with a rate too small to diverge at any width."""
    config = Config(hidden=(width, width), batch_size=batch, dtype=dtype, learning_rate=2**-12)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(batch, 3)).astype(dtype), rng.normal(size=(batch, 1)).astype(dtype)
    return Params(*(p.astype(dtype) for p in init_params(config))), x, y, config


def memory_needed(cell: tuple[int, int, str]) -> int:
    """Return about how much a cell takes, in units of no importance: it sorts the cells."""
    width, batch, dtype = cell
    return np.dtype(dtype).itemsize * (3 * width**2 + 8 * batch * width)


def measure_growth(library: str, threads: int, cells: list, seconds: float) -> list[dict]:
    """Time all cells in this process, and then, in one thread, the products of each alone.

    The peak of memory is that of the process, so the cells come in ascending order of what they need.
    """
    wake(LIBRARIES[library])
    before, records = peak_memory(), []
    for width, batch, dtype in sorted(cells, key=memory_needed):
        params, x, y, config = sample(width, batch, dtype)
        work = floor.flops(params, batch)
        record = {"library": library, "threads": threads, "width": width, "batch": batch, "dtype": dtype}
        steps = int(np.clip(1e9 / work, 1, 64))
        if library == "jax":
            call, record["compile"] = jax_steps(params, x, y, config, steps)
        else:
            call, steps = {"numpy": numpy_step, "pytorch": torch_step}[library](params, x, y, config)
        record |= {"flops": work, "steps_per_second": rate(call, steps, seconds)}
        record["memory"] = peak_memory() - before
        records.append(record)
    for record in records if threads == 1 else ():
        params, x, _, _ = sample(record["width"], record["batch"], record["dtype"])
        steps = int(np.clip(1e9 / record["flops"], 1, 64))
        products = {
            "numpy": floor.numpy_products,
            "pytorch": floor.torch_products,
            "jax": lambda params, x, steps=steps: floor.xla_products(params, x, steps),
        }
        record["products_per_second"] = rate(*products[library](params, x), seconds)
    return records


def grow(seconds: float, report: Callable[[str], None], widths=WIDTHS, batches=BATCHES) -> list[dict]:
    """Measure all cells, each library and number of threads in a process of its own."""
    cells = list(product(widths, batches, ("float32", "float64")))
    records = []
    for library, threads in product(LIBRARIES, (1, 2)):
        start = time.perf_counter()
        with worker(threads) as pool:
            records += pool.submit(measure_growth, library, threads, cells, seconds).result()
        report(
            f"growth  {library}, {threads} threads: {len(cells)} cells in {time.perf_counter() - start:.0f} s"
        )
    return records
