"""The benchmark compares like with like: the same network over the same batches, in pairs of processes."""

import json
import logging
import os
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from bookmaking.benchmark import __main__ as command
from bookmaking.benchmark import compare, growth, results, timing, yardstick
from bookmaking.benchmark.tricks import TRICKS
from threelayer import IMPLEMENTATIONS, Config, Params, init_params, load, make_data, numpy_manual, plots
from threelayer.evaluate import largest_deviation
from threelayer.plots import cost

ROOT = Path(__file__).parents[2]
DATA = make_data(n_train=54, n_val=5, n_test=3)  # in batches of 8 six are left over, and dropped
CONFIG = Config(hidden=(5, 4), batch_size=8, epochs=3)
START = init_params(CONFIG)
QUICK = [arm for arm in compare.arms() if arm[0] != "yardstick"]


@pytest.fixture(params=range(len(results.published(ROOT / results.PUBLISHED))))
def result(request) -> dict:
    return results.published(ROOT / results.PUBLISHED)[request.param]


@pytest.fixture
def as_measured(monkeypatch):
    """Compute in float64 in JAX, and let no warning of a framework about how it is used here fail a test."""
    monkeypatch.setattr(logging.getLogger("tensorflow"), "level", logging.ERROR)
    import jax

    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


@pytest.mark.usefixtures("as_measured")
@pytest.mark.parametrize("arm", QUICK, ids=" / ".join)
def test_every_arm_follows_the_reference(arm):
    reference = numpy_manual.fit(START, DATA, CONFIG).params
    weights = compare.same_batches(arm, START, DATA, CONFIG)
    assert largest_deviation(weights, reference) <= 1e-12
    assert largest_deviation(weights, START) > 1e-3


@pytest.mark.usefixtures("as_measured")
@pytest.mark.parametrize("arm", compare.USUAL, ids=" / ".join)
def test_another_order_is_seen(arm):
    reference = numpy_manual.fit(START, DATA, CONFIG).params
    other = compare.same_batches(arm, START, DATA, replace(CONFIG, seed=1))
    assert largest_deviation(other, reference) > 1e-6


@pytest.mark.usefixtures("as_measured")
@pytest.mark.parametrize("arm", compare.USUAL, ids=" / ".join)
def test_a_usual_way_shuffles_by_itself_and_tells_every_epoch(arm):
    whole = replace(DATA, x_train=DATA.x_train[:48], y_train=DATA.y_train[:48])
    train = compare.usual_way(arm)
    weights, ends = train(START, whole.x_train, whole.y_train, CONFIG, shuffle=True)
    in_order, _ = train(START, whole.x_train, whole.y_train, CONFIG, shuffle=False)
    assert largest_deviation(weights, in_order) > 1e-9
    assert len(ends) == CONFIG.epochs
    assert np.all(np.diff(ends) > 0)


@pytest.mark.usefixtures("as_measured")
def test_keras_trains_in_double_precision_whatever_it_did_before():
    keras = pytest.importorskip("keras")
    keras.layers.Dense(1)  # from here on Keras remembers single precision
    reference = numpy_manual.fit(START, DATA, CONFIG).params
    for arm in compare.USUAL:
        if not arm[0].startswith("tensorflow") or arm[0] == "tensorflow_scratch":
            continue
        weights = compare.same_batches(arm, START, DATA, CONFIG)
        assert largest_deviation(weights, reference) <= 1e-12
    assert keras.layers.Dense(1).dtype == keras.config.floatx() == "float32"


@pytest.mark.usefixtures("as_measured")
@pytest.mark.parametrize(
    "implementation", ["pytorch_lightning", "tensorflow_functional", "tensorflow_highlevel"]
)
def test_a_framework_that_owns_the_loop_does_not_validate(implementation):
    with compare.without_validation(implementation):
        history = load(implementation).fit(START, DATA, CONFIG).history
    assert history.val_loss == [0.0] * CONFIG.epochs
    again = load(implementation).fit(START, DATA, CONFIG).history
    assert min(again.val_loss) > 0
    assert history.train_loss == again.train_loss


def test_every_implementation_has_a_usual_way_and_every_trick_an_implementation():
    assert {name for name, _ in compare.USUAL} == set(IMPLEMENTATIONS)
    assert {name for name, _ in TRICKS} <= set(IMPLEMENTATIONS)
    everything = list(compare.arms())
    assert len(everything) == len(set(everything))


