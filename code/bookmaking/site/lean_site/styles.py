"""Make one stylesheet of all that the pages ask for, with only the rules that can apply to some page.

A rule stays when all classes, ids and elements of one of its selectors occur in a page or in a script. What
stands in brackets (`:not(...)`, `[type=...]`) is not looked at, which keeps rather more than needed.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from posixpath import normpath
from urllib.parse import unquote

from . import fonts

NAME = "site.css"
SHEET = re.compile(r'[ \t]*<link\b(?=[^>]*\brel="stylesheet")[^>]*\bhref="([^"?]*)[^"]*"[^>]*>\n?')
SOURCE = re.compile(r'<script\b[^>]*\bsrc="([^"?]*)')
INLINE = re.compile(r"<script\b(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)
# Class names that scripts put together: Bootstrap's `bs-${name}-auto`, Sphinx's `kind-${kind}`.
COMPOSED = ("bs-tooltip-", "kind-")

TOKEN = re.compile(
    r"""/\*.*?\*/ | "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | \burl\(\s*[^"'\s)][^)]*\) | \\. | [{};]
    | [^{};"'/\\u]+ | .""",
    re.DOTALL | re.VERBOSE,
)
GROUPS = ("@media", "@supports", "@layer", "@container")
URL = re.compile(r"""\burl\(\s*(?P<quote>["']?)(?P<address>(?!data:|["']|\#)[^)]*?)(?P=quote)\s*\)""")

# What a page itself says of custom properties and animations.
USES = re.compile(r"var\(\s*--[\w-]+|animation(?:-name)?:[^;}\"<>]*;")

IMPORT = re.compile(r'@import url\("([^"?]*)[^"]*"\)\s*;')


@dataclass
class Rule:
    """A rule of a stylesheet: what stands before its braces, and its declarations or its rules."""

    head: str
    body: list[str] | list["Rule"]

    def __str__(self) -> str:
        """Write it without needless space."""
        between = "\n" if self.groups else ";"
        return f"{self.head}{{{between.join(map(str, self.body))}}}"

    @property
    def groups(self) -> bool:
        """Tell whether it holds rules, under a condition."""
        return self.head.startswith(GROUPS)


def merge(pages: dict[Path, str], site: Path, more: list[tuple[str, Path]], kept: dict) -> dict[Path, str]:
    """Write the one stylesheet and return the pages that ask for it, where they asked for many.

    `more` are further stylesheets, each with the folder of what it names; they come first. `kept` is what
    this function left in it before: what the stylesheet was made from.
    """
    asked = {(path.parent / href).resolve() for path, text in pages.items() for href in SHEET.findall(text)}
    # In the order of the page with most of them; the theme's pages all have the same.
    longest = max(pages.items(), key=lambda page: len(SHEET.findall(page[1])))
    ordered = [(longest[0].parent / href).resolve() for href in SHEET.findall(longest[1])]
    target = (site / "_static" / NAME).resolve()
    # A page that was treated before asks for the one stylesheet; what that had is in the others.
    merged = [path for path in dict.fromkeys([*ordered, *sorted(asked)]) if path != target]
    if not merged:
        return pages
    sheets = [located(text, folder, target.parent) for text, folder in more]
    sheet = "".join([*sheets, *(read(path, target.parent) for path in merged)])
    known, used = words(pages), sorted(set(USES.findall(" ".join(pages.values()))))
    made_from = hashlib.sha256("\n".join([sheet, *sorted(known), *used]).encode()).hexdigest()
    if kept.get("made_from") != made_from or not target.exists():
        rules = list(used_rules(parse(sheet), known))
        drop_unused(rules, "\n".join(used))
        fonts.cut(rules, target.parent)
        target.write_text("\n".join(map(str, rules)) + "\n", "utf-8")
        kept["made_from"] = made_from
    for path in merged:
        path.unlink()
    version = hashlib.sha256(target.read_bytes()).hexdigest()[:8]
    return {path: linked(text, os.path.relpath(target, path.parent), version) for path, text in pages.items()}


def linked(page: str, address: str, version: str) -> str:
    """Return a page with one link to a stylesheet in the place of its first."""
    link = f'    <link rel="stylesheet" type="text/css" href="{address}?v={version}" />\n'
    first = SHEET.search(page)
    return page if first is None else page[: first.start()] + link + SHEET.sub("", page[first.start() :])


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


