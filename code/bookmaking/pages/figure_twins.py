"""Give every SVG figure a twin in the colours of the dark page.

A figure is drawn once, in three fixed colours for ink, grid and paper (`threelayer.plots`). For HTML its file
is copied with these three replaced, and the theme shows whichever of the two fits.
Other formats keep the original, and so do the sources: only what a page drew while it ran is made smaller.
"""

import os
import re
from html import escape
from pathlib import Path
from posixpath import join
from urllib.parse import quote

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

from bookmaking.pages import palette

logger = logging.getLogger(__name__)

# Ink, grid and paper of threelayer.plots, and their dark twins.
DARK = {palette.LIGHT[name]: palette.DARK[name] for name in ("text-base", "border", "background")}
MODE_CLASSES = {"only-light", "only-dark", "dark-light"}  # the theme's; an image that has one is left alone
PIXELS = {"": 1, "px": 1, "pt": 4 / 3, "pc": 16, "in": 96, "cm": 96 / 2.54, "mm": 96 / 25.4}


class sized_image(nodes.image):
    """An image that states its size as attributes, so that the browser reserves its place."""


class TwinFigures(SphinxPostTransform):
    """Puts a light and a dark image in place of each SVG image, and asks every image for alternative text."""

    # After MyST-NB chose the output (4) and resolved glue (5), before Sphinx converts images (100).
    default_priority = 60
    formats = ("html",)

    def run(self, **kwargs) -> None:
        """Replace the page's SVG images."""
        outputs = Path(self.app.outdir).parent.resolve() / "jupyter_execute"  # MyST-NB's
        for image in list(self.document.findall(nodes.image)):
            if not image.get("alt", "").strip():
                logger.warning("image without alternative text (mystnb: image: alt:)", location=image)
            source = Path(self.env.srcdir, image["uri"])
            if source.suffix != ".svg" or not source.is_file() or MODE_CLASSES & set(image["classes"]):
                continue
            svg, folder = source.read_text(encoding="utf-8"), source.parent
            if outputs in source.resolve().parents:
                svg, times = rounded(svg), source.stat()
                source.write_text(svg, encoding="utf-8")
                # As old as before: a page is read again when a file that it shows is newer than its reading.
                os.utime(source, ns=(times.st_atime_ns, times.st_mtime_ns))
            else:
                folder = Path(self.app.doctreedir, "twins", image["uri"]).parent
                folder.mkdir(parents=True, exist_ok=True)
            copy = folder / f"{source.stem}-dark.svg"
            copy.write_text(in_dark_colours(svg), encoding="utf-8")
            uri = Path(os.path.relpath(copy, self.env.srcdir)).as_posix()
            self.env.images.add_file(self.env.docname, uri)
            size = intrinsic_size(svg)
            twins = [variant(image, image["uri"], "only-light", size), variant(image, uri, "only-dark", size)]
            # Within a span: the theme hides, with an image, the caption that follows it in the same element.
            image.replace_self(nodes.inline("", "", *twins, classes=["twins"]))


def rounded(svg: str) -> str:
    """Return the SVG with the coordinates of its paths to a hundredth: smaller, and no visible change."""
    return re.sub(
        r'\bd="[^"]*"', lambda path: re.sub(r"-?\d+\.\d{3,}", lambda n: f"{float(n[0]):.2f}", path[0]), svg
    )


def in_dark_colours(svg: str) -> str:
    """Return the SVG with ink, grid and paper in their dark colours."""
    pattern = re.compile("|".join(map(re.escape, DARK)), re.IGNORECASE)
    return pattern.sub(lambda match: DARK[match.group().lower()], svg)


def intrinsic_size(svg: str) -> tuple[int, int] | None:
    """Return width and height in CSS pixels, or None where the SVG states none."""
    root = re.search(r"<svg\b[^>]*>|$", svg).group()
    lengths = [re.search(rf'\s{side}="([\d.]+)([a-z]*)"', root) for side in ("width", "height")]
    if not all(length and length[2] in PIXELS for length in lengths):
        return None
    width, height = (round(float(length[1]) * PIXELS[length[2]]) for length in lengths)
    return width, height


def variant(image: nodes.image, uri: str, mode: str, size: tuple[int, int] | None) -> sized_image:
    """Return the image with another file, for one of the page's schemes."""
    twin = sized_image("", **image.attributes)
    twin["uri"], twin["candidates"] = uri, {"*": uri}
    twin["classes"] = [*image["classes"], mode]
    if mode == "only-dark":
        twin["ids"] = twin["names"] = []  # of two twins only one can carry the name
    if size:
        twin["size"] = size
    return twin


def visit_sized_image(translator, node: sized_image) -> None:
    """Write the image element."""
    builder = translator.builder
    uri = node["uri"]
    if uri in builder.images:
        uri = join(builder.imgpath, quote(builder.images[uri]))
    classes = [*node["classes"], *([f"align-{node['align']}"] if "align" in node else [])]
    attributes = {"src": uri, "alt": node.get("alt", ""), "class": " ".join(classes)}
    if "size" in node:
        attributes["width"], attributes["height"] = node["size"]
    attributes |= {"loading": "lazy", "decoding": "async"}
    if node["ids"]:
        attributes["id"] = node["ids"][0]
    text = " ".join(f'{name}="{escape(str(value))}"' for name, value in attributes.items())
    translator.body.append(f"<img {text} />\n")
    raise nodes.SkipNode


def setup(app) -> dict:
    """Register node and transform with Sphinx."""
    app.add_node(sized_image, html=(visit_sized_image, None))
    app.add_post_transform(TwinFigures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
