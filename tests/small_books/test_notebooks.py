"""Notebooks and single files that leave the book: what they say, and that they run where the book is not.

A whole chapter takes half a minute, so one runs here from start to end; `make notebooks` runs all. Of all
nine implementations the code trains here, for a fifth of the epochs. And of all pages the cells are compared
with those that the build did run: equal cells over equal modules, with nothing else of the repository read,
do the same.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import nbformat
import numpy as np
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from bookmaking.build.execute import KERNEL_ENVIRONMENT
from bookmaking.cache.keyed_cache import Record, read_page
from bookmaking.notebooks import downloads
from bookmaking.notebooks.assemble import CHAPTER
from bookmaking.notebooks.carried import imports, needed_modules, requirements
from bookmaking.notebooks.onefile import one_file
from bookmaking.notebooks.runtime import unmet
from bookmaking.pages.citation_formats import read_book
from bookmaking.upkeep.notebooks import (
    PROVENANCE,
    before_chapter,
    book_weights,
    claims_of,
    code_cells,
    different_claims,
    executed,
    try_out,
)
from threelayer import IMPLEMENTATIONS, Config, Params, init_params, make_data, numpy_manual
from threelayer.claims import MIME_TYPE
from threelayer.evaluate import largest_deviation

ROOT = Path(__file__).parents[2]
CODE = ROOT / "code"
# Markup of MyST, which no notebook renders: roles, directives, fences with colons, comments, targets.
MYST = re.compile(
    r"(?:(?<=\s)|(?<=\()|^)\{[a-z][\w:+-]*\}(?=`)|^[`:]{3,} *\{|^:{3,}$|^% |^\(\S+\)=$", re.MULTILINE
)

CONFIGURATION = """
extensions = ["myst_nb", "bookmaking.cache.keyed_cache", "bookmaking.notebooks.downloads"]
extensions += ["sphinx_design", "sphinx_exercise", "sphinxcontrib.bibtex"]
bibtex_bibfiles = ["references.bib"]
bibtex_reference_style = "author_year"
html_theme = "basic"
html_title = "A small book"
mathjax_path = "mathjax.js"
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "fieldlist"]
nb_execution_mode = "cache"
nb_execution_raise_on_error = True
numfig = True
"""
BIBLIOGRAPHY = """@article{squire, author={Squire, William and Trapp, George}, title={Complex Variables},
journal={SIAM Review}, year={1998}, doi={10.1137/S003614459631241X}}"""
THEORY = """# The theory

```{math}
:label: far
a_h \\\\
b_h
```

```{math}
:label: never
c_h
```

```{table} Far away
:name: tab-far

| a | b |
|:--|:--|
| 1 | 2 |
```

```{bibliography}
```
"""
HEAD = "---\nfile_format: mystnb\nkernelspec: {name: python3, display_name: Python 3}\n---\n"
PROBLEM = """# State *it*

