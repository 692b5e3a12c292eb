"""What a page of the built site costs before it is idle, and that nothing on it waits for a script.

Weights are of the files a browser asks for without scrolling, compressed as a server would.
"""

import gzip
import re
from pathlib import Path
from random import Random
from urllib.parse import unquote, urlsplit

import pytest

from bookmaking.upkeep.serve import serving

LIMIT = 400_000  # bytes a page
# What each file may weigh at most, first match first; the sum of a page stays below LIMIT all the same.
ALLOWED = (
    (r"\.html$", 60_000),
    (r"^_static/site\.css$", 35_000),
    (r"^_static/scripts/bootstrap\.js$", 26_000),
    (r"^_static/fonts/", 16_000),
    (r"^searchindex\.js$", 120_000),
    (r"", 10_000),
)
# Figures and the data of those that the reader moves come when they are scrolled to.
LATER = re.compile(r"^(?:_images/|_static/interactive/|_static/plotly\.min\.js$)")
FIGURES = 600_000  # bytes of a page's figures in one scheme, as they lie on the disk
COMPRESSED = {".html", ".css", ".js", ".svg", ".json"}
SHIFTS = """
    window.shift = 0;
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
    }).observe({ type: "layout-shift", buffered: true });
"""
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


def weight(path: Path) -> int:
    """Return how many bytes of a file go over the wire."""
    content = path.read_bytes()
    return len(gzip.compress(content)) if path.suffix in COMPRESSED else len(content)


def overweight(weights: dict[str, int]) -> list[str]:
    """Return the files that weigh more than they may, and the page if all of it does."""
    found = []
    for name, bytes_ in weights.items():
        allowed = next(limit for pattern, limit in ALLOWED if re.search(pattern, name))
        if bytes_ > allowed:
            found.append(f"{name}: {bytes_:,} bytes, {allowed:,} allowed")
    if (total := sum(weights.values())) > LIMIT:
        heaviest = ", ".join(sorted(weights, key=weights.get, reverse=True)[:3])
        found.append(f"the page: {total:,} bytes, {LIMIT:,} allowed, most of them in {heaviest}")
    return found


def blocking(page: str) -> list[str]:
    """Return the script elements that keep a browser from reading on until their file has come."""
    scripts = re.findall(r"<script\b[^>]*\bsrc=[^>]*>", page)
    return [tag for tag in scripts if not re.search(r'\s(?:defer|async)\b|\stype="module"', tag)]


def open_page(browser, origin: str, page: str, viewport: dict) -> tuple[set[str], list[str], float]:
    """Return the files that a page asks for until it is idle, the ones that are not there, and its shift."""
    asked, missing = set(), []
    with browser.new_context(viewport=viewport) as context:
        tab = context.new_page()
        tab.add_init_script(SHIFTS)
        tab.on("request", lambda request: asked.add(unquote(urlsplit(request.url).path).lstrip("/")))
        tab.on("response", lambda answer: answer.status >= 400 and missing.append(answer.url))
        tab.goto(f"{origin}/{page}", wait_until="networkidle")
        shift = tab.evaluate("window.shift")
    return {name for name in asked if not name.startswith("image/")}, missing, shift


@pytest.mark.parametrize("width", [360, 1280])
def test_a_page_keeps_within_its_budget_and_stands_still(browser, site, origin, page, width):
    asked, missing, shift = open_page(browser, origin, page, {"width": width, "height": 900})
    assert page in asked
    assert not missing
    assert not overweight({name: weight(site / name) for name in asked if not LATER.search(name)})
    assert shift < 0.1


def figures(page: str) -> dict[str, set[str]]:
    """Return the files that a page shows as images, those of the light and those of the dark scheme."""
    shown = {"light": set(), "dark": set()}
    for tag in re.findall(r"<img\b[^>]*>", page):
        (source,) = re.findall(r'\ssrc="([^"]*)"', tag)
        for scheme, other in (("light", "only-dark"), ("dark", "only-light")):
            if other not in tag:
                shown[scheme].add(unquote(source))
    return shown


def test_the_figures_of_a_page_keep_within_their_budget(site, page):
    path = site / page
    for scheme, names in figures(path.read_text("utf-8")).items():
        weights = {name: (path.parent / name).resolve().stat().st_size for name in names}
        assert sum(weights.values()) < FIGURES, f"{scheme}: {sorted(weights, key=weights.get)[-3:]}"


def test_no_script_blocks_a_page(site, page):
    assert not blocking((site / page).read_text("utf-8"))


def test_every_page_has_a_description_of_its_own(site):
    found = {}
    for path in site.glob("book/**/*.html"):
        (text,) = re.findall(r'<meta name="description" content="([^"]+)"', path.read_text("utf-8"))
        found.setdefault(text, []).append(path.name)
    assert found
    assert not [names for names in found.values() if len(names) > 1]


def test_the_checkers_of_weight_find_planted_faults(browser, tmp_path):
    digits = "".join(Random(0).choices("0123456789", k=40_000))  # compresses to half and no less
    (tmp_path / "large.js").write_text(f"// {digits}", "utf-8")
    (tmp_path / "page.html").write_text(
        """<!doctype html><title>Heavy</title>
        <script src="large.js"></script><script defer src="gone.js"></script>
        <p id="late" hidden style="height: 400px">Pushes</p><p style="height: 400px">The pushed</p>
        <script>requestAnimationFrame(() => setTimeout(() => { late.hidden = false }, 100))</script>""",
        "utf-8",
    )
    with serving(tmp_path) as origin:
        asked, missing, shift = open_page(browser, origin, "page.html", {"width": 360, "height": 900})
    assert asked == {"page.html", "large.js", "gone.js"}
    assert [url.rpartition("/")[2] for url in missing] == ["gone.js"]
    assert shift > 0.1
    twins = '<img src="a.svg" class="only-light"><img class="only-dark" src="b%20c.svg"><img src="d.png">'
    assert figures(twins) == {"light": {"a.svg", "d.png"}, "dark": {"b c.svg", "d.png"}}
    assert blocking((tmp_path / "page.html").read_text("utf-8")) == ['<script src="large.js">']
    weights = {name: weight(tmp_path / name) for name in ("page.html", "large.js")}
    assert [fault.partition(":")[0] for fault in overweight(weights)] == ["large.js"]
    assert weights["page.html"] < (tmp_path / "page.html").stat().st_size
    heavy = overweight({f"_static/fonts/{letter}.woff": 15_000 for letter in "abcdefghijklmnopqrstuvwxyzäöü"})
    assert [fault.partition(":")[0] for fault in heavy] == ["the page"]


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
