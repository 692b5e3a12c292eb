"""Cut the fonts of the stylesheet down to the characters that it shows.

Icons of the theme and the glyphs of formulas all come from `content` or from custom properties, so the
stylesheet knows every character of its fonts. Text has the reader's own fonts.
"""

import logging
import re
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

# A style of Pygments lets everything be logged, and a build that fails would show each step of the cutting.
logging.getLogger("fontTools").setLevel(logging.WARNING)

FOLDER = "fonts"
SOURCE = re.compile(r'url\("([^"?#]+\.(?:ttf|otf|woff))(?:[?#][^"]*)?"\)')
STRING = re.compile(
    r"""(?:content|--[\w-]+):[^;{}]*?(?P<quote>["'])(?P<text>(?:\\.|(?!(?P=quote)).)*)(?P=quote)"""
)
ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})\s?|\\(.)")


def cut(rules: list, folder: Path) -> None:
    """Write the fonts, and let the rules name them; what no character needs is left out."""
    shown = characters("\n".join(map(str, rules)))
    written: dict[Path, str | None] = {}
    for rule in list(rules):
        if not rule.head.startswith("@font-face"):
            continue
        source = SOURCE.search(str(rule))
        if source is None:
            raise ValueError(f"no font that can be read (ttf, otf, woff) in {rule}")
        path = (folder / source[1]).resolve()
        if path not in written:
            written[path] = _subset(path, shown, folder / FOLDER)
        if written[path] is None:
            rules.remove(rule)
            continue
        others = [one for one in rule.body if not one.startswith("src:")]
        rule.body = [*others, f'src:url("{FOLDER}/{written[path]}") format("woff")']


def characters(sheet: str) -> set[str]:
    """Return all characters that a stylesheet puts on a page."""
    return {character for found in STRING.finditer(sheet) for character in unescaped(found["text"])}


def unescaped(text: str) -> str:
    """Return the text that a string in a stylesheet stands for."""
    return ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], text)


def _subset(path: Path, shown: set[str], folder: Path) -> str | None:
    font = TTFont(path, recalcTimestamp=False)
    kept = {ord(character) for character in shown} & set(font.getBestCmap())
    if not kept:
        return None
    options = Options(hinting=False, layout_features=[], notdef_outline=True)
    options.drop_tables += ["FFTM"]  # FontForge's dates
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=kept)
    subsetter.subset(font)
    font.flavor = "woff"
    folder.mkdir(exist_ok=True)
    name = f"{path.stem}.woff"
    font.save(folder / name)
    return name
