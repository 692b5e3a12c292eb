"""The colours of the page and those of the figures on it are the same."""

from bookmaking.pages.palette import DARK, LIGHT, colours
from threelayer import plots


def test_figures_have_the_colours_of_the_light_page():
    page = LIGHT["text-base"], LIGHT["border"], LIGHT["background"]
    assert page == (plots.INK, plots.GRID, plots.PAPER)
    frameworks = {name: color for name, color in colours("html ").items() if name in plots.FRAMEWORK_COLORS}
    assert frameworks == plots.FRAMEWORK_COLORS


def test_each_colour_of_the_light_page_has_its_dark_one():
    assert LIGHT.keys() <= DARK.keys()
    assert all(LIGHT[name] != DARK[name] for name in LIGHT)
