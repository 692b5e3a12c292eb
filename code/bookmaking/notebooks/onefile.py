"""Write a module of the package as one file that needs no other, with what it imports from the package.

Of other modules only the statements that lead to an imported name are taken, found through the syntax trees,
and with them what the module does when it is imported: settings before its imports, and checks.
Source: https://docs.python.org/3/library/ast.html.
"""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

from bookmaking.notebooks.carried import PACKAGE, file_of, needed_modules


class _Module:
    """The statements of a module, by the names that they bind, and those that the one file takes."""

    def __init__(self, file: Path) -> None:
        self.lines = file.read_text("utf-8").splitlines()
        self.tree = ast.parse("\n".join(self.lines))
        self.taken: set[ast.stmt] = set()
        self.bound: dict[str, list[ast.stmt]] = {}
        for statement in self.tree.body:
            for name in _bound(statement):
                self.bound.setdefault(name, []).append(statement)

    def effects(self) -> Iterator[ast.stmt]:
        """Return what the module does when it is imported, other than to bind names."""
        for statement in self.tree.body[1:]:
            typing = isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING"
            if isinstance(statement, ast.Expr | ast.If) and not typing:
                yield statement

    def settings(self) -> list[ast.stmt]:
        """Return the effects that stand before an import of the module."""
        imports = [part.lineno for part in self.tree.body if isinstance(part, ast.Import | ast.ImportFrom)]
        return [part for part in self.effects() if part.lineno < max(imports, default=0)]

    def text(self, statement: ast.stmt) -> str:
        """Return a statement with its decorators and the comments directly above it."""
        first = min(part.lineno for part in [statement, *getattr(statement, "decorator_list", [])]) - 1
        while first and self.lines[first - 1].startswith("#"):
            first -= 1
        return "\n".join(self.lines[first : statement.end_lineno])


def one_file(code: Path, name: str, also: Sequence[str] = ()) -> str:
    """Return the source of a module that runs without the package.

    Parameters
    ----------
    code
        The folder of the package.
    name
        The module, with the package's name before it.
    also
        Public names of the package that the file brings along.

    Raises
    ------
    ValueError
        If two of the modules give one name to different things, or what is imported cannot be found.
    """
    modules: dict[str, _Module] = {}
    owner: dict[str, str] = {}
    outside: dict[str, set[str]] = {}  # the names that are imported from elsewhere, by where from

    def module_of(title: str) -> _Module:
        if title not in modules:
            file = file_of(code, title)
            if file is None:
                raise ValueError(f"there is no module {title} in {code.name}")
            modules[title] = _Module(file)
        return modules[title]

    def take(title: str, statement: ast.stmt) -> None:
        module = module_of(title)
        if statement in module.taken:
            return
        if not module.taken and title != name:
            for effect in module.effects():
                module.taken.add(effect)
                for used in _used(effect):
                    for source in module.bound.get(used, ()):
                        follow(title, source, used)
        module.taken.add(statement)
        for bound in _bound(statement):
            if owner.setdefault(bound, title) != title:
                raise ValueError(
                    f"{title} and {owner[bound]} both define {bound}, so {name} cannot be one file"
                )
        for used in _used(statement):
            for source in module.bound.get(used, ()):
                follow(title, source, used)

    def follow(title: str, statement: ast.stmt, used: str) -> None:
        if _inside(statement):
            alias = next(alias for alias in statement.names if (alias.asname or alias.name) == used)
            other = module_of(statement.module)
            if alias.asname or alias.name not in other.bound:
                raise ValueError(
                    f"{title} imports {alias.name} under another name, or a module: {name} needs both"
                )
            for source in other.bound[alias.name]:
                follow(statement.module, source, alias.name)
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            alias = next(a for a in statement.names if (a.asname or a.name.split(".")[0]) == used)
            origin = statement.module if isinstance(statement, ast.ImportFrom) else ""
            outside.setdefault(origin, set()).add(ast.unparse(alias))
        else:
            take(title, statement)

    module = module_of(name)
    docstring, *body = module.tree.body
    if not isinstance(docstring, ast.Expr):
        raise ValueError(f"{name} begins with no docstring")
    # Up to the last import in its own order: a setting may have to come before the import of a framework.
    last = max(
        (i for i, part in enumerate(body) if isinstance(part, ast.Import | ast.ImportFrom)), default=-1
    )
    head, rest = body[: last + 1], body[last + 1 :]
    for statement in head:
        if _inside(statement):
            for bound in _bound(statement):
                follow(name, statement, bound)
    for statement in rest:
        take(name, statement)
    for public in also:
        follow(PACKAGE, module_of(PACKAGE).bound[public][0], public)
    own = {bound for statement in head for bound in _bound(statement)}
    order = {title: modules[title] for title in needed_modules(code, [PACKAGE, name]) if title in modules}
    settings = {part: other for other in order.values() for part in other.settings() if part in other.taken}
    early = {used for part in settings for used in _used(part)} & outside.get("", set())
    lines = [f"import {used}" for used in sorted(early)]
    lines += [other.text(part) for part, other in settings.items()]
    lines += [module.text(part) for part in head if not _inside(part)]
    for origin, aliases in sorted(outside.items()):
        if missing := sorted(alias for alias in aliases - early if alias.rpartition(" ")[2] not in own):
            start = f"from {origin} " if origin else ""
            lines.append(f"{start}import {', '.join(missing)}")
    parts = [module.text(docstring), "\n".join(lines)]
    for title, module in order.items():
        chosen = [part for part in module.tree.body if part in module.taken - settings.keys()]
        if chosen:
            parts += [f"# From {title.replace('.', '/')}.py", *map(module.text, chosen)]
    return "\n\n\n".join(parts) + "\n"


def _inside(statement: ast.stmt) -> bool:
    """Tell whether a statement imports from the package."""
    return isinstance(statement, ast.ImportFrom) and (statement.module or "").split(".")[0] == PACKAGE


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Return the names that a statement binds in its module."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Import):
        yield from (alias.asname or alias.name.split(".")[0] for alias in statement.names)
    elif isinstance(statement, ast.ImportFrom):
        yield from (alias.asname or alias.name for alias in statement.names)
    elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        names = (node for target in targets for node in ast.walk(target))
        yield from (node.id for node in names if isinstance(node, ast.Name))


def _used(statement: ast.stmt) -> Iterator[str]:
    """Return the names that a statement mentions."""
    yield from (node.id for node in ast.walk(statement) if isinstance(node, ast.Name))
