"""The build on a miniature book: what runs again, what fails, and that the last good site survives.

A whole build costs seconds, so a test that needs one goes through several changes, one after the other. What
depends on what is asked of the cache itself, and running alone is tested without Sphinx.
"""

import html
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from jupyter_cache import get_cache

from bookmaking.build import render
from bookmaking.build.execute import KERNEL_ENVIRONMENT, Summary, _environment, execute, read_seconds
from bookmaking.cache import cores as threads
from bookmaking.cache.keyed_cache import CACHE, Record, digest, read_page
from bookmaking.cache.page import Page
from bookmaking.upkeep.serve import serving
from support import ROOT

CODE = ROOT / "code"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(CODE)}
BUILD = [sys.executable, "-m", "bookmaking.build"]
PATIENCE = 120  # seconds until a condition that does not come is a failure

FILES = {
    "_config.yml": """
        title: Mini
        author: Nobody
        only_build_toc_files: true
        execute: {execute_notebooks: cache, timeout: 100}
        sphinx:
          extra_extensions: [bookmaking.cache.keyed_cache, bookmaking.cache.shared_state]
          local_extensions: {block: book/_ext}
          config: {nb_execution_raise_on_error: true}
        """,
    "_toc.yml": """
        format: jb-book
        root: book/index
        chapters:
          - file: book/uses_b
          - file: book/uses_c
        """,
    "requirements.txt": "numpy==2.0\n",
    "tests/test_shown.py": "LIMIT = 'one'\n",
    # Waits when all pages have been read, where a file tells it to.
    "book/_ext/block.py": """
        import threading
        from pathlib import Path

        def block(app, env):
            if Path(app.srcdir, "_build", "hold").exists():
                Path(app.srcdir, "_build", "held").touch()
                threading.Event().wait()

        def setup(app):
            app.connect("env-check-consistency", block)
        """,
    "code/minipkg/__init__.py": "",
    "code/minipkg/a.py": "VALUE = 'a one'\n",
    "code/minipkg/b.py": """
        from minipkg.a import VALUE

        def late():
            from minipkg import lazy
            return lazy.VALUE
        """,
    "code/minipkg/c.py": "VALUE = 'c one'\n",
    "code/minipkg/child.py": "VALUE = 'child one'\n",
    "code/minipkg/lazy.py": "VALUE = 'lazy one'\n",
    "code/minipkg/unused.py": "VALUE = 'unused one'\n",
    "book/index.md": """
        # Start

        Only prose. See [](uses_b.md).
        """,
    "book/uses_b.md": """
        ---
        file_format: mystnb
        ---

        # Page B

        Before the cell.

        $$x = 1$$ (first)

        ```{code-cell}
        from minipkg import b
        print(b.VALUE, b.late())
        ```

        ```{literalinclude} /tests/test_shown.py
        ```
        """,
    "book/uses_c.md": """
        ---
        file_format: mystnb
        ---

        # Page C

        After {eq}`first`.

        ```{code-cell}
        import subprocess, sys
        from minipkg import c
        print(c.VALUE)
        subprocess.run([sys.executable, "-c", "import minipkg.child"], check=True)
        ```
        """,
}

CLAIM = """
```{code-cell}
class FalseClaim(AssertionError):
    pass

raise FalseClaim("false claim: 'gradients agree': measured 3.2e-02, bound <= 1.0e-12")
```
"""


# Sphinx warns of this when it reads the page, so only once in the life of its environment.
UNREADABLE = """
```{nonsense}
```
"""


def write(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text).strip() + "\n")


def append(root, name, text):
    with (root / name).open("a") as file:
        file.write(text)


def replace(root, name, old, new):
    text = (root / name).read_text()
    assert old in text
    (root / name).write_text(text.replace(old, new))


def build(root):
    return subprocess.run(
        [*BUILD, "--root", str(root)], env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE
    )


def ran(result):
    """The names of the pages that ran to their end, sorted; the build must have succeeded."""
    assert result.returncode == 0, result.stdout + result.stderr
    return sorted(line.split()[1] for line in result.stdout.splitlines() if "  ran in " in line)


