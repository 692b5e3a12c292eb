"""Give included listings, equations without a number and figures to be moved an anchor and a visible link.

Sphinx does so for headings, figures and numbered equations, `claim_nodes` for claims. The anchor
of a listing names its file and what is listed first, or that it is a difference, so it stays when text moves.
That of an equation is a digest of its formula: when the formula changes, the old address leads to the page,
not to another equation. That of a figure to be moved repeats its label.
"""

import hashlib
import re
from pathlib import Path

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

from bookmaking.pages.interactive_nodes import interactive

DEFINED = re.compile(r"^\s*(?:(?:async )?def|class)\s+(\w+)|^\s*(\w+)\s*(?::[^=]+)?=(?!=)", re.MULTILINE)


class permalink(nodes.comment):
    """A link to the block before it. A comment, so that whatever is not HTML leaves it out."""


class AddPermalinks(SphinxPostTransform):
    """Put such blocks into a container with an anchor and a link."""

    default_priority = 300  # what stands in place of outputs, placeholders and tabs is there
    formats = ("html",)

    def run(self, **kwargs) -> None:
        """Treat the blocks of the page, in order."""
        taken: set[str] = set(self.document.ids)
        for block in list(self.document.findall(nodes.Element)):
            if not (described := description(block)):
                continue
            kind, name = described
            anchor = unique(f"{kind}-{name}", taken)
            link = permalink("", anchor=anchor, title=f"Link to this {kind}")
            anchored = nodes.container("", ids=[anchor], classes=["anchored", f"anchored-{kind}"])
            block.replace_self(anchored)
            anchored += [block, link]


def description(block: nodes.Element) -> tuple[str, str] | None:
    """Return the kind of a block and a name for it, or None if it needs no anchor here."""
    if isinstance(block, nodes.math_block):
        if block.get("number") is not None or block["ids"]:
            return None
        return "equation", hashlib.sha256("".join(block.astext().split()).encode()).hexdigest()[:8]
    if isinstance(block, nodes.literal_block) and "source" in block:  # included from a file
        path = Path(block["source"])
        stem = path.parent.name if path.stem == "__init__" else path.stem
        if block.get("language") == "udiff":
            return "listing", f"{stem}-diff"
        first = DEFINED.search(block.astext())
        return "listing", f"{stem}-{first[1] or first[2]}" if first else stem
    if isinstance(block, interactive):
        return "figure", nodes.make_id(block["label"])
    return None


def unique(name: str, taken: set[str]) -> str:
    """Return the name as an id, with a number behind it if the page has it already."""
    name = re.sub(r"[^\w-]+", "-", name)
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    taken.add(found)
    return found


def visit_permalink(translator, node: permalink) -> None:
    """Write the link as Sphinx writes its own."""
    icon = translator.config.html_permalinks_icon
    anchor, title = node["anchor"], node["title"]
    translator.body.append(f'<a class="headerlink" href="#{anchor}" title="{title}">{icon}</a>\n')
    raise nodes.SkipNode


def setup(app) -> dict:
    """Register node and transform with Sphinx."""
    app.add_node(permalink, html=(visit_permalink, None))
    app.add_post_transform(AddPermalinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
