"""Give each page a cache key that changes when code it depends on changes.

jupyter-cache keys a page by its code cells and its `kernelspec` metadata: an edited module re-runs nothing.
So a digest of the files that the page opened when it last ran is put into `kernelspec` as the page is read.
Source: https://github.com/executablebooks/MyST-NB/issues/299 (open since 2020).
"""

import hashlib
import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from jupyter_cache.cache.main import JupyterCacheBase
from myst_nb.core.read import is_myst_markdown_notebook, read_myst_markdown_notebook
from myst_parser.config.main import MdParserConfig
from nbformat import NotebookNode

CACHE = Path("_build", "cache")
PINS = "requirements.txt"

# Where a code cell starts depends only on the block syntaxes that may enclose it. Fixed here, so that the
# executor and Sphinx cut a page into the same cells.
_BLOCKS = MdParserConfig(enable_extensions={"amsmath", "colon_fence", "deflist", "dollarmath", "fieldlist"})


@dataclass(frozen=True)
class Record:
    """What was learnt when a page ran: the files it opened, relative to the root, and how long it took."""

    files: list[str]
    seconds: float

    @classmethod
    def load(cls, root: Path, cells: str) -> "Record | None":
        """Return the record of the page with these cells, None if it has not run."""
        try:
            return cls(**json.loads(_record_path(root, cells).read_text("utf-8")))
        except FileNotFoundError:
            return None

    def save(self, root: Path, cells: str) -> None:
        """Write the record in one step: an interrupted build leaves the old one or the new one."""
        path = _record_path(root, cells)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(self), indent=1), "utf-8")
        os.replace(partial, path)


def read_page(text: str, root: str | Path) -> NotebookNode:
    """Read a MyST page as a notebook, and stamp it if it has code.

    `kernelspec["cells"]` identifies the code cells: prose and the page's name do not enter, so editing one or
    changing the other keeps the record. `kernelspec["dependencies"]` is the digest of what they depend on.
    """
    if is_myst_markdown_notebook(text):
        page = read_myst_markdown_notebook(text, config=_BLOCKS, add_source_map=True)
    else:  # prose: no fence is a cell, so a stray {code-cell} gets MyST-NB's warning
        page = read_myst_markdown_notebook(text, config=_BLOCKS, code_directive="\0", add_source_map=True)
    if not any(cell.cell_type == "code" for cell in page.cells):
        page.metadata.setdefault("mystnb", {})["execution_mode"] = "off"
        return page
    kernel = page.metadata.setdefault("kernelspec", NotebookNode())
    kernel.setdefault("name", "python3")
    kernel.setdefault("display_name", "Python 3")
    # jupyter-cache's own key, of the page without a stamp
    _, kernel["cells"] = JupyterCacheBase("").create_hashed_notebook(page)
    kernel["dependencies"] = dependencies_digest(Path(root), kernel["cells"])
    return page


def dependencies_digest(root: Path, cells: str) -> str:
    """Digest all that the page's outputs depend on: files it opened, pinned versions, Python.

    A page without a record may import anything, so it depends on every module.
    """
    record = Record.load(root, cells)
    if record is None:
        files = [path.relative_to(root).as_posix() for path in Path(root, "code").rglob("*.py")]
    else:
        files = record.files
    return digest(root, {*files, PINS})


def digest(root: Path, files: Iterable[str]) -> str:
    """Digest Python's version and the names and contents of files; a file may be absent."""
    total = hashlib.sha256(sys.version.encode())
    for name in sorted(files):
        path = Path(root, name)
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "absent"
        total.update(f"{name}\0{content}\n".encode())
    return total.hexdigest()


def setup(app):
    """Let Sphinx read by `read_page`, find outputs in `CACHE`, and re-read the pages whose stamp changed."""
    # Before MyST-NB's own handlers, which have the default priority of 500.
    app.connect("config-inited", _configure, priority=100)
    app.connect("env-get-outdated", _outdated)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _configure(app, config):
    root = str(app.srcdir)
    config.nb_custom_formats = {".md": ("bookmaking.cache.keyed_cache.read_page", {"root": root}, False)}
    # MyST-NB takes a relative path from the working directory; the cache belongs to the book.
    config.nb_execution_cache_path = str(Path(root, CACHE))


def _outdated(app, env, added, changed, removed):
    # By content, not by `env.note_dependency`: that compares times, which a checkout or a copy does not keep.
    root = Path(app.srcdir)
    kernels = {page: metadata.get("kernelspec", {}) for page, metadata in env.metadata.items()}
    return [
        page
        for page, kernel in kernels.items()
        if "cells" in kernel and kernel["dependencies"] != dependencies_digest(root, kernel["cells"])
    ]


def _record_path(root: Path, cells: str) -> Path:
    return Path(root, CACHE, "records", f"{cells}.json")
