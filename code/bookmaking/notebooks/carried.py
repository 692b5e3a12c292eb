"""Find the modules that a page needs, and write the cells that bring them along.

What is imported is read from the syntax trees of the page's cells and of the modules themselves.
Source: https://docs.python.org/3/library/ast.html, the requirements of pyproject.toml.
"""

import ast
import inspect
import platform
import sys
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import packages_distributions, version
from itertools import chain
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bookmaking.notebooks import runtime
from threelayer import IMPLEMENTATIONS

PACKAGE = "threelayer"
ALWAYS = ("jinja2", "matplotlib", "numpy", "pandas", "seaborn")  # figures, and tables with a style
# What a library imports by itself, when it writes a log, and does not bring along.
BESIDE = {"pytorch_lightning": "tensorboard", "tensorflow": "tensorboard"}

INTRODUCTION = """\
This notebook was made from a chapter of *{book}*, version {version}. It needs no file of the book: the code
that the chapter imports is in the cells of the next section. What it needs is {needs}. The outputs are the
book's own, made with {made_with}.

A cell that begins with `%%listing` shows a part of that code, at the place where the chapter explains it.
Change the part and run the cell: the cells below then use your version."""
CARRIED = """\
## The code of the book

Each cell writes one module into a temporary folder, in order of dependence. They are folded, because the
chapter shows what matters in its place. If you change one of these cells after its module was imported,
restart the kernel."""


@cache
def imports(source: str, module: str = "") -> tuple[str, ...]:
    """Return what a source imports: `a.b` for `import a.b`, `a.b` and `a.b.c` for `from a.b import c`.

    Imports inside `try` are left out: their source can do without. A call of `load` imports the
    implementation that it names, and all of them where the name is computed.
    """
    return tuple(_imports(ast.parse(source), module))


def _imports(tree: ast.Module, module: str) -> Iterator[str]:
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Try):
            continue
        waiting.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(
                    f"{module or 'a cell'} has a relative import, line {node.lineno}: name the package"
                )
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "load" and node.args:
            named = isinstance(node.args[0], ast.Constant)
            yield from (f"{PACKAGE}.{name}" for name in ([node.args[0].value] if named else IMPLEMENTATIONS))


