"""Find what is shown in the repository: an object of a module, a part of a file, an equation of a chapter.

Nothing is imported or executed. A name that is no longer there is an error, not an old picture.
"""

import ast
import re
from pathlib import Path

from bookmaking.films.scenes import FilmError

ARGUMENT = re.compile(r'(?P<place>\S+)(?:\s+"(?P<first>[^"]+)"(?:\s*\.\.\.\s*"(?P<last>[^"]+)")?)?')
EQUATION = r"```\{{math\}}\n:label: {label}\n(.*?)```"


def code(root: Path, argument: str) -> tuple[str, str]:
    """Return where code is from, and its lines.

    The argument is `module:object` of the package, or the path of a file, and may go on with
    `"from" ... "to"`, texts in the first and the last line that are wanted. Docstrings are left out: the
    narration replaces them.
    """
    match = ARGUMENT.fullmatch(argument)
    if match is None:
        raise FilmError(
            f'cannot read "{argument}": it should be like numpy_manual:fit "for epoch" ... "update("'
        )
    place, first, last = match.group("place", "first", "last")
    module, _, name = place.partition(":")
    path = f"code/threelayer/{module}.py" if name else module
    if not (root / path).is_file():
        raise FilmError(f"there is no file {path}")
    text = (root / path).read_text("utf-8")
    lines = _object(text, path, name) if name else text.rstrip().split("\n")
    if first:
        begin = find_line(lines, first, place)
        end = begin + find_line(lines[begin:], last, place) if last else begin
        lines = lines[begin : end + 1]
    indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    return f"{path}  {name}".rstrip(), "\n".join(line[indent:] for line in lines)


def find_line(lines: list[str], text: str, place: str) -> int:
    """Return the first line that contains a text."""
    for number, line in enumerate(lines):
        if text in line:
            return number
    raise FilmError(f'no line of {place} contains "{text}"')


def _object(text: str, path: str, name: str) -> list[str]:
    node = ast.parse(text)
    for part in name.split("."):
        found = [child for child in node.body if _names(child) == part]
        if not found:
            raise FilmError(f"{path} has no object {name!r}")
        node = found[0]
    begin = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
    hidden = {number for inner in ast.walk(node) for number in _docstring(inner)}
    lines = text.split("\n")
    return [lines[number - 1] for number in range(begin, node.end_lineno + 1) if number not in hidden]


def _names(node: ast.stmt) -> str | None:
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return getattr(node, "name", None)


def _docstring(node: ast.AST) -> range:
    if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
        text = node.body[0]
        return range(text.lineno, text.end_lineno + 1)
    return range(0)


def equation(root: Path, page: str, label: str) -> list[str]:
    """Return the lines of a labelled equation of a chapter in Matplotlib's mathematics, without dollars."""
    path = root / "book" / f"{page}.md"
    if not path.is_file():
        raise FilmError(f"there is no chapter {page}")
    found = re.search(EQUATION.format(label=re.escape(label)), path.read_text("utf-8"), re.DOTALL)
    if found is None:
        raise FilmError(f"the chapter {page} has no equation with the label {label}")
    return to_mathtext(found[1])


def to_mathtext(tex: str) -> list[str]:
    """Translate what the book uses of TeX and Matplotlib lacks; aligned lines become lines of their own."""
    tex = re.sub(r"\\(?:begin|end)\{aligned\}", "", tex)
    tex = re.sub(r"\\[bB]igg?[lr]?(?=[()|])", "", tex)
    tex = re.sub(r"\\mathrm d(?![a-zA-Z])", r"\\mathrm{d}", tex)
    tex = re.sub(r"\\mathrm d(?=[a-zA-Z])", r"\\mathrm{d}", tex)
    tex = re.sub(r"\\hat ([a-z])", r"\\hat{\1}", tex)
    tex = re.sub(r"\\bar ([a-z])", r"\\bar{\1}", tex)
    tex = re.sub(r"\\mathcal ([A-Z])", r"\\mathcal{\1}", tex)
    tex = re.sub(r"\\[td]?frac\s*(\w)\s*(\w)", r"\\frac{\1}{\2}", tex)
    tex = re.sub(r"\\[td]?frac\b", r"\\dfrac", tex)  # the others are too small for a film
    tex = re.sub(r"\\underbrace\{(.*?)\}_\{\\text\{.*?\}\}", r"\1", tex, flags=re.DOTALL)
    tex = re.sub(r"\\sqrt (\w)", r"\\sqrt{\1}", tex)
    tex = re.sub(r"(\\sum_(?:\{[^}]*\}|\w))", r"\1\\,", tex)  # spaces that Matplotlib leaves out
    tex = re.sub(r"(?<=[\w}]) *(?=\\(?:sin|cos|tanh)\b)", r"\\,", tex)
    lines = [" ".join(line.replace("&", " ").split()) for line in re.split(r"\\\\", tex)]
    return [line.rstrip(" .,") for line in lines if line.strip(" .,")]
