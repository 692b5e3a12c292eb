"""The benchmark compares like with like: the same network over the same batches, in fresh processes."""

import json
import logging
import os
from concurrent.futures import Future
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from bookmaking.benchmark import compare, floor, growth, timing
from bookmaking.benchmark.__main__ import main, rounded, versions, written
from bookmaking.benchmark.tricks import TRICKS
from threelayer import IMPLEMENTATIONS, Config, Params, init_params, load, make_data, numpy_manual, plots
from threelayer.evaluate import largest_deviation
from threelayer.plots import cost

ROOT = Path(__file__).parents[2]
DATA = make_data(n_train=54, n_val=5, n_test=3)  # in batches of 8 six are left over, and dropped
CONFIG = Config(hidden=(5, 4), batch_size=8, epochs=3)
START = init_params(CONFIG)
QUICK = [arm for arm in compare.arms() if arm[0] != "floor" and arm[1] not in compare.OPTIONAL]


@pytest.fixture(scope="module")
def result() -> dict:
    return json.loads((ROOT / "book" / "_data" / "benchmark.json").read_text("utf-8"))


@pytest.fixture
def keeps_silent():
    """Let no warning of a framework about how it is used here fail a test of what it computes."""
    level = logging.getLogger("tensorflow").level
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    yield
    logging.getLogger("tensorflow").setLevel(level)


@pytest.mark.usefixtures("keeps_silent")
@pytest.mark.parametrize("arm", QUICK, ids=" / ".join)
def test_every_arm_follows_the_reference(arm):
    reference = numpy_manual.fit(START, DATA, CONFIG).params
    weights = compare.same_batches(*arm, START, DATA, CONFIG)
    assert largest_deviation(weights, reference) <= 1e-12
    assert largest_deviation(weights, START) > 1e-3


@pytest.mark.usefixtures("keeps_silent")
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_another_order_is_seen(implementation):
    reference = numpy_manual.fit(START, DATA, CONFIG).params
    other = compare.same_batches(implementation, "usual", START, DATA, replace(CONFIG, seed=1))
    assert largest_deviation(other, reference) > 1e-6


@pytest.mark.usefixtures("keeps_silent")
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_a_usual_way_shuffles_by_itself_and_tells_every_epoch(implementation):
    whole = replace(DATA, x_train=DATA.x_train[:48], y_train=DATA.y_train[:48])
    train = compare.usual_way(implementation)
    weights, ends = train(START, whole.x_train, whole.y_train, CONFIG, shuffle=True)
    in_order, _ = train(START, whole.x_train, whole.y_train, CONFIG, shuffle=False)
    assert largest_deviation(weights, in_order) > 1e-9
    assert len(ends) == CONFIG.epochs
    assert np.all(np.diff(ends) > 0)


@pytest.mark.usefixtures("keeps_silent")
def test_keras_trains_in_double_precision_whatever_it_did_before():
    keras = pytest.importorskip("keras")
    keras.layers.Dense(1)  # from here on Keras remembers single precision
    reference = numpy_manual.fit(START, DATA, CONFIG).params
    for name in ("tensorflow_layers", "tensorflow_functional", "tensorflow_highlevel"):
        weights = compare.same_batches(name, "usual", START, DATA, CONFIG)
        assert largest_deviation(weights, reference) <= 1e-12
    assert keras.layers.Dense(1).dtype == keras.config.floatx() == "float32"


@pytest.mark.usefixtures("keeps_silent")
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
    assert set(compare.USUAL) == set(IMPLEMENTATIONS)
    assert {name for name, _ in TRICKS} <= set(IMPLEMENTATIONS)
    everything = list(compare.arms())
    assert len(everything) == len(set(everything))


@pytest.mark.parametrize(
    "trick", [trick for trick in TRICKS if trick[1] not in compare.OPTIONAL], ids=" / ".join
)
@pytest.mark.usefixtures("keeps_silent")
def test_a_trick_leaves_its_module_as_it_was(trick):
    module = load(trick[0])
    before = dict(vars(module))
    TRICKS[trick](START, DATA, replace(CONFIG, epochs=1))
    assert {name: value for name, value in vars(module).items() if before.get(name) is not value} == {}


def test_products_are_those_of_a_step(monkeypatch):
    x = DATA.x_train[:7]
    multiplied = []
    matmul = np.matmul
    monkeypatch.setattr(np, "matmul", lambda a, b, out: multiplied.append((a, b)) or matmul(a, b, out=out))
    step, _ = floor.numpy_products(START, x)
    step()
    assert floor.flops(START, 7) == sum(2 * a.size * b.shape[1] for a, b in multiplied)
    a1 = np.tanh(x @ START.W1)
    a2 = np.tanh(a1 @ START.W2)
    assert np.allclose(multiplied[3][0], a2.T)
    assert np.allclose(multiplied[5][0], a1.T)


