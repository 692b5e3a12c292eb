"""Say how high each listing is, so that the browser need not lay it out to know.

`mathematics` says the same of displayed formulas. book.css lets the browser pass over both while they are
far from the screen: they have most of the elements of a page.
"""

import re
from pathlib import Path

LISTING = re.compile(r"<pre>(.*?)</pre>", re.DOTALL)


def count_lines(pages: dict[Path, str]) -> dict[Path, str]:
    """Return the pages with the number of lines of each listing in its style."""
    return {path: LISTING.sub(_counted, text) for path, text in pages.items()}


def _counted(found: re.Match) -> str:
    lines = found[1].rstrip("\n").count("\n") + 1
    return f'<pre style="--lines: {lines}">{found[1]}</pre>'
