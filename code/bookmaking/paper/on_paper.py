"""What the book needs on paper and not on the screen: an index, and figures that LaTeX can set.

The index has the terms that the text sets in bold where it defines them, and what the listings of the modules
define. How it looks is said in book/_print/print.sty.
"""

import ast
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform

from bookmaking.pages.citation_formats import in_prose

# Set in bold for the eye, and no terms.
NO_TERMS = {"You will", "You need", "It shows", "It hides", "not"}
# Forms of a citation that nobody reads from paper.
FOR_PROGRAMS = {"RIS", "CSL-JSON"}


class OnPaper(SphinxPostTransform):
    """Changes a page for LaTeX."""

    default_priority = 200
    formats = ("latex",)

    def run(self, **kwargs) -> None:
        """Add index entries, number exercises, keep headings by their tables, drop what programs read."""
        for tab in list(self.document.findall(nodes.container)):
            if "sd-tab-item" in tab["classes"] and tab[0].astext() in FOR_PROGRAMS:
                tab.parent.remove(tab)
        for term in list(self.document.findall(nodes.strong)):
            if is_term(term):
                term.insert(0, entry(term.astext(), f"term-{self.env.new_serialno('index')}"))
        for heading in list(self.document.findall(nodes.paragraph)):
            if "claims-chapter" in heading["classes"]:  # not at the foot of a page, its table on the next
                room = nodes.raw("", r"\needspace{8\baselineskip}", format="latex")
                heading.parent.insert(heading.parent.index(heading), room)
        for listing in list(self.document.findall(nodes.literal_block)):
            block = listing.parent if isinstance(listing.parent, nodes.container) else listing
            for name in defined(listing):
                module = Path(listing["source"]).name
                mark = entry(f"{name} ({module})", f"listing-{self.env.new_serialno('index')}")
                block.parent.insert(block.parent.index(block), mark)
        for reference in list(self.document.findall(addnodes.number_reference)):
            page, _, label = reference.get("refuri", "").lstrip("%").partition("#")
            if label in getattr(self.env, "sphinx_exercise_registry", {}):
                # Sphinx would let LaTeX count, but sphinx-exercise writes the number, and a label of its own.
                number = ".".join(map(str, self.env.toc_fignumbers[page]["exercise"][label]))
                link = rf"\hyperref[exercise:{label}]{{Exercise {number}}}"
                reference.replace_self(nodes.raw("", link, format="latex"))


def is_term(strong: nodes.strong) -> bool:
    """Tell whether the text sets a term in bold, and not the start of a paragraph or a number of a claim."""
    text, paragraph = strong.astext(), strong.parent
    is_prose = isinstance(paragraph, nodes.paragraph) and "claim-measured" not in paragraph["classes"]
    return is_prose and text not in NO_TERMS and text[-1] not in ".:"


def entry(text: str, target: str) -> addnodes.index:
    """Return what makes LaTeX list this place under a text."""
    return addnodes.index(entries=[("single", text, target, "", None)])


def defined(listing: nodes.literal_block) -> list[str]:
    """Return what a listing defines at its top, if it was included from a file of Python."""
    if not listing.get("source", "").endswith(".py"):
        return []
    try:
        body = ast.parse(listing.astext()).body
    except SyntaxError:  # a part of a function
        return []
    return [node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)]


def prepare(app) -> None:
    """Let figures be converted, and let the title page name the book's version and date, not today's."""
    if app.builder.name == "latex":
        # Loaded for the site as well, it would ask for its program there, which only paper needs.
        app.setup_extension("sphinxcontrib.rsvgconverter")
        book = app.config.cited_book
        app.builder.context |= {
            "releasename": "Version",
            "release": book.version,
            "date": in_prose(book.released),
        }


def setup(app) -> dict:
    """Register with Sphinx."""
    app.add_post_transform(OnPaper)
    app.connect("builder-inited", prepare)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
