"""Write what a reader cites in the formats that reference managers and word processors take.

All of it comes from CITATION.cff and from the titles of the chapters. A chapter is cited as part of the book.
Source: https://citation-file-format.github.io, https://ctan.org/pkg/biblatex,
https://github.com/zotero/translators (Embedded Metadata.js, RIS.js), https://apastyle.apa.org.
"""

import json
import re
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import yaml

MONTHS = "January February March April May June July August September October November December".split()
# An escaped brace would still count as a brace when BibTeX looks for the end of a field.
LATEX = {character: f"\\{character}" for character in "&%$#_"} | {
    "\\": r"{\textbackslash}",
    "{": r"{\textbraceleft}",
    "}": r"{\textbraceright}",
    "~": r"{\textasciitilde}",
    "^": r"{\textasciicircum}",
}


@dataclass(frozen=True)
class Author:
    """A person, or a group that has only a name."""

    name: str
    given: str = ""

    @property
    def inverted(self) -> str:
        """Family name, comma, given names; the name alone of a group."""
        return f"{self.name}, {self.given}" if self.given else self.name


@dataclass(frozen=True)
class Work:
    """The book, or a chapter when `book` is the title of what it is in. Its address may be unknown."""

    key: str
    title: str
    authors: tuple[Author, ...]
    version: str
    released: date
    url: str = ""
    book: str = ""

    def chapter(self, name: str, title: str, url: str = "") -> "Work":
        """Return a chapter of this book."""
        title = " ".join(title.split())
        return replace(self, key=f"{self.key}-{name}", title=title, url=url, book=self.title)


def read_book(path: Path, key: str) -> Work:
    """Return the book that a CITATION.cff describes.

    Raises
    ------
    ValueError
        The file leaves something out, or names a group that the formats would take for several authors.
    """
    content = yaml.safe_load(path.read_text("utf-8"))
    needed = "title", "authors", "version", "date-released"
    if missing := [name for name in needed if not content.get(name)]:
        raise ValueError(f"{path.name} does not say: {', '.join(missing)}")
    authors = read_authors(content["authors"], path.name)
    released = date.fromisoformat(str(content["date-released"]))
    return Work(key, content["title"], authors, str(content["version"]), released)


def read_authors(entries: list[dict[str, str]], file: str) -> tuple[Author, ...]:
    """Return the authors that a file names, each as CITATION.cff writes persons and groups."""
    return tuple(_author(entry, file) for entry in entries)


def _author(entry: dict[str, str], file: str) -> Author:
    if "family-names" in entry:
        family = [entry[part] for part in ("name-particle", "family-names") if part in entry]
        return Author(" ".join(family), entry.get("given-names", ""))
    if "name" not in entry:
        raise ValueError(f"an author in {file} has neither name nor family-names")
    if separator := re.search(r"[,;]", entry["name"]):
        raise ValueError(
            f'the group "{entry["name"]}" in {file} has a "{separator[0]}" in its name, '
            "where RIS and reference managers separate authors"
        )
    return Author(entry["name"])


def in_prose(day: date) -> str:
    """Return a date as prose writes it, whatever the language of the machine."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def bibtex(work: Work) -> str:
    """Return an entry for BibTeX and biblatex; the version is also a note, which the old styles print."""
    authors = (_latex(a.inverted) if a.given else f"{{{_latex(a.name)}}}" for a in work.authors)
    fields = {
        "author": " and ".join(authors),
        "title": _latex_title(work.title) if work.book else _latex(work.title),
        "booktitle": _latex(work.book),
        "year": str(work.released.year),
        "month": MONTHS[work.released.month - 1][:3].lower(),  # a macro of BibTeX
        "version": _latex(work.version),
        "note": _latex(f"Version {work.version}"),
        "url": work.url,
    }
    width = max(map(len, fields))
    lines = [
        f"  {name:<{width}} = {value if name == 'month' else f'{{{value}}}'},"
        for name, value in fields.items()
        if value
    ]
    kind = "incollection" if work.book else "book"
    return "\n".join([f"@{kind}{{{work.key},", *lines, "}"])


def _latex(text: str) -> str:
    return "".join(LATEX.get(character, character) for character in text)


def _latex_title(title: str) -> str:
    """Keep the capitals of names: styles put a chapter's title into small letters but for its first."""
    first, *rest = title.split(" ")
    words = [
        f"{{{_latex(word)}}}" if re.search("[A-Z]", word if n else word[1:]) else _latex(word)
        for n, word in enumerate([first, *rest])
    ]
    return " ".join(words)


