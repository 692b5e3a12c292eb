"""Scene texts: how a film says what is spoken and what is seen meanwhile.

A scene has a front matter (`title`, and `page` where it is about a chapter) and shots. A shot begins with
lines such as `@code numpy_manual:forward`, one for each thing that is shown; the narration follows, a
paragraph for each breath. `[text]` before a sentence marks the shown lines with that text while it is spoken,
`[a ... b]` the lines from one to the other, `[]` none. `{chapter.name:.2f}` is a number that the chapter
computed. What the kinds of lines show is said in CONTRIBUTING.md.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

SCENES = Path("book", "films")
FILMS = {"walkthrough": "The walkthrough", "tour": "The tour of the repository"}
LONGEST = 150  # characters of a sentence: it is a caption, of at most three lines

FRONT = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.DOTALL)
SENTENCE_END = re.compile(r"(?<=[.?:])\s+(?=[A-Z\[])|(?<=[.?])\s+(?=\d)")
CUE = re.compile(r"\[(?P<cue>.*?)\]\s+(?=[A-Z\d])(?P<text>.*)", re.DOTALL)
FIELD = re.compile(r"\{([\w.]+)(?::([^{}]*))?\}")


class FilmError(Exception):
    """A film cannot be made; the sentence says which scene and why."""


@dataclass(frozen=True)
class Sentence:
    """What is spoken in one go and shown as one caption; `cue` is None where the marked lines stay."""

    text: str
    cue: str | None
    ends_paragraph: bool


@dataclass(frozen=True)
class Shot:
    """What is seen, as pairs of kind and argument from top to bottom, while some sentences are spoken."""

    shown: tuple[tuple[str, str], ...]
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True)
class Scene:
    """One chapter of a film."""

    film: str
    name: str
    title: str
    page: str | None
    shots: tuple[Shot, ...]

    @property
    def sentences(self) -> list[Sentence]:
        """All sentences in order."""
        return [sentence for shot in self.shots for sentence in shot.sentences]


def read_film(root: Path, film: str, number: Callable[[str], object]) -> list[Scene]:
    """Read the scenes of a film in the order of their file names.

    Parameters
    ----------
    number
        Returns what stands for `chapter.name` in `{chapter.name:format}`, or raises FilmError.
    """
    paths = sorted((root / SCENES / film).glob("[0-9]*.md"))
    if not paths:
        raise FilmError(f"{root / SCENES / film} holds no scene")
    return [parse_scene(path.read_text("utf-8"), film, path.stem, number) for path in paths]


def parse_scene(text: str, film: str, name: str, number: Callable[[str], object]) -> Scene:
    """Parse the text of one scene.

    Raises
    ------
    FilmError
        When the text has no title, a shot shows or says nothing, or a sentence is too long for a caption.
    """

    def fail(reason: str) -> FilmError:
        return FilmError(f"{film}/{name}: {reason}")

    def field(found: re.Match) -> str:
        try:
            return format(number(found[1]), found[2] or "")
        except (FilmError, ValueError) as error:
            raise fail(str(error)) from error

    match = FRONT.match(text)
    front = yaml.safe_load(match[1]) if match else None
    if not isinstance(front, dict) or "title" not in front or set(front) - {"title", "page"}:
        raise fail("the front matter needs a title, and may name a page, and nothing else")
    shots = []
    for lines in re.findall(r"((?:^@.*\n)*)((?:^(?!@).*\n?)*)", FIELD.sub(field, match[2]), re.MULTILINE):
        shown = tuple(line[1:].partition(" ")[::2] for line in lines[0].splitlines())
        paragraphs = [text for text in re.split(r"\n\s*\n", lines[1]) if text.strip()]
        sentences = tuple(one for text in paragraphs for one in _sentences(text, fail))
        if shown and not sentences:
            raise fail(f"nothing is said while it shows {' '.join(shown[0])}")
        if sentences and not shown:
            raise fail(f'nothing is shown while it says "{sentences[0].text}"')
        if shown:
            shots.append(Shot(shown, sentences))
    if not shots:
        raise fail("it has no shots")
    return Scene(film, name, str(front["title"]), front.get("page"), tuple(shots))


def _sentences(paragraph: str, fail: Callable[[str], FilmError]) -> list[Sentence]:
    parts = SENTENCE_END.split(" ".join(paragraph.split()))
    sentences = []
    for part in parts:
        found = CUE.fullmatch(part)
        text, cue = (found["text"], found["cue"]) if found else (part, None)
        if part.startswith("[] "):
            text, cue = part[3:], ""
        if "[" in text or "{" in text:
            raise fail(f'a mark or a number is not closed or not at its place in "{text}"')
        if len(text) > LONGEST:
            raise fail(f'a caption holds {LONGEST} characters, so split the sentence "{text}"')
        sentences.append(Sentence(text, cue, part is parts[-1]))
    return sentences
