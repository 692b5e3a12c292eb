"""What the chapters show as pictures: equations, figures, and the fitted surface while the network learns."""

import io
import math
import re
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import resvg_py
from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import MathTextParser
from PIL import Image

from bookmaking.cache.keyed_cache import digest
from bookmaking.films import source
from bookmaking.films.blocks import Block, Look
from bookmaking.films.canvas import BOTTOM, LEFT, RIGHT, SMALLEST, TOP, WIDTH, mixed
from bookmaking.films.learning import surface
from bookmaking.films.scenes import FilmError
from threelayer import Config
from threelayer.plots.style import INK, PAPER


class Equation(Block):
    """Equations of a chapter, below each other."""

    GAP = 34  # pixels

    def __init__(self, root: Path, argument: str) -> None:
        page, _, labels = argument.partition(":")
        self.labels = labels.split()
        self.lines = [
            (n, line) for n, label in enumerate(self.labels) for line in source.equation(root, page, label)
        ]
        self.identity = repr(self.lines)

    def pictures(self, level: int) -> list[tuple[int, np.ndarray]]:
        """Return the number of each equation, and a line of it."""
        size = 66 - 2 * level  # indices are 0.7 as high, and must be legible as well
        return [(number, mathematics(line, size)) for number, line in self.lines]

    def height(self, level: int) -> float:
        pictures = [picture for _, picture in self.pictures(level)]
        fits = max(picture.shape[1] for picture in pictures) <= RIGHT - LEFT
        return sum(picture.shape[0] + self.GAP for picture in pictures) + 10 if fits else math.inf

    def parts(self, cue: str) -> frozenset[int]:
        return frozenset(number for number, label in enumerate(self.labels) if label == cue)

    def draw(self, image: Image.Image, top: int, level: int, look: Look) -> None:
        top += self.GAP // 2 + 5
        for number, picture in self.pictures(level):
            left = (WIDTH - picture.shape[1]) // 2
            box = (left, top, left + picture.shape[1], top + picture.shape[0])
            image.paste(mixed(INK, look.lit(number)), box, Image.fromarray(picture))
            top += picture.shape[0] + self.GAP


@cache
def mathematics(tex: str, size: int) -> np.ndarray:
    """Return the opacity of a typeset formula, `size` pixels the em."""
    prop = FontProperties(size=size, math_fontfamily="cm")
    return np.asarray(MathTextParser("agg").parse(f"${tex}$", dpi=72, prop=prop).image)


class Figure(Block):
    """A figure of a chapter, as its last run drew it."""

    def __init__(self, svg: str, name: str) -> None:
        self.svg, self.name, self.identity = svg, name, svg
        scale(svg, name)

    def height(self, level: int) -> float:
        return BOTTOM - TOP

    def draw(self, image: Image.Image, top: int, level: int, look: Look) -> None:
        put(fitted(self.svg, self.name), image, top)


class Surface(Block):
    """The fitted surface beside the truth; a mark is an epoch, at which it is when the sentence begins."""

    glides = True

    def __init__(self, root: Path) -> None:
        sources = [
            path.relative_to(root).as_posix() for path in Path(root, "code", "threelayer").rglob("*.py")
        ]
        self.identity = digest(root, sources)

    def height(self, level: int) -> float:
        return BOTTOM - TOP

    def parts(self, cue: str) -> frozenset[int]:
        return frozenset({int(cue)}) if cue.isdigit() and int(cue) <= Config().epochs else frozenset()

    def draw(self, image: Image.Image, top: int, level: int, look: Look) -> None:
        first, second = (max(marks or (0,)) for marks in (look.before, look.after))
        # Evenly in the logarithm: most happens in the first epochs.
        epoch = math.expm1((1 - look.share) * math.log1p(first) + look.share * math.log1p(second))
        put(fitted(surface(round(epoch)), "the surface"), image, top)


def put(picture: Image.Image, image: Image.Image, top: int) -> None:
    """Put a picture into the middle of its place."""
    image.paste(picture, ((WIDTH - picture.width) // 2, top + (BOTTOM - TOP - picture.height) // 2))


@lru_cache(maxsize=4)
def fitted(svg: str, name: str) -> Image.Image:
    """Return a drawing of Matplotlib without its margins, as large as there is room."""
    picture = _pixels(svg, scale(svg, name))
    return picture.crop(_inked(picture))


def scale(svg: str, name: str) -> float:
    """Return how many pixels a point of a drawing has where it is as large as there is room.

    Raises
    ------
    FilmError
        When its words would be too small to be read, indices and exponents aside.
    """
    left, top, right, bottom = _inked(_pixels(svg, 1.0))
    zoom = 0.99 * min((RIGHT - LEFT) / (right - left), (BOTTOM - TOP) / (bottom - top))  # edges are blurred
    sizes = [100 * float(size) for size in re.findall(r"scale\((0?\.\d+) -", svg)]  # of words drawn as paths
    if not sizes or min(sizes) * zoom < SMALLEST:
        raise FilmError(f"the words of {name} would be {min(sizes, default=0) * zoom:.0f} pixels high")
    return zoom


def _pixels(svg: str, zoom: float) -> Image.Image:
    width = round(zoom * float(re.search(r'<svg[^>]*? width="([\d.]+)pt"', svg)[1]))
    png = resvg_py.svg_to_bytes(svg_string=svg, width=width, background=PAPER, dpi=96, skip_system_fonts=True)
    return Image.open(io.BytesIO(png)).convert("RGB")


def _inked(picture: Image.Image) -> tuple[int, int, int, int]:
    """Return the box around all that is not paper."""
    return Image.eval(picture.convert("L"), lambda value: 255 - value).getbbox()
