"""Lead on from the site's own address to its first page, and from the address of a page that has moved.

`moved_pages` in _config.yml names old and new pages. The part behind # goes along where scripts run.
"""

import json
from html import escape
from pathlib import Path

from sphinx.errors import ExtensionError

PAGE = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1.0" />
    <meta name="robots" content="{robots}" />
    <meta name="description" content="{says}" />
    <link rel="icon" href="data:," />
    <title>{says}</title>
    <script>location.replace({script} + location.search + location.hash);</script>
    <noscript><meta http-equiv="refresh" content="0; url={address}" /></noscript>
  </head>
  <body>
    <main><h1>{says}</h1><p>Go on to <a href="{address}">{title}</a>.</p></main>
  </body>
</html>
"""


def refuse_wrong_moves(app, env) -> None:
    """Refuse a move from a page that is there, or to one that is not."""
    for old, new in app.config.moved_pages.items():
        if old in env.all_docs:
            raise ExtensionError(f"moved_pages: {old} is still a page of the book")
        if new not in env.all_docs:
            raise ExtensionError(f"moved_pages: {old} leads to {new}, which is no page of the book")


def write(app, exception: Exception | None) -> None:
    """Write the pages into the finished site."""
    if exception is not None or app.builder.format != "html":
        return
    moves = dict(app.config.moved_pages)
    if "index" not in app.env.all_docs:
        moves["index"] = app.config.root_doc
    for old, new in moves.items():
        path = Path(app.outdir, app.builder.get_target_uri(old))
        path.parent.mkdir(parents=True, exist_ok=True)
        address, title = app.builder.get_relative_uri(old, new), escape(app.env.titles[new].astext())
        says, robots = (title, "all") if old == "index" else (f"Moved: {title}", "noindex")
        script = json.dumps(address)
        path.write_text(
            PAGE.format(address=escape(address), script=script, title=title, says=says, robots=robots),
            "utf-8",
        )


def setup(app) -> dict:
    """Register with Sphinx."""
    app.add_config_value("moved_pages", {}, "", types=(dict,))
    app.connect("env-check-consistency", refuse_wrong_moves)
    # Early: sphinx_external_toc fills in a first page that is missing.
    app.connect("build-finished", write, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
