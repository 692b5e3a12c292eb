"""The built site, as files and in a real browser. Every checker is also shown the fault that it is for."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urljoin

import pytest
from playwright.sync_api import expect

from bookmaking.pages.figure_twins import DARK
from support import ROOT
from support.site_checks import (
    PHONE,
    REPORT,
    Page,
    broken_links,
    contrast,
    foreign,
    reader,
    unlisted_claims,
)
from threelayer import plots
from threelayer.plots import style

GALLERY = "book/gallery.html"


# As files


def unshown_figures(pages: dict[str, Page]) -> set[str]:
    """Return the numbered figures of all pages that the gallery does not link, as page#anchor."""
    shown = {urljoin(f"{GALLERY}", link) for link in pages[GALLERY].links}
    anchors = {f"{name}#{anchor}" for name, page in pages.items() for anchor in page.anchors}
    return {anchor for anchor in anchors - shown if "#fig-" in anchor}


@pytest.fixture(scope="session")
def pages(site) -> dict[str, Page]:
    found = (path for path in site.rglob("*.html") if not path.relative_to(site).parts[0].startswith("_"))
    return {path.relative_to(site).as_posix(): Page(path.read_text("utf-8")) for path in found}


def test_every_link_and_anchor_resolves(site, pages):
    files = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    assert not broken_links(pages, files)


def test_no_page_tells_where_it_was_built(site):
    written = {path.name: path.read_text("utf-8") for path in site.rglob("*.html")}
    assert "code/threelayer/jax_transforms.py" in written["jax_transforms.html"]
    assert not [name for name, text in written.items() if f"{ROOT}/" in text]


def test_no_page_names_a_foreign_file_to_fetch(pages):
    assert not {
        name: found for name, page in pages.items() if (found := foreign(page.fetched, "http://site"))
    }


def test_no_stylesheet_names_a_foreign_file(site):
    for sheet in site.rglob("*.css"):
        fetched = re.findall(r"(?:url\(|@import)\s*['\"]?([^'\")\s;]+)", sheet.read_text("utf-8"))
        assert not foreign(fetched, "http://site"), sheet.name


def test_every_image_has_alternative_text(pages):
    assert not {name: page.images_without_alt for name, page in pages.items() if page.images_without_alt}


def test_the_report_lists_exactly_the_claims_of_all_pages(pages):
    claims = {name: page.claims for name, page in pages.items() if page.claims}
    assert claims, "no page makes a claim"
    assert not unlisted_claims(claims, pages[REPORT])


def test_the_gallery_shows_every_figure(pages):
    assert any(link.endswith("#fig-numpy-loss") for link in pages[GALLERY].links)
    assert not unshown_figures(pages)
    pages = {**pages, "book/other.html": Page('<figure id="fig-forgotten"></figure>')}
    assert unshown_figures(pages) == {"book/other.html#fig-forgotten"}


def test_every_figure_has_its_dark_twin(site):
    light = [path for path in (site / "_images").glob("*.svg") if not path.stem.endswith("-dark")]
    assert light, "the book has no figure"
    for path in light:
        twin = path.with_stem(f"{path.stem}-dark").read_text("utf-8").lower()
        assert not [colour for colour in (plots.INK, plots.GRID) if colour in twin], path.name


