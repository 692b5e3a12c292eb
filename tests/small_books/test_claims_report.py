"""Claims and figures on their way from outputs to the site, shown on a book of a few small notebooks."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from bookmaking.pages import claims_report, figure_twins
from support.site_checks import Page, broken_links, unlisted_claims
from threelayer.claims import Claim
from threelayer.plots import GRID, INK, PAPER

CONFIGURATION = """
extensions = ["myst_nb", "bookmaking.pages.claims_report", "bookmaking.pages.figure_twins"]
html_theme = "basic"
mathjax_path = "mathjax.js"
exclude_patterns = ["out"]
myst_enable_extensions = ["dollarmath"]
nb_execution_mode = "auto"      # runs only what has no outputs
"""
EXACT = Claim(
    "Gradients of $W_1$ are *exact*", "3.1e-16", "≤ 1.0e-12", "a factor of 2 in `dz3`", "0.5", 3.1e-4, 5e11
)
WHOLE = Claim("Nothing is lost, see [the start](index.md)", "yes", "= yes", "a lost line", "no")
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
SVG = f"""<svg xmlns="http://www.w3.org/2000/svg" width="144pt" height="1in" viewBox="0 0 144 72">
<path style="fill: {PAPER}; stroke: {GRID}"/><g style="fill: {INK.upper()}"/><path fill="#0072b2"/></svg>"""
PRECISE = SVG.replace("<path style", '<path d="M 1.23456 2 z" style')
FIGURE = {"figure": {"name": "fig-curve", "caption": "A curve of $x$."}, "image": {"alt": 'A "steep" curve'}}


class Book:
    """Notebooks in a folder, built anew or again from what the last build left."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.site = folder, folder / "out" / "html"
        (folder / "conf.py").write_text(CONFIGURATION, encoding="utf-8")
        toctree = "# Book\n\n```{toctree}\n:glob:\ntwo\none\nreport\n*\n```\n"
        (folder / "index.md").write_text(toctree, encoding="utf-8")
        (folder / "report.md").write_text("# Report\n\n```{claims-report}\n```\n", encoding="utf-8")
        self.notebook("one", "The first", [claim_output(EXACT), claim_output(WHOLE)])
        self.notebook("two", "The second", [claim_output(WHOLE)])

    def add_figures(self) -> None:
        """Add a page that has run without a claim, one with a figure, and a drawing in the sources."""
        self.notebook("three", "The third", [{}])
        drawn = {"image/svg+xml": PRECISE, "image/png": PNG, "text/plain": "a figure"}
        self.notebook("drawn", "The drawn", [drawn], FIGURE)
        drawing = self.folder / "drawings" / "curve.svg"
        drawing.parent.mkdir()
        drawing.write_text(PRECISE, encoding="utf-8")
        index = self.folder / "index.md"
        text = index.read_text("utf-8") + "\n![A steep curve](drawings/curve.svg)\n"
        index.write_text(text, encoding="utf-8")

    def notebook(self, name: str, title: str, outputs: list[dict], options: dict | None = None) -> None:
        """Write a page with one code cell for each output, which is given as its MIME bundle."""
        cells = [nbformat.v4.new_markdown_cell(f"# {title}\n")]
        for output in outputs:
            cell = nbformat.v4.new_code_cell("1 + 1", metadata={"mystnb": options or {}})
            cell.outputs = [nbformat.v4.new_output("display_data", data=output)] if output else []
            cells.append(cell)
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        metadata = {"kernelspec": kernel, "language_info": {"name": "python", "pygments_lexer": "python"}}
        notebook = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
        (self.folder / f"{name}.ipynb").write_text(nbformat.writes(notebook), encoding="utf-8")

    def build(self, builder: str = "html") -> subprocess.CompletedProcess:
        """Build with all warnings as errors."""
        command = [sys.executable, "-m", "sphinx", "-nW", "--keep-going", "-d", "out/doctrees", "-b", builder]
        command += [".", f"out/{builder}"]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True)

    def html(self, name: str) -> str:
        """Return a built page."""
        return (self.site / f"{name}.html").read_text("utf-8")

    def pages(self) -> dict[str, Page]:
        return {path.name: Page(path.read_text("utf-8")) for path in self.site.glob("*.html")}


def claim_output(claim: Claim) -> dict:
    return claim._repr_mimebundle_()


