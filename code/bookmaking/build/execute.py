"""Run the pages whose outputs are not in the cache, side by side, and cache what they return.

One kernel a page, one page a core, the longest page first. nbclient runs the cells and jupyter-cache keeps
the outputs; added here are the order, the progress, the record of what each page opened, and the files that a
page leaves to those after it. What it leaves is kept under the key of its outputs, and so fits them.
Source: https://nbclient.readthedocs.io, https://jupyter-cache.readthedocs.io.
"""

import asyncio
import importlib.util
import json
import os
import re
import shutil
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import yaml
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from bookmaking.cache.cores import cores, thread_limits
from bookmaking.cache.keyed_cache import CACHE, Record, dependencies_digest
from bookmaking.cache.page import Page

# One thread a kernel: kernels share the cores, and results do not depend on how many run at once. And no GPU:
# TensorFlow and JAX each take most of its memory as they start, which kernels side by side cannot, and no
# claim of the book was ever measured on one.
KERNEL_ENVIRONMENT = {
    **thread_limits(1),
    "CUDA_VISIBLE_DEVICES": "-1",
    "HIP_VISIBLE_DEVICES": "-1",
    "JAX_PLATFORMS": "cpu",
    "PYTHONHASHSEED": "0",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TF_ENABLE_ONEDNN_OPTS": "0",  # without it TensorFlow greets on each page
    "TF_NUM_INTEROP_THREADS": "1",
}

SECONDS = Path("book", "_data", "seconds.json")

# Their message says what was claimed and what was found. A traceback would bury it.
CLAIMS = {"AssertionError", "FalseClaim"}


class PageError(Exception):
    """A page did not run to its end; the text says which page, where and why."""


@dataclass(frozen=True)
class Summary:
    """How many pages ran, how many came from the cache, and what went wrong."""

    executed: int
    cached: int
    failures: list[str]


def execute(root: Path) -> Summary:
    """Bring the cache up to date with the pages, whatever fails on the way.

    nbclient takes over the main thread's SIGINT handler, for one kernel only. In a second thread it cannot,
    so a Ctrl-C reaches this function, which ends all kernels and raises KeyboardInterrupt.
    """
    cache = get_cache(root / CACHE)
    pages = Page.all_of(root)
    before: set[str] = set()
    for page in pages:
        if unknown := {*page.after} - before:
            fault = f"{page.name}: run_after names {', '.join(sorted(unknown))}, no page with code before it"
            return Summary(0, 0, [fault])
        before.add(page.name)
    missing = [page for page in pages if not page.is_cached(cache)]
    failures: list[str] = []
    if missing:
        run = _Run(root, cache, pages, missing)
        with ThreadPoolExecutor(1) as thread:
            try:
                thread.submit(asyncio.run, run.all()).result()
            except KeyboardInterrupt:
                run.cancel()
                raise
        failures = run.failures
    return Summary(len(missing) - len(failures), len(pages) - len(missing), failures)