def test_the_checkers_of_files_find_planted_faults():
    faulty = Page("""
        <script src="https://foreign.example/x.js"></script><link rel="preconnect" href="//foreign.example">
        <link rel="alternate stylesheet" href="//foreign.example/a.css"><link href="//foreign.example/b.css">
        <link rel="canonical" href="https://book.example/p.html"><link rel="Alternate" href="//f.example">
        <img src="a.png"><img src="b.png" alt=" "><img src="c.png" alt="a curve">
        <img src="d.png" role="presentation">
        <a href="gone.html">gone</a> <a href="#nowhere">nowhere</a> <a href="https://elsewhere.example">fine</a>
        <a href="/book/report.html#claim-a">a</a> <p id="claim-a"></p> <p id="claim-b"></p>
        """)
    hosts = ("https://foreign.example/x.js", "//foreign.example")
    assert foreign(faulty.fetched, "http://site") == [*hosts, f"{hosts[1]}/a.css", f"{hosts[1]}/b.css"]
    assert faulty.images_without_alt == ["a.png", "b.png"]
    files = {"book/p.html", REPORT, *(f"book/{letter}.png" for letter in "abcd")}
    found = broken_links({"book/p.html": faulty, REPORT: Page("")}, files)
    assert found == [
        f"book/p.html: {link}" for link in ("gone.html", "#nowhere", "/book/report.html#claim-a")
    ]
    report = Page('<a href="p.html#claim-a">a</a><a href="p.html#claim-c">c</a>')
    assert unlisted_claims({"book/p.html": faulty.claims}, report) == [
        "book/p.html#claim-b",
        "book/p.html#claim-c",
    ]
    assert unlisted_claims({"book/p.html": ["claim-a", "claim-a"]}, report)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_ink_of_figures_is_legible(scheme):
    """On the page's background, which `test_visits` compares with the paper of the figures."""
    ink, paper = (c if scheme == "light" else DARK[c] for c in (plots.INK, plots.PAPER))
    assert contrast(ink, paper) >= 4.5
    for colour in plots.FRAMEWORK_COLORS.values():
        assert contrast(colour, paper) >= 3  # lines and bars, WCAG 1.4.11
    assert contrast("#dddddd", "#ffffff") < 4.5
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


def faint_lines(drawing: str, paper: str, behind: set[str]) -> set[str]:
    """Return the colours of an SVG's lines that are too near the paper's, without what stays behind."""
    strokes = {colour.lower() for colour in re.findall(r"stroke: (#[0-9a-fA-F]{6})", drawing)}
    return {colour for colour in strokes - behind if contrast(colour, paper) < 3}  # WCAG 1.4.11


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_lines_of_every_figure_are_legible(site, scheme):
    drawings = [
        path for path in site.glob("_images/*.svg") if path.stem.endswith("-dark") is (scheme == "dark")
    ]
    paper, grid = (c if scheme == "light" else DARK[c] for c in (plots.PAPER, plots.GRID))
    behind = {paper, grid, style.CONTOUR}  # contours lie on the colours of a map
    found = {path.name: faint_lines(path.read_text("utf-8"), paper, behind) for path in drawings}
    assert len(found) > 20
    assert not {name: faint for name, faint in found.items() if faint}
    too_faint = {"light": "#f0e442", "dark": "#333333"}[scheme]
    assert faint_lines(f'<path style="stroke: {too_faint}"/>', paper, behind) == {too_faint}


# In the browser


@pytest.fixture
def tab(browser, origin) -> Iterator:
    with reader(browser, base_url=origin) as context:
        yield context.new_page()


def test_the_search_page_finds_a_chapter(tab):
    tab.goto("/search.html?q=Ishigami")
    result = tab.locator("#search-results li a", has_text="State the problem").first
    expect(result).to_be_visible()
    result.click()
    expect(tab.locator(".bd-article h1")).to_contain_text("State the problem")


def test_the_search_dialog_opens_by_keyboard(tab):
    tab.goto(f"/{REPORT}")
    tab.keyboard.press("Control+k")
    expect(tab.locator("dialog[open] input[type=search], .search-button__wrapper.show input")).to_be_focused()
    tab.keyboard.type("Ishigami")
    tab.keyboard.press("Enter")
    expect(tab.locator("#search-results li a").first).to_be_visible()


def test_folded_code_opens_by_keyboard(tab, site):
    folded = [path for path in sorted(site.glob("book/*.html")) if "<details" in path.read_text("utf-8")]
    tab.goto(f"/book/{folded[0].name}")
    fold = tab.locator("details.hide").first
    fold.locator("summary").focus()
    tab.keyboard.press("Enter")
    expect(fold.locator(".cell_input")).to_be_visible()