@pytest.mark.parametrize("trick", TRICKS, ids=" / ".join)
@pytest.mark.usefixtures("as_measured")
def test_a_trick_leaves_its_module_as_it_was(trick):
    module = load(trick[0])
    before = dict(vars(module))
    TRICKS[trick](START, DATA, replace(CONFIG, epochs=1))
    assert {name: value for name, value in vars(module).items() if before.get(name) is not value} == {}


def test_one_by_one_looks_up_every_sample_and_the_module_every_batch(monkeypatch):
    from torch.utils.data import TensorDataset

    lookups = []
    look_up = TensorDataset.__getitem__
    monkeypatch.setattr(TensorDataset, "__getitem__", lambda *a: lookups.append(1) or look_up(*a))
    for fit, expected in (
        (load("pytorch_modules").fit, 3 * 6),
        (TRICKS["pytorch_modules", "sample by sample"], 3 * 6 * 8),
    ):
        lookups.clear()
        fit(START, DATA, CONFIG)
        assert len(lookups) == expected


def test_products_are_those_of_a_step(monkeypatch):
    x = DATA.x_train[:7]
    multiplied = []
    matmul = np.matmul
    monkeypatch.setattr(np, "matmul", lambda a, b, out: multiplied.append((a, b)) or matmul(a, b, out=out))
    step, _ = yardstick.numpy_products(START, x)
    step()
    assert yardstick.flops(START, 7) == sum(2 * a.size * b.shape[1] for a, b in multiplied)
    a1 = np.tanh(x @ START.W1)
    a2 = np.tanh(a1 @ START.W2)
    assert np.allclose(multiplied[3][0], a2.T)
    assert np.allclose(multiplied[5][0], a1.T)


@pytest.mark.parametrize("library", yardstick.YARDSTICKS)
def test_products_are_called_as_often_as_they_say(library):
    weights = Params(*(p.astype("float32") for p in START))
    call, steps = yardstick.YARDSTICKS[library](weights, DATA.x_train[:7].astype("float32"))
    call()
    assert steps == (64 if library == "jax" else 1)


def test_rate_counts_steps_and_leaves_out_the_first_call(monkeypatch):
    clock = {"now": 0.0}
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock["now"])
    took = iter([100.0, 2.0, 2.0, 2.0, 2.0])

    def call():
        clock["now"] += next(took)

    assert timing.rate(call, 10, seconds=5.0) == pytest.approx(5.0)


def test_the_time_of_a_step_leaves_out_the_first_epoch():
    assert timing.seconds_per_step([100.0, 101.0, 102.0, 103.0], steps=16) == 1 / 16
    assert timing.seconds_per_step([3.0, 101.0, 102.0, 103.0], steps=16) != 1 / 16


def test_drawing_the_order_counts_for_the_book_as_it_does_for_a_usual_way(monkeypatch):
    clock = {"now": 5.0}
    monkeypatch.setattr(compare.time, "perf_counter", lambda: clock["now"])
    monkeypatch.setattr(compare, "batch_order", lambda n, config: clock.update(now=clock["now"] + 0.3))
    history = SimpleNamespace(seconds=[1.0, 2.0, 3.0])
    monkeypatch.setitem(TRICKS, ("numpy_manual", "@"), lambda *_: (START, history))
    weights, ends = compare.trainer(("numpy_manual", "@"), DATA)(START, CONFIG)
    assert weights is START
    assert ends == pytest.approx([1.1, 2.2, 3.3])
    assert timing.seconds_per_step(ends, 1) == pytest.approx(1.1)


@pytest.fixture(scope="module")
def pool():
    with timing.nursery(threads=1) as pool:
        yield pool


def in_fork(pool, one_core, function, *arguments):
    return pool.submit(timing.call_in_fork, one_core, function, *arguments).result()


