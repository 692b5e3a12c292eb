"""Measure and write the result: `python -m bookmaking.benchmark`, or `make bench`.

Source: chapter "cost".
"""

import argparse
import datetime
import json
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
from threelayer import Config

PACKAGES = (
    "numpy",
    "scikit-learn",
    "torch",
    "pytorch-lightning",
    "tensorflow",
    "tensorflow-cpu",
    "keras",
    "jax",
)


def machine() -> dict[str, str | int]:
    """Return what kind of machine this is, and nothing that tells which one."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return {"cpu": model, "cores": os.cpu_count() or 1, "system": f"{platform.system()} {platform.machine()}"}


def versions() -> dict[str, str]:
    """Return the versions that were measured."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # one of tensorflow and tensorflow-cpu is installed, not both
            continue
    return found


def rounded(value: object) -> object:
    """Return a result with four significant digits; more would be noise."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def written(result: dict) -> str:
    """Return the result as JSON with one record a line, so that a diff of two results can be read."""
    lines = []
    for key, value in result.items():
        if isinstance(value, list):
            records = ",\n".join("  " + json.dumps(record) for record in value)
            lines.append(f' "{key}": [\n{records}\n ]')
        else:
            lines.append(f' "{key}": {json.dumps(value)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="bookmaking.benchmark", description="Time the nine implementations."
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is timed (default: 5)")
    parser.add_argument("--seconds", type=float, default=0.6, help="per timing (default: 0.6)")
    parser.add_argument("--small", action="store_true", help="only the corners of width and batch: a trial")
    parser.add_argument("--output", type=Path, default=Path("book/_data/benchmark.json"))
    options = parser.parse_args(arguments)
    if options.rounds < 1 or not 0 < options.seconds < math.inf:
        parser.error(f"--rounds and --seconds must be positive, not {options.rounds} and {options.seconds:g}")
    if not options.output.parent.is_dir():
        parser.error(f"there is no folder {options.output.parent}")
    start = time.perf_counter()

    def report(line: str) -> None:
        print(f"{time.perf_counter() - start:6.0f} s  {line}", flush=True)

    if hasattr(os, "getloadavg") and (busy := os.getloadavg()[0]) > 0.5:
        report(f"warning: this machine is busy (load {busy:.1f}); the figures will not be worth keeping")
    config = Config()
    sides = ((WIDTHS[0], WIDTHS[-1]), (BATCHES[0], BATCHES[-1])) if options.small else (WIDTHS, BATCHES)
    runs = compare(config, options.rounds, options.seconds, report)
    growth = grow(options.seconds / 5, report, *sides)
    settings = asdict(config) | {"rounds": options.rounds, "checked_epochs": CHECKED_EPOCHS}
    result = {
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "versions": versions(),
        "settings": settings,
        "runs": runs,
        "growth": growth,
    }
    options.output.write_text(written(rounded(result)), "utf-8")
    report(f"wrote {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
