"""Figures that the reader moves: what they hold, and what they do in a small book in a real browser."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pytest
from playwright.sync_api import expect

from bookmaking.pages import interactive_nodes
from bookmaking.pages.figure_twins import DARK
from bookmaking.upkeep.serve import serving
from support import ROOT
from support.site_checks import PHONE, foreign, reader, serious
from threelayer import ishigami
from threelayer.plots import GRID as LIGHT_GRID
from threelayer.plots import INK, X_LABELS, interactive

STATIC = ROOT / "book" / "_static"
CONFIGURATION = f"""
extensions = ["myst_nb", "bookmaking.pages.interactive_nodes"]
language = "en"
html_theme = "basic"
html_static_path = [{str(STATIC)!r}]
html_css_files = ["book.css"]
html_favicon = {str(STATIC / "favicon.svg")!r}
exclude_patterns = ["out"]
nb_execution_mode = "off"
"""
GRID = np.linspace(-np.pi, np.pi, 9)
POINTS = np.stack(np.meshgrid(GRID, GRID, GRID, indexing="ij"), axis=-1)  # (m, m, m, 3)
TRUTH = ishigami(POINTS.reshape(-1, 3)).reshape(9, 9, 9)
FITTED = TRUTH + 0.1 * POINTS[..., 0] + 0.02 * POINTS[..., 2]
EPOCHS = [0, 10, 1000]
SURFACES = np.stack([share * TRUTH[:, :, 0].T for share in (0.0, 0.5, 1.0)])


def slices() -> interactive.Interactive:
    return interactive.slice_explorer(GRID, TRUTH, FITTED, 'Slices, "all" of them')


def epochs() -> interactive.Interactive:
    return interactive.epoch_explorer(GRID, SURFACES, EPOCHS, SURFACES[-1], "Epochs", *X_LABELS[:2])


def surfaces() -> interactive.Interactive:
    return interactive.isosurfaces(GRID, TRUTH, FITTED, [8, -2], "Surfaces")


def fog() -> interactive.Interactive:
    return interactive.volumes(GRID, TRUTH, FITTED, "Fog")


# As dicts


@pytest.mark.parametrize("draw", [slices, epochs, surfaces, fog])
def test_a_figure_is_one_that_plotly_accepts_in_both_layouts(draw):
    plotly = pytest.importorskip("plotly.graph_objects")
    figure = draw()
    for layout in (figure.figure["layout"], figure.narrow):
        plotly.Figure({**figure.figure, "layout": layout})  # refuses an unknown property
    with pytest.raises(ValueError, match="coloraxes"):
        plotly.Figure({"layout": {"coloraxes": {}}})


@pytest.mark.parametrize("draw", [slices, epochs, surfaces, fog])
def test_colour_scales_are_centred_and_shared(draw):
    figure = draw()
    for layout in (figure.figure["layout"], figure.narrow):
        scales = {name: axis for name, axis in layout.items() if name.startswith("coloraxis")}
        assert {trace["coloraxis"] for trace in figure.figure["data"]} == set(scales)
        assert all(axis["cmin"] == -axis["cmax"] for axis in scales.values())
        words = [note["text"] for note in layout["annotations"]]
        assert words[:2] == ["truth f", "network ŷ"]
        assert "f and ŷ (units of f)" in words
    assert "$" not in json.dumps(figure._repr_mimebundle_())


def test_slices_hold_truth_network_and_error_with_x1_along_the_columns():
    figure = slices().figure
    assert [frame["name"] for frame in figure["frames"]][:2] == ["x₃ = −3.14 rad", "x₃ = −2.36 rad"]
    for i3, frame in enumerate(figure["frames"]):
        for drawn, values in zip(frame["data"], (TRUTH, FITTED, FITTED - TRUTH), strict=True):
            assert np.array(drawn["z"]) == pytest.approx(values[:, :, i3].T, abs=6e-3)
    assert [trace["coloraxis"] for trace in figure["data"]] == ["coloraxis", "coloraxis", "coloraxis2"]
    assert figure["layout"]["coloraxis"]["cmax"] == pytest.approx(np.abs([TRUTH, FITTED]).max(), rel=1e-3)
    assert figure["layout"]["coloraxis2"]["cmax"] == pytest.approx(np.abs(FITTED - TRUTH).max(), rel=1e-3)
    assert figure["layout"]["annotations"][-1]["text"] == "ŷ − f, own scale (units of f)"
    assert figure["data"][2]["z"] == figure["frames"][slices().slider["start"]]["data"][2]["z"]


def test_epochs_change_the_network_and_not_the_truth():
    figure = epochs().figure
    assert [frame["name"] for frame in figure["frames"]] == ["epoch 0", "epoch 10", "epoch 1,000"]
    assert all(frame["traces"] == [1] for frame in figure["frames"])
    assert np.array(figure["frames"][1]["data"][0]["z"]) == pytest.approx(SURFACES[1], abs=6e-3)
    assert np.array(figure["data"][0]["z"]) == pytest.approx(SURFACES[2], abs=6e-3)
    assert figure["layout"]["xaxis"]["title"]["text"] == "x₁ (rad)"


@pytest.mark.parametrize("draw", [surfaces, fog])
def test_scenes_hold_each_field_once(draw):
    figure = draw().figure
    held = figure["layout"]["meta"]
    assert held["grid"] == pytest.approx(GRID, abs=1e-4)
    for name, values in (("truth", TRUTH), ("network", FITTED)):
        assert np.array(held["fields"][name]) == pytest.approx(values.ravel(), abs=6e-3)
    scenes = [(trace["scene"], trace["meta"]["field"]) for trace in figure["data"]]
    assert set(scenes) == {("scene", "truth"), ("scene2", "network")}
    assert figure["layout"]["scene"]["camera"] == figure["layout"]["scene2"]["camera"]


def test_each_level_is_a_surface_and_a_mark_on_the_scale():
    figure = surfaces().figure
    assert [(t["isomin"], t["isomax"]) for t in figure["data"]] == [(-2, -2), (8, 8)] * 2
    assert figure["layout"]["coloraxis"]["colorbar"]["ticktext"] == ["−2", "8"]


def test_data_files_stay_small():
    grid = np.linspace(-np.pi, np.pi, 25)
    truth = np.random.default_rng(0).normal(scale=5, size=(25, 25, 25))
    largest = interactive.slice_explorer(grid, truth, truth[::-1], "Slices")
    written = json.dumps(largest._repr_mimebundle_(), ensure_ascii=False, separators=(",", ":"))
    assert len(written.encode()) < 325_000
    assert len(json.dumps((truth, truth[::-1], truth - truth[::-1]), default=np.ndarray.tolist)) > 800_000


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda: interactive.slice_explorer(GRID, TRUTH, FITTED[1:], ""), "truth and fitted must be"),
        (lambda: interactive.volumes(GRID[1:], TRUTH, FITTED, ""), "truth and fitted must be"),
        (lambda: interactive.volumes(GRID, TRUTH * np.nan, FITTED, ""), "truth"),
        (lambda: interactive.epoch_explorer(GRID, SURFACES, [1], TRUTH[0], "", "", ""), "surfaces"),
    ],
)
def test_what_does_not_fit_is_refused(wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        wrong()


def test_the_renderer_is_the_one_of_these_figures():
    assert interactive_nodes.MIME_TYPE == interactive.MIME_TYPE
    bundle = slices()._repr_mimebundle_()
    assert set(bundle) == {interactive.MIME_TYPE, "text/plain"}
    assert bundle["text/plain"] == slices().label


# In a book


def write_page(folder: Path, name: str, figures: list[interactive.Interactive]) -> None:
    # Words above, so that the figures are below the first screen.
    cells = [nbformat.v4.new_markdown_cell("# Title\n" + "\nSome words.\n" * 60)]
    for figure in figures:
        cells.append(nbformat.v4.new_code_cell("1 + 1"))
        output = nbformat.v4.new_output("display_data", data=figure._repr_mimebundle_())
        cells[-1].outputs = [output]
        cells.append(nbformat.v4.new_markdown_cell("Words between.\n"))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python", "pygments_lexer": "python"}}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
    (folder / f"{name}.ipynb").write_text(nbformat.writes(notebook), encoding="utf-8")


def build(folder: Path, builder: str) -> Path:
    command = [sys.executable, "-m", "sphinx", "-nWq", "--keep-going", "-b", builder, ".", f"out/{builder}"]
    result = subprocess.run(
        [*command, "-d", "out/doctrees"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return folder / "out" / builder


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("book")
    (folder / "conf.py").write_text(CONFIGURATION, encoding="utf-8")
    (folder / "index.md").write_text("# Book\n\n```{toctree}\n:glob:\n**\n```\n", encoding="utf-8")
    (folder / "deep").mkdir()
    for name, figures in {
        "deep/flat": [slices(), epochs()],
        "space": [surfaces()],
        "fog": [replace(fog(), label="Fog")],
        "plain": [],
    }.items():
        write_page(folder, name, figures)
    return folder


@pytest.fixture(scope="module")
def book(folder) -> Path:
    return build(folder, "html")


@pytest.fixture(scope="module")
def address(book) -> Iterator[str]:
    with serving(book) as address:
        yield address


class Reader:
    """A reader of one page, and what the page asked for and complained of."""

    def __init__(self, tab, address: str) -> None:
        self.tab, self.address, self.asked, self.errors = tab, address, [], []
        tab.on("request", lambda request: self.asked.append(request.url))
        tab.on("pageerror", lambda error: self.errors.append(str(error)))
        tab.on("console", lambda m: self.errors.append(m.text) if m.type in ("error", "assert") else None)

    def opens(self, page: str) -> "Reader":
        self.tab.goto(f"{self.address}/{page}.html", wait_until="load")
        # As long as the script would need to notice a block in view.
        self.tab.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 300)))")
        return self

    def block(self, number: int = 0):
        """Scroll to a block and wait until it is drawn."""
        block = self.tab.locator(".interactive").nth(number)
        block.scroll_into_view_if_needed()
        expect(block).to_have_attribute("data-state", "ready")
        return block

    def plotly(self, expression: str, number: int = 0):
        """Ask the graph of a block."""
        graph = self.tab.locator(".interactive-plot").nth(number)
        return graph.evaluate(f"plot => plot.{expression}")

    def asked_for(self, word: str) -> list[str]:
        return [address for address in self.asked if word in address]


@contextmanager
def reading(browser, address: str, **options) -> Iterator[Reader]:
    with reader(browser, **options) as context:
        yield Reader(context.new_page(), address)


@pytest.fixture
def someone(browser, address) -> Iterator[Reader]:
    with reading(browser, address) as someone:
        yield someone


def test_data_stand_beside_the_page_and_not_in_it(book):
    page = (book / "deep" / "flat.html").read_text("utf-8")
    data = re.findall(r'data-figure="\.\./(_static/interactive/\w{16}\.js)"', page)
    assert len(data) == 2
    assert all((book / name).is_file() for name in data)
    assert "coloraxis" not in page
    assert 'role="group" aria-label="Slices, &quot;all&quot; of them"' in page
    assert "<noscript>" in page
    scripts = {p.stem: "interactive.js" in p.read_text("utf-8") for p in book.rglob("*.html")}
    assert (scripts["flat"], scripts["plain"], scripts["index"]) == (True, False, False)
    assert not list(book.rglob("*.js.*")), "a file was left half written"


@pytest.mark.parametrize("builder", ["text", "latex"])
def test_the_block_is_left_out_elsewhere(folder, builder):
    written = "".join(p.read_text("utf-8") for p in build(folder, builder).glob("**/*.t[ex][xt]*"))
    assert "Words between" in written
    assert "Fog" not in written


def test_nothing_is_loaded_before_the_figure_comes_into_view(someone):
    someone.opens("deep/flat")
    assert someone.asked_for("interactive.js")
    assert not someone.asked_for("plotly") + someone.asked_for("_static/interactive/")
    someone.block()
    assert len(someone.asked_for("plotly.min.js")) == 1
    assert someone.asked_for("_static/interactive/")
    assert foreign(someone.asked, someone.address) == []
    assert someone.errors == []


def test_a_page_without_figure_never_loads_plotly(someone):
    someone.opens("plain")
    someone.tab.evaluate("scrollTo(0, document.body.scrollHeight)")
    someone.tab.wait_for_timeout(300)
    assert not someone.asked_for("interactive") + someone.asked_for("plotly")


def test_it_draws_from_a_file_too(browser, book):
    with reading(browser, book.as_uri()) as someone:
        someone.opens("deep/flat").block()
        assert someone.errors == []


def test_nothing_shifts_and_nothing_hinders_access(someone):
    someone.opens("deep/flat")
    before = someone.tab.locator(".interactive").first.bounding_box()
    block = someone.block()
    after = block.bounding_box()
    assert (before["width"], before["height"]) == (after["width"], after["height"])
    assert block.locator(".modebar-btn").count() == 0
    assert serious(someone.tab) == []


def test_arrow_keys_move_the_slice(someone):
    block = someone.opens("deep/flat").block()
    slider = block.get_by_role("slider", name="Slice at x₃")
    expect(slider).to_have_attribute("aria-valuetext", "x₃ = 0.00 rad")
    slider.focus()
    someone.tab.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "x₃ = 0.79 rad")
    expect(block.locator(".interactive-value")).to_have_text("x₃ = 0.79 rad")
    frame = slices().figure["frames"][5]["data"]
    someone.tab.wait_for_function(
        "z => JSON.stringify(document.querySelector('.interactive-plot').data[2].z) === JSON.stringify(z)",
        arg=frame[2]["z"],
    )
    assert someone.plotly("data[0].z") == frame[0]["z"]
    assert someone.plotly("data[0].z") != slices().figure["data"][0]["z"]


def test_play_runs_through_the_epochs_and_pauses(browser, address):
    with reading(browser, address, reduced_motion="no-preference") as someone:
        block = someone.opens("deep/flat").block(1)
        slider, value = block.get_by_role("slider", name="Epoch"), block.locator(".interactive-value")
        someone.tab.wait_for_timeout(800)
        expect(slider).to_have_value("0")  # it does not start by itself
        block.get_by_role("button", name="Play").click()
        block.get_by_role("button", name="Pause").click()
        expect(block.get_by_role("button", name="Play")).to_be_visible()
        block.get_by_role("button", name="Play").click()
        expect(value).to_have_text("epoch 1,000")
        expect(block.get_by_role("button", name="Play")).to_be_visible()  # it stops at the end
        assert someone.plotly("data[1].z", 1) == epochs().figure["frames"][2]["data"][0]["z"]
        assert someone.errors == []


def test_who_wants_no_motion_gets_the_slider_alone(someone):
    block = someone.opens("deep/flat").block(1)
    expect(block.locator(".interactive-play")).to_be_hidden()
    expect(block.get_by_role("slider", name="Epoch")).to_be_enabled()


def test_a_dragged_scene_and_a_slider_turn_both_scenes(someone):
    block = someone.opens("space").block()
    start = someone.plotly("layout.scene.camera.eye")
    box = block.locator(".interactive-plot").bounding_box()
    x, y = box["x"] + box["width"] / 4, box["y"] + box["height"] / 2
    someone.tab.mouse.move(x, y)
    someone.tab.mouse.down()
    someone.tab.mouse.move(x + 60, y, steps=4)
    someone.tab.mouse.up()
    same = """start => {
        const { scene, scene2 } = document.querySelector(".interactive-plot").layout;
        const [one, other] = [scene.camera.eye, scene2.camera.eye];
        const equal = ["x", "y", "z"].every(key => Math.abs(one[key] - other[key]) < 1e-6);
        return Math.abs(one.x - start.x) > 0.05 && equal;
    }"""
    someone.tab.wait_for_function(same, arg=start)
    slider = block.get_by_role("slider", name="Turn")
    assert slider.input_value() != "-45", "the slider did not follow"
    dragged = someone.plotly("layout.scene.camera.eye")
    slider.focus()
    for _ in range(3):
        someone.tab.keyboard.press("ArrowRight")
    someone.tab.wait_for_function(same, arg=dragged)
    assert someone.errors == []


def test_a_finger_turns_sideways_and_scrolls_upwards(browser, address):
    with reading(browser, address, viewport=PHONE, has_touch=True, is_mobile=True) as someone:
        block = someone.opens("space").block()
        start, scrolled = someone.plotly("layout.scene2.camera.eye"), someone.tab.evaluate("scrollY")
        driver = someone.tab.context.new_cdp_session(someone.tab)

        def swipe(across: int, down: int) -> None:
            box = block.locator(".interactive-plot").bounding_box()
            x, y = box["x"] + 150, max(box["y"], 0) + 200
            for i, kind in enumerate(["touchStart", *["touchMove"] * 8, "touchEnd"]):
                points = [] if kind == "touchEnd" else [{"x": x + across * i / 8, "y": y + down * i / 8}]
                driver.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        swipe(-80, 0)
        turned = (
            "({x}) => Math.abs(document.querySelector('.interactive-plot').layout.scene2.camera.eye.x - x)"
        )
        someone.tab.wait_for_function(f"{turned} > 0.2", arg=start)
        assert someone.tab.evaluate("scrollY") == scrolled
        swipe(0, 150)
        someone.tab.wait_for_function("scrolled => scrollY < scrolled - 50", arg=scrolled)
        assert someone.errors == []


def test_a_volume_is_drawn(someone):
    someone.opens("fog").block()
    assert len(someone.plotly("data[1].value")) == len(someone.plotly("data[1].x")) == 9**3
    assert someone.plotly("data[1].z").count(0) == 81  # x3 is the fastest of the three
    assert someone.plotly("data[1].z[1]") == pytest.approx(GRID[1], abs=1e-4)
    assert someone.errors == []


def test_the_figure_has_the_colours_of_the_page(someone):
    block = someone.opens("deep/flat").block()
    light = {"font.color": INK, "xaxis.linecolor": LIGHT_GRID}
    dark = {name: DARK[colour] for name, colour in light.items()}
    for colours, theme in ((light, "light"), (dark, "dark"), (light, "light")):
        block.evaluate("(block, theme) => { document.documentElement.dataset.theme = theme }", theme)
        for name, colour in colours.items():
            wanted = f"rgb({', '.join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))})"
            layout = f"document.querySelector('.interactive-plot').layout.{name}"
            someone.tab.wait_for_function(f"wanted => {layout} === wanted", arg=wanted)
        tick = block.locator(".xtick text").first
        expect(tick).to_have_css("fill", wanted_ink(colours))


def wanted_ink(colours: dict[str, str]) -> str:
    return "rgb({}, {}, {})".format(*bytes.fromhex(colours["font.color"][1:]))


def test_a_telephone_gets_the_narrow_layout(browser, address):
    with reading(browser, address, viewport=PHONE) as someone:
        block = someone.opens("deep/flat").block()
        assert someone.plotly("layout.yaxis3.domain[1]") == slices().narrow["yaxis3"]["domain"][1]
        assert block.locator(".interactive-plot").bounding_box()["height"] == slices().heights[1]
        wide = block.evaluate("block => block.scrollWidth - block.clientWidth")
        assert wide <= 0


def test_print_leaves_the_block_out(someone):
    block = someone.opens("deep/flat").block()
    expect(block).to_be_visible()
    someone.tab.emulate_media(media="print")
    expect(block).to_be_hidden()


@pytest.mark.parametrize("missing", ["_static/interactive/*.js", "plotly.min.js*"])
def test_a_missing_file_gives_a_sentence(someone, missing):
    someone.tab.route(f"**/{missing}", lambda route: route.abort())
    someone.opens("deep/flat")
    block = someone.tab.locator(".interactive").first
    block.scroll_into_view_if_needed()
    expect(block.get_by_role("status")).to_have_text(
        "The figure cannot be moved, for it could not be loaded; above it stands still."
    )
    expect(block.get_by_role("slider")).to_be_disabled()


def test_without_scripts_the_block_is_a_sentence(browser, address):
    with reading(browser, address, java_script_enabled=False) as someone:
        someone.tab.goto(f"{address}/deep/flat.html")
        block = someone.tab.locator(".interactive").first
        expect(block.locator("noscript p")).to_contain_text("Without scripts")
        expect(block.locator("noscript p")).to_be_visible()
        expect(block.locator("input")).to_be_hidden()
