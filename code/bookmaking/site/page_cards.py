"""Draw the picture of a page for where links to it are shared: its title over the book's maps.

Source: https://ogp.me; the size is that which social media show whole.
"""

import io
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw

from bookmaking.site.lettering import HEADING, MUTED, font, wrapped
from threelayer.plots.style import BLUE, PAPER

SIZE, MARGIN = (1200, 630), 64  # pixels
LINES = 2  # of a title
MAPS = Path(__file__).parents[3] / "book" / "_static" / "readme.png"


def card(title: str, book: str) -> bytes:
    """Return the picture of a page as PNG."""
    image = Image.new("RGB", SIZE, PAPER)
    draw, maps = ImageDraw.Draw(image), _maps(SIZE[0] - 2 * MARGIN)
    image.paste(maps, (MARGIN, SIZE[1] - MARGIN // 2 - maps.height))
    width = SIZE[0] - 2 * MARGIN - 40
    size = next(size for size in range(60, 0, -2) if _fits(wrapped(title, "bold", size, width), size, width))
    draw.rounded_rectangle((MARGIN, 56, MARGIN + 12, 220), 6, fill=BLUE)
    text = "\n".join(wrapped(title, "bold", size, width))
    draw.multiline_text((MARGIN + 40, 118), text, HEADING, font("bold", size), anchor="lm", spacing=8)
    draw.text((MARGIN + 40, 205), book if title != book else "", MUTED, font("text", 30), anchor="lm")
    file = io.BytesIO()
    image.quantize(128).save(file, "png", optimize=True)
    return file.getvalue()


def _fits(lines: list[str], size: int, width: float) -> bool:
    return len(lines) <= LINES and all(font("bold", size).getlength(line) <= width for line in lines)


@cache
def _maps(width: int) -> Image.Image:
    """Return the maps on paper."""
    with Image.open(MAPS) as picture:
        picture = picture.convert("RGBA")
    picture = picture.resize((width, round(width * picture.height / picture.width)), Image.Resampling.LANCZOS)
    paper = Image.new("RGB", picture.size, PAPER)
    paper.paste(picture, mask=picture.getchannel("A"))
    return paper
