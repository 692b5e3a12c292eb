"""Typeset formulas with MathJax while the book is built, so that no reader waits for it.

MathJax is the one that sphinx-mathjax-offline carries, Node the one that Playwright carries: both are pinned.
The result is what MathJax would make in the page, with MathML for screen readers and for copying.
Source: https://docs.mathjax.org/en/v3.2/server/components.html.
"""

import json
import subprocess
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import playwright
from lxml.html import HtmlElement, fragment_fromstring
from sphinx.errors import ExtensionError

FORMULA = '//*[self::span or self::div][contains(concat(" ", @class, " "), " math ")]'
MATHJAX = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
DRIVER = Path(playwright.__file__).parent / "driver"


def typeset(pages: Iterable[HtmlElement], memory: dict) -> tuple[str, Path]:
    """Typeset the formulas of pages, and return the stylesheet that goes with it and its folder.

    `memory` is what this function left in it before: the markup of every formula, and the stylesheet.
    """
    markup = memory.setdefault("markup", {})
    formulas = [(formula, _take_tex(formula)) for page in pages for formula in page.xpath(FORMULA)]
    unknown = [tex for tex in dict.fromkeys(tex for _, tex in formulas) if tex not in markup]
    if unknown or "style" not in memory:
        output = _run([(tex[2:-2], tex.startswith(r"\[")) for tex in unknown])
        markup |= dict(zip(unknown, output["markup"], strict=True))
        memory["style"] = output["style"]
    for formula, tex in formulas:
        typeset = fragment_fromstring(markup[tex])
        for error in typeset.xpath("//@data-mjx-error"):
            raise ExtensionError(f"{formula.base_url}: {error}: {tex}")
        formula.append(typeset)
    return memory["style"], MATHJAX


def _take_tex(formula: HtmlElement) -> str:
    """Take the TeX out of where Sphinx writes it: behind the number of an equation, if it has one."""
    number = next(iter(formula), None)
    if number is None:
        tex, formula.text = formula.text, None
    else:
        tex, number.tail = number.tail, None
    tex = (tex or "").strip()
    if not tex.startswith((r"\(", r"\[")):
        raise ExtensionError(f"{formula.base_url}: no formula between marks of TeX, but {tex!r}")
    return tex


def _run(formulas: list[tuple[str, bool]]) -> dict:
    node = next((path for name in ("node", "node.exe") if (path := DRIVER / name).is_file()), None)
    if node is None:
        raise ExtensionError(f"no Node in {DRIVER} to typeset the mathematics with: reinstall playwright")
    script = Path(__file__).with_suffix(".cjs")
    result = subprocess.run(
        [node, script, MATHJAX], input=json.dumps(formulas), capture_output=True, text=True, encoding="utf-8"
    )
    if result.returncode:
        raise ExtensionError(f"MathJax failed:\n{result.stderr}")
    return json.loads(result.stdout)
