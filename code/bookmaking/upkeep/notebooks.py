"""Run the site's notebooks where the book is not: `make notebooks`.

The kernel finds what the notebook says that it needs, with what that depends on, and nothing of this
repository; it starts in an empty folder. A notebook passes when it makes the claims that it brings along, in
their order, with code from its own cells only, and leaves no file. That of an implementation must also end
in the weights of the book.
Source: https://nbclient.readthedocs.io.
"""

import argparse
import ast
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from itertools import chain
from pathlib import Path

import nbformat
import numpy as np
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bookmaking.build.execute import KERNEL_ENVIRONMENT, without_colours
from bookmaking.notebooks.assemble import CHAPTER
from threelayer import IMPLEMENTATIONS, Config, Params, init_params, make_data, numpy_manual
from threelayer.claims import MIME_TYPE
from threelayer.evaluate import largest_deviation

BOUND = 1e-12  # of chapter "one_trajectory"
NEEDED = re.compile(r"^needed = (\{.*?^\})", re.MULTILINE | re.DOTALL)  # in a notebook's first code cell
# Python would add .pth files, and so this repository, through `site`, which is switched off.
START = """import sys
sys.path.append({folder!r})
from ipykernel.kernelapp import launch_new_instance
launch_new_instance()"""

PROVENANCE = """
import sys
names = sorted(name for name in sys.modules if name.split(".")[0] in ("threelayer", "bookmaking"))
print(*[name for name in names if not str(sys.modules[name].__file__).startswith(str(carried))])"""
WEIGHTS = """
from importlib import import_module
import numpy
from threelayer import Config, init_params, make_data
config = {config!r}
trained = import_module("threelayer.{stem}").fit(init_params(config), make_data(), config).params
numpy.savez({file!r}, *trained)"""


def needed_by(notebook: NotebookNode) -> dict[str, str]:
    """Return what a notebook says that it needs: what it imports, and what pip installs for that."""
    sources = (cell.source for cell in code_cells(notebook))
    found = next(filter(None, map(NEEDED.search, sources)), None)
    return ast.literal_eval(found[1]) if found else {}


def install_only(needed: Iterable[str], folder: Path) -> None:
    """Link into a folder what `needed` brings, with what that and a Jupyter kernel depend on, and no more."""
    provided = packages_distributions()
    waiting = ["ipykernel", *chain.from_iterable(provided.get(package, ()) for package in needed)]
    here: set[str] = set()
    while waiting:
        name = canonicalize_name(waiting.pop())
        with suppress(PackageNotFoundError):
            if name not in here:
                here.add(name)
                found = distribution(name)
                depends = map(Requirement, found.requires or ())
                always = {"extra": ""}
                waiting += [r.name for r in depends if r.marker is None or r.marker.evaluate(always)]
                for top in {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}:
                    with suppress(FileExistsError):  # two may share a folder
                        (folder / top).symlink_to(found.locate_file(top))


def bare_kernel(folder: Path, python: Path | None = None) -> type[AsyncKernelManager]:
    """Return what starts a kernel that finds what lies in a folder, or what another `python` has."""
    start = ["-m", "ipykernel_launcher"]
    if python is None:
        start = ["-S", "-c", START.format(folder=str(folder))]
    options = ["-f", "{connection_file}", "--IPKernelApp.log_level=ERROR"]
    specification = KernelSpec(
        argv=[str(python or sys.executable), "-I", *start, *options], display_name="bare", language="python"
    )
    return type("BareKernel", (AsyncKernelManager,), {"kernel_spec": specification})


@dataclass(frozen=True)
class Outcome:
    """How a notebook ran: what is wrong, how many claims were made and hold, and how long it took."""

    faults: list[str]
    claims: int
    seconds: float


def executed(notebook: NotebookNode, folder: Path, python: Path | None = None) -> NotebookNode:
    """Run a notebook in a folder, with what it says that it needs, and return it; its cells may not raise."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with tempfile.TemporaryDirectory() as packages:
        if python is None:
            install_only(needed_by(notebook), Path(packages))
        kernel = bare_kernel(Path(packages), python)
        client = NotebookClient(notebook, timeout=900, kernel_name="bare", kernel_manager_class=kernel)
        return client.execute(cwd=str(folder), env={**environment, **KERNEL_ENVIRONMENT})


def code_cells(notebook: NotebookNode, start: str = "") -> list[NotebookNode]:
    """Return the code cells, or those whose source starts so."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.startswith(start)]


