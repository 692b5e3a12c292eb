"""Write 404.html, which GitHub Pages shows for whatever address leads nowhere.

It is shown at any depth, so its own links begin at the site's address: the page names that as its base, and
names itself where it links within itself. While the site has no address (`baseurl` in _config.yml), there is
no such page.
Source: https://html.spec.whatwg.org/multipage/semantics.html#the-base-element.
"""

from html import escape
from pathlib import Path
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


def hide(app, pagename, templatename, context, doctree) -> None:
    """Keep the page out of search engines, for which it has no address."""
    if pagename == NAME:
        context["pageurl"] = None
        context["metatags"] = context.get("metatags", "") + '<meta name="robots" content="noindex" />\n'


def rebase(text: str, base: str) -> str:
    """Return the page with its base, before anything that has an address."""
    if "<base " in text:
        return text
    head, found, rest = text.partition("<head>")
    rest = rest.replace('href="#', f'href="{NAME}.html#')
    return f'{head}{found}\n    <base href="{escape(urlsplit(base).path)}" />{rest}'


def finish(app, exception: Exception | None) -> None:
    """Set the base of the finished page, or remove the page that an earlier build wrote."""
    if exception is not None or app.builder.name not in ("html", "dirhtml"):
        return
    path = Path(app.outdir, f"{NAME}.html")
    if app.config.html_baseurl:
        path.write_text(rebase(path.read_text("utf-8"), app.config.html_baseurl), "utf-8")
    else:
        path.unlink(missing_ok=True)


def setup(app) -> dict:
    """Register with Sphinx."""
    app.setup_extension("bookmaking.pages.citations")  # sees to the last slash of the address
    app.connect("html-collect-pages", pages)
    app.connect("html-page-context", hide, priority=900)
    app.connect("build-finished", finish, priority=950)  # after lean_site, which takes addresses as they are
    return {"parallel_read_safe": True, "parallel_write_safe": True}
