"""The page that everything is drawn on: sizes, fonts, colours, and the frame around what is shown.

The lowest part stays empty: there a player lays its captions and its controls.
Source: threelayer.plots.style, whose colours these are.
"""

from PIL import Image, ImageColor, ImageDraw, ImageFont

from bookmaking.films.encode import HEIGHT, WIDTH
from bookmaking.films.scenes import FilmError
from bookmaking.site import lettering
from bookmaking.site.lettering import HEADING, MUTED
from threelayer.plots.style import BLUE, FRAMEWORK_COLORS, GRID, INK, PAPER

SMALLEST = 28  # pixels: the least height of text that can be read on a telephone
LEFT, TOP, RIGHT, BOTTOM = 96, 150, WIDTH - 96, 920  # what is shown stays inside
SURFACE = "#f3f6f8"

Color = tuple[int, int, int]


def font(kind: str, size: int) -> ImageFont.FreeTypeFont:
    """Return a font, and refuse one that is too small."""
    if size < SMALLEST:
        raise FilmError(f"text of {size} pixels is too small to be read; the least is {SMALLEST}")
    return lettering.font(kind, size)


def rgb(color: str) -> Color:
    """Return a colour as numbers."""
    return ImageColor.getrgb(color)[:3]


def mixed(color: str, share: float, other: str = PAPER) -> Color:
    """Return a colour mixed with another; a share of 1 is the colour itself."""
    return tuple(round(share * a + (1 - share) * b) for a, b in zip(rgb(color), rgb(other), strict=True))


def accent(page: str | None) -> str:
    """Return the colour of a chapter: that of its framework, if it has one."""
    return FRAMEWORK_COLORS.get((page or "").split("_")[0], BLUE)


def frame(title: str | None, page: str | None, number: int, count: int) -> Image.Image:
    """Draw the empty page of a scene: its title above, if it has one, and how far the film is below."""
    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    draw = ImageDraw.Draw(image)
    color = accent(page)
    if title:
        draw.rounded_rectangle((LEFT, 58, LEFT + 14, 102), 4, fill=color)
        draw.text((LEFT + 36, 80), title, font=font("bold", 36), fill=HEADING, anchor="lm")
        draw.text((RIGHT, 80), "One Network, Nine Ways", font=font("text", 28), fill=MUTED, anchor="rm")
    gap, width = 10, (RIGHT - LEFT + 10) / count
    for place in range(count):
        left = LEFT + place * width
        shade = rgb(color) if place == number else rgb(MUTED) if place < number else rgb(GRID)
        draw.rounded_rectangle((left, 1046, left + width - gap, 1054), 4, fill=shade)
    return image


def write(
    image: Image.Image,
    place: tuple[int, int],
    text: str,
    kind: str,
    size: int,
    color: str = INK,
    anchor: str = "la",
) -> None:
    """Write one line of text, and refuse what would not fit on the page."""
    draw = ImageDraw.Draw(image)
    box = draw.textbbox(place, text, font(kind, size), anchor=anchor)
    if box[0] < LEFT - 4 or box[2] > RIGHT + 4 or box[3] > HEIGHT:
        raise FilmError(f"{text!r} does not fit on the page: it would reach from {box[0]} to {box[2]} pixels")
    draw.text(place, text, font=font(kind, size), fill=color, anchor=anchor)
