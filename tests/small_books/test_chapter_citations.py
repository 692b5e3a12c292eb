"""Citation, head and permanent addresses of each chapter, in a small book and in the built site."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import rispy
import yaml
from bs4 import BeautifulSoup
from PIL import Image
from playwright.sync_api import expect

from bookmaking.build import render as build
from bookmaking.cache import commit
from bookmaking.cache.keyed_cache import Record, digest, read_page
from bookmaking.pages.citation_formats import read_book
from bookmaking.upkeep.serve import serving
from support import ROOT
from support.citation_readers import parsed_bibtex, plain, rendered_apa, zotero
from support.small_book import CFF, CHANGES, CHAPTER, CONFIGURATION, LAST, TYPESET, SmallBook


@pytest.fixture
def small(tmp_path) -> SmallBook:
    """Return a book to change and to build."""
    return SmallBook(tmp_path)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> SmallBook:
    """Return a book that is built as it stands, with older versions and with a page that has moved."""
    book = SmallBook(tmp_path_factory.mktemp("book"))
    book.write("CHANGELOG.md", CHANGES)
    book.write("conf.py", CONFIGURATION + 'moved_pages = {"old/name": "places"}\n')
    book.built()
    return book


@pytest.fixture(scope="module")
def addressed(tmp_path_factory) -> SmallBook:
    """Return a book whose site has an address, with older versions."""
    book = SmallBook(tmp_path_factory.mktemp("addressed"))
    book.write("CHANGELOG.md", CHANGES)
    book.built("html_baseurl=https://book.example/it")
    return book


def copies(page: BeautifulSoup) -> dict[str, str]:
    """Return the text of each tab of the first citation on a page."""
    tabs = page.select_one(".citation.sd-tab-set")
    labels = [label.get_text(strip=True) for label in tabs.select(".sd-tab-label")]
    texts = [block.get_text().removesuffix("\n") for block in tabs.select("pre")]
    return dict(zip(labels, texts, strict=True))


def cited_titles(found: dict[str, str]) -> set[str]:
    """Return the title in each of the four formats."""
    (entry,) = parsed_bibtex(found["BibTeX"]).entries.values()
    (record,) = rispy.loads(found["RIS"])
    (item,) = yaml.safe_load(found["CSL-JSON"])
    assert found["APA"] == rendered_apa(found["CSL-JSON"])
    return {plain(entry.fields["title"]), record["title"], item["title"]}


def test_each_chapter_ends_with_its_citation(built):
    page = built.page("places")
    assert page.select("section > section")[-1]["id"] == "cite-this-chapter"
    assert "Version 3.1.0 of 6 May 2029." in page.get_text()
    assert cited_titles(copies(page)) == {TYPESET}
    item = zotero(page)
    assert (item["type"], item["title"], item["book"]) == ("bookSection", TYPESET, "Small")
    assert item["url"] is None
    assert not page.select('[property="og:url"], [property="og:image"]')
    assert not (built.site / "_static" / "cards").exists()
    assert len(built.page("last").select("section > section")) == 2  # one of them was there
    assert not built.page("index").select(".citation")
    cite = built.page("cite")
    assert cited_titles(copies(cite)) == {"Small"}
    listed = parsed_bibtex(cite.select("pre")[-1].get_text()).entries
    assert list(listed) == ["small-places", "small-last"]


def test_a_chapter_says_in_its_front_matter_who_wrote_it_and_what_it_is(built):
    page, other = built.page("last"), built.page("places")
    assert zotero(page)["authors"] == [("Noether", "Emmy"), ("The guests", "")]
    assert copies(page)["APA"].startswith("Noether, E., & The guests. (2029). The last. In Small (")
    assert cited_titles(copies(page)) == {"The last"}
    assert zotero(other)["authors"] == [("The group", "")]
    for name in ("name=description", 'property="og:description"'):
        assert [tag["content"] for tag in page.select(f"meta[{name}]")] == ['It is "the last".']
        assert [tag["content"] for tag in other.select(f"meta[{name}]")] == ["Its first words."]


def test_a_chapter_whose_authors_have_no_name_is_refused(small):
    small.write("last.md", LAST.replace("name: The guests", "named: The guests"))
    result = small.build()
    assert result.returncode
    assert "chapter-authors of last: an author in last has neither name nor family-names" in result.stderr


def test_addresses_name_the_version_once_the_site_has_one(addressed):
    page = addressed.page("places")
    address = "https://book.example/it/3.1.0/places.html"
    assert zotero(page)["url"] == address
    assert page.select_one('link[rel="canonical"]')["href"] == "https://book.example/it/places.html"
    assert page.select_one('[property="og:url"]')["content"] == "https://book.example/it/places.html"
    pictures = [
        addressed.page(name).select_one('[property="og:image"]')["content"] for name in ("places", "last")
    ]
    for picture in pictures:
        assert picture.startswith("https://book.example/it/")
        with Image.open(addressed.site / picture.removeprefix("https://book.example/it/")) as image:
            assert image.size == (1200, 630)
            darkest, _ = image.convert("L").crop((60, 50, 1140, 230)).getextrema()
            assert darkest < 100  # a title, not paper
    drawn = {(addressed.site / one.removeprefix("https://book.example/it/")).read_bytes() for one in pictures}
    assert len(drawn) == 2
    assert page.select_one("#cite-this-chapter p a")["href"] == address
    assert all(address in text for text in copies(page).values())
    assert zotero(addressed.page("index"))["url"] == "https://book.example/it/3.1.0/"


def test_every_version_is_listed(built, addressed):
    lines = [line.get_text(strip=True) for line in built.page("cite").select(".body li")]
    assert lines == [
        "Version 3.1.0 of 6 May 2029, which you are reading",
        "Version 3.0.0 of 2 January 2028",
        "Version 2.10.0 of 4 March 2027",
    ]
    listed = yaml.safe_load((built.site / "versions.json").read_text("utf-8"))
    assert [entry["folder"] for entry in listed] == ["3.1.0/", "3.0.0/", "2.10.0/"]
    places = addressed.page("cite").select('li a[href^="https://book.example/"]')
    links = [link["href"] for link in places]
    assert links == [f"https://book.example/it/{number}/" for number in ("3.1.0", "3.0.0", "2.10.0")]


def without_permalink(page: BeautifulSoup) -> list[str]:
    """Return the equations, figures, listings and claims that no link on the page leads to."""
    links = {link["href"] for link in page.select("a.headerlink[href]")}
    ids = [element["id"] for element in page.select("[id]")]
    found = []
    for block in page.select("div.math, figure, .anchored-listing, .interactive, .claim"):
        inside = [element["id"] for element in block.select("[id]")]
        around = [
            block.get("id"),
            block.parent.get("id") if "anchored" in block.parent.get("class", ()) else None,
        ]
        anchors = [anchor for anchor in (*around, *inside) if anchor and f"#{anchor}" in links]
        if not anchors or ids.count(anchors[0]) != 1:
            found.append(f"{block.name} {block.get('class')} {block.get('id')}")
    return found


def test_listings_and_equations_have_permanent_addresses(built):
    page = built.page("places")
    listings = [block["id"] for block in page.select(".anchored-listing")]
    assert listings == ["listing-code-work", "listing-code-total", "listing-code-total-2"]
    assert all(f"#{name}" in {a["href"] for a in page.select(".anchored a.headerlink")} for name in listings)
    assert not without_permalink(page)


def test_the_checker_of_permalinks_finds_planted_faults():
    page = BeautifulSoup(
        """<div class="math" id="a">x<a class="headerlink" href="#a">#</a></div><figure id="b"></figure>
        <div class="math">y</div><div class="interactive"></div>
        <div class="anchored-listing" id="c"><a class="headerlink" href="#c">#</a></div><p id="c"></p>""",
        "html.parser",
    )
    assert [fault.split()[0] for fault in without_permalink(page)] == ["figure", "div", "div", "div"]


