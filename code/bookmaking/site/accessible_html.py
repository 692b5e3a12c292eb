"""Take back ARIA attributes that Sphinx's writers set wrongly, where axe-core finds them.

docutils calls the bibliography a list, whose entries are then no list items. MyST-NB names every fold "Toggle
hidden content" in place of the words that a reader sees on it.
"""

import re

WRONG = re.compile(
    r'(?<=<div) role="list"(?= class="citation-list">)'
    r'|(?<=") role="doc-biblioentry"(?=>)'
    r'|(?<=<summary) aria-label="Toggle hidden content"'
)


def mend(app, pagename, templatename, context, doctree) -> None:
    """Remove them from the body of a page."""
    if "body" in context:
        context["body"] = WRONG.sub("", context["body"])


def setup(app) -> dict:
    """Register with Sphinx."""
    app.connect("html-page-context", mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
