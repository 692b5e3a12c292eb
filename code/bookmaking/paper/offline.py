"""Pack the site into one file: `python -m bookmaking.paper.offline`, or `make offline`.

Every page works from the disk, so nothing is changed on the way. Unpacked, it opens with index.html.
"""

import argparse
import os
import sys
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from bookmaking.paper.pdf import NAME


def main(arguments: list[str] | None = None) -> int:
    """Write `_build/one-network-nine-ways.zip` and return the exit status."""
    parser = argparse.ArgumentParser(prog="offline", description="Pack the site into one file.")
    parser.add_argument("--root", type=Path, default=Path(), help="the repository (default: here)")
    build = parser.parse_args(arguments).root.resolve() / "_build"
    if not (build / "html" / "index.html").is_file():
        print(
            f"there is no site in {os.path.relpath(build / 'html')}: run `make book` first", file=sys.stderr
        )
        return 1
    packed = pack(build / "html", build / f"{NAME}.zip")
    print(f"{os.path.relpath(packed)}  {packed.stat().st_size / 1e6:.0f} MB: unpack it and open index.html")
    return 0


def pack(site: Path, target: Path) -> Path:
    """Write all files of a site into one folder of a zip, and return the zip, which is never half-written."""
    partial = target.with_suffix(".part")
    with ZipFile(partial, "w", ZIP_DEFLATED) as packed:
        for path in sorted(site.rglob("*")):
            if path.is_file() and path.relative_to(site).parts[0] != ".binder":
                packed.write(path, Path(target.stem, path.relative_to(site)))
    return partial.replace(target)


if __name__ == "__main__":
    sys.exit(main())
