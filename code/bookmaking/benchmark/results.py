"""What was measured: read it, write it, and form ratios of pairs.

Source: chapter "cost".
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

PUBLISHED = Path("book", "_data", "benchmark.json")


class Result(dict):
    """What was measured on one machine; `runs` is found by implementation and way."""

    @property
    def runs(self) -> dict[tuple[str, str], dict]:
        """Return the record of each arm."""
        return {(run["implementation"], run["way"]): run for run in self["runs"]}

    def ratio(self, implementation: str, over: str, under: str) -> tuple[float, float, float]:
        """Return the rate of one way over that of another: lowest, median and highest of the pairs."""
        runs = self.runs
        return interval(*(runs[implementation, way]["steps_per_second"] for way in (over, under)))


def published(path: Path) -> list[Result]:
    """Return all published results, one for each kind of machine, the newest first."""
    results = map(Result, json.loads(path.read_text("utf-8")))
    return sorted(results, key=lambda result: result["date"], reverse=True)


def publish(path: Path, result: Mapping) -> None:
    """Put a result into the file, in place of an older one of the same kind of machine."""
    others = published(path) if path.exists() else []
    kept = [other for other in others if other["machine"] != result["machine"]]
    path.write_text("[\n" + ",\n".join(map(written, [result, *kept])) + "\n]\n", "utf-8")


def written(result: Mapping) -> str:
    """Return a result as JSON with one record a line, so that a diff of two results can be read."""
    lines = []
    for key, value in result.items():
        if isinstance(value, list):
            records = ",\n".join("  " + json.dumps(_rounded(record)) for record in value)
            lines.append(f' "{key}": [\n{records}\n ]')
        else:
            lines.append(f' "{key}": {json.dumps(_rounded(value))}')
    return "{\n" + ",\n".join(lines) + "\n}"


def _rounded(value: object) -> object:
    """Return a result with four significant digits; more would be noise."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def interval(over: Sequence[float], under: Sequence[float]) -> tuple[float, float, float]:
    """Return lowest, median and highest of the ratios of pairs: of the rounds in which both were timed."""
    pairs = np.array([a / b for a, b in zip(over, under, strict=False)])
    return float(pairs.min()), float(np.median(pairs)), float(pairs.max())


def shown(pairs: tuple[float, float, float]) -> str:
    """Write a ratio: its median, and in brackets the lowest and the highest pair."""
    lowest, median, highest = (f"{pair:.2f}" if pairs[1] < 10 else f"{pair:.0f}" for pair in pairs)
    return f"{median} ({lowest} to {highest})"
