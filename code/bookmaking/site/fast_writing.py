"""Write the pages in less time, and each of them as it would be otherwise.

One process resolves the references of a page while another writes the page before it. And a page that holds
numbered figures is unpickled once, not once for every reference to one of them, as Sphinx does it.
"""

from functools import lru_cache

from sphinx.domains.std import StandardDomain

from bookmaking.cache.cores import cores


class Trees:
    """Sphinx's environment, which keeps the last trees it has read; they must not be changed."""

    def __init__(self, env) -> None:
        self.env = env
        self.get_doctree = lru_cache(maxsize=4)(env.get_doctree)

    def __getattr__(self, name: str):
        return getattr(self.env, name)


class NumberedReferences(StandardDomain):
    """The standard domain, with a shorter way from `{numref}` to the number."""

    def __init__(self, env) -> None:
        super().__init__(env)
        self.trees = Trees(env)

    def _resolve_numref_xref(self, env, *arguments):
        # It is called when all pages have been read, so that no stored tree changes any more, and only looks.
        return super()._resolve_numref_xref(self.trees, *arguments)


def write_side_by_side(app, env) -> None:
    """Let Sphinx write with all cores, but not read with them, which not all extensions can."""
    app.parallel = cores()


def setup(app) -> dict:
    """Register with Sphinx."""
    app.add_domain(NumberedReferences, override=True)
    app.connect("env-check-consistency", write_side_by_side)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
