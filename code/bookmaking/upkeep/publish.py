"""Bring a built site to the branch that GitHub Pages shows: `python -m bookmaking.upkeep.publish`.

The root of the branch is the newest release, each release stays under its number, and an open pull request
has its preview under pr/<number>/. The branch is one commit without a past, so it is as large as what it
shows. The job that may write runs this and installs nothing, so the standard library has to do.
Source: https://docs.github.com/en/pages, https://git-scm.com/docs/git-push (--force-with-lease).
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.robotparser import RobotFileParser

BRANCH = "gh-pages"
PREVIEWS = "pr"
VERSION = re.compile(r"\d+(\.\d+)*")
TRIES = 5  # how often another job may be faster


class PublishError(Exception):
    """What is to be published does not fit, or the remote refuses it."""


def release(site: Path, branch: Path, version: str) -> str:
    """Put a site under its version and, unless a newer one is there, at the root; return where it is.

    Raises
    ------
    PublishError
        The site is of another version, or the root would name a version that the branch does not hold.
    """
    check(site)
    if not VERSION.fullmatch(version):
        raise PublishError(f"{version} is no version such as 1.2.0")
    listed = versions(site)
    if not listed or listed[0] != version:
        raise PublishError(f"the site is of version {', '.join(listed[:1]) or 'unknown'}, not {version}")
    replace(site, branch / version)
    newest = max([version, *versions(branch)], key=order)
    if newest != version:
        return f"{version}/"
    if missing := [number for number in listed if not (branch / number).is_dir()]:
        raise PublishError(
            f"the site names version {missing[0]}, which is not published: publish its tag first"
        )
    for path in branch.iterdir():
        if path.name not in (".git", "CNAME", PREVIEWS) and not VERSION.fullmatch(path.name):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(site, branch, dirs_exist_ok=True)
    return ""


def preview(site: Path, branch: Path, number: int) -> str:
    """Put a site under the number of its pull request and return where it is."""
    check(site)
    replace(site, branch / PREVIEWS / str(number))
    return f"{PREVIEWS}/{number}/"


def keep_previews(branch: Path, numbers: set[int]) -> None:
    """Remove the previews of all pull requests but these."""
    for folder in (branch / PREVIEWS).glob("*"):
        if folder.name not in map(str, numbers):
            shutil.rmtree(folder)


def remove_preview(branch: Path, number: int) -> None:
    """Remove the preview of a pull request, if there is one."""
    shutil.rmtree(branch / PREVIEWS / str(number), ignore_errors=True)


def versions(folder: Path) -> list[str]:
    """Return the versions that a site names, the newest first; none where there is no site."""
    path = folder / "versions.json"
    return [entry["version"] for entry in json.loads(path.read_text("utf-8"))] if path.is_file() else []


def order(version: str) -> list[int]:
    """Return what sorts versions by their numbers."""
    return [int(part) for part in version.split(".")]


def check(site: Path) -> None:
    """Refuse what is no site of plain files: it may be a stranger's, and git would read a `.git` in it."""
    if not (site / "index.html").is_file():
        raise PublishError(f"there is no index.html in {site}")
    for path in site.rglob("*"):
        if path.is_symlink() or path.name.lower() == ".git":
            raise PublishError(f"{path.relative_to(site)} is no plain file or folder")
    for path in site.iterdir():
        if path.name == PREVIEWS or VERSION.fullmatch(path.name):
            raise PublishError(f"{path.name} is a place of other versions or previews")