def test_a_moved_page_leads_to_the_new_one_with_its_anchor(built, browser):
    moved = (built.site / "old/name.html").read_text("utf-8")
    assert 'url=../places.html"' in moved and 'name="robots" content="noindex"' in moved
    with serving(built.site) as origin, browser.new_context() as context:
        tab = context.new_page()
        tab.goto(f"{origin}/old/name.html#listing-code-work")
        tab.wait_for_url(f"{origin}/places.html#listing-code-work")
    with serving(built.site) as origin, browser.new_context(java_script_enabled=False) as context:
        tab = context.new_page()
        tab.goto(f"{origin}/old/name.html")
        tab.wait_for_url(f"{origin}/places.html")


def test_the_address_of_the_site_leads_to_its_first_page(site, browser, origin):
    page = BeautifulSoup((site / "index.html").read_text("utf-8"), "html.parser")
    assert page.html["lang"] and page.title.get_text() and page.select_one("link[rel=icon]")
    assert page.select_one("meta[name=robots]")["content"] == "all"
    with visitor(browser, f"{origin}/") as tab:
        tab.wait_for_url(f"{origin}/book/index.html")


@pytest.mark.parametrize(
    ("moves", "sentence"),
    [
        ({"last": "places"}, "last is still a page of the book"),
        ({"old": "gone"}, "old leads to gone, which is no page of the book"),
    ],
)
def test_a_wrong_move_is_refused(small, moves, sentence):
    small.write("conf.py", f"{CONFIGURATION}moved_pages = {moves}\n")
    result = small.build()
    assert result.returncode
    assert sentence in result.stderr


