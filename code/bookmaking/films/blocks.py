"""What is shown is made of blocks. Here is what all have in common, and those of words: cards, tables, trees.

A block knows how high it is at each of `LEVELS` sizes, which of its parts a mark in the narration means, and
how to draw itself while one mark gives way to the next.
"""

import math
import textwrap
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from PIL import Image, ImageDraw

from bookmaking.films.canvas import LEFT, RIGHT, SMALLEST, SURFACE, font, mixed, write
from bookmaking.films.scenes import FilmError
from bookmaking.pages import palette
from bookmaking.site.lettering import HEADING, MUTED, wrapped
from threelayer.plots.style import GRID, INK

LEVELS = 11  # sizes that are tried, the largest first
Marks = frozenset[int] | None  # parts that are marked; None where nothing is, so that all is as clear


@dataclass(frozen=True)
class Look:
    """One moment of a block: `share` of the way from one mark to the next."""

    before: Marks = None
    after: Marks = None
    share: float = 1.0

    def lit(self, part: int) -> float:
        """Return how clearly a part is seen: what is not spoken of steps back."""
        return self._between(lambda marks: 1.0 if marks is None or part in marks else 0.5)

    def marked(self, part: int) -> float:
        """Return how strongly a part is marked."""
        return self._between(lambda marks: float(part in (marks or ())))

    def _between(self, value) -> float:
        return (1 - self.share) * value(self.before) + self.share * value(self.after)


class Block(ABC):
    """Something that is shown; `identity` is what it shows, for the cache."""

    identity = ""
    glides = False  # whether it is on its way to its next mark all the time, and not only when that is spoken

    @abstractmethod
    def height(self, level: int) -> float:
        """Return how high it is at a size, infinity where it does not fit."""

    def parts(self, cue: str) -> frozenset[int]:
        """Return the parts that a mark in the narration means, none if it means something else."""
        return frozenset()

    @abstractmethod
    def draw(self, image: Image.Image, top: int, level: int, look: Look) -> None:
        """Draw itself below `top`."""


class Title(Block):
    """A title card: a name, large, and a line below."""

    def __init__(self, argument: str, color: str) -> None:
        self.title, _, self.below = (part.strip() for part in argument.partition("|"))
        self.identity, self.color = argument, color

    def height(self, level: int) -> float:
        return 520

    def draw(self, image: Image.Image, top: int, level: int, look: Look) -> None:
        width = RIGHT - LEFT - 60
        size = next(s for s in range(92, 0, -4) if font("bold", s).getlength(self.title) < width)
        box = (LEFT, top + 150, LEFT + 16, top + 390)
        ImageDraw.Draw(image).rounded_rectangle(box, 8, fill=self.color)
        write(image, (LEFT + 60, top + 215), self.title, "bold", size, HEADING, "lm")
        for number, line in enumerate(wrapped(self.below, "text", 42, width)):
            write(image, (LEFT + 60, top + 325 + 58 * number), line, "text", 42, MUTED, "lm")


class Numbers(Block):
    """Numbers beside each other, each large, with what it is below."""

    ROWS = 3  # of the words below a number

    def __init__(self, arguments: list[str], color: str) -> None:
        self.pairs = [tuple(part.strip() for part in one.partition("|")[::2]) for one in arguments]
        self.identity, self.color = repr(arguments), color
        self.width = (RIGHT - LEFT + 40) / len(self.pairs) - 40
        for _, label in self.pairs:
            if len(wrapped(label, "text", 32, self.width - 50)) > self.ROWS:
                raise FilmError(f'there is no room for "{label}"')

    def height(self, level: int) -> float:
        return 206 + 44 * self.ROWS

    def parts(self, cue: str) -> frozenset[int]:
        return frozenset(number for number, (_, label) in enumerate(self.pairs) if cue in label)

    def draw(self, image: Image.Image, top: int, level: int, look: Look) -> None:
        draw, bottom = ImageDraw.Draw(image), top + self.height(level) - 10
        for number, (value, label) in enumerate(self.pairs):
            lit, left = look.lit(number), LEFT + number * (self.width + 40)
            draw.rounded_rectangle((left, top + 10, left + self.width, bottom), 14, fill=SURFACE)
            draw.rounded_rectangle(
                (left, top + 10, left + self.width, top + 20), 5, fill=mixed(self.color, lit)
            )
            size = next(s for s in range(86, 0, -2) if font("bold", s).getlength(value) < self.width - 60)
            middle = int(left + self.width / 2)
            write(image, (middle, top + 110), value, "bold", size, mixed(self.color, lit, SURFACE), "mm")
            for row, line in enumerate(wrapped(label, "text", 32, self.width - 50)):
                write(image, (middle, top + 206 + 44 * row), line, "text", 32, mixed(INK, lit, SURFACE), "mm")