def built(book: Book, builder: str = "html") -> str:
    """Build, and return what Sphinx said; it must not have complained."""
    result = book.build(builder)
    assert result.returncode == 0, result.stderr
    return result.stdout


HEAD = "Claim Measured Bound Control"


def rows(report: str) -> list[str]:
    """Return the text of each heading and row of the report, with T for the time of a run."""
    found = re.findall(r'<tr.*?</tr>|<p class="claims-chapter">.*?</p>', report, re.DOTALL)
    texts = [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in found]
    return [re.sub(r"\d+\.\d (?=s\)$)", "T ", text) for text in texts]


@pytest.fixture
def book(tmp_path) -> Book:
    return Book(tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Book:
    """Return a book with claims and figures, built."""
    book = Book(tmp_path_factory.mktemp("whole"))
    book.add_figures()
    built(book)
    return book


def test_the_report_lists_the_claims_of_all_pages_in_book_order(whole):
    book = whole
    report = book.html("report")
    assert rows(report) == [
        "The second (1 claim)",
        HEAD,
        "Nothing is lost, see the start yes = yes a lost line : no",
        "The first (2 claims)",
        HEAD,
        r"Gradients of \(W_1\) are exact 3.1e-16, 0.00031 of the bound ≤ 1.0e-12"
        " a factor of 2 in dz3 : 0.5, 5e11 times the bound",
        "Nothing is lost, see the start yes = yes a lost line : no",
        "The third (no claims, executed in T s)",
    ]
    assert "3 claims hold, each with a negative control" in report
    claims = {name: page.claims for name, page in book.pages().items() if page.claims}
    assert claims["one.html"] == ["claim-gradients-of-w-1-are-exact", "claim-nothing-is-lost-see-the-start"]
    in_book = {f"book/{name}": found for name, found in claims.items()}
    assert not unlisted_claims(in_book, book.pages()["report.html"])
    files = {path.relative_to(book.site).as_posix() for path in book.site.rglob("*")}
    assert not [link for link in broken_links(book.pages(), files) if "mathjax.js" not in link]
    assert "mathjax.js" in report, "mathematics in the report, but nothing to typeset it"


def test_a_claim_is_shown_with_its_value_its_bound_and_its_control(whole):
    page = whole.html("one")
    assert '<span class="claim-mark">Holds: </span>' in page
    assert r'<span class="math notranslate nohighlight">\(W_1\)</span> are <em>exact</em>' in page
    assert '<a class="headerlink" href="#claim-gradients-of-w-1-are-exact"' in page
    text = " ".join(re.sub(r"<[^>]+>", "", page).split())
    assert "measured 3.1e-16, bound ≤ 1.0e-12" in text
    assert "caught: a factor of 2 in dz3 measures 0.5" in text


@pytest.mark.parametrize("builder", ["text", "latex"])
def test_claims_are_plain_paragraphs_elsewhere_and_figures_are_one(whole, builder):
    built(whole, builder)
    files = (whole.folder / "out" / builder).glob("*.t[ex][xt]*")
    text = "".join(path.read_text("utf-8") for path in files)
    for part in ("Holds: ", "measured", "caught: ", "a factor of 2 in", "3 claims hold"):
        assert part in text
    assert not list((whole.folder / "out" / builder).glob("*-dark*"))
    assert ("includegraphics" in text) == (builder == "latex")


def test_the_report_follows_a_page_that_changes_and_one_that_goes(book):
    book.add_figures()
    built(book)
    # Nothing has changed, and no page is read again for its own figure.
    before = (book.site / "report.html").stat().st_mtime_ns
    assert "0 added, 0 changed, 0 removed" in built(book)
    assert (book.site / "report.html").stat().st_mtime_ns == before

    # A share of a bound alone, then all of a claim and the number of claims.
    book.notebook("one", "The first", [claim_output(replace(EXACT, reached=40.0)), claim_output(WHOLE)])
    built(book)
    assert "40 times the bound" in book.html("report")
    less_exact = replace(EXACT, value="2.0e-14", used=0.02, reached=None)
    book.notebook("one", "The first, reworked", [claim_output(less_exact)])
    assert "0 added, 1 changed, 0 removed" in built(book)
    row = r"Gradients of \(W_1\) are exact 2.0e-14, 0.02 of the bound ≤ 1.0e-12"
    row += " a factor of 2 in dz3 : 0.5, beyond zero"
    assert rows(book.html("report"))[3:6] == ["The first, reworked (1 claim)", HEAD, row]
    assert "2 claims hold, each with" in book.html("report")

    (book.folder / "one.ipynb").unlink()
    index = book.folder / "index.md"
    index.write_text(index.read_text("utf-8").replace("one\n", ""), encoding="utf-8")
    built(book)
    assert [row for row in rows(book.html("report")) if "first" in row or "exact" in row] == []
    assert "1 claim holds" in book.html("report")


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        *((3.14e-8, "3.1e-08"), (0.000312, "0.00031"), (0.994, "0.99"), (1.0129, "1.01"), (4.04, "4")),
        *((37.6, "38"), (1234.5, "1,234"), (2.43e11, "2.4e11")),
    ],
)
def test_a_share_of_a_bound_is_shown_with_the_digits_that_compare(share, shown):
    assert claims_report._share(share) == shown


