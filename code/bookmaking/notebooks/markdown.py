r"""Write a resolved document tree as the Markdown that Colab, Jupyter and VS Code share.

That is CommonMark with tables, dollar mathematics and a few HTML elements. What has no counterpart raises, so
that nothing is left out in silence.
Source: https://spec.commonmark.org, https://docutils.sourceforge.io/docs/ref/doctree.html.
"""

# ruff: noqa: D102, the methods are named after what they write
import base64
import mimetypes
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import urljoin

from docutils import nodes

INLINE_SPECIAL = re.compile(r"([\\`*_\[\]<>$|~])")
BLOCK_START = re.compile(r"^(\s*)([#+>=-]|\d+(?=[.)]))")
AROUND = {  # what stands before and behind the text of a node within a line
    "emphasis": ("*", "*"),
    "inline": ("", ""),
    "strong": ("**", "**"),
    "subscript": ("<sub>", "</sub>"),
    "superscript": ("<sup>", "</sup>"),
    "target": ("", ""),
}
UNSEEN = ("comment", "sd_tab_input", "target")  # blocks that say nothing
GROUPS = (
    "compound",
    "container",
    "figure",
    "legend",
    "section",
)  # are what is in them; sections of exercises


class NoMarkdownError(Exception):
    """A construct of the page has no form in a notebook."""


