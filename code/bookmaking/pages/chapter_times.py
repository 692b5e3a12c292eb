"""List how long the code of each chapter ran where a page says `{chapter-times}`.

The times are those of the runs whose outputs the site shows, whenever that was.
Source: chapter "cost".
"""

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

from bookmaking.cache.shared_state import changed
from bookmaking.pages.claims_report import book_order, seconds


class chapter_times(nodes.General, nodes.Element):
    """Stands where the table will be, until all pages have been read."""


class ChapterTimes(SphinxDirective):
    """Leave a place for the table."""

    def run(self) -> list[nodes.Node]:
        """Remember the page, as it must be written again when another page was read."""
        pages_with_times(self.env).add(self.env.docname)
        return [chapter_times()]


class FillTimes(SphinxPostTransform):
    """Replace the placeholder by the table, the longest chapter first."""

    default_priority = 8  # before references are resolved

    def run(self, **kwargs) -> None:
        """Fill every placeholder of the page."""
        for placeholder in list(self.document.findall(chapter_times)):
            placeholder.replace_self(self.table())

    def table(self) -> nodes.table:
        """Return one row for each chapter that has code, and one for all."""
        times = {page: seconds(self.env, page) for page in book_order(self.env)}
        times = {page: time for page, time in times.items() if time is not None}
        body = nodes.tbody()
        for page in sorted(times, key=times.get, reverse=True):
            title = nodes.Text(self.env.titles[page].astext())
            link = make_refnode(self.app.builder, self.env.docname, page, "", title)
            body += row(link, f"{times[page]:.1f}")
        body += row(nodes.strong("", "All chapters"), f"{sum(times.values()):.1f}")
        head = nodes.thead("", row(nodes.Text("Chapter"), "Seconds"))
        columns = [nodes.colspec(colwidth=width) for width in (70, 30)]
        group = nodes.tgroup("", *columns, head, body, cols=2)
        return nodes.table("", group, classes=["chapter-times"])


def row(first: nodes.Node, second: str) -> nodes.row:
    """Return a row of two cells."""
    cells = nodes.paragraph("", "", first), nodes.paragraph("", second)
    return nodes.row("", *(nodes.entry("", cell) for cell in cells))


def pages_with_times(env) -> set[str]:
    """Return the pages that have the directive, to be changed in place."""
    if not hasattr(env, "chapter_times_pages"):
        env.chapter_times_pages = set()
    return env.chapter_times_pages


def pages_to_write(app, env) -> list[str]:
    """Return the pages that have the directive, if a time has changed."""
    times = {page: seconds(env, page) for page in env.all_docs}
    return sorted(pages_with_times(env)) if changed(env, "times", times) else []


def setup(app) -> dict:
    """Register directive and transform with Sphinx."""
    app.add_node(chapter_times)
    app.add_directive("chapter-times", ChapterTimes)
    app.add_post_transform(FillTimes)
    app.connect("env-purge-doc", lambda app, env, page: pages_with_times(env).discard(page))
    app.connect("env-get-updated", pages_to_write)
    return {"env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
