"""Show something of all pages on one of them, and write pages again when what they show of others changes.

What a page has for others is noted in its metadata, which Sphinx keeps in step with the page. A directive of
`add_overview` leaves a placeholder that is filled when all pages have been read. And Sphinx writes a page
again when the page itself has changed; but a sidebar shows the titles of all pages, a reference shows the
number and the caption of what it points to, and an overview shows more: those pages are named here.
Source: chapter "How a build works" of Sphinx's guide to extensions, https://www.sphinx-doc.org.
"""

import hashlib
from collections.abc import Callable

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

# All that Sphinx and our extensions look up across pages, as it stands when every page has been read.
SHARED = ("titles", "longtitles", "toc_secnumbers", "toc_fignumbers", "sphinx_exercise_registry")
DOMAINS = {"std": ("labels", "anonlabels"), "math": ("objects",)}

OVERVIEWS: dict[str, Callable[..., list[nodes.Node]]] = {}  # by directive: what it shows on a page


class overview(nodes.General, nodes.Element):
    """Stands where something of all pages will be, until all have been read."""


class Overview(SphinxDirective):
    """Leave a place, and note that the page has it."""

    def run(self) -> list[nodes.Node]:
        """Return the placeholder."""
        self.env.metadata[self.env.docname].setdefault("overviews", []).append(self.name)
        return [overview(name=self.name)]


class FillOverviews(SphinxPostTransform):
    """Put what is shown into its place."""

    default_priority = 8  # before references are resolved, and before figures have their dark twins (60)

    def run(self, **kwargs) -> None:
        """Fill every placeholder of the page."""
        for node in list(self.document.findall(overview)):
            node.replace_self(OVERVIEWS[node["name"]](self.app, self.env.docname))
            if next(self.document.findall(nodes.math), None) is not None:
                # Noted while reading for other pages: this one gets its mathematics only now.
                self.env.get_domain("math").data["has_equations"][self.env.docname] = True


def add_overview(app, name: str, content: Callable, directive: type[Overview] = Overview) -> None:
    """Let a directive show what `content(app, page)` returns, which may ask for all that was read."""
    app.setup_extension(__name__)
    app.add_directive(name, directive)
    OVERVIEWS[name] = content


def book_order(env) -> list[str]:
    """Return all pages as the table of contents orders them."""
    return list(dict.fromkeys([*env.collect_relations(), *sorted(env.all_docs)]))


def noted(env, key: str) -> dict:
    """Return what pages have noted under a key of their metadata, by page, in the order of the book."""
    return {page: env.metadata[page][key] for page in book_order(env) if key in env.metadata[page]}


def pages_to_write(app, env) -> list[str]:
    """Return all pages if what they show of one another has changed, else those of overviews that have."""
    shared = [getattr(env, name, None) for name in SHARED]
    shared += [env.domaindata[domain][name] for domain, names in DOMAINS.items() for name in names]
    citations = env.domaindata.get("cite", {}).get("citations", ())  # sphinxcontrib.bibtex
    shared += [{citation.key: citation.entry for citation in citations}]
    pages = list(env.all_docs) if note_difference(env, "all pages", shared) else []
    if app.builder.format == "latex":  # always writes all, and knows no addresses yet
        return pages
    for page, names in noted(env, "overviews").items():
        content = [node.pformat() for name in names for node in OVERVIEWS[name](app, page)]
        if note_difference(env, page, content):
            pages.append(page)
    return pages


def note_difference(env, name: str, value) -> bool:
    """Note what is shown under a name, and tell whether it is not what was noted before."""
    if not hasattr(env, "shared_state"):
        env.shared_state = {}
    before = env.shared_state.get(name)
    env.shared_state[name] = hashlib.sha256(text_of(value).encode()).hexdigest()
    return env.shared_state[name] != before


def text_of(value) -> str:
    """Return the same text for equal values, in whatever order they came to be."""
    if isinstance(value, dict):
        return "{" + ",".join(sorted(f"{text_of(key)}:{text_of(one)}" for key, one in value.items())) + "}"
    if isinstance(value, (set, frozenset)):
        return "{" + ",".join(sorted(map(text_of, value))) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(text_of, value)) + "]"
    return str(value)


def setup(app) -> dict:
    """Register with Sphinx, after what numbers the sections and figures of the pages that were read."""
    app.add_node(overview)
    app.add_post_transform(FillOverviews)
    app.connect("env-get-updated", pages_to_write, priority=900)
    return {"env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
