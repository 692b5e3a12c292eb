"""Compare: every implementation, its usual way, its variants and the floor, interleaved and repeated.

A round starts one fresh process per framework and times everything once, in an order drawn anew. The arms of
one implementation follow each other, since their ratio is what is asked for, and a machine's speed drifts.
Source: chapter "cost".
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from importlib import import_module
from unittest.mock import patch

import numpy as np

from bookmaking.benchmark import floor
from bookmaking.benchmark.timing import rate, wake, worker
from bookmaking.benchmark.tricks import TRICKS
from threelayer import IMPLEMENTATIONS, Config, Data, Params, batch_order, init_params, load, make_data
from threelayer.evaluate import largest_deviation

USUAL = {
    "numpy_manual": "numpy:regressor",
    "pytorch_scratch": "pytorch:tensors",
    "pytorch_modules": "pytorch:modules",
    "pytorch_lightning": "pytorch:lightning",
    "tensorflow_scratch": "tensorflow:eager",
    "tensorflow_layers": "tensorflow:compiled_step",
    "tensorflow_functional": "tensorflow:fit_functional",
    "tensorflow_highlevel": "tensorflow:fit_sequential",
    "jax_transforms": "jax:jitted_update",
}
OPTIONAL = ("torch.compile",)  # needs a C++ compiler, and so long to start that one round must do
FLOORS = {
    "numpy": floor.numpy_products,
    "pytorch": floor.torch_products,
    "jax": partial(floor.xla_products, steps=64),
}
CHECKED_EPOCHS = 20


def arms() -> Iterator[tuple[str, str]]:
    """Yield what is timed, as pairs of implementation and way; the floor counts as an implementation."""
    for name in IMPLEMENTATIONS:
        yield name, "book"
        yield name, "usual"
    yield from TRICKS
    for library in FLOORS:
        yield "floor", library


def drawn(rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    """Yield all arms: the implementations in an order of chance, and so the arms of each."""
    together: dict[str, list[tuple[str, str]]] = {}
    for arm in arms():
        together.setdefault(arm[0], []).append(arm)
    for name in rng.permutation(list(together)):
        yield from map(tuple, rng.permutation(together[name]).tolist())


def framework(implementation: str, way: str) -> str:
    """Return the process that an arm runs in."""
    return way if implementation == "floor" else implementation.split("_")[0]


def usual_way(implementation: str) -> Callable[..., tuple[Params, list[float]]]:
    """Return the function that trains in the usual way."""
    module, function = USUAL[implementation].split(":")
    return getattr(import_module(f"bookmaking.benchmark.usual_{module}"), function)


@contextmanager
def without_validation(implementation: str) -> Iterator[None]:
    """Keep a framework that owns the loop from validating, as a validation set of one sample does not.

    The others call their own `forward` on that sample once an epoch, which costs next to nothing.
    """
    with ExitStack() as changes:
        if implementation in ("tensorflow_functional", "tensorflow_highlevel"):
            import keras

            nothing = {"loss": 0.0, "mse": 0.0}
            changes.enter_context(patch.object(keras.Model, "evaluate", lambda *_, **__: nothing))
        if implementation == "pytorch_lightning":
            module = load(implementation)

            def record(self, trainer, network) -> None:
                losses = [loss.item() for loss in network.batch_losses]
                self.history.record(np.array(losses), 0.0, self.config)

            lender = partial(module.silent_trainer, limit_val_batches=0)
            changes.enter_context(patch.object(module, "silent_trainer", lender))
            changes.enter_context(patch.object(module.Record, "on_train_epoch_end", record))
        yield


def trainer(
    implementation: str, way: str, data: Data
) -> Callable[[Params, Config], tuple[Params, list[float]]]:
    """Return a function that trains, and tells the final weights and the ends of the epochs in seconds.

    There is no switch for validation in `fit`, so the validation set is one sample.
    """
    if way == "usual":
        train = usual_way(implementation)

        def usual(params: Params, config: Config) -> tuple[Params, list[float]]:
            x, y = data.x_train.astype(config.dtype), data.y_train.astype(config.dtype)
            return train(params, x, y, config, shuffle=True)

        return usual
    fit = load(implementation).fit if way == "book" else TRICKS[implementation, way]
    tiny = replace(data, x_val=data.x_val[:1], y_val=data.y_val[:1])

    def book(params: Params, config: Config) -> tuple[Params, list[float]]:
        with without_validation(implementation):
            params, history = fit(params, tiny, config)
        return params, history.seconds

    return book


def same_batches(implementation: str, way: str, params: Params, data: Data, config: Config) -> Params:
    """Return the weights after training over `batch_order`.

    A usual way shuffles for itself. It gets the samples of all epochs laid end to end in the order of the
    book, as if they were one long epoch, and does not shuffle.
    """
    if way != "usual":
        return trainer(implementation, way, data)(params, config)[0]
    order = batch_order(len(data.x_train), config).reshape(-1)
    x, y = (values[order].astype(config.dtype) for values in (data.x_train, data.y_train))
    return usual_way(implementation)(params, x, y, replace(config, epochs=1), shuffle=False)[0]


def steady(ends: list[float], steps: int) -> float:
    """Return steps per second from the end of the first epoch to that of the last."""
    return (len(ends) - 1) * steps / (ends[-1] - ends[0])


def measure(implementation: str, way: str, config: Config, seconds: float, check: bool) -> dict:
    """Time one arm in this process: its first call apart from later ones.

    Returned are `steps_per_second`; `startup`, the seconds by which the first call takes longer than its
    steps; and, with `check`, `deviation`, the largest difference of a weight to `numpy_manual`.
    """
    data, params = make_data(), init_params(config)
    if implementation == "floor":
        weights = Params(*(p.astype(config.dtype) for p in params))
        call, steps = FLOORS[way](weights, data.x_train[: config.batch_size].astype(config.dtype))
        return {"steps_per_second": rate(call, steps, seconds)}
    steps = len(data.x_train) // config.batch_size
    train = trainer(implementation, way, data)
    start = time.perf_counter()
    _, ends = train(params, replace(config, epochs=3))
    first = time.perf_counter() - start
    per_second = steady(ends, steps)
    if way == "lax.scan over the run":  # nothing is seen of its epochs, and another length is compiled anew
        timed = replace(config, epochs=max(3, int(seconds * 10_000 / steps)))
        train(params, timed)
        start = time.perf_counter()
        train(params, timed)
        per_second = timed.epochs * steps / (time.perf_counter() - start)
    else:
        epochs = int(np.clip(seconds * per_second / steps, 3, 2000)) + 1
        per_second = steady(train(params, replace(config, epochs=epochs))[1], steps)
    result = {"steps_per_second": per_second, "startup": max(0.0, first - 3 * steps / per_second)}
    if check:
        short = replace(config, epochs=CHECKED_EPOCHS)
        reference = load("numpy_manual").fit(params, data, short).params
        result["deviation"] = largest_deviation(
            same_batches(implementation, way, params, data, short), reference
        )
    return result


def compare(config: Config, rounds: int, seconds: float, report: Callable[[str], None]) -> list[dict]:
    """Time all arms in `rounds` rounds and return a record for each: its values by round.

    Raises
    ------
    RuntimeError
        When an arm fails that is not optional; names it.
    """
    found = {arm: {"steps_per_second": [], "startup": []} for arm in arms()}
    rng = np.random.default_rng(0)
    for number in range(rounds):
        start = time.perf_counter()
        with ExitStack() as stack:
            workers = {
                name: stack.enter_context(worker(threads=1))
                for name in ("numpy", "pytorch", "tensorflow", "jax")
            }
            for name in IMPLEMENTATIONS:
                workers[name.split("_")[0]].submit(wake, name).result()
            for arm in drawn(rng):
                if arm[1] in OPTIONAL and number:
                    continue
                job = workers[framework(*arm)].submit(measure, *arm, config, seconds, check=number == 0)
                try:
                    result = job.result()
                except Exception as error:
                    if arm[1] not in OPTIONAL:
                        raise RuntimeError(f"{' / '.join(arm)}: {error}") from error
                    report(f"left out: {' / '.join(arm)}: {str(error).splitlines()[0]}")
                    continue
                speed = result["steps_per_second"]
                report(f"round {number + 1}/{rounds}  {' / '.join(arm):50} {speed:9,.0f} steps/s")
                for name in ("steps_per_second", "startup"):
                    if name in result:
                        found[arm][name].append(result[name])
                if "deviation" in result:
                    found[arm]["deviation"] = result["deviation"]
        report(f"round {number + 1}/{rounds} took {time.perf_counter() - start:.0f} s")
    return [
        {
            "implementation": arm[0],
            "way": arm[1],
            **{name: value for name, value in values.items() if value != []},
        }
        for arm, values in found.items()
        if values["steps_per_second"]
    ]
