"""Mend what Sphinx's writers and the theme leave in a page, and warn where it is no longer there.

- No script holds up a page: each runs when the page has been read, in the order in which they stand.
- Icons are drawn, in place of the 1.5 MB script that does so in a browser. The drawings are those of that
  script, Font Awesome's, and so is the markup: the theme's rules for it hold.
- Each listing says how high it is, and each table of claims, so that the browser knows without laying it out:
  book.css lets it pass over them while they are far from the screen.
- ARIA attributes that are wrong, where axe-core finds them, are taken back. docutils calls the bibliography a
  list, whose entries are then no list items. MyST-NB names every fold "Toggle hidden content" in place of the
  words that a reader sees on it.
"""

import re
from copy import deepcopy
from functools import cache
from pathlib import Path

from lxml.html import Element, HtmlElement
from sphinx.errors import ExtensionError
from sphinx.util import logging

ICON_SCRIPT = "scripts/fontawesome.js"
ICON = '//*[self::i or self::span][contains(@class, "fa-")][not(node())]'
# Classes that say how large an icon is or from which set, and not which it is.
MANNER = {"fas", "fa-solid", "fa-lg", "fa-fw", "fa-sm"}
# As the script itself would add it to each page.
ICON_STYLE = """
.svg-inline--fa {
  box-sizing: content-box; display: inline-block; height: 1em; overflow: visible; vertical-align: -.125em;
}
.svg-inline--fa.fa-lg { vertical-align: -.2em; }
"""
BLOCKING = '//script[@src][not(@defer or @async or @type="module")]'
# The theme asks for scripts before its stylesheets have come, which are what the first picture waits for.
PRELOAD = '//link[@rel="preload"][@as="script"]'
# Sets a property of what a script makes, so it must wait for that script: an inline module does.
LATE = '//script[starts-with(text(), "DOCUMENTATION_OPTIONS.")]'
# Sphinx writes one of these for each extension that asks for it.
TWICE = "//script[not(@src)][following-sibling::*[1][self::script] = string()]"
WRONG = (
    ('//div[@class="citation-list"]', "role"),
    ('//div[@class="citation"]', "role"),
    ('//details[contains(@class, "hide")]/summary', "aria-label"),
)
logger = logging.getLogger(__name__)


def mend(page: HtmlElement, site: Path) -> None:
    """Mend a page that the theme has written."""
    for script in [*on_every_page(page, PRELOAD), *on_every_page(page, TWICE)]:
        script.drop_tree()
    for script in on_every_page(page, f'//script[contains(@src, "/{ICON_SCRIPT}")]'):
        script.drop_tree()
    for script in on_every_page(page, LATE):
        script.set("type", "module")
    for script in on_every_page(page, BLOCKING):
        script.set("defer", "")
    for icon in on_every_page(page, ICON):
        draw(icon, site / "_static" / ICON_SCRIPT)
    for listing in page.xpath("//pre"):
        lines = listing.text_content().rstrip("\n").count("\n") + 1
        listing.set("style", f"--lines: {lines}")
    for table in page.xpath('//table[contains(@class, "claims-report")]'):
        if "pst-scrollable-table-container" not in table.getparent().get("class", ""):
            warn(page, "place for a table of claims to scroll in")
        table.getparent().set("style", f"--rows: {len(table.xpath('.//tr'))}")
    for path, attribute in WRONG:
        for element in page.xpath(path):
            if element.attrib.pop(attribute, None) is None:
                warn(page, f"{path}/@{attribute}")


def on_every_page(page: HtmlElement, path: str) -> list[HtmlElement]:
    """Return the elements at a path, of which every page of the theme has some."""
    elements = page.xpath(path)
    if not elements:
        warn(page, path)
    return elements


def warn(page: HtmlElement, what: str) -> None:
    """Let the build fail: a mend has lost its place."""
    logger.warning("%s has no %s any more: see %s", page.base_url, what, __name__)


def draw(icon: HtmlElement, script: Path) -> None:
    """Put the drawing of an icon in its place."""
    names = icon.get("class").split()
    name = next(name[3:] for name in names if name.startswith("fa-") and name not in MANNER)
    svg = deepcopy(drawing(name, script))
    # Without a title: the button around it is named.
    svg.attrib.update({key: value for key, value in icon.items() if key not in ("title", "aria-label")})
    svg.set("class", " ".join(["svg-inline--fa", *(one for one in names if one not in ("fas", "fa-solid"))]))
    svg.tail = icon.tail
    icon.getparent().replace(icon, svg)


@cache
def drawing(name: str, script: Path) -> HtmlElement:
    """Return the SVG element of a solid icon."""
    # The script has three sets, the solid last: name: [width, height, [aliases], code point, path].
    pattern = rf'[{{,]"?{re.escape(name)}"?:\[(\d+),(\d+),\[[^\]]*\],"[0-9a-f]+","([^"]+)"\]'
    found = re.findall(pattern, script.read_text("utf-8"))
    if not found:
        raise ExtensionError(f"the theme asks for the icon {name}, which its script does not have")
    width, height, path = found[-1]
    svg = Element("svg", {"aria-hidden": "true", "focusable": "false", "viewBox": f"0 0 {width} {height}"})
    svg.append(Element("path", fill="currentColor", d=path))
    return svg
