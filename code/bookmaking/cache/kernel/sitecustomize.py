"""Record which files of the repository this interpreter opens for reading.

Python imports `sitecustomize` as it starts, so with this folder on PYTHONPATH a page's kernel is watched, and
every Python process the page starts; late imports and data files count like modules.
Source: https://docs.python.org/3/library/audit_events.html (event "open").
"""

import os
import sys


def _watch(root: str, log: str) -> None:
    prefix = os.path.join(root, "")
    record = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    writing = os.O_WRONLY | os.O_RDWR
    seen = set()

    def hook(event: str, args: tuple) -> None:
        if event != "open" or not isinstance(args[0], str | bytes) or args[2] & writing:
            return
        path = os.path.abspath(os.fsdecode(args[0]))
        if path in seen or not path.startswith(prefix):
            return
        seen.add(path)
        name = path[len(prefix) :]
        # Not part of the sources: .venv, .git, what the build makes.
        if not name.startswith((".", "_build")):
            os.write(record, f"{name}\n".encode())

    sys.addaudithook(hook)


if "BOOKMAKING_LOG" in os.environ:
    _watch(os.environ["BOOKMAKING_ROOT"], os.environ["BOOKMAKING_LOG"])
