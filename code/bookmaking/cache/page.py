"""A page of the book that has code: what it is called, what it depends on, what it leaves to later ones.

Source: https://myst-nb.readthedocs.io, https://jupyter-cache.readthedocs.io.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from jupyter_cache.base import JupyterCacheAbstract
from nbformat import NotebookNode
from sphinx_external_toc.parsing import parse_toc_yaml

from bookmaking.cache.keyed_cache import CACHE, Record, read_page


@dataclass(frozen=True)
class Page:
    """A page of the table of contents that has code."""

    root: Path
    path: Path
    notebook: NotebookNode

    @classmethod
    def all_of(cls, root: Path) -> "list[Page]":
        """Return the book's pages with code, in the order of the table of contents."""
        files = (root / f"{document}.md" for document in parse_toc_yaml(root / "_toc.yml"))
        pages = (cls(root, file, read_page(file.read_text("utf-8"), root)) for file in files if file.exists())
        return [page for page in pages if page.option("execution_mode") != "off"]

    @property
    def name(self) -> str:
        """The page's file name without its suffix."""
        return self.path.stem

    @property
    def cells(self) -> str:
        """What identifies the page's code cells (see `keyed_cache.read_page`)."""
        return self.notebook.metadata.kernelspec["cells"]

    @cached_property
    def record(self) -> Record | None:
        """What is known from the page's last run."""
        return Record.load(self.root, self.cells)

    @property
    def after(self) -> list[str]:
        """The names of the pages that run before this one, if they have to run, and leave it files."""
        return self.notebook.metadata.get("run_after", [])

    @property
    def left(self) -> Path:
        """The folder of what the page left when its outputs were made."""
        key = f"{self.cells[:16]}-{self.notebook.metadata.kernelspec['dependencies'][:16]}"
        return self.root / CACHE / "left" / self.name / key

    def option(self, name: str, default=None):
        """Return a setting of MyST-NB from the page's own front matter."""
        return self.notebook.metadata.get("mystnb", {}).get(name, default)

    def is_cached(self, cache: JupyterCacheAbstract) -> bool:
        """Tell whether the outputs are known, and what they depend on too."""
        try:
            cache.match_cache_notebook(self.notebook)
        except KeyError:
            return False
        return self.record is not None

    def line(self, cell: int) -> int:
        """Return the line of the page at which a cell starts."""
        return self.notebook.metadata["source_map"][cell] + 1
