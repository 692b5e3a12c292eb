"""Plant small faults in the network and see whether its tests notice: `python -m bookmaking.upkeep.mutants`.

mutmut changes one operator, number or word at a time, in a copy whose `src` holds the package, and runs the
tests that reach the changed function; its settings stand in pyproject.toml. It leaves alone what has a
decorator. A module passes when its tests notice `ENOUGH` of what could be noticed.
Source: https://mutmut.readthedocs.io.
"""

import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

FOLDER = Path("_build", "mutants")
ENOUGH = 0.95
LINE = re.compile(r"\s*(threelayer\.(\w+)\.\S+): ([a-z ]+)")
# Lines that do the same in other words, and why; both have gone through `plain`.
SAME = {
    'if array.dtype.kind not in "XXiufXX":': "no kind of NumPy is called X",
    "array = array.astype(dtype, copy=None)": "None counts as False",
}


def plain(line: str) -> str:
    """Return a changed line without what changes nothing.

    What is zipped was checked to be of one length before, and the letters of einsum are only names.
    """
    line = re.sub(r",\s*(strict=\w+)?\)", ")", line[1:].strip())
    return line.lower() if "einsum" in line else line


def is_equivalent(diff: str) -> bool:
    """Tell whether a mutant can do nothing else than the code it was made from."""
    removed, added = (
        [line for line in diff.splitlines() if re.match(rf"\{sign}(?!\{sign})", line)] for sign in "-+"
    )
    was, now = map(plain, removed), [plain(line) for line in added]
    return list(was) == now or all(line in SAME for line in now)


def report(outcomes: list[tuple[str, str, str]], diffs: dict[str, str]) -> tuple[str, bool]:
    """Return a table of the modules with the survivors below it, and whether all modules pass."""
    noticed, total = Counter(), Counter()
    for name, module, outcome in outcomes:
        if name not in diffs or not is_equivalent(diffs[name]):
            total[module] += 1
            noticed[module] += outcome in ("killed", "timeout")
    equivalent = Counter(
        module for name, module, _ in outcomes if name in diffs and is_equivalent(diffs[name])
    )
    lines = ["| module | faults | equivalent | noticed |", "|:--|--:|--:|--:|"]
    lines += [f"| {m} | {total[m]} | {equivalent[m]} | {noticed[m] / total[m]:.1%} |" for m in sorted(total)]
    lines += [f"\n{name}\n\n```diff\n{diff}\n```" for name, diff in diffs.items() if not is_equivalent(diff)]
    return "\n".join(lines), all(noticed[m] >= ENOUGH * total[m] for m in total)


def mutmut(*arguments: str, **options) -> subprocess.CompletedProcess:
    """Run mutmut where the copy is."""
    return subprocess.run([sys.executable, "-m", "mutmut", *arguments], cwd=FOLDER, check=True, **options)


def main(names: list[str]) -> int:
    """Plant all faults, or those with these names, write the report and return the exit status."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    shutil.copytree("code/threelayer", FOLDER / "src" / "threelayer")
    shutil.copytree("tests", FOLDER / "tests")
    shutil.copy("pyproject.toml", FOLDER)
    mutmut("run", *names)
    results = mutmut("results", "--all", "true", capture_output=True, text=True).stdout
    outcomes = [found.groups() for line in results.splitlines() if (found := LINE.fullmatch(line))]
    outcomes = [one for one in outcomes if one[2] != "not checked"]
    diffs = {
        name: mutmut("show", name, capture_output=True, text=True).stdout
        for name, _, outcome in outcomes
        if outcome not in ("killed", "timeout")
    }
    text, passed = report(outcomes, diffs)
    (FOLDER / "report.md").write_text(f"{text}\n", "utf-8")
    print(text)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
