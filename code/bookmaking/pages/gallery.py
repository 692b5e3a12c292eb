"""Show every figure of the book where a page says `{gallery}`, and the functions that draw them.

Each figure links to its place, and to the listing of its drawing function below the pictures. The pictures
are small copies: all figures together weigh more than a page may.
Source: chapter "gallery".
"""

import ast
import io
import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import resvg_py
from docutils import nodes
from docutils.statemachine import StringList
from PIL import Image
from sphinx.environment.collectors import EnvironmentCollector
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

from bookmaking.cache.shared_state import changed
from bookmaking.pages.claims_report import book_order
from bookmaking.pages.figure_twins import DARK, PAPER, in_dark_colours, rounded, variant

PLOTS = Path(__file__).parents[2] / "threelayer" / "plots"
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


@dataclass(frozen=True)
class Drawn:
    """A figure of a page: its anchor, its picture, and the function that drew it, if one did."""

    anchor: str
    image: nodes.image
    function: str | None


class gallery(nodes.General, nodes.Element):
    """Stands where the pictures will be, until all pages have been read."""


class Gallery(SphinxDirective):
    """Leave a place for the pictures, and list the drawing functions below it."""

    def run(self) -> list[nodes.Node]:
        """Write the listings in MyST and let the page's own parser read them."""
        self.env.note_dependency(str(PLOTS))  # read the page again when a file comes or goes
        gallery_pages(self.env).add(self.env.docname)
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


class FigureCollector(EnvironmentCollector):
    """Keeps `env.book_figures`, the figures of each page, in step with the pages."""

    def clear_doc(self, app, env, docname: str) -> None:
        """Forget a page that is read again or has gone."""
        figures_of(env).pop(docname, None)
        gallery_pages(env).discard(docname)

    def merge_other(self, app, env, docnames: set[str], other) -> None:
        """Take over what a parallel reader collected."""
        figures_of(env).update({page: figures_of(other)[page] for page in docnames})
        gallery_pages(env).update(gallery_pages(other) & docnames)

    def process_doc(self, app, doctree: nodes.document) -> None:
        """Collect the numbered figures of a page that was just read."""
        found = figures_of(app.env)[app.env.docname] = []
        for figure in doctree.findall(nodes.figure):
            image = next(figure.findall(nodes.image), None)
            if image is not None and figure["ids"]:
                small = nodes.image(uri=image["uri"], alt=image.get("alt", ""))
                found += [Drawn(anchor, small, drawing_function(figure)) for anchor in figure["ids"]]

    def get_updated_docs(self, app, env) -> list[str]:
        """Write the gallery anew when a figure has changed."""
        figures = {page: [vars(figure) for figure in found] for page, found in figures_of(env).items()}
        return sorted(gallery_pages(env)) if changed(env, "gallery", figures) else []


class FillGallery(SphinxPostTransform):
    """Replace the placeholder by one card for each figure."""

    default_priority = 8  # before the dark twins are made (60)

    def run(self, **kwargs) -> None:
        """Fill every placeholder of the page."""
        for placeholder in list(self.document.findall(gallery)):
            cards = nodes.container(classes=["gallery"])
            for page in book_order(self.env):
                numbers = self.env.toc_fignumbers.get(page, {}).get("figure", {})
                for figure in figures_of(self.env).get(page, []):
                    if figure.anchor in numbers:
                        cards += self.card(page, figure, numbers[figure.anchor])
            placeholder.replace_self(cards)

    def card(self, page: str, figure: Drawn, number: tuple[int, ...]) -> nodes.container:
        """Return the picture, a link to its place, and a link to its drawing function."""
        pictures = (
            self.pictures(figure.image) if self.app.builder.format == "html" else []
        )  # paper has them once
        picture = nodes.inline("", "", *pictures, classes=["twins"])
        label = f"Fig. {'.'.join(map(str, number))}, {self.env.titles[page].astext()}"
        place = nodes.paragraph("", "", self.link(page, figure.anchor, nodes.Text(label)))
        drawn = nodes.paragraph("drawn on its page", "drawn on its page")
        if figure.function:
            target = f"draw-{figure.function.replace('_', '-')}"
            drawn = nodes.paragraph("", "", nodes.Text("drawn by "))
            drawn += self.link(self.env.docname, target, nodes.literal("", figure.function))
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


def figures_of(env) -> dict[str, list[Drawn]]:
    """Return the figures of every page, to be changed in place."""
    if not hasattr(env, "book_figures"):
        env.book_figures = {}
    return env.book_figures


def gallery_pages(env) -> set[str]:
    """Return the pages that show the gallery, to be changed in place."""
    if not hasattr(env, "gallery_pages"):
        env.gallery_pages = set()
    return env.gallery_pages


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
    app.add_env_collector(FigureCollector)
    app.add_post_transform(FillGallery)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
