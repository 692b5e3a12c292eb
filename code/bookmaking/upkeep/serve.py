"""Show the built site: `python -m bookmaking.upkeep.serve`.

The standard library's server, on this machine only; the browser tests use it as a context manager.
Source: https://docs.python.org/3/library/http.server.html.
"""

import argparse
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

HOST = "127.0.0.1"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        """Say nothing of requests that went well."""

    def send_head(self):
        """Answer with the part of a file that is asked for: without that, a browser cannot seek in a film."""
        path = Path(self.translate_path(self.path))
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted is None or not path.is_file():
            return super().send_head()
        size = path.stat().st_size
        first, last = int(wanted[1]), min(int(wanted[2] or size), size - 1)
        if first > last:
            self.send_error(416)
            return None
        with path.open("rb") as file:
            file.seek(first)
            part = file.read(last - first + 1)
        self.send_response(206)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        return BytesIO(part)

    def copyfile(self, source, outputfile):
        """Send, until a player that jumps elsewhere in a film hangs up."""
        with suppress(ConnectionError):
            super().copyfile(source, outputfile)

    def end_headers(self):
        """Say on each answer that parts can be had."""
        self.send_header("Accept-Ranges", "bytes")
        super().end_headers()


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
    parser = argparse.ArgumentParser(prog="bookmaking.upkeep.serve", description="Show the built book.")
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