def test_a_nursery_has_its_limits_and_no_gpu_and_this_process_keeps_its_own(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    with timing.nursery(threads=1) as pool:
        assert pool.submit(os.getenv, "OMP_NUM_THREADS").result() == "1"
        assert pool.submit(os.getenv, "CUDA_VISIBLE_DEVICES").result() == "-1"
        assert pool.submit(os.getenv, "JAX_PLATFORMS").result() == "cpu"
    assert os.environ["OMP_NUM_THREADS"] == "7"


def test_a_fork_is_a_process_of_its_own_on_one_core(pool):
    nursery = pool.submit(os.getpid).result()
    forks = {in_fork(pool, True, os.getpid) for _ in range(2)}
    assert len(forks | {nursery, os.getpid()}) == 4
    assert {in_fork(pool, True, os.getppid)} == {nursery}
    assert len(in_fork(pool, True, os.sched_getaffinity, 0)) == 1
    everywhere = os.sched_getaffinity(0)
    assert in_fork(pool, False, os.sched_getaffinity, 0) == everywhere
    assert pool.submit(os.sched_getaffinity, 0).result() == everywhere


@pytest.mark.parametrize(
    ("task", "reason"), [((int, "many"), "ValueError: invalid literal"), ((os._exit, 3), "its process died")]
)
def test_a_fork_that_fails_says_why(pool, task, reason):
    with pytest.raises(RuntimeError, match=reason):
        in_fork(pool, True, *task)


class Copy:
    """A fork that is this process, whose clock is made up: it notes who was timed and for how long."""

    def __init__(self, turns, one_core):
        assert one_core
        self.turns, self.calls = turns, 0
        self.each = {"book": [0.010, 0.020, 0.030], "usual": [0.040, 0.050, 0.060]}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def call(self, function, arm, *arguments):
        if function is compare.timed:
            self.turns.append((arm[1], arguments[0].epochs))
            each = self.each[arm[1]][self.calls]
            self.calls += 1
            return 9.0, each
        return {compare.deviation: 1e-15, compare.yardstick: 123.0}.get(function)


def test_the_arms_of_a_group_take_turns_there_and_back(monkeypatch):
    turns = []
    monkeypatch.setattr(compare, "Fork", partial(Copy, turns))
    group = [("numpy_manual", "book"), ("numpy_manual", "usual")]
    found = compare.measure(group, Config(), seconds=1.6, check=True)
    ways = [way for way, _ in turns]
    assert ways == ["book", "usual", "book", "usual", "usual", "book"]
    assert [epochs for _, epochs in turns] == [3, 3, 11, 4, 4, 11]  # 16 steps an epoch
    book = found["numpy_manual", "book"]
    assert book["steps_per_second"] == pytest.approx(2 / (0.020 + 0.030))
    assert book["steps_per_second"] != pytest.approx((1 / 0.020 + 1 / 0.030) / 2)
    assert book["startup"] == pytest.approx(9.0 - 3 * 16 * 0.020)
    assert book["deviation"] == 1e-15
    assert compare.measure([("yardstick", "jax")], Config(), 1.6, check=True) == {
        ("yardstick", "jax"): {"steps_per_second": 123.0}
    }


def test_each_round_draws_every_arm_once_and_the_arms_of_one_implementation_together():
    rng = np.random.default_rng(3)
    rounds = [list(compare.drawn(rng)) for _ in range(4)]
    orders = {tuple(arm for _, group in order for arm in group) for order in rounds}
    assert len(orders) == 4
    for order in orders:
        assert sorted(order) == sorted(compare.arms())
        turns = [name for name, _ in groupby(order, key=lambda arm: arm[0]) if name != "yardstick"]
        assert len(turns) == len(set(turns)) == 9
    for framework, group in rounds[0]:
        assert {way if name == "yardstick" else name.split("_")[0] for name, way in group} == {framework}
    mixed = np.random.default_rng(3).permutation(sorted(compare.arms())).tolist()
    assert len([name for name, _ in groupby(mixed, key=lambda arm: arm[0])]) > 9 + 2


class Inline:
    """A nursery that is this process, and a `submit` that only notes what was asked."""

    def __init__(self, calls):
        self.calls = calls

    def __enter__(self):
        self.calls.append("opened")
        return self

    def __exit__(self, *_):
        self.calls.append("closed")

    def submit(self, function, *arguments, **options):
        job: Future = Future()
        if function is compare.measure:
            self.calls.append(arguments[0])
            found = {"steps_per_second": float(len(self.calls)), "startup": 0.5}
            found |= {"deviation": 0.0} if options["check"] else {}
            job.set_result({arm: dict(found) for arm in arguments[0]})
        elif function is timing.call_in_fork:
            self.calls.append(arguments)
            named = {"steps_per_second": 1.0, "startup": 0.5}
            job.set_result(7.0 if arguments[1] is growth.memory_of_cell else named)
        else:
            job.set_result(None)
        return job


def test_rounds_time_all_arms_in_new_nurseries(monkeypatch):
    calls, lines = [], []
    monkeypatch.setattr(compare, "nursery", lambda threads: Inline(calls))
    records = compare.compare(CONFIG, 3, 0.1, lines.append)
    assert calls.count("opened") == calls.count("closed") == 3 * len(compare.FRAMEWORKS)
    timed = [arm for group in calls if isinstance(group, list) for arm in group]
    assert {arm: timed.count(arm) for arm in timed} == dict.fromkeys(compare.arms(), 3)
    for record in records:
        assert len(record["steps_per_second"]) == len(record["startup"]) == 3
        assert record["deviation"] == 0.0
    assert len(lines) == 3


@pytest.mark.usefixtures("as_measured")
@pytest.mark.parametrize("library", growth.LIBRARIES)
def test_a_cell_is_timed(library):
    found = growth.time_cell(library, 3, 40000, "float32", seconds=0.001, products=True)
    rates = ["steps_per_second"] + (["products_per_second"] if library in yardstick.YARDSTICKS else [])
    assert set(found) == {*rates, "startup"}
    assert min(found[rate] for rate in rates) > 0
    plain = growth.time_cell(library, 3, 40000, "float64", 0.001, False)
    assert set(plain) == {"steps_per_second", "startup"}


def test_epochs_are_long_where_steps_are_short():
    assert growth.steps_an_epoch(work=1000, batch=16) == 256
    assert growth.steps_an_epoch(work=1000, batch=4096) == 16
    assert growth.steps_an_epoch(work=10**10, batch=16) == 1


@pytest.mark.parametrize("library", ("numpy", "pytorch"))
def test_the_memory_of_a_cell_holds_its_arrays_and_not_those_of_another(pool, library):
    pool.submit(growth.import_library, library).result()
    large, small, again = (
        in_fork(pool, True, growth.memory_of_cell, library, *cell) for cell in ((400, 4096), (3, 5), (3, 5))
    )
    activations = 2 * 4096 * 400 * 8 / 2**20  # a1 and a2
    assert activations < large < 8 * activations
    assert max(small, again) < 4.0 < activations


def test_growth_measures_every_cell_and_the_corners_otherwise_too(monkeypatch):
    calls, lines = [], []
    monkeypatch.setattr(growth, "nursery", lambda threads: Inline(calls))
    widths, batches = (8, 16, 128), (2, 256)
    records = growth.grow(2, 0.1, lines.append, widths, batches)
    keys = [(r["library"], r["threads"], r["width"], r["batch"], r["dtype"]) for r in records]
    assert len(keys) == len(set(keys)) == 3 * (6 + 4 * 2)
    assert all(record["steps_per_second"] == [1.0, 1.0] for record in records)
    with_memory = {(r["width"], r["batch"]) for r in records if "memory" in r}
    assert with_memory == {(8, 256), (16, 256), (128, 256), (128, 2)}
    for record in records:
        start, _, config = growth.sample(record["width"], record["batch"], record["dtype"], steps=2)
        assert record["flops"] == yardstick.flops(start, config.batch_size)
    alone = {call[0] for call in calls if isinstance(call, tuple) and call[1] is growth.memory_of_cell}
    assert alone == {True}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--rounds", "0"], "must be positive"),
        (["--seconds", "-1"], "must be positive"),
        (["--seconds", "nan"], "must be positive"),
        (["--rounds", "many"], "invalid int value"),
    ],
)
def test_bad_arguments_are_refused_before_any_work(arguments, reason, capsys):
    with pytest.raises(SystemExit) as stopped:
        command.main(arguments)
    assert stopped.value.code == 2
    assert reason in capsys.readouterr().err


