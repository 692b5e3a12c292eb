"""Run the implementations' notebooks with the versions of Colab's image: `make colab`.

The versions stand in `colab.txt` beside this file, with their date. They are installed into an environment of
their own below `_build/colab`, which holds nothing else of this book; what a notebook misses there, its first
cell installs, and the environment is put right again for the next one. With `--newest` the list that Colab
publishes today takes the place of the committed one, and the report says how they differ. With `--list` any
other list does, Binder's for example.
Source: https://github.com/googlecolab/backend-info, https://docs.astral.sh/uv/reference/cli (uv pip sync).
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from urllib.request import urlopen

import nbformat
from packaging.utils import canonicalize_name

from bookmaking.upkeep.notebooks import Outcome, book_weights, try_out
from threelayer import IMPLEMENTATIONS, Config

LIST = Path(__file__).with_name("colab.txt")
PUBLISHED = "https://raw.githubusercontent.com/googlecolab/backend-info/main/"
COMMITS = "https://api.github.com/repos/googlecolab/backend-info/commits?path=pip-freeze.txt&per_page=1"


def versions_in(text: str) -> dict[str, str]:
    """Return the version of each distribution in a list as `pip freeze` writes it.

    A wheel that came from an address bears its version in its name; what follows a plus is the build.
    """
    pins = re.findall(r"^([\w.-]+) ?(?:==([^\s+]+)|@ \S*/\w+-([\d.]+)\S*\.whl)", text, re.MULTILINE)
    return {canonicalize_name(name): version or in_wheel for name, version, in_wheel in pins}


def python_in(text: str) -> str:
    """Return the version of Python, without its last number, that a text names first."""
    if not (found := re.search(r"Python (3\.\d+)", text)):
        raise ValueError("the list names no version of Python")
    return found[1]


def newest(committed: str) -> str:
    """Return the committed list with the versions that Colab publishes today."""

    def read(address: str) -> str:
        with urlopen(address, timeout=60) as answer:
            return answer.read().decode("utf-8")

    commit = json.loads(read(COMMITS))[0]
    found, system = versions_in(read(f"{PUBLISHED}pip-freeze.txt")), read(f"{PUBLISHED}os-info.txt")
    day = commit["commit"]["committer"]["date"][:10]
    head = f"""\
# What Colab's image holds of what the notebooks use: Python {python_in(system)}, and
# googlecolab/backend-info, pip-freeze.txt, commit {commit["sha"][:7]} of {day}
"""
    return head + "".join(f"{name}=={found[name]}\n" for name in versions_in(committed) if name in found)


def difference(committed: str, other: str) -> list[str]:
    """Return a line for each version that is not the same in two lists."""
    before = {"python": python_in(committed), **versions_in(committed)}
    after = {"python": python_in(other), **versions_in(other)}
    names = sorted(name for name in before | after if before.get(name) != after.get(name))
    return [f"{name}: {before.get(name, 'absent')} -> {after.get(name, 'absent')}" for name in names]


def install(pins: str, folder: Path) -> Path:
    """Make an environment of what is pinned, unless it is there already, and return its interpreter."""
    environment, frozen = folder / "env", folder / "installed.txt"
    python, stamp = environment / "bin" / "python", folder / "pins.txt"
    uv = [sys.executable, "-m", "uv"]
    if not (stamp.is_file() and stamp.read_text("utf-8") == pins):
        stamp.unlink(missing_ok=True)
        shutil.rmtree(environment, ignore_errors=True)
        find = [*uv, "python", "find", "--no-python-downloads", "--no-project", python_in(pins)]
        found = subprocess.run(find, capture_output=True, text=True).stdout.strip()
        if not found:
            print(
                f"Python {python_in(pins)} is not on this computer: its place takes {sys.version.split()[0]}."
            )
        subprocess.run([found or sys.executable, "-m", "venv", environment], check=True)
        frozen.write_text(pins, "utf-8")
        # pip, and not uv, finds a CPU wheel of PyTorch wherever it is offered one.
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", frozen], check=True)
        freeze = [*uv, "pip", "freeze", "--python", python]
        frozen.write_text(subprocess.run(freeze, check=True, capture_output=True, text=True).stdout, "utf-8")
        stamp.write_text(pins, "utf-8")
    else:  # a notebook may have installed something
        subprocess.run([*uv, "pip", "sync", "-q", "--python", python, frozen], check=True)
    return python


def report(rows: Iterable[tuple[str, Outcome]], changed: list[str], pins: str) -> str:
    """Return the report as Markdown; it begins with the remarks of the list."""
    remarks = [line.removeprefix("# ") for line in pins.splitlines() if line.startswith("#")]
    lines = ["# The notebooks elsewhere", "", *remarks, ""]
    lines += [*(f"- {line}" for line in changed), ""] if changed else []
    lines += ["| notebook | claims | seconds | result |", "|:--|--:|--:|:--|"]
    for stem, outcome in rows:
        words = " ".join("; ".join(outcome.faults).replace("|", r"\|").split()) or "passed"
        lines.append(f"| {stem} | {outcome.claims} | {outcome.seconds:.0f} | {words} |")
    return "\n".join([*lines, ""])


def main(arguments: list[str] | None = None) -> int:
    """Run the notebooks, report, and return the exit status: 1 where one fails or the list is old."""
    parser = argparse.ArgumentParser(
        prog="bookmaking.upkeep.colab", description="Run notebooks as Colab would."
    )
    parser.add_argument("stems", nargs="*", metavar="name", help="implementations (default: all nine)")
    parser.add_argument("--list", type=Path, default=LIST, help="the versions (default: the committed ones)")
    parser.add_argument("--newest", action="store_true", help="the versions that Colab publishes today")
    parser.add_argument("--site", type=Path, default=Path("_build", "html"), help="the built site")
    options = parser.parse_args(arguments)
    folder = options.site / "notebooks"
    if unknown := [stem for stem in options.stems if stem not in IMPLEMENTATIONS]:
        parser.error(f"no implementation is named {unknown[0]}; choose from {', '.join(IMPLEMENTATIONS)}")
    if not folder.is_dir():
        parser.error(f"there are no notebooks in {options.site}: run `make book` first")
    committed = LIST.read_text("utf-8")
    pins = newest(committed) if options.newest else options.list.read_text("utf-8")
    work = Path("_build", "colab").resolve()
    work.mkdir(parents=True, exist_ok=True)
    rows, reference = [], book_weights(Config())
    for stem in options.stems or IMPLEMENTATIONS:
        notebook = nbformat.read(folder / f"{stem}.ipynb", 4)
        outcome = try_out(notebook, stem, Config(), reference, python=install(pins, work))
        rows.append((stem, outcome))
        verdict = "FAILED" if outcome.faults else "passed"
        print(f"{verdict}  {stem:22} {outcome.claims:3} claims, {outcome.seconds:4.0f} s", flush=True)
    changed = difference(committed, pins) if options.newest else []
    text = report(rows, changed, pins)
    (work / "report.md").write_text(text, "utf-8")
    (work / "colab.txt").write_text(pins, "utf-8")
    print(text)
    return 1 if any(outcome.faults for _, outcome in rows) or changed else 0


if __name__ == "__main__":
    sys.exit(main())
