"""Turn a claim, as `threelayer.claims` displays it, into nodes that HTML, LaTeX and plain text can all print.

MyST-NB finds the renderer through the entry point group `myst_nb.mime_renderers`, so it has to be installed.
Source: chapter "report".
"""

from docutils import nodes

from threelayer.claims import MIME_TYPE


class claim_block(nodes.container):
    """A claim on its page. `claim` is what the cell displayed, `anchor` the claim's address on the page."""


class claim_words(nodes.inline):
    """The statement of a claim, or the name of its control: what the report repeats."""


class ClaimRenderer:
    """Renders the claim's own MIME type, and is preferred to its HTML and its plain text."""

    mime_priority_overrides = (("*", MIME_TYPE, 1),)

    @staticmethod
    def handle_mime(renderer, data, inline: bool) -> list[nodes.Element] | None:
        """Return the claim as one block, or None for another MIME type."""
        if data.mime_type != MIME_TYPE or inline:
            return None
        claim, line = data.content, data.line or 0
        statement = _words(renderer, claim["statement"], line, "claim-statement")
        control = _words(renderer, claim["control"], line, "claim-fault")
        anchor = nodes.make_id(f"claim {statement.astext()}")
        mark = nodes.inline("", "Holds: ", classes=["claim-mark"])  # the stylesheet draws it as a check mark
        permalink = f'<a class="headerlink" href="#{anchor}" title="Link to this claim">#</a>'
        bound = nodes.inline("", claim["bound"], classes=["claim-number"])
        reached = nodes.inline("", claim["control_value"], classes=["claim-number"])
        value = nodes.strong("", claim["value"])
        lines = {
            "": [mark, statement, nodes.raw("", permalink, format="html")],
            "claim-measured": [nodes.Text("measured "), value, nodes.Text(", bound "), bound],
            "claim-control": [nodes.Text("caught: "), control, nodes.Text(" measures "), reached],
        }
        # A target of its own, because LaTeX writes no label for the id of a container.
        block = claim_block("", nodes.target(ids=[anchor]), classes=["claim"], claim=claim, anchor=anchor)
        block += [nodes.paragraph("", "", *parts, classes=name.split()) for name, parts in lines.items()]
        return [block]


def _words(renderer, text: str, line: int, name: str) -> claim_words:
    """Parse inline MyST markup as the page itself would."""
    words = claim_words(classes=[name])
    with renderer.renderer.current_node_context(words):
        renderer.renderer.nested_render_text(text, line, inline=True)
    return words
