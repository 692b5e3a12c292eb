"""Show the built site: `python -m bookmaking.serve`.

The standard library's server, on this machine only; the browser tests use it as a context manager.
Source: https://docs.python.org/3/library/http.server.html.
"""

import argparse
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HOST = "127.0.0.1"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        """Say nothing of requests that went well."""


@contextmanager
def serving(site: Path) -> Iterator[str]:
    """Serve a folder on a free port for as long as the context lasts, and yield the base URL."""
    with _server(site, 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{HOST}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def main(arguments: list[str] | None = None) -> int:
    """Serve the book until Ctrl-C and return the exit status."""
    parser = argparse.ArgumentParser(prog="bookmaking.serve", description="Show the built book.")
    parser.add_argument("--root", type=Path, default=Path(), help="the repository (default: here)")
    parser.add_argument("--port", type=int, default=8000, help="the first port to try (default: 8000)")
    options = parser.parse_args(arguments)
    site = options.root / "_build" / "html"
    if not (site / "index.html").is_file():
        print(f"there is no site in {site} yet: run `make book` first", file=sys.stderr)
        return 1
    with _first_free(site, options.port) as server:
        print(f"http://{HOST}:{server.server_port}/  (Ctrl-C ends)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0


def _first_free(site: Path, port: int, tries: int = 100) -> ThreadingHTTPServer:
    for candidate in range(port, port + tries):
        try:
            return _server(site, candidate)
        except OSError as error:
            taken = error
    raise taken


def _server(site: Path, port: int) -> ThreadingHTTPServer:
    # By path, not by folder handle: after a build the next request sees the new site.
    return ThreadingHTTPServer((HOST, port), partial(_Quiet, directory=str(site.resolve())))


if __name__ == "__main__":
    sys.exit(main())
