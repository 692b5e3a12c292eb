"""Compare: every implementation, its usual ways, its variants and the yardstick, in pairs.

Each arm has a process of its own, which begins as a copy of one that has imported the framework and computed
nothing. The arms of one implementation live at the same time and take turns, so that what slows the machine
for a minute slows them all; a ratio is taken of two such arms. A round does this once for all, in an order
drawn anew. Source: chapter "cost".
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partialmethod
from importlib import import_module
from unittest.mock import patch

import numpy as np

from bookmaking.benchmark.timing import Fork, nursery, rate, seconds_per_step
from bookmaking.benchmark.tricks import TRICKS
from bookmaking.benchmark.yardstick import YARDSTICKS
from threelayer import IMPLEMENTATIONS, Config, Data, Params, batch_order, init_params, load, make_data
from threelayer.evaluate import largest_deviation

Arm = tuple[
    str, str
]  # implementation and way; the yardstick counts as an implementation, with libraries as ways
Trainer = Callable[[Params, Config], tuple[Params, list[float]]]  # -> final weights, ends of the epochs

USUAL = {
    ("numpy_manual", "MLPRegressor"): "numpy:regressor",
    ("pytorch_scratch", "tensors, autograd"): "pytorch:tensors",
    ("pytorch_scratch", "autograd.Function"): "pytorch:function",
    ("pytorch_scratch", "MLPRegressor"): "numpy:regressor",
    ("pytorch_modules", "DataLoader, SGD"): "pytorch:modules",
    ("pytorch_lightning", "Trainer.fit"): "pytorch:lightning",
    ("tensorflow_scratch", "eager loop"): "tensorflow:eager",
    ("tensorflow_layers", "tf.function a step"): "tensorflow:compiled_step",
    ("tensorflow_functional", "fit on arrays"): "tensorflow:fit_functional",
    ("tensorflow_highlevel", "fit on arrays"): "tensorflow:fit_sequential",
    ("jax_transforms", "jit a step"): "jax:jitted_update",
}
FRAMEWORKS = ("numpy", "pytorch", "tensorflow", "jax")
CHECKED_EPOCHS = 20


def arms() -> Iterator[Arm]:
    """Yield what is timed."""
    yield from ((name, "book") for name in IMPLEMENTATIONS)
    yield from (*USUAL, *TRICKS)
    yield from (("yardstick", library) for library in YARDSTICKS)


def drawn(rng: np.random.Generator) -> Iterator[tuple[str, list[Arm]]]:
    """Yield groups of arms that take turns, each with its framework, in an order of chance."""
    together: dict[Arm, list[Arm]] = {}
    for implementation, way in arms():
        framework = way if implementation == "yardstick" else implementation.split("_")[0]
        together.setdefault((framework, implementation), []).append((implementation, way))
    for framework, implementation in rng.permutation(list(together)).tolist():
        group = together[framework, implementation]
        yield framework, [group[place] for place in rng.permutation(len(group))]


def usual_way(arm: Arm) -> Callable[..., tuple[Params, list[float]]]:
    """Return the function that trains in a usual way."""
    module, function = USUAL[arm].split(":")
    return getattr(import_module(f"bookmaking.benchmark.usual_{module}"), function)


def import_framework(framework: str) -> None:
    """Import a framework with all that its arms need, so that none waits for it, and compute nothing."""
    for implementation, way in arms():
        if implementation.split("_")[0] == framework:
            load(implementation)
            if (implementation, way) in USUAL:
                usual_way((implementation, way))


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
            import torch
            from pytorch_lightning import Trainer

            begin, metrics = Trainer.__init__, Trainer.callback_metrics.fget
            nothing = {"val_loss": torch.zeros(())}
            for name, value in {
                "__init__": partialmethod(begin, limit_val_batches=0),
                "callback_metrics": property(lambda trainer: nothing | metrics(trainer)),
            }.items():
                changes.enter_context(patch.object(Trainer, name, value))
        yield


def trainer(arm: Arm, data: Data) -> Trainer:
    """Return a function that trains, and tells the final weights and the ends of the epochs in seconds.

    There is no switch for validation in `fit`, so the validation set is one sample. A usual way shuffles
    while it trains; `fit` draws the order of all epochs before, and the time of that is shared among them.
    """
    if arm in USUAL:
        train = usual_way(arm)

        def usual(params: Params, config: Config) -> tuple[Params, list[float]]:
            x, y = data.x_train.astype(config.dtype), data.y_train.astype(config.dtype)
            return train(params, x, y, config, shuffle=True)

        return usual
    fit = TRICKS[arm] if arm in TRICKS else load(arm[0]).fit
    tiny = replace(data, x_val=data.x_val[:1], y_val=data.y_val[:1])

    def book(params: Params, config: Config) -> tuple[Params, list[float]]:
        start = time.perf_counter()
        batch_order(len(data.x_train), config)
        drawing = time.perf_counter() - start
        with without_validation(arm[0]):
            params, history = fit(params, tiny, config)
        return params, list(np.add(history.seconds, np.linspace(0, drawing, config.epochs + 1)[1:]))

    return book


def same_batches(arm: Arm, params: Params, data: Data, config: Config) -> Params:
    """Return the weights after training over `batch_order`.

    A usual way shuffles for itself. It gets the samples of all epochs laid end to end in the order of the
    book, as if they were one long epoch, and does not shuffle.
    """
    if arm not in USUAL:
        return trainer(arm, data)(params, config)[0]
    order = batch_order(len(data.x_train), config).reshape(-1)
    x, y = (values[order].astype(config.dtype) for values in (data.x_train, data.y_train))
    return usual_way(arm)(params, x, y, replace(config, epochs=1), shuffle=False)[0]


def timed(arm: Arm, config: Config) -> tuple[float, float]:
    """Train and return the seconds of the whole call and those of a step, after the first epoch."""
    data, params = make_data(), init_params(config)
    train = trainer(arm, data)
    start = time.perf_counter()
    _, ends = train(params, config)
    return time.perf_counter() - start, seconds_per_step(ends, len(data.x_train) // config.batch_size)


def yardstick(library: str, config: Config, seconds: float) -> float:
    """Return the steps per second of the yardstick."""
    weights, x = init_params(config), make_data().x_train[: config.batch_size]
    return rate(*YARDSTICKS[library](weights, x), seconds)


def deviation(arm: Arm, config: Config) -> float:
    """Return the largest difference of a weight to `numpy_manual` after training over the same batches."""
    data, params, short = make_data(), init_params(config), replace(config, epochs=CHECKED_EPOCHS)
    reference = load("numpy_manual").fit(params, data, short).params
    return largest_deviation(same_batches(arm, params, data, short), reference)


def measure(group: list[Arm], config: Config, seconds: float, check: bool) -> dict[Arm, dict]:
    """Time the arms of a group, each in a copy of this process, and return what was found for each.

    First every arm is called once: `startup` is the time of that call beyond that of its steps. Then all are
    timed in turn, and once more in the opposite order; `steps_per_second` is that of both together. With
    `check` they are held to the reference.
    """
    steps = len(make_data().x_train) // config.batch_size
    found: dict[Arm, dict] = {}
    with ExitStack() as stack:
        copies = {arm: stack.enter_context(Fork(one_core=True)) for arm in group}
        first, epochs = {}, {}
        for arm in group:
            if arm[0] == "yardstick":
                found[arm] = {"steps_per_second": copies[arm].call(yardstick, arm[1], config, 2 * seconds)}
                continue
            if arm in USUAL:
                copies[arm].call(usual_way, arm)  # may import another library than the book's arm does
            first[arm], each = copies[arm].call(timed, arm, replace(config, epochs=3))
            epochs[arm] = int(np.clip(seconds / (steps * each), 3, 2000)) + 1
        took: dict[Arm, list[float]] = {arm: [] for arm in epochs}
        for arm in (*epochs, *reversed(epochs)):
            took[arm].append(copies[arm].call(timed, arm, replace(config, epochs=epochs[arm]))[1])
        for arm, each in took.items():
            startup = max(0.0, first[arm] - 3 * steps * min(each))
            found[arm] = {"steps_per_second": 2 / sum(each), "startup": startup}
            if check:
                found[arm]["deviation"] = copies[arm].call(deviation, arm, config)
    return found


def compare(config: Config, rounds: int, seconds: float, report: Callable[[str], None]) -> list[dict]:
    """Time all arms in `rounds` rounds and return a record for each: its values by round."""
    found: dict[Arm, dict] = {arm: {} for arm in arms()}
    rng = np.random.default_rng(0)
    for number in range(rounds):
        start = time.perf_counter()
        with ExitStack() as stack:
            nurseries = {name: stack.enter_context(nursery(threads=1)) for name in FRAMEWORKS}
            for job in [pool.submit(import_framework, name) for name, pool in nurseries.items()]:
                job.result()
            for framework, group in drawn(rng):
                job = nurseries[framework].submit(measure, group, config, seconds, check=number == 0)
                for arm, result in job.result().items():
                    if "deviation" in result:
                        found[arm]["deviation"] = result.pop("deviation")
                    for name, value in result.items():
                        found[arm].setdefault(name, []).append(value)
        report(f"round {number + 1}/{rounds} took {time.perf_counter() - start:.0f} s")
    return [{"implementation": arm[0], "way": arm[1], **values} for arm, values in found.items()]
