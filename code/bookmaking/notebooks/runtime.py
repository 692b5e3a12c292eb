"""The functions that a notebook needs to stand alone; their source is put into its cells.

They must not use anything of this repository, nor anything beyond Python's library and IPython.
Source: https://ipython.readthedocs.io (custom magics), PEP 566 for the metadata that `unmet` reads.
"""

import ast
import importlib
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from importlib.util import cache_from_source, find_spec
from pathlib import Path

from IPython import get_ipython


def unmet(needed: dict[str, str]) -> list[str]:
    """Return the requirements that are not met; `needed` maps what is imported to what pip installs."""

    def release(text: str) -> list[int]:
        """Return the numbers of a version, without zeros at the end: 2.6 is 2.6.0."""
        numbers = [int(part) for part in re.findall(r"\d+", re.match(r"[\d.]*", text)[0])]
        while numbers and not numbers[-1]:
            numbers.pop()
        return numbers

    distributions, missing = packages_distributions(), []
    for package, requirement in needed.items():
        name, _, least = requirement.partition(">=")
        found = []
        for candidate in (name, *distributions.get(package, ())):
            with suppress(PackageNotFoundError):
                found.append(release(version(candidate)))
        # What can be imported is here, under whatever name and whether or not anybody noted its version.
        if find_spec(package) is None or (found and max(found) < release(least)):
            missing.append(requirement)
    return missing


def devices(packages: Iterable[str]) -> list[str]:
    """Return, for each framework among the packages, where it computes."""
    found = []
    if "torch" in packages:
        import torch

        found.append(f"PyTorch computes on {'a GPU' if torch.cuda.is_available() else 'the CPU'}.")
    if "tensorflow" in packages:
        import tensorflow

        gpus = tensorflow.config.list_physical_devices("GPU")
        found.append(f"TensorFlow computes on {'a GPU' if gpus else 'the CPU'}.")
    if "jax" in packages:
        import jax

        found.append(f"JAX computes on {'the CPU' if jax.default_backend() == 'cpu' else 'an accelerator'}.")
    return found


def listing(name: str, cell: str) -> None:
    """Put a changed listing into its module and load that anew; do nothing while the listing is unchanged."""
    module = importlib.import_module(name)
    file = Path(module.__file__)

    def parts(source: str) -> dict[str, tuple[int, int, str]]:
        """Return the first line, the end and the text of each statement, by the name that it binds."""
        lines, found = source.splitlines(), {}
        for node in ast.parse(source).body:
            key = getattr(node, "name", None) or ast.unparse(node).partition("=")[0]
            first = min(part.lineno for part in [node, *getattr(node, "decorator_list", [])]) - 1
            found[key] = first, node.end_lineno, "\n".join(lines[first : node.end_lineno])
        return found

    lines = file.read_text("utf-8").splitlines()
    written, changed = parts("\n".join(lines)), []
    for key, (_, _, text) in parts(cell).items():
        first, end, old = written.get(key, (len(lines), len(lines), None))
        if text != old:
            changed.append((first, end, text))
    if not changed:
        return
    for first, end, text in sorted(changed, reverse=True):
        lines[first:end] = text.splitlines()
    file.write_text("\n".join([*lines, ""]), "utf-8")
    # Within one second Python would take the compiled file for that of the new source.
    Path(cache_from_source(str(file))).unlink(missing_ok=True)
    before = dict(vars(module))
    importlib.reload(module)
    # What was imported by name elsewhere, and into this notebook, is replaced as well.
    fresh = {id(value): vars(module)[key] for key, value in before.items() if callable(value)}
    spaces = [vars(other) for title, other in list(sys.modules.items()) if title.startswith("threelayer")]
    for space in [*spaces, get_ipython().user_ns]:
        space.update({key: fresh[id(value)] for key, value in space.items() if id(value) in fresh})
    print(f"{name} is loaded anew, with the definitions above")
