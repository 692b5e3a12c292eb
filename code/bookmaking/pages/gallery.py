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
from sphinx.util.nodes import make_refnode

from bookmaking.cache.shared_state import Overview, add_overview, noted
from bookmaking.pages import palette
from bookmaking.pages.figure_twins import in_dark_colours, rounded, variant

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


class Gallery(Overview):
    """Leave a place for the pictures, and list the drawing functions below it."""

    def run(self) -> list[nodes.Node]:
        """Write the listings in MyST and let the page's own parser read them."""
        self.env.note_dependency(str(PLOTS))  # read the page again when a file comes or goes
        lines = []
        for name, module in drawing_functions().items():
            lines += [
                f"({target_of(name)})=",
                f"::::{{dropdown}} `plots.{module}.{name}`",
                f"```{{literalinclude}} /code/threelayer/plots/{module}.py",
                f":pyobject: {name}",
                "```",
                "::::",
                "",
            ]
        listings = nodes.container(classes=["gallery-listings"])
        self.state.nested_parse(StringList(lines, source=self.env.docname), self.content_offset, listings)
        return [*super().run(), listings]


def target_of(function: str) -> str:
    """Return the address of a drawing function's listing."""
    return f"draw-{function.replace('_', '-')}"


def collect(app, doctree: nodes.document) -> None:
    """Note the numbered figures of a page that was just read."""
    found = []
    for figure in doctree.findall(nodes.figure):
        image = next(figure.findall(nodes.image), None)
        if image is not None and figure["ids"]:
            small = nodes.image(uri=image["uri"], alt=image.get("alt", ""))
            found += [Drawn(anchor, small, drawing_function(figure)) for anchor in figure["ids"]]
    app.env.metadata[app.env.docname]["figures"] = found


def cards(app, here: str) -> list[nodes.Node]:
    """Return one card for each figure of the book."""
    container = nodes.container(classes=["gallery"])
    for page, figures in noted(app.env, "figures").items():
        numbers = app.env.toc_fignumbers.get(page, {}).get("figure", {})
        for figure in figures:
            if figure.anchor in numbers:
                container += card(app, here, page, figure, ".".join(map(str, numbers[figure.anchor])))
    return [container]


def card(app, here: str, page: str, figure: Drawn, number: str) -> nodes.container:
    """Return the picture, a link to its place, and a link to its drawing function."""
    schemes = ["only-light", "only-dark"] if figure.image["uri"].endswith(".svg") else ["dark-light"]
    if app.builder.format != "html":  # paper has the figures once
        schemes = []
    pictures = [small(app, here, figure.image, scheme) for scheme in schemes]
    picture = nodes.inline("", "", *pictures, classes=["twins"])
    label = nodes.Text(f"Fig. {number}, {app.env.titles[page].astext()}")
    source = nodes.paragraph("", "", make_refnode(app.builder, here, page, figure.anchor, label))
    if figure.function:
        name, target = nodes.literal("", figure.function), target_of(figure.function)
        link = make_refnode(app.builder, here, here, target, name)
        drawn = nodes.paragraph("", "", nodes.Text("drawn by "), link)
    else:
        drawn = nodes.paragraph("drawn on its page", "drawn on its page")
    return nodes.container("", picture, source, drawn, classes=["gallery-card"])


def small(app, here: str, image: nodes.image, scheme: str) -> nodes.image:
    """Return a copy of a figure for a scheme, from a file that is written here unless it was before."""
    source = Path(app.srcdir, image["uri"])
    target = Path(app.outdir).parent / "small" / f"{source.stem}-{scheme}.webp"
    # A figure of a page is named after what it shows, a picture is not.
    if source.suffix != ".svg" or not target.exists():
        target.parent.mkdir(exist_ok=True)
        with pixels(source, dark=scheme == "only-dark") as picture:
            picture.thumbnail((WIDTH, WIDTH))
            picture.save(target, quality=70)
    with Image.open(target) as picture:
        size = picture.size
    uri = Path(os.path.relpath(target, app.srcdir)).as_posix()
    app.env.images.add_file(here, uri)
    return variant(image, uri, scheme, size)


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
    svg, paper = rounded(source.read_text("utf-8")), palette.LIGHT["background"]
    if dark:
        svg, paper = in_dark_colours(svg), palette.DARK["background"]
    png = resvg_py.svg_to_bytes(svg_string=svg, width=WIDTH, background=paper, dpi=96, skip_system_fonts=True)
    return Image.open(io.BytesIO(png)).convert("RGB")


def setup(app) -> dict:
    """Register with Sphinx."""
    add_overview(app, "gallery", cards, Gallery)
    app.connect("doctree-read", collect)
    return {"env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
