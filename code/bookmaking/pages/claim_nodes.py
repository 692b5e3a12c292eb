"""Turn a claim, as `threelayer.claims` displays it, into nodes that HTML, LaTeX and plain text can all print.

MyST-NB finds the renderer through the entry point group `myst_nb.mime_renderers`, so it has to be installed.
Source: chapter "report".
"""

from docutils import nodes

from threelayer.claims import MIME_TYPE


class ClaimRenderer:
    """Renders the claim's own MIME type, and is preferred to its HTML and its plain text."""

    mime_priority_overrides = (("*", MIME_TYPE, 1),)

    @staticmethod
    def handle_mime(renderer, data, inline: bool) -> list[nodes.Element] | None:
        """Return the claim as one block, or None for another MIME type."""
        if data.mime_type != MIME_TYPE or inline:
            return None
        claim, line = data.content, data.line or 0
        parsed = _parsed(renderer, claim["statement"], line)
        statement = nodes.inline("", "", *parsed, classes=["claim-statement"])
        anchor = nodes.make_id(f"claim {statement.astext()}")
        # A target of its own, because LaTeX writes no label for the id of a container.
        target = nodes.target(ids=[anchor])
        block = nodes.container("", target, classes=["claim"], claim=dict(claim), anchor=anchor)
        mark = nodes.inline("", "Holds: ", classes=["claim-mark"])  # the stylesheet draws it as a check mark
        permalink = f'<a class="headerlink" href="#{anchor}" title="Link to this claim">#</a>'
        block += nodes.paragraph("", "", mark, statement, nodes.raw("", permalink, format="html"))
        block += nodes.paragraph(
            "",
            "",
            nodes.Text("measured "),
            nodes.strong("", claim["value"]),
            nodes.Text(", bound "),
            nodes.inline("", claim["bound"], classes=["claim-number"]),
            classes=["claim-measured"],
        )
        block += nodes.paragraph(
            "",
            "",
            nodes.Text("caught: "),
            nodes.inline("", "", *_parsed(renderer, claim["control"], line), classes=["claim-fault"]),
            nodes.Text(" measures "),
            nodes.inline("", claim["control_value"], classes=["claim-number"]),
            classes=["claim-control"],
        )
        return [block]


def _parsed(renderer, text: str, line: int) -> list[nodes.Node]:
    """Parse inline MyST markup as the page itself would."""
    parsed = nodes.Element()
    with renderer.renderer.current_node_context(parsed):
        renderer.renderer.nested_render_text(text, line, inline=True)
    return parsed.children
