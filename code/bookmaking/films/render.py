"""A scene to moving pictures: what is seen in each frame follows from when each sentence is heard."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image

from bookmaking.films.blocks import Look
from bookmaking.films.canvas import frame
from bookmaking.films.encode import FPS, encode_frames
from bookmaking.films.scenes import Scene
from bookmaking.films.stage import Looks, Stage
from bookmaking.films.voice import Spoken

# Seconds: until the first shot comes, from shot to shot, from mark to mark.
APPEAR, SHIFT, MARK = 0.1, 0.5, 0.4
LEAD = 0.15  # seconds that a mark is ahead of the sentence about it
GLIDE = FPS / 2  # pictures a second of what moves all the time
Layer = tuple[int, Looks, float]  # a shot, how it looks, how opaque it is


@dataclass(frozen=True)
class Take:
    """A scene that is ready to be filmed: its shots on their stages, and its place in the film."""

    scene: Scene
    stages: tuple[Stage, ...]
    number: int
    count: int

    def film(self, path: Path, spoken: list[Spoken], frames: int) -> None:
        """Write the silent video of the scene."""
        moments = [self.moment(number / FPS, spoken, frames / FPS) for number in range(frames)]
        changes = [n for n, moment in enumerate(moments) if n == 0 or moment != moments[n - 1]]
        encode_frames(path, changes, self._drawn(moments[n] for n in changes), frames)

    def moment(self, time: float, spoken: list[Spoken], length: float) -> tuple[Layer, ...]:
        """Return what is seen at a time: nothing, a shot, or a shot that gives way to the next."""
        last = len(self.stages) - 1
        turns = [(one.end + other.start) / 2 for one, other in self._borders(spoken)]
        comes = [APPEAR, *(turn - SHIFT / 2 for turn in turns), length - APPEAR - SHIFT]
        begun = [shot for shot, start in enumerate(comes) if start <= time]
        if not begun:
            return ()
        shot = begun[-1]
        share = _eased((time - comes[shot]) / SHIFT)
        if shot > last:
            return ((last, self.looks(last, time, spoken), 1 - share),)
        now = (shot, self.looks(shot, time, spoken), share)
        if shot == 0 or share == 1:
            return (now,)
        return ((shot - 1, self.looks(shot - 1, time, spoken), 1 - share), now)

    def looks(self, shot: int, time: float, spoken: list[Spoken]) -> Looks:
        """Return how the blocks of a shot look at a time."""
        first = sum(len(one.sentences) for one in self.scene.shots[:shot])
        stage, starts = self.stages[shot], [one.start for one in spoken[first:]]
        looks = []
        for number, block in enumerate(stage.blocks):
            heard = [(start, marks[number]) for start, marks in zip(starts, stage.marks, strict=False)]
            look = _gliding if block.glides else _stepping
            looks.append(look(time, [(0.0, None), *heard]))
        return tuple(looks)

    def _borders(self, spoken: list[Spoken]) -> Iterator[tuple[Spoken, Spoken]]:
        """Return the last sentence of each shot and the first one of the next."""
        begin = 0
        for shot in self.scene.shots[:-1]:
            begin += len(shot.sentences)
            yield spoken[begin - 1], spoken[begin]

    def _drawn(self, moments: Iterator[tuple[Layer, ...]]) -> Iterator[bytes]:
        @lru_cache(maxsize=4)
        def page(titled: bool) -> Image.Image:
            return frame(self.scene.title if titled else None, self.scene.page, self.number, self.count)

        @lru_cache(maxsize=4)
        def drawn(shot: int, looks: Looks) -> Image.Image:
            stage = self.stages[shot]
            return stage.draw(page(not stage.is_title), looks)

        for layers in moments:
            below = page(not self.stages[layers[0][0] if layers else 0].is_title)
            image = below
            for number, (shot, looks, opacity) in enumerate(layers):
                picture = drawn(shot, looks)
                image = picture if number == 0 and len(layers) > 1 else Image.blend(image, picture, opacity)
            yield image.tobytes()


def _stepping(time: float, marks: list[tuple[float, frozenset | None]]) -> Look:
    """Look at what moves to its mark as the sentence about it begins."""
    number = max(n for n, (start, _) in enumerate(marks) if n == 0 or start - LEAD <= time)
    start, after = marks[number]
    before = marks[number - 1][1] if number else after
    share = _eased((time - start + LEAD) / MARK)
    return Look(after, after) if before == after or share == 1 else Look(before, after, share)


def _gliding(time: float, marks: list[tuple[float, frozenset | None]]) -> Look:
    """Look at what is on its way from mark to mark all the time."""
    time = int(time * GLIDE + 1e-6) / GLIDE
    changes = [
        one for n, one in enumerate(marks) if one[1] is not None and (n == 0 or one[1] != marks[n - 1][1])
    ]
    if not changes:
        return Look()
    number = max((n for n, (start, _) in enumerate(changes) if start <= time), default=0)
    (begin, before), (end, after) = changes[number], changes[min(number + 1, len(changes) - 1)]
    share = min(1.0, max(0.0, (time - begin) / (end - begin))) if end > begin else 1.0
    return Look(before, after, share)


def _eased(share: float) -> float:
    """Begin and end slowly; before 0 and after 1 stand still."""
    share = min(1.0, max(0.0, share))
    return share * share * (3 - 2 * share)
