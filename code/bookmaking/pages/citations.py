"""End each chapter with its citation, in four formats to copy.

The version, its date and the authors are those of CITATION.cff; a chapter by others names them in its front
matter, as `chapter-authors`. Addresses begin with the setting `baseurl` of _config.yml; while that is empty,
no page names an address of its own. A citation names the address of its version, where the release stays when
the site moves on.
"""

import json
from dataclasses import replace
from pathlib import Path

from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.transforms import SphinxTransform
from sphinx.util.docutils import SphinxDirective
from sphinx_design.shared import create_component

from bookmaking.cache.shared_state import add_overview, book_order, noted
from bookmaking.pages import citation_formats as citations
from bookmaking.pages.citation_formats import Work

FORMATS = {
    "APA": ("text", citations.apa),
    "BibTeX": ("bibtex", citations.bibtex),
    "RIS": ("text", citations.ris),
    "CSL-JSON": ("json", citations.csl_json),
}
AUTHORS = "chapter-authors"
LIST = "cite-chapters"


class CiteBook(SphinxDirective):
    """Show how to cite the book."""

    def run(self) -> list[nodes.Node]:
        """Return the formats in tabs."""
        return [formats(self.config.cited_book)]


class CiteThisChapter(SphinxTransform):
    """Append the section to a page that has been read; a page about citing, and the first, get none."""

    default_priority = 860  # the page is complete, and its table of contents not yet made

    def apply(self, **kwargs) -> None:
        """Append it to the section that is the page."""
        page = next(self.document.findall(nodes.section), None)
        here = self.env.docname
        if page is None or here == self.config.root_doc or lists_chapters(self.env, here):
            return
        for field in next(self.document.findall(nodes.docinfo), ()):
            if isinstance(field, nodes.field) and field[0].astext() == AUTHORS:
                self.env.metadata[here][AUTHORS] = field[1].astext()  # as Sphinx will, only later
        work = cited(self.env, here, page[0].astext())
        section = nodes.section("", nodes.title("", "Cite this chapter"), names=["cite this chapter"])
        self.document.note_implicit_target(section, section)
        section += [about(work), formats(work)]
        page += section


def entries(app, here: str) -> list[nodes.Node]:
    """Return the BibTeX entries of all chapters, in book order."""
    env = app.env
    left_out = {env.config.root_doc, *(page for page in noted(env, "overviews") if lists_chapters(env, page))}
    pages = [page for page in book_order(env) if page not in left_out]
    return [listing("\n\n".join(citations.bibtex(cited(env, page)) for page in pages), "bibtex")]


def lists_chapters(env, page: str) -> bool:
    """Tell whether a page lists all chapters; then it is none itself."""
    return LIST in env.metadata[page].get("overviews", ())


def cited(env, page: str, title: str = "") -> Work:
    """Return what a page is cited as: the first as the book, others as chapters. Titles are known later."""
    book: Work = env.config.cited_book
    if page == env.config.root_doc:
        return book
    title = title or env.titles[page].astext()
    # The address of the web page, whatever is being built.
    work = book.chapter(page.rpartition("/")[2], title, book.url and f"{book.url}{page}.html")
    if stated := env.metadata[page].get(AUTHORS):
        try:
            return replace(work, authors=citations.read_authors(json.loads(stated), page))
        except (TypeError, ValueError) as error:
            raise ExtensionError(f"{AUTHORS} of {page}: {error}") from error
    return work


def about(work: Work) -> nodes.paragraph:
    """Say which version this is, and where it stays."""
    text = f"Version {work.version} of {citations.in_prose(work.released)}"
    if not work.url:
        return nodes.paragraph("", f"{text}.")
    link = nodes.reference("", work.url, refuri=work.url)
    return nodes.paragraph("", "", nodes.Text(f"{text}, at "), link, nodes.Text("."))


def formats(work: Work) -> nodes.container:
    """Return the citation in tabs, one a format; the reader's choice holds for all chapters."""
    tabs = create_component("tab-set", classes=["sd-tab-set", "citation"])
    for name, (language, formatted) in FORMATS.items():
        label = nodes.rubric(name, name, classes=["sd-tab-label"], sync_id=name, sync_group="citation")
        text = listing(formatted(work), language, f"citation-{name.lower()}")
        content = create_component("tab-content", classes=["sd-tab-content"], children=[text])
        item = create_component("tab-item", classes=["sd-tab-item"], children=[label, content])
        tabs += item
    return tabs


def listing(text: str, language: str, *classes: str) -> nodes.literal_block:
    """Return text to copy."""
    return nodes.literal_block(text, text, language=language, force=True, classes=["citation", *classes])


def read_book(app, config) -> None:
    """Read CITATION.cff into the configuration, whose changes make Sphinx read all pages again."""
    try:
        book = citations.read_book(Path(app.srcdir, "CITATION.cff"), config.citation_key)
    except (OSError, ValueError) as error:
        raise ExtensionError(str(error)) from error
    if config.html_baseurl:
        config.html_baseurl = config.html_baseurl.rstrip("/") + "/"
        book = replace(book, url=f"{config.html_baseurl}{book.version}/")
    config.cited_book = book


def setup(app) -> dict:
    """Register with Sphinx."""
    app.add_config_value("citation_key", "book", "env", types=(str,))
    app.add_config_value("cited_book", None, "env")
    app.add_directive("cite-book", CiteBook)
    add_overview(app, LIST, entries)
    app.add_transform(CiteThisChapter)
    app.add_css_file("citations.css", priority=900)  # behind book.css
    app.connect("config-inited", read_book)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
