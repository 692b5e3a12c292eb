"""Make the written pages light: what a page does not need is not sent, and nothing that it needs holds it up.

When all pages are written, formulas are typeset (`mathematics`), icons become drawings (`icons`), listings
say how high they are (`heights`), scripts wait until the page stands (`scripts`), and the stylesheets
become one, with the rules that some page can use (`styles`) and the characters that these rules can show
(`fonts`). test_weight.py holds the budget. A page that has been treated is left as it is when it is
treated again, and what took long is kept beside the environment of Sphinx: after a change of prose there is
next to nothing to do.
"""

import json
from pathlib import Path
from urllib.parse import quote

from sphinx.ext.mathjax import html_visit_displaymath, html_visit_math

from . import heights, icons, mathematics, scripts, styles

KEPT = "lean_site.json"
UNUSED = (
    "_static/scripts/fontawesome.js*",
    "_static/vendor/fontawesome/webfonts/*",
)  # once the pages are treated
# Made for single pages, and of no use once no page names them.
MADE = ("_images/*", "_static/interactive/*")


def lighten(app, exception: Exception | None) -> None:
    """Treat all pages of the finished site."""
    if exception is not None or app.builder.name not in ("html", "dirhtml"):
        return
    site, store = Path(app.outdir), Path(app.doctreedir, KEPT)
    kept = json.loads(store.read_text("utf-8")) if store.exists() else {}
    paths = [path for path in site.rglob("*.html") if path.relative_to(site).parts[0] != "_static"]
    written = {path: path.read_text("utf-8") for path in paths}
    pages, sheet = mathematics.typeset(written, kept)
    pages = icons.draw(pages, site)
    pages = heights.state(pages)
    pages = scripts.defer(pages)
    pages = styles.merge(pages, site, [sheet, (icons.STYLE, site)], kept)
    for path, text in pages.items():
        if text != written[path]:
            path.write_text(text, "utf-8")
    for pattern in UNUSED:
        for path in site.glob(pattern):
            path.unlink()
    text = "".join(pages.values())
    for pattern in MADE:
        for path in site.glob(pattern):
            if quote(path.name) not in text:
                path.unlink()
    store.write_text(json.dumps(kept), "utf-8")


def setup(app) -> dict:
    """Register with Sphinx, and let it write formulas as TeX, without a script to typeset them."""
    app.add_html_math_renderer("typeset", (html_visit_math, None), (html_visit_displaymath, None))
    # Late: other extensions copy their files then.
    app.connect("build-finished", lighten, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
