"""Write the head of each page: what the page is, and its colour scheme before it is first drawn.

The description is the page's first paragraph, unless the page states one (`html_meta` in its front matter).
What reference managers and social media read comes from `citation_formats`; addresses in it, and the
picture that links show, are left out while the site has none. The theme chooses between light and dark only
when its scripts run, which is after the first picture.
"""

from html import escape
from pathlib import Path

from docutils import nodes

from bookmaking.pages.citation_formats import head_properties
from bookmaking.pages.citations import cited
from bookmaking.site.page_cards import card

LONGEST = 160  # characters, about what search engines show
CARDS = "_static/cards"
SCHEME = """{
  const { dataset } = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  if (dataset.mode === "auto") dataset.theme = dark ? "dark" : "light";
}"""


def describe(app, pagename, templatename, context, doctree) -> None:
    """Add to the page's head what the page is."""
    if doctree is None:  # the search, the index
        text = f"{context.get('title') or 'Search'}: {app.config.cited_book.title}"
        tags = [("name", "description", text)]
    else:
        base = app.config.html_baseurl
        here = base and base + app.builder.get_target_uri(pagename)
        text, work = summary(doctree), cited(app.env, pagename)
        picture = f"{CARDS}/{pagename.rpartition('/')[2]}.png"
        if base:
            path = Path(app.outdir, picture)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(card(work.title, app.config.cited_book.title))
        tags = head_properties(work, text, here, base and base + picture)
    existing = context.get("metatags", "")
    context["metatags"] = existing + "".join(
        f'<meta {attribute}="{name}" content="{escape(content)}" />\n'
        for attribute, name, content in tags
        if f'name="{name}"' not in existing
    )


def summary(doctree: nodes.document) -> str:
    """Return the description that a page states, or its first paragraph outside of figures and tables."""
    for stated in doctree.findall(nodes.meta):
        if stated.get("name") == "description":
            return stated["content"]
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.section | nodes.document):
            text = " ".join(paragraph.astext().split())
            if len(text) > LONGEST:
                text = text[: LONGEST - 1].rpartition(" ")[0].rstrip(",;:") + "…"
            return text
    return doctree.next_node(nodes.title).astext()


def setup(app) -> dict:
    """Register with Sphinx."""
    app.setup_extension("bookmaking.pages.citations")
    app.add_js_file(None, body=SCHEME, priority=0)
    app.connect("html-page-context", describe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
