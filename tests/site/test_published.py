"""The whole site as publishing builds it: with an address, from a repository on GitHub."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import yaml

from bookmaking.notebooks.downloads import PAGES
from support import ROOT

BASE, REPOSITORY = "https://reader.example/nine/", "some-one/nine"
# The forms that Colab's notebook on loading data and Binder's documentation on interfaces describe.
COLAB = re.compile(rf"https://colab\.research\.google\.com/github/{REPOSITORY}/blob/gh-pages/(\S+\.ipynb)")
BINDER = re.compile(rf"https://mybinder\.org/v2/gh/{REPOSITORY}/gh-pages\?urlpath=\S+")


@pytest.fixture(scope="module")
def published(site, tmp_path_factory) -> Path:
    """Render the book once more, from the outputs of the build, and return the site."""
    root = tmp_path_factory.mktemp("published")
    list_files = ["git", "-C", ROOT, "ls-files", "-z"]
    tracked = subprocess.run(list_files, capture_output=True, text=True, check=True)
    for name in filter(None, tracked.stdout.split("\0")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, root / name)
    (root / "_build").mkdir()
    (root / "_build" / "cache").symlink_to(ROOT / "_build" / "cache")
    config = root / "_config.yml"
    config.write_text(config.read_text("utf-8").replace('baseurl: ""', f"baseurl: {BASE}"), "utf-8")
    environment = {**os.environ, "GITHUB_REPOSITORY": REPOSITORY, "PYTHONPATH": str(root / "code")}
    for name in ("GITHUB_SERVER_URL", "GITHUB_EVENT_NAME"):
        environment.pop(name, None)
    build = [sys.executable, "-m", "bookmaking.build", "--root", root]
    result = subprocess.run(build, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " 0 chapters executed" in result.stdout
    return root / "_build" / "html"


def wrong_launches(pages: dict[str, str], version: str, files: set[str]) -> list[str]:
    """Return the pages whose links to Colab and Binder do not open the notebook of this page and version."""
    wrong = []
    for stem, text in pages.items():
        notebook = f"{version}/notebooks/{stem}.ipynb"
        colab, binder = COLAB.findall(text), BINDER.findall(text.replace('"', " "))
        opened = [parse_qs(urlsplit(link).query)["urlpath"][0] for link in binder]
        is_published = f"notebooks/{stem}.ipynb" in files
        if colab != [notebook] or opened != [f"lab/tree/{notebook}"] or not is_published:
            wrong.append(stem)
    return wrong


def test_each_page_opens_its_own_notebook_of_its_own_version(published):
    version = str(yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))["version"])
    files = {path.relative_to(published).as_posix() for path in published.rglob("*") if path.is_file()}
    pages = {stem: unquote((published / "book" / f"{stem}.html").read_text("utf-8")) for stem in PAGES}
    assert wrong_launches(pages, version, files) == []
    # Mistakes of publishing: the notebook of another version, of another page, and one that is not published.
    assert wrong_launches(pages, "0.0.9", files) == list(PAGES)
    exchanged = {**pages, "problem": pages["network"]}
    assert wrong_launches(exchanged, version, files) == ["problem"]
    assert wrong_launches(pages, version, files - {"notebooks/defaults.ipynb"}) == ["defaults"]


def test_binder_finds_its_environment_and_readers_the_site(published):
    here, there = (place / ".binder" / "requirements.txt" for place in (ROOT, published))
    assert there.read_text("utf-8") == here.read_text("utf-8")
    assert f"<loc>{BASE}book/index.html</loc>" in (published / "sitemap.xml").read_text("utf-8")
    assert (published / "404.html").is_file()
