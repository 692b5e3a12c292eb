"""Tell search engines which pages there are, by sitemap.xml and robots.txt beside the first page.

Both name full addresses. While the site has none (`baseurl` in _config.yml), neither is written. Engines ask
for robots.txt at the root of a host only; below it, they find the sitemap where its owner enters it.
Source: https://www.sitemaps.org/protocol.html, https://www.rfc-editor.org/rfc/rfc9309.
"""

from pathlib import Path
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

from bookmaking.pages.claims_report import book_order

NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
ROBOTS = """User-agent: *
Disallow: {previews}

Sitemap: {sitemap}
"""


def write(app, exception: Exception | None) -> None:
    """Write both into the finished site."""
    base = app.config.html_baseurl
    if exception is not None or app.builder.format != "html" or not base:
        return
    pages = ElementTree.Element("urlset", xmlns=NAMESPACE)
    for page in book_order(app.env):
        address = base + quote(app.builder.get_target_uri(page))
        ElementTree.SubElement(ElementTree.SubElement(pages, "url"), "loc").text = address
    ElementTree.ElementTree(pages).write(Path(app.outdir, "sitemap.xml"), "utf-8", xml_declaration=True)
    # The previews of pull requests are no part of the book.
    robots = ROBOTS.format(previews=f"{urlsplit(base).path}pr/", sitemap=f"{base}sitemap.xml")
    Path(app.outdir, "robots.txt").write_text(robots, "utf-8")


def setup(app) -> dict:
    """Register with Sphinx."""
    app.setup_extension("bookmaking.pages.citations")  # sees to the last slash of the address
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