A price of 5\\$ for a_b [c] and \\<d>, see {doc}`theory`, {eq}`near`, {eq}`far`, {numref}`fig-dot`,
{numref}`tab-far` and [elsewhere](https://example.org/a_b). {cite:p}`squire`

```{code-cell} ipython3
:tags: [hide-input]

from threelayer.claims import claim, glue
from threelayer.initialize import init_params
from threelayer.spec import Config
from threelayer.streams import stream

glue("half", 0.5)
claim("One is small", 1, at_most=2, control=("three", 3))
```

## Show code

```{literalinclude} /code/threelayer/streams.py
:pyobject: stream
```

```{literalinclude} /code/threelayer/streams.py
:pyobject: stream
:end-before: '\"\"\"'
```

```{code-cell} ipython3
print(type(stream(1, "weights")).__name__)
```

### Show more

Glued: {glue:text}`half:.2f`.

```{math}
:label: near
x = |y|
```

| left | right |
|:--|--:|
| $\\|x\\|$ | `a\\|b` |

- one
- two

  deeper

2. second
3. third

term
: meaning

> quoted

:field: body

```{note}
Mind $z$.
```

```{admonition} Own title
* inside
```

::::{tab-set}
:::{tab-item} First tab
In the first.
:::
:::{tab-item} Second tab
In the second.
:::
::::

:::{dropdown} Unfold
Hidden text.
:::

```{code-cell} ipython3
---
mystnb:
  figure:
    name: fig-dot
    caption: A dot at $x_1$.
  image:
    alt: A dot
---
import matplotlib.pyplot as plt

plt.plot([1], [1], "o");
```

```{exercise}
:label: ex-one
What is one?
```

````{solution-start} ex-one
:class: dropdown
````

It is `1`.

```{code-cell} ipython3
1
```

````{solution-end}
````
"""


class Book:
    """A book of two pages and of the real package, built by Sphinx."""

    def __init__(self, folder: Path, problem: str) -> None:
        self.folder = folder
        pages = {"index": "# Book\n\n```{toctree}\nproblem\ntheory\n```\n", "problem": HEAD + problem}
        pages |= {"theory": THEORY}
        for name, text in pages.items():
            (folder / f"{name}.md").write_text(text, encoding="utf-8")
        (folder / "conf.py").write_text(CONFIGURATION, encoding="utf-8")
        (folder / "references.bib").write_text(BIBLIOGRAPHY, encoding="utf-8")
        for file in ("pyproject.toml", "requirements.txt"):
            shutil.copy(ROOT / file, folder)
        shutil.copytree(CODE / "threelayer", folder / "code" / "threelayer")
        shutil.copytree(ROOT / ".binder", folder / ".binder")

    def build(self, **environment: str) -> subprocess.CompletedProcess:
        """Build with all warnings as errors, where nobody publishes unless the environment says so."""
        command = [sys.executable, "-m", "sphinx", "-nW", "--keep-going", "-b", "html", ".", "_build/html"]
        mine = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
        environment = {**mine, **KERNEL_ENVIRONMENT, "PYTHONPATH": str(CODE), **environment}
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)

    def notebook(self) -> nbformat.NotebookNode:
        """Return the page's notebook."""
        return nbformat.read(self.folder / "_build" / "html" / "notebooks" / "problem.ipynb", 4)


@pytest.fixture(scope="module")
def book(tmp_path_factory) -> Book:
    """Return the small book, built."""
    book = Book(tmp_path_factory.mktemp("book"), PROBLEM)
    result = book.build()
    assert result.returncode == 0, result.stderr
    return book


@pytest.fixture(scope="module")
def prose(book) -> str:
    """Return the notebook's Markdown."""
    return markdown_of(book.notebook())


def printed(cell: nbformat.NotebookNode) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


def markdown_of(notebook: nbformat.NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


@pytest.mark.parametrize(
    "expected",
    [
        "# State *it*\n\nThis notebook was made from a chapter of *A small book*",
        r"A price of 5\$ for a\_b \[c\] and \<d\>, see *The theory*, (1), (2), Fig. 1, "
        r"Table 1 of *The theory* and "
        "[elsewhere](https://example.org/a_b)",
        r"\[Squire and Trapp, 1998\]",
        "## References\n\n- William Squire and George Trapp. Complex variables.",
        "[doi:10.1137/S003614459631241X](https://doi.org/10.1137/S003614459631241X)",
        "## Equations of other chapters\n\nFrom *The theory*:\n\n$$\n"
        "\\begin{aligned}a_h \\\\\nb_h\\end{aligned} \\tag{2}\n$$",
        "Glued: 0.50.",
        "$$\nx = |y| \\tag{1}\n$$",
        "| left | right |\n| :-- | --: |\n| $\\vert x\\vert $ | `a\\|b` |",
        "- one\n- two\n\n  deeper",
        "2. second\n3. third",
        "- **term**: meaning",
        "> quoted",
        "- **field**: body",
        "> **Note**\n>\n> Mind $z$.",
        "> **Own title**\n>\n> - inside",
        "**First tab**\n\nIn the first.\n\n**Second tab**\n\nIn the second.",
        "<details>\n<summary>Unfold</summary>\n\nHidden text.\n\n</details>",
        "**Fig. 1.** A dot at $x_1$.",
        "<details>\n<summary>The figure in words</summary>\n\nA dot\n\n</details>",
        "**Exercise 1**\n\nWhat is one?",
        "<details>\n<summary>Solution to Exercise 1</summary>\n\nIt is `1`.\n\n</details>",
        "### Show more",
        "```python\ndef stream(",
    ],
)
def test_each_construct_has_its_markdown(prose, expected):
    assert expected in prose


def test_only_what_is_referred_to_is_explained_at_the_end(prose):
    assert "c_h" not in prose
    text = re.sub(r"\$\$[^$]*\$\$|\$[^$]*\$|```[^`]*```|`[^`]*`", "", prose.replace(r"\$", ""))
    assert "{" not in text, "markup of the page is left over"


def test_code_cells_keep_source_outputs_and_folds(book):
    notebook = book.notebook()
    nbformat.validate(notebook)
    chapter = notebook.cells[before_chapter(notebook) :]
    first, listed, kind, figure, solution = (cell for cell in chapter if cell.cell_type == "code")
    assert first.metadata.jupyter == {"source_hidden": True}
    [claim] = first.outputs  # the glued number is in the prose
    assert claim.data["text/plain"].startswith("One is small: 1, ≤ 2 (control, three: 3)")
    assert set(claim.data) == {MIME_TYPE, "text/markdown", "text/plain"}
    assert printed(kind) == "Generator\n"
    assert any(mime.startswith("image/") for mime in figure.outputs[0].data)
    assert solution.metadata.jupyter == {"source_hidden": True, "outputs_hidden": True}
    magic, _, body = listed.source.partition("\n")
    assert magic == "%%listing threelayer.streams"
    assert body in (CODE / "threelayer" / "streams.py").read_text("utf-8")


def test_what_has_no_form_in_a_notebook_fails_the_build(tmp_path):
    book = Book(tmp_path, "# Page\n\n```{raw} html\n<b>bold</b>\n```\n\n{cite:p}`squire`, {eq}`far`\n")
    result = book.build()
    assert result.returncode
    assert "problem.md: WARNING: no notebook: a raw has no form in a notebook" in result.stderr
    assert not (tmp_path / "_build" / "html" / "notebooks").exists()


def test_modules_are_carried_whole_and_behind_what_they_import(book):
    cells = code_cells(book.notebook(), "%%writefile")
    carried = {}
    for cell in cells:
        magic, _, source = cell.source.partition("\n")
        place = magic.removeprefix("%%writefile {carried}/")
        name = place.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        assert source == (CODE / place).read_text("utf-8").rstrip()
        inside = set(re.findall(r"^from (threelayer[\w.]*) import", source, re.MULTILINE))
        assert inside <= set(carried), f"{name} comes before what it imports"
        carried[name] = source
    assert {"threelayer", "threelayer.claims", "threelayer.spec", "threelayer.streams"} <= set(carried)
    assert "threelayer.numpy_manual" not in carried
    assert needed_modules(CODE, ["threelayer.plots"])["threelayer.plots.style"].name == "style.py"


def test_imports_are_read_from_the_syntax_tree():
    source = """
import a.b as c
def late():
    from d import e
try:
    import optional
except ImportError:
    pass
network = load("jax_transforms")
text = "import quoted"
"""
    assert set(imports(source)) == {"a.b", "d", "d.e", "threelayer.jax_transforms"}
    with pytest.raises(ValueError, match="relative import"):
        list(imports("from . import x"))
    assert {"threelayer.numpy_manual", "threelayer.jax_transforms"} <= set(imports("load(name)"))


def test_the_small_notebook_runs_alone_and_its_listing_is_live(book, tmp_path):
    notebook = book.notebook()
    [listed] = code_cells(notebook, "%%listing")
    notebook.cells.append(new_code_cell(PROVENANCE))
    where = notebook.cells.index(listed)
    before = new_code_cell("from threelayer import streams\nprint(stream is streams.stream)")
    changed = re.sub(r"\n    return .*", "\n    return 'mine'", listed.source, flags=re.DOTALL)
    after = new_code_cell(
        "print(stream(1, 'weights'), streams.stream(1, 'weights'), streams.stream is stream)"
    )
    uses = new_code_cell("import threelayer.data\nprint(threelayer.data.stream(1, 'weights'))")
    back = new_code_cell(listed.source)
    again = new_code_cell("print(type(stream(1, 'weights')).__name__)")
    notebook.cells[where + 1 : where + 1] = [before, new_code_cell(changed), after, uses, back, again]
    ran = executed(notebook, tmp_path).cells
    assert printed(ran[where]) == ""
    assert printed(ran[where + 1]) == "True\n"
    assert printed(ran[where + 2]) == "threelayer.streams is loaded anew, with the definitions above\n"
    assert printed(ran[where + 3]) == "mine mine True\n"
    assert printed(ran[where + 4]) == "mine\n"
    assert printed(ran[where + 6]) == "Generator\n"
    assert printed(ran[-1]) == "\n", "a module came from elsewhere"


def test_without_the_carried_cells_the_package_is_not_found(book, tmp_path):
    notebook = book.notebook()
    notebook.cells = notebook.cells[before_chapter(notebook) :]
    with pytest.raises(CellExecutionError, match="No module named 'threelayer'"):
        executed(notebook, tmp_path)


def with_pip(notebook, asked, does):
    """Let a notebook need an absent package; its pip notes what it is asked for and `does` something."""
    first = code_cells(notebook)[0]
    first.source = first.source.replace('"pandas":', '"absent_thing": "absent-thing>=2.6",\n    "pandas":')
    pip = f"""\
import pathlib, sys
from IPython import get_ipython
def pip(line):
    pathlib.Path({str(asked)!r}).write_text(line)
    {does}
get_ipython().register_magic_function(pip)"""
    notebook.cells.insert(0, new_code_cell(pip))  # the real one would ask a network


def test_the_first_cell_installs_what_is_missing_and_goes_on(book, tmp_path):
    notebook, asked = book.notebook(), tmp_path / "asked.txt"
    here = repr(str(tmp_path))
    there = f"pathlib.Path({here}, 'absent_thing.py').touch(); sys.path.append({here})"
    with_pip(notebook, asked, there)
    ran = executed(notebook, tmp_path)
    assert asked.read_text() == "install --quiet 'absent-thing>=2.6'"
    said = printed(code_cells(ran)[1])
    assert said.startswith("Installing absent-thing>=2.6\nAll packages are here.")


def test_the_first_cell_says_what_could_not_be_installed(book, tmp_path):
    notebook = book.notebook()
    with_pip(notebook, tmp_path / "asked.txt", "pass")
    with pytest.raises(CellExecutionError, match=r"pip could not install absent-thing>=2\.6; its message"):
        executed(notebook, tmp_path)


def test_what_a_notebook_does_not_name_is_not_there(book, tmp_path):
    notebook = book.notebook()
    notebook.cells.append(new_code_cell("import PIL, sqlite3, IPython"))  # Matplotlib's, Python's, Jupyter's
    executed(notebook, tmp_path)
    notebook.cells[-1] = new_code_cell("import sklearn")
    with pytest.raises(CellExecutionError, match="No module named 'sklearn'"):
        executed(notebook, tmp_path)


def test_tables_with_a_style_need_jinja2(book, tmp_path):
    notebook = book.notebook()
    notebook.cells.append(new_code_cell("import pandas\npandas.DataFrame([[1.0]]).style.to_html()"))
    executed(notebook, tmp_path)
    first = code_cells(notebook)[0]
    first.source = re.sub(r' *"jinja2": .*\n', "", first.source)
    with pytest.raises(CellExecutionError, match="jinja2"):
        executed(notebook, tmp_path)


def test_what_can_be_imported_is_not_missing(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "odd_name.py").touch()
    assert unmet({"odd_name": "quite-different>=2.0"}) == []  # a project that is edited, a build of one's own
    metadata = tmp_path / "plain_name-2.6.dist-info" / "METADATA"
    metadata.parent.mkdir()
    (tmp_path / "plain_name.py").touch()
    for found, least, met in [
        ("2.6", "2.6.0", True),
        ("2.6.0", "2.6", True),
        ("2.6+cpu", "2.6", True),
        ("2.10", "2.6", True),
        ("2.6", "2.10", False),
        ("2.6", "2.6.1", False),
    ]:
        metadata.write_text(f"Name: plain_name\nVersion: {found}\n")
        needed = f"plain_name>={least}"
        assert unmet({"plain_name": needed}) == ([] if met else [needed]), (found, least)


def test_what_a_library_needs_for_its_logs_is_named():
    for package in ("tensorflow.data", "pytorch_lightning.loggers"):
        assert any(line.startswith("tensorboard>=") for line in requirements(ROOT, [package]).values())
    assert "tensorboard" not in requirements(ROOT, ["torch", "jax"])


def test_versions_are_compared_as_numbers():
    major, minor = np.__version__.split(".")[:2]
    assert unmet({"numpy": f"numpy>={major}.{minor}"}) == []
    assert unmet({"numpy": f"numpy>={major}.{int(minor) + 1}"}) == [f"numpy>={major}.{int(minor) + 1}"]
    assert unmet({"numpy": "numpy>=1.9"}) == []  # as text "1.9" might follow "1.10"
    assert unmet({"absent_thing": "absent-thing"}) == ["absent-thing"]


def test_binder_installs_what_the_notebooks_need(site):
    listed = (ROOT / ".binder" / "requirements.txt").read_text("utf-8").split("\n")
    names: list[str] = []
    for stem in downloads.PAGES:
        for cell in code_cells(notebook_of(site, stem)):
            if cell.source.startswith("%%writefile"):
                names += imports(cell.source.partition("\n")[2])
            elif not cell.source.startswith("%%") and "%pip" not in cell.source:
                names += imports(cell.source)
    needed = requirements(ROOT, names)
    assert {"torch", "jax", "keras"} <= set(needed)
    wanted = {name.replace("tensorflow>", "tensorflow-cpu>") for name in needed.values()}
    assert wanted <= set(listed)


def test_one_file_takes_what_is_needed_and_refuses_two_meanings(tmp_path):
    package = tmp_path / "threelayer"
    package.mkdir()
    (package / "__init__.py").write_text('"""P."""\n')
    low = (
        '"""Low."""\n\nimport math\n\nPI = 3\nUNUSED = 4\n\n\n# why\ndef area():\n    return math.sqrt(PI)\n'
    )
    (package / "low.py").write_text(low)
    (package / "top.py").write_text('"""Top."""\n\nfrom threelayer.low import area\n\nTWICE = 2 * area()\n')
    text = one_file(tmp_path, "threelayer.top")
    assert "UNUSED" not in text
    assert "# why\ndef area" in text
    space: dict = {}
    exec(text, space)
    assert space["TWICE"] == 2 * 3**0.5
    setting = 'import os\n\nos.environ.setdefault("KEY", "value")\nimport math\n\n'
    setting += "if math.pi < 3:\n    raise ImportError\n"
    (package / "low.py").write_text(low.replace("import math\n", setting))
    lines = one_file(tmp_path, "threelayer.top").splitlines()
    assert lines.index('os.environ.setdefault("KEY", "value")') < lines.index("import math")
    assert lines.index("import math") < lines.index("if math.pi < 3:")
    (package / "top.py").write_text(
        '"""Top."""\n\nfrom threelayer.low import area\n\nPI = 4\nprint(area())\n'
    )
    with pytest.raises(ValueError, match="both define PI"):
        one_file(tmp_path, "threelayer.top")


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """Return a function that makes a repository, with a remote and with what its branch is known to hold."""
    for name in ("GITHUB_REPOSITORY", "GITHUB_SERVER_URL", "GITHUB_EVENT_NAME"):
        monkeypatch.delenv(name, raising=False)

    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def make(address: str | None, *published: str) -> Path:
        git("init", "-q")
        if address:
            git("remote", "add", "origin", address)
        if published:
            for name in published:
                (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / name).write_text("{}")
            git("add", ".")
            git("commit", "-qm", "Publish")
            git("update-ref", "refs/remotes/origin/gh-pages", git("rev-parse", "HEAD"))
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("address", "repository"),
    [
        ("https://github.com/some-one/a.book.git", "some-one/a.book"),
        ("git@github.com:some-one/book.git", "some-one/book"),
        ("ssh://git@github.com/some-one/book", "some-one/book"),
        ("https://example.org/some-one/book.git", None),
        ("https://github.com.example.org/some-one/book", None),
        ("/some/folder", None),
        (None, None),
    ],
)
def test_the_repository_is_known_from_the_remote(clone, address, repository):
    folder = clone(address, "1.2.0/notebooks/problem.ipynb", "1.2.0/notebooks/other.ipynb")
    expected = (repository, ["problem"]) if repository else ("", [])
    assert downloads.public_notebooks(folder, "gh-pages", "1.2.0/notebooks") == expected


def test_a_branch_that_is_not_there_holds_no_notebook(clone):
    folder = clone("https://github.com/some-one/book")
    assert downloads.public_notebooks(folder, "gh-pages", "notebooks") == ("", [])


def test_a_page_opens_the_notebook_of_its_own_release_and_not_the_newest(clone):
    published = ["1.2.0/notebooks/problem.ipynb", "1.3.0/notebooks/network.ipynb", "notebooks/network.ipynb"]
    folder = clone("https://github.com/some-one/book", *published)
    places = {}
    for version in ("1.2.0", "1.3.0", "1.4.0"):
        config = SimpleNamespace(notebooks_branch="gh-pages", cited_book=SimpleNamespace(version=version))
        downloads.find_places(SimpleNamespace(srcdir=folder), config)
        places[version] = config.notebook_places
    file, quoted = "1.2.0/notebooks/problem.ipynb", "1.2.0%2Fnotebooks%2Fproblem.ipynb"
    assert places["1.2.0"]["problem"] == {
        "Colab": f"https://colab.research.google.com/github/some-one/book/blob/gh-pages/{file}",
        "Binder": f"https://mybinder.org/v2/gh/some-one/book/gh-pages?urlpath=lab%2Ftree%2F{quoted}",
    }
    assert list(places["1.2.0"]) == ["problem"] and list(places["1.3.0"]) == ["network"]
    assert places["1.4.0"] == {}, "what is not released yet lies nowhere"


@pytest.mark.parametrize(
    ("environment", "repository"),
    [
        ({}, "ci/book"),
        ({"GITHUB_SERVER_URL": "https://github.com", "GITHUB_EVENT_NAME": "push"}, "ci/book"),
        ({"GITHUB_SERVER_URL": "https://github.example.org"}, None),
        ({"GITHUB_EVENT_NAME": "pull_request"}, None),
    ],
)
def test_ci_names_the_repository_that_it_publishes(clone, monkeypatch, environment, repository):
    folder = clone("https://github.com/some-one/book", "notebooks/problem.ipynb")
    monkeypatch.setenv("GITHUB_REPOSITORY", "ci/book")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    expected = (repository, list(downloads.PAGES)) if repository else ("", [])
    assert downloads.public_notebooks(folder, "gh-pages", "notebooks") == expected


ROW = re.compile(r'<nav class="take-along".*?</nav>', re.DOTALL)


def row_of(site: Path, page: str) -> dict[str, str]:
    """Return the links of the row under a page's title, by their texts."""
    rows = ROW.findall((site / page).read_text("utf-8"))
    assert len(rows) <= 1
    links = re.findall(r'<a href="([^"]*)"[^>]*>(.*?)</a>', "".join(rows), re.DOTALL)
    return {re.sub(r"<[^>]*>", "", text).strip(): address for address, text in links}


def dead(links: dict[str, str], site: Path, page: str, repository: str, version: str = "") -> list[str]:
    """Return the links that lead to nothing, when gh-pages holds the site, here and under its version."""
    lost = []
    for text, address in links.items():
        parts = urlsplit(address)
        if not parts.netloc:
            file = os.path.normpath(Path(page).parent / parts.path)
        elif parts.netloc == "colab.research.google.com":
            place, _, file = parts.path.partition("/blob/gh-pages/")
            file = file if place == f"/github/{repository}" else ""
        else:
            [opened] = parse_qs(parts.query)["urlpath"]
            here = parts.path == f"/v2/gh/{repository}/gh-pages" and (site / ".binder").is_dir()
            file = opened.removeprefix("lab/tree/") if here else ""
        if parts.netloc and version:
            file = file.removeprefix(f"{version}/") if file.startswith(f"{version}/") else ""
        if not file or not (site / file).is_file():
            lost.append(text)
    return lost


def notebook_of(site: Path, stem: str) -> nbformat.NotebookNode:
    return nbformat.read(site / "notebooks" / f"{stem}.ipynb", 4)


@pytest.mark.parametrize("stem", downloads.PAGES)
def test_the_site_has_a_notebook_of_the_page(site, stem):
    notebook = notebook_of(site, stem)
    nbformat.validate(notebook)
    assert claims_of(notebook)
    assert str(ROOT) not in (site / "notebooks" / f"{stem}.ipynb").read_text("utf-8")
    fenced = re.compile(r"^( *)(```+)(?!\{).*?^\1\2$", re.DOTALL | re.MULTILINE)
    assert not MYST.findall(fenced.sub("", markdown_of(notebook)))


def test_the_checker_of_markup_finds_what_is_left_over():
    left = "See {eq}`a` ({ref}`b`).\n\n:::{note}\n:::\n\n```{figure} x\n```\n\n(label)=\n\n% why\n"
    assert MYST.findall(left) == ["{eq}", "{ref}", ":::{", ":::", "```{", "(label)=", "% "]
    assert not MYST.findall("$\\frac{a}{b}$, `{x}`, `{a}{b}`, ```python``` and (label) = 5 %\n")


def test_the_row_leads_to_what_is_there(site):
    version = read_book(ROOT / "CITATION.cff", "book").version
    repository, _ = downloads.public_notebooks(ROOT, "gh-pages", f"{version}/notebooks")
    for path in sorted(site.glob("book/*.html")):
        page, links = path.relative_to(site).as_posix(), row_of(site, path.relative_to(site).as_posix())
        files = ["Download notebook"] if path.stem in downloads.PAGES else []
        files += ["Download module as one file"] if path.stem in IMPLEMENTATIONS else []
        assert [text for text in links if text.startswith("Download")] == files, page
        assert not dead(links, site, page, repository, version), page


def test_the_row_is_reached_by_keyboard(browser, origin):
    with browser.new_context() as context:
        tab = context.new_page()
        tab.goto(f"{origin}/book/numpy_manual.html")
        tab.locator(".bd-article h1 a.headerlink").focus()
        reached = []
        for _ in range(2):
            tab.keyboard.press("Tab")
            reached.append(tab.evaluate("document.activeElement.innerText.trim()"))
        assert reached == ["Download notebook", "Download module as one file"]
        with tab.expect_download() as download:
            tab.keyboard.press("Enter")
        assert download.value.suggested_filename == "threelayer_numpy_manual.py"


@pytest.mark.parametrize("stem", downloads.PAGES)
def test_the_notebook_has_the_cells_that_the_build_ran(site, stem):
    page = read_page((ROOT / "book" / f"{stem}.md").read_text("utf-8"), ROOT)
    notebook = notebook_of(site, stem)
    chapter = new_notebook(cells=notebook.cells[before_chapter(notebook) :])
    sources = [cell.source for cell in code_cells(chapter) if not cell.source.startswith("%%listing")]
    removed = [cell for cell in code_cells(page) if "remove-cell" in cell.metadata.get("tags", ())]
    assert sources == [cell.source for cell in code_cells(page) if cell not in removed]
    # And nothing of the repository that they read is missing.
    carried = {
        cell.source.partition("\n")[0].removeprefix("%%writefile {carried}/")
        for cell in code_cells(notebook, "%%writefile")
    }
    opened = Record.load(ROOT, page.metadata.kernelspec["cells"]).files
    opened = {name.removeprefix("code/") for name in opened if name.endswith(".py")}
    assert opened - carried <= ({"threelayer/runs.py"} if removed else set())
    for cell in code_cells(chapter, "%%listing"):
        magic, _, body = cell.source.partition("\n")
        name = magic.removeprefix("%%listing threelayer.").replace(".", "/")
        assert body in (CODE / "threelayer" / f"{name}.py").read_text("utf-8")


def test_the_readme_names_what_is_there(site):
    rows = re.findall(r"^\| \[.*\.py` \|$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    for stem, row in zip(IMPLEMENTATIONS, rows, strict=True):
        linked, made = re.findall(r"\]\(([^)]*)\)", row), re.findall(r"\| `([^`]*)`", row)
        assert linked == [f"book/{stem}.md", f"code/threelayer/{stem}.py"]
        assert made == [f"notebooks/{stem}.ipynb", f"modules/threelayer_{stem}.py"]
        assert all((ROOT / name).is_file() for name in linked)
        assert all((site / name).is_file() for name in made)
        title = (ROOT / linked[0]).read_text("utf-8").partition("\n# ")[2].partition("\n")[0]
        assert row.startswith(f"| [{title}](")


@pytest.fixture(scope="module")
def reference() -> tuple[Config, Params]:
    """Train for a fifth of the book's epochs; `make notebooks` compares after all of them."""
    config = Config(epochs=100)
    return config, book_weights(config)


ONE_FILE = """
import sys
import numpy
sys.path.append({folder!r})
import threelayer_{stem} as alone
small = alone.Config(hidden=(5, 4), epochs=2, batch_size=32)
numpy.savez({file!r}, *alone.fit(alone.init_params(small), alone.make_data(96, 11, 13), small).params)"""


@pytest.mark.parametrize("stem", IMPLEMENTATIONS)
def test_alone_the_nine_end_in_the_weights_of_the_book(site, stem, tmp_path, reference):
    """Train with the notebook's own code, and with the single file, in one kernel, which imports but once."""
    notebook, file = notebook_of(site, stem), tmp_path / "alone.npz"
    alone = ONE_FILE.format(folder=str(site / "modules"), stem=stem, file=str(file))
    notebook.cells.insert(before_chapter(notebook), new_code_cell(alone))
    outcome = try_out(notebook, stem, *reference, whole=stem == "numpy_manual")
    assert not outcome.faults
    names = imports((site / "modules" / f"threelayer_{stem}.py").read_text("utf-8"))
    assert not [name for name in names if name.split(".")[0] == "threelayer"]
    config, data = Config(hidden=(5, 4), epochs=2, batch_size=32), make_data(96, 11, 13)
    expected = numpy_manual.fit(init_params(config), data, config).params
    with np.load(file) as found:
        params = Params(*found.values())
    assert largest_deviation(params, expected) <= 1e-12
    assert largest_deviation(params, Params(*(1.001 * p for p in expected))) > 1e-9


def test_a_run_tells_what_is_wrong(book, reference):
    notebook = book.notebook()
    planted = "open('left.txt', 'w').close()\nimport sys, types\n"
    planted += "other = sys.modules['threelayer.other'] = types.ModuleType('threelayer.other')\n"
    planted += "other.__file__ = '/elsewhere/other.py'"
    notebook.cells.append(new_code_cell(planted))
    again = 'claim("One is small again", 1, at_most=2, control=("three", 3))'
    notebook.cells.append(new_code_cell(again))
    shown = new_output("execute_result", {MIME_TYPE: {"statement": "Two is small"}})
    notebook.cells[-1].outputs = [shown]
    outcome = try_out(notebook, "problem", *reference)
    assert outcome.claims == 2
    assert outcome.faults == [
        "it left files: left.txt",
        "it claims 'One is small again' where it brings 'Two is small'",
        "modules that no cell carries: threelayer.other",
    ]
    made = [{"statement": "It is equation {eq}`update`"}]
    assert different_claims([], made) == ["it makes 0 claims and brings 1"]
    assert different_claims(made, made) == []
    assert different_claims(made, [{"statement": "It is equation {eq}`glorot`"}])
    broken = new_notebook(cells=[new_markdown_cell(CHAPTER), new_code_cell("1 / 0")])
    assert "ZeroDivisionError" in try_out(broken, "problem", *reference).faults[0]
    assert largest_deviation(reference[1], init_params(Config())) > 0.1, "the start would pass for the end"


def test_a_new_build_writes_what_a_change_concerns(book, tmp_path):
    """Change an equation of another page, and where the notebooks can be opened."""
    site = book.folder / "_build" / "html"
    assert list(row_of(site, "problem.html")) == ["Download notebook"]
    theory = book.folder / "theory.md"
    theory.write_text(theory.read_text("utf-8").replace("b_h", "b_k"), "utf-8")
    result = book.build(GITHUB_REPOSITORY="some-one/book")
    assert result.returncode == 0, result.stderr
    [equation] = re.findall(r"a_h.*?tag\{2\}", markdown_of(book.notebook()), re.DOTALL)
    assert "b_k" in equation
    links = row_of(site, "problem.html")
    assert list(links) == ["Download notebook", "Open in Colab", "Open in Binder"]
    assert not dead(links, site, "problem.html", "some-one/book")
    assert dead(links, site, "problem.html", "some-one/else") == ["Open in Colab", "Open in Binder"]
    (tmp_path / "notebooks").mkdir()
    assert dead(links, tmp_path, "problem.html", "some-one/book") == list(links)
