"""Make the written pages light: what a page does not need is not sent, and nothing that it needs holds it up.

When all pages are written, each is read as one tree. Formulas are typeset (`mathematics`), what Sphinx and
the theme leave is mended (`mends`), and the stylesheets become one, with the rules that some page can use
(`styles`) and the characters that these rules can show (`fonts`). test_weight.py holds the budget. A page
that has been treated is left as it is when it is treated again, and what took long is stored beside the
environment of Sphinx: after a change of prose there is next to nothing to do.
"""

import json
from pathlib import Path
from urllib.parse import quote

from lxml.html import document_fromstring, tostring
from sphinx.ext.mathjax import html_visit_displaymath, html_visit_math

from . import mathematics, mends, styles

STORE = "lean_site.json"
UNUSED = (
    "_static/scripts/fontawesome.js*",
    "_static/vendor/fontawesome/webfonts/*",
)  # once the pages are treated
# Made for single pages, and of no use once no page names them.
FOR_PAGES = ("_images/*", "_static/interactive/*")


def lighten(app, exception: Exception | None) -> None:
    """Treat all pages of the finished site."""
    if exception is not None or app.builder.name not in ("html", "dirhtml"):
        return
    site, store = Path(app.outdir), Path(app.doctreedir, STORE)
    memory = json.loads(store.read_text("utf-8")) if store.exists() else {}
    paths = [path for path in site.rglob("*.html") if path.relative_to(site).parts[0] != "_static"]
    texts = {path: path.read_text("utf-8") for path in paths}
    pages = {path: document_fromstring(text, base_url=str(path)) for path, text in texts.items()}
    untreated = {path: page for path, page in pages.items() if styles.links(page)}
    formulas = mathematics.typeset(untreated.values(), memory)
    for page in untreated.values():
        mends.mend(page, site)
    styles.merge(pages, untreated, site, [formulas, (mends.ICON_STYLE, site)], memory)
    for path, page in untreated.items():
        texts[path] = tostring(page, encoding="unicode", doctype="<!DOCTYPE html>")
        path.write_text(texts[path], "utf-8")
    for pattern in UNUSED:
        for path in site.glob(pattern):
            path.unlink()
    text = "".join(texts.values())
    for pattern in FOR_PAGES:
        for path in site.glob(pattern):
            if quote(path.name) not in text:
                path.unlink()
    store.write_text(json.dumps(memory), "utf-8")


def setup(app) -> dict:
    """Register with Sphinx, and let it write formulas as TeX, without a script to typeset them."""
    app.add_html_math_renderer("typeset", (html_visit_math, None), (html_visit_displaymath, None))
    # Late: other extensions copy their files then.
    app.connect("build-finished", lighten, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
