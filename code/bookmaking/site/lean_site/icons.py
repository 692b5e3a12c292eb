"""Put the theme's icons into the pages as drawings, in place of the 1.5 MB script that does so in a browser.

The drawings are those of that script, Font Awesome's, and so is the markup: the theme's rules for it hold.
"""

import re
from html import escape
from pathlib import Path

from sphinx.errors import ExtensionError

SCRIPT = "scripts/fontawesome.js"
ICON = re.compile(
    r'<(?P<tag>i|span) class="(?P<classes>(?:[^"]*\s)?fa[srb]?[\s-][^"]*)"(?P<more>[^>]*)></(?P=tag)>'
)
# Classes that say how large an icon is or from which set, and not which it is.
MANNER = {"fas", "fa-solid", "fa-lg", "fa-fw", "fa-sm"}
# As the script itself would add it to each page.
STYLE = """
.svg-inline--fa {
  box-sizing: content-box; display: inline-block; height: 1em; overflow: visible; vertical-align: -.125em;
}
.svg-inline--fa.fa-lg { vertical-align: -.2em; }
"""


def draw(pages: dict[Path, str], site: Path) -> dict[Path, str]:
    """Return the pages with drawings for icons, and without the script."""
    script = site / "_static" / SCRIPT
    known = script.read_text("utf-8") if script.is_file() else ""
    drawings: dict[str, str] = {}

    def drawn(found: re.Match) -> str:
        classes = found["classes"].split()
        name = next(name[3:] for name in classes if name.startswith("fa-") and name not in MANNER)
        if name not in drawings:
            drawings[name] = drawing(name, known)
        shown = [name for name in classes if name not in ("fas", "fa-solid")]
        more = re.sub(r'\s(title|aria-label)="[^"]*"', "", found["more"])  # the button around it is named
        return (
            f'<svg class="svg-inline--fa {escape(" ".join(shown))}"{more} aria-hidden="true"'
            f' focusable="false" {drawings[name]}</svg>'
        )

    load = re.compile(rf"[ \t]*<script[^>]*/{re.escape(SCRIPT)}[^>]*></script>\n?")
    return {path: ICON.sub(drawn, load.sub("", text)) for path, text in pages.items()}


def drawing(name: str, script: str) -> str:
    """Return the attributes and the content of the SVG element of a solid icon."""
    # The script has three sets, the solid last: name: [width, height, [aliases], code point, path].
    pattern = rf'[{{,]"?{re.escape(name)}"?:\[(\d+),(\d+),\[[^\]]*\],"[0-9a-f]+","([^"]+)"\]'
    found = re.findall(pattern, script)
    if not found:
        raise ExtensionError(f"the theme asks for the icon {name}, which its script does not have")
    width, height, path = found[-1]
    return f'viewBox="0 0 {width} {height}"><path fill="currentColor" d="{path}"/>'
