"""Citations in four formats and in a page's head, read back by parsers that others wrote."""

import re
import tomllib
from dataclasses import replace
from datetime import date

import jsonschema
import pytest
import rispy
import yaml
from bs4 import BeautifulSoup
from check_jsonschema.builtin_schemas import get_builtin_schema
from pybtex.exceptions import PybtexError
from pybtex.plugin import find_plugin

from bookmaking.pages.citation_formats import (
    Author,
    Work,
    apa,
    bibtex,
    csl_json,
    head_properties,
    read_book,
    ris,
)
from bookmaking.site.site_version import releases
from support import ROOT
from support.citation_readers import parsed_bibtex, plain, rendered_apa, zotero, zotero_authors

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
        "authors": ["The Nine Ways authors", "Noether, Emmy"],
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


CITATION = (ROOT / "CITATION.cff").read_text("utf-8")


def validate_citation_file(text: str) -> None:
    """Hold a text to the official schema of CITATION.cff, which check-jsonschema brings along."""
    schema = get_builtin_schema("vendor.citation-file-format")
    jsonschema.validate(yaml.safe_load(text), schema, format_checker=jsonschema.FormatChecker())


def test_the_citation_file_is_valid_and_names_the_version_of_the_package():
    validate_citation_file(CITATION)
    book = read_book(ROOT / "CITATION.cff", "onenetwork")
    assert book.version == tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("type: software", "type: chapter"),
        ("authors:", "author:"),
        ('date-released: "20', 'date-released: "'),
    ],
)
def test_the_schema_refuses_a_faulty_file(right, wrong):
    with pytest.raises(jsonschema.ValidationError):
        validate_citation_file(CITATION.replace(right, wrong))


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


@pytest.mark.parametrize(
    ("heading", "told"),
    [
        ("## 1.10.0 (2031-05-01)", "version 1.10.0 of 2031-05-01"),  # newer than 1.2.0, by numbers
        ("## 1.2.0 (2031-04-08)", "version 1.2.0 of 2031-04-08"),
    ],
)
def test_a_changelog_that_disagrees_is_refused(heading, told):
    assert list(releases(BOOK, "## 1.1.0 (2030-01-01)\n## 1.2.0 (2031-04-07)\n")) == ["1.2.0", "1.1.0"]
    with pytest.raises(
        ValueError, match=re.escape(f"{told}, CITATION.cff is of version 1.2.0 of 2031-04-07")
    ):
        releases(BOOK, f"## Unreleased\n\n{heading}\n")


# As reference managers read a page


def properties(work: Work) -> list[tuple[str, str, str]]:
    return head_properties(work, "What it is about.")


def page_with(tags: list[tuple[str, str, str]]) -> BeautifulSoup:
    page = BeautifulSoup("<html><head></head></html>", "html.parser")
    for attribute, name, content in tags:
        page.head.append(page.new_tag("meta", attrs={attribute: name, "content": content}))
    return page


def test_a_chapter_is_a_section_of_the_book_and_the_book_a_book():
    item = zotero(page_with(properties(chapter(AWKWARD[2]))))
    assert item == {
        "type": "bookSection",
        "title": AWKWARD[2],
        "book": BOOK.title,
        "authors": [("The Nine Ways authors", "")],
        "date": "2031/04/07",
        "edition": "1.2.0",
        "url": "https://book.example/1.2.0/book/a_page.html",
    }
    book = zotero(page_with(properties(BOOK)))
    assert (book["type"], book["title"], book["url"]) == ("book", BOOK.title, BOOK.url)
    people = zotero(page_with(properties(chapter(authors=PEOPLE["three"]))))
    assert people["authors"] == [(author.name, author.given) for author in PEOPLE["three"]]
    tags = properties(chapter(authors=(Author("NineWays"),)))
    assert ("name", "citation_author", "NineWays") in tags
    assert zotero(page_with(tags))["authors"] == [("NineWays", "")]


def test_the_rules_tell_other_pages_apart():
    tags = properties(chapter())
    without = [tag for tag in tags if tag[1] != "citation_inbook_title"]
    assert zotero(page_with(without))["type"] == "journalArticle"
    assert zotero(page_with([]))["type"] == "webpage"
    assert zotero_authors(["One Network, Nine Ways authors"]) == [
        ("Network", "One"),
        ("authors", "Nine Ways"),
    ]
    assert zotero_authors(["The Nine Ways authors"]) == [("authors", "The Nine Ways")]


def test_what_is_shared_has_a_title_and_a_description():
    found = {name: content for kind, name, content in properties(chapter()) if kind == "property"}
    assert found == {
        "og:title": AWKWARD[0],
        "og:type": "article",
        "og:description": "What it is about.",
        "og:site_name": BOOK.title,
    }
    placed = {
        name for _, name, _ in head_properties(BOOK, "", "https://a.example/", "https://a.example/p.png")
    }
    assert {"og:url", "og:image"} <= placed
    assert "description" not in placed