RUNS = [
    {"implementation": name, "way": "book", "steps_per_second": [2.0, 8.0, 3.0]} for name in IMPLEMENTATIONS
] + [{"implementation": "numpy_manual", "way": "@", "steps_per_second": [1.0, 5.0, 6.0]}]


@pytest.mark.parametrize(
    ("arguments", "trial"), [([], False), (["--rounds", "5"], True), (["--small"], True)]
)
def test_only_what_is_asked_for_is_published(arguments, trial, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "compare", lambda *_: RUNS)
    monkeypatch.setattr(command, "grow", lambda *_: [])
    assert command.main(arguments) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["_build"]
    assert (
        "numpy_manual             / @                          1.60 (0.50 to 2.00)" in capsys.readouterr().out
    )
    Path("book", "_data").mkdir(parents=True)
    assert command.main([*arguments, "--publish"]) == 0
    [published] = results.published(results.PUBLISHED)
    assert published["trial"] is trial
    assert published["runs"] == json.loads(Path("_build/benchmark.json").read_text("utf-8"))["runs"]


def test_ratios_are_those_of_pairs():
    over, under = [2.0, 8.0, 3.0], [1.0, 5.0, 6.0]
    assert results.interval(over, under) == (0.5, 1.6, 2.0)
    assert np.median(over) / np.median(under) != 1.6
    assert results.interval(over, under[:1]) == (2.0, 2.0, 2.0)
    assert results.shown((0.5, 1.6, 2.0)) == "1.60 (0.50 to 2.00)"