def parse(sheet: str) -> list[Rule]:
    """Return the rules of a stylesheet; comments and the declaration of its encoding are left out."""
    rules, head, body, depth = [], "", "", 0
    for token in TOKEN.findall(sheet):
        if token.startswith("/*"):
            continue
        if token[0] not in "\"'":
            token = re.sub(r"\s+", " ", token)
        if token == "}":
            depth -= 1
        if depth > 0:
            body += token
        elif token == "}":
            name = head.strip()
            rules.append(Rule(name, parse(body) if name.startswith(GROUPS) else declarations(body)))
            head = body = ""
        elif token == ";":
            head = ""
        elif token != "{":
            head += token
        if token == "{":
            depth += 1
    return rules


def declarations(body: str) -> list[str]:
    """Return the parts of a rule's body that semicolons set apart; keyframes are one part."""
    if "{" in re.sub(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'", "", body):
        return [body.strip()]
    parts = [""]
    for token in TOKEN.findall(body):
        if token == ";":
            parts.append("")
        else:
            parts[-1] += token
    return [re.sub(r"^\s*([\w-]+)\s*:\s*", r"\1:", part).strip() for part in parts if part.strip()]


def words(pages: dict[Path, str]) -> set[str]:
    """Return the elements, classes and ids of all pages, and every word of their scripts."""
    found, scripts = {"root", "host", "from", "to"}, set()
    for path, text in pages.items():
        found.update(re.findall(r"<([a-zA-Z][\w-]*)", text))
        found.update(word for value in re.findall(r'\sclass="([^"]*)"', text) for word in value.split())
        found.update(re.findall(r'\sid="([^"]*)"', text))
        scripts.update((path.parent / href).resolve() for href in SOURCE.findall(text))
        found.update(word for script in INLINE.findall(text) for word in re.findall(r"[\w-]+", script))
    for script in scripts:
        if script.name not in ("searchindex.js",) and script.is_file():
            found.update(re.findall(r"[\w-]+", script.read_text("utf-8")))
    return found


def used_rules(rules: Iterable[Rule], known: set[str]) -> Iterator[Rule]:
    """Yield the rules that can apply, each with those of its selectors that can match."""
    for rule in rules:
        if rule.groups:
            if inner := list(used_rules(rule.body, known)):
                yield Rule(rule.head, inner)
        elif rule.head.startswith("@"):
            yield rule
        elif rule.body and (matching := [one for one in selectors(rule.head) if can_match(one, known)]):
            yield Rule(",".join(matching), rule.body)


def selectors(head: str) -> list[str]:
    """Return the selectors of a rule, which commas outside brackets set apart."""
    parts, depth = [""], 0
    for character in head:
        depth += (character in "([") - (character in ")]")
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def can_match(selector: str, known: set[str]) -> bool:
    """Tell whether a selector names nothing that is not known."""
    bare = re.sub(r"\[[^\]]*\]", "", selector)
    while bare != (bare := re.sub(r"\([^()]*\)", "", bare)):
        pass
    bare = re.sub(r"::?[\w-]+", "", bare)
    names = (name.lstrip(".#").replace("\\", "") for name in re.findall(r"[.#]?(?:\\.|[\w-])+", bare))
    return all(name in known or name.startswith(COMPOSED) for name in names)


def drop_unused(rules: list[Rule], pages: str) -> None:
    """Take out the custom properties that nobody reads, and the animations that nobody runs.

    `pages` is what the pages themselves say of both.
    """
    while True:
        text = "\n".join(map(str, rules)) + pages
        read = set(re.findall(r"var\(\s*(--[\w-]+)", text))
        before = len(text)
        _drop(rules, read, text)
        if len("\n".join(map(str, rules)) + pages) == before:
            return


def _drop(rules: list[Rule], read: set[str], text: str) -> None:
    for rule in rules:
        if rule.groups:
            _drop(rule.body, read, text)
        else:
            rule.body = [
                one for one in rule.body if not one.startswith("--") or one.partition(":")[0] in read
            ]
    rules[:] = [rule for rule in rules if rule.body and not _idle(rule, text)]


def _idle(rule: Rule, text: str) -> bool:
    if "keyframes" not in rule.head:
        return False
    name = rule.head.split()[-1]
    return not re.search(rf"animation(?:-name)?:[^;}}]*(?<![\w-]){re.escape(name)}(?![\w-])", text)