def file_of(code: Path, name: str) -> Path | None:
    """Return the source of a module below the folder `code`, or None where there is none."""
    path = code.joinpath(*name.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def needed_modules(code: Path, names: Iterable[str]) -> dict[str, Path]:
    """Return the package's modules that the names lead to, each behind those that it imports."""
    found: dict[str, Path] = {}
    visiting: set[str] = set()

    def visit(name: str) -> None:
        if name.split(".")[0] != PACKAGE or name in visiting or not (file := file_of(code, name)):
            return
        visiting.add(name)
        # A package's own file runs before those of its modules, but it imports some of them itself.
        if "." in name:
            visit(name.rpartition(".")[0])
        for other in imports(file.read_text("utf-8"), name):
            visit(other)
        found[name] = file

    for name in sorted(names):
        visit(name)
    return found


def bounds_of(root: Path) -> dict[str, str]:
    """Return the lower bound that pyproject.toml states for each distribution."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    lines = chain(project.get("dependencies", []), *project.get("optional-dependencies", {}).values())
    bounds = {}
    for requirement in map(Requirement, lines):
        lower = [str(bound) for bound in requirement.specifier if bound.operator == ">="]
        bounds[requirement.name] = requirement.name + "".join(lower)
    return bounds


def requirements(root: Path, names: Iterable[str]) -> dict[str, str]:
    """Return what pip has to install, by the name that is imported, with the bounds of pyproject.toml."""
    bounds = bounds_of(root)
    packages = {name.split(".")[0] for name in names} | set(ALWAYS)
    packages |= {BESIDE[package] for package in packages & BESIDE.keys()}
    needed = {}
    for package in sorted(packages - sys.stdlib_module_names - {PACKAGE, "IPython", "__future__"}):
        candidates = package, *providers().get(package, ())
        needed[package] = next((bounds[name] for name in candidates if name in bounds), package)
    return needed


@cache
def providers() -> dict[str, list[str]]:
    """Return the installed distributions that provide each package."""
    found = packages_distributions()  # which takes a second
    return {package: [canonicalize_name(name) for name in names] for package, names in found.items()}


def first_cells(
    root: Path, sources: Iterable[str], modules: Iterable[str], book: str, release: str
) -> list[NotebookNode]:
    """Return the cells before the chapter: what it is, the check of versions, the carried modules.

    Parameters
    ----------
    sources
        The chapter's code cells.
    modules
        Names of modules that the chapter shows, whether or not it imports them.
    book, release
        The book's title and its version, for the introduction.
    """
    code = root / "code"
    names = [name for source in sources for name in imports(source)]
    carried = needed_modules(code, [*names, *modules])
    texts = {name: file.read_text("utf-8") for name, file in carried.items()}
    names += [name for module, text in texts.items() for name in imports(text, module)]
    paths = {name: file.relative_to(code).as_posix() for name, file in carried.items()}
    folders = sorted({path.rpartition("/")[0] for path in paths.values()})
    needed = requirements(root, names)
    bounds, found = bounds_of(root), [f"Python {platform.python_version()}"]
    for name in needed:
        found += [f"{name} {version(one)}" for one in providers().get(name, ()) if one in bounds]
    made_with = ", ".join(found)
    needs = ", ".join(requirement.partition(">=")[0] for requirement in needed.values())
    introduction = INTRODUCTION.format(book=book, version=release, needs=needs, made_with=made_with)
    cells = [
        new_markdown_cell(introduction),
        new_code_cell(_versions(needed)),
    ]
    if not carried:
        return cells
    heading = new_markdown_cell(CARRIED, metadata={"heading_collapsed": True, "id": "code-of-the-book"})
    cells += [heading, _folded(_machinery(folders))]
    cells += [_folded(f"%%writefile {{carried}}/{paths[name]}\n{texts[name].rstrip()}") for name in carried]
    return cells


def _versions(needed: dict[str, str]) -> str:
    """Write the cell that installs what is missing, and says where each framework computes."""
    table = "".join(
        f"    {name!r}: {requirement!r},\n".replace("'", '"') for name, requirement in needed.items()
    )
    return f"""\
import os
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib import invalidate_caches
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from importlib.util import find_spec

# A GPU is shared, and not taken whole by the framework that comes first.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")


{inspect.getsource(runtime.unmet)}

{inspect.getsource(runtime.devices)}

# What is imported, and what pip installs for it.
needed = {{
{table}}}
if sys.version_info < (3, 11):
    raise ImportError(f"this notebook needs Python 3.11 or later, and this is {{sys.version.split()[0]}}")
if missing := unmet(needed):
    print("Installing", ", ".join(missing))
    names = " ".join(f"'{{name}}'" for name in missing)
    %pip install --quiet {{names}}
    invalidate_caches()
    if missing := unmet(needed):
        raise ImportError(f"pip could not install {{', '.join(missing)}}; its message stands above")
print("All packages are here.", *devices(needed))"""


def _machinery(folders: list[str]) -> str:
    """Write the cell that makes the folder and defines `%%listing`."""
    folders_made = "\n".join(
        f'(carried / "{folder}").mkdir(parents=True, exist_ok=True)' for folder in folders
    )
    return f"""\
import ast
import importlib
import sys
import tempfile
from importlib.util import cache_from_source
from pathlib import Path

from IPython import get_ipython
from IPython.core.magic import register_cell_magic

carried = Path(tempfile.mkdtemp(prefix="carried-"))
{folders_made}
sys.path.insert(0, str(carried))


@register_cell_magic
{inspect.getsource(runtime.listing).rstrip()}"""


def _folded(source: str) -> NotebookNode:
    """Return a code cell whose source is hidden until the reader asks for it."""
    metadata = {"jupyter": {"source_hidden": True}, "cellView": "form", "tags": ["hide-input"]}
    return new_code_cell(source, metadata=metadata)
