"""Give each page its description, and its colour scheme before it is first drawn.

The description is the page's first paragraph, unless the page states one (`html_meta` in its front matter).
The theme chooses between light and dark only when its scripts run, which is after the first picture.
"""

from html import escape

from docutils import nodes

LONGEST = 160  # characters, about what search engines show
SCHEME = """{
  const { dataset } = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  if (dataset.mode === "auto") dataset.theme = dark ? "dark" : "light";
}"""


def describe(app, pagename, templatename, context, doctree) -> None:
    """Add the description to the page's head."""
    if 'name="description"' in context.get("metatags", ""):
        return
    text = (summary(doctree) if doctree is not None else "") or (
        f"{context.get('title') or 'Search'}: {app.config.project}"
    )
    context["metatags"] = (
        f'{context.get("metatags", "")}<meta name="description" content="{escape(text)}" />\n'
    )


def summary(doctree: nodes.document) -> str:
    """Return the first paragraph outside of figures, tables and claims, cut between words if long."""
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.section | nodes.document):
            text = " ".join(paragraph.astext().split())
            if len(text) > LONGEST:
                text = text[: LONGEST - 1].rpartition(" ")[0].rstrip(",;:") + "…"
            return text
    return ""


def setup(app) -> dict:
    """Register with Sphinx."""
    app.add_js_file(None, body=SCHEME, priority=0)
    app.connect("html-page-context", describe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