def replace(site: Path, place: Path) -> None:
    """Let a folder hold this site and nothing else."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(site, place)


def address(site: Path) -> str:
    """Return the address that a site has of its own, which is that of its sitemap; empty without one."""
    robots = RobotFileParser()
    path = site / "robots.txt"
    robots.parse(path.read_text("utf-8").splitlines() if path.is_file() else [])
    return (robots.site_maps() or [""])[0].removesuffix("sitemap.xml")


def publish(remote: str, arrange: Callable[[Path], object], message: str) -> None:
    """Change the branch of a remote as `arrange` changes a folder with its content.

    Another job may publish at the same time. Then the push is refused, and the change is made anew.
    """
    for _ in range(TRIES):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            _git(folder, "init", "--quiet")
            before = ""
            if _head(folder, remote):
                _git(folder, "fetch", "--quiet", "--depth=1", remote, f"refs/heads/{BRANCH}")
                _git(folder, "checkout", "--quiet", "FETCH_HEAD")
                before = _git(folder, "rev-parse", "HEAD")
            arrange(folder)
            if os.listdir(folder) == [".git"]:
                return  # nothing was there, nothing came
            (folder / ".nojekyll").touch()  # else Pages leaves out all folders that begin with an underscore
            _git(folder, "add", "--all", "--force")
            tree = _git(folder, "write-tree")
            if before and tree == _git(folder, "rev-parse", f"{before}^{{tree}}"):
                return
            commit = _git(folder, "commit-tree", tree, "-m", message)
            lease = f"--force-with-lease=refs/heads/{BRANCH}:{before}"
            try:
                _git(folder, "push", "--quiet", lease, remote, f"{commit}:refs/heads/{BRANCH}")
                return
            except PublishError:
                if _head(folder, remote) == before:
                    raise
    raise PublishError(f"{BRANCH} was changed by others {TRIES} times: try again")


def _head(folder: Path, remote: str) -> str:
    """Return the commit of the remote's branch, nothing where it has none."""
    return _git(folder, "ls-remote", remote, f"refs/heads/{BRANCH}").partition("\t")[0]


def _git(folder: Path, *arguments: str) -> str:
    identity = "-c", "user.name=bookmaking.upkeep.publish", "-c", "user.email=bookmaking@localhost"
    command = ["git", *identity, "-c", "core.autocrlf=false", *arguments]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if result.returncode:
        raise PublishError(f"git {arguments[0]}: {result.stderr.strip()}")
    return result.stdout.strip()


def main(arguments: list[str] | None = None) -> int:
    """Publish, say where, and return the exit status."""
    parser = argparse.ArgumentParser(prog="bookmaking.upkeep.publish", description="Publish the built site.")
    parser.add_argument("--remote", help="where to publish (default: origin of this repository)")
    kinds = parser.add_subparsers(dest="kind", required=True)
    releasing = kinds.add_parser("release", help="publish a release at the root and under its version")
    releasing.add_argument("tag", help="such as v1.2.0; the site must be of this version")
    previewing = kinds.add_parser("preview", help="publish the preview of a pull request")
    previewing.add_argument("number", type=int, help="of the pull request")
    for kind in (releasing, previewing):
        kind.add_argument("site", type=Path, help="the built site")
    removing = kinds.add_parser("remove", help="remove the preview of a pull request")
    removing.add_argument("number", type=int, help="of the pull request")
    keeping = kinds.add_parser("keep", help="remove the previews of all pull requests but these")
    keeping.add_argument("numbers", type=int, nargs="*", help="of the pull requests that are open")
    options = parser.parse_args(arguments)
    placed = ""

    def arrange(branch: Path) -> None:
        nonlocal placed
        if options.kind == "release":
            placed = release(options.site, branch, options.tag.removeprefix("v"))
        elif options.kind == "preview":
            placed = preview(options.site, branch, options.number)
        elif options.kind == "remove":
            remove_preview(branch, options.number)
        else:
            keep_previews(branch, set(options.numbers))

    try:
        remote = options.remote or _git(Path(), "remote", "get-url", "origin")
        publish(remote, arrange, " ".join(sys.argv[1:] if arguments is None else arguments))
    except PublishError as error:
        print(f"not published: {error}", file=sys.stderr)
        return 1
    if options.kind in ("release", "preview"):
        where = address(options.site)
        print(f"published at {where}{placed}" if where else f"published on {BRANCH}, folder /{placed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
