"""Code as the site colours it, under the name of its file, its marked lines on a band that moves."""

import math
import re
from pathlib import Path

from PIL import Image, ImageDraw
from pygments.lexers import get_lexer_for_filename
from pygments.lexers.special import TextLexer
from pygments.styles import get_style_by_name
from pygments.util import ClassNotFound

from bookmaking.films import source
from bookmaking.films.blocks import LEVELS, Block, Look
from bookmaking.films.canvas import LEFT, RIGHT, SMALLEST, SURFACE, font, mixed, write
from bookmaking.films.scenes import FilmError
from bookmaking.site.lettering import MUTED
from threelayer.plots.style import INK

STYLES = dict(get_style_by_name("a11y-high-contrast-light"))  # those of the site, by token
READ_AS = {".cff": "x.yaml"}  # what Pygments does not know by its name
# The number of a line, and the coloured parts of it that stand in this row.
Row = tuple[int, list[tuple[str, str]]]


class Code(Block):
    """Lines of code, the size as large as they fit."""

    HEADER, MARGIN = 52, 22

    def __init__(self, root: Path, argument: str, color: str) -> None:
        self.name, self.text = source.code(root, argument)
        self.identity, self.color = f"{self.name}\n{self.text}", color
        self.lines: list[list[tuple[str, str]]] = [[]]
        for token, value in _lexer(self.name.split()[0]).get_tokens(self.text):
            while token not in STYLES:
                token = token.parent
            shade = f"#{STYLES[token]['color'] or INK[1:]}"
            for number, part in enumerate(value.split("\n")):
                if number:
                    self.lines.append([])
                if part:
                    self.lines[-1].append((part, shade))

    def size(self, level: int) -> int:
        """Return the size of its letters in pixels."""
        return max(SMALLEST, 38 - level)

    def rows(self, level: int) -> list[Row]:
        """Break what is too long into rows, before what would pass the edge; comments between words."""
        most, rows = int((RIGHT - LEFT - 60) / font("code", self.size(level)).getlength("x")), []
        for number, parts in enumerate(self.lines):
            text = "".join(part for part, _ in parts)
            hanging = " " * (len(text) - len(text.lstrip()) + 4)
            row, used = [], 0
            for part, shade in parts:
                for word in re.findall(r"\s*\S+\s*?", part) if len(part) > 40 else [part]:
                    if used + len(word.rstrip()) > most:
                        rows.append((number, row))
                        word = word.lstrip()
                        row, used = [(hanging, INK)], len(hanging)
                    row.append((word, shade))
                    used += len(word)
            rows.append((number, row))
        return rows

    def step(self, level: int) -> int:
        """Return the height of a row in pixels."""
        return round(1.36 * self.size(level))

    def height(self, level: int) -> float:
        rows = len(self.rows(level))
        if rows > len(self.lines) and level < LEVELS - 1:  # rather smaller than broken
            return math.inf
        return self.HEADER + 2 * self.MARGIN + rows * self.step(level)

    def parts(self, cue: str) -> frozenset[int]:
        lines = self.text.split("\n")
        first, ranged, last = cue.partition(" ... ")
        if not ranged:
            return frozenset(number for number, line in enumerate(lines) if first in line)
        try:
            begin = source.find_line(lines, first, self.name)
            return frozenset(range(begin, begin + source.find_line(lines[begin:], last, self.name) + 1))
        except FilmError:
            return frozenset()

    def draw(self, image: Image.Image, top: int, level: int, look: Look) -> None:
        draw, step, size, rows = ImageDraw.Draw(image), self.step(level), self.size(level), self.rows(level)
        write(image, (LEFT, top + 4), self.name, "text", 28, MUTED)
        top += self.HEADER
        bottom = top + 2 * self.MARGIN + len(rows) * step
        draw.rounded_rectangle((LEFT, top, RIGHT, bottom), 14, fill=SURFACE)
        draw.rounded_rectangle((LEFT, top, LEFT + 10, bottom), 5, fill=self.color)
        top += self.MARGIN
        for low, high, strength in _bands(rows, look):
            fill = mixed(self.color, 0.2 * strength, SURFACE)
            draw.rectangle((LEFT + 10, top + low * step - 3, RIGHT, top + high * step - 3), fill=fill)
        for place, (number, parts) in enumerate(rows):
            x, middle = LEFT + 40.0, top + place * step + step // 2 - 2
            for text, shade in parts:
                color = mixed(shade, look.lit(number), SURFACE)
                draw.text((x, middle), text, font=font("code", size), fill=color, anchor="lm")
                x += font("code", size).getlength(text)


def _lexer(path: str):
    try:
        return get_lexer_for_filename(READ_AS.get(Path(path).suffix, path), stripnl=False, ensurenl=False)
    except ClassNotFound:
        return TextLexer(stripnl=False, ensurenl=False)


def _bands(rows: list[Row], look: Look) -> list[tuple[float, float, float]]:
    """Return top, bottom and strength of the bands behind marked rows, in rows."""
    old, new = (
        [n for n, (line, _) in enumerate(rows) if line in (marks or ())]
        for marks in (look.before, look.after)
    )
    if old and new and _connected(old) and _connected(new):  # one band slides
        low = (1 - look.share) * old[0] + look.share * new[0]
        high = (1 - look.share) * (old[-1] + 1) + look.share * (new[-1] + 1)
        return [(low, high, 1.0)]
    return [(n, n + 1, look.marked(line)) for n, (line, _) in enumerate(rows) if look.marked(line)]


def _connected(places: list[int]) -> bool:
    return places[-1] - places[0] == len(places) - 1
