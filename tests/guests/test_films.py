"""The films: what scenes may say, what they show, and a small film read back by ffprobe and a browser.

`make films` checks the whole films itself; here a film of two short scenes is made for real.
"""

import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bookmaking.films import __main__ as command
from bookmaking.films import check, make, source
from bookmaking.films.blocks import Look
from bookmaking.films.canvas import BOTTOM, LEFT, RIGHT, SMALLEST, font
from bookmaking.films.captions import Caption, read_vtt, write_vtt
from bookmaking.films.encode import FPS, HEIGHT, WIDTH
from bookmaking.films.measured import Measured, Number
from bookmaking.films.pictures import fitted
from bookmaking.films.pronunciation import spoken
from bookmaking.films.render import MARK, Take
from bookmaking.films.scenes import FILMS, LONGEST, FilmError, parse_scene, read_film
from bookmaking.films.stage import Stage, answer
from bookmaking.films.voice import Spoken
from threelayer import IMPLEMENTATIONS, numpy_manual

ROOT = Path(__file__).parents[2]
FRONT = "---\ntitle: {}\npage: numpy_manual\n---\n"
SCENES = {
    "01_update": FRONT.format("The update; by hand")
    + """@title Two scenes | and four sentences

This is said over a card.

@code numpy_manual:update

[v += g] The velocity takes up the gradient. [p -=] Then the weights move against it.
""",
    "02_answer": FRONT.format("An answer")
    + '@run echo "forty & two"\n@tree code/threelayer | the package\n\n'
    + "And this is what a command of the shell has answered to us.\n",
}


def number(name: str) -> Number:
    """Return a number that stands for those of the chapters."""
    if name != "chapter.value":
        raise FilmError(f"no number is named {name}")
    return Number(0.000_034_56)


@pytest.fixture(scope="module")
def measured(site) -> Measured:  # the chapters have been executed where there is a site
    return Measured(ROOT)


def stages(measured: Measured, scene) -> tuple[Stage, ...]:
    return tuple(Stage(measured, scene, shot) for shot in scene.shots)


def stage(measured: Measured, shown: str, said: str = "This is said.") -> Stage:
    """Return the stage of a scene with one shot."""
    scene = parse_scene(f"{FRONT.format('A scene')}{shown}\n\n{said}\n", "tour", "01_scene", number)
    return Stage(measured, scene, scene.shots[0])


# What is said