def test_one_statement_twice_on_a_page_and_an_image_without_alternative_text_are_refused(book):
    book.notebook("two", "The second", [claim_output(WHOLE), claim_output(WHOLE)])
    book.notebook("drawn", "The drawn", [{"image/svg+xml": SVG}], {"image": {"alt": " "}})
    result = book.build()
    assert result.returncode != 0
    assert 'this page makes the claim "Nothing is lost, see [the start](index.md)" twice' in result.stderr
    assert "image without alternative text" in result.stderr


def test_a_figure_becomes_a_light_and_a_dark_image(whole):
    figure = re.search(r"<figure.*?</figure>", whole.html("drawn"), re.DOTALL).group()
    images = re.findall(r"<img [^>]*>", figure)
    assert [re.search('class="([^"]*)"', image).group(1) for image in images] == ["only-light", "only-dark"]
    for image in images:
        assert 'alt="A &quot;steep&quot; curve"' in image
        assert 'width="192" height="96" loading="lazy"' in image
    sources = [re.search('src="([^"]*)"', image).group(1) for image in images]
    light, dark = ((whole.site / source).read_text("utf-8") for source in sources)
    assert light == figure_twins.rounded(PRECISE) != PRECISE, "an output is made smaller"
    expected = {PAPER: 1, GRID: 1, INK: 1}
    assert {colour: dark.count(figure_twins.DARK[colour]) for colour in expected} == expected
    assert not any(colour in dark.lower() for colour in expected)
    assert "#0072b2" in dark
    assert 'id="fig-curve"' in figure
    assert "A curve of" in figure


def test_a_drawing_in_the_sources_has_a_dark_twin_and_stays_as_it_is(whole):
    drawing = whole.folder / "drawings" / "curve.svg"
    assert [path.name for path in drawing.parent.iterdir()] == ["curve.svg"]
    assert drawing.read_text("utf-8") == PRECISE
    sources = re.findall(r'<img [^>]*src="([^"]*)"', whole.html("index"))
    shown = [(whole.site / source).read_text("utf-8") for source in sources]
    assert shown == [PRECISE, figure_twins.in_dark_colours(PRECISE)]


def test_latex_keeps_the_one_figure(book):
    png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
    book.notebook("two", "The second", [{"image/svg+xml": SVG, "image/png": png}], FIGURE)
    built(book, "latex")
    assert not list((book.folder / "out" / "latex").glob("*-dark*"))
    assert "includegraphics" in (book.folder / "out" / "latex" / "projectnamenotset.tex").read_text("utf-8")


def test_an_image_without_alternative_text_is_refused(book):
    book.notebook("two", "The second", [{"image/svg+xml": SVG}], {"image": {"alt": " "}})
    result = book.build()
    assert result.returncode != 0
    assert "image without alternative text" in result.stderr


@pytest.mark.parametrize(
    ("root", "size"),
    [
        ('<svg width="10" height="20px">', (10, 20)),
        ('<svg height="72pt" viewBox="0 0 1 1" width="1in">', (96, 96)),
        ('<svg width="100%" height="10">', None),
        ('<svg viewBox="0 0 1 1"><rect width="1" height="1"/>', None),
    ],
)
def test_the_size_of_an_svg_is_what_its_root_says(root, size):
    assert figure_twins.intrinsic_size(root) == size


def test_rounding_keeps_what_a_path_looks_like_and_nothing_else_changes():
    svg = '<path id="a1.23456" d="M 1.23456 -0.98765 L 2 3.5 z" transform="scale(0.015625)"/>'
    assert figure_twins.rounded(svg) == svg.replace("1.23456 -0.98765 L", "1.23 -0.99 L")
