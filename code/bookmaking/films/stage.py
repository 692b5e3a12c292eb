"""A shot on the page: its blocks, how large they are, where they stand, and what a mark means to them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from PIL import Image

from bookmaking.films.blocks import LEVELS, Block, Look, Marks, Numbers, Table, Terminal, Title, Tree
from bookmaking.films.canvas import BOTTOM, TOP, accent
from bookmaking.films.code_block import Code
from bookmaking.films.measured import Measured
from bookmaking.films.pictures import Equation, Figure, Surface
from bookmaking.films.pronunciation import spoken
from bookmaking.films.scenes import FilmError, Scene, Shot

GAP = 24  # pixels between blocks
PATIENCE = 60  # seconds that a command may take
# What each kind of line in a scene shows.
ALONE = {
    "title": lambda measured, argument, color: Title(argument, color),
    "code": lambda measured, argument, color: Code(measured.root, argument, color),
    "equation": lambda measured, argument, color: Equation(measured.root, argument),
    "figure": lambda measured, argument, color: Figure(
        measured.figure(*argument.split(maxsplit=1)), argument
    ),
    "run": lambda measured, argument, color: Terminal(argument, answer(measured.root, argument)),
    "surface": lambda measured, argument, color: Surface(measured.root),
}
TOGETHER = {"row": Table, "number": Numbers}  # lines that follow each other are one block
Looks = tuple[Look, ...]  # one for each block


class Stage:
    """The blocks of a shot.

    Raises
    ------
    FilmError
        When something is not there, does not fit or cannot be said, or a mark means nothing of what is shown.
    """

    def __init__(self, measured: Measured, scene: Scene, shot: Shot) -> None:
        try:
            for sentence in shot.sentences:
                spoken(sentence.text)  # refused now, and not when other scenes have been made
            self.blocks = list(_blocks(measured, shot, accent(scene.page)))
            self.is_title = isinstance(self.blocks[0], Title)
            self.level, heights = self._level()
            self.marks = self._marks(shot)
        except FilmError as error:
            raise FilmError(f"{scene.film}/{scene.name}: {error}") from error
        top, self.tops = TOP + (BOTTOM - TOP - _together(heights)) / 2, []
        for height in heights:
            self.tops.append(int(top))
            top += height + GAP

    @property
    def identity(self) -> list[str]:
        """What is shown, for the cache."""
        return [f"{type(block).__name__} {block.identity}" for block in self.blocks]

    def draw(self, page: Image.Image, looks: Looks) -> Image.Image:
        """Return the page with the blocks on it."""
        image = page.copy()
        for block, top, look in zip(self.blocks, self.tops, looks, strict=True):
            block.draw(image, top, self.level, look)
        return image

    def _level(self) -> tuple[int, list[float]]:
        for level in range(LEVELS):
            heights = [block.height(level) for block in self.blocks]
            if _together(heights) <= BOTTOM - TOP:
                return level, heights
        raise FilmError(f"there is no room for {', '.join(self.identity)[:200]}")

    def _marks(self, shot: Shot) -> list[tuple[Marks, ...]]:
        """Return what is marked in each block while each sentence is spoken."""
        marks, now = [], tuple(None for _ in self.blocks)
        for sentence in shot.sentences:
            if sentence.cue == "":
                now = tuple(None for _ in self.blocks)
            elif sentence.cue is not None:
                now = self._meant(sentence.cue)
            marks.append(now)
        return marks

    def _meant(self, cue: str) -> tuple[Marks, ...]:
        parts = [block.parts(cue) for block in self.blocks]
        meant = {type(block) for block, part in zip(self.blocks, parts, strict=True) if part}
        if not meant:
            raise FilmError(f"nothing that is shown has [{cue}]")
        # What is of the marked kind, and has no mark itself, steps back. An equation beside code does not.
        return tuple(
            part if part or type(block) in meant else None
            for block, part in zip(self.blocks, parts, strict=True)
        )


def _blocks(measured: Measured, shot: Shot, color: str) -> Iterator[Block]:
    for kind, lines in groupby(shot.shown, key=lambda one: one[0]):
        arguments = [argument for _, argument in lines]
        if kind == "tree":
            yield Tree(measured.root, arguments, color)
        elif kind in TOGETHER:
            yield TOGETHER[kind](arguments, color)
        elif kind in ALONE:
            yield from (ALONE[kind](measured, argument, color) for argument in arguments)
        else:
            raise FilmError(
                f"@{kind} is not known: there are {', '.join(sorted({*ALONE, *TOGETHER, 'tree'}))}"
            )


def _together(heights: list[float]) -> float:
    return sum(heights) + GAP * (len(heights) - 1)


def answer(root: Path, command: str) -> str:
    """Run a command of a scene in the repository, and return what it says; it may fail, if it says why."""
    paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    # Under `make films` a make of the scene would say that it is one within another, and where.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    try:
        result = subprocess.run(
            ["bash", "-c", command],
            cwd=root,
            env={**inherited, "PATH": paths},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired as error:
        raise FilmError(f"`{command}` takes longer than {PATIENCE} s") from error
    text = (result.stdout + result.stderr).rstrip()
    if not text:
        raise FilmError(f"`{command}` says nothing")
    return text