def test_a_scene_says_and_shows_what_its_text_has():
    text = FRONT.format("A title") + (
        "@code a:b\n@row x | y\n\nOne sentence: it goes on.\nIt is {chapter.value:.4f}.\n\n"
        "[v ... w] Marked. [] No longer.\n\n@title T\n\nThe end: about {chapter.value:power}. "
        "{chapter.value:power} is little. [u] {chapter.value:.4f} is none.\n"
    )
    scene = parse_scene(text, "tour", "03_name", number)
    assert (scene.title, scene.page) == ("A title", "numpy_manual")
    assert [shot.shown for shot in scene.shots] == [(("code", "a:b"), ("row", "x | y")), (("title", "T"),)]
    assert [(one.text, one.cue, one.ends_paragraph) for one in scene.sentences] == [
        ("One sentence: it goes on.", None, False),
        ("It is 0.0000.", None, True),
        ("Marked.", "v ... w", False),
        ("No longer.", "", True),
        ("The end: about 3 × 10⁻⁵.", None, False),
        ("3 × 10⁻⁵ is little.", None, False),
        ("0.0000 is none.", "u", True),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@title A\n\nNo front matter.\n", "front matter"),
        ("---\npage: network\n---\n@title A\n\nNo title.\n", "front matter"),
        ("---\ntitle: A\ntilte: B\n---\n@title A\n\nA misspelt one.\n", "front matter"),
        (FRONT.format("A"), "no shots"),
        (FRONT.format("A") + "Only words.\n", 'nothing is shown while it says "Only words."'),
        (FRONT.format("A") + "@title Only a picture\n", "nothing is said while it shows title"),
        (FRONT.format("A") + "@title A\n\nIt is {chapter.other}.\n", "no number is named chapter.other"),
        (FRONT.format("A") + "@title A\n\nIt is {chapter.value:.2q}.\n", "format"),
        (FRONT.format("A") + "@title A\n\nIt is {chapter.value.\n", "not closed"),
        (FRONT.format("A") + "@title A\n\nIt is [here marked.\n", "not closed"),
        (FRONT.format("A") + f"@title A\n\n{'word ' * 40}.\n", f"{LONGEST} characters"),
    ],
)
def test_a_scene_that_cannot_be_filmed_is_refused_by_name(text, message):
    with pytest.raises(FilmError, match=re.escape(message)) as error:
        parse_scene(text, "tour", "07_broken", number)
    assert str(error.value).startswith("tour/07_broken: ")


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("The sum over i of x sub n i times W sub i h.", "The sum over i of x sub n i times W sub i h."),
        ("Sine of x₁ and z₃.", "Sine of x one and z three."),
        ("NumPy's einsum", "num pie's einsum"),
        ("It is about 4 × 10⁻¹³.", "It is about 4 times ten to the minus 13."),
        ("It explains 99.5% of 2,000.", "It explains 99.5 percent of 2,000."),
        ("PyTorch, TensorFlow, Keras and JAX", "pie torch, tensor flow, kerras and jacks"),
        ("Then vmap maps it in float64.", "Then vee map maps it in float sixty-four."),
        ("scikit-learn", "sigh kit learn"),
    ],
)
def test_what_is_written_is_said_in_words(written, words):
    assert spoken(written) == words


@pytest.mark.parametrize(
    "written", ["np.tanh", "W_1", "the β", "a -> b", "CSV", "einsumBlas", "strngth", "2e5"]
)
def test_what_the_voice_would_misread_is_refused(written):
    with pytest.raises(FilmError, match="the voice"):
        spoken(f"This is {written} here.")


@pytest.mark.parametrize("film", FILMS)
def test_all_that_the_films_say_can_be_said(film, measured):
    for scene in read_film(ROOT, film, measured):
        for sentence in scene.sentences:
            assert spoken(sentence.text)


def test_the_walkthrough_has_every_implementation_in_the_order_of_the_book_and_every_topic(measured):
    scenes = read_film(ROOT, "walkthrough", measured)
    pages = [scene.page for scene in scenes]
    assert [page for page in pages if page in IMPLEMENTATIONS] == list(IMPLEMENTATIONS)
    for topic in ("problem", "network", "watch_learning", "one_trajectory", "defaults", "cost"):
        assert topic in pages
    shown = [line for scene in scenes for shot in scene.shots for line in shot.shown]
    for name in IMPLEMENTATIONS:  # its key lines, from its module
        assert any(kind == "code" and line.startswith(f"{name}:") for kind, line in shown)
    assert ("surface", "") in shown


def test_the_tour_shows_what_a_visitor_of_the_repository_needs(measured):
    shown = [
        line for scene in read_film(ROOT, "tour", measured) for shot in scene.shots for line in shot.shown
    ]
    commands = " ".join(line for kind, line in shown if kind == "run")
    code = " ".join(line for kind, line in shown if kind == "code")
    assert "tree" in [kind for kind, _ in shown]
    assert "make help" in commands and "threelayer.claims" in commands
    assert "book/numpy_manual.md" in code and "numpy_manual:" in code and "CITATION.cff" in code


# What is shown


OTHER_WORDS = re.compile(
    r"\b(?:bends?|behind|in front of|slopes?|hidden columns?|(?:gradient|derivative)s?(?: of the \w+)? by)\b",
    re.IGNORECASE,
)
TYPED = re.compile(r"\b\d[\d,]* (?:epochs|steps)\b|\bepoch \d|^\[[1-9]\d*\]", re.MULTILINE)
MEASURED = re.compile(r"\{(\w+)\.\w+[^}]*\}(?= times as fast|.? times the rate|.{0,20}of the rate)")


