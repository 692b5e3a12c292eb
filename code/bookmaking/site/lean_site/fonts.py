"""Cut the fonts of the stylesheet down to the characters that it shows.

Icons of the theme and the glyphs of formulas all come from `content` or from custom properties, so the
stylesheet knows every character of its fonts. Text has the reader's own fonts.
"""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import tinycss2
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from tinycss2.ast import Node

# A style of Pygments lets everything be logged, and a build that fails would show each step of the cutting.
logging.getLogger("fontTools").setLevel(logging.WARNING)

FOLDER = "fonts"
SOURCE = re.compile(r'url\("([^"?#]+\.(?:ttf|otf|woff))(?:[?#][^"]*)?"\)')


def cut(rules: list[Node], folder: Path) -> None:
    """Write the fonts, and let the rules name them; what no character needs is left out."""
    needed = set(characters(rules))
    names: dict[Path, str | None] = {}
    for rule in list(rules):
        if rule.type != "at-rule" or rule.lower_at_keyword != "font-face":
            continue
        source = SOURCE.search(rule.serialize())
        if source is None:
            raise ValueError(f"no font that can be read (ttf, otf, woff) in {rule.serialize()}")
        path = (folder / source[1]).resolve()
        if path not in names:
            names[path] = _subset(path, needed, folder / FOLDER)
        if names[path] is None:
            rules.remove(rule)
            continue
        others = [one for one in rule.content if one.name != "src"]
        address = f'src: url("{FOLDER}/{names[path]}") format("woff")'
        rule.content = [*others, *tinycss2.parse_blocks_contents(address)]


def characters(nodes: list[Node]) -> Iterator[str]:
    """Yield all characters that rules put on a page."""
    for node in nodes:
        if node.type in ("qualified-rule", "at-rule"):
            yield from characters(node.content)
        elif node.type == "declaration":
            for token in node.value:
                # Longer strings of other properties are names of fonts and the like.
                if token.type == "string" and (node.name == "content" or len(token.value) == 1):
                    yield from token.value


def _subset(path: Path, needed: set[str], folder: Path) -> str | None:
    font = TTFont(path, recalcTimestamp=False)
    used = {ord(character) for character in needed} & set(font.getBestCmap())
    if not used:
        return None
    options = Options(hinting=False, layout_features=[], notdef_outline=True)
    options.drop_tables += ["FFTM"]  # FontForge's dates
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=used)
    subsetter.subset(font)
    font.flavor = "woff"
    folder.mkdir(exist_ok=True)
    name = f"{path.stem}.woff"
    font.save(folder / name)
    return name