class Table(Block):
    """Rows of words in columns; the first row names the columns."""

    def __init__(self, rows: list[str], color: str) -> None:
        self.rows = [[cell.strip() for cell in row.split("|")] for row in rows]
        if len({len(row) for row in self.rows}) > 1:
            raise FilmError(f"the rows of the table that begins with {rows[0]!r} have different lengths")
        self.identity, self.color = repr(rows), color

    def size(self, level: int) -> int:
        """Return the size of its words in pixels."""
        return max(SMALLEST, 38 - level)

    def step(self, level: int) -> int:
        """Return the height of a row in pixels."""
        return round(1.75 * self.size(level))

    def widths(self, level: int) -> list[float]:
        """Return the width of each column in pixels."""
        measure = font("bold", self.size(level)).getlength
        return [max(measure(cell) for cell in column) + 40 for column in zip(*self.rows, strict=True)]

    def height(self, level: int) -> float:
        fits = sum(self.widths(level)) <= RIGHT - LEFT
        return len(self.rows) * self.step(level) + 40 if fits else math.inf

    def parts(self, cue: str) -> frozenset[int]:
        return frozenset(n for n, row in enumerate(self.rows) if n and any(cue in cell for cell in row))

    def draw(self, image: Image.Image, top: int, level: int, look: Look) -> None:
        draw, step, widths = ImageDraw.Draw(image), self.step(level), self.widths(level)
        spare = (RIGHT - LEFT - sum(widths)) / len(widths)
        for number, row in enumerate(self.rows):
            y, head = top + 20 + number * step, number == 0
            if look.marked(number):
                draw.rectangle((LEFT, y, RIGHT, y + step), fill=mixed(self.color, 0.16 * look.marked(number)))
            left = LEFT + 12.0
            for cell, width in zip(row, widths, strict=True):
                color, kind = (HEADING, "bold") if head else (mixed(INK, look.lit(number)), "text")
                write(image, (int(left), y + step // 2), cell, kind, self.size(level), color, "lm")
                left += width + spare
            draw.line((LEFT, y + step, RIGHT, y + step), fill=MUTED if head else GRID, width=3 if head else 1)


class Tree(Block):
    """Folders and files of the repository, and what each is."""

    SIZE, WORDS = 42, 620  # pixels: the height of the names, and from them to the words
    STEP = 49  # at that size the lines of the font's branches meet

    def __init__(self, root: Path, arguments: list[str], color: str) -> None:
        said = dict(tuple(part.strip() for part in one.partition("|")[::2]) for one in arguments)
        if missing := [path for path in said if not (root / path).exists()]:
            raise FilmError(f"the repository has no {', '.join(missing)}")
        above = {path: [str(folder) for folder in PurePosixPath(path).parents][-2::-1] for path in said}
        paths = list(dict.fromkeys(one for path in said for one in (*above[path], path)))
        folders = [str(PurePosixPath(path).parent) for path in paths]
        self.rows = []
        for number, path in enumerate(paths):
            goes_on = set(folders[number + 1 :])  # folders that have more entries below
            lines = [
                "│  " if str(PurePosixPath(one).parent) in goes_on else "   " for one in above.get(path, ())
            ]
            branch = "├─ " if folders[number] in goes_on else "└─ "
            name = PurePosixPath(path).name + "/" * (root / path).is_dir()
            self.rows.append(("".join(lines) + branch + name, said.get(path, "")))
        self.identity, self.color = repr(self.rows), color

    def height(self, level: int) -> float:
        return self.STEP * len(self.rows) + 20

    def parts(self, cue: str) -> frozenset[int]:
        return frozenset(number for number, row in enumerate(self.rows) if any(cue in part for part in row))

    def draw(self, image: Image.Image, top: int, level: int, look: Look) -> None:
        for number, (name, words) in enumerate(self.rows):
            middle, lit = top + 10 + self.STEP * number + self.STEP // 2, look.lit(number)
            band = (LEFT - 20, middle - self.STEP // 2, RIGHT + 20, middle + self.STEP // 2)
            ImageDraw.Draw(image).rectangle(band, fill=mixed(self.color, 0.16 * look.marked(number)))
            write(image, (LEFT, middle), name, "code", self.SIZE, mixed(INK, lit), "lm")
            write(image, (LEFT + self.WORDS, middle), words, "text", 34, mixed(MUTED, lit), "lm")


class Terminal(Block):
    """A command and what it answered."""

    DARK, ANSWER, COMMAND = (palette.DARK[name] for name in ("background", "text-base", "primary"))
    SIZE, STEP = 31, 44

    def __init__(self, command: str, answer: str) -> None:
        columns = int((RIGHT - LEFT - 72) / font("code", self.SIZE).getlength("x"))
        self.lines = [f"$ {command}", *answer.rstrip().split("\n")]
        self.rows = []  # the number of its line, and what stands in the row
        for number, line in enumerate(self.lines):
            indent = " " * (len(line) - len(line.lstrip()) + 2)
            parts = textwrap.wrap(line, columns, subsequent_indent=indent, break_on_hyphens=False) or [""]
            self.rows += [(number, part) for part in parts]
        self.identity = repr(self.rows)

    def height(self, level: int) -> float:
        return 80 + self.STEP * len(self.rows)

    def parts(self, cue: str) -> frozenset[int]:
        return frozenset(number for number, line in enumerate(self.lines) if cue in line)

    def draw(self, image: Image.Image, top: int, level: int, look: Look) -> None:
        box = (LEFT, top + 10, RIGHT, top + self.height(level) - 10)
        ImageDraw.Draw(image).rounded_rectangle(box, 14, fill=self.DARK)
        for place, (number, text) in enumerate(self.rows):
            color = mixed(self.ANSWER if number else self.COMMAND, look.lit(number), self.DARK)
            write(image, (LEFT + 36, top + 62 + self.STEP * place), text, "code", self.SIZE, color, "lm")
