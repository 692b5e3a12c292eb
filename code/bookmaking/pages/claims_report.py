"""Collect the claims of all pages, and list them where a page says `{claims-report}`.

A claim is checked while its page is executed; here it is only gathered from the page's document tree.
Source: chapter "report".
"""

from dataclasses import dataclass

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.util import logging
from sphinx.util.nodes import make_refnode

from bookmaking.cache.shared_state import add_overview, book_order, noted
from bookmaking.pages.claim_nodes import claim_block, claim_words

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ListedClaim:
    """A claim as its cell displayed it, its address on its page, and its words as nodes."""

    data: dict
    anchor: str
    statement: claim_words
    control: claim_words


def collect(app, doctree: nodes.document) -> None:
    """Note the claims of a page that was just read."""
    found: dict[str, ListedClaim] = {}
    for block in doctree.findall(claim_block):
        if block["anchor"] in found:
            # The same words would give two claims one link, and the report two rows that look the same.
            message = 'this page makes the claim "%s" twice: reword one of them'
            logger.warning(message, block["claim"]["statement"], location=block)
        else:
            words = [_detached(part) for part in block.findall(claim_words)]
            found[block["anchor"]] = ListedClaim(block["claim"], block["anchor"], *words)
    if found:
        app.env.metadata[app.env.docname]["claims"] = list(found.values())


def _detached(words: claim_words) -> claim_words:
    """Copy words of a claim; links in them become plain text, for the report links the whole."""
    words = words.deepcopy()
    for link in list(words.findall(lambda node: isinstance(node, nodes.reference | pending_xref))):
        link.replace_self(nodes.Text(link.astext()))
    for node in words.findall():
        node.document = None  # or the environment would store the whole page with each claim
    return words


def report(app, here: str) -> list[nodes.Node]:
    """Return the count line, and for each chapter in book order a heading and a table of its claims."""
    claims = noted(app.env, "claims")
    times = {page: seconds(app.env, page) for page in book_order(app.env)}
    count = _counted(sum(map(len, claims.values())), "claim holds", "claims hold")
    count += ", each with a negative control"
    total = sum(filter(None, times.values()))
    time = f"; executing all chapters took {total:.1f} seconds." if total else "."
    content = [nodes.paragraph("", count + time, classes=["claims-count"])]
    for page, time in times.items():
        if page in claims or time is not None:
            content += chapter(app, here, page, claims.get(page, []), time)
    return content


def chapter(app, here: str, page: str, claims: list[ListedClaim], time: float | None) -> list[nodes.Node]:
    """Return a chapter's heading, and a table with one row for each of its claims."""

    def link(anchor: str, content: nodes.Node) -> nodes.reference:
        return make_refnode(app.builder, here, page, anchor, content)

    facts = [_counted(len(claims), "claim", "claims") if claims else "no claims"]
    if time is not None:
        facts.append(f"executed in {time:.1f} s")
    title = nodes.strong("", app.env.titles[page].astext())
    heading = nodes.paragraph("", "", link("", title), classes=["claims-chapter"])
    heading += nodes.inline("", f" ({', '.join(facts)})", classes=["claims-chapter-facts"])
    if not claims:
        return [heading]
    body = nodes.tbody()
    for claim in claims:
        data = claim.data
        used = reached = ""
        if data["used"] is not None:
            used = f", {_share(data['used'])} of the bound"
            reached = f", {_share(data['reached'])} times the bound" if data["reached"] else ", beyond zero"
        control = nodes.Text(f": {data['control_value']}{reached}")
        body += _row(
            nodes.paragraph("", "", link(claim.anchor, claim.statement.deepcopy())),
            nodes.paragraph("", f"{data['value']}{used}"),
            nodes.paragraph("", data["bound"]),
            nodes.paragraph("", "", claim.control.deepcopy(), control),
        )
    head = _row(*(nodes.paragraph("", name) for name in ("Claim", "Measured", "Bound", "Control")))
    columns = [nodes.colspec(colwidth=width) for width in (36, 21, 19, 24)]
    group = nodes.tgroup("", *columns, nodes.thead("", head), body, cols=4)
    return [heading, nodes.table("", group, classes=["claims-report", "colwidths-given", "longtable"])]


def _row(*cells: nodes.paragraph) -> nodes.row:
    return nodes.row("", *(nodes.entry("", cell) for cell in cells))


def seconds(env, page: str) -> float | None:
    """Return how long a page's code ran, as MyST-NB keeps it, or None where it has none."""
    metadata = getattr(env, "nb_metadata", {}).get(page, {})
    return (metadata.get("exec_data") or {}).get("runtime")


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _share(share: float) -> str:
    """Write a share of a bound with two digits, which is enough to compare two of them."""
    if 100 <= share < 1e6:
        return f"{share:,.0f}"
    return f"{share:.2f}" if 1 <= share < 1.1 else f"{share:.2g}".replace("e+", "e")


def setup(app) -> dict:
    """Register with Sphinx."""
    add_overview(app, "claims-report", report)
    app.connect("doctree-read", collect)
    return {"env_version": 3, "parallel_read_safe": True, "parallel_write_safe": True}
