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


def sitemap(addresses: list[str]) -> bytes:
    """Return the sitemap of these pages."""
    pages = ElementTree.Element("urlset", xmlns=NAMESPACE)
    for address in addresses:
        ElementTree.SubElement(ElementTree.SubElement(pages, "url"), "loc").text = address
    ElementTree.indent(pages)
    return ElementTree.tostring(pages, "utf-8", xml_declaration=True)


def robots(base: str) -> str:
    """Return what robots may see: all but the previews of pull requests."""
    return f"User-agent: *\nDisallow: {urlsplit(base).path}pr/\n\nSitemap: {base}sitemap.xml\n"


def write(app, exception: Exception | None) -> None:
    """Write both into the finished site, or remove what an earlier build wrote."""
    if exception is not None or app.builder.name not in ("html", "dirhtml"):
        return
    site, base = Path(app.outdir), app.config.html_baseurl
    if not base:
        for name in ("sitemap.xml", "robots.txt"):
            (site / name).unlink(missing_ok=True)
        return
    pages = [quote(app.builder.get_target_uri(page)) for page in book_order(app.env)]
    (site / "sitemap.xml").write_bytes(sitemap([f"{base}{page}" for page in pages]))
    (site / "robots.txt").write_text(robots(base), "utf-8")


def setup(app) -> dict:
    """Register with Sphinx."""
    app.setup_extension("bookmaking.pages.citations")  # sees to the last slash of the address
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