def git(folder: Path, *command: str) -> str:
    who = ["-c", "user.name=A", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *who, *command], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def head(folder: Path) -> str:
    return git(folder, "rev-parse", "--short=12", "HEAD")


def test_a_change_is_written_where_it_shows_and_nowhere_else(small):
    """Change the commit and prose, then authors and mathematics, then the version, and last spoil it."""
    script = small.site / commit.SCRIPT

    def build_writes() -> set[str]:
        pages = [small.site / f"{name}.html" for name in ("places", "last", "cite")]
        before = {path: path.stat().st_mtime_ns for path in pages if path.exists()}
        small.built()
        return {path.stem for path in pages if path.stat().st_mtime_ns != before.get(path)}

    small.write(".gitignore", "out/\n")
    git(small.folder, "init", "-q")
    git(small.folder, "add", ".")
    git(small.folder, "commit", "-qm", "One")
    assert build_writes() == {"places", "last", "cite"}
    assert f', commit {head(small.folder)}"' in script.read_text("utf-8")
    (equation,) = (block["id"] for block in small.page("places").select(".anchored-equation"))

    git(small.folder, "commit", "--allow-empty", "-qm", "Two")
    assert build_writes() == set()
    assert f', commit {head(small.folder)}"' in script.read_text("utf-8")
    small.write("last.md", LAST.replace("Other words", "Quite other words"))
    assert build_writes() == {"last"}
    assert script.read_text("utf-8").endswith(', changed");\n')

    small.write("last.md", LAST.replace("Emmy", "Fritz"))
    small.write("places.md", CHAPTER.replace("$$\na", "$$\nx=y\n$$\n\n$$\na").replace("c = d", " c  =  d "))
    assert build_writes() == {"places", "last", "cite"}
    assert "Noether, Fritz and {The guests}" in small.page("cite").get_text()
    assert [block["id"] for block in small.page("places").select(".anchored-equation")][1] == equation

    small.write("CITATION.cff", CFF.replace("3.1.0", "3.2.0"))
    assert build_writes() == {"places", "last", "cite"}
    for name in ("places", "last", "cite"):
        assert "Version 3.2.0" in copies(small.page(name))["APA"]
    small.write("CITATION.cff", CFF.replace("title", "titel"))
    result = small.build()
    assert result.returncode
    assert "CITATION.cff does not say: title" in result.stderr


def test_a_build_with_nothing_to_do_names_the_commit_and_says_that_there_is_no_address(tmp_path, capsys):
    def said(baseurl: str) -> str:
        (tmp_path / "_config.yml").write_text(f"html: {{baseurl: '{baseurl}'}}\n", "utf-8")
        published = {"inputs": digest(tmp_path, build._inputs(tmp_path, ".")), "chapters": 0}
        (tmp_path / "_build/published.json").write_text(json.dumps(published), "utf-8")
        assert build.main(["--root", str(tmp_path)]) == 0
        return capsys.readouterr().out

    script = tmp_path / "_build/html" / commit.SCRIPT
    script.parent.mkdir(parents=True)
    script.write_text("of the build before", "utf-8")
    (tmp_path / "_toc.yml").touch()
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "--allow-empty", "-qm", "One")
    assert said("").count("html.baseurl in _config.yml is empty") == 1
    assert head(tmp_path) in script.read_text("utf-8")
    git(tmp_path, "commit", "--allow-empty", "-qm", "Two")
    assert "baseurl" not in said("https://book.example/")
    assert head(tmp_path) in script.read_text("utf-8")


# The built site


@pytest.fixture(scope="module")
def chapters(site) -> dict[str, BeautifulSoup]:
    """Return the pages that end with a citation."""
    pages = {
        path.stem: BeautifulSoup(path.read_text("utf-8"), "html.parser") for path in site.glob("book/*.html")
    }
    return {name: page for name, page in pages.items() if page.select("#cite-this-chapter")}


def test_the_chapters_of_the_site_can_be_cited(site, chapters):
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["sphinx"]["config"]
    moved = {Path(page).stem for page in config["moved_pages"]}
    assert {path.stem for path in site.glob("book/*.html")} - chapters.keys() == {"index", "cite", *moved}
    book = read_book(ROOT / "CITATION.cff", "onenetwork")
    for name, page in chapters.items():
        title = page.h1.get_text().removesuffix("#")
        assert cited_titles(copies(page)) == {title}, name
        item = zotero(page)
        assert (item["type"], item["title"], item["book"]) == ("bookSection", title, book.title)
        assert (item["edition"], item["date"]) == (book.version, f"{book.released:%Y/%m/%d}")
        assert f"Version {book.version}" in page.select_one(".book-version").get_text()


