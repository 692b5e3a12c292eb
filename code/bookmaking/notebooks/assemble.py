"""Turn a page into the cells of a notebook, in the order of the page.

Source: https://nbformat.readthedocs.io, https://myst-nb.readthedocs.io for the marks on code cells.
"""

import ast
from functools import cache
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urljoin

from docutils import nodes
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from bookmaking.notebooks.carried import PACKAGE, file_of, first_cells
from bookmaking.notebooks.markdown import Markdown, NoMarkdownError, linked
from bookmaking.pages.interactive_nodes import MIME_TYPE as INTERACTIVE

CHAPTER = "## The chapter"  # the cell before the chapter's own
# Outputs that only the book's site can show: a plain text is beside them, or they are numbers for the prose.
OWN_TYPES = (INTERACTIVE, "application/papermill.record/")


@cache
def pages_by_address(app) -> dict[str, str]:
    """Return the pages of the book by where each lies in the site; all have been read when one is written."""
    return {app.builder.get_target_uri(page): page for page in app.env.all_docs}


class Page:
    """A page on its way to a notebook.

    Parameters
    ----------
    app
        Sphinx, which is writing the page.
    docname, doctree
        The page, its references resolved.
    executed
        The page's cells with their outputs.
    """

    def __init__(self, app, docname: str, doctree: nodes.document, executed: NotebookNode) -> None:
        self.app, self.docname, self.doctree, self.executed = app, docname, doctree, executed
        self.root = Path(app.srcdir)
        here, base = app.builder.get_target_uri(docname), app.config.html_baseurl
        address = f"{base.rstrip('/')}/{here}" if base else ""

        def title(uri: str) -> str:
            return self._title(pages_by_address(app)[urljoin(here, uri)])

        self.markdown = Markdown(self._number, self.root, title, address)
        self.cells: list[NotebookNode] = []
        self.listed: list[str] = []  # modules of which the page has listings
        self._pending: list[str] = []
        self._fold = ""  # the title of the solution or dropdown that is being written

    def notebook(self) -> NotebookNode:
        """Return the notebook."""
        section = next(node for node in self.doctree.children if isinstance(node, nodes.section))
        title, *rest = section.children
        self._children(rest, 2)
        self._end()
        sources = [
            cell.source
            for cell in self.executed.cells
            if cell.cell_type == "code" and "remove-cell" not in cell.metadata.get("tags", ())
        ]
        config = self.app.config
        release = config.version or version(PACKAGE)
        first = first_cells(self.root, sources, self.listed, config.html_title, release)
        first[0].source = f"# {self.markdown.inline(title)}\n\n{first[0].source}"
        notebook = new_notebook(cells=[*first, new_markdown_cell(CHAPTER), *self.cells])
        notebook.metadata = NotebookNode(
            kernelspec={"name": "python3", "display_name": "Python 3", "language": "python"},
            language_info={"name": "python"},
            colab={"collapsed_sections": ["code-of-the-book"], "provenance": []},
        )
        for number, cell in enumerate(notebook.cells):
            cell.id = f"cell-{number}"  # the same page gives the same bytes
        return notebook

    # What may hold code cells

    def _write(self, node: nodes.Node, level: int) -> None:
        if _is_code(node):
            self._code(node)
        elif isinstance(node, nodes.literal_block) and (module := self._live(node)):
            self._flush()
            text = node.astext().strip("\n")
            self.cells.append(new_code_cell(f"%%listing {module}\n{text}", metadata={"tags": ["listing"]}))
            self.listed.append(module)
        elif isinstance(node, nodes.section):
            self._flush()
            title, *rest = node.children
            self._pending.append(f"{'#' * min(level, 6)} {self.markdown.inline(title)}")
            self._children(rest, level + 1)
        elif type(node).__name__ == "solution_node":
            title, content = node.children
            self._folded(title.astext().strip(), content.children, level)
        elif type(node).__name__ == "dropdown_main":
            title, *content = node.children
            self._folded(self.markdown.inline(title.children[0]), content, level)
        elif isinstance(node, nodes.container):  # Markdown cells, tabs and their content, cards, divisions
            self._children(node.children, level)
        else:
            self._pending.append(self.markdown.block(node))

    def _children(self, children: list[nodes.Node], level: int) -> None:
        for child in children:
            self._write(child, level)

    def _folded(self, title: str, content: list[nodes.Node], level: int) -> None:
        self._flush()
        self._fold = title
        if content and _is_code(content[0]):
            self.cells.append(new_markdown_cell(f"*{title}, from the folded cell below on.*"))
        self._children(content, level)
        self._flush()
        self._fold = ""

    def _flush(self) -> None:
        """Close the Markdown cell that was begun."""
        text = "\n\n".join(part for part in self._pending if part)
        self._pending = []
        if not text:
            return
        if self._fold:
            text = f"<details>\n<summary>{self._fold}</summary>\n\n{text}\n\n</details>"
        self.cells.append(new_markdown_cell(text))

    def _code(self, node: nodes.Element) -> None:
        """Add a code cell with its outputs, and its figures' captions behind it."""
        self._flush()
        cell = self.executed.cells[node["cell_index"]]
        tags = list(cell.metadata.get("tags", ()))
        metadata = {"tags": tags} if tags else {}
        if self._fold or "hide-cell" in tags:
            metadata |= {"cellView": "form", "jupyter": {"source_hidden": True, "outputs_hidden": True}}
        elif "hide-input" in tags:
            metadata |= {"cellView": "form", "jupyter": {"source_hidden": True}}
        outputs = [found for output in cell.get("outputs", ()) if (found := _for_elsewhere(output))]
        count = cell.get("execution_count")
        self.cells.append(
            new_code_cell(cell.source, metadata=metadata, outputs=outputs, execution_count=count)
        )
        if any(INTERACTIVE in output.get("data", ()) for output in cell.get("outputs", ())):
            self._pending.append(self.markdown.only_in_the_book())
        for caption in node.findall(nodes.caption):
            self._pending.append(self.markdown.block(caption))
            picture = next(caption.parent.findall(nodes.image), {})
            if picture.get("alt"):  # an output has no place for it
                words = self.markdown.inline_Text(nodes.Text(picture["alt"]))
                self._pending.append(
                    f"<details>\n<summary>The figure in words</summary>\n\n{words}\n\n</details>"
                )
        self._flush()

    def _live(self, node: nodes.Element) -> str | None:
        """Return the module of which a listing shows whole statements, or None for any other block."""
        source = node.get("source") or ""
        code = self.root / "code"
        if not source.startswith(f"{code}/") or node.get("language") == "udiff":
            return None
        path = Path(source).relative_to(code).with_suffix("")
        module = ".".join(path.parts[:-1] if path.name == "__init__" else path.parts)
        if path.parts[0] != PACKAGE or not file_of(code, module):
            return None
        try:
            listed = ast.parse(node.astext()).body
        except SyntaxError:  # a part of a statement
            return None
        whole = {ast.dump(part) for part in ast.parse(Path(source).read_text("utf-8")).body}
        return module if listed and all(ast.dump(part) in whole for part in listed) else None

    # Numbers and titles, and what stands at the end

    def _title(self, page: str) -> str:
        return self.markdown.inline(self.app.env.titles[page])

    def _number(self, node: nodes.Element) -> str:
        # Sphinx's own function reads the numbers of the page that the builder wrote last.
        if isinstance(node, nodes.math_block) and not node.get("label"):
            return ""
        if isinstance(node, nodes.math_block) and not (
            self.app.config.numfig and self.app.config.math_numfig
        ):
            return str(node["number"])
        kinds = {"math_block": "displaymath", "figure": "figure", "table": "table", "container": "code-block"}
        kind = kinds.get(type(node).__name__, "exercise")
        numbers = self.app.env.toc_fignumbers.get(node.get("docname", self.docname), {}).get(kind, {})
        found = next((numbers[name] for name in node["ids"] if name in numbers), ())
        return ".".join(map(str, found))

    def _end(self) -> None:
        """Add the equations of other chapters and the references."""
        self._flush()
        if self.markdown.equations:
            self._pending.append("## Equations of other chapters")
            domain = self.app.env.get_domain("math")
            addresses = {f"equation-{nodes.make_id(label)}": label for label in domain.equations}
            chapters: dict[str, dict[str, nodes.Element]] = {}
            for address in list(self.markdown.equations):
                label = addresses[address.partition("#")[2]]
                page = domain.equations[label][0]
                equations = self.app.env.get_doctree(page).findall(nodes.math_block)
                chapters.setdefault(page, {})[label] = next(e for e in equations if e.get("label") == label)
            for page, equations in chapters.items():
                self._pending.append(f"From *{self._title(page)}*:")
                found = sorted(
                    equations.values(), key=lambda node: [int(n) for n in self._number(node).split(".")]
                )
                self._pending += map(self.markdown.block, found)
            self._flush()
        if self.markdown.citations:
            entries = sorted(set(self.markdown.citations.values()))
            self._pending += ["## References", "\n".join(f"- {linked(entry)}" for entry in entries)]
            self._flush()


def _is_code(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def _for_elsewhere(output: NotebookNode) -> NotebookNode | None:
    """Return an output without what only this book's site can show, or None where nothing is left."""
    if "data" not in output:
        return output
    data = {kind: content for kind, content in output.data.items() if not kind.startswith(OWN_TYPES)}
    return NotebookNode({**output, "data": data, "metadata": {}}) if data else None


__all__ = ["NoMarkdownError", "Page"]
