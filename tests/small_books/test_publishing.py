"""What readers and engines find a published site by, and how it comes to the branch that Pages shows."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser
from xml.etree import ElementTree

import pytest
import yaml
from playwright.sync_api import expect

from bookmaking.upkeep import publish
from support import ROOT
from support.site_checks import Page, foreign, reader
from support.small_book import CONFIGURATION, SmallBook

BASE = "https://book.example/it/"
FILES = {"sitemap.xml", "robots.txt", "404.html"}
CHANGES = """# Changelog

## Unreleased

- Not yet.

## 3.1.0 (2029-05-06)

### Added

- A *better* & newer chapter, see [the list](https://elsewhere.example/?a=1&b=2).

## 2.10.0 (2027-03-04)

- The first.
"""


# What the site holds


def built_book(folder: Path, *settings: str) -> SmallBook:
    """Return a small book with what this file tests, built with these settings."""
    book = SmallBook(folder)
    static = str(ROOT / "book" / "_static")
    parts = [f"bookmaking.site.{part}" for part in ("not_found", "site_map")]
    added = f"extensions += {parts!r}\nhtml_static_path = [{static!r}]\n"
    book.write("conf.py", CONFIGURATION + added)
    book.write("CHANGELOG.md", CHANGES)
    book.built(*settings)
    return book


@pytest.fixture(scope="module")
def addressed(tmp_path_factory) -> SmallBook:
    """Return a book whose site has an address, which is below the root of its host."""
    return built_book(tmp_path_factory.mktemp("addressed"), f"html_baseurl={BASE.removesuffix('/')}")


def sitemap_faults(content: bytes) -> list[str]:
    """Return where a sitemap breaks the rules of sitemaps.org."""
    namespace = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    root = ElementTree.fromstring(content)
    faults = [] if root.tag == f"{namespace}urlset" else [f"root {root.tag}"]
    faults += [] if 0 < len(root) <= 50_000 and len(content) <= 50 * 2**20 else ["size"]
    for url in root:
        places = [child.text or "" for child in url if child.tag == f"{namespace}loc"]
        allowed = {f"{namespace}{tag}" for tag in ("loc", "lastmod", "changefreq", "priority")}
        if url.tag != f"{namespace}url" or len(places) != 1 or not {child.tag for child in url} <= allowed:
            faults.append(f"entry {ElementTree.tostring(url, 'unicode')}")
        for place in places:
            parts = urlsplit(place)
            if (
                parts.scheme not in ("http", "https")
                or not parts.netloc
                or len(place) >= 2048
                or " " in place
            ):
                faults.append(f"address {place}")
    return faults


def test_the_sitemap_names_each_page_once(addressed):
    content = (addressed.site / "sitemap.xml").read_bytes()
    assert sitemap_faults(content) == []
    named = re.findall("<loc>(.*?)</loc>", content.decode())
    assert named == [f"{BASE}{page}.html" for page in ("index", "places", "last", "cite")]


def test_the_rules_of_sitemaps_find_planted_faults(addressed):
    content = (addressed.site / "sitemap.xml").read_bytes()
    assert sitemap_faults(content.replace(BASE.encode(), b"it/")) == [
        f"address it/{page}.html" for page in ("index", "places", "last", "cite")
    ]
    assert len(sitemap_faults(content.replace(b"<loc>", b"<place>").replace(b"</loc>", b"</place>"))) == 4
    assert sitemap_faults(content.replace(b"schemas/sitemap/0.9", b"schemas/sitemap/0.1"))


def test_robots_may_see_all_but_previews_and_find_the_sitemap(addressed):
    robots = RobotFileParser()
    robots.parse((addressed.site / "robots.txt").read_text("utf-8").splitlines())
    assert robots.site_maps() == [f"{BASE}sitemap.xml"]
    assert robots.can_fetch("AnyBot", f"{BASE}places.html")
    assert robots.can_fetch("AnyBot", f"{BASE}2.10.0/places.html")
    assert not robots.can_fetch("AnyBot", f"{BASE}pr/7/places.html")


def test_every_page_names_its_address_and_fetches_nothing_foreign(addressed):
    for path in addressed.site.glob("*.html"):
        page = addressed.page(path.stem)
        canonical = [link["href"] for link in page.select('link[rel="canonical"]')]
        assert canonical == ([] if path.stem == "404" else [f"{BASE}{path.name}"])
        assert foreign(Page(path.read_text("utf-8")).fetched, "http://site") == []


def test_without_an_address_there_is_nothing_that_needs_one(addressed, tmp_path):
    assert {path.name for path in addressed.site.iterdir()} >= FILES
    book = built_book(tmp_path)
    assert not FILES & {path.name for path in book.site.iterdir()}
    for path in book.site.glob("*.html"):
        assert not book.page(path.stem).select('link[rel="canonical"], base')


class AsPagesDo(SimpleHTTPRequestHandler):
    """Answers with 404.html of the site where there is no file."""

    def send_error(self, code, message=None, explain=None):
        content = Path(self.directory, "it", "404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format, *args):
        pass


@contextmanager
def as_pages_do(folder: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(AsPagesDo, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("faulty", [False, True])
def test_a_page_that_is_not_there_leads_back_from_any_depth(addressed, browser, tmp_path, faulty):
    shutil.copytree(addressed.site, tmp_path / "it")
    lost = tmp_path / "it" / "404.html"
    if faulty:
        lost.write_text(re.sub("<base .*?>", "", lost.read_text("utf-8")), "utf-8")
    with as_pages_do(tmp_path) as origin, reader(browser) as context:
        tab, failed = context.new_page(), []
        tab.on("response", lambda answer: failed.append(answer.url) if answer.status != 200 else None)
        asked = f"{origin}/it/deep/in/it.html"
        tab.goto(asked)
        expect(tab.locator("h1").first).to_have_text("Page not found")
        assert (failed == [asked]) is not faulty
        within = f"{origin}/it/{'deep/in/it.html' if faulty else '404.html'}#page-not-found"
        assert tab.evaluate("new URL('#page-not-found', document.baseURI).href") == within
        tab.get_by_role("link", name="Start at the beginning").click()
        expect(tab).to_have_url(f"{origin}/it/{'deep/in/' if faulty else ''}index.html")


def test_the_lost_page_is_no_result_of_a_search(addressed):
    assert addressed.page("404").select_one("meta[name=robots]")["content"] == "noindex"


# How it comes to the branch


def a_site(folder: Path, version: str, *older: str, **files: str) -> Path:
    """Return a site of this version that names these older ones."""
    entries = [{"version": number, "folder": f"{number}/"} for number in (version, *older)]
    contents = {
        "index.html": version,
        "versions.json": json.dumps(entries),
        ".binder/requirements.txt": "jax",
    }
    for name, text in (contents | files).items():
        path = folder / version / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder / version


@pytest.fixture
def remote(tmp_path) -> Path:
    """Return a repository to publish to, empty."""
    git(tmp_path, "init", "--quiet", "--bare", "remote.git")
    return tmp_path / "remote.git"


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def held(remote: Path) -> dict[str, str]:
    """Return the files of the branch, which is one commit, with their content."""
    branch = f"refs/heads/{publish.BRANCH}"
    assert git(remote, "rev-list", "--count", branch) == "1"
    names = git(remote, "ls-tree", "-r", "--name-only", branch).splitlines()
    return {name: git(remote, "show", f"{branch}:{name}") for name in names}


def run(remote: Path, *arguments: object) -> int:
    return publish.main(["--remote", str(remote), *map(str, arguments)])


def test_a_release_is_at_the_root_and_under_its_number(tmp_path, remote, capsys):
    assert run(remote, "release", "1.2.0", a_site(tmp_path, "1.2.0", old="gone soon")) == 0
    files = held(remote)
    assert files["index.html"] == files["1.2.0/index.html"] == "1.2.0"
    assert files[".binder/requirements.txt"] == "jax"
    assert ".nojekyll" in files
    assert "published on gh-pages, folder /\n" in capsys.readouterr().out
    assert run(remote, "preview", 7, a_site(tmp_path / "other", "9.9")) == 0
    publish.publish(str(remote), lambda branch: (branch / "CNAME").write_text("book.example"), "by Pages")
    robots = f"User-agent: *\nSitemap: {BASE}sitemap.xml\n"
    newer = a_site(tmp_path, "1.10.0", "1.2.0", **{"robots.txt": robots})
    assert run(remote, "release", "v1.10.0", newer) == 0
    assert f"published at {BASE}\n" in capsys.readouterr().out
    files = held(remote)
    assert files["index.html"] == files["1.10.0/index.html"] == "1.10.0"
    assert files["1.2.0/index.html"] == "1.2.0" and files["1.2.0/old"] == "gone soon"
    assert files["pr/7/index.html"] == "9.9"
    assert files["CNAME"] == "book.example"
    assert "old" not in files


def test_an_older_release_stays_out_of_the_root(tmp_path, remote):
    run(remote, "release", "1.10.0", a_site(tmp_path, "1.10.0"))
    assert run(remote, "release", "1.9.1", a_site(tmp_path, "1.9.1", "1.9.0")) == 0
    files = held(remote)
    assert files["index.html"] == "1.10.0" and files["1.9.1/index.html"] == "1.9.1"


@pytest.mark.parametrize(
    ("version", "sites", "plant", "told"),
    [
        ("1.3.0", ("1.2.0",), None, "the site is of version 1.2.0, not 1.3.0"),
        ("next", ("next",), None, "next is no version such as 1.2.0"),
        ("1.2.0", ("1.2.0", "1.1.0"), None, "names version 1.1.0, which is not published"),
        ("1.2.0", ("1.2.0",), "pr/7/index.html", "pr is a place of other versions or previews"),
        ("1.2.0", ("1.2.0",), "0.9/index.html", "0.9 is a place of other versions or previews"),
        ("1.2.0", ("1.2.0",), "sub/.git/config", "sub/.git is no plain file or folder"),
        ("1.2.0", ("1.2.0",), "link", "link is no plain file or folder"),
    ],
    ids=["other", "unnumbered", "missing", "previews", "versions", "git", "link"],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(
    tmp_path, remote, capsys, version, sites, plant, told
):
    run(remote, "release", "1.0.0", a_site(tmp_path, "1.0.0"))
    before = held(remote)
    site = a_site(tmp_path, *sites)
    if plant == "link":
        (site / "link").symlink_to("/etc/hostname")
    elif plant:
        (site / plant).parent.mkdir(parents=True)
        (site / plant).write_text("planted", "utf-8")
    assert run(remote, "release", version, site) == 1
    assert told in capsys.readouterr().err
    assert held(remote) == before


def test_no_site_and_no_remote_are_refused(tmp_path, remote, capsys):
    assert run(remote, "preview", 7, tmp_path / "nowhere") == 1
    assert "there is no index.html in" in capsys.readouterr().err
    assert run(tmp_path / "no.git", "preview", 7, a_site(tmp_path, "1.0.0")) == 1
    assert "not published: git ls-remote" in capsys.readouterr().err


def test_previews_come_and_go(tmp_path, remote):
    assert run(remote, "remove", 3) == 0  # there is no branch yet
    assert git(remote, "branch") == ""
    for number in (3, 12, 123):
        run(remote, "preview", number, a_site(tmp_path, f"{number}.0"))
    run(remote, "preview", 12, a_site(tmp_path / "again", "12.1"))
    assert run(remote, "remove", 3) == 0
    assert {name.split("/")[1] for name in held(remote) if name.startswith("pr/")} == {"12", "123"}
    assert held(remote)["pr/12/index.html"] == "12.1"
    assert run(remote, "keep", 12, 99) == 0
    assert {name.split("/")[1] for name in held(remote) if name.startswith("pr/")} == {"12"}
    assert run(remote, "keep") == 0
    assert set(held(remote)) == {".nojekyll"}


def test_two_jobs_at_once_lose_nothing(tmp_path, remote):
    run(remote, "release", "1.0.0", a_site(tmp_path, "1.0.0"))
    site, tries = a_site(tmp_path, "2.0.0"), []

    def slow(branch: Path) -> None:
        if not tries:  # in the meantime
            assert run(remote, "preview", 7, a_site(tmp_path, "7.0")) == 0
        tries.append(branch)
        publish.preview(site, branch, 8)

    publish.publish(str(remote), slow, "test")
    assert len(tries) == 2
    assert {"pr/7/index.html", "pr/8/index.html", "1.0.0/index.html"} <= set(held(remote))


def test_a_remote_that_refuses_is_believed_at_once(tmp_path, remote, capsys):
    hook = remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho asked >> asked\necho no entry >&2\nexit 1\n", "utf-8")
    hook.chmod(0o755)
    assert run(remote, "preview", 7, a_site(tmp_path, "1.0.0")) == 1
    assert "no entry" in capsys.readouterr().err
    assert (remote / "asked").read_text("utf-8") == "asked\n"


# The workflows


BIN = Path(sys.executable).parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def checked(folder: Path) -> list[str]:
    """Return what actionlint and zizmor have to say of the workflows in a repository."""
    commands = (
        [BIN / "actionlint", "-no-color"],
        [BIN / "zizmor", "--offline", "--pedantic", "--quiet", ".github"],
    )
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("GH_", "GITHUB_"))
    }
    results = [
        subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
        for command in commands
    ]
    return [result.stdout + result.stderr for result in results if result.returncode]


def test_the_workflows_are_sound():
    assert checked(ROOT) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("check.yml", "  pull_request:\n", "  pull_request_target:\n", "dangerous-triggers"),
        ("check.yml", "needs: build", "needs: bulid", "bulid"),
        ("build.yml", "        with:\n          persist-credentials: false\n", "", "artipacked"),
        (
            "preview.yml",
            "      contents: write # the branch gh-pages\n",
            "      contents: write\n",
            "undocumented",
        ),
        ("build.yml", "${{ inputs.cached }}", "${{ inputs.chached }}", "chached"),
        ("release.yml", "@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "@v7", "unpinned-uses"),
        ("release.yml", "permissions: {}", "permissions: write-all", "excessive-permissions"),
        ("release.yml", '"$GITHUB_REF_NAME" > /dev', '"${{ github.ref_name }}" > /dev', "template-injection"),
    ],
)
def test_the_checkers_of_workflows_find_planted_faults(tmp_path, file, old, new, told):
    shutil.copytree(ROOT / ".github", tmp_path / ".github")
    (tmp_path / ".git").mkdir()  # where actionlint looks for the repository
    path = tmp_path / ".github" / "workflows" / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    assert any(told in said for said in checked(tmp_path))


def faults_of_rights(workflow: dict) -> list[str]:
    """Return the jobs of a workflow that could let a stranger write."""
    faults = [] if workflow["permissions"] == {} else ["all"]
    triggers = workflow[True]  # YAML reads `on` so
    for name, job in workflow["jobs"].items():
        if "write" not in job.get("permissions", {}).values():
            continue
        said = [step.get("run", "") for step in job["steps"]] + [
            step.get("uses", "") for step in job["steps"]
        ]
        if any(re.search(r"\b(make|pip|apt-get|npm)\b|set-up", text) for text in said):
            faults.append(f"{name} runs or installs what is not its own")
        condition = job.get("if", "")
        guarded = "head.repo.full_name == github.repository" in condition or re.search(
            r"event_name == '(?!pull_request)\w+'", condition
        )
        if "pull_request" in triggers and not guarded:
            faults.append(f"{name} may run for a fork")
    return faults


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_only_a_job_that_runs_nothing_else_may_write_and_never_for_a_fork(path):
    text = path.read_text("utf-8")
    workflow = yaml.safe_load(text)
    assert faults_of_rights(workflow) == []
    for _, job in workflow["jobs"].items():
        if "write" in job.get("permissions", {}).values():
            planted = yaml.safe_load(
                text.replace("github.event.pull_request.head.repo.full_name == github", "1 == 1")
            )
            if "pull_request" in workflow[True] and "1 == 1" in str(planted):
                assert any(fault.endswith("may run for a fork") for fault in faults_of_rights(planted))
            job["steps"].append({"run": "make book"})
            assert any(fault.endswith("not its own") for fault in faults_of_rights(workflow))
            job["steps"].pop()


def test_every_action_is_pinned_to_a_commit_and_one_version_serves_all():
    used = {}
    for path in [*WORKFLOWS, ROOT / ".github/actions/set-up/action.yml"]:
        for name, commit, version in re.findall(r"uses: ([\w/-]+)@(\S+) # (\S+)", path.read_text("utf-8")):
            assert re.fullmatch("[0-9a-f]{40}", commit), name
            assert re.fullmatch(r"v\d+\.\d+\.\d+", version), name
            used.setdefault("/".join(name.split("/")[:2]), set()).add((commit, version))
    assert set(used) == {
        f"actions/{name}"
        for name in ("checkout", "setup-python", "cache", "upload-artifact", "download-artifact")
    }
    assert not {name: found for name, found in used.items() if len(found) > 1}


def run_step(folder: Path, script: str, **environment: str) -> subprocess.CompletedProcess:
    """Run a step as GitHub's runner does, where `gh` only notes what it is asked for."""
    gh = folder / "bin" / "gh"
    gh.parent.mkdir()
    gh.write_text(
        f'#!/bin/sh\necho "$*" >> {folder}/asked\n[ "$2" != list ] || echo "$FOUND"\n[ "$2" != view ]\n',
        "utf-8",
    )
    gh.chmod(0o755)
    path = os.pathsep.join([str(gh.parent), str(BIN), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "GITHUB_STEP_SUMMARY": str(folder / "summary"), **environment}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("tag", ["v1.2.0", "v1.3.0"])
def test_the_action_publishes_and_asks_pages_for_its_build(tmp_path, remote, tag):
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "remote", "add", "origin", str(remote))
    a_site(tmp_path, "1.2.0").rename(tmp_path / "site")
    (step,) = yaml.safe_load((ROOT / ".github/actions/publish/action.yml").read_text("utf-8"))["runs"][
        "steps"
    ]
    given = {
        "ARGUMENTS": f"release {tag} site",
        "PYTHONPATH": str(ROOT / "code"),
        "GITHUB_REPOSITORY": "we/it",
    }
    result = run_step(tmp_path, step["run"], **given)
    asked = (tmp_path / "asked").read_text("utf-8").splitlines()
    if tag == "v1.2.0":
        assert result.returncode == 0, result.stderr
        assert asked == ["auth setup-git", "api --silent --method POST repos/we/it/pages/builds"]
        assert held(remote)["index.html"] == "1.2.0"
        assert "published on gh-pages" in (tmp_path / "summary").read_text("utf-8")
    else:  # the site is of another version: the step fails, though its output goes through a pipe
        assert result.returncode == 1
        assert asked == ["auth setup-git"]


def test_a_release_on_github_has_the_changes_of_its_version_and_all_files(tmp_path):
    (tmp_path / "CHANGELOG.md").write_text(CHANGES, "utf-8")
    for name in ("files/book.zip", "files/pdf/a chapter.pdf"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    workflow = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text("utf-8"))
    (script,) = (step["run"] for step in workflow["jobs"]["publish"]["steps"] if "run" in step)
    assert run_step(tmp_path, script, GITHUB_REF_NAME="v2.10.0").returncode == 0
    assert (tmp_path / "notes.md").read_text("utf-8").strip() == "- The first."
    view, create, upload = (tmp_path / "asked").read_text("utf-8").splitlines()
    assert view == "release view v2.10.0"
    assert create == "release create v2.10.0 --verify-tag --title v2.10.0 --notes-file notes.md"
    assert upload.startswith("release upload v2.10.0 --clobber ")
    assert {"files/book.zip", "files/pdf/a chapter.pdf"} <= set(re.findall(r"files/.+?\.\w+", upload))


@pytest.mark.parametrize("found", ["", "17"])
def test_what_a_week_has_changed_is_told_in_one_issue(tmp_path, found):
    jobs = yaml.safe_load((ROOT / ".github/workflows/weekly.yml").read_text("utf-8"))["jobs"]
    scripts = {step["name"]: step["run"] for job in jobs.values() for step in job["steps"] if "run" in step}
    for number, (name, report) in enumerate({"Newest": "| page | moved |", "Links": ""}.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "report.md").write_text(report, "utf-8")
        if not report:
            (folder / "report.md").unlink()  # the build before it failed
        kept = run_step(folder, scripts["Keep the report"], NAME=name, REPORT="report.md")
        assert kept.returncode == 0, kept.stderr
        shutil.copytree(folder / "told", tmp_path / "told" / f"told by {name}")
    assert run_step(tmp_path, scripts["Tell"], FOUND=found, RUN="https://run.example").returncode == 0
    body = (tmp_path / "body.md").read_text("utf-8")
    assert body.startswith("Seen by https://run.example\n\n## ")
    assert "## Newest\n\n| page | moved |\n" in body
    assert "## Links\n\nIt did not come so far: see the run.\n" in body
    last = (tmp_path / "asked").read_text("utf-8").splitlines()[-1]
    made = "issue create --title What holds no longer --label drift --body-file body.md"
    assert last == (f"issue comment {found} --body-file body.md" if found else made)


# The commands


def commands(text: str) -> set[str]:
    """Return the targets that a text gives to make, in a workflow, a script, a listing or code."""
    said = re.findall(r"(?:^\s*|`|run: |command: )make((?: [a-z][a-z-]*)+)", text, re.MULTILINE)
    return {target for targets in said for target in targets.split()}


def test_every_command_that_a_text_names_is_one_of_the_makefile():
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    texts = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / ".ci" / "run", *ROOT.glob("book/*.md")]
    texts += [path for path in (ROOT / ".github").rglob("*") if path.is_file()]
    named = {path.relative_to(ROOT).as_posix(): commands(path.read_text("utf-8")) for path in texts}
    assert {name: unknown for name, found in named.items() if (unknown := found - targets)} == {}
    assert {"book", "films", "pdf", "offline", "test"} <= set().union(*named.values())
    assert {"book", "test"} <= named["README.md"] and "test" in named[".ci/run"]


def test_a_command_that_is_none_is_found():
    text = "run: make pdf onlyne\n\n    make test ARGS=-x\nYou make it, or `make shine`; command: make drift"
    assert commands(text) == {"pdf", "onlyne", "test", "shine", "drift"}
