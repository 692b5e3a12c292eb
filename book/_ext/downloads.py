"""Write what a reader may take away from a page, and the buttons that lead to it.

Notebooks lie in `notebooks/` of the site, implementations as one file each in `modules/`. Colab and Binder
open only files of a repository. Their buttons appear where its address is known and the variable
NOTEBOOKS_BRANCH names the branch to which publishing brings `notebooks/` and `.binder/`.
"""

import os
import re
import subprocess
from pathlib import Path
from urllib.parse import quote

import nbformat
from jupyter_cache import get_cache
from sphinx.util import logging

from bookmaking.keyed_cache import CACHE, read_page
from bookmaking.notebooks.assemble import NoMarkdownError, Page
from bookmaking.notebooks.onefile import one_file
from threelayer import IMPLEMENTATIONS

logger = logging.getLogger(__name__)

PAGES = ("problem", "four_dimensions", *IMPLEMENTATIONS, "watch_learning")


def write(app, doctree, docname: str) -> None:
    """Write notebook and module of a page that is being written."""
    stem = docname.rpartition("/")[2]
    if app.builder.name not in ("html", "dirhtml") or stem not in PAGES:
        return
    page = read_page(Path(app.env.doc2path(docname)).read_text("utf-8"), app.srcdir)
    try:
        _, page = get_cache(Path(app.srcdir, CACHE)).merge_match_into_notebook(page)
    except KeyError:
        logger.warning("the notebook of this page has no outputs", location=docname)
    try:
        notebook = Page(app, docname, doctree, page).notebook()
    except NoMarkdownError as error:
        logger.warning("no notebook: %s", error, location=docname)
        return
    nbformat.write(notebook, _made(app, "notebooks") / f"{stem}.ipynb")
    if stem in IMPLEMENTATIONS:
        text = one_file(Path(app.srcdir, "code"), f"threelayer.{stem}", ["make_data", "init_params"])
        (_made(app, "modules") / module_file(stem)).write_text(text, "utf-8")


def module_file(stem: str) -> str:
    """Return the name of an implementation's single file, which must not hide a framework's own package."""
    return f"threelayer_{stem}.py"


def _made(app, name: str) -> Path:
    folder = Path(app.outdir, name)
    folder.mkdir(exist_ok=True)
    return folder


def add_buttons(app, pagename, templatename, context, doctree) -> None:
    """Add the page's files to the theme's menu of downloads, and a menu of places that run the notebook."""
    stem = pagename.rpartition("/")[2]
    groups = {button.get("label"): button for button in context.get("header_buttons", ())}
    if stem not in PAGES or "download-buttons" not in groups:
        return
    up = context["pathto"]
    downloads = [
        _button("notebook", up(f"notebooks/{stem}.ipynb", 1), ".ipynb", "Download this page as a notebook")
    ]
    if stem in IMPLEMENTATIONS:
        hint = "Download this implementation as one file"
        downloads.append(_button("module", up(f"modules/{module_file(stem)}", 1), ".py", hint))
    groups["download-buttons"]["buttons"][:0] = downloads
    repository, branch = github_repository(app.srcdir), os.environ.get("NOTEBOOKS_BRANCH")
    if repository and branch:
        places = launch_addresses(repository, branch, stem)
        buttons = [_button(name.lower(), url, name, f"Open in {name}") for name, url in places.items()]
        group = {"type": "group", "label": "launch-buttons", "icon": "fas fa-rocket", "buttons": buttons}
        context["header_buttons"].insert(0, group | {"tooltip": "Run this page elsewhere"})


def _button(name: str, url: str, text: str, hint: str) -> dict:
    icon = "fas fa-file-code" if text == ".py" else "fas fa-code"
    return {
        "type": "link",
        "url": url,
        "text": text,
        "icon": icon,
        "tooltip": hint,
        "label": f"{name}-button",
    }


def launch_addresses(repository: str, branch: str, stem: str) -> dict[str, str]:
    """Return where the notebook of a page runs, for a repository `owner/name` on GitHub."""
    file = f"notebooks/{stem}.ipynb"
    path = quote(f"lab/tree/{file}", safe="")
    return {
        "Colab": f"https://colab.research.google.com/github/{repository}/blob/{branch}/{file}",
        "Binder": f"https://mybinder.org/v2/gh/{repository}/{branch}?urlpath={path}",
    }


def github_repository(root: str | Path) -> str | None:
    """Return `owner/name` as CI's environment or the remote `origin` says, None elsewhere."""
    if named := os.environ.get("GITHUB_REPOSITORY"):
        return named
    command = ["git", "-C", str(root), "config", "--get", "remote.origin.url"]
    try:
        address = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except FileNotFoundError:  # no git here
        return None
    pattern = r"(?:https://|ssh://git@|git@)github\.com[/:]([\w.-]+/[\w.-]+?)(?:\.git)?/?"
    found = re.fullmatch(pattern, address)
    return found[1] if found else None


def setup(app) -> dict:
    """Register with Sphinx."""
    app.connect("doctree-resolved", write)
    # Behind the theme, which makes its menus at 501.
    app.connect("html-page-context", add_buttons, priority=510)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
