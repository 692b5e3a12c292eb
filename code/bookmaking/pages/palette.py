"""The colours of the light and of the dark page, read from where they are set: the top of `book.css`.

What is drawn outside a stylesheet takes them from here; `threelayer.plots.style` has those of the light page
that its figures need once more, for a figure is drawn without the book too.
"""

import re
from pathlib import Path

STYLES = Path(__file__).parents[3] / "book" / "_static" / "book.css"


def colours(selector: str) -> dict[str, str]:
    """Return the colours that the first rule of a selector sets, without `--pst-color-` and `--book-`."""
    rule = re.search(rf"^{re.escape(selector)}[^{{]*{{([^}}]*)", STYLES.read_text("utf-8"), re.MULTILINE)
    return dict(re.findall(r"--(?:pst-color|book)-([\w-]+): (#\w+);", rule[1]))


LIGHT, DARK = colours('html[data-theme="light"]'), colours('html[data-theme="dark"]')
