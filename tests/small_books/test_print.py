"""The book on paper and in one file: what is made is read back by programs that did not make it."""

import io
import os
import sys
from zipfile import ZipFile

import matplotlib.pyplot as plt
import pytest
from playwright.sync_api import expect
from pypdf import PdfReader, PdfWriter
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from bookmaking.paper import offline, pdf

TOC = """format: jb-book
root: book/index
parts:
  - caption: One
    chapters: [{file: book/first}, {file: book/second}]
  - caption: Two
    chapters: [{file: book/third}]
"""
LENGTHS = {"first": 2, "second": 3, "third": 1, "bibliography": 2, "index": 1}


@pytest.fixture
def book(tmp_path):
    """Return a root, and a PDF whose outline has the chapters of its table of contents, of LENGTHS pages."""
    (tmp_path / "_toc.yml").write_text(TOC, "utf-8")
    writer = PdfWriter()
    writer.add_blank_page(100, 100)  # the title
    parts = {}
    for name, length in LENGTHS.items():
        start = len(writer.pages)
        for _ in range(length):
            writer.add_blank_page(100, 100)
        part = "One" if name in ("first", "second") else "Two"
        parts.setdefault(part, None)
        if parts[part] is None:
            parts[part] = writer.add_outline_item(title=part, page_number=start)
        writer.add_outline_item(title=name.title(), page_number=start, parent=parts[part])
    writer.write(tmp_path / "book.pdf")
    return tmp_path


def test_chapters_are_found_by_the_outline(book):
    found = pdf.chapters(book, PdfReader(book / "book.pdf"))
    assert {name: len(pages) for name, pages in found.items()} == LENGTHS
    assert found["second"] == range(3, 6)


def test_a_chapter_that_is_missing_in_the_outline_is_an_error(book):
    (book / "_toc.yml").write_text(TOC.replace("{file: book/third}", "{file: book/third}, {file: book/lost}"))
    with pytest.raises(pdf.PdfError, match="5 chapters, and not 6: first, second, third, lost"):
        pdf.chapters(book, PdfReader(book / "book.pdf"))


def test_each_chapter_is_a_file_with_the_bibliography(book):
    (book / "cut").mkdir()
    pdf.cut(book / "book.pdf", pdf.chapters(book, PdfReader(book / "book.pdf")), book / "cut")
    files = {path.stem: len(PdfReader(path).pages) for path in (book / "cut").iterdir()}
    assert files == {name: LENGTHS[name] + LENGTHS["bibliography"] for name in ("first", "second", "third")}


def write(path, text: str, **settings) -> None:
    with plt.rc_context(settings):
        figure = plt.figure()
        figure.text(0.1, 0.5, text)
        figure.savefig(path)
        plt.close(figure)


@pytest.mark.parametrize(
    ("text", "log", "settings", "fault"),
    [
        ("All is well", "", {"pdf.fonttype": 42}, None),
        ("All is well", "", {"pdf.fonttype": 3}, None),
        ("See section ??", "", {"pdf.fonttype": 42}, r"page 1 has an open reference"),
        ("All is well", "", {"pdf.use14corefonts": True}, r"font /Helvetica is not embedded"),
        ("All is well", "Overfull \\hbox (31.4pt too wide) in\n", {}, r"31.4 pt too wide"),
        ("All is well", "Overfull \\hbox (3.1pt too wide) in\n", {}, None),
        ("All is well", "Missing character: There is no ⋮ in font x\n", {}, "There is no ⋮"),
        (
            "All is well",
            "LaTeX Warning: Reference `a' on page 1 undefined on\n",
            {},
            "`a' on page 1 undefined",
        ),
    ],
)
def test_what_was_set_is_read_back(tmp_path, monkeypatch, text, log, settings, fault):
    monkeypatch.setattr(pdf, "chapters", lambda root, reader: {})  # tested above
    write(tmp_path / "book.pdf", text, **settings)
    (tmp_path / "book.log").write_text(log, "utf-8")
    if fault is None:
        assert pdf.check(tmp_path, tmp_path / "book.pdf") == 1
    else:
        with pytest.raises(pdf.PdfError, match=fault):
            pdf.check(tmp_path, tmp_path / "book.pdf")


def test_a_missing_program_is_named_before_any_work(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")
    assert pdf.main(["--root", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert "no latexmk, rsvg-convert, xelatex, xindy: on Debian and Ubuntu, apt-get install latexmk" in told
    assert not (tmp_path / "_build" / "print").exists()


SETTINGS = """
from datetime import date
from types import SimpleNamespace

def setup(app):
    app.add_config_value("cited_book", SimpleNamespace(version="1", released=date(2030, 1, 2)), "")
"""


@pytest.mark.parametrize(("builder", "asks"), [("html", False), ("latex", True)])
def test_only_print_asks_for_the_converter_of_figures(tmp_path, monkeypatch, builder, asks):
    (tmp_path / "conf.py").write_text("extensions = ['bookmaking.paper.on_paper', 'settings']\n")
    (tmp_path / "settings.py").write_text(SETTINGS)
    (tmp_path / "index.rst").write_text("Title\n=====\n\n.. image:: drawing.svg\n\n.. image:: scan.tiff\n")
    (tmp_path / "drawing.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    (tmp_path / "scan.tiff").write_bytes(b"MM")  # a kind that no builder shows as it is
    monkeypatch.setenv("PATH", "")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "settings", raising=False)
    told, folders = io.StringIO(), [tmp_path, tmp_path, tmp_path / "out", tmp_path / "trees"]
    with docutils_namespace():  # or its directives would be those of the tests after it
        Sphinx(*folders, builder, warning=told, status=None).build()
    assert ("RSVG converter command 'rsvg-convert' cannot be run" in told.getvalue()) == asks


def test_the_site_in_one_file_works_from_the_disk(site, browser, tmp_path):
    packed = offline.pack(site, tmp_path / "book.zip")
    folder = tmp_path / "a folder of Jürgen"
    with ZipFile(packed) as file:
        file.extractall(folder)
    assert os.listdir(folder) == ["book"]
    failed = []
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        tab = context.new_page()
        tab.on("requestfailed", lambda request: failed.append(request.url))
        tab.goto((folder / "book" / "index.html").as_uri())
        tab.locator(".bd-article a[href$='network.html']").first.click()
        assert "network" in tab.url
        assert tab.locator("h1").first.inner_text()
        expect(tab.locator("mjx-container").nth(20)).to_be_attached()
    assert failed == []


def test_without_a_site_nothing_is_packed(tmp_path, capsys):
    assert offline.main(["--root", str(tmp_path)]) == 1
    assert "run `make book` first" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.zip"))