def test_every_place_of_the_site_has_its_link(site, chapters):
    for name, page in chapters.items():
        assert not without_permalink(page), name
        source = (ROOT / "book" / f"{name}.md").read_text("utf-8")
        if not re.search(r"\{(rosetta|gallery)\}", source):
            assert len(page.select(".anchored-listing")) == source.count("{literalinclude}"), name
    assert any(page.select(".anchored-listing") for page in chapters.values())


def test_the_site_names_its_authors_as_the_citation_does(site):
    book = read_book(ROOT / "CITATION.cff", "onenetwork")
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    names = [author.name for author in book.authors]
    assert (config["title"], config["author"]) == (book.title, " and ".join(names))
    page = BeautifulSoup((site / "book/cite.html").read_text("utf-8"), "html.parser")
    written = [tag["content"] for tag in page.select("[name=citation_author]")]
    # A group's name of several words ends in a comma there, see tests/test_citations.py.
    assert [name.removesuffix(",") for name in written] == names


def opened_prose(files: list[str]) -> list[str]:
    """Return the pages among the files that a page opened when it ran."""
    return [name for name in files if name.startswith("book/") and name.endswith(".md")]


def test_no_page_runs_again_for_the_prose_of_another(site):
    assert opened_prose(["book/problem.md", "code/threelayer/data.py"]) == ["book/problem.md"]
    ran = {}
    for path in sorted((ROOT / "book").glob("*.md")):
        kernel = read_page(path.read_text("utf-8"), ROOT).metadata.get("kernelspec", {})
        if "cells" in kernel and (record := Record.load(ROOT, kernel["cells"])):
            ran[path.name] = opened_prose(record.files)
    assert len(ran) > 10
    assert not {name: pages for name, pages in ran.items() if pages}


@contextmanager
def visitor(browser, address: str, **options) -> Iterator:
    """Yield a page of the site in a browser of its own."""
    with browser.new_context(permissions=["clipboard-read", "clipboard-write"], **options) as context:
        tab = context.new_page()
        tab.goto(address)
        yield tab


def test_what_the_copy_buttons_copy_can_be_read(browser, origin):
    with visitor(browser, f"{origin}/book/network.html") as tab:
        citation, copied = tab.locator("#cite-this-chapter"), {}
        tab.locator("#cite-this-chapter input").first.focus()
        for n, name in enumerate(("APA", "BibTeX", "RIS", "CSL-JSON")):
            if n:
                tab.keyboard.press("ArrowRight")
            expect(citation.locator(".sd-tab-label", has_text=name)).to_be_visible()
            tab.keyboard.press("Tab")
            expect(citation.locator(".copybtn:visible")).to_be_focused()
            expect(tab.get_by_role("status")).to_have_text("")
            tab.keyboard.press("Enter")
            expect(tab.get_by_role("status")).to_have_text("Copied!")
            expect(citation.locator(".copybtn:visible")).to_be_focused()  # and not lost
            copied[name] = tab.evaluate("navigator.clipboard.readText()")
            tab.keyboard.press("Shift+Tab")
    assert cited_titles(copied) == {"Derive the network"}


@pytest.mark.parametrize("touch", [False, True])
def test_links_to_places_are_seen(browser, origin, touch):
    with visitor(browser, f"{origin}/book/network.html", has_touch=touch, is_mobile=touch) as tab:
        heading = tab.locator("h2 > a.headerlink").first
        expect(heading).to_have_css("opacity", "1" if touch else "0")
        for place in (".anchored-listing", ".anchored-equation", ".eqno", "figcaption", ".claim"):
            expect(tab.locator(f"{place} a.headerlink").first).to_have_css("opacity", "1")
        heading.focus()
        expect(heading).to_have_css("opacity", "1")


def test_an_address_far_down_a_page_leads_there(browser, origin):
    for place in ("#exercises", "#cite-this-chapter"):
        with visitor(browser, f"{origin}/book/jax_transforms.html{place}") as tab:
            expect(tab.locator(f"{place} > h2")).to_be_in_viewport()


@pytest.mark.parametrize(
    ("chapter", "place"),
    [
        ("one_trajectory", "[id^=listing-jax_transforms]"),
        ("pytorch_scratch", "#listing-pytorch_scratch-diff"),
    ],
    ids=["tab", "fold"],
)
def test_an_address_opens_what_hides_its_place(browser, origin, chapter, place):
    address = f"{origin}/book/{chapter}.html"
    with visitor(browser, address) as tab:
        hidden = tab.locator(place).first
        expect(hidden).to_be_hidden()
        anchor = hidden.get_attribute("id")
        tab.evaluate("anchor => { location.hash = anchor }", anchor)
        expect(hidden).to_be_in_viewport()
    with visitor(browser, f"{address}#{anchor}") as tab:
        expect(tab.locator(place).first).to_be_in_viewport()
