"""What makes the book and is not its subject: rooms that build on each other, from `cache` up to `upkeep`.

This is also the one Sphinx extension that `_config.yml` names. Its parts are listed in the order in which
Sphinx loads them; each says in its own first lines what it adds.
Source: CONTRIBUTING.md, section "Change a page"; https://www.sphinx-doc.org/en/master/extdev.
"""

PARTS = (
    # what a page shows: outputs from the cache, claims, figures, references between pages
    "cache.keyed_cache",
    "cache.shared_state",
    "pages.interactive_nodes",
    "pages.claims_report",
    "pages.chapter_times",
    "pages.citations",
    "pages.diff_names",
    "pages.figure_twins",
    "pages.gallery",
    "pages.permalinks",
    "pages.rosetta",
    # what a reader takes away
    "notebooks.downloads",
    "films.page",
    "paper.on_paper",
    # the site as a whole: head, addresses, and what its files weigh
    "site.lean_site",
    "site.not_found",
    "site.page_head",
    "site.redirects",
    "site.site_map",
    "site.site_version",
)


def setup(app) -> dict:
    """Load all parts into Sphinx."""
    for part in PARTS:
        app.setup_extension(f"{__name__}.{part}")
    return {"parallel_read_safe": False, "parallel_write_safe": True}
