"""Make one stylesheet of all that the pages ask for, with only the rules that can apply to some page.

A rule stays when all classes, ids and elements of one of its selectors occur in a page or in a script. What
stands in brackets (`:not(...)`, `[type=...]`) is not looked at, which keeps rather more than needed.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from posixpath import normpath
from urllib.parse import unquote

import tinycss2
from lxml.html import HtmlElement
from sphinx.errors import ExtensionError
from tinycss2.ast import LiteralToken, Node

from . import fonts

NAME = "site.css"
# Class names that scripts put together: Bootstrap's `bs-${name}-auto`, Sphinx's `kind-${kind}`.
COMPOSED = ("bs-tooltip-", "kind-")
GROUPS = ("media", "supports", "layer", "container")
RULES = ("qualified-rule", "at-rule")
COMMA = LiteralToken(0, 0, ",")
CLEAN = {"skip_comments": True, "skip_whitespace": True}
READ = re.compile(r"var\(\s*(--[\w-]+)")
URL = re.compile(r"""\burl\(\s*(?P<quote>["']?)(?P<address>(?!data:|["']|\#)[^)]*?)(?P=quote)\s*\)""")
IMPORT = re.compile(r'@import url\("([^"?]*)[^"]*"\)\s*;')


def links(page: HtmlElement) -> list[HtmlElement]:
    """Return the links to stylesheets of a page that has not been treated; one that has been has one only."""
    found = page.xpath('//link[@rel="stylesheet"]')
    return [] if any(f"/{NAME}?" in link.get("href") for link in found) else found


def file_of(page: HtmlElement, address: str) -> Path:
    """Return the file that a page names by a relative address."""
    return (Path(page.base_url).parent / unquote(address.partition("?")[0])).resolve()


def merge(
    pages: dict[Path, HtmlElement],
    untreated: dict[Path, HtmlElement],
    site: Path,
    more: list[tuple[str, Path]],
    memory: dict,
) -> None:
    """Write the one stylesheet, and let the pages that ask for many ask for it.

    `more` are further stylesheets, each with the folder of what it names; they come first. `memory` is what
    this function left in it before: what the stylesheet was made from.
    """
    if not untreated:
        return
    target = (site / "_static" / NAME).resolve()
    # In the order of the page with most of them; the theme's pages all have the same.
    most_first = sorted(untreated.values(), key=lambda page: -len(links(page)))
    paths = dict.fromkeys(file_of(page, link.get("href")) for page in most_first for link in links(page))
    sheets = [located(text, folder, target.parent) for text, folder in more]
    sheet = "".join([*sheets, *(read(path, target.parent) for path in paths)])
    known, inline = words(pages.values()), [text for page in pages.values() for text in inline_style(page)]
    read_by_pages = sorted(set(READ.findall(" ".join(inline))))
    made_from = hashlib.sha256("\n".join([sheet, *sorted(known), *read_by_pages]).encode()).hexdigest()
    if memory.get("made_from") != made_from or not target.exists():
        rules = list(used_rules(tinycss2.parse_stylesheet(sheet, **CLEAN), known))
        rules = read_rules(rules, set(read_by_pages))
        fonts.cut(rules, target.parent)
        target.write_text("\n".join(rule.serialize() for rule in rules) + "\n", "utf-8")
        memory["made_from"] = made_from
    for path in paths:
        path.unlink()
    version = hashlib.sha256(target.read_bytes()).hexdigest()[:8]
    for path, page in untreated.items():
        first, *others = links(page)
        first.set("href", f"{os.path.relpath(target, path.parent)}?v={version}")
        for link in others:
            link.drop_tree()


def read(path: Path, target: Path) -> str:
    """Return a stylesheet with those that it imports, all addresses relative to another folder."""
    text = located(path.read_text("utf-8-sig"), path.parent, target)
    return IMPORT.sub(lambda found: read(target / found[1], target), text)


def located(sheet: str, folder: Path, target: Path) -> str:
    """Return a stylesheet whose addresses are relative to another folder."""
    sheet = re.sub(r"""@import\s+(["'])(.*?)\1""", r'@import url("\2")', sheet)

    def moved(found: re.Match) -> str:
        path, mark, rest = re.match(r"([^?#]*)([?#]?)(.*)", found["address"]).groups()
        relative = os.path.relpath(folder / unquote(path), target).replace(os.sep, "/")
        return f'url("{normpath(relative)}{mark}{rest}")'

    return URL.sub(moved, sheet)


def words(pages: Iterable[HtmlElement]) -> set[str]:
    """Return the elements, classes and ids of all pages, and every word of their scripts."""
    found, scripts = set(), set()
    for page in pages:
        found.update(element.tag for element in page.iter("*"))
        found.update(word for value in page.xpath("//@class") for word in value.split())
        found.update(page.xpath("//@id"))
        scripts.update(file_of(page, address) for address in page.xpath("//script/@src"))
        found.update(word for text in page.xpath("//script/text()") for word in re.findall(r"[\w-]+", text))
    for script in scripts:
        if script.name != "searchindex.js" and script.is_file():
            found.update(re.findall(r"[\w-]+", script.read_text("utf-8")))
    return found


def inline_style(page: HtmlElement) -> list[str]:
    """Return what a page itself says of its style."""
    return page.xpath("//@style | //style/text()")


def used_rules(rules: Iterable[Node], known: set[str]) -> Iterator[Node]:
    """Yield the rules that can apply, each with those of its selectors that can match."""
    for rule in rules:
        if rule.type == "error":
            raise ExtensionError(f"a stylesheet is wrong: {rule.message}")
        keyword = rule.lower_at_keyword if rule.type == "at-rule" else ""
        if rule.content is None:  # the encoding
            continue
        if keyword in GROUPS:
            rule.content = list(used_rules(tinycss2.parse_rule_list(rule.content, **CLEAN), known))
        elif "keyframes" not in keyword:
            rule.content = tinycss2.parse_blocks_contents(rule.content, **CLEAN)
        if not keyword:
            matching = [one for one in selectors(rule.prelude) if can_match(one, known)]
            rule.prelude = [token for one in matching for token in (*one, COMMA)][:-1]
        if rule.content and (keyword or rule.prelude):
            yield rule


def selectors(prelude: list[Node]) -> list[list[Node]]:
    """Return the selectors of a rule, which commas outside brackets set apart."""
    parts = [[]]
    for token in prelude:
        if token == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def can_match(selector: list[Node], known: set[str]) -> bool:
    """Tell whether a selector names no class, id or element that is not known, outside brackets."""
    before = None
    for token in selector:
        if token.type == "hash" or (token.type == "ident" and before != ":"):
            # A tree has the names of elements in small letters.
            names = {token.value, token.value.lower()}
            if not (names & known or token.value.startswith(COMPOSED)):
                return False
        before = token
    return True


def read_rules(rules: list[Node], read_by_pages: set[str]) -> list[Node]:
    """Return the rules without custom properties that nobody reads, nor those that only such ones read."""
    text, before = tinycss2.serialize(rules), ""
    while text != before:
        rules = list(_without_unread(rules, read_by_pages | set(READ.findall(text))))
        text, before = tinycss2.serialize(rules), text
    return rules


def _without_unread(nodes: Iterable[Node], read: set[str]) -> Iterator[Node]:
    for node in nodes:
        if node.type == "declaration" and node.name.startswith("--") and node.name not in read:
            continue
        if node.type in RULES:
            node.content = list(_without_unread(node.content, read))
            if not node.content:
                continue
        yield node