def test_the_films_use_the_words_of_the_book_and_type_no_number_that_may_change():
    texts = {path.name: path.read_text("utf-8") for path in (ROOT / "book" / "films").glob("*/*.md")}
    assert len(texts) > 20
    for name, text in texts.items():
        said = "\n".join(line for line in text.splitlines() if not line.startswith("@code"))
        assert not OTHER_WORDS.findall(said), name
        assert not TYPED.findall(said), name
        assert set(MEASURED.findall(said)) <= {"cost"}, f"{name} states a time of a chapter beside others"


def test_the_check_of_words_and_numbers_finds_what_it_looks_for():
    found = OTHER_WORDS.findall("Then the bend. The gradient of the loss by all weights. Two hidden columns.")
    assert found == ["bend", "gradient of the loss by", "hidden columns"]
    assert not OTHER_WORDS.findall("The derivative with respect to z is multiplied, index by index.")
    assert len(TYPED.findall("After 500 epochs or 8,000 steps, and at epoch 50.\n[100] And here.")) == 4
    assert not TYPED.findall(
        "@surface\n[0] After {page.n} epochs, at epoch {page.first}.\n[{page.last}] End."
    )
    fast = (
        "That is {tensorflow_scratch.gain:.0f} times as fast. It has {cost.share:.0%} of the rate of a loop."
    )
    assert MEASURED.findall(fast) == ["tensorflow_scratch", "cost"]


def test_code_is_what_the_module_has_without_its_docstring():
    name, text = source.code(ROOT, "numpy_manual:update")
    lines = inspect.getsource(numpy_manual.update).replace(inspect.getdoc(numpy_manual.update), "")
    assert name.split() == ["code/threelayer/numpy_manual.py", "update"]
    assert text == re.sub(r'\n *"{6}', "", lines).rstrip()
    assert source.code(ROOT, 'numpy_manual:update "v *=" ... "v += g"')[1] == "v *= momentum\nv += g"


@pytest.mark.parametrize(
    ("shown", "message"),
    [
        ("@code numpy_manual:updated", "has no object 'updated'"),
        ("@code numpy_by_hand:update", "no file code/threelayer/numpy_by_hand.py"),
        ('@code numpy_manual:update "no such line"', 'contains "no such line"'),
        ("@code numpy_manual:fit from to", "cannot read"),
        ("@equation network: no-such", "no equation with the label no-such"),
        ("@equation nowhere: loss", "no chapter nowhere"),
        ("@figure network fig-none", "draws no figure 'fig-none'"),
        ("@figure nowhere fig-none", "no chapter with code is named 'nowhere'"),
        ("@tree code/nothing | gone", "no code/nothing"),
        ("@run true", "says nothing"),
        ("@row a | b\n@row c", "different lengths"),
        (f"@number 1 | {'word ' * 60}", "no room"),
        ("@code Makefile", "no room"),
        ("@film tour", "@film is not known"),
    ],
)
def test_what_is_no_longer_there_fails_the_film_and_names_the_scene(measured, shown, message):
    with pytest.raises(FilmError, match=re.escape(message)) as error:
        stage(measured, shown)
    assert str(error.value).startswith("tour/01_scene: ")


def test_a_command_answers_as_it_does_in_a_terminal(tmp_path, monkeypatch):
    (tmp_path / "Makefile").write_text("hello:\n\t@echo good morning\n")
    monkeypatch.setenv("MAKELEVEL", "1")  # as under `make films`
    monkeypatch.setenv("MAKEFLAGS", "w")
    assert answer(tmp_path, "make hello") == "good morning"
    assert (
        "Entering directory"
        in subprocess.run(["make", "hello"], cwd=tmp_path, capture_output=True, text=True).stdout
    )
    assert answer(tmp_path, "python -c 'import sys; print(sys.executable)'") == sys.executable
    assert "No such file" in answer(tmp_path, "cat nothing")  # a command may fail, if it says why