def ris(work: Work) -> str:
    """Return a record of type CHAP or BOOK."""
    fields = [
        ("TY", "CHAP" if work.book else "BOOK"),
        ("ID", work.key),
        *(("AU", author.inverted) for author in work.authors),
        ("TI", work.title),
        ("T2", work.book),
        ("PY", str(work.released.year)),
        ("DA", f"{work.released:%Y/%m/%d}"),
        ("ET", work.version),
        ("LA", "en"),
        ("UR", work.url),
    ]
    return "\n".join([*(f"{tag}  - {value}" for tag, value in fields if value), "ER  - "])


def csl_json(work: Work) -> str:
    """Return the input of CSL processors, a list of one item."""
    item = {
        "id": work.key,
        "type": "chapter" if work.book else "book",
        "title": work.title,
        "container-title": work.book,
        "author": [
            {"family": author.name, "given": author.given} if author.given else {"literal": author.name}
            for author in work.authors
        ],
        "issued": {"date-parts": [[work.released.year, work.released.month, work.released.day]]},
        "version": work.version,
        "language": "en",
        "URL": work.url,
    }
    item = {name: value for name, value in item.items() if value}
    return json.dumps([item], indent=2, ensure_ascii=False)


def apa(work: Work) -> str:
    """Return the reference as plain text in APA style, 7th edition."""
    names = [f"{author.name}, {_initials(author.given)}".removesuffix(", ") for author in work.authors]
    authors = ", ".join(names[:-1]) + (", & " if names[1:] else "") + names[-1]
    title, version = work.title, f"(Version {work.version})."
    where = f"{_ended(title)} In {work.book} {version}" if work.book else f"{title} {version}"
    return f"{_ended(authors)} ({work.released.year}). {where} {work.url}".rstrip()


def _initials(given: str) -> str:
    return re.sub(r"(\w)[^\s-]*", r"\1.", given)


def _ended(text: str) -> str:
    return text if text[-1] in ".?!" else f"{text}."


def head_properties(
    work: Work, description: str, page_url: str = "", picture: str = ""
) -> list[tuple[str, str, str]]:
    """Return what the page of a work says of itself in its head, as attribute, name and content.

    Reference managers take a page with `citation_title` and `citation_inbook_title` for a section of a book.
    With `citation_title` alone they take it for a journal article, so the book's title is `og:title` only.
    """
    found = [("name", "description", description)]
    if work.book:
        found += [("name", "citation_title", work.title), ("name", "citation_inbook_title", work.book)]
    found += [("name", "citation_author", _tagged(author)) for author in work.authors]
    found += [
        ("name", "citation_publication_date", f"{work.released:%Y/%m/%d}"),
        ("name", "citation_language", "en"),
        ("name", "citation_public_url", work.url),
        ("name", "prism.edition", work.version),  # there is no citation_edition
        ("property", "og:title", work.title),
        ("property", "og:type", "article" if work.book else "book"),
        ("property", "og:description", description),
        ("property", "og:site_name", work.book or work.title),
        ("property", "og:url", page_url),
        ("property", "og:image", picture),
    ]
    return [(attribute, name, content) for attribute, name, content in found if content]


def _tagged(author: Author) -> str:
    """Return a name for `citation_author`, where the last word of a group would be taken for a family name.

    Zotero leaves a group of one word whole, and one of several words that ends in a comma.
    """
    return author.inverted if author.given or " " not in author.name else f"{author.name},"
