"""That no page waits for a script, what its figures weigh, and that nothing moves when it is laid out late.

What a page weighs before it is idle is asked in `test_visits`.
"""

import re
from urllib.parse import unquote

import pytest

from support.site_checks import pages_of

FIGURES = 600_000  # bytes of a page's figures in one scheme, as they lie on the disk
# What is laid out late, with the height it is given until then and the one that it turns out to have.
LATE = """() => {
    const blocks = [...document.querySelectorAll(".bd-article :is(.highlight > pre, mjx-container[display])")]
        .filter((block) => block.checkVisibility())
        .filter((block) => !block.firstElementChild?.checkVisibility({ contentVisibilityAuto: true }));
    const heights = () => blocks.map((block) => block.getBoundingClientRect().height);
    const given = heights();
    document.head.append(Object.assign(document.createElement("style"), {
        textContent: "* { content-visibility: visible !important }" }));
    return heights().map((height, index) => [given[index], height, blocks[index].textContent.slice(0, 40)]);
}"""


def blocking(page: str) -> list[str]:
    """Return the script elements that keep a browser from reading on until their file has come."""
    scripts = re.findall(r"<script\b[^>]*\bsrc=[^>]*>", page)
    return [tag for tag in scripts if not re.search(r'\s(?:defer|async)\b|\stype="module"', tag)]


def figures(page: str) -> dict[str, set[str]]:
    """Return the files that a page shows as images, those of the light and those of the dark scheme."""
    shown = {"light": set(), "dark": set()}
    for tag in re.findall(r"<img\b[^>]*>", page):
        (source,) = re.findall(r'\ssrc="([^"]*)"', tag)
        for scheme, other in (("light", "only-dark"), ("dark", "only-light")):
            if other not in tag:
                shown[scheme].add(unquote(source))
    return shown


def heavy_figures(site, page: str) -> list[str]:
    """Return the schemes in which a page's figures weigh more than they may, with the heaviest of them."""
    path = site / page
    found = []
    for scheme, names in figures(path.read_text("utf-8")).items():
        weights = {name: (path.parent / name).resolve().stat().st_size for name in names}
        if sum(weights.values()) >= FIGURES:
            found.append(f"{scheme}: {sorted(weights, key=weights.get)[-3:]}")
    return found


def test_the_figures_of_a_page_keep_within_their_budget(site):
    assert not {page: found for page in pages_of(site) if (found := heavy_figures(site, page))}


def test_no_script_blocks_a_page(site):
    blocked = {page: blocking((site / page).read_text("utf-8")) for page in pages_of(site)}
    assert not {page: scripts for page, scripts in blocked.items() if scripts}


def test_every_page_has_a_description_of_its_own(site):
    found = {}
    for path in site.glob("book/**/*.html"):
        (text,) = re.findall(r'<meta name="description" content="([^"]+)"', path.read_text("utf-8"))
        found.setdefault(text, []).append(path.name)
    assert found
    assert not [names for names in found.values() if len(names) > 1]


def test_the_checkers_of_files_find_planted_faults(tmp_path):
    twins = '<img src="a.svg" class="only-light"><img class="only-dark" src="b%20c.svg"><img src="d.png">'
    assert figures(twins) == {"light": {"a.svg", "d.png"}, "dark": {"b c.svg", "d.png"}}
    (tmp_path / "a.svg").write_bytes(bytes(FIGURES))
    (tmp_path / "page.html").write_text('<img src="a.svg" class="only-light">', "utf-8")
    assert heavy_figures(tmp_path, "page.html") == ["light: ['a.svg']"]
    scripts = '<script src="large.js"></script><script defer src="other.js"></script>'
    assert blocking(scripts) == ['<script src="large.js">']


def misjudged(blocks: list[list]) -> list[str]:
    """Return the blocks whose height was not known before they were laid out; a scroll bar may add to it."""
    return [
        f"{given:.0f} and not {height:.0f} px: {text}"
        for given, height, text in blocks
        if not -2 < height - given < 20
    ]


@pytest.mark.parametrize("width", [360, 1280])
def test_what_is_laid_out_late_has_the_height_it_was_given(browser, origin, width):
    with browser.new_context(viewport={"width": width, "height": 900}) as context:
        tab = context.new_page()
        for page in ("book/network.html", "book/one_trajectory.html"):
            tab.goto(f"{origin}/{page}")
            blocks = tab.evaluate(LATE)
            assert len(blocks) > 5, page
            assert misjudged(blocks) == [], page
        tab.goto(f"{origin}/book/network.html")
        tab.add_style_tag(content="pre { --lines: 1 !important }")
        assert misjudged(tab.evaluate(LATE))
