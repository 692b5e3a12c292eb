"""Say how high each listing is, and each table of claims, so that the browser knows without laying it out.

`mathematics` says the same of displayed formulas. book.css lets the browser pass over all of them while they
are far from the screen: they have most of the elements of a page.
"""

import re
from pathlib import Path

LISTING = re.compile(r"<pre>(.*?)</pre>", re.DOTALL)
CLAIMS = re.compile(
    r'(?<=<div class="pst-scrollable-table-container")>(<table class="claims-report .*?</table>)', re.DOTALL
)


def state(pages: dict[Path, str]) -> dict[Path, str]:
    """Return the pages with the lines of each listing, and the rows of each such table, in its style."""
    return {path: CLAIMS.sub(_rows, LISTING.sub(_lines, text)) for path, text in pages.items()}


def _lines(found: re.Match) -> str:
    lines = found[1].rstrip("\n").count("\n") + 1
    return f'<pre style="--lines: {lines}">{found[1]}</pre>'


def _rows(found: re.Match) -> str:
    return f' style="--rows: {found[1].count("<tr")}">{found[1]}'