class Markdown:
    """Writes nodes, and collects what the notebook has to explain at its end.

    Parameters
    ----------
    number
        Returns the number of an equation, or of a figure, table or exercise, or an empty text.
    folder
        Images are found from here.
    title
        Returns the title of another page of the book, found from this one.
    address
        Of the page on the web, if it has one.

    Attributes
    ----------
    citations, equations
        What was referred to, in order: short text and full entry; address of the equation and its number.
    """

    def __init__(
        self,
        number: Callable[[nodes.Element], str],
        folder: Path,
        title: Callable[[str], str],
        address: str = "",
    ) -> None:
        self.number, self.folder, self.title, self.address = number, folder, title, address
        self.citations: dict[str, str] = {}
        self.equations: dict[str, str] = {}
        self._table = False

    def block(self, node: nodes.Node) -> str:
        """Return a block and what is in it."""
        return self._write(node, "block")

    def blocks(self, parts: Iterable[nodes.Node]) -> str:
        """Return the blocks within a node, or some of them, with blank lines between them."""
        return "\n\n".join(filter(None, map(self.block, parts)))

    def inline(self, node: nodes.Element) -> str:
        """Return the text within a node."""
        return "".join(self._write(child, "inline") for child in node.children)

    def _write(self, node: nodes.Node, form: str) -> str:
        for kind in type(node).__mro__:
            name = kind.__name__
            method = getattr(self, f"{form}_{name}", None)
            if method is not None:
                return method(node)
            if form == "inline" and name in AROUND:
                return AROUND[name][0] + self.inline(node) + AROUND[name][1]
            if form == "block" and name in GROUPS:
                return self.blocks(node)
            if form == "block" and name in UNSEEN:
                return ""
        where = "in a line " if form == "inline" else ""
        raise NoMarkdownError(f"a {type(node).__name__} {where}has no form in a notebook")

    def only_in_the_book(self) -> str:
        """Return what stands for a figure that needs the scripts of the book's site."""
        where = f"[in the book]({self.address})" if self.address else "in the book"
        return f"*This figure moves only {where}. The code above makes its data.*"

    # Text

    def inline_Text(self, node: nodes.Text) -> str:
        return INLINE_SPECIAL.sub(r"\\\1", node.astext().replace("\n", " "))

    def inline_literal(self, node: nodes.Element) -> str:
        text = node.astext().replace("\n", " ")
        fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
        pad = " " if text[:1] == "`" or text[-1:] == "`" else ""
        text = f"{fence}{pad}{text}{pad}{fence}"
        return text.replace("|", r"\|") if self._table else text

    def inline_math(self, node: nodes.Element) -> str:
        text = " ".join(node.astext().split())
        if self._table:
            text = re.sub(r"(?<!\\)\|", r"\\vert ", text)  # a bar would end the cell
        return f"${text}$"

    def inline_reference(self, node: nodes.Element) -> str:
        text = self.inline(node)
        address = node.get("refuri", "")
        if node.get("reftitle") and self._cites(node):
            self.citations[node.astext()] = node["reftitle"]
            return text
        if not node.get("internal") and address:
            return f"[{text}]({address})"
        page, _, anchor = address.partition("#")
        if not page:
            return text
        if anchor.startswith("equation-"):
            self.equations[address] = node.astext()
        elif not anchor:
            text = f"*{text}*"
        # An address within the book leads nowhere from a notebook, unless the book's own address is known.
        if self.address:
            return f"[{text}]({urljoin(self.address, address)})"
        return text

    @staticmethod
    def _cites(node: nodes.Element) -> bool:
        return any(
            "bibtex-citation" in parent.get("classes", ()) for parent in (node.parent, node.parent.parent)
        )

    def inline_number_reference(self, node: nodes.Element) -> str:
        page = node["refuri"].partition("#")[0] if "refuri" in node else ""
        of = f" of *{self.title(page)}*" if page and not self.address else ""
        return f"{self.inline_reference(node)}{of}"

    def inline_image(self, node: nodes.Element) -> str:
        file = self.folder / node["uri"]
        kind = mimetypes.guess_type(file.name)[0]
        data = base64.b64encode(file.read_bytes()).decode()
        alt = INLINE_SPECIAL.sub(r"\\\1", node.get("alt", ""))
        return f"![{alt}](data:{kind};base64,{data})"

    # Blocks

    def block_paragraph(self, node: nodes.Element) -> str:
        return BLOCK_START.sub(r"\1\\\2", self.inline(node).strip())

    def block_rubric(self, node: nodes.Element) -> str:
        return f"**{self.inline(node)}**"

    block_sd_tab_label = block_rubric

    def block_transition(self, node: nodes.Element) -> str:
        return "---"

    def block_literal_block(self, node: nodes.Element) -> str:
        text = node.astext().rstrip("\n")
        language = {"default": "python", "ipython3": "python", "none": "", "udiff": "diff"}
        name = node.get("language", "")
        fence = "`" * max(3, max(map(len, re.findall("`+", text)), default=0) + 1)
        return f"{fence}{language.get(name, name)}\n{text}\n{fence}"

    def block_math_block(self, node: nodes.Element) -> str:
        text = node.astext().strip()
        if r"\\" in text and not node.get("nowrap"):
            text = rf"\begin{{aligned}}{text}\end{{aligned}}"  # as Sphinx does
        number = self.number(node)
        # A blank line would end the formula.
        text = re.sub(r"\n\s*\n", "\n", text)
        tag = rf" \tag{{{number}}}" if number else ""
        return f"$$\n{text}{tag}\n$$"

    def block_block_quote(self, node: nodes.Element) -> str:
        return _quoted(self.blocks(node))

    def block_Admonition(self, node: nodes.Element) -> str:
        own = node.children and isinstance(node.children[0], nodes.title)
        title = self.inline(node.children[0]) if own else type(node).__name__.capitalize()
        return _quoted(f"**{title}**\n\n{self.blocks(node.children[1:] if own else node)}")

    def block_exercise_node(self, node: nodes.Element) -> str:
        title, *rest = node.children
        head = f"Exercise {self.number(node)}".strip()
        own = self.inline(title).strip()
        if own and own != "Exercise":
            head += f" ({own})"
        return f"**{head}**\n\n{self.blocks(rest)}"

    block_exercise_enumerable_node = block_exercise_node

    block_image = inline_image

    def block_caption(self, node: nodes.Element) -> str:
        number = self.number(node.parent)
        kind = "Fig." if isinstance(node.parent, nodes.figure) else "Listing"
        return f"**{kind} {number}.** {self.inline(node)}" if number else self.inline(node)

    def block_bullet_list(self, node: nodes.Element) -> str:
        return "\n".join(_hanging(self.blocks(item), "- ") for item in node.children)

    def block_enumerated_list(self, node: nodes.Element) -> str:
        start = node.get("start", 1)
        items = enumerate(node.children, start)
        return "\n".join(_hanging(self.blocks(item), f"{number}. ") for number, item in items)

    def block_definition_list(self, node: nodes.Element) -> str:
        lines = []
        for item in node.children:
            *terms, definition = item.children
            lines.append(
                _hanging(f"**{', '.join(map(self.inline, terms))}**: {self.blocks(definition)}", "- ")
            )
        return "\n".join(lines)

    def block_field_list(self, node: nodes.Element) -> str:
        fields = [(self.inline(name), self.blocks(body)) for name, body in (field.children for field in node)]
        return "\n".join(_hanging(f"**{name}**: {body}", "- ") for name, body in fields)

    def block_table(self, node: nodes.Element) -> str:
        title = [self.inline(part) for part in node.children if isinstance(part, nodes.title)]
        number = self.number(node)
        head = [f"**{f'Table {number}. ' if number else ''}{title[0]}**"] if title else []
        if any("morecols" in entry or "morerows" in entry for entry in node.findall(nodes.entry)):
            raise NoMarkdownError("a table with joined cells has no form in a notebook")
        self._table = True
        rows = [[self._cell(entry) for entry in row.children] for row in node.findall(nodes.row)]
        aligned = [entry.get("classes", []) for entry in next(node.findall(nodes.row)).children]
        self._table = False
        marks = {"text-left": ":--", "text-right": "--:", "text-center": ":-:"}
        rules = [next((marks[name] for name in names if name in marks), "---") for names in aligned]
        if next(node.findall(nodes.thead), None) is None:
            rows.insert(0, ["" for _ in rules])
        rows.insert(1, rules)
        return "\n\n".join([*head, "\n".join(f"| {' | '.join(row)} |" for row in rows)])

    def _cell(self, entry: nodes.Element) -> str:
        if not all(isinstance(part, nodes.paragraph) for part in entry.children):
            raise NoMarkdownError("a table with more than paragraphs in a cell has no form in a notebook")
        return "<br>".join(self.inline(part).strip() for part in entry.children)


def linked(text: str) -> str:
    """Return plain text, such as an entry of a bibliography, with its addresses as links."""
    parts = []
    for part in re.split(r"(https?://\S*[^\s.]|doi:\S*[^\s.])", text):
        if part.startswith("doi:"):
            parts.append(f"[{part}](https://doi.org/{part[4:]})")
        elif part.startswith("http"):
            parts.append(f"<{part}>")
        else:
            parts.append(INLINE_SPECIAL.sub(r"\\\1", part))
    return "".join(parts)


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _hanging(text: str, mark: str) -> str:
    first, *rest = text.splitlines() or [""]
    return "\n".join([mark + first, *((" " * len(mark) + line).rstrip() for line in rest)])
