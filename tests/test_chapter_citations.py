"""The citations on page cite are read by a parser of others, and no page runs for the prose of another."""

import re
from html import unescape
from pathlib import Path

import pytest
from chapter_citations import bibtex, chapters, read
from pybtex.database import BibliographyData, parse_string
from pybtex.exceptions import PybtexError

from bookmaking.keyed_cache import Record, read_page

ROOT = Path(__file__).parents[1]


def text_of(markup: str) -> str:
    return unescape(re.sub(r"<[^>]+>", "", markup))


def entries(page: str) -> BibliographyData:
    """Return what BibTeX finds in the listings of a page."""
    listings = re.findall(r"<pre>(.*?)</pre>", page, re.DOTALL)
    return parse_string("\n".join(map(text_of, listings)), "bibtex")


def test_every_chapter_has_an_entry_with_its_title(site):
    found = dict(entries((site / "book" / "cite.html").read_text("utf-8")).entries)
    book = found.pop("onenetwork")
    assert (book.type, book.fields["title"]) == ("book", "One Network, Nine Ways")
    assert list(found) == [f"onenetwork-{Path(name).name}" for name in chapters(read(ROOT, "_toc.yml"))]
    assert len(found) > 10
    for key, entry in found.items():
        page = (site / "book" / f"{key.removeprefix('onenetwork-')}.html").read_text("utf-8")
        title = text_of(re.search(r'<h1>([^\n]*?)<a class="headerlink', page)[1])
        assert (entry.type, entry.fields["title"]) == ("incollection", title)
        assert entry.fields["version"] == book.fields["version"]
        assert [str(person) for person in entry.persons["author"]] == ["{The One Network, Nine Ways authors}"]


def test_a_broken_entry_is_found():
    whole = bibtex("book", "key", {"title": "A title", "year": "2026"})
    assert parse_string(whole, "bibtex").entries["key"].fields["year"] == "2026"
    with pytest.raises(PybtexError):
        parse_string(whole.replace("},", ",", 1), "bibtex")


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