def test_a_mark_that_means_nothing_fails_the_film(measured):
    shown = "@code numpy_manual:update\n@code numpy_manual:mean_squared_error\n@equation network: loss"
    found = stage(
        measured, shown, "[v += g] This is there. [.mean()] And this. [] And all. [loss] And the sum."
    )
    # Of code, all but the mark steps back; an equation stays as it is.
    lines = source.code(ROOT, "numpy_manual:update")[1].split("\n")
    place = next(n for n, line in enumerate(lines) if "v += g" in line)
    assert found.marks == [
        (frozenset({place}), frozenset(), None),
        (frozenset(), frozenset({1}), None),
        (None, None, None),
        (None, None, frozenset({0})),
    ]
    with pytest.raises(FilmError, match=re.escape("nothing that is shown has [v -= g]")):
        stage(measured, shown, "[v -= g] This is not there.")


def test_nothing_is_written_that_a_telephone_cannot_show():
    assert font("text", SMALLEST)
    with pytest.raises(FilmError, match="too small"):
        font("text", SMALLEST - 1)
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="400pt" height="200pt" viewBox="0 0 400 200">'
        '<rect x="3" y="3" width="394" height="190"/><g transform="translate(9 9) scale({0} -{0})"/></svg>'
    )
    picture = fitted(drawing.format("0.1"), "a figure")  # words of 10 points, 770 pixels for 190 points
    assert picture.height == pytest.approx(BOTTOM - 150, rel=0.02)
    assert picture.width / picture.height == pytest.approx(394 / 190, rel=0.01)
    with pytest.raises(FilmError, match="the words of a figure would be 20 pixels high"):
        fitted(drawing.format("0.05"), "a figure")


@pytest.mark.parametrize("film", FILMS)
def test_each_block_of_the_films_stays_in_its_place(film, measured):
    paper = Image.new("RGB", (WIDTH, HEIGHT), "#ffffff")
    for scene in read_film(ROOT, film, measured):
        for one in stages(measured, scene):
            looks = [Look(marks, marks) for marks in next((m for m in one.marks if any(m)), one.marks[0])]
            end = 0
            for block, top, look in zip(one.blocks, one.tops, looks, strict=True):
                image = paper.copy()
                block.draw(image, top, one.level, look)
                left, first, right, last = Image.eval(image.convert("L"), lambda value: 255 - value).getbbox()
                assert left >= LEFT - 24 and right <= RIGHT + 24, (scene.name, block.identity)
                assert top - 2 <= first and last <= top + block.height(one.level) + 2, (
                    scene.name,
                    block.identity,
                )
                assert first >= end, (scene.name, block.identity)
                end = last
            assert end <= BOTTOM


# When it is shown


class Still:
    """A stage whose blocks are named by numbers."""

    def __init__(self, marks, glides=False) -> None:
        self.marks = [(mark,) for mark in marks]
        self.blocks = [type("Block", (), {"glides": glides})()]


def take_of(*marks_of_shots, glides=False) -> Take:
    text = FRONT.format("T") + "".join(
        f"@title A\n\n{'One more. ' * len(marks)}\n\n" for marks in marks_of_shots
    )
    scene = parse_scene(text, "tour", "01_scene", number)
    return Take(scene, tuple(Still(marks, glides) for marks in marks_of_shots), 0, 1)


SPOKEN = [Spoken(1.0, 3.0), Spoken(3.4, 6.0), Spoken(7.0, 9.0)]  # and the scene lasts eleven seconds