@pytest.mark.parametrize("library", compare.FLOORS)
def test_products_are_called_as_often_as_they_say(library):
    weights = Params(*(p.astype("float32") for p in START))
    call, steps = compare.FLOORS[library](weights, DATA.x_train[:7].astype("float32"))
    call()
    assert steps == (64 if library == "jax" else 1)


def test_rate_counts_steps_and_leaves_out_the_first_call(monkeypatch):
    clock = {"now": 0.0}
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock["now"])
    took = iter([100.0, 2.0, 2.0, 2.0, 2.0])

    def call():
        clock["now"] += next(took)

    assert timing.rate(call, 10, seconds=5.0) == pytest.approx(5.0)


def test_a_steady_rate_leaves_out_the_first_epoch():
    assert compare.steady([100.0, 101.0, 102.0, 103.0], steps=16) == 16.0
    assert compare.steady([3.0, 101.0, 102.0, 103.0], steps=16) != 16.0


class Inline:
    """A worker that is this process, and a `submit` that only notes what was asked."""

    def __init__(self, name, calls, failing=None):
        self.name, self.calls, self.failing = name, calls, failing

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.calls.append((self.name, "closed"))

    def submit(self, function, *arguments, **options):
        arm = arguments[:2]
        if function is compare.measure:
            self.calls.append((self.name, arm))
        job: Future = Future()
        if self.failing in arm and len(arm) == 2:
            job.set_exception(OSError("no compiler\nand more"))
        else:
            checked = {"deviation": 0.0} if options.get("check") else {}
            job.set_result({"steps_per_second": float(len(self.calls)), "startup": 0.5, **checked})
        return job


def test_each_round_times_every_arm_once_and_the_arms_of_one_implementation_together():
    rng = np.random.default_rng(3)
    rounds = [list(compare.drawn(rng)) for _ in range(4)]
    assert len({tuple(order) for order in rounds}) == 4
    for order in rounds:
        assert sorted(order) == sorted(compare.arms())
        turns = [name for name, _ in groupby(order, key=lambda arm: arm[0])]
        assert len(turns) == len(set(turns))
    mixed = np.random.default_rng(3).permutation(sorted(compare.arms())).tolist()
    assert len([name for name, _ in groupby(mixed, key=lambda arm: arm[0])]) > len(turns)


def test_rounds_interleave_all_arms_in_fresh_processes(monkeypatch):
    calls, lines = [], []
    monkeypatch.setattr(compare, "worker", lambda threads: Inline(threads, calls))
    records = compare.compare(CONFIG, 3, 0.1, lines.append)
    timed = [arm for _, arm in calls if isinstance(arm, tuple)]
    everything = list(compare.arms())
    repeated = [arm for arm in everything if arm[1] not in compare.OPTIONAL]
    ends = np.cumsum([len(everything), len(repeated), len(repeated)])
    rounds = [timed[end - size : end] for end, size in zip(ends, np.diff(ends, prepend=0), strict=True)]
    assert ends[-1] == len(timed)
    assert [set(one) for one in rounds] == [set(everything), set(repeated), set(repeated)]
    assert rounds[1] != rounds[2]
    assert sorted(rounds[1]) == sorted(rounds[2])
    assert sum(arm == "closed" for _, arm in calls) == 3 * 4
    assert {(r["implementation"], r["way"]): len(r["steps_per_second"]) for r in records} == {
        arm: 3 if arm in repeated else 1 for arm in everything
    }
    assert len(lines) >= 3 * len(everything)


def test_a_failure_stops_the_run_except_of_what_is_optional(monkeypatch):
    lines = []
    monkeypatch.setattr(compare, "worker", lambda threads: Inline(threads, [], "torch.compile"))
    records = compare.compare(CONFIG, 1, 0.1, lines.append)
    assert "torch.compile" not in {record["way"] for record in records}
    assert "left out: pytorch_modules / torch.compile: no compiler" in lines
    monkeypatch.setattr(compare, "worker", lambda threads: Inline(threads, [], "numpy_manual"))
    with pytest.raises(RuntimeError, match=r"numpy_manual / .*: no compiler"):
        compare.compare(CONFIG, 1, 0.1, lines.append)


