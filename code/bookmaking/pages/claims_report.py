"""Collect the claims of all pages, and list them where a page says `{claims-report}`.

A claim is checked while its page is executed; here it is only gathered from the page's document tree.
Source: chapter "report".
"""

from dataclasses import dataclass

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.environment.collectors import EnvironmentCollector
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

from bookmaking.cache.shared_state import changed

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CollectedClaim:
    """One claim: its anchor, its statement and its control as nodes, and what was measured.

    `used` and `reached` are those of `threelayer.claims.Claim`.
    """

    anchor: str
    statement: nodes.inline
    value: str
    bound: str
    control: nodes.inline
    control_value: str
    used: float | None
    reached: float | None


class claims_report(nodes.General, nodes.Element):
    """Stands where the report will be, until all pages have been read."""


class ClaimsReport(SphinxDirective):
    """List the claims of the whole book at this place."""

    def run(self) -> list[nodes.Node]:
        """Leave a placeholder."""
        return [claims_report()]


class ClaimCollector(EnvironmentCollector):
    """Keeps `env.book_claims`, one list of claims a page, in step with the pages."""

    def clear_doc(self, app, env, docname: str) -> None:
        """Forget a page that is read again or has gone."""
        _claims(env).pop(docname, None)
        _report_pages(env).discard(docname)

    def merge_other(self, app, env, docnames: set[str], other) -> None:
        """Take over what a parallel reader collected."""
        for docname in docnames:
            if docname in _claims(other):
                _claims(env)[docname] = _claims(other)[docname]
        _report_pages(env).update(_report_pages(other) & set(docnames))

    def process_doc(self, app, doctree: nodes.document) -> None:
        """Collect the claims of a page that was just read."""
        found: dict[str, CollectedClaim] = {}
        for block in doctree.findall(lambda node: isinstance(node, nodes.container) and "claim" in node):
            claim, anchor = block["claim"], block["anchor"]
            if anchor in found:
                # The same words would give two claims one link, and the report two rows that look the same.
                message = 'this page makes the claim "%s" twice: reword one of them'
                logger.warning(message, claim["statement"], location=block)
                continue
            found[anchor] = CollectedClaim(
                anchor=anchor,
                statement=_detached(block, "claim-statement"),
                value=claim["value"],
                bound=claim["bound"],
                control=_detached(block, "claim-fault"),
                control_value=claim["control_value"],
                used=claim["used"],
                reached=claim["reached"],
            )
        if found:
            _claims(app.env)[app.env.docname] = list(found.values())
        if next(doctree.findall(claims_report), None) is not None:
            _report_pages(app.env).add(app.env.docname)

    def get_updated_docs(self, app, env) -> list[str]:
        """Write the report anew when a claim or a time has changed."""
        times = [(page, seconds(env, page)) for page in sorted(env.all_docs)]
        claims = {page: [vars(claim) for claim in found] for page, found in _claims(env).items()}
        return sorted(_report_pages(env)) if changed(env, "report", [times, claims]) else []