class _Run:
    """One pass over the pages that are not cached, in one event loop: only it writes to the cache."""

    def __init__(self, root: Path, cache: JupyterCacheAbstract, pages: list[Page], missing: list[Page]):
        self.root = root
        self.cache = cache
        self.all_pages = {page.name: page for page in pages}
        # What others wait for comes first. Then the longest, so that no long page is left for the end. One of
        # which nothing is known may be the longest, and of those the last in the book comes first.
        elsewhere = read_seconds(root)
        self.seconds = {
            page.name: page.record.seconds if page.record else elsewhere.get(page.name) for page in missing
        }
        waited_for = {name for page in missing for name in page.after}
        self.pages = sorted(
            reversed(missing),
            key=lambda page: (page.name not in waited_for, -(self.seconds[page.name] or float("inf"))),
        )
        self.waiting_for = {page.name for page in missing}
        self.spent = self.expected = 0.0  # seconds, of the pages that have ended
        self.failures: list[str] = []
        self.failed: set[str] = set()
        config = yaml.safe_load((root / "_config.yml").read_text("utf-8")) or {}
        self.timeout = config.get("execute", {}).get("timeout", 30)
        self._started = threading.Event()

    async def all(self) -> None:
        """Run all pages."""
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._started.set()
        waiting = list(self.pages)
        running: set[str] = set()
        page_has_ended = asyncio.Condition()

        def ready() -> Page | None:
            unfinished = running | {page.name for page in waiting}
            return next((page for page in waiting if unfinished.isdisjoint(page.after)), None)

        async def core() -> None:
            while waiting:
                async with page_has_ended:
                    await page_has_ended.wait_for(lambda: ready() or not waiting)
                    if (page := ready()) is None:
                        return
                    waiting.remove(page)
                    running.add(page.name)
                await self._report(page)
                async with page_has_ended:
                    running.remove(page.name)
                    page_has_ended.notify_all()

        async with asyncio.TaskGroup() as together:
            for _ in range(cores()):
                together.create_task(core())

    def cancel(self) -> None:
        """End all kernels; for another thread to call."""
        self._started.wait()
        self._loop.call_soon_threadsafe(self._task.cancel)

    async def _report(self, page: Page) -> None:
        print(f"        {page.name}  starts", flush=True)
        start = time.perf_counter()
        try:
            await self._execute(page)
            outcome = "ran"
        except PageError as error:
            self.failures.append(str(error))
            self.failed.add(page.name)
            outcome = "FAILED"
        seconds = time.perf_counter() - start
        self.waiting_for.remove(page.name)
        self.spent += seconds
        self.expected += self.seconds[page.name] or seconds
        progress = f"[{len(self.pages) - len(self.waiting_for)}/{len(self.pages)}]"
        print(f"{progress:7} {page.name}  {outcome} in {seconds:.1f} s, {self._remaining()}", flush=True)

    def _remaining(self) -> str:
        """Say how many pages are left, and about how long they take at the pace of this computer."""
        count = f"{len(self.waiting_for)} left"
        known = [self.seconds[name] for name in self.waiting_for]
        if not known or None in known:
            return count
        minutes = sum(known) * self.spent / self.expected / cores() / 60
        return f"{count}, about {minutes:.0f} min" if minutes >= 1.5 else f"{count}, about a minute"

    async def _execute(self, page: Page) -> None:
        if lost := self.failed.intersection(page.after):
            raise PageError(f"{page.name}: not run, as it runs after {', '.join(sorted(lost))}, which failed")
        began = time.time()
        with tempfile.TemporaryDirectory() as folder, Path(folder, "console").open("w+") as console:
            log, leaves = Path(folder, "opened"), Path(folder, "leaves")
            leaves.mkdir()
            left = [self.all_pages[name].left for name in page.after]
            client = NotebookClient(
                page.notebook,
                timeout=page.option("execution_timeout", self.timeout),
                kernel_name=page.notebook.metadata.kernelspec["name"],
                record_timing=False,  # it would go into the cells' metadata, and so into the key
                extra_arguments=["--IPKernelApp.log_level=ERROR"],
            )
            try:
                await client.async_execute(
                    cwd=str(page.path.parent),
                    env=_environment(self.root, log, leaves, left),
                    # What libraries write past IPython would end up between the lines of progress.
                    stdout=console,
                    stderr=console,
                )
            except CellExecutionError as error:
                raise PageError(_describe(page, error)) from error
            except Exception as error:  # a kernel that dies, does not start or takes too long
                console.seek(0)
                said = console.read()
                raise PageError(f"{page.name}: {type(error).__name__}: {error}\n{said}".rstrip()) from error
            seconds = time.time() - began
            opened = _opened(log)
            # The key must stand for what the kernel read, and the files are hashed only now.
            for name in opened:
                path = self.root / name
                if path.is_file() and path.stat().st_mtime > began:
                    raise PageError(f"{page.name}: {name} was written while the page ran: build again")
            Record(opened, round(seconds, 3)).save(self.root, page.cells)
            page.notebook.metadata.kernelspec["dependencies"] = dependencies_digest(self.root, page.cells)
            shutil.rmtree(page.left.parent, ignore_errors=True)
            if any(leaves.iterdir()):
                page.left.parent.mkdir(parents=True)
                shutil.move(leaves, page.left)
        bundle = CacheBundleIn(page.notebook, str(page.path), data={"execution_seconds": seconds})
        self.cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def read_seconds(root: Path) -> dict[str, float]:
    """Return how long each page took where the repository's times were taken."""
    file = root / SECONDS
    return json.loads(file.read_text("utf-8")) if file.is_file() else {}


def write_seconds(root: Path) -> None:
    """Take the times of the last runs here into the repository, in the order of the book."""
    known = {page.name: round(page.record.seconds, 1) for page in Page.all_of(root) if page.record}
    (root / SECONDS).write_text(json.dumps(known, indent=1) + "\n", "utf-8")


def without_colours(text: str) -> str:
    """Return text without a terminal's colour codes."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def _environment(root: Path, log: Path, leaves: Path, left: list[Path]) -> dict[str, str]:
    """Return a kernel's environment: the book's code on the path, the files it opens logged, what is left."""
    # With a cache elsewhere, importing a module would not open any file in the repository.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPYCACHEPREFIX"}
    folders = [Path(__file__).parents[1] / "cache" / "kernel", root / "code", inherited.get("PYTHONPATH", "")]
    return {
        **inherited,
        **KERNEL_ENVIRONMENT,
        "BOOK_LEAVES": str(leaves),
        "BOOK_LEFT": os.pathsep.join(str(folder) for folder in left if folder.is_dir()),
        "BOOKMAKING_LOG": str(log),
        "BOOKMAKING_ROOT": str(root),
        "PYTHONPATH": os.pathsep.join(str(folder) for folder in folders if str(folder)),
    }


def _opened(log: Path) -> list[str]:
    """Return the files that were opened, a compiled module as its source."""
    names = set(log.read_text("utf-8").splitlines()) if log.exists() else set()
    source = importlib.util.source_from_cache
    return sorted({source(name) if name.endswith(".pyc") else name for name in names})


def _describe(page: Page, error: CellExecutionError) -> str:
    """Say what failed and at which line; with the traceback, unless the message is enough."""
    failed = [
        index
        for index, cell in enumerate(page.notebook.cells)
        if any(output.output_type == "error" for output in cell.get("outputs", ()))
    ]
    where = f"\n  {page.path.relative_to(page.root)}, cell at line {page.line(failed[-1])}" if failed else ""
    if error.ename in CLAIMS and error.evalue:
        return f"{page.name}: {error.evalue}{where}"
    return f"{page.name}: {error.ename}: {error.evalue}{where}\n{without_colours(error.traceback)}"
