"""Write releases.atom beside the first page, a feed of the releases and of what CHANGELOG.md says of each.

Entries are named by full addresses. While the site has none (`baseurl` in _config.yml), there is no feed, and
pages do not name one.
Source: https://www.rfc-editor.org/rfc/rfc4287.
"""

from pathlib import Path
from xml.etree import ElementTree

from markdown_it import MarkdownIt

from bookmaking.site.site_version import CHANGES, RELEASE

FILE = "releases.atom"
NAMESPACE = "http://www.w3.org/2005/Atom"


def told(changes: str) -> dict[str, str]:
    """Return what the changes say of each release, as HTML; the heading `## Unreleased` is none."""
    found = {}
    for section in changes.split("\n## ")[1:]:
        heading, _, text = section.partition("\n")
        if release := RELEASE.match(f"## {heading}"):
            found[release[1]] = MarkdownIt().render(text)
    return found


def feed(config, changes: str) -> bytes:
    """Return the feed of the releases that the configuration names, the newest first."""
    base, texts = config.html_baseurl, told(changes)

    def stamp(day) -> str:
        return f"{day.isoformat()}T00:00:00Z"

    root = ElementTree.Element("feed", {"xmlns": NAMESPACE, "xml:lang": "en"})

    def add(parent, tag: str, text: str = "", **attributes: str):
        element = ElementTree.SubElement(parent, tag, attributes)
        element.text = text or None
        return element

    add(root, "title", f"{config.cited_book.title}: releases")
    add(root, "id", base)
    add(root, "updated", stamp(max(config.book_releases.values())))
    add(root, "link", rel="self", type="application/atom+xml", href=f"{base}{FILE}")
    add(root, "link", rel="alternate", type="text/html", href=base)
    for author in config.cited_book.authors:
        add(add(root, "author"), "name", f"{author.given} {author.name}".strip())
    for number, day in config.book_releases.items():
        entry = add(root, "entry")
        add(entry, "title", f"Version {number}")
        add(entry, "id", f"{base}{number}/")
        add(entry, "updated", stamp(day))
        add(entry, "link", rel="alternate", type="text/html", href=f"{base}{number}/")
        add(entry, "content", texts.get(number) or f"<p>Version {number}.</p>", type="html")
    ElementTree.indent(root)
    return ElementTree.tostring(root, "utf-8", xml_declaration=True)


def name_feed(app, pagename, templatename, context, doctree) -> None:
    """Let feed readers find the feed from every page."""
    if app.config.html_baseurl:
        address, title = context["pathto"](FILE, True), "Releases"
        link = f'<link rel="alternate" type="application/atom+xml" title="{title}" href="{address}" />\n'
        context["metatags"] = context.get("metatags", "") + link


def write(app, exception: Exception | None) -> None:
    """Write the feed into the finished site, or remove that of an earlier build."""
    if exception is not None or app.builder.name not in ("html", "dirhtml"):
        return
    path, changes = Path(app.outdir, FILE), Path(app.srcdir, CHANGES)
    if app.config.html_baseurl:
        path.write_bytes(feed(app.config, changes.read_text("utf-8") if changes.is_file() else ""))
    else:
        path.unlink(missing_ok=True)


def setup(app) -> dict:
    """Register with Sphinx."""
    app.setup_extension("bookmaking.site.site_version")
    app.connect("html-page-context", name_feed)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
