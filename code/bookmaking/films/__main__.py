"""Make the films: `python -m bookmaking.films`.

Source: CONTRIBUTING.md, section "Films".
"""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from bookmaking.build.render import locked
from bookmaking.films.make import cut, shelf_of, shoot_all, takes_of
from bookmaking.films.measured import Measured
from bookmaking.films.scenes import FILMS, FilmError


def main(arguments: list[str] | None = None) -> int:
    """Make the films that are named, or all, and return the exit status."""
    parser = argparse.ArgumentParser(prog="bookmaking.films", description="Make the films of the book.")
    parser.add_argument("films", nargs="*", metavar="film", help=f"one of {', '.join(FILMS)} (default: all)")
    parser.add_argument("--root", type=Path, default=Path(), help="the repository (default: here)")
    options = parser.parse_args(arguments)
    if unknown := set(options.films) - set(FILMS):
        parser.error(f"there is no film {', '.join(sorted(unknown))}, there are {', '.join(FILMS)}")
    root = options.root.resolve()
    folder = root / "_build" / "films"
    folder.joinpath("scenes").mkdir(parents=True, exist_ok=True)
    try:
        with locked(folder / "lock"):
            make(root, folder, options.films or list(FILMS))
    except FilmError as error:
        print(f"not made: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: the films are as they were", file=sys.stderr)
        return 130
    return 0


def make(root: Path, folder: Path, films: list[str]) -> None:
    """Make films, and drop what is kept of scenes that are in none of them."""
    measured = Measured(root)
    planned = {
        film: [(take, shelf_of(folder / "scenes", take)) for take in takes_of(measured, film)]
        for film in films
    }
    work = [one for scenes in planned.values() for one in scenes if not one[1].is_full]
    total = sum(len(take.scene.sentences) for take, _ in work)
    with tqdm(total=total, unit="sentence", desc=f"{len(work)} scenes", disable=not work) as bar:
        shoot_all(
            work, lambda take: (bar.set_postfix_str(take.scene.name), bar.update(len(take.scene.sentences)))
        )
    with ThreadPoolExecutor() as threads:
        cuts = {
            film: threads.submit(cut, film, [(take.scene, shelf) for take, shelf in scenes], folder)
            for film, scenes in planned.items()
        }
    for film, one in cuts.items():
        if one.exception() is None:
            print(f"_build/films/{film}.mp4  {one.result()}")
    for one in cuts.values():
        one.result()
    if set(films) == set(FILMS):
        used = {path for scenes in planned.values() for _, shelf in scenes for path in shelf}
        for path in set(folder.joinpath("scenes").iterdir()) - used:
            path.unlink()


if __name__ == "__main__":
    sys.exit(main())
