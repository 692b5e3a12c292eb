"""Show a film where a page says `{film} NAME`: player, chapters, and a transcript that leads to each place.

What is said stands in the scenes of `book/films`, so there is a transcript before there is a film. A film of
`make films` is shown as long as its captions are what its scenes say now. They lie in the page itself: a page
that is opened as a file may not read the files beside it.
Source: https://html.spec.whatwg.org/multipage/media.html.
"""

import shutil
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from urllib.parse import quote

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.osutil import relative_uri

from bookmaking.cache.keyed_cache import digest
from bookmaking.cache.shared_state import note_difference, noted
from bookmaking.films.captions import Caption, read_vtt, write_vtt
from bookmaking.films.measured import Measured
from bookmaking.films.scenes import FILMS, FilmError, Scene, read_film
from bookmaking.pages import palette
from threelayer.plots.style import BLUE

logger = logging.getLogger(__name__)

ROOM = Path(__file__).parent
MADE = Path("_build", "films")
FILES = (".mp4", ".vtt", ".chapters.vtt")
PLACE = "films"  # of the site
WATCH = "watch-"  # begins the anchor of a chapter of a film; the rest is that of its transcript
POSTER = f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1280 720" font-family="sans-serif">
<rect width="1280" height="720" fill="#fff"/>
<rect x="120" y="270" width="14" height="170" rx="7" fill="{BLUE}"/>
<text x="170" y="345" font-size="62" font-weight="700" fill="{palette.LIGHT["heading"]}">{{title}}</text>
<text x="170" y="420" font-size="40" fill="{palette.LIGHT["text-muted"]}">{{length}}</text></svg>"""
MISSING = """<p class="film-missing">There is no film here that says what its text says now.
In the repository, <code>make films</code> makes it, and shows it here. It says this:</p>
"""


measured = cache(Measured)  # the pages are read once: their outputs stay as they are while Sphinx runs


@dataclass(frozen=True)
class Film:
    """The scenes of a film, and its captions and chapters if it was made from them as they are now."""

    name: str
    scenes: list[Scene]
    captions: list[Caption] | None
    chapters: list[Caption] | None

    @classmethod
    def read(cls, root: Path, name: str) -> "Film":
        """Read what is said, and what was made.

        Raises
        ------
        FilmError
            When a scene cannot be read, or names a number that its chapter has not computed.
        """
        scenes = read_film(root, name, measured(root))
        made = [root / MADE / f"{name}{ending}" for ending in FILES]
        captions, chapters = (
            read_vtt(path.read_text("utf-8")) if path.is_file() else [] for path in made[1:]
        )
        said = [sentence.text for scene in scenes for sentence in scene.sentences]
        now = (said, [scene.title for scene in scenes])
        if not made[0].is_file() or now != tuple(
            [one.text for one in given] for given in (captions, chapters)
        ):
            return cls(name, scenes, None, None)
        return cls(name, scenes, captions, chapters)

    @property
    def is_made(self) -> bool:
        """Tell whether there is a film to be shown."""
        return self.captions is not None

    def anchor(self, scene: Scene) -> str:
        """Return the address of a scene's transcript, which stays when scenes change places."""
        return f"{self.name}-{scene.name.partition('_')[2]}".replace("_", "-")

    def paragraphs(self) -> list[list[tuple[float | None, str]]]:
        """Return the paragraphs of each scene, each with the second where it begins if the film is made."""
        captions = iter(self.captions or ())
        transcript = []
        for scene in self.scenes:
            paragraphs, begins = [], True
            for sentence in scene.sentences:
                start = next(captions).start if self.is_made else None
                if begins:
                    paragraphs.append((start, sentence.text))
                else:
                    first, text = paragraphs[-1]
                    paragraphs[-1] = (first, f"{text} {sentence.text}")
                begins = sentence.ends_paragraph
            transcript.append(paragraphs)
        return transcript


class ShowFilm(SphinxDirective):
    """Show a film and its transcript, one section a scene."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the player, if the film is made, and the sections."""
        name = self.arguments[0]
        if name not in FILMS:
            raise self.error(f"there is no film {name!r}, there are {', '.join(FILMS)}")
        try:
            film = Film.read(Path(self.env.srcdir), name)
        except FilmError as error:
            logger.warning("%s", error, location=self.env.docname)
            return []
        self.env.metadata[self.env.docname].setdefault("films", {})[name] = film
        builder = self.env.app.builder
        here = (
            builder.get_target_uri(self.env.docname) if builder.format == "html" else ""
        )  # paper has no player
        address = relative_uri(here, f"{PLACE}/{name}.mp4")
        return [
            nodes.raw("", player(film, address) if film.is_made else MISSING, format="html"),
            *(
                self.section(film, scene, paragraphs)
                for scene, paragraphs in zip(film.scenes, film.paragraphs(), strict=True)
            ),
        ]

    def section(self, film: Film, scene: Scene, paragraphs: list) -> nodes.section:
        """Return the transcript of a scene."""
        section = nodes.section("", nodes.title("", scene.title), names=[film.anchor(scene)])
        self.state.document.note_explicit_target(section, section)
        for start, text in paragraphs:
            paragraph = nodes.paragraph("", "", classes=["film-line"])
            if start is not None:
                paragraph += nodes.raw("", f"{link(film, start)} ", format="html")
            paragraph += nodes.Text(text)
            section += paragraph
        return section


