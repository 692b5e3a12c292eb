"""Each page of the built site, visited once in each colour scheme; a case names all that is wrong with it."""

from random import Random

import pytest

from bookmaking.upkeep.serve import serving
from support.site_checks import pages_of
from support.visits import faults, overweight, visit, weight


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test that asks for `page` and `scheme` every page of the site in both."""
    if {"page", "scheme"} <= set(metafunc.fixturenames):
        # Without a site one page, so that the test fails with the sentence of the fixture `site`.
        pages = pages_of(metafunc.config.getoption("--site")) or ["index.html"]
        cases = [
            pytest.param(page, scheme, marks=pytest.mark.xdist_group(f"visits, {scheme}"))
            for scheme in ("light", "dark")
            for page in pages
        ]
        metafunc.parametrize(("page", "scheme"), cases)


def test_a_page_has_no_fault(browser, site, origin, page, scheme):
    assert faults(visit(browser, origin, page, scheme), site, page, scheme) == []


def test_a_visit_finds_planted_faults(browser, tmp_path):
    digits = "".join(Random(0).choices("0123456789", k=40_000))  # compresses to half and no less
    (tmp_path / "large.js").write_text(f"// {digits}", "utf-8")
    (tmp_path / "faulty.html").write_text(
        r"""<!doctype html><html lang="en" data-theme="light"><title>Faulty</title>
        <body style="background: #fff; color: #ddd"><main><h1 style="width: 900px">Pale and wide</h1>
        <p id="late" hidden style="height: 400px">Pushes</p><p style="height: 400px">The pushed</p>
        <p>The raw \(x_1\).</p><p class="math">y</p><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">
        <script src="large.js"></script><script defer src="gone.js"></script>
        <script src="https://foreign.example/x.js"></script><script>console.error("planted")</script>
        <script>requestAnimationFrame(() => setTimeout(() => { late.hidden = false }, 100))</script>""",
        "utf-8",
    )
    with serving(tmp_path) as address:
        seen = visit(browser, address, "faulty.html", "dark")
        found = faults(seen, tmp_path, "faulty.html", "dark")
    assert seen.asked == {"faulty.html", "large.js", "gone.js"}
    kinds = {fault.partition(":")[0] for fault in found}
    assert kinds == {
        *("missing", "console", "foreign", "weight", "shift", "scheme", "background", "mathematics"),
        *("overflow", "access"),
    }
    assert [fault.rpartition("/")[2] for fault in found if fault.startswith("missing")] == ["gone.js"]
    assert any(fault.startswith("console: planted") for fault in found)
    assert "foreign: https://foreign.example/x.js" in found
    assert r"mathematics: The raw \(x_1\)." in found and "mathematics: 0 of 1 formulas are typeset" in found
    assert [fault.split(":")[1].strip() for fault in found if fault.startswith("weight")] == ["large.js"]
    rules = {fault.split(":")[1].strip() for fault in found if fault.startswith("access")}
    assert rules >= {"color-contrast", "image-alt"}
    assert "visit: other.html was not asked for" in faults(seen, tmp_path, "other.html", "light")


def test_a_page_of_many_files_is_overweight_as_a_whole(tmp_path):
    heavy = overweight({f"_static/fonts/{letter}.woff": 15_000 for letter in "abcdefghijklmnopqrstuvwxyzäöü"})
    assert [fault.partition(":")[0] for fault in heavy] == ["the page"]
    text = tmp_path / "page.html"
    text.write_text("Word after word. " * 100, "utf-8")
    assert 0 < weight(text) < text.stat().st_size
