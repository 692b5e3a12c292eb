"""Show every figure of the book where a page says `{gallery}`, and the functions that draw them.

Each figure links to its place, and to the listing of its drawing function below the pictures.
Source: chapter "gallery".
"""

import inspect
import pkgutil
import re
from importlib import import_module

from claims_report import book_order
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

from threelayer import plots


def drawing_functions() -> dict[str, str]:
    """Return the name of every function that returns a Matplotlib figure, and its module's name."""
    found = {}
    for module in pkgutil.iter_modules(plots.__path__):
        for name, function in vars(import_module(f"{plots.__name__}.{module.name}")).items():
            if inspect.isfunction(function) and function.__module__.endswith(f".{module.name}"):
                if getattr(inspect.signature(function).return_annotation, "__name__", "") == "Figure":
                    found[name] = module.name
    return found


class gallery(nodes.General, nodes.Element):
    """Stands where the pictures will be, until all pages have been read."""


class Gallery(SphinxDirective):
    """Leave a place for the pictures, and list the drawing functions below it."""

    def run(self) -> list[nodes.Node]:
        """Write the listings in MyST and let the page's own parser read them."""
        self.env.note_reread()  # the figures of other pages may have changed
        lines = []
        for name, module in drawing_functions().items():
            lines += [
                f"(draw-{name.replace('_', '-')})=",
                f"::::{{dropdown}} `plots.{module}.{name}`",
                f"```{{literalinclude}} /code/threelayer/plots/{module}.py",
                f":pyobject: {name}",
                "```",
                "::::",
                "",
            ]
        listings = nodes.container(classes=["gallery-listings"])
        self.state.nested_parse(StringList(lines, source=self.env.docname), self.content_offset, listings)
        return [gallery(), listings]


class FillGallery(SphinxPostTransform):
    """Replace the placeholder by one card for each figure."""

    # Before the dark twins are made (60). The pages themselves are read as they were stored.
    default_priority = 8

    def run(self, **kwargs) -> None:
        """Fill every placeholder of the page."""
        for placeholder in list(self.document.findall(gallery)):
            cards = nodes.container(classes=["gallery"])
            for page in book_order(self.env):
                if page != self.env.docname and page in self.env.toc_fignumbers:
                    cards += self.cards(page)
            placeholder.replace_self(cards)

    def cards(self, page: str) -> list[nodes.Node]:
        """Return the cards of a page's figures, in the order of the page."""
        numbers = self.env.toc_fignumbers[page].get("figure", {})
        cards = []
        for figure in self.env.get_doctree(page).findall(nodes.figure):
            image = next(figure.findall(nodes.image), None)
            anchor = next((name for name in figure["ids"] if name in numbers), None)
            if image is not None and anchor is not None:
                cards.append(self.card(page, anchor, numbers[anchor], image, figure))
        return cards

    def card(
        self, page: str, anchor: str, number: tuple[int, ...], image: nodes.image, figure: nodes.figure
    ) -> nodes.container:
        """Return the picture, a link to its place, and a link to its drawing function."""
        self.env.images.add_file(self.env.docname, image["uri"])
        picture = nodes.image(uri=image["uri"], alt=image["alt"], candidates={"*": image["uri"]})
        label = f"Fig. {'.'.join(map(str, number))}, {self.env.titles[page].astext()}"
        place = nodes.paragraph("", "", self.link(page, anchor, nodes.Text(label)))
        drawn = nodes.paragraph("drawn on its page", "drawn on its page")
        if name := drawing_function(figure):
            target = f"draw-{name.replace('_', '-')}"
            drawn = nodes.paragraph("", "", nodes.Text("drawn by "))
            drawn += self.link(self.env.docname, target, nodes.literal("", name))
        return nodes.container("", picture, place, drawn, classes=["gallery-card"])

    def link(self, page: str, anchor: str, content: nodes.Node) -> nodes.reference:
        """Link to an anchor of this page or of another."""
        return make_refnode(self.app.builder, self.env.docname, page, anchor, content)


def drawing_function(figure: nodes.figure) -> str | None:
    """Return the drawing function that the figure's cell calls first, or None where it calls none of them."""
    known, cell = drawing_functions(), figure.parent
    while cell is not None and "cell_index" not in cell:
        cell = cell.parent
    if cell is None:  # a picture from a file
        return None
    source = next(cell.findall(nodes.literal_block)).astext()
    return next((name for name in re.findall(r"\.(\w+)\(", source) if name in known), None)


def setup(app) -> dict:
    """Register directive and transform with Sphinx."""
    app.add_node(gallery)
    app.add_directive("gallery", Gallery)
    app.add_post_transform(FillGallery)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