def test_a_claim_is_linked_from_the_report(tab):
    tab.goto(f"/{REPORT}")
    link = tab.locator("table.claims-report a[href*='#claim-']").first
    link.click()
    claim = tab.locator(".claim:has(:target)")
    expect(claim).to_be_visible()
    permalink = claim.locator("a.headerlink")
    permalink.focus()
    expect(permalink).to_have_css("opacity", "1")


@pytest.fixture(params=["http", "file"])
def opened(request, browser, site, origin) -> Iterator[Callable]:
    """Return a function that opens a page as served or as a file, for a reader whose system is light."""
    base = origin if request.param == "http" else site.resolve().as_uri()
    with reader(browser, "light") as context:
        if request.param == "http":
            context.grant_permissions(["clipboard-read", "clipboard-write"], origin=origin)
        errors = []

        def go(page: str):
            tab = context.new_page()
            tab.on("pageerror", lambda error: errors.append(str(error)))
            tab.goto(f"{base}/{page}")
            return tab

        yield go
    assert errors == []


def test_tabs_follow_one_choice(opened):
    tab = opened("book/one_trajectory.html")
    label = tab.locator(".sd-tab-label[data-sync-id='jax_transforms']").first
    label.click()
    expect(tab.locator(f"#{label.get_attribute('for')}")).to_be_checked()
    other = opened("book/one_trajectory.html")
    expect(other.locator(f"#{label.get_attribute('for')}")).to_be_checked()


def test_a_copy_button_says_that_it_copied(opened):
    tab = opened("book/network.html")
    button = tab.locator("button.copybtn:visible").first
    button.focus()
    tab.keyboard.press("Enter")
    expect(button).to_have_class(re.compile("success"))


def test_the_colour_scheme_can_be_switched_and_is_kept(opened):
    tab = opened("book/network.html")
    switch = tab.locator(".theme-switch-button:visible").first
    expect(switch.locator("svg:visible")).to_have_count(1)
    switch.click()
    expect(tab.locator("html")).to_have_attribute("data-theme", "dark")
    expect(opened("book/report.html").locator("html")).to_have_attribute("data-theme", "dark")


def test_the_navigation_opens_on_a_phone_and_folds_on_a_desk(opened):
    tab = opened("book/network.html")
    tab.locator(".primary-toggle:visible").first.click()
    expect(tab.locator("#pst-primary-sidebar")).to_be_hidden()
    tab.set_viewport_size(PHONE)
    tab.reload()
    tab.locator(".primary-toggle:visible").first.click()
    expect(tab.locator("#pst-primary-sidebar-modal .bd-links")).to_be_visible()


def test_an_exercise_shows_its_solution(opened):
    tab = opened("book/network.html")
    solution = tab.locator(".admonition.toggle").first
    expect(solution).to_have_class(re.compile("toggle-hidden"))
    solution.locator(".admonition-title").click()
    expect(solution).not_to_have_class(re.compile("toggle-hidden"))


def test_paper_is_light_whatever_the_screen_is(opened):
    tab = opened("book/network.html")
    tab.evaluate("""() => {
        document.documentElement.dataset.theme = "dark";
        addEventListener("beforeprint", () => {
            const hidden = (twin) => getComputedStyle(document.querySelector(twin)).display === "none";
            const { theme } = document.documentElement.dataset;
            window.printed = [theme, hidden("figure .only-light"), hidden("figure .only-dark")];
        });
    }""")
    assert tab.pdf().startswith(b"%PDF")
    assert tab.evaluate("printed") == ["light", False, True]
    expect(tab.locator("html")).to_have_attribute("data-theme", "dark")


def test_a_formula_can_be_selected(opened):
    tab = opened("book/network.html")
    text = tab.evaluate("""() => {
        getSelection().selectAllChildren(document.querySelector("div.math mjx-container"));
        return getSelection().toString().replace(/\\s/g, "");
    }""")
    assert "tanh" in text and "∑" in text