def test_marks_and_shots_change_with_what_is_heard():
    one, other = frozenset({1}), frozenset({2})
    take = take_of([one, other], [None])

    def seen(time):
        return take.moment(time, SPOKEN, 11.0)

    assert seen(0.0) == () or seen(0.0)[0][2] == 0
    assert seen(2.0) == ((0, (Look(one, one),), 1.0),)
    assert seen(3.4 + MARK) == ((0, (Look(other, other),), 1.0),)
    (_, (look,), _) = seen(3.4)[0]
    assert (look.before, look.after) == (one, other) and 0 < look.share < 1
    (old, _, fading), (new, _, coming) = seen(6.5)  # between the shots
    assert (old, new) == (0, 1) and fading + coming == pytest.approx(1) and coming == pytest.approx(0.5)
    assert seen(8.0)[0][0] == 1
    ((last, _, opacity),) = seen(10.99)
    assert last == 1 and opacity < 0.05


def test_what_glides_is_there_when_its_sentence_begins():
    epochs = [frozenset({0}), frozenset({20}), frozenset({500})]
    take = take_of(epochs, glides=True)
    starts = [one.start for one in SPOKEN]
    shares = []
    for step in range(12 * FPS):
        (look,) = take.looks(0, step / FPS, SPOKEN)
        shares.append(look.share + epochs.index(look.before) if look.before != look.after else 2.0)
    assert all(one <= other for one, other in pairwise(shares))
    for place, start in enumerate(starts):
        # pictures come at half the frames, and the first one at or behind the start has arrived
        assert shares[round(start * FPS) + 1] == pytest.approx(place, abs=2 / FPS)
    assert 0 < shares[round(2.0 * FPS)] < 1 < shares[round(5.0 * FPS)] < 2


# Captions


CAPTIONS = [
    Caption(0.9, 2.25, "Keep a < b & c, and then --- go on."),
    Caption(61.004, 63.5, 'He said "so".'),
    Caption(3725.75, 3727.0, "An hour later: x₁."),
]


def test_captions_are_read_back_as_they_were():
    assert read_vtt(write_vtt(CAPTIONS)) == CAPTIONS


def test_a_browser_reads_the_captions_as_they_were(browser):
    tab = browser.new_page()
    tab.set_content("<video><track default kind=captions></video>")
    cues = tab.evaluate(
        """(text) => new Promise((resolve, reject) => {
            const track = document.querySelector("track");
            track.onload = () => resolve([...track.track.cues].map((cue) => [
                cue.startTime, cue.endTime, cue.getCueAsHTML().textContent]));
            track.onerror = reject;
            track.src = "data:text/vtt;charset=utf-8," + encodeURIComponent(text);
        })""",
        write_vtt(CAPTIONS),
    )
    tab.close()
    assert [Caption(*cue) for cue in cues] == CAPTIONS


# A film


