"""The directive `book-citations`: a BibTeX entry for the book, or with `:chapters:` one for each chapter.

Filled in when all titles are known. Code in the page would have to open all pages, and run again with each.
Source: CITATION.cff, https://ctan.org/pkg/biblatex (entry types book and incollection).
"""

from pathlib import Path

import yaml
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective


class book_citations(nodes.General, nodes.Element):
    """Placeholder for the entries."""


class BookCitations(SphinxDirective):
    """Leave the place."""

    option_spec = {"chapters": directives.flag}  # noqa: RUF012, as docutils has it

    def run(self) -> list[nodes.Node]:
        """Return the placeholder."""
        return [book_citations(chapters="chapters" in self.options)]


class FillCitations(SphinxPostTransform):
    """Replace the placeholders by the entries."""

    default_priority = 8  # before references are resolved

    def run(self, **kwargs) -> None:
        """Fill every placeholder of the page."""
        for place in list(self.document.findall(book_citations)):
            book = read(self.app.srcdir, "CITATION.cff")
            common = {
                "author": f"{{{book['authors'][0]['name']}}}",
                "year": str(book["date-released"])[:4],
                "version": book["version"],
            }
            if not place["chapters"]:
                entries = [bibtex("book", "onenetwork", {"title": book["title"], **common})]
            else:
                entries = [
                    bibtex(
                        "incollection",
                        f"onenetwork-{page.rpartition('/')[2]}",
                        {"title": self.env.titles[page].astext(), "booktitle": book["title"], **common},
                    )
                    for page in chapters(read(self.app.srcdir, "_toc.yml"))
                ]
            place.replace_self([nodes.literal_block(text, text, language="bibtex") for text in entries])


def read(folder: str, name: str) -> dict:
    """Return what a YAML file of the repository holds."""
    return yaml.safe_load(Path(folder, name).read_text("utf-8"))


def chapters(contents: dict) -> list[str]:
    """Return the chapters of all parts but the last, which is about the book itself."""
    return [chapter["file"] for part in contents["parts"][:-1] for chapter in part["chapters"]]


def bibtex(kind: str, key: str, fields: dict[str, str]) -> str:
    """Return one BibTeX entry."""
    width = max(map(len, fields))
    lines = ",\n".join(f"  {name:<{width}} = {{{value}}}" for name, value in fields.items())
    return f"@{kind}{{{key},\n{lines}\n}}"


def setup(app) -> dict:
    """Register with Sphinx."""
    app.add_node(book_citations)
    app.add_directive("book-citations", BookCitations)
    app.add_post_transform(FillCitations)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
