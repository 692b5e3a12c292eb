"""Draw the picture of a page for where links to it are shared: its title over the book's maps.

Source: https://ogp.me; the size is that which social media show whole.
"""

import io
from functools import cache
from pathlib import Path

import matplotlib as mpl
from PIL import Image, ImageDraw, ImageFont

SIZE, MARGIN = (1200, 630), 64  # pixels
INK, MUTED, BAR = "#12303f", "#52606d", "#0072b2"
MAPS = Path(__file__).parents[1] / "_static" / "readme.png"


def card(title: str, book: str) -> bytes:
    """Return the picture of a page as PNG."""
    image = Image.new("RGB", SIZE, "#ffffff")
    draw, width = ImageDraw.Draw(image), SIZE[0] - 2 * MARGIN
    maps = _maps(width)
    image.paste(maps, (MARGIN, SIZE[1] - MARGIN // 2 - maps.height))
    size = next(size for size in range(68, 0, -2) if _fits(title, size, width - 40))
    draw.rounded_rectangle((MARGIN, 56, MARGIN + 12, 220), 6, fill=BAR)
    text = "\n".join(_lines(title, size, width - 40))
    draw.multiline_text((MARGIN + 40, 118), text, INK, _font("-Bold", size), anchor="lm", spacing=8)
    draw.text((MARGIN + 40, 205), book if title != book else "", MUTED, _font("", 30), anchor="lm")
    file = io.BytesIO()
    image.quantize(128).save(file, "png", optimize=True)
    return file.getvalue()


def _fits(title: str, size: int, width: float) -> bool:
    lines = _lines(title, size, width)
    return len(lines) <= 2 and all(_font("-Bold", size).getlength(line) <= width for line in lines)


def _lines(title: str, size: int, width: float) -> list[str]:
    lines = [""]
    for word in title.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and _font("-Bold", size).getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


@cache
def _font(weight: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(Path(mpl.get_data_path(), "fonts", "ttf", f"DejaVuSans{weight}.ttf"), size)


@cache
def _maps(width: int) -> Image.Image:
    """Return the maps on paper."""
    with Image.open(MAPS) as picture:
        picture = picture.convert("RGBA")
    picture = picture.resize((width, round(width * picture.height / picture.width)), Image.Resampling.LANCZOS)
    paper = Image.new("RGB", picture.size, "#ffffff")
    paper.paste(picture, mask=picture.getchannel("A"))
    return paper
