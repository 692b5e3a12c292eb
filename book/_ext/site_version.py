"""Show in the footer which version of the book this is, and the commit that it was built from.

The version is part of every page anyway, through its citation. The commit changes far more often than a page
does, so the pages name a script of one line, which is written when the build ends. Without scripts, or where
the book is no repository, the footer shows the version alone.
"""

import json
import subprocess
from html import escape
from pathlib import Path

SCRIPT = "commit.js"


def commit(root: str | Path) -> str:
    """Return the commit that is checked out, and whether files differ from it, or nothing without one."""
    describe = ["git", "describe", "--always", "--exclude=*", "--abbrev=12", "--dirty=, changed"]
    try:
        result = subprocess.run(describe, cwd=root, capture_output=True, text=True)
    except FileNotFoundError:  # no git here
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""


def footer(app, pagename, templatename, context, doctree) -> None:
    """Fill the place that the theme has at the end of its footer."""
    book = app.config.cited_book
    released = f"{book.released.day} {book.released:%B %Y}"
    context["theme_extra_footer"] = (
        f'<p class="book-version">Version {escape(book.version)} of {released}'
        '<span class="book-commit"></span></p>'
    )


def write(app, exception: Exception | None) -> None:
    """Write the script into the finished site."""
    static = Path(app.outdir, "_static")
    if exception is None and app.builder.format == "html" and static.is_dir():
        text = json.dumps(f", commit {found}" if (found := commit(app.srcdir)) else "")
        line = f'document.querySelector(".book-commit")?.append({text});\n'
        static.joinpath(SCRIPT).write_text(line, "utf-8")


def setup(app) -> dict:
    """Register with Sphinx."""
    app.setup_extension("citations")
    app.add_js_file(SCRIPT, loading_method="defer")
    app.connect("html-page-context", footer)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
