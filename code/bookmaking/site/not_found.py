"""Write 404.html, which GitHub Pages shows for whatever address leads nowhere.

It is shown at any depth. So it names its own address as the base, from which all its links begin, also those
within itself. While the site has no address (`baseurl` in _config.yml), there is no such page.
Source: https://html.spec.whatwg.org/multipage/semantics.html#the-base-element.
"""

from html import escape
from urllib.parse import urlsplit

NAME = "404"
TITLE = "Page not found"
BODY = """<section id="page-not-found">
<h1>Page not found</h1>
<p>There is no page at this address. <a href="{start}">Start at the beginning</a>, or
<a href="{search}">search the book</a>.</p>
</section>
"""


def pages(app):
    """Let Sphinx write the page as it writes the others."""
    if app.config.html_baseurl:
        start, search = (app.builder.get_target_uri(page) for page in (app.config.root_doc, "search"))
        yield NAME, {"title": TITLE, "body": BODY.format(start=start, search=search)}, "page.html"


def add_base(app, pagename, templatename, context, doctree) -> None:
    """Set the base before anything that has an address, and keep the page out of search engines."""
    if pagename == NAME:
        address = urlsplit(app.config.html_baseurl).path + app.builder.get_target_uri(NAME)
        base = f'<base href="{escape(address)}" />\n<meta name="robots" content="noindex" />\n'
        context["metatags"] = base + context.get("metatags", "")
        context["pageurl"] = None


def setup(app) -> dict:
    """Register with Sphinx."""
    app.setup_extension("bookmaking.pages.citations")  # sees to the last slash of the address
    app.connect("html-collect-pages", pages)
    app.connect("html-page-context", add_base, priority=900)  # when all else is in the head
    return {"parallel_read_safe": True, "parallel_write_safe": True}
