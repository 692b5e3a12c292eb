"""Build the book: `python -m bookmaking.build`.

Run what is not cached, let Jupyter Book render with every warning an error, and only then publish:
`_build/html` is always the last good site. The same inputs are not built twice.
Source: https://jupyterbook.org/v1/, CONTRIBUTING.md.
"""

import argparse
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from bookmaking.build.execute import execute, without_colours
from bookmaking.cache import commit
from bookmaking.cache.keyed_cache import PINS, digest

# What Sphinx does not notice by itself: a change here discards its environment. The guests among the rooms of
# `bookmaking`, which are films, benchmark and upkeep, are not among it.
ROOMS = ("__init__.py", "cache", "build", "pages", "notebooks", "site", "paper")
BASIS = ("_config.yml", "_toc.yml", "pyproject.toml", PINS, *(f"code/bookmaking/{room}" for room in ROOMS))
# What `make films` made is an input as well, although it lies among what is built.
FILMS = "_build/films"
# What is no input of the site, unless a page shows a part of it.
NO_INPUT = ("_build", "tests", "__pycache__")
BINDER = ".binder"  # goes with the notebooks into the site
INCLUDED = re.compile(r"include\} /(\S+)")

# Jupyter Book in a process of its own. Its trees live as long as it does: to look for what could be freed
# takes a quarter of the time and finds nothing.
RENDER = "import gc; gc.disable(); from jupyter_book.cli.main import main; main()"


def main(arguments: list[str] | None = None) -> int:
    """Build the book and return the exit status."""
    parser = argparse.ArgumentParser(prog="bookmaking.build", description="Build the book.")
    parser.add_argument("--root", type=Path, default=Path(), help="the repository (default: here)")
    root = parser.parse_args(arguments).root.resolve()
    if not (root / "_toc.yml").is_file():
        parser.error(f"no _toc.yml in {root}: this is not a book")
    build = root / "_build"
    build.mkdir(exist_ok=True)
    try:
        with locked(build / "lock") as lock:
            return _build(root, build, lock)
    except KeyboardInterrupt:
        print("interrupted: the site is as it was", file=sys.stderr)
        return 130


def _build(root: Path, build: Path, lock: int) -> int:
    start = time.perf_counter()
    _recover(build)
    films = [f"{FILMS}/{path.name}" for path in (root / FILMS).glob("*.*")]
    inputs = digest(root, {*_inputs(root, "."), *_inputs(root, BINDER), *_included(root), *films})
    published = _read_json(build / "published.json")
    if published.get("inputs") == inputs and (build / "html").is_dir():
        chapters, executed, cached = published["chapters"], 0, published["chapters"]
        if (build / "html" / commit.SCRIPT).is_file():  # another commit may have the same sources
            commit.write(root, build / "html")
    else:
        summary = execute(root)
        if summary.failures:
            print("\nThe book was not built, the site is as it was.", file=sys.stderr)
            for failure in summary.failures:
                print(f"\n{failure}", file=sys.stderr)
            return 1
        executed, cached = summary.executed, summary.cached
        chapters = executed + cached
        if not render(root, build / "work", lock):
            print("\nThe pages ran, but Sphinx refused them (above). The site is as it was.", file=sys.stderr)
            return 1
        (build / "published.json").unlink(missing_ok=True)
        _publish(build / "work" / "_build" / "html", build / "html")
        (build / "published.json").write_text(json.dumps({"inputs": inputs, "chapters": chapters}), "utf-8")
    if not _address(root):
        print(
            "html.baseurl in _config.yml is empty: no page names an address of its own,"
            " and there is no sitemap or 404 page"
        )
    seconds = time.perf_counter() - start
    site = os.path.relpath(build / "html" / "index.html")
    print(f"{site}  built in {seconds:.1f} s: {executed} chapters executed, {cached} from the cache")
    return 0


def render(root: Path, work: Path, lock: int, builder: str = "html") -> bool:
    """Let Jupyter Book render into the folder `work`, and tell whether it had nothing to object to.

    Sphinx warns of a page only when it reads it, so the environment of a build that did not succeed must
    not be used again. The file `unfinished` says so, however the build ended.
    """
    unfinished, basis = work / "unfinished", work / "basis"
    now = digest(root, (name for place in BASIS for name in _inputs(root, place)))
    if unfinished.exists() or not basis.exists() or basis.read_text("utf-8") != now:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        basis.write_text(now, "utf-8")
    unfinished.touch()
    print("rendering", flush=True)
    book = ["build", str(root), "--path-output", str(work), "--builder", builder]
    book += ["-n", "-W", "--keep-going", "-q"]
    folders = [root / "code", Path(__file__).parents[2], os.environ.get("PYTHONPATH", "")]
    result = subprocess.run(
        [sys.executable, "-c", RENDER, *book],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(str(folder) for folder in folders if str(folder))},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Sphinx keeps the lock for as long as it runs, even when this process is killed.
        pass_fds=(lock,),
    )
    if result.returncode:
        print(without_colours(result.stdout), file=sys.stderr)
        return False
    unfinished.unlink()
    return True


def _publish(new: Path, site: Path) -> None:
    """Put a copy of `new` in the place of `site`, all of it at once."""
    arriving, leaving = site.with_name("html.new"), site.with_name("html.old")
    shutil.rmtree(arriving, ignore_errors=True)
    shutil.copytree(new, arriving)
    if site.exists():
        os.rename(site, leaving)
    os.rename(arriving, site)
    shutil.rmtree(leaving, ignore_errors=True)


def _recover(build: Path) -> None:
    """Finish or undo a publication that was killed."""
    site, leaving = build / "html", build / "html.old"
    if leaving.exists() and not site.exists():
        os.rename(leaving, site)
    shutil.rmtree(leaving, ignore_errors=True)


def _inputs(root: Path, place: str) -> Iterator[str]:
    """Return the files in a folder that are sources, or the file itself, relative to the root."""
    if (root / place).is_file():
        yield place
    for folder, folders, files in os.walk(root / place):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in NO_INPUT]
        yield from (Path(folder, name).relative_to(root).as_posix() for name in files if name[0] != ".")


def _included(root: Path) -> set[str]:
    """Return the files that pages show parts of, wherever they lie."""
    return {
        name for path in (root / "book").glob("*.md") for name in INCLUDED.findall(path.read_text("utf-8"))
    }


def _address(root: Path) -> str:
    config = yaml.safe_load((root / "_config.yml").read_text("utf-8"))
    return (config.get("html") or {}).get("baseurl") or ""


def _read_json(path: Path) -> dict:
    try:
        return json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """Wait until no other build runs, then keep others waiting."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another build is running, waiting", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()
