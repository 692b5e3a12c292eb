"""Numbers and figures for the films: what the chapters computed when they were last executed, never typed.

They are read from the cached outputs, where each `glue(name, value)` of a page has left its value.
Source: bookmaking.build.execute, https://myst-nb.readthedocs.io (glue).
"""

import ast
from functools import cache
from pathlib import Path

from jupyter_cache import get_cache

from bookmaking.cache.keyed_cache import CACHE
from bookmaking.cache.page import Page
from bookmaking.films.scenes import FilmError

GLUED = "application/papermill.record/text/plain"
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Number(float):
    """A number with one more format: `power` writes 4e-13 as 4 × 10⁻¹³."""

    def __format__(self, spec: str) -> str:
        if spec != "power":
            return format(
                int(self) if self.is_integer() and not spec.endswith(("f", "%")) else float(self), spec
            )
        digits, _, exponent = f"{float(self):.0e}".partition("e")
        return f"{digits} × 10{str(int(exponent)).translate(SUPERSCRIPT)}"


class Measured:
    """The numbers of all chapters by `chapter.name`, and their figures."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.cache = get_cache(root / CACHE)
        self.pages = {page.name: page for page in Page.all_of(root)}
        self.cells = cache(self._cells)

    def __call__(self, name: str) -> Number:
        """Return a number, or say which command would compute it or what the chapter has instead."""
        page, _, key = name.partition(".")
        outputs = [output for cell in self.cells(page) for output in cell.get("outputs", ())]
        glued = {
            one.metadata["scrapbook"]["name"]: one
            for one in outputs
            if "scrapbook" in one.get("metadata", {})
        }
        texts = {name: output.data.get(GLUED, "") for name, output in glued.items()}
        values = {name: _literal(text) for name, text in texts.items()}
        numbers = {name: value for name, value in values.items() if isinstance(value, int | float)}
        if key not in numbers:
            known = ", ".join(sorted(numbers)) or "nothing"
            raise FilmError(f"the chapter {page} computes no number {key!r}, it has {known}")
        return Number(numbers[key])

    def figure(self, page: str, name: str) -> str:
        """Return a figure of a chapter as SVG."""
        figures = {
            cell.metadata["mystnb"]["figure"]["name"]: output.data["image/svg+xml"]
            for cell in self.cells(page)
            for output in cell.get("outputs", ())
            if "figure" in cell.metadata.get("mystnb", {}) and "image/svg+xml" in output.get("data", {})
        }
        if name not in figures:
            raise FilmError(
                f"the chapter {page} draws no figure {name!r}, it has {', '.join(sorted(figures))}"
            )
        return figures[name]

    def _cells(self, name: str) -> list:
        page = self.pages.get(name)
        if page is None:
            raise FilmError(f"no chapter with code is named {name!r}")
        if not page.is_cached(self.cache):
            raise FilmError(f"the chapter {name} has not been executed as it stands: run `make book` first")
        return self.cache.get_cache_bundle(self.cache.match_cache_notebook(page.notebook).pk).nb.cells


def _literal(text: str) -> object:
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):  # a word, a table
        return None