@pytest.fixture(scope="module")
def film(measured, tmp_path_factory) -> Path:
    """Make a film of two scenes; without the programs that read it back, skip here and fail in CI."""
    if missing := [program for program in ("ffmpeg", "ffprobe") if shutil.which(program) is None]:
        missing = f"{' and '.join(missing)} not found"
        pytest.fail(missing, pytrace=False) if os.environ.get("CI") else pytest.skip(missing)
    folder = tmp_path_factory.mktemp("video") / "the director's"  # ffmpeg has its own idea of such a name
    folder.joinpath("scenes").mkdir(parents=True)
    scenes = [parse_scene(text, "tour", name, number) for name, text in SCENES.items()]
    takes = [Take(one, stages(measured, one), place, len(scenes)) for place, one in enumerate(scenes)]
    work = [(take, make.shelf_of(folder / "scenes", take)) for take in takes]
    done = []
    make.shoot_all(work, done.append)
    assert sorted(take.scene.name for take in done) == sorted(SCENES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(check.MINUTES, "tour", (0.1, 0.5))
        make.cut("tour", [(take.scene, shelf) for take, shelf in work], folder)
    return folder / "tour.mp4"


def run(*arguments: str | Path) -> str:
    """Run one of the programs of Debian's ffmpeg, which the films are not made with."""
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def probe(film: Path) -> dict:
    shown = ("-show_streams", "-show_format", "-show_chapters")
    return json.loads(run("ffprobe", "-v", "error", "-of", "json", *shown, film))


def captions_of(film: Path, ending: str = ".vtt") -> list[Caption]:
    return read_vtt(film.with_suffix(ending).read_text("utf-8"))


def test_the_film_is_what_players_expect(film):
    found = probe(film)
    picture, sound, *others = found["streams"]
    assert [one["codec_tag_string"] for one in others] == ["text"]  # the chapters
    assert (picture["codec_name"], picture["width"], picture["height"]) == ("h264", 1920, 1080)
    assert (picture["pix_fmt"], picture["r_frame_rate"], picture["avg_frame_rate"]) == (
        "yuv420p",
        *["15/1"] * 2,
    )
    assert sound["codec_name"] == "aac"
    assert float(picture["duration"]) == pytest.approx(float(sound["duration"]), abs=0.1)
    assert float(found["format"]["duration"]) == pytest.approx(
        captions_of(film, ".chapters.vtt")[-1].end, abs=0.1
    )
    boxes = re.findall(r"type:'(moov|mdat)'", run("ffprobe", "-v", "trace", film))
    assert boxes[0] == "moov"


def test_chapters_stand_beside_and_in_the_film(film):
    chapters = captions_of(film, ".chapters.vtt")
    assert [one.text for one in chapters] == ["The update; by hand", "An answer"]
    inside = probe(film)["chapters"]
    assert [one["tags"]["title"] for one in inside] == [one.text for one in chapters]
    for one, other in zip(inside, chapters, strict=True):
        assert float(one["start_time"]) == pytest.approx(other.start, abs=0.01)
        assert float(one["end_time"]) == pytest.approx(other.end, abs=0.01)


def test_the_film_is_as_loud_as_it_should_be(film):
    log = run("ffmpeg", "-hide_banner", "-nostats", "-i", film, "-af", "ebur128", "-f", "null", "-")
    assert float(re.findall(r"I:\s+(-[\d.]+) LUFS", log)[-1]) == pytest.approx(-16, abs=1)


def heard(film: Path) -> list[tuple[float, float]]:
    """Return when something is heard: between silences, found by ffmpeg."""
    log = run(
        *("ffmpeg", "-hide_banner", "-i", film, "-af", "silencedetect=noise=-46dB:d=0.25", "-f", "null", "-")
    )
    ends = [float(time) for time in re.findall(r"silence_end: ([\d.]+)", log)]
    starts = [float(time) for time in re.findall(r"silence_start: ([\d.]+)", log)]
    return list(zip(ends, starts[1:], strict=False))


def test_each_caption_is_shown_while_its_sentence_is_heard(film):
    captions, voice = captions_of(film), heard(film)
    assert [one.text for one in captions] == [
        "This is said over a card.",
        "The velocity takes up the gradient.",
        "Then the weights move against it.",
        "And this is what a command of the shell has answered to us.",
    ]
    assert len(voice) == len(captions)
    for (start, end, _), (begin, stop) in zip(captions, voice, strict=True):
        assert start == pytest.approx(begin, abs=0.3)
        assert end == pytest.approx(stop, abs=0.3)
    assert check.misalignment(film, captions) < 0.1
    late = [one._replace(start=one.start + 0.5, end=one.end + 0.5) for one in captions]
    assert check.misalignment(film, late) == pytest.approx(0.5, abs=0.1)


def picture_at(film: Path, time: float) -> np.ndarray:
    raw = subprocess.run(
        [
            *("ffmpeg", "-v", "error", "-ss", f"{time:.3f}", "-i", film),
            *("-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"),
        ],
        capture_output=True,
        check=True,
    )
    return np.frombuffer(raw.stdout, np.uint8).reshape(HEIGHT, WIDTH, 3)


def test_the_line_that_is_spoken_of_is_the_one_that_is_marked(film, measured):
    scene = parse_scene(SCENES["01_update"], "tour", "01_update", number)
    shot = Stage(measured, scene, scene.shots[1])
    (code,) = shot.blocks
    lines = code.text.split("\n")
    step, first = code.step(shot.level), shot.tops[0] + code.HEADER + code.MARGIN
    second, third = (one for one in captions_of(film)[1:3])
    for caption, line in ((second, "v += g"), (third, "p -=")):
        picture = picture_at(film, caption.end - 0.1)
        # At the end of a line of code is nothing but the band behind it, where there is one.
        ends = [picture[first + n * step + step // 2, RIGHT - 30].astype(int) for n in range(len(lines))]
        marked = [n for n, color in enumerate(ends) if color[2] - color[0] > 25]
        assert marked == [n for n, text in enumerate(lines) if line in text]


def test_no_picture_of_the_film_is_empty_while_something_is_said(film):
    for caption in captions_of(film):
        picture = picture_at(film, (caption.start + caption.end) / 2)
        assert (picture[150:BOTTOM].min(axis=2) < 128).mean() > 0.002
    assert (picture_at(film, 0.0)[150:BOTTOM].min(axis=2) < 128).mean() == 0  # it begins with an empty page


def test_a_film_that_is_not_what_it_should_be_takes_no_films_place(film, measured, monkeypatch):
    captions, chapters = captions_of(film), captions_of(film, ".chapters.vtt")
    monkeypatch.setitem(check.MINUTES, "tour", (0.1, 0.5))
    assert "4 captions" in check.check("tour", film, captions, chapters)
    late = [one._replace(start=one.start + 0.5, end=one.end + 0.5) for one in captions]
    with pytest.raises(FilmError, match=r"a caption is 0\.5\d s away"):
        check.check("tour", film, late, chapters)
    with pytest.raises(FilmError, match="its chapters do not fill it"):
        check.check("tour", film, captions, chapters[:1])
    monkeypatch.setattr(check, "LUFS", -23.0)
    with pytest.raises(FilmError, match="its loudness is -1"):
        check.check("tour", film, captions, chapters)
    monkeypatch.undo()

    before = film.read_bytes()
    scenes = [parse_scene(text, "tour", name, number) for name, text in SCENES.items()]
    takes = [Take(one, stages(measured, one), place, len(scenes)) for place, one in enumerate(scenes)]
    shelves = [make.shelf_of(film.parent / "scenes", take) for take in takes]
    with pytest.raises(FilmError, match="minutes, not 3 to 4"):
        make.cut("tour", list(zip(scenes, shelves, strict=True)), film.parent)
    assert film.read_bytes() == before
    assert not list(film.parent.glob("*.partial.*"))


def test_an_index_behind_the_content_is_found(film, tmp_path):
    slow = tmp_path / "slow.mp4"
    run("ffmpeg", "-v", "error", "-i", film, "-c", "copy", slow)
    assert check.is_fast(film)
    assert not check.is_fast(slow)


# The cache


def shelf(measured, text: str, place: int = 0) -> make.Shelf:
    scene = parse_scene(text, "tour", "01_scene", number)
    return make.shelf_of(Path("scenes"), Take(scene, stages(measured, scene), place, 2))


def test_a_scene_is_made_again_when_what_it_is_made_of_changes(measured):
    text = SCENES["02_answer"]
    first = shelf(measured, text)
    assert shelf(measured, text) == first
    other_words = shelf(measured, text.replace("to us", "to you"))
    assert other_words.sound != first.sound and other_words.pictures != first.pictures
    other_answer = shelf(measured, text.replace("forty & two", "forty & three"))
    assert other_answer.sound == first.sound and other_answer.pictures != first.pictures
    other_place = shelf(measured, text, place=1)  # the line below shows where the film is
    assert other_place.sound == first.sound and other_place.pictures != first.pictures


@pytest.mark.parametrize("changed", ["palette", "colours of code"])
def test_a_scene_is_drawn_again_when_its_colours_change(measured, monkeypatch, tmp_path, changed):
    first = shelf(measured, SCENES["02_answer"])
    if changed == "palette":
        other = tmp_path / "style.py"
        other.write_text(Path(make.style.__file__).read_text("utf-8") + "\nBLUE = '#000000'\n", "utf-8")
        monkeypatch.setattr(make.style, "__file__", str(other))
    else:
        known = make.version
        monkeypatch.setattr(make, "version", lambda name: "0" if "accessible" in name else known(name))
    again = shelf(measured, SCENES["02_answer"])
    assert again.sound == first.sound and again.pictures != first.pictures


# The command


@pytest.mark.parametrize("films", [["tour"], ["walkthrough", "tour"]])
def test_kept_is_what_some_film_needs(tmp_path, monkeypatch, capsys, films):
    scenes = tmp_path / "scenes"
    scenes.mkdir()
    kept = {film: make.Shelf(scenes / f"{film}.npz", scenes / f"{film}.mp4") for film in FILMS}
    for path in (*kept["tour"], *kept["walkthrough"], scenes / "gone.mp4"):
        path.touch()
    take = take_of([None])
    monkeypatch.setattr(command, "takes_of", lambda measured, film: [replace(take, count=len(film))])
    shelves = {len(film): shelf for film, shelf in kept.items()}
    monkeypatch.setattr(command, "shelf_of", lambda folder, take: shelves[take.count])
    monkeypatch.setattr(command, "cut", lambda film, scenes, folder: "3:00 minutes")
    command.make(ROOT, tmp_path, films)
    said = capsys.readouterr().out
    assert said == "".join(f"_build/films/{film}.mp4  3:00 minutes\n" for film in films)
    left = {path.name for path in scenes.iterdir()}
    everything = {path.name for shelf in kept.values() for path in shelf}
    # Which scenes are in no film is known only when all films have been read.
    assert left == (everything if set(films) == set(FILMS) else everything | {"gone.mp4"})


def test_a_film_that_is_good_is_told_beside_one_that_is_not(tmp_path, monkeypatch, capsys):
    def cut(film: str, scenes: list, folder: Path) -> str:
        if film == "walkthrough":
            raise FilmError("walkthrough: it lasts too long")
        return "3:00 minutes"

    (tmp_path / "scenes").mkdir()
    monkeypatch.setattr(command, "takes_of", lambda measured, film: [])
    monkeypatch.setattr(command, "cut", cut)
    with pytest.raises(FilmError, match="it lasts too long"):
        command.make(ROOT, tmp_path, ["walkthrough", "tour"])
    assert capsys.readouterr().out == "_build/films/tour.mp4  3:00 minutes\n"


def test_an_unknown_film_is_an_error_of_use(capsys):
    with pytest.raises(SystemExit) as ended:
        command.main(["tuor"])
    assert ended.value.code == 2
    assert "there is no film tuor" in capsys.readouterr().err


def test_a_scene_that_cannot_be_filmed_leaves_the_films_as_they_were(tmp_path, capsys):
    shutil.copy(ROOT / "_toc.yml", tmp_path)
    folder = tmp_path / "book" / "films" / "tour"
    folder.mkdir(parents=True)
    (folder / "01_broken.md").write_text(
        FRONT.format("A") + "@code numpy_manual:gone\n\nThis is said.\n", "utf-8"
    )
    old = tmp_path / "_build" / "films" / "tour.mp4"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"a film")
    assert command.main(["tour", "--root", str(tmp_path)]) == 1
    assert "tour/01_broken: there is no file" in capsys.readouterr().err
    assert old.read_bytes() == b"a film"