def site(root):
    """Every file of the published site, with its content."""
    folder = root / "_build" / "html"
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def pages_of_site(root):
    """Every page, without the marks that stylesheets have from their content; of other files the names."""
    return {
        name: re.sub(rb"\.css\?v=\w+", b".css", content) if name.suffix == ".html" else None
        for name, content in site(root).items()
    }


def page(root, stem):
    return (root / "_build" / "html" / "book" / f"{stem}.html").read_text()


def text_of(root, stem):
    """A page without the marks that colours are hung on."""
    return html.unescape(re.sub(r"</?span[^>]*>", "", page(root, stem)))


def cached(root):
    """How many executed pages the cache holds."""
    return len(list((root / "_build" / "cache" / "executed").iterdir()))


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def first_build(tmp_path_factory):
    """A built book, what its build said, and a copy of it that no test touches."""
    root = tmp_path_factory.mktemp("mini") / "the book"
    for name, text in FILES.items():
        write(root, name, text)
    result = build(root)
    pristine = root.with_name("pristine")
    shutil.copytree(root, pristine)
    return root, result, pristine


@pytest.fixture
def book(first_build):
    """The built book, in the place where it was built: elsewhere Sphinx would read every page again."""
    root, _, pristine = first_build
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(pristine, root)
    return root


@pytest.fixture
def interruptible():
    """Let the processes that a test starts react to Ctrl-C."""
    # A script's shell starts a command in the background with SIGINT ignored, and its children inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_first_build_runs_every_chapter_and_publishes(first_build):
    _, result, root = first_build
    assert ran(result) == ["uses_b", "uses_c"]
    assert "2 chapters executed, 0 from the cache" in result.stdout
    assert "a one lazy one" in page(root, "uses_b")
    assert "c one" in page(root, "uses_c")
    assert "Only prose" in page(root, "index")
    assert cached(root) == 2  # Sphinx found both, and ran none itself


def test_nothing_changed_runs_nothing(book):
    before = site(book)
    result = build(book)
    assert ran(result) == []
    assert "rendering" not in result.stdout
    assert "0 chapters executed, 2 from the cache" in result.stdout
    assert site(book) == before


