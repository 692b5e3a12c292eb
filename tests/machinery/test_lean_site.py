"""What is mended in a written page, and that a mend whose place is gone is told."""

import pytest
from lxml.html import document_fromstring, tostring

from bookmaking.site.lean_site import mends, styles

ICONS = (
    'far={"sun":[1,1,[],"f185","M0"]};fas={"sun":[512,448,[],"f185","M1 2"],"bars":[448,512,[],"f0c9","M3"]}'
)
THEME = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8" />
<link rel="stylesheet" href="_static/a.css?v=1" /><link rel="stylesheet" href="_static/b.css" />
<link rel="preload" as="script" href="late.js" />
<script src="_static/scripts/fontawesome.js?digest=1"></script>
<script>let one = 1;</script>
<script>let one = 1;</script>
<script>DOCUMENTATION_OPTIONS.pagename = 'a';</script>
<script src="late.js"></script><script async src="soon.js"></script>
</head><body>
<p><i class="theme fa-solid fa-sun   fa-lg" title="Light" data-mode="light"></i> Light</p>
<pre><span>a</span>
b
</pre>
<div class="pst-scrollable-table-container"><table class="claims-report"><tr></tr><tr></tr></table></div>
<details class="hide above-input"><summary aria-label="Toggle hidden content">Show</summary></details>
<div role="list" class="citation-list"><div class="citation" id="a" role="doc-biblioentry"></div></div>
</body></html>"""
# Each place in turn as it would be if the theme or Sphinx wrote it no longer.
GONE = {
    'as="script"': "",
    "fontawesome.js": "other.js",
    "<script>let one = 1;</script>\n<script>let": "<script>let",
    "DOCUMENTATION_OPTIONS": "OTHER",
    '<script src="late': '<script defer src="late',
    "fa-solid fa-sun   fa-lg": "sun",
    "pst-scrollable-table-container": "other",
    ' aria-label="Toggle hidden content"': "",
    ' role="list"': "",
    ' role="doc-biblioentry"': "",
}


@pytest.fixture
def mended(tmp_path, monkeypatch):
    """Return a function that mends a page, and returns it with what it was warned of."""
    script = tmp_path / "_static" / mends.ICON_SCRIPT
    script.parent.mkdir(parents=True)
    script.write_text(ICONS, "utf-8")
    warnings = []
    monkeypatch.setattr(mends.logger, "warning", lambda *parts: warnings.append(parts))

    def mend(text: str):
        page = document_fromstring(text, base_url=str(tmp_path / "a.html"))
        mends.mend(page, tmp_path)
        return page, warnings

    return mend


def test_a_page_of_the_theme_is_mended(mended):
    page, warnings = mended(THEME)
    assert warnings == []
    scripts = [(script.get("src"), script.get("defer"), script.get("type")) for script in page.iter("script")]
    assert scripts == [
        (None, None, None),
        (None, None, "module"),
        ("late.js", "", None),
        ("soon.js", None, None),
    ]
    (icon,) = page.iter("svg")
    assert icon.attrib == {
        "aria-hidden": "true",
        "focusable": "false",
        "viewBox": "0 0 512 448",
        "class": "svg-inline--fa theme fa-sun fa-lg",
        "data-mode": "light",
    }
    assert (icon[0].get("d"), icon.tail) == ("M1 2", " Light")
    assert [page.find(f".//{tag}").get("style") for tag in ("pre", "div")] == ["--lines: 2", "--rows: 2"]
    assert b"role=" not in tostring(page) and page.find(".//summary").attrib == {}


@pytest.mark.parametrize("place", GONE)
def test_a_place_that_is_gone_is_told(mended, place):
    assert THEME.count(place) == 1
    _, warnings = mended(THEME.replace(place, GONE[place]))
    assert len(warnings) == 1


def test_a_page_is_treated_once():
    page = document_fromstring(THEME)
    first, second = styles.links(page)
    first.set("href", f"_static/{styles.NAME}?v=1")
    second.drop_tree()
    assert styles.links(page) == []
