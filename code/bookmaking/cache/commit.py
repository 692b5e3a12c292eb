"""Write the commit that a site was built from into the site, where the footer of each page shows it.

It changes far more often than a page does, so it is a script of one line, and no page is written anew for it.
Source: code/bookmaking/site/site_version.py.
"""

import json
import subprocess
from pathlib import Path

SCRIPT = "_static/commit.js"


def write(root: Path, site: Path) -> None:
    """Write the script, which adds nothing where the book is no repository."""
    text = json.dumps(f", commit {found}" if (found := described(root)) else "")
    line = f'document.querySelector(".book-commit")?.append({text});\n'
    (site / SCRIPT).write_text(line, "utf-8")


def described(root: Path) -> str:
    """Return the commit that is checked out, and whether files differ from it, or nothing without one."""
    return git(root, "describe", "--always", "--exclude=*", "--abbrev=12", "--dirty=, changed")


def git(root: str | Path, *arguments: str) -> str:
    """Return what git says, nothing where it fails or is not installed."""
    try:
        result = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""
