"""The page of the films: a small film in a small site, played by a real browser, and the book's own page."""

import re
from html import unescape
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from bookmaking.films.captions import Caption, write_vtt
from bookmaking.films.encode import run_ffmpeg
from bookmaking.films.measured import Measured
from bookmaking.films.page import Film
from bookmaking.films.scenes import FILMS, FilmError, read_film
from bookmaking.upkeep.serve import serving
from threelayer import IMPLEMENTATIONS

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "book" / "_static"
CONFIGURATION = """
extensions = ["myst_parser", "bookmaking.films.page"]
html_theme = "basic"
html_theme_options = {{"body_min_width": "0"}}
project = "small"
exclude_patterns = ["book", "html", "latex", "trees*", "_build"]
html_static_path = [{static!r}]
html_favicon = {favicon!r}
"""
SCENES = {
    "01_beginning": """---
title: A beginning & more
---
@title One | two

The first sentence is here. The second one follows.

A new paragraph has the third.
""",
    "02_numpy_manual": """---
title: Arrays by hand
page: numpy_manual
---
@title Three | four

The fourth is about arrays. And the fifth is the last.
""",
}
SENTENCES = [
    "The first sentence is here.",
    "The second one follows.",
    "A new paragraph has the third.",
    "The fourth is about arrays.",
    "And the fifth is the last.",
]
TITLES = ["A beginning & more", "Arrays by hand"]
CAPTIONS = [Caption(2 + 5 * n, 6 + 5 * n, text) for n, text in enumerate(SENTENCES)]
CHAPTERS = [Caption(0, 16, TITLES[0]), Caption(16, 28, TITLES[1])]
FOURTH = 17  # seconds


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> bytes:
    """Return half a minute of a moving picture and a tone."""
    path = tmp_path_factory.mktemp("recording") / "film.mp4"
    picture, tone = "testsrc=size=160x90:rate=10:duration=30", "sine=frequency=440:duration=30"
    run_ffmpeg(
        [*("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone), "-movflags", "+faststart", str(path)]
    )
    return path.read_bytes()


class Site:
    """A site of two pages, one of which shows a film."""

    def __init__(self, root: Path) -> None:
        self.root, self.html, self.video = root, root / "html", root / "_build" / "films"
        self.write("conf.py", CONFIGURATION.format(static=str(STATIC), favicon=str(STATIC / "favicon.svg")))
        self.write("_toc.yml", "format: jb-book\nroot: index\n")
        self.write("index.md", "# Films\n\n```{film} walkthrough\n```\n\n```{toctree}\nnumpy_manual\n```\n")
        self.write("numpy_manual.md", "# Arrays\n\nA page that has a scene.\n")
        for name, text in SCENES.items():
            self.write(f"book/films/walkthrough/{name}.md", text)

    def write(self, name: str, text: str) -> None:
        """Write a file of the site's sources."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def make_film(self, recording: bytes, captions=CAPTIONS, chapters=CHAPTERS) -> None:
        """Put a film where `make films` does."""
        self.video.mkdir(parents=True, exist_ok=True)
        (self.video / "walkthrough.mp4").write_bytes(recording)
        (self.video / "walkthrough.vtt").write_text(write_vtt(captions), "utf-8")
        (self.video / "walkthrough.chapters.vtt").write_text(write_vtt(chapters), "utf-8")

    def build(self, kind: str = "html", page: str = "index.html") -> str:
        """Build what is to be built, and return a page of it, that of the film unless another is named."""
        folders = [self.root, self.root, self.root / kind, self.root / f"trees-{kind}"]
        with docutils_namespace():
            self.app = Sphinx(*map(str, folders), kind, status=None, warningiserror=True)
            self.app.build()
        assert self.app.statuscode == 0
        return (self.root / kind / page).read_text("utf-8")

    def place(self) -> tuple[str, str]:
        """Return what leads from the other page to the scene about it."""
        from bookmaking.films import page as walkthrough

        return walkthrough.place(self.app, "numpy_manual")


@pytest.fixture
def small(tmp_path) -> Site:
    return Site(tmp_path)


def text_of(page: str) -> str:
    """Return what is to be read in a page, its spaces and apostrophes made plain."""
    return " ".join(
        unescape(re.sub(r"<[^>]+>", "", page)).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").split()
    )


def test_film_and_page_stay_in_step(small, recording):
    """Build without a film, then with one, then with other words than those of the film."""
    page = small.build()
    for sentence in SENTENCES:
        assert sentence in text_of(page)
    assert "make films" in page
    assert "<video" not in page and "film-time" not in page and "films.js" not in page
    assert not (small.html / "films").exists()
    text, address = small.place()
    assert "Read" in text
    assert address.startswith("index.html#") and f'id="{address.partition("#")[2]}"' in page

    small.make_film(recording)
    page = small.build()
    (video,) = re.findall(r"<video\b[^>]*>", page)
    assert 'preload="none"' in video and " controls" in video and 'poster="data:' in video
    assert "autoplay" not in video
    assert "make films" not in page
    # one time a paragraph, and one a chapter
    assert re.findall(r'class="film-time"[^>]*>([\d:]+)<', page) == ["0:00", "0:16", "0:02", "0:12", "0:17"]
    for name in ("walkthrough.mp4", "walkthrough.vtt", "walkthrough.chapters.vtt"):
        assert (small.html / "films" / name).read_bytes() == (small.video / name).read_bytes()
    for address in re.findall(r'(?:href|src)="(films/[^"]*)"', page):
        assert (small.html / address).is_file()
    text, address = small.place()
    assert text == "Watch it, from 0:16"
    assert f'id="{address.partition("#")[2]}"' in page

    small.write(
        "book/films/walkthrough/02_numpy_manual.md", SCENES["02_numpy_manual"].replace("fourth", "4th")
    )
    page = small.build()
    assert "<video" not in page and "The 4th is about arrays." in text_of(page)
    assert not (small.html / "films" / "walkthrough.mp4").exists()
    assert small.place()[0] == "Read the walkthrough"


@pytest.mark.parametrize(
    ("captions", "chapters", "is_shown"),
    [
        (CAPTIONS, CHAPTERS, True),
        ([*CAPTIONS[:-1], CAPTIONS[-1]._replace(text="And the fifth was the last.")], CHAPTERS, False),
        (CAPTIONS[:-1], CHAPTERS, False),
        (CAPTIONS, [CHAPTERS[0], CHAPTERS[1]._replace(text="Arrays")], False),
    ],
)
def test_a_film_that_says_something_else_is_not_shown(small, captions, chapters, is_shown):
    small.make_film(b"a film", captions, chapters)
    assert Film.read(small.root, "walkthrough").is_made is is_shown


def test_in_a_pdf_stands_what_is_said(small, recording):
    small.make_film(recording)
    text = small.build("latex", "small.tex")
    for words in (*SENTENCES, TITLES[1]):
        assert words in text
    assert "0:16" not in text and "Download" not in text


def test_a_scene_that_cannot_be_read_fails_the_build(small):
    small.write(
        "book/films/walkthrough/03_lost.md", "---\ntitle: Lost\n---\n@title A | B\n\nIt is {gone.number}.\n"
    )
    with pytest.raises(Exception, match="no chapter with code is named 'gone'"):
        small.build()


# In the browser


@pytest.fixture(scope="module")
def shown(tmp_path_factory, recording) -> Site:
    """Return a site that shows a film."""
    site = Site(tmp_path_factory.mktemp("shown"))
    site.make_film(recording)
    site.build()
    return site


@pytest.fixture(params=["http", "file"])
def tab(request, browser, shown):
    """Open the page of the film, as served or as a file, and note what it asks for."""
    with serving(shown.html) as origin, browser.new_context() as context:
        tab = context.new_page()
        tab.errors, tab.films = [], []
        tab.on("pageerror", lambda error: tab.errors.append(str(error)))
        tab.on("console", lambda message: message.type == "error" and tab.errors.append(message.text))
        tab.on("request", lambda one: one.url.endswith(".mp4") and tab.films.append(one.url))
        tab.folder = origin if request.param == "http" else shown.html.as_uri()
        tab.address = f"{tab.folder}/index.html"
        tab.goto(tab.address)
        yield tab
    assert tab.errors == []


STATE = """() => {
    const film = document.querySelector("video");
    const cues = [...film.textTracks].filter((track) => track.kind === "captions" && track.mode === "showing")
        .flatMap((track) => [...track.activeCues ?? []]);
    return { paused: film.paused, time: film.currentTime, caption: cues.map((cue) => cue.text).join(),
             begun: film.begun ?? null };
}"""


def begin_at(tab, time) -> dict:
    """Use a link of the page, let the film pause as soon as it plays, and return its state."""
    tab.evaluate("""() => {
        const film = document.querySelector("video");
        delete film.begun;
        const stop = () => { film.begun = film.currentTime; film.pause(); };
        film.addEventListener("playing", stop, { once: true });
    }""")
    time.click()
    tab.wait_for_function("document.querySelector('video').begun !== undefined")
    return tab.evaluate(STATE)


def test_nothing_plays_or_is_fetched_before_it_is_asked_for(tab):
    tab.wait_for_load_state("networkidle")
    assert tab.evaluate(STATE) == {"paused": True, "time": 0, "caption": "", "begun": None}
    assert tab.films == []


def test_a_time_of_the_transcript_plays_the_film_from_there_with_its_caption(tab):
    state = begin_at(tab, tab.locator(".film-line", has_text=SENTENCES[3]).locator("a"))
    assert state["begun"] == pytest.approx(FOURTH, abs=0.2)
    assert FOURTH <= state["time"] < CAPTIONS[3].end
    assert state["caption"] == SENTENCES[3]
    # and back
    state = begin_at(tab, tab.locator(".film-line", has_text=SENTENCES[0]).locator("a"))
    assert state["time"] < CAPTIONS[0].end
    assert state["caption"] == SENTENCES[0]


def test_without_its_track_the_film_shows_no_caption(shown, tab):
    page = shown.html / "without.html"
    page.write_text(re.sub(r"<track[^>]*>", "", (shown.html / "index.html").read_text("utf-8")), "utf-8")
    tab.goto(f"{tab.folder}/{page.name}")
    assert begin_at(tab, tab.locator(".film-line", has_text=SENTENCES[3]).locator("a"))["caption"] == ""


def test_the_keyboard_goes_to_the_film_and_works_there(tab):
    time = tab.locator(".film-chapters a").nth(1)
    time.focus()
    tab.keyboard.press("Enter")
    expect(tab.locator("video")).to_be_focused()
    # Until it plays, the player's own time line stands at zero, and a key cannot take it back.
    tab.wait_for_function(f"document.querySelector('video').currentTime > {CHAPTERS[1].start}")
    tab.keyboard.press("Space")
    tab.wait_for_function("document.querySelector('video').paused")
    before = tab.evaluate(STATE)["time"]
    tab.keyboard.press("ArrowLeft")
    tab.wait_for_function(f"document.querySelector('video').currentTime < {before}")


def test_the_address_of_a_chapter_makes_the_film_ready_there(shown, tab):
    tab.goto("about:blank")
    tab.goto(f"{tab.address}#{shown.place()[1].partition('#')[2]}")
    tab.wait_for_function("document.querySelector('video').currentTime > 0")
    state = tab.evaluate(STATE)
    assert state["paused"] and state["begun"] is None
    assert state["time"] == CHAPTERS[1].start
    expect(tab.locator("video")).to_be_in_viewport()


@pytest.mark.parametrize("width", [360, 1280])
def test_the_player_fits_the_screen(tab, width):
    tab.set_viewport_size({"width": width, "height": 800})
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    box = tab.locator("video").bounding_box()
    assert box["width"] <= width
    assert box["width"] / box["height"] == pytest.approx(16 / 9, rel=0.02)


def test_on_paper_stands_what_is_said_and_nothing_to_press(tab):
    tab.emulate_media(media="print")
    expect(tab.locator("video")).to_be_hidden()
    expect(tab.locator(".film-time").first).to_be_hidden()
    for sentence in SENTENCES:
        expect(tab.get_by_text(sentence)).to_be_visible()


# The book's own page


def test_the_page_of_the_book_has_all_that_is_said(site):
    page = text_of((site / "book" / "films.html").read_text("utf-8"))
    number = Measured(ROOT)
    for film in FILMS:
        scenes = read_film(ROOT, film, number)
        for scene in scenes:
            assert scene.title in page
            for sentence in scene.sentences:
                assert sentence.text in page
    assert "This sentence is said nowhere." not in page
    with pytest.raises(FilmError):
        number("numpy_manual.no_such_number")


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_each_implementation_leads_to_its_scene(site, name):
    page = (site / "book" / f"{name}.html").read_text("utf-8")
    (anchor,) = re.findall(r'<nav class="take-along".*?href="films\.html#([^"]+)".*?</nav>', page, re.DOTALL)
    assert anchor.endswith(name.replace("_", "-"))
    assert f'id="{anchor}"' in (site / "book" / "films.html").read_text("utf-8")
