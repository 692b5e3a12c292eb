"""The comparison of claims between two sets of versions, on a book of two pages that runs here twice."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

from bookmaking.build.execute import execute
from bookmaking.upkeep import drift
from bookmaking.upkeep.drift import Change, Made, changes, moved, pinned, report
from support import ROOT

FILES = {
    "_config.yml": "title: Mini\nexecute: {timeout: 100}\n",
    "_toc.yml": "format: jb-book\nroot: index\nchapters:\n  - file: first\n  - file: second\n",
    "requirements.txt": "numpy==2.0\nlibrary==1.0\n",
    "index.md": "# Start\n",
    "code/library.py": "VALUE, SHARE, ROUNDED = 2, 0.5, 3e-16\n",
    "first.md": """
        ---
        file_format: mystnb
        ---

        # First

        ```{code-cell}
        import library
        from threelayer.claims import claim

        claim("The value is small", library.VALUE, at_most=3, control=("a fault", 30))
        claim("The value is even", library.VALUE % 2 == 0, equals=True, control=("one more", False))
        ```

        ```{code-cell}
        claim("Only rounding is left", library.ROUNDED, at_most=1e-12, control=("a fault", 1e-3))
        claim("The share holds", library.SHARE, at_least=0.1, control=("a fault", 0.0), unit="units of f")
        ```
        """,
    "second.md": """
        ---
        file_format: mystnb
        ---

        # Second

        ```{code-cell}
        import library
        from threelayer.claims import claim

        first = 1 / library.VALUE
        claim("The inverse is half", first, equals=0.5, within=0.01, control=("a fault", 0.7))
        ```
        """,
}


def write(root, name, text):
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(textwrap.dedent(text).lstrip(), encoding="utf-8")


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """Return a book whose pages have run, and its claims."""
    root = tmp_path_factory.mktemp("book")
    for name, text in FILES.items():
        write(root, name, text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT / "code"))
        assert execute(root).failures == []
    return root, drift.book_claims(root)


def made_with(root, library: str) -> dict[str, list[Made]]:
    """Run the pages as `make drift` does, in a process of their own, with this library."""
    write(root, "code/library.py", library)
    command = [sys.executable, "-m", "bookmaking.upkeep.drift", "--root", root, "--write", root / "made.json"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root / "code"), str(ROOT / "code")])}
    subprocess.run(command, check=True, env=environment, capture_output=True)
    made = json.loads((root / "made.json").read_text("utf-8"))
    return {page: [Made(**claim) for claim in claims] for page, claims in made.items()}


def test_the_claims_of_the_book_are_those_that_its_pages_made(book):
    _, claims = book
    assert claims == {
        "first": [
            Made("The value is small", "2", "≤ 3", numbers={"value": 2, "control": 30, "at_most": 3}),
            Made(
                "The value is even", "yes", "= yes", numbers={"value": True, "control": False, "equals": True}
            ),
            Made(
                "Only rounding is left",
                "3.0e-16",
                "≤ 1.0e-12",
                numbers={"value": 3e-16, "control": 1e-3, "at_most": 1e-12},
            ),
            Made(
                "The share holds",
                "0.5 units of f",
                "≥ 0.1 units of f",
                numbers={"value": 0.5, "control": 0.0, "at_least": 0.1},
            ),
        ],
        "second": [
            Made(
                "The inverse is half",
                "0.500",
                "= 0.500 ± 0.01",
                numbers={"value": 0.5, "control": 0.7, "equals": 0.5, "within": 0.01},
            )
        ],
    }


def test_nothing_changes_but_the_rounding(book):
    root, claims = book
    assert changes(claims, made_with(root, "VALUE, SHARE, ROUNDED = 2, 0.501, 7e-14\n")) == []


def test_a_page_that_ends_its_kernel_is_told_and_the_others_run(book):
    root, claims = book
    library = """
        import os

        SHARE, ROUNDED = 0.5, 3e-16

        class Deadly(int):
            def __rtruediv__(self, one):
                os._exit(1)

        VALUE = Deadly(2)
        """
    found = changes(claims, made_with(root, library))
    assert found == [
        Change("second", "error", "", "", "DeadKernelError: Kernel died", ""),
        Change("second", "gone", "The inverse is half", "0.500", "", "= 0.500 ± 0.01"),
    ]


def test_a_claim_that_moved_is_told(book):
    root, claims = book
    found = changes(claims, made_with(root, "VALUE, SHARE, ROUNDED = 2, 0.52, 0\n"))
    expected = Change(
        "first", "moved", "The share holds", "0.5 units of f", "0.52 units of f", "≥ 0.1 units of f"
    )
    assert found == [expected]


def test_a_false_claim_is_told_and_the_page_goes_on(book):
    root, claims = book
    found = changes(claims, made_with(root, "VALUE, SHARE, ROUNDED = 4, 0.5, 3e-16\n"))
    assert [(change.page, change.kind, change.statement, change.here) for change in found] == [
        ("first", "false", "The value is small", "4"),
        ("first", "gone", "The value is even", ""),  # after it in the same cell
        ("second", "false", "The inverse is half", "0.250"),
    ]


def test_what_is_no_claim_is_told_in_its_own_words(book):
    root, claims = book
    found = changes(claims, made_with(root, "VALUE, ROUNDED = 2, 3e-16\n"))
    assert [(change.page, change.kind, change.statement) for change in found] == [
        ("first", "error", ""),
        ("first", "gone", "The share holds"),
    ]
    assert found[0].here == "AttributeError: module 'library' has no attribute 'SHARE'"


def test_a_claim_that_the_book_has_not_is_new():
    numbers = {"value": 1, "control": 3, "at_most": 2}
    old, new = Made("It holds", "1", "≤ 2", numbers=numbers), Made("This too", "1", "≤ 2", numbers=numbers)
    assert changes({"page": [old]}, {"page": [old, new]}) == [
        Change("page", "new", "This too", "", "1", "≤ 2")
    ]
    other = Made("It holds", "1", "≤ 3", numbers=numbers | {"at_most": 3})
    assert changes({"page": [old]}, {"page": [other]})[0].kind == "moved"
    other = Made("It holds", "1", "≤ 2", numbers=numbers | {"control": 4})
    assert changes({"page": [old]}, {"page": [other]}) == []


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"value": 0.5}, {"value": 0.504}, False),
        ({"value": 0.5}, {"value": 0.51}, True),
        ({"value": 1234}, {"value": 1235}, False),
        ({"value": 1234}, {"value": 4321}, True),
        ({"value": 2.0e-16}, {"value": 9.0e-12}, False),
        ({"value": 2.0e-16}, {"value": 2.0e-06}, True),
        ({"value": 0}, {"value": -0.2}, True),
        ({"equals": 1.24, "within": 0.1091}, {"equals": 1.24, "within": 0.1096}, False),
        ({"equals": 1.24, "within": 0.1091}, {"equals": 1.24, "within": 0.2}, True),
        ({"at_most": 2}, {"at_least": 2}, True),
        ({"at_most": 2}, {"at_most": 2, "at_least": 1}, True),
        ({"value": True}, {"value": False}, True),
        ({"value": True}, {"value": True}, False),
        ({"value": float("nan")}, {"value": 0.5}, True),
        ({"value": float("nan")}, {"value": float("nan")}, True),
    ],
)
def test_values_that_say_the_same_have_not_moved(one, other, expected):
    assert moved(one, other) is moved(other, one) is expected


def test_a_book_that_did_not_run_is_refused(book, tmp_path, capsys):
    for name, text in FILES.items():
        write(tmp_path, name, text)
    with pytest.raises(SystemExit, match="2"):
        drift.main(["--root", str(tmp_path)])
    assert "the outputs of first are not known: run `make book` first" in capsys.readouterr().err


def test_the_report_counts_and_lists(tmp_path):
    found = [Change("page", kind, "A | B", "1", "2\n3", "≤ 2") for kind in ("false", "moved", "moved")]
    text = report("newest", found, 42, [("numpy", "2.0", "2.1")], "all passed")
    assert "42 claims were made; 1 false, 2 moved." in text
    assert r"| page | false | A \| B | 1 | 2 3 | ≤ 2 |" in text
    assert "| numpy | 2.0 | 2.1 |" in text
    assert "42 claims were made; none changed." in report("oldest", [], 42, [], "all passed")
    (tmp_path / "pins").write_text("numpy==2.0.1\ncolorama==0.4 ; sys_platform == 'win32'\n# a\n", "utf-8")
    assert pinned(tmp_path / "pins") == {"numpy": "2.0.1", "colorama": "0.4"}


@pytest.mark.parametrize(
    ("options", "library", "tests", "expected"),
    [
        ([], "VALUE, SHARE, ROUNDED = 2, 0.5, 3e-16\n", 0, 0),
        ([], "VALUE, SHARE, ROUNDED = 2, 0.6, 3e-16\n", 0, 0),
        (["--newest"], "VALUE, SHARE, ROUNDED = 2, 0.6, 3e-16\n", 0, 1),
        ([], "VALUE, SHARE, ROUNDED = 4, 0.5, 3e-16\n", 0, 1),
        ([], "VALUE, SHARE, ROUNDED = 2, 0.5, 3e-16\n", 1, 1),
    ],
    ids=["same", "moved", "moved-newest", "false", "tests"],
)
def test_drift_fails_the_run_and_goes_into_its_summary(
    book, monkeypatch, tmp_path, capsys, options, library, tests, expected
):
    """The environment is this one, and its tests are a command that passes or fails."""
    root, claims = book
    folder = root / "_build" / "drift" / ("newest" if options else "oldest")

    def resolve(root, folder, name):
        write(folder, "requirements.txt", "numpy==1.9\n")

    def install(folder):
        # As a link, Python would look for the packages beside it.
        write(
            folder,
            "env/bin/python",
            f'#!/bin/sh\n[ "$2" = pytest ] && exit {tests}\nexec {sys.executable} "$@"\n',
        )
        (folder / "env/bin/python").chmod(0o755)

    monkeypatch.setattr(drift, "resolve", resolve)
    monkeypatch.setattr(drift, "install", install)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    monkeypatch.setattr(drift, "book_claims", lambda root: claims)
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "code"))
    write(root, "code/library.py", library)
    assert drift.main(["--root", str(root), *options]) == expected
    text = (folder / "report.md").read_text("utf-8")
    assert text == (tmp_path / "summary.md").read_text("utf-8")
    assert text.rstrip() in capsys.readouterr().out
    assert "| numpy | 2.0 | 1.9 |" in text
    assert f"Tests: {'some failed' if tests else 'all passed'}" in text
