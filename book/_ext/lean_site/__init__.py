"""Make the written pages light: what a page does not need is not sent, and nothing that it needs holds it up.

When all pages are written, formulas are typeset (`mathematics`), icons become drawings (`icons`), scripts
wait until the page stands (`scripts`), and the stylesheets become one, with the rules that some page can use
(`styles`) and the characters that these rules can show (`fonts`). tests/test_weight.py holds the budget.
A page that has been treated is left as it is when it is treated again.
"""

from pathlib import Path

from sphinx.ext.mathjax import html_visit_displaymath, html_visit_math

from . import icons, mathematics, scripts, styles

UNUSED = (
    "_static/scripts/fontawesome.js*",
    "_static/vendor/fontawesome/webfonts/*",
)  # once the pages are treated


def lighten(app, exception: Exception | None) -> None:
    """Treat all pages of the finished site."""
    if exception is not None or app.builder.name not in ("html", "dirhtml"):
        return
    site = Path(app.outdir)
    paths = [path for path in site.rglob("*.html") if path.relative_to(site).parts[0] != "_static"]
    pages = {path: path.read_text("utf-8") for path in paths}
    pages, sheet = mathematics.typeset(pages)
    pages = icons.draw(pages, site)
    pages = scripts.defer(pages)
    pages = styles.merge(pages, site, sheet, (icons.STYLE, site))
    for path, text in pages.items():
        path.write_text(text, "utf-8")
    for pattern in UNUSED:
        for path in site.glob(pattern):
            path.unlink()


def setup(app) -> dict:
    """Register with Sphinx, and let it write formulas as TeX, without a script to typeset them."""
    app.add_html_math_renderer("typeset", (html_visit_math, None), (html_visit_displaymath, None))
    # Late: other extensions copy their files then.
    app.connect("build-finished", lighten, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
