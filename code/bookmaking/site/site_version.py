"""Say which version of the book this is, which others there are, and which commit it was built from.

Each page names its version in the footer, and the script that adds the commit (`cache.commit`). Without
scripts, or where the book is no repository, the footer shows the version alone.

The released versions are the headings of CHANGELOG.md, `## 1.2.0 (2031-04-07)`, and the one in CITATION.cff.
The directive `book-versions` lists them, and so does versions.json beside the first page, for whoever
publishes the site: each version must stay at <baseurl>/<version>/, where its citations lead.
"""

import json
import re
from datetime import date
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from bookmaking.cache import commit
from bookmaking.pages.citation_formats import Work, written

CHANGES = "CHANGELOG.md"
RELEASE = re.compile(r"^## (\d+(?:\.\d+)*) \((\d{4}-\d{2}-\d{2})\)$", re.MULTILINE)


def releases(book: Work, changes: str) -> dict[str, date]:
    """Return the versions of the book and their dates, the newest first, which is the book's own.

    Raises
    ------
    ValueError
        The changes tell of a newer version than the book's, or of another date.
    """
    announced = {number: date.fromisoformat(day) for number, day in RELEASE.findall(changes)}
    found = {book.version: book.released} | announced
    order = sorted(found, key=lambda number: [int(part) for part in re.findall(r"\d+", number)], reverse=True)
    if order[0] != book.version or found[book.version] != book.released:
        raise ValueError(
            f"{CHANGES} tells of version {order[0]} of {found[order[0]]}, "
            f"CITATION.cff is of version {book.version} of {book.released}"
        )
    return {number: found[number] for number in order}


def read_releases(app, config) -> None:
    """Read the versions into the configuration."""
    path = Path(app.srcdir, CHANGES)
    try:
        config.book_releases = releases(config.cited_book, path.read_text("utf-8") if path.is_file() else "")
    except ValueError as error:
        raise ExtensionError(str(error)) from error


class BookVersions(SphinxDirective):
    """List the versions; each is a link once the site has an address."""

    def run(self) -> list[nodes.Node]:
        """Return the list."""
        entries = nodes.bullet_list()
        for number, day in self.config.book_releases.items():
            text, base = f"Version {number}", self.config.html_baseurl
            place = nodes.reference("", text, refuri=f"{base}{number}/") if base else nodes.Text(text)
            line = nodes.paragraph("", "", place, nodes.Text(f" of {written(day)}"))
            if number == self.config.cited_book.version:
                line += nodes.Text(", which you are reading")
            entries += nodes.list_item("", line)
        return [entries]


def footer(app, pagename, templatename, context, doctree) -> None:
    """Fill the place that the theme has at the end of its footer."""
    book = app.config.cited_book
    # Not by add_js_file, with which Sphinx would put a digest of the script into every page.
    address = context["pathto"](commit.SCRIPT, True)
    context["theme_extra_footer"] = (
        f'<p class="book-version">Version {escape(book.version)} of {written(book.released)}'
        f'<span class="book-commit"></span></p><script defer src="{address}"></script>'
    )


def write(app, exception: Exception | None) -> None:
    """Write the commit and the list of versions into the finished site."""
    site = Path(app.outdir)
    if exception is not None or app.builder.format != "html" or not (site / "_static").is_dir():
        return
    commit.write(Path(app.srcdir), site)
    versions = [
        {"version": number, "released": day.isoformat(), "folder": f"{number}/"}
        for number, day in app.config.book_releases.items()
    ]
    (site / "versions.json").write_text(json.dumps(versions, indent=2) + "\n", "utf-8")


def setup(app) -> dict:
    """Register with Sphinx."""
    app.setup_extension("bookmaking.pages.citations")
    app.add_config_value("book_releases", {}, "env")
    app.add_directive("book-versions", BookVersions)
    app.connect("config-inited", read_releases, priority=600)  # after the book itself
    app.connect("html-page-context", footer)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
