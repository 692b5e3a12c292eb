"""Write what a reader may take away from a page, and the row under its title that leads there.

Notebooks lie in `notebooks/` of the site, implementations as one file each in `modules/`. Colab and Binder
open only files of a repository on GitHub: those of the branch `notebooks_branch`, gh-pages unless set, to
which publishing brings the whole site, `.binder` included. There each release stays under its number, and a
page opens the notebook of its own release. (What Binder installs is what the newest release needs.) A link to
either is written only where that branch is known to hold the notebook, or is about to.
Source: https://docs.github.com/en/actions (variables of the environment).
"""

import os
import re
import shutil
from html import escape
from pathlib import Path
from urllib.parse import quote

import nbformat
from docutils import nodes
from jupyter_cache import get_cache
from sphinx.util import logging
from sphinx.util.osutil import relative_uri

from bookmaking.cache.commit import git
from bookmaking.cache.keyed_cache import CACHE, read_page
from bookmaking.cache.shared_state import note_difference, noted
from bookmaking.notebooks.assemble import NoMarkdownError, Page
from bookmaking.notebooks.onefile import one_file
from threelayer import IMPLEMENTATIONS

logger = logging.getLogger(__name__)

PAGES = (
    *("problem", "four_dimensions", "network"),
    *IMPLEMENTATIONS,
    *("one_trajectory", "defaults", "watch_learning"),
)
GITHUB = "https://github.com"


def offer(app, doctree: nodes.document, docname: str) -> None:
    """Write notebook and module of a page that is being written, and the links to them into it."""
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
    nbformat.write(notebook, _folder(app, "notebooks") / f"{stem}.ipynb")
    here = app.builder.get_target_uri(docname)
    links = [("download", "Download notebook", relative_uri(here, f"notebooks/{stem}.ipynb"))]
    if stem in IMPLEMENTATIONS:
        text = one_file(Path(app.srcdir, "code"), f"threelayer.{stem}", ["make_data", "init_params"])
        (_folder(app, "modules") / module_file(stem)).write_text(text, "utf-8")
        address = relative_uri(here, f"modules/{module_file(stem)}")
        links.append(("file-code", "Download module as one file", address))
    places = app.config.notebook_places.get(stem, {})
    links += [("rocket", f"Open in {place}", address) for place, address in places.items()]
    for others in app.emit("page-links", docname):
        links += others
    title = next(doctree.findall(nodes.title))
    title.parent.insert(title.parent.index(title) + 1, nodes.raw("", row(links), format="html"))


def module_file(stem: str) -> str:
    """Return the name of an implementation's single file, which must not hide a framework's own package."""
    return f"threelayer_{stem}.py"


def _folder(app, name: str) -> Path:
    folder = Path(app.outdir, name)
    folder.mkdir(exist_ok=True)
    return folder


def row(links: list[tuple[str, str, str]]) -> str:
    """Return the links as HTML, each given as icon, text and address; files of the site are downloads."""
    items = "".join(
        f'<li><a href="{escape(address)}"{"" if "://" in address or "#" in address else " download"}>'
        f'<i class="fas fa-{icon}"></i> {escape(text)}</a></li>\n'
        for icon, text, address in links
    )
    return f'<nav class="take-along" aria-label="Take this page with you"><ul>\n{items}</ul></nav>\n'


def launch_addresses(repository: str, branch: str, folder: str, stem: str) -> dict[str, str]:
    """Return where the notebook of a page runs, for a repository `owner/name` on GitHub."""
    file = f"{folder}/{stem}.ipynb"
    path = quote(f"lab/tree/{file}", safe="")
    return {
        "Colab": f"https://colab.research.google.com/github/{repository}/blob/{branch}/{file}",
        "Binder": f"https://mybinder.org/v2/gh/{repository}/{branch}?urlpath={path}",
    }


def public_notebooks(root: str | Path, branch: str, folder: str) -> tuple[str, list[str]]:
    """Return `owner/name` of the repository on GitHub, and the pages whose notebooks its branch holds there.

    CI publishes what it builds, unless it builds a pull request. Anywhere else, git tells what the branch of
    the remote `origin` held when it was last fetched. Where nothing is public, both are empty.
    """
    if named := os.environ.get("GITHUB_REPOSITORY"):
        public = os.environ.get("GITHUB_SERVER_URL", GITHUB) == GITHUB
        proposed = os.environ.get("GITHUB_EVENT_NAME", "").startswith("pull_request")
        return (named, list(PAGES)) if public and not proposed else ("", [])
    pattern = r"(?:https://|ssh://git@|git@)github\.com[/:]([\w.-]+/[\w.-]+?)(?:\.git)?/?"
    found = re.fullmatch(pattern, git(root, "config", "--get", "remote.origin.url"))
    held = git(root, "ls-tree", "--name-only", f"refs/remotes/origin/{branch}:{folder}").splitlines()
    return (found[1], [page for page in PAGES if f"{page}.ipynb" in held]) if found and held else ("", [])


def notebooks_folder(config) -> str:
    """Return where the branch keeps the notebooks of the book's version, or of a book that has none."""
    book = getattr(config, "cited_book", None)
    return f"{book.version}/notebooks" if book else "notebooks"


def find_places(app, config) -> None:
    """Note where notebooks can be opened, in the configuration: when that changes, all pages are written."""
    branch, folder = config.notebooks_branch, notebooks_folder(config)
    repository, pages = public_notebooks(app.srcdir, branch, folder)
    config.notebook_places = {page: launch_addresses(repository, branch, folder, page) for page in pages}


def note_equations(app, doctree: nodes.document) -> None:
    """Note the equations of a page that is read: the notebooks of other pages repeat those they refer to."""
    equations = [node.astext() for node in doctree.findall(nodes.math_block) if node.get("label")]
    if equations:
        app.env.metadata[app.env.docname]["equations"] = equations


def pages_to_write(app, env) -> list[str]:
    """Return all pages with a notebook if an equation is not what it was when they were written."""
    if not note_difference(env, "equations", noted(env, "equations")):
        return []
    return [page for page in env.all_docs if page.rpartition("/")[2] in PAGES]


def bring_binder(app, exception: Exception | None) -> None:
    """Put what Binder installs beside the notebooks."""
    if exception is None and app.builder.name in ("html", "dirhtml"):
        shutil.copytree(Path(app.srcdir, ".binder"), Path(app.outdir, ".binder"), dirs_exist_ok=True)


def setup(app) -> dict:
    """Register with Sphinx."""
    app.add_config_value("notebooks_branch", "gh-pages", "html")
    app.add_config_value("notebook_places", {}, "html")
    app.add_event("page-links")  # what other extensions offer with a page, each as icon, text and address
    app.connect(
        "config-inited", find_places, priority=600
    )  # after the book itself, whose version it asks for
    app.add_css_file("downloads.css")
    app.connect("doctree-read", note_equations)
    app.connect("env-get-updated", pages_to_write)
    app.connect("doctree-resolved", offer)
    app.connect("build-finished", bring_binder)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
