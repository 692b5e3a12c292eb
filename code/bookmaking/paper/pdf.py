"""Make the book as PDF: `python -m bookmaking.paper.pdf`, or `make pdf`.

Jupyter Book writes LaTeX, with the outputs that the site shows; XeLaTeX sets it, and what it made is read
back before it is kept. The chapters are cut from the whole, so that every number is the one of the book, and
each has the bibliography at its end.
Source: book/_print/print.sty, CONTRIBUTING.md.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from pypdf import PdfReader, PdfWriter
from sphinx_external_toc.parsing import parse_toc_yaml

from bookmaking.build.execute import execute
from bookmaking.build.render import locked, render

NAME = "one-network-nine-ways"
# Programs, and the packages of Debian that have them.
NEEDED = {
    "latexmk": "latexmk",
    "rsvg-convert": "librsvg2-bin",
    "xelatex": "texlive-xetex texlive-latex-extra texlive-fonts-extra fonts-dejavu-core",
    "xindy": "xindy",
}
INDEXING = {"XINDYOPTS": "-L english -C utf8 -M sphinx.xdy"}  # as in the Makefile that Sphinx writes


class PdfError(Exception):
    """The book cannot be set, or what was set is not the book; the text says why."""


def main(arguments: list[str] | None = None) -> int:
    """Make all PDF files in `_build/pdf` and return the exit status."""
    parser = argparse.ArgumentParser(prog="bookmaking.paper.pdf", description="Make the book as PDF.")
    parser.add_argument("--root", type=Path, default=Path(), help="the repository (default: here)")
    root = parser.parse_args(arguments).root.resolve()
    build = root / "_build"
    build.mkdir(exist_ok=True)
    try:
        with locked(build / "lock") as lock:
            whole = typeset(root, build / "print", lock)
        pages = check(root, whole)
        folder = build / "pdf"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        shutil.copy(whole, folder / whole.name)
        cut(whole, chapters(root, PdfReader(whole)), folder)
    except PdfError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{os.path.relpath(folder / whole.name)}  {pages} pages, and one file for each chapter beside it")
    return 0


def typeset(root: Path, work: Path, lock: int) -> Path:
    """Write LaTeX and run XeLaTeX over it as often as it takes.

    Raises
    ------
    PdfError
        A program is missing, a chapter failed, or XeLaTeX objects.
    """
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        packages = " ".join(NEEDED[name] for name in missing)
        raise PdfError(f"no {', '.join(missing)}: on Debian and Ubuntu, apt-get install {packages}")
    if failures := execute(root).failures:
        raise PdfError("\n".join(failures))
    if not render(root, work, lock, builder="latex"):
        raise PdfError("Sphinx refused the pages (above).")
    folder = work / "_build" / "latex"
    print("typesetting", flush=True)
    result = subprocess.run(
        [
            "latexmk",
            "-xelatex",
            "-interaction=nonstopmode",
            "-halt-on-error",
            "-file-line-error",
            f"{NAME}.tex",
        ],
        cwd=folder,
        env=os.environ | INDEXING,
        capture_output=True,
        text=True,
        errors="replace",
    )
    if result.returncode:
        raise PdfError(f"XeLaTeX failed:\n{result.stdout[-3000:]}")
    return folder / f"{NAME}.pdf"


def check(root: Path, path: Path) -> int:
    """Read the PDF back and return its number of pages.

    Raises
    ------
    PdfError
        A reference is open, a font or a character or a chapter is missing, or a line leaves the paper.
    """
    log = path.with_suffix(".log").read_text("utf-8", errors="replace")
    faults = re.findall(r"^(?:LaTeX Warning: .*undefined.*|Missing character: .*)$", log, re.MULTILINE)
    faults += [f"{wide} pt too wide" for wide in re.findall(r"Overfull \\hbox \((\d{2,}\.\d+)pt", log)]
    reader = PdfReader(path)
    for number, page in enumerate(reader.pages, 1):
        text = page.extract_text()
        if "??" in text:
            faults.append(f"page {number} has an open reference: ??")
        for font in fonts(page):
            if not embedded(font):
                faults.append(f"page {number}: font {font['/BaseFont']} is not embedded")
    chapters(root, reader)
    if faults:
        raise PdfError("the PDF is not as it should be:\n" + "\n".join(dict.fromkeys(faults)))
    return len(reader.pages)


def fonts(page) -> list:
    """Return the fonts that a page uses."""
    found = page.get("/Resources", {}).get("/Font", {})
    return [font.get_object() for font in found.values()]


def embedded(font) -> bool:
    """Tell whether the file has the font itself."""
    inner = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
    if font.get("/Subtype") == "/Type3":  # its characters are drawings in the file
        return True
    described = inner.get("/FontDescriptor", {}).get_object() if "/FontDescriptor" in inner else {}
    return any(key in described for key in ("/FontFile", "/FontFile2", "/FontFile3"))


def chapters(root: Path, reader: PdfReader) -> dict[str, range]:
    """Return the pages of each chapter by the name of its file, of the bibliography and of the index.

    Raises
    ------
    PdfError
        The outline of the PDF has other chapters than the table of contents.
    """
    names = [Path(document).name for document in list(parse_toc_yaml(root / "_toc.yml"))[1:]]
    below_parts = (below for below in reader.outline if isinstance(below, list))
    tops = [entry for below in below_parts for entry in below if not isinstance(entry, list)]
    starts = [reader.get_destination_page_number(entry) for entry in tops]
    names += ["bibliography", "index"]
    if len(starts) != len(names):
        raise PdfError(f"the outline has {len(starts)} chapters, and not {len(names)}: {', '.join(names)}")
    ends = [*starts[1:], len(reader.pages)]
    places = [range(start, end) for start, end in zip(starts, ends, strict=True)]
    return dict(zip(names, places, strict=True))


def cut(whole: Path, places: dict[str, range], folder: Path) -> None:
    """Write one file for each chapter, with the bibliography at its end."""
    for name, pages in places.items():
        if name in ("bibliography", "index"):
            continue
        writer = PdfWriter()
        for part in (pages, places["bibliography"]):
            writer.append(whole, pages=(part.start, part.stop), import_outline=True)
        writer.write(folder / f"{name}.pdf")


if __name__ == "__main__":
    sys.exit(main())