class FillReport(SphinxPostTransform):
    """Replace the placeholder by the tables."""

    default_priority = 8  # before references are resolved

    def run(self, **kwargs) -> None:
        """Fill every placeholder of the page."""
        for placeholder in list(self.document.findall(claims_report)):
            placeholder.replace_self(self.report())
            if next(self.document.findall(nodes.math), None) is not None:
                # Noted while reading for other pages: this one gets its mathematics only now.
                self.env.get_domain("math").data["has_equations"][self.env.docname] = True

    def report(self) -> list[nodes.Node]:
        """Return the count line, and for each chapter in book order a heading and a table of its claims."""
        collected = _claims(self.env)
        claims = [claim for page in collected.values() for claim in page]
        order = book_order(self.env)
        pages = [page for page in order if page in collected or seconds(self.env, page) is not None]
        total = sum(seconds(self.env, page) or 0.0 for page in pages)
        count = _counted(len(claims), "claim holds", "claims hold")
        count += ", each with a negative control"
        time = f"; executing all chapters took {total:.1f} seconds." if total else "."
        report = [nodes.paragraph("", count + time, classes=["claims-count"])]
        for page in pages:
            report += self.chapter(page, collected.get(page, []))
        return report

    def chapter(self, page: str, claims: list[CollectedClaim]) -> list[nodes.Node]:
        """Return a chapter's heading, and a table with one row for each of its claims."""
        facts = [_counted(len(claims), "claim", "claims") if claims else "no claims"]
        if (time := seconds(self.env, page)) is not None:
            facts.append(f"executed in {time:.1f} s")
        title = nodes.strong("", self.env.titles[page].astext())
        heading = nodes.paragraph("", "", self.link(page, "", title), classes=["claims-chapter"])
        heading += nodes.inline("", f" ({', '.join(facts)})", classes=["claims-chapter-facts"])
        if not claims:
            return [heading]
        table = _table(["Claim", "Measured", "Bound", "Control"], [36, 21, 19, 24])
        body = next(table.findall(nodes.tbody))
        for claim in claims:
            sized = claim.used is not None
            used = f", {_share(claim.used)} of the bound" if sized else ""
            times = f"{_share(claim.reached)} times the bound" if claim.reached else "beyond zero"
            control = nodes.paragraph()
            reached = f", {times}" if sized else ""
            control += [claim.control.deepcopy(), nodes.Text(f": {claim.control_value}{reached}")]
            cells = [
                nodes.paragraph("", "", self.link(page, claim.anchor, claim.statement.deepcopy())),
                nodes.paragraph("", f"{claim.value}{used}"),
                nodes.paragraph("", claim.bound),
                control,
            ]
            body += nodes.row("", *(nodes.entry("", cell) for cell in cells))
        return [heading, table]

    def link(self, page: str, anchor: str, content: nodes.Node) -> nodes.reference:
        """Link to a page or to one of its claims."""
        return make_refnode(self.app.builder, self.env.docname, page, anchor, content)


def _claims(env) -> dict[str, list[CollectedClaim]]:
    if not hasattr(env, "book_claims"):
        env.book_claims = {}
    return env.book_claims


def _report_pages(env) -> set[str]:
    if not hasattr(env, "book_claims_pages"):
        env.book_claims_pages = set()
    return env.book_claims_pages


def _detached(block: nodes.container, name: str) -> nodes.inline:
    """Copy a marked part of a claim; links in it become plain text, for the report links the whole."""
    part = next(node for node in block.findall(nodes.inline) if name in node["classes"]).deepcopy()
    for link in list(part.findall(lambda node: isinstance(node, nodes.reference | pending_xref))):
        link.replace_self(nodes.Text(link.astext()))
    for node in part.findall():
        node.document = None  # or the environment would store the whole page with each claim
    return part


def seconds(env, page: str) -> float | None:
    """Return how long a page's code ran, as MyST-NB keeps it, or None where it has none."""
    metadata = getattr(env, "nb_metadata", {}).get(page, {})
    return (metadata.get("exec_data") or {}).get("runtime")


def book_order(env) -> list[str]:
    """Return all pages as the table of contents orders them."""
    order: dict[str, None] = {}

    def visit(page: str) -> None:
        if page not in order:
            order[page] = None
            for child in env.toctree_includes.get(page, []):
                visit(child)

    visit(env.config.root_doc)
    order.update(dict.fromkeys(sorted(env.all_docs)))
    return list(order)


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _share(share: float) -> str:
    """Write a share of a bound with two digits, which is enough to compare two of them."""
    if 100 <= share < 1e6:
        return f"{share:,.0f}"
    return f"{share:.2f}" if 1 <= share < 1.1 else f"{share:.2g}".replace("e+", "e")


def _table(titles: list[str], widths: list[int]) -> nodes.table:
    head = nodes.row("", *(nodes.entry("", nodes.paragraph("", title)) for title in titles))
    group = nodes.tgroup(cols=len(titles))
    group += [nodes.colspec(colwidth=width) for width in widths]
    group += [nodes.thead("", head), nodes.tbody()]
    return nodes.table("", group, classes=["claims-report", "colwidths-given", "longtable"])


def setup(app) -> dict:
    """Register collector, directive and transform with Sphinx."""
    app.add_node(claims_report)
    app.add_directive("claims-report", ClaimsReport)
    app.add_env_collector(ClaimCollector)
    app.add_post_transform(FillReport)
    return {"env_version": 2, "parallel_read_safe": True, "parallel_write_safe": True}
