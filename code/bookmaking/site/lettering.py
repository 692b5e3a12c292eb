"""Lettering for what is drawn outside the chapters: films, and the pictures of pages.

The fonts come with Matplotlib, so that every machine draws alike.
"""

from functools import cache
from pathlib import Path

import matplotlib as mpl
from PIL import ImageFont

from bookmaking.pages.palette import LIGHT

HEADING, MUTED = LIGHT["heading"], LIGHT["text-muted"]
FONTS = {"text": "DejaVuSans", "bold": "DejaVuSans-Bold", "code": "DejaVuSansMono"}


@cache
def font(kind: str, size: int) -> ImageFont.FreeTypeFont:
    """Return a font of FONTS, `size` pixels the em."""
    return ImageFont.truetype(Path(mpl.get_data_path(), "fonts", "ttf", f"{FONTS[kind]}.ttf"), size)


def wrapped(text: str, kind: str, size: int, width: float) -> list[str]:
    """Break a text into lines that are no wider than they may be, unless a single word is."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font(kind, size).getlength(longer) > width and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
