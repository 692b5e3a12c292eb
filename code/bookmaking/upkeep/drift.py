"""Make the claims of the book with other versions of what it needs: `python -m bookmaking.upkeep.drift`.

The oldest versions that pyproject.toml allows, or with `--newest` the newest, are installed into an
environment of their own below `_build/drift`. There every chapter runs again, past a false claim too, and the
package is tested. The report sets each claim beside the book's.
Source: https://docs.astral.sh/uv/concepts/resolution (lowest-direct), https://nbclient.readthedocs.io.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from jupyter_cache import get_cache
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from bookmaking.build.execute import KERNEL_ENVIRONMENT, without_colours
from bookmaking.cache.cores import cores
from bookmaking.cache.keyed_cache import CACHE, PINS
from bookmaking.cache.page import Page
from threelayer.claims import MIME_TYPE

EXTRAS = ("book", "test")
# pip finds out what torch itself needs: its CPU wheels need less than PyPI says.
UV_SETTINGS = '[[dependency-metadata]]\nname = "torch"\nrequires-dist = []\n'
SHOWN = (
    *("numpy", "matplotlib", "seaborn", "pandas", "torch", "pytorch-lightning"),
    *("tensorflow", "tensorflow-cpu", "keras", "jax", "scipy", "scikit-learn"),
)
FALSE = re.compile(
    r'false claim: "(?P<statement>.*)": measured (?P<value>.*), bound (?P<bound>.*)', re.DOTALL
)
ROUNDING = 1e-9  # two values below are both zero but for rounding
CLOSE = 0.01  # how far apart, in relation to the larger, values may be that say the same


@dataclass(frozen=True)
class Made:
    """A claim as it was made, or what was raised in its place: then the statement may be unknown."""

    statement: str
    value: str
    bound: str
    error: str = ""
    numbers: dict[str, float | bool] = field(default_factory=dict)  # of `threelayer.claims.Claim`


@dataclass(frozen=True)
class Change:
    """A claim that is not what it is in the book, and in which way."""

    page: str
    kind: str  # false, error, gone, new or moved
    statement: str
    book: str
    here: str
    bound: str


def claims_of(notebook: NotebookNode) -> list[Made]:
    """Return the claims that an executed page made, and what it raised, in order."""
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if output.output_type == "error":
                found.append(_raised(output.ename, without_colours(output.evalue)))
            elif claim := output.get("data", {}).get(MIME_TYPE):
                texts = claim["statement"], claim["value"], claim["bound"]
                found.append(Made(*texts, numbers=dict(claim["numbers"])))
    return found


def _raised(name: str, text: str) -> Made:
    if name == "FalseClaim" and (told := FALSE.fullmatch(text)):
        return Made(**told.groupdict(), error="false")
    return Made("", "", "", error=f"{name}: {text}".removesuffix(": "))


def book_claims(root: Path) -> dict[str, list[Made]]:
    """Return the claims of the book, by page, from the outputs that its build has kept."""
    cache, found = get_cache(root / CACHE), {}
    for page in Page.all_of(root):
        try:
            found[page.name] = claims_of(cache.merge_match_into_notebook(page.notebook)[1])
        except KeyError:
            raise LookupError(f"the outputs of {page.name} are not known: run `make book` first") from None
    return found


def made_here(root: Path) -> dict[str, list[Made]]:
    """Run all pages with the versions that are installed here, a page a core, and return their claims."""

    async def run(page: Page, free: asyncio.Semaphore) -> list[Made]:
        async with free:
            start = time.perf_counter()
            client = NotebookClient(
                page.notebook,
                timeout=1800,
                kernel_name="python3",
                allow_errors=True,
                extra_arguments=["--IPKernelApp.log_level=ERROR"],
            )
            fault = []
            try:
                await client.async_execute(
                    cwd=str(page.path.parent),
                    env={**os.environ, **KERNEL_ENVIRONMENT},
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            except (CellTimeoutError, DeadKernelError) as error:  # the other pages have claims to make
                fault = [_raised(type(error).__name__, str(error).partition("\n")[0])]
            how = "stopped after" if fault else "ran in"
            print(f"        {page.name}  {how} {time.perf_counter() - start:.1f} s", flush=True)
            return claims_of(page.notebook) + fault

    async def run_all() -> dict[str, list[Made]]:
        pages, free = Page.all_of(root), asyncio.Semaphore(cores())
        return dict(
            zip((p.name for p in pages), await asyncio.gather(*(run(p, free) for p in pages)), strict=True)
        )

    return asyncio.run(run_all())


def changes(book: dict[str, list[Made]], here: dict[str, list[Made]]) -> list[Change]:
    """Return where the claims that were made here are not those of the book."""
    found = []
    for page, claims in book.items():
        made = {claim.statement: claim for claim in here[page] if claim.statement}
        found += [Change(page, "error", "", "", c.error, "") for c in here[page] if not c.statement]
        for claim in claims:
            other = made.pop(claim.statement, None)
            if other is None:
                found.append(Change(page, "gone", claim.statement, claim.value, "", claim.bound))
            elif other.error:
                found.append(Change(page, "false", claim.statement, claim.value, other.value, other.bound))
            elif moved(claim.numbers, other.numbers):
                found.append(Change(page, "moved", claim.statement, claim.value, other.value, other.bound))
        found += [
            Change(page, "false" if c.error else "new", c.statement, "", c.value, c.bound)
            for c in made.values()
        ]
    return found


def moved(one: dict[str, float | bool], other: dict[str, float | bool]) -> bool:
    """Tell whether the numbers of two claims say something different, whatever their controls measure."""
    names = one.keys() - {"control"}
    return names != other.keys() - {"control"} or any(_apart(one[name], other[name]) for name in names)


def _apart(one: float | bool, other: float | bool) -> bool:
    largest = max(abs(one), abs(other))
    # Every comparison with NaN is false, so NaN never says the same.
    return not (largest <= ROUNDING or abs(one - other) <= CLOSE * largest)


def report(
    name: str, found: list[Change], made: int, versions: Iterable[tuple[str, str, str]], tests: str
) -> str:
    """Return the report as Markdown."""
    kinds = Counter(change.kind for change in found)
    counts = ", ".join(
        f"{kinds[kind]} {kind}" for kind in ("false", "error", "gone", "new", "moved") if kinds[kind]
    )
    lines = [
        f"# The book with the {name} versions",
        "",
        f"{made} claims were made; {counts or 'none changed'}.",
        "",
    ]
    if found:
        lines += ["| page | change | claim | in the book | here | bound |", "|:--|:--|:--|--:|--:|:--|"]
        for change in found:
            cells = (text.replace("|", r"\|").replace("\n", " ") for text in asdict(change).values())
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    lines += ["| package | in the book | here |", "|:--|--:|--:|"]
    lines += [f"| {package} | {book} | {here} |" for package, book, here in versions]
    return "\n".join([*lines, "", f"Tests: {tests}", ""])


def pinned(path: Path) -> dict[str, str]:
    """Return the versions that a file of requirements pins."""
    return dict(re.findall(r"^([\w.-]+)==(\S+)", path.read_text("utf-8"), re.MULTILINE))


def resolve(root: Path, folder: Path, name: str) -> None:
    """Pin the oldest versions that pyproject.toml allows, or the newest."""
    (folder / "uv.toml").write_text(UV_SETTINGS, "utf-8")
    extras = [part for extra in EXTRAS for part in ("--extra", extra)]
    subprocess.run(
        [
            *(sys.executable, "-m", "uv", "pip", "compile", root / "pyproject.toml", *extras),
            *(
                "--config-file",
                folder / "uv.toml",
                "--python-version",
                "3.11",
                "--upgrade",
                "--no-header",
                "--no-annotate",
            ),
            *("--resolution", "highest" if name == "newest" else "lowest-direct", "-q", "-o", folder / PINS),
        ],
        check=True,
    )


def install(folder: Path) -> None:
    """Install what is pinned, unless the environment holds it already."""
    pins, stamp = (folder / PINS).read_text("utf-8"), folder / "installed.txt"
    if stamp.is_file() and stamp.read_text("utf-8") == pins:
        return
    shutil.rmtree(folder / "env", ignore_errors=True)
    stamp.unlink(missing_ok=True)
    subprocess.run([sys.executable, "-m", "venv", folder / "env"], check=True)
    subprocess.run([folder / "env/bin/python", "-m", "pip", "install", "-q", "-r", folder / PINS], check=True)
    stamp.write_text(pins, "utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Compare, report, and return the exit status.

    It is 1 where a claim does not hold or a test fails, and with `--newest` also where a claim moved: then
    the pins, and so the book, are no longer what a reader gets who installs it today.
    """
    parser = argparse.ArgumentParser(
        prog="bookmaking.upkeep.drift", description="Make the claims with other versions."
    )
    parser.add_argument("--newest", action="store_true", help="the newest versions (default: the oldest)")
    parser.add_argument("--root", type=Path, default=Path(), help="the repository (default: here)")
    parser.add_argument(
        "--write", type=Path, help=argparse.SUPPRESS
    )  # run the pages here, in the environment
    options = parser.parse_args(arguments)
    root = options.root.resolve()
    if options.write:
        made = {page: [asdict(claim) for claim in claims] for page, claims in made_here(root).items()}
        options.write.write_text(json.dumps(made, indent=1), "utf-8")
        return 0
    name = "newest" if options.newest else "oldest"
    folder = root / "_build" / "drift" / name
    folder.mkdir(parents=True, exist_ok=True)
    try:
        book = book_claims(root)
    except LookupError as error:
        parser.error(str(error))
    resolve(root, folder, name)
    install(folder)
    code = os.pathsep.join(filter(None, [str(root / "code"), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": code}
    python, written = folder / "env" / "bin" / "python", folder / "claims.json"
    subprocess.run(
        [python, "-m", "bookmaking.upkeep.drift", "--root", root, "--write", written],
        check=True,
        env=environment,
    )
    # Old releases warn of what their newer dependencies will drop.
    warnings = [] if options.newest else ["-W", "default", "--disable-warnings"]
    tested = subprocess.run(
        [python, "-m", "pytest", "-q", *warnings, "tests/network"], cwd=root, env=environment
    )
    here = {
        page: [Made(**claim) for claim in claims]
        for page, claims in json.loads(written.read_text("utf-8")).items()
    }
    found, made = changes(book, here), sum(map(len, here.values()))
    versions, others = pinned(root / PINS), pinned(folder / PINS)
    rows = [(p, versions.get(p, ""), others.get(p, "")) for p in SHOWN if p in others]
    text = report(name, found, made, rows, "all passed" if tested.returncode == 0 else "some failed")
    (folder / "report.md").write_text(text, "utf-8")
    print(text)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(text)
    tolerated = () if options.newest else ("moved", "new")
    return 1 if tested.returncode or any(change.kind not in tolerated for change in found) else 0


if __name__ == "__main__":
    sys.exit(main())
