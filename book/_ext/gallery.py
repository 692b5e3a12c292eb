"""Show every figure of the book where a page says `{gallery}`, and the functions that draw them.

Each figure links to its place, and to the listing of its drawing function below the pictures. The pictures
are small copies: all figures together weigh more than a page may.
Source: chapter "gallery".
"""

import ast
import io
import os
import re
from functools import cache
from pathlib import Path

import resvg_py
from claims_report import book_order
from docutils import nodes
from docutils.statemachine import StringList
from figure_twins import DARK, PAPER, in_dark_colours, rounded, variant
from PIL import Image
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

PLOTS = Path(__file__).parents[2] / "code/threelayer/plots"
WIDTH = 480  # pixels of a small picture: a card's width on a screen with three pixels for two


@cache
def drawing_functions() -> dict[str, str]:
    """Return the name of every function that returns a Matplotlib figure, and its module's name.

    They are read, not imported: Matplotlib and its company would take longer than the rest of a short build.
    """
    return {
        statement.name: path.stem
        for path in sorted(PLOTS.glob("*.py"))
        for statement in ast.parse(path.read_text("utf-8")).body
        if isinstance(statement, ast.FunctionDef) and getattr(statement.returns, "id", None) == "Figure"
    }


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
        picture = nodes.inline("", "", *self.pictures(image), classes=["twins"])
        label = f"Fig. {'.'.join(map(str, number))}, {self.env.titles[page].astext()}"
        place = nodes.paragraph("", "", self.link(page, anchor, nodes.Text(label)))
        drawn = nodes.paragraph("drawn on its page", "drawn on its page")
        if name := drawing_function(figure):
            target = f"draw-{name.replace('_', '-')}"
            drawn = nodes.paragraph("", "", nodes.Text("drawn by "))
            drawn += self.link(self.env.docname, target, nodes.literal("", name))
        return nodes.container("", picture, place, drawn, classes=["gallery-card"])

    def pictures(self, image: nodes.image) -> list[nodes.image]:
        """Return small copies of a figure: of an SVG a light and a dark one, otherwise one."""
        if image["uri"].endswith(".svg"):
            return [self.small(image, scheme) for scheme in ("only-light", "only-dark")]
        return [self.small(image, "dark-light")]

    def small(self, image: nodes.image, scheme: str) -> nodes.image:
        """Return a copy of a figure for a scheme, from a file that is written here unless it was before."""
        source = Path(self.env.srcdir, image["uri"])
        target = Path(self.app.outdir).parent / "small" / f"{source.stem}-{scheme}.webp"
        # A figure of a page is named after what it shows, a picture is not.
        if source.suffix != ".svg" or not target.exists():
            target.parent.mkdir(exist_ok=True)
            with pixels(source, dark=scheme == "only-dark") as picture:
                picture.thumbnail((WIDTH, WIDTH))
                picture.save(target, quality=70)
        with Image.open(target) as picture:
            size = picture.size
        uri = Path(os.path.relpath(target, self.env.srcdir)).as_posix()
        self.env.images.add_file(self.env.docname, uri)
        return variant(image, uri, scheme, size)

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


def pixels(source: Path, dark: bool) -> Image.Image:
    """Return a picture, and a drawing in pixels on its paper: on none it weighs half more."""
    if source.suffix != ".svg":
        return Image.open(source)
    svg, paper = rounded(source.read_text("utf-8")), PAPER
    if dark:
        svg, paper = in_dark_colours(svg), DARK[PAPER]
    png = resvg_py.svg_to_bytes(svg_string=svg, width=WIDTH, background=paper, dpi=96, skip_system_fonts=True)
    return Image.open(io.BytesIO(png)).convert("RGB")


def setup(app) -> dict:
    """Register directive and transform with Sphinx."""
    app.add_node(gallery)
    app.add_directive("gallery", Gallery)
    app.add_post_transform(FillGallery)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