def test_a_worker_has_its_limits_and_this_process_keeps_its_own(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    with timing.worker(threads=1) as pool:
        assert pool.submit(os.getenv, "OMP_NUM_THREADS").result() == "1"
        assert pool.submit(os.getpid).result() != os.getpid()
    assert os.environ["OMP_NUM_THREADS"] == "7"


@pytest.mark.parametrize("library", growth.LIBRARIES)
def test_growth_measures_every_cell(library):
    cells = [(3, 5, "float64"), (2, 7, "float32")]
    records = growth.measure_growth(library, 1, cells, seconds=0.001)
    assert {(r["width"], r["batch"], r["dtype"]) for r in records} == set(cells)
    for record in records:
        start = growth.sample(record["width"], record["batch"], record["dtype"])[0]
        assert record["flops"] == floor.flops(start, record["batch"])
        assert record["steps_per_second"] > 0
        assert record["products_per_second"] > 0
        assert ("compile" in record) == (library == "jax")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--rounds", "0"], "must be positive"),
        (["--seconds", "-1"], "must be positive"),
        (["--seconds", "nan"], "must be positive"),
        (["--output", "nowhere/result.json"], "there is no folder nowhere"),
        (["--rounds", "many"], "invalid int value"),
    ],
)
def test_bad_arguments_are_refused_before_any_work(arguments, reason, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert reason in capsys.readouterr().err


def test_what_is_written_can_be_read_again():
    record = {"date": "2026-01-01", "runs": [{"a": [1 / 3, 2]}, {"b": None}], "growth": []}
    text = written(rounded(record))
    assert json.loads(text) == {"date": "2026-01-01", "runs": [{"a": [0.3333, 2]}, {"b": None}], "growth": []}
    assert '  {"b": null}\n' in text


def test_the_committed_result_has_what_the_page_draws(result):
    assert set(result) == {"date", "machine", "versions", "settings", "runs", "growth"}
    assert set(result["machine"]) == {"cpu", "cores", "system"}
    assert set(result["versions"]) <= {*versions(), "tensorflow", "tensorflow-cpu"}
    defaults = Config()
    assert result["settings"]["hidden"] == list(defaults.hidden)
    assert result["settings"]["batch_size"] == defaults.batch_size
    runs = {(run["implementation"], run["way"]): run for run in result["runs"]}
    assert set(compare.arms()) - set(runs) <= {arm for arm in compare.arms() if arm[1] in compare.OPTIONAL}
    for (name, way), run in runs.items():
        assert len(run["steps_per_second"]) == (
            result["settings"]["rounds"] if way not in compare.OPTIONAL else 1
        )
        assert all(value > 0 for value in run["steps_per_second"])
        assert name == "floor" or (
            run["deviation"] <= 1e-12 and len(run["startup"]) == len(run["steps_per_second"])
        )
    cells = {(g["library"], g["threads"], g["width"], g["batch"], g["dtype"]) for g in result["growth"]}
    assert len(cells) == len(result["growth"]) == 3 * 2 * 2 * len(growth.WIDTHS) * len(growth.BATCHES)


def test_the_committed_result_names_no_place(result):
    text = json.dumps(result)
    assert "/" not in text.replace(" / ", "")


@pytest.mark.usefixtures("style")
def test_figures_show_the_values_they_are_given():
    names = ["numpy_manual", "jax_transforms"]
    book, usual = np.array([[1.0, 2, 3], [40, 50, 60]]), np.array([[0.5, 1, 2], [20, 25, 30]])
    figure = cost.rates(names, book, usual, floor=100.0)
    axis, ratios = figure.axes
    assert [tick.get_text() for tick in axis.get_yticklabels()] == names
    assert [tick.get_text() for tick in ratios.get_yticklabels()] == ["2.0", "2.0"]
    shown = {line.get_xdata()[0] for line in axis.lines if len(line.get_xdata())}
    assert {2.0, 50.0, 1.0, 25.0, 100.0} <= shown
    curve = np.array([[8.0, 100, 1], [16, 50, np.nan]])
    grown = cost.growth({"numpy_manual": curve}, {"numpy_manual": curve}, 8, 16)
    assert np.array_equal(grown.axes[0].lines[0].get_ydata(), [100, 50])
    points = np.array([[1e3, 1e9], [1e6, 8e9]])
    roof = cost.roofline({"numpy_manual": points}, 2 * points, {"numpy_manual": 1e6}, 16e9)
    assert roof.axes[0].lines[0].get_ydata()[0] == 16.0
    lines = {"jax_transforms": np.array([[2.0, 0.001], [0.0, 0.002]])}
    paid = cost.payback(lines, {"jax_transforms": 2000.0}, last=8000)
    assert 2000.0 in {line.get_xdata()[0] for line in paid.axes[0].lines if len(line.get_xdata())}
    assert plots.color_of("jax_transforms") == paid.axes[0].lines[0].get_color()