def player(film: Film, address: str) -> str:
    """Return the film with its captions and chapters, and a list of the chapters below it."""
    title = FILMS[film.name]
    poster = POSTER.format(title=title, length=f"{clock(film.chapters[-1].end)}, with captions")
    tracks = "".join(
        f'<track {kind} srclang="en" src="{data("text/vtt", write_vtt(cues))}">\n'
        for kind, cues in (
            ('kind="captions" label="English" default', film.captions),
            ('kind="chapters" label="Chapters"', film.chapters),
        )
    )
    items = "".join(
        f'<li id="{WATCH}{film.anchor(scene)}">{link(film, chapter.start)} {escape(scene.title)}</li>\n'
        for scene, chapter in zip(film.scenes, film.chapters, strict=True)
    )
    return (
        f'<div class="film">\n<video id="{film.name}-film" controls preload="none" playsinline width="1280" '
        f'height="720" aria-label="{escape(title)}" poster="{data("image/svg+xml", poster)}">\n'
        f'<source src="{address}" type="video/mp4">\n{tracks}</video>\n'
        "<p>A time leads to that place in the film. In the player, the space bar plays and pauses, and the "
        f'arrow keys go back and forward. <a href="{address}" download>Download the film</a></p>\n'
        f'<ol class="film-chapters" aria-label="Chapters of the film">\n{items}</ol>\n</div>\n'
    )


def link(film: Film, start: float) -> str:
    """Return a link to a place in a film; without a script it leads to the player."""
    return (
        f'<a class="film-time" href="#{film.name}-film" data-start="{start:.2f}" title="Play from here">'
        f"{clock(start)}</a>"
    )


def clock(seconds: float) -> str:
    """Return a time as minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def data(kind: str, text: str) -> str:
    """Return an address that is the file itself."""
    return f"data:{kind};charset=utf-8,{quote(text)}"


def place(app, docname: str) -> tuple[str, str] | None:
    """Return a text and an address that lead from a page to the scene about it, None where there is none."""
    for page, films in noted(app.env, "films").items():
        for film in films.values():
            for number, scene in enumerate(film.scenes):
                if scene.page == docname.rpartition("/")[2]:
                    address = app.builder.get_relative_uri(docname, page)
                    if not film.is_made:
                        return "Read the walkthrough", f"{address}#{film.anchor(scene)}"
                    text = f"Watch it, from {clock(film.chapters[number].start)}"
                    return text, f"{address}#{WATCH}{film.anchor(scene)}"
    return None


def link_to_scene(app, docname: str) -> list[tuple[str, str, str]]:
    """Return the link to the scene about a page, as icon, text and address."""
    return [("film", *scene)] if (scene := place(app, docname)) else []


def pages_to_read(app, env, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """Return the pages with a film when this room has changed, or where a film has, or cannot be read."""
    code = digest(ROOM, sorted(path.name for path in ROOM.glob("*.py")))
    if code != env.__dict__.get("films_code"):
        env.films_code = code
        return list(noted(env, "films"))
    outdated = []
    for page, films in noted(env, "films").items():
        try:
            now = {name: Film.read(Path(env.srcdir), name) for name in films}
        except FilmError:
            now = None
        if now != films:
            outdated.append(page)
    return outdated


def pages_to_write(app, env) -> list[str]:
    """Return all pages to which a place in a film belongs when such a place has changed."""
    if app.builder.format != "html":
        return []
    films = [film for found in noted(env, "films").values() for film in found.values()]
    about = {scene.page for film in films for scene in film.scenes if scene.page}
    pages = [page for page in env.all_docs if page.rpartition("/")[2] in about]
    places = {page: place(app, page) for page in pages}
    return pages if note_difference(env, "films", places) else []


def bring(app, exception: Exception | None) -> None:
    """Put the films that are shown into the site, and no others."""
    if exception is not None or app.builder.name not in ("html", "dirhtml"):
        return
    made = {
        film.name for films in noted(app.env, "films").values() for film in films.values() if film.is_made
    }
    wanted = {f"{name}{ending}" for name in made for ending in FILES}
    target = Path(app.outdir, PLACE)
    for path in target.glob("*"):
        if path.name not in wanted:
            path.unlink()
    for name in wanted:
        target.mkdir(exist_ok=True)
        shutil.copy2(Path(app.srcdir, MADE, name), target)


def add_script(app, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    """Let the times of a page with a film lead into its player."""
    if any(film.is_made for film in app.env.metadata[pagename].get("films", {}).values()):
        app.add_js_file("films.js")


def setup(app) -> dict:
    """Register with Sphinx."""
    app.add_directive("film", ShowFilm)
    app.add_css_file("films.css")
    app.connect("env-get-outdated", pages_to_read)
    app.connect("env-get-updated", pages_to_write)
    app.connect("html-page-context", add_script)
    app.connect("build-finished", bring)
    if "page-links" in app.events.events:
        app.connect("page-links", link_to_scene)
    return {"env_version": 2, "parallel_read_safe": True, "parallel_write_safe": True}