CHANGES = {
    "prose": ("book/uses_b.md", "Before the cell.", "Other prose.", []),
    "unused": ("code/minipkg/unused.py", "unused one", "unused two", []),
    "imported": ("code/minipkg/a.py", "a one", "a two", ["uses_b"]),
    "lazily": ("code/minipkg/lazy.py", "lazy one", "lazy two", ["uses_b"]),
    "other": ("code/minipkg/c.py", "c one", "c two", ["uses_c"]),
    "in-a-child": ("code/minipkg/child.py", "child one", "child two", ["uses_c"]),
    "pins": ("requirements.txt", "2.0", "2.1", ["uses_b", "uses_c"]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_makes_exactly_the_pages_run_that_depend_on_it(book, change):
    name, old, new, expected = CHANGES[change]
    replace(book, name, old, new)
    if name.startswith("code/"):
        os.utime(book / name, (1e9, 1e9))  # older than the site: contents count, not times
    cache = get_cache(book / CACHE)
    assert [one.name for one in Page.all_of(book) if not one.is_cached(cache)] == expected


def test_each_build_writes_what_a_change_concerns_and_the_site_is_that_of_a_build_from_nothing(book):
    pages = list((book / "_build/work/_build/html/book").glob("*.html"))
    assert {path.stem for path in pages} == {"index", "uses_b", "uses_c"}

    def build_writes(runs):
        before = {path: path.stat().st_mtime_ns for path in pages}
        assert ran(build(book)) == runs
        return {path.stem for path in pages if path.stat().st_mtime_ns != before[path]}

    # Prose, what it shows of a test, and the code that it runs.
    for change in ("prose", "unused", "imported", "lazily"):
        replace(book, *CHANGES[change][:3])
    write(book, "tests/test_shown.py", "LIMIT = 'two'\n")
    assert build_writes(["uses_b"]) == {"index", "uses_b"}  # Sphinx always writes the root
    assert cached(book) == 3
    text = text_of(book, "uses_b")
    assert "Other prose." in text and "a two lazy two" in text
    assert "LIMIT = 'two'" in text and "LIMIT = 'one'" not in text
    # What other pages show of it: its title, and how many equations come before theirs.
    replace(book, "book/uses_b.md", "# Page B", "# New title")
    assert build_writes([]) == {"index", "uses_b", "uses_c"}
    assert "New title" in page(book, "uses_c")
    replace(book, "book/uses_b.md", "Other prose.", "$$y = 2$$ (zeroth)")
    assert build_writes([]) == {"index", "uses_b", "uses_c"}
    in_steps = pages_of_site(book)
    shutil.rmtree(book / "_build/work")
    (book / "_build/published.json").unlink()
    assert ran(build(book)) == []
    assert pages_of_site(book) == in_steps, "not what a build from nothing writes"


LEAVE = """
```{code-cell}
import os, pathlib
pathlib.Path(os.environ["BOOK_LEAVES"], "value").write_text(b.VALUE)
```
"""
FIND = """
```{code-cell}
import os, pathlib
folders = filter(None, os.environ["BOOK_LEFT"].split(os.pathsep))
print("found", [pathlib.Path(folder, "value").read_text() for folder in folders])
```
"""


@pytest.fixture
def run(book, monkeypatch, capsys):
    """Return a function that runs the pages without Sphinx, and returns those that ended well, in order."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)

    def run(*failures):
        capsys.readouterr()
        summary = execute(book)
        assert summary.failures == list(failures)
        return re.findall(r"(\w+)  ran in ", capsys.readouterr().out)

    return run


def printed(root, stem):
    """What the cells of a page have printed, as the cache holds it."""
    cache = get_cache(root / CACHE)
    (one,) = (one for one in Page.all_of(root) if one.name == stem)
    cells = cache.get_cache_bundle(cache.match_cache_notebook(one.notebook).pk).nb.cells
    return "".join(output.get("text", "") for cell in cells for output in cell.get("outputs", ()))


def test_a_page_leaves_files_to_those_that_run_after_it(book, run):
    append(book, "book/uses_b.md", LEAVE)
    append(book, "book/uses_c.md", FIND)
    assert sorted(run()) == ["uses_b", "uses_c"]
    assert "found []" in printed(book, "uses_c")  # it does not say that it runs after the other
    replace(book, "book/uses_c.md", "file_format: mystnb", "file_format: mystnb\nrun_after: [uses_b]")
    replace(book, "code/minipkg/c.py", "c one", "c two")
    assert run() == ["uses_c"]
    assert "found ['a one']" in printed(book, "uses_c")

    # What was left is as new as the outputs, and the page that needs it waits.
    replace(book, "code/minipkg/a.py", "a one", "a two")
    replace(book, "code/minipkg/c.py", "c two", "c three")
    assert run() == ["uses_b", "uses_c"]
    assert "found ['a two']" in printed(book, "uses_c")
    assert len(list((book / "_build" / "cache" / "left").rglob("value"))) == 1

    # It does not run after one that failed.
    crash = "\n```{code-cell}\nraise AssertionError('no')\n```\n"
    append(book, "book/uses_b.md", crash)
    replace(book, "code/minipkg/c.py", "c three", "c four")
    line = (book / "book/uses_b.md").read_text()[: -len(crash)].count("\n") + 3
    lost = "uses_c: not run, as it runs after uses_b, which failed"
    assert run(f"uses_b: no\n  book/uses_b.md, cell at line {line}", lost) == []
    replace(book, "book/uses_b.md", crash, "")
    assert run() == ["uses_c"]
    assert "found ['a two']" in printed(book, "uses_c")


@pytest.mark.parametrize("name", ["uses_d", "index", "uses_c"])
def test_a_page_can_run_after_pages_before_it_only(book, run, name):
    replace(book, "book/uses_b.md", "file_format: mystnb", f"file_format: mystnb\nrun_after: [{name}]")
    assert run(f"uses_b: run_after names {name}, no page with code before it") == []


def test_films_that_pages_show_tests_that_pages_show_and_what_binder_installs_are_inputs(book, monkeypatch):
    rendered = []
    monkeypatch.setattr(render, "execute", lambda root: Summary(0, 2, []))
    monkeypatch.setattr(render, "render", lambda *arguments: rendered.append(arguments) or True)

    def renders():
        rendered.clear()
        assert render.main(["--root", str(book)]) == 0
        return bool(rendered)

    assert not renders()
    for name in ("_build/films/tour.mp4", "tests/test_shown.py", ".binder/requirements.txt", "book/new.md"):
        write(book, name, "another")
        assert renders() and not renders(), name
    write(book, "tests/test_other.py", "another")
    assert not renders()


def test_a_renamed_page_in_a_moved_book_does_not_run_and_leaves_no_trace(book, tmp_path):
    shutil.move(book, tmp_path / "elsewhere")
    book = tmp_path / "elsewhere"
    (book / "book/uses_c.md").rename(book / "book/renamed.md")
    replace(book, "_toc.yml", "uses_c", "renamed")
    assert ran(build(book)) == []
    assert "c one" in page(book, "renamed")
    assert not (book / "_build/html/book/uses_c.html").exists()


def test_what_fails_names_itself_every_time_and_keeps_the_site(book):
    before = site(book)

    def stderr():
        result = build(book)
        assert result.returncode == 1
        assert "\x1b" not in result.stderr
        assert site(book) == before
        return result

    append(book, "book/uses_b.md", CLAIM)
    replace(book, "code/minipkg/c.py", "c one", "c two")
    for attempt in range(2):
        result = stderr()
        claim = "uses_b: false claim: 'gradients agree': measured 3.2e-02, bound <= 1.0e-12\n"
        assert claim in result.stderr
        assert "book/uses_b.md, cell at line 20" in result.stderr
        assert "Traceback" not in result.stderr
        # The other chapter may finish, and need not run again.
        assert ("uses_c  ran in" in result.stdout) == (attempt == 0)

    missing = "\n```{code-cell}\n{}['missing']\n```\n"
    # To the kernel's first stderr, as a crash in C does; what goes through IPython's may be lost as it dies.
    crash = "import os, sys\nos.write(sys.stderr._original_stdstream_copy, b'last words')\nos._exit(1)"
    crash = f"\n```{{code-cell}}\n{crash}\n```\n"
    replace(book, "book/uses_b.md", CLAIM, missing)
    append(book, "book/uses_c.md", crash)
    result = stderr()
    assert "uses_b: KeyError: 'missing'" in result.stderr and "Traceback" in result.stderr
    assert "uses_c: DeadKernelError" in result.stderr and "last words" in result.stderr
    replace(book, "book/uses_b.md", missing, "")
    replace(book, "book/uses_c.md", crash, "")

    # What Sphinx refuses, even where the build that read it was killed.
    append(book, "book/uses_b.md", UNREADABLE)
    append(book, "book/index.md", "\nSee [](no_such_page.md).\n")
    (book / "_build" / "hold").touch()
    process = subprocess.Popen([*BUILD, "--root", str(book)], env=ENVIRONMENT, start_new_session=True)
    wait_until((book / "_build" / "held").exists)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(PATIENCE)
    assert site(book) == before
    (book / "_build" / "hold").unlink()
    for _ in range(2):
        result = stderr()
        assert "uses_b.md:19: WARNING: Unknown directive type: 'nonsense'" in result.stderr
        assert "no_such_page" in result.stderr
    replace(book, "book/uses_b.md", UNREADABLE, "")
    replace(book, "book/index.md", "See [](no_such_page.md).", "")
    assert ran(build(book)) == []
    assert "c two" in page(book, "uses_c")


@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_build_keeps_the_site_and_the_next_one_passes(book):
    before = site(book)
    started, kernel = book / "started", book / "kernel.pid"
    blocking = (
        "\n```{code-cell}\nimport os, pathlib, threading\n"
        f"pathlib.Path({str(kernel)!r}).write_text(str(os.getpid()))\n"
        f"pathlib.Path({str(started)!r}).touch()\nthreading.Event().wait()\n```\n"
    )
    append(book, "book/uses_b.md", blocking)
    for number, status in ((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)):
        process = subprocess.Popen(
            [*BUILD, "--root", str(book)],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        wait_until(started.exists)
        os.killpg(process.pid, number)
        process.communicate(timeout=PATIENCE)
        assert process.returncode == status
        wait_until(lambda: not is_running(int(kernel.read_text())))
        assert site(book) == before
        started.unlink()
    replace(book, "book/uses_b.md", blocking, "")
    kernel.unlink()
    append(book, "book/index.md", "\nAfterwards.\n")
    assert ran(build(book)) == []
    assert "Afterwards." in page(book, "index")


def test_two_builds_at_once_give_one_right_site(book):
    replace(book, "code/minipkg/a.py", "a one", "a two")
    both = [
        subprocess.Popen([*BUILD, "--root", str(book)], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=PATIENCE)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum("another build is running, waiting" in output for output in outputs) == 1
    assert sum("1 chapters executed, 1 from the cache" in output for output in outputs) == 1
    assert sum("0 chapters executed, 2 from the cache" in output for output in outputs) == 1
    assert "a two" in page(book, "uses_b")


def test_jupyter_book_by_hand_finds_the_same_cache(book):
    result = subprocess.run(
        [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", ".", "-n", "-W"],
        cwd=book,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert "Executing notebook" not in result.stdout
    assert "a one lazy one" in page(book, "uses_b")


def test_a_page_is_stamped_by_what_it_opened(tmp_path):
    write(tmp_path, "code/one.py", "")
    write(tmp_path, "code/two.py", "")
    text = "---\nfile_format: mystnb\n---\n# Title\n\n```{code-cell}\nimport one\n```\n"

    def stamp():
        return dict(read_page(text, tmp_path).metadata.kernelspec)

    unknown = stamp()
    write(tmp_path, "code/two.py", "x = 1")
    assert stamp()["dependencies"] != unknown["dependencies"]  # no record: any module counts
    assert stamp()["cells"] == unknown["cells"]
    Record(["code/one.py"], 1.0).save(tmp_path, unknown["cells"])
    known = stamp()
    write(tmp_path, "code/two.py", "x = 2")
    assert stamp() == known
    write(tmp_path, "code/one.py", "x = 2")
    assert stamp() != known


def test_a_kernel_sees_no_gpu_and_has_one_thread(tmp_path, monkeypatch):
    for name, other in (
        ("CUDA_VISIBLE_DEVICES", "0"),
        ("JAX_PLATFORMS", "cuda,cpu"),
        ("OMP_NUM_THREADS", "8"),
    ):
        monkeypatch.setenv(name, other)
    kernel = _environment(tmp_path, tmp_path / "log", tmp_path, [])
    ask = "import jax, torch\n"
    ask += "print(jax.config.jax_platforms, torch.cuda.is_available(), torch.get_num_threads())"
    answer = subprocess.run(
        [sys.executable, "-c", ask], env=kernel, capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == ["cpu", "False", "1"]
    # No GPU is here that the answer could show, so the number that hides them all.
    assert kernel["CUDA_VISIBLE_DEVICES"] == kernel["HIP_VISIBLE_DEVICES"] == "-1"
    assert set(KERNEL_ENVIRONMENT) <= set(kernel)


def test_all_that_shares_the_cores_counts_them_in_one_place(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {2, 5, 7}, raising=False)
    assert threads.cores() == 3
    counting = [path.name for path in CODE.rglob("*.py") if "cpu_count()" in path.read_text("utf-8")]
    # The benchmark only says what machine it ran on.
    assert set(counting) <= {"cores.py", "__main__.py"}


def test_what_a_module_names_as_its_source_in_this_repository_is_there():
    texts = [path.read_text("utf-8") for path in CODE.rglob("*.py")]
    contributing = (CODE.parent / "CONTRIBUTING.md").read_text("utf-8")
    sections = [name for text in texts for name in re.findall(r'CONTRIBUTING\.md, section "([^"]*)"', text)]
    chapters = [name for text in texts for name in re.findall(r'[Ss]ource: chapter "(\w+)"', text)]
    assert len(sections) >= 1 and len(chapters) >= 4
    assert [name for name in sections if f"\n## {name}\n" not in contributing] == []
    assert [name for name in chapters if not (CODE.parent / "book" / f"{name}.md").is_file()] == []


def test_prose_has_no_cells_and_a_stray_cell_is_left_to_the_warning(tmp_path):
    text = "# Title\n\n```{code-cell}\n1 / 0\n```\n"
    notebook = read_page(text, tmp_path)
    assert [cell.cell_type for cell in notebook.cells] == ["markdown"]
    assert notebook.metadata["mystnb"]["execution_mode"] == "off"
    assert "kernelspec" not in notebook.metadata


def test_digest_tells_names_contents_and_absence_apart(tmp_path):
    seen = {digest(tmp_path, names) for names in ([], ["x"], ["y"])}
    write(tmp_path, "x", "")
    seen |= {digest(tmp_path, ["x"])}
    write(tmp_path, "x", "1")
    seen |= {digest(tmp_path, ["x"])}
    assert len(seen) == 5
    write(tmp_path, "y", "2")
    assert digest(tmp_path, ["x", "y"]) == digest(tmp_path, ["y", "x"])


@pytest.mark.usefixtures("interruptible")
def test_serve_shows_the_site_and_takes_the_next_free_port(first_build):
    root = first_build[2]
    with serving(root / "_build" / "html") as url:
        with urllib.request.urlopen(f"{url}/book/uses_b.html") as answer:
            assert b"a one" in answer.read()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "bookmaking.upkeep.serve", "--root", str(root), "--port", str(port)]
        with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as process:
            try:
                url = process.stdout.readline().split()[0]
                assert not url.endswith(f":{port}/")
                with urllib.request.urlopen(url) as answer:
                    assert answer.status == 200
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=PATIENCE)
            finally:
                process.kill()  # does nothing where it has ended
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("wanted", "status", "first", "end"),
    [
        (None, 200, 0, 97),
        ("bytes=10-19", 206, 10, 20),
        ("bytes=90-", 206, 90, 97),
        ("bytes=90-500", 206, 90, 97),
    ],
)
def test_serve_answers_with_the_part_that_is_asked_for(tmp_path, wanted, status, first, end):
    content = bytes(range(97))
    (tmp_path / "film.mp4").write_bytes(content)
    with serving(tmp_path) as url:
        request = urllib.request.Request(f"{url}/film.mp4", headers={"Range": wanted} if wanted else {})
        with urllib.request.urlopen(request) as answer:
            assert answer.status == status
            assert answer.read() == content[first:end]
            assert answer.headers["Accept-Ranges"] == "bytes"
            span = f"bytes {first}-{end - 1}/97" if wanted else None
            assert answer.headers["Content-Range"] == span
        beyond = urllib.request.Request(f"{url}/film.mp4", headers={"Range": "bytes=97-"})
        with pytest.raises(urllib.error.HTTPError, match="416"):
            urllib.request.urlopen(beyond)


def test_serve_without_a_site_says_what_to_do(tmp_path):
    command = [sys.executable, "-m", "bookmaking.upkeep.serve", "--root", str(tmp_path)]
    result = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
    assert result.returncode == 1
    assert "run `make book` first" in result.stderr


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie whose parent was killed is not running; where there is no /proc, init has collected it.
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


def test_the_repository_knows_how_long_each_page_takes():
    known = read_seconds(ROOT)
    assert list(known) == [page.name for page in Page.all_of(ROOT)]
    assert all(seconds > 0 for seconds in known.values())