def test_a_result_takes_the_place_of_an_older_one_of_the_same_kind_of_machine(tmp_path):
    path = tmp_path / "benchmark.json"
    old, other, new = (
        {"date": date, "machine": {"cpu": cpu}, "runs": [{"a": [1 / 3, 2]}, {"b": None}]}
        for date, cpu in (("2026-01-01", "one"), ("2026-03-01", "two"), ("2026-02-01", "one"))
    )
    for result in (old, other, new):
        results.publish(path, result)
    found = results.published(path)
    assert [r["date"] for r in found] == ["2026-03-01", "2026-02-01"]
    assert found[0]["runs"] == [{"a": [0.3333, 2]}, {"b": None}]
    assert '  {"b": null}\n' in path.read_text("utf-8")


def test_the_published_result_has_what_the_page_draws(result):
    assert set(result) == {"date", "trial", "machine", "versions", "settings", "runs", "growth"}
    assert set(result["machine"]) == {"cpu", "cores", "system"}
    assert set(result["versions"]) <= {*command.versions(), "tensorflow", "tensorflow-cpu"}
    defaults, rounds = Config(), result["settings"]["rounds"]
    assert result["settings"]["hidden"] == list(defaults.hidden)
    assert result["settings"]["batch_size"] == defaults.batch_size
    runs = result.runs
    assert set(runs) == set(compare.arms())
    for arm, run in runs.items():
        assert len(run["steps_per_second"]) == rounds
        assert all(value > 0 for value in run["steps_per_second"])
        assert arm[0] == "yardstick" or run["deviation"] <= 1e-12
    plain = [g for g in result["growth"] if (g["dtype"], g["threads"]) == growth.PLAIN]
    if not result["trial"]:
        assert rounds >= command.ROUNDS
        assert len(plain) == 3 * len(growth.WIDTHS) * len(growth.BATCHES)
    assert len(result["growth"]) == len(plain) + 3 * 4 * len(growth.VARIANTS)


def test_the_published_result_names_no_place(result):
    assert "/" not in json.dumps(result).replace(" / ", "")


@pytest.mark.usefixtures("style")
def test_figures_show_the_values_they_are_given():
    names = ["numpy_manual", "jax_transforms"]
    book, usual = np.array([[1.0, 2, 3], [40, 50, 60]]), np.array([[0.5, 1, 2], [20, 25, 30]])
    figure = cost.rates(names, book, usual, [2.2, 1.9], yardstick=100.0)
    axis, ratios = figure.axes
    assert [tick.get_text() for tick in axis.get_yticklabels()] == names
    assert [tick.get_text() for tick in ratios.get_yticklabels()] == ["2.2", "1.9"]
    shown = {line.get_xdata()[0] for line in axis.lines if len(line.get_xdata())}
    assert {2.0, 50.0, 1.0, 25.0, 100.0} <= shown
    curve = np.array([[8.0, 100, 1], [16, 50, np.nan]])
    grown = cost.growth({"numpy_manual": curve}, {"numpy_manual": curve}, 8, 16)
    assert np.array_equal(grown.axes[0].lines[0].get_ydata(), [100, 50])
    points = np.array([[1e3, 1e9], [1e6, 8e9]])
    roof = cost.arithmetic({"numpy_manual": points}, 2 * points, {"numpy_manual": 1e-6}, 16e9)
    assert roof.axes[0].lines[0].get_ydata()[0] == 16.0
    lines = {"jax_transforms": np.array([[2.0, 0.001], [0.0, 0.002]])}
    paid = cost.payback(lines, {"jax_transforms": 2000.0}, last=8000)
    assert 2000.0 in {line.get_xdata()[0] for line in paid.axes[0].lines if len(line.get_xdata())}
    assert plots.color_of("jax_transforms") == paid.axes[0].lines[0].get_color()
