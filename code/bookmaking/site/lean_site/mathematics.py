"""Typeset formulas with MathJax while the book is built, so that no reader waits for it.

MathJax is the one that sphinx-mathjax-offline carries, Node the one that Playwright carries: both are pinned.
The result is what MathJax would make in the page, with MathML for screen readers and for copying.
Source: https://docs.mathjax.org/en/v3.2/server/components.html.
"""

import json
import re
import subprocess
from html import unescape
from importlib.util import find_spec
from pathlib import Path

import playwright
from sphinx.errors import ExtensionError

# As sphinx.ext.mathjax writes it, the number of an equation first.
FORMULA = re.compile(
    r'(?P<open><(?P<tag>span|div) class="math [^>]*>\s*(?:<span class="eqno">.*?</a></span>)?)'
    r"\s*(?P<mark>\\[(\[])(?P<tex>.*?)\\[)\]](?P<close></(?P=tag)>)",
    re.DOTALL,
)
MATHJAX = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
DRIVER = Path(playwright.__file__).parent / "driver"


def typeset(pages: dict[Path, str], kept: dict) -> tuple[dict[Path, str], tuple[str, Path]]:
    """Return the pages with their formulas typeset, and the stylesheet that goes with it and its folder.

    `kept` is what this function left in it before: the markup of every formula, and the stylesheet.
    """
    markup = kept.setdefault("markup", {})
    formulas = [_formula(found) for text in pages.values() for found in FORMULA.finditer(text)]
    unknown = [mark_and_tex for mark_and_tex in dict.fromkeys(formulas) if mark_and_tex not in markup]
    if unknown or "style" not in kept:
        output = _run([(name[2:], name.startswith(r"\[")) for name in unknown])
        markup |= dict(zip(unknown, output["markup"], strict=True))
        kept["style"] = output["style"]

    def replaced(found: re.Match) -> str:
        return found["open"] + markup[_formula(found)] + found["close"]

    for path, text in pages.items():
        for found in FORMULA.finditer(text):
            if error := re.search(r'data-mjx-error="([^"]*)"', markup[_formula(found)]):
                raise ExtensionError(f"{path.name}: {unescape(error[1])}: {unescape(found['tex'])}")
    return {path: FORMULA.sub(replaced, text) for path, text in pages.items()}, (kept["style"], MATHJAX)


def _formula(found: re.Match) -> str:
    return found["mark"] + unescape(found["tex"])


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
