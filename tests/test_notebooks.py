"""Notebooks and single files that leave the book: what they say, and that they run where the book is not.

The slow part runs two chapters from start to end. NOTEBOOKS=all in the environment runs all of them.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import downloads
import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell

from bookmaking.execute import KERNEL_ENVIRONMENT
from bookmaking.notebooks.carried import imports, needed_modules, requirements
from bookmaking.notebooks.onefile import one_file
from bookmaking.notebooks.runtime import unmet
from threelayer import IMPLEMENTATIONS, Config, init_params, make_data, numpy_manual
from threelayer.claims import MIME_TYPE

ROOT = Path(__file__).parents[1]
CODE = ROOT / "code"
WHOLE = downloads.PAGES if os.environ.get("NOTEBOOKS") == "all" else ("numpy_manual", "pytorch_scratch")
# Where installed packages are. Python adds their .pth files, and so this repository, only through `site`.
PACKAGES = [path for path in sys.path if path.endswith("site-packages")]
BARE = [sys.executable, "-I", "-S"]
PROVENANCE = """
import sys
names = [name for name in sys.modules if name.split(".")[0] in ("threelayer", "bookmaking")]
print(sorted(names), sorted({str(sys.modules[name].__file__).startswith(str(carried)) for name in names}))"""
WEIGHTS = """
from importlib import import_module
import numpy
from threelayer import Config, init_params, make_data
found = import_module("threelayer.{stem}").fit(init_params(Config()), make_data(), Config()).params
numpy.savez({file!r}, *found)"""

CONFIGURATION = f"""
import sys
sys.path.append({str(Path(downloads.__file__).parent)!r})
extensions = ["myst_nb", "bookmaking.keyed_cache", "sphinx_design", "sphinx_exercise", "sphinxcontrib.bibtex"]
extensions += ["downloads"]
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
NETWORK = """# The network

```{math}
:label: far
a_h \\\\
b_h
```

```{math}
:label: never
c_h
```

```{bibliography}
```
"""
HEAD = "---\nfile_format: mystnb\nkernelspec: {name: python3, display_name: Python 3}\n---\n"
PROBLEM = """# State *it*

A price of 5\\$ for a_b [c] and \\<d>, see {doc}`network`, {eq}`near`, {eq}`far`, {numref}`fig-dot` and
[elsewhere](https://example.org/a_b). {cite:p}`squire`

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
        pages = {"index": "# Book\n\n```{toctree}\nproblem\nnetwork\n```\n", "problem": HEAD + problem}
        pages |= {"network": NETWORK}
        for name, text in pages.items():
            (folder / f"{name}.md").write_text(text, encoding="utf-8")
        (folder / "conf.py").write_text(CONFIGURATION, encoding="utf-8")
        (folder / "references.bib").write_text(BIBLIOGRAPHY, encoding="utf-8")
        for file in ("pyproject.toml", "requirements.txt"):
            shutil.copy(ROOT / file, folder)
        shutil.copytree(CODE / "threelayer", folder / "code" / "threelayer")

    def build(self) -> subprocess.CompletedProcess:
        """Build with all warnings as errors."""
        command = [sys.executable, "-m", "sphinx", "-nW", "--keep-going", "-b", "html", ".", "_build/html"]
        environment = {**os.environ, **KERNEL_ENVIRONMENT, "PYTHONPATH": str(CODE)}
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
    return "\n\n".join(cell.source for cell in book.notebook().cells if cell.cell_type == "markdown")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs a notebook where nothing of this repository is on the path."""
    kernel = tmp_path / "kernels" / "bare"
    kernel.mkdir(parents=True)
    # Readers have no MyST-NB, so it is kept from being found here.
    start = f"import sys; sys.path += {PACKAGES!r}; sys.modules['myst_nb'] = None; "
    start += "from ipykernel.kernelapp import launch_new_instance as go; go()"
    arguments = [*BARE, "-c", start, "-f", "{connection_file}", "--IPKernelApp.log_level=ERROR"]
    specification = {"argv": arguments, "display_name": "bare", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(specification), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    def run(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
        client = NotebookClient(notebook, timeout=900, kernel_name="bare")
        return client.execute(cwd=str(elsewhere), env={**os.environ, **KERNEL_ENVIRONMENT})

    return run


def code_cells(notebook: nbformat.NotebookNode, start: str = "") -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.startswith(start)]


def printed(cell: nbformat.NotebookNode) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


def chapter_start(notebook: nbformat.NotebookNode) -> int:
    """Return the number of cells before the chapter's own."""
    return 1 + next(i for i, cell in enumerate(notebook.cells) if cell.source == "## The chapter")


def statements(notebook: nbformat.NotebookNode) -> list[str]:
    """Return the claims that a run displays."""
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    return [output.data[MIME_TYPE]["statement"] for output in outputs if MIME_TYPE in output.get("data", {})]


def shown_claims(notebook: nbformat.NotebookNode) -> list[str]:
    """Return the texts of the claims that a notebook brings along."""
    data = [output.get("data", {}) for cell in code_cells(notebook) for output in cell.outputs]
    return [kinds["text/plain"] for kinds in data if "&#10003;" in kinds.get("text/html", "")]


@pytest.mark.parametrize(
    "expected",
    [
        "# State *it*\n\nThis notebook was made from a chapter of *A small book*",
        r"A price of 5\$ for a\_b \[c\] and \<d\>, see *The network*, (1), (2), Fig. 1 and "
        "[elsewhere](https://example.org/a_b)",
        r"\[Squire and Trapp, 1998\]",
        "## References\n\n- William Squire and George Trapp. Complex variables.",
        "[doi:10.1137/S003614459631241X](https://doi.org/10.1137/S003614459631241X)",
        "## Equations of other chapters\n\nFrom *The network*:\n\n$$\n"
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
    chapter = notebook.cells[chapter_start(notebook) :]
    first, listed, kind, figure, solution = (cell for cell in chapter if cell.cell_type == "code")
    assert first.metadata.jupyter == {"source_hidden": True}
    [claim] = first.outputs  # the glued number is in the prose
    assert claim.data["text/plain"].startswith("One is small: 1, ≤ 2 (control, three: 3)")
    assert set(claim.data) == {"text/html", "text/plain"}
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
    with pytest.raises(ValueError, match="not written out"):
        list(imports("load(name)"))


def test_the_small_notebook_runs_alone_and_its_listing_is_live(book, run):
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
    ran = run(notebook).cells
    assert printed(ran[where]) == ""
    assert printed(ran[where + 1]) == "True\n"
    assert printed(ran[where + 2]) == "threelayer.streams is loaded anew, with the definitions above\n"
    assert printed(ran[where + 3]) == "mine mine True\n"
    assert printed(ran[where + 4]) == "mine\n"
    assert printed(ran[where + 6]) == "Generator\n"
    names, all_carried = printed(ran[-1]).rsplit(" ", 1)
    assert "threelayer.streams" in names
    assert "bookmaking" not in names
    assert all_carried == "[True]\n"


def test_without_the_carried_cells_the_package_is_not_found(book, run):
    notebook = book.notebook()
    notebook.cells = notebook.cells[chapter_start(notebook) :]
    with pytest.raises(CellExecutionError, match="No module named 'threelayer'"):
        run(notebook)


def test_the_first_cell_says_what_to_install(book, run):
    notebook = book.notebook()
    first = code_cells(notebook)[0]
    first.source = first.source.replace('"numpy>=', '"numpy>=9').replace('"pandas":', '"absent_thing":')
    with pytest.raises(CellExecutionError, match=r"%pip install 'numpy>=9\S*' 'pandas>="):
        run(notebook)


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
            elif not cell.source.startswith("%%"):
                names += imports(cell.source)
    needed = requirements(ROOT, names)
    assert {"torch", "jax", "keras"} <= set(needed)
    wanted = {name.replace("tensorflow>", "tensorflow-cpu>") for name in needed.values()}
    assert wanted <= set(listed)


@pytest.mark.parametrize("stem", IMPLEMENTATIONS)
def test_one_file_trains_as_the_module_does(stem, tmp_path):
    text = one_file(CODE, f"threelayer.{stem}", ["make_data", "init_params"])
    (tmp_path / f"threelayer_{stem}.py").write_text(text, encoding="utf-8")
    script = f"""
import sys
sys.path += {[str(tmp_path), *PACKAGES]!r}
import threelayer_{stem} as network, numpy
config = network.Config(hidden=(5, 4), epochs=2, batch_size=32)
data = network.make_data(96, 11, 13)
numpy.savez({str(tmp_path / "found.npz")!r}, *network.fit(network.init_params(config), data, config).params)
assert "threelayer" not in sys.modules"""
    environment = {**os.environ, **KERNEL_ENVIRONMENT}
    result = subprocess.run(
        [*BARE, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    config, data = Config(hidden=(5, 4), epochs=2, batch_size=32), make_data(96, 11, 13)
    expected = numpy_manual.fit(init_params(config), data, config).params
    found = np.load(tmp_path / "found.npz")
    for name, weight in zip(found, expected, strict=True):
        np.testing.assert_allclose(found[name], weight, rtol=0, atol=1e-12)
        assert np.abs(found[name] - weight * 1.001).max() > 1e-9, "the bound would not see a fault"


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
    (package / "top.py").write_text(
        '"""Top."""\n\nfrom threelayer.low import area\n\nPI = 4\nprint(area())\n'
    )
    with pytest.raises(ValueError, match="both define PI"):
        one_file(tmp_path, "threelayer.top")


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
def test_the_repository_is_known_from_the_remote(tmp_path, monkeypatch, address, repository):
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    if address:
        subprocess.run(["git", "-C", str(tmp_path), "remote", "add", "origin", address], check=True)
    assert downloads.github_repository(tmp_path) == repository
    monkeypatch.setenv("GITHUB_REPOSITORY", "ci/book")
    assert downloads.github_repository(tmp_path) == "ci/book"


def buttons(monkeypatch, branch: str | None) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return label and links of the menus that a page gets."""
    monkeypatch.setenv("GITHUB_REPOSITORY", "some-one/book")
    monkeypatch.delenv("NOTEBOOKS_BRANCH", raising=False)
    if branch:
        monkeypatch.setenv("NOTEBOOKS_BRANCH", branch)

    class App:
        srcdir = ROOT

    menu = {"label": "download-buttons", "buttons": [{"text": ".md", "url": "page.md"}]}
    context = {"header_buttons": [menu], "pathto": lambda path, resource: f"../{path}"}
    downloads.add_buttons(App, "book/jax_transforms", "page.html", context, None)
    groups = context["header_buttons"]
    return [(group["label"], [(link["text"], link["url"]) for link in group["buttons"]]) for group in groups]


def test_a_page_has_the_buttons_that_work(monkeypatch):
    files = [
        (".ipynb", "../notebooks/jax_transforms.ipynb"),
        (".py", "../modules/threelayer_jax_transforms.py"),
    ]
    assert buttons(monkeypatch, None) == [("download-buttons", [*files, (".md", "page.md")])]
    (label, places), downloads_menu = buttons(monkeypatch, "notebooks")
    assert label == "launch-buttons"
    assert downloads_menu[1][:2] == files
    assert places == [
        (
            "Colab",
            "https://colab.research.google.com/github/some-one/book/blob/notebooks/notebooks/jax_transforms.ipynb",
        ),
        (
            "Binder",
            "https://mybinder.org/v2/gh/some-one/book/notebooks?urlpath=lab%2Ftree%2Fnotebooks%2Fjax_transforms.ipynb",
        ),
    ]


def notebook_of(site: Path, stem: str) -> nbformat.NotebookNode:
    return nbformat.read(site / "notebooks" / f"{stem}.ipynb", 4)


@pytest.mark.parametrize("stem", downloads.PAGES)
def test_the_site_has_a_notebook_of_the_page(site, stem):
    notebook = notebook_of(site, stem)
    nbformat.validate(notebook)
    assert shown_claims(notebook)
    text = (site / "notebooks" / f"{stem}.ipynb").read_text("utf-8")
    assert str(ROOT) not in text
    module = f"threelayer_{stem}.py"
    page = (site / "book" / f"{stem}.html").read_text("utf-8")
    assert f'href="../notebooks/{stem}.ipynb"' in page
    assert (f'href="../modules/{module}"' in page) == (site / "modules" / module).is_file()


@pytest.fixture(scope="module")
def book_weights() -> list[np.ndarray]:
    """Train the reference as the book does."""
    return list(numpy_manual.fit(init_params(Config()), make_data(), Config()).params)


@pytest.mark.parametrize("stem", IMPLEMENTATIONS)
def test_alone_the_nine_end_in_the_same_weights(site, stem, run, tmp_path, book_weights):
    notebook = notebook_of(site, stem)
    notebook.cells = notebook.cells[: chapter_start(notebook)]
    file = tmp_path / "weights.npz"
    notebook.cells += [new_code_cell(WEIGHTS.format(stem=stem, file=str(file))), new_code_cell(PROVENANCE)]
    assert printed(run(notebook).cells[-1]).endswith(" [True]\n")
    found = np.load(file)
    largest = max(
        np.abs(found[name] - weight).max() for name, weight in zip(found, book_weights, strict=True)
    )
    assert largest <= 1e-12  # the bound of chapter "one_trajectory"
    start = init_params(Config())
    assert max(np.abs(found[name] - weight).max() for name, weight in zip(found, start, strict=True)) > 0.1


@pytest.mark.parametrize("stem", WHOLE)
def test_alone_a_chapter_reaches_the_same_claims(site, stem, run):
    notebook = notebook_of(site, stem)
    expected = shown_claims(notebook)
    assert expected
    notebook.cells.append(new_code_cell(PROVENANCE))
    ran = run(notebook)
    found = statements(ran)
    assert len(found) == len(expected)
    for statement, text in zip(found, expected, strict=True):
        assert text.startswith(f"{statement}: ")
    names, all_carried = printed(ran.cells[-1]).rsplit(" ", 1)
    assert f"threelayer.{stem}" in names or stem not in IMPLEMENTATIONS
    assert all_carried == "[True]\n"
