"""Measure, print a table, and write the result: `python -m bookmaking.benchmark`, or `make bench`.

Source: chapter "cost".
"""

import argparse
import datetime
import math
import os
import platform
import sys
import time
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bookmaking.benchmark.compare import CHECKED_EPOCHS, compare
from bookmaking.benchmark.growth import BATCHES, WIDTHS, grow
from bookmaking.benchmark.results import PUBLISHED, Result, publish, shown, written
from bookmaking.cache.cores import cores
from threelayer import Config

ROUNDS = 6  # the range of six pairs misses their median once in 32 times
PACKAGES = "numpy scikit-learn torch pytorch-lightning tensorflow tensorflow-cpu keras jax".split()


def machine() -> dict[str, str | int]:
    """Return what kind of machine this is, and nothing that tells which one."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    system = f"{platform.system()} {platform.machine()}"
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": cores(),
        "system": system,
    }


def versions() -> dict[str, str]:
    """Return the versions that were measured."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # one of tensorflow and tensorflow-cpu is installed, not both
            continue
    return found


def table(result: Result) -> list[str]:
    """Return the ratios as lines: how fast each implementation is beside its usual ways and its variants."""
    return [
        f"{name:24} / {way:26} {shown(result.ratio(name, 'book', way))}"
        for name, way in sorted(result.runs)
        if way != "book" and name != "yardstick"
    ]


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="bookmaking.benchmark", description="Time the nine implementations."
    )
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help=f"pairs to time (default: {ROUNDS}; fewer are a trial)"
    )
    parser.add_argument("--seconds", type=float, default=0.4, help="for each timing (default: 0.4)")
    parser.add_argument("--small", action="store_true", help="few widths and batches: a trial")
    parser.add_argument(
        "--publish", action="store_true", help="let the book show this result of this machine"
    )
    options = parser.parse_args(arguments)
    if options.rounds < 1 or not 0 < options.seconds < math.inf:
        parser.error(f"--rounds and --seconds must be positive, not {options.rounds} and {options.seconds:g}")
    if not sys.platform.startswith("linux"):
        parser.error("the benchmark copies processes and asks for their memory as only Linux lets it")
    start = time.perf_counter()

    def report(line: str) -> None:
        print(f"{time.perf_counter() - start:6.0f} s  {line}", flush=True)

    if (busy := os.getloadavg()[0]) > 0.5:
        report(f"warning: this machine is busy (load {busy:.1f}); the figures will not be worth keeping")
    config = Config()
    sides = (WIDTHS[::2], BATCHES[::2]) if options.small else (WIDTHS, BATCHES)
    runs = compare(config, options.rounds, options.seconds, report)
    growth = grow(min(options.rounds, 3), options.seconds / 4, report, *sides)
    result = {
        "date": datetime.date.today().isoformat(),
        "trial": options.small or options.rounds < ROUNDS,
        "machine": machine(),
        "versions": versions(),
        "settings": asdict(config) | {"rounds": options.rounds, "checked_epochs": CHECKED_EPOCHS},
        "runs": runs,
        "growth": growth,
    }
    print("\nrate of the book's form / of another, median of the pairs (lowest to highest)")
    print(*table(Result(result)), sep="\n")
    path = Path("_build", "benchmark.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(written(result), "utf-8")
    report(f"wrote {path}")
    if options.publish:
        publish(PUBLISHED, result)
        report(f"wrote {PUBLISHED}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