def before_chapter(notebook: NotebookNode) -> int:
    """Return how many cells come before the chapter's own."""
    return next(i for i, cell in enumerate(notebook.cells) if cell.source == CHAPTER)


def claims_of(notebook: NotebookNode) -> list[dict]:
    """Return the claims among the outputs: those that a notebook brings along, or those of a run."""
    data = [output.get("data", {}) for cell in code_cells(notebook) for output in cell.outputs]
    return [kinds[MIME_TYPE] for kinds in data if MIME_TYPE in kinds]


def book_weights(config: Config) -> Params:
    """Return the weights in which the book's own reference ends."""
    return numpy_manual.fit(init_params(config), make_data(), config).params


def try_out(
    notebook: NotebookNode,
    stem: str,
    config: Config,
    reference: Params,
    whole: bool = True,
    python: Path | None = None,
) -> Outcome:
    """Run the notebook of a page and say what is wrong with it.

    Parameters
    ----------
    config, reference
        How an implementation trains at the end, and the `book_weights` that it must reach.
    whole
        Run the chapter too, and not only what it brings along and the training.
    python
        The interpreter of another environment; without it the notebook finds, of what is installed here,
        only what it says that it needs.
    """
    if not whole:
        del notebook.cells[before_chapter(notebook) :]
    brought, faults = claims_of(notebook), []
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as outside, tempfile.TemporaryDirectory() as results:
        file = str(Path(results, "weights.npz"))
        if stem in IMPLEMENTATIONS:
            notebook.cells.append(new_code_cell(WEIGHTS.format(stem=stem, config=config, file=file)))
        notebook.cells.append(new_code_cell(PROVENANCE))
        try:
            ran = executed(notebook, Path(outside), python)
        except CellExecutionError as error:
            # The cell itself comes first, what went wrong last.
            return Outcome([without_colours(str(error)).strip()[-1500:]], 0, time.perf_counter() - begin)
        if stem in IMPLEMENTATIONS:
            with np.load(file) as found:
                apart = largest_deviation(Params(*found.values()), reference)
            if not apart <= BOUND:
                faults.append(f"the weights are {apart:.1e} from the book's")
        if left := sorted(os.listdir(outside)):
            faults.append(f"it left files: {', '.join(left)}")
    made = claims_of(ran)
    faults += different_claims(made, brought)
    if foreign := "".join(output.get("text", "") for output in ran.cells[-1].outputs).strip():
        faults.append(f"modules that no cell carries: {foreign}")
    return Outcome(faults, len(made), time.perf_counter() - begin)


def different_claims(made: list[dict], brought: list[dict]) -> list[str]:
    """Say where the claims that were made are not those that were brought along."""
    faults = []
    if len(made) != len(brought):
        faults.append(f"it makes {len(made)} claims and brings {len(brought)}")
    for one, other in zip(made, brought, strict=False):
        if one["statement"] != other["statement"]:
            faults.append(f"it claims {one['statement']!r} where it brings {other['statement']!r}")
    return faults


def main(arguments: list[str] | None = None) -> int:
    """Run notebooks of the built site, report each, and return the exit status."""
    parser = argparse.ArgumentParser(prog="bookmaking.upkeep.notebooks", description="Run the notebooks.")
    parser.add_argument("stems", nargs="*", help="names of pages (default: all that have a notebook)")
    parser.add_argument("--site", type=Path, default=Path("_build", "html"), help="the built site")
    options = parser.parse_args(arguments)
    files = {path.stem: path for path in sorted((options.site / "notebooks").glob("*.ipynb"))}
    if not files:
        parser.error(f"there are no notebooks in {options.site}: run `make book` first")
    if unknown := [stem for stem in options.stems if stem not in files]:
        parser.error(f"no notebook is named {unknown[0]}; choose from {', '.join(files)}")
    reference, failed = book_weights(Config()), 0
    for stem in options.stems or files:
        outcome = try_out(nbformat.read(files[stem], 4), stem, Config(), reference)
        verdict = "FAILED" if outcome.faults else "passed"
        print(f"{verdict}  {stem:22} {outcome.claims:3} claims, {outcome.seconds:4.0f} s", flush=True)
        for fault in outcome.faults:
            print(f"        {fault}", file=sys.stderr, flush=True)
        failed += bool(outcome.faults)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
