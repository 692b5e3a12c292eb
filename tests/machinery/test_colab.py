"""The run of the notebooks with Colab's versions: what is read from its lists, and what is reported."""

import json
from io import BytesIO

import pytest

from bookmaking.notebooks.carried import bounds_of
from bookmaking.upkeep import colab
from bookmaking.upkeep.colab import LIST, difference, newest, python_in, report, versions_in
from bookmaking.upkeep.notebooks import Outcome
from support import ROOT

COMMITTED = "# Python 3.13\n# of 2026-08-19\njax==0.7.2\nml-dtypes==0.6.0\ntorch==2.11.0\n"
# As Colab writes it: names in other spellings, builds, wheels from addresses, what the book does not use.
PUBLISHED = """\
absl-py==1.4.0
jax==0.8.1
ml_dtypes==0.6.0
torch @ https://download.example/whl/cpu/torch-2.12.0%2Bcpu-cp314-cp314-manylinux_2_28_x86_64.whl
torchsummary==1.5.1
"""


@pytest.fixture
def published(monkeypatch):
    commits = json.dumps([{"sha": "0123456789", "commit": {"committer": {"date": "2026-11-20T10:00:00Z"}}}])

    def answer(address, timeout):
        name = "commits" if "api." in address else address.rpartition("/")[2]
        texts = {
            "commits": commits,
            "pip-freeze.txt": PUBLISHED,
            "os-info.txt": "Ubuntu\nPython 3.14.2\nR 4\n",
        }
        return BytesIO(texts[name].encode())

    monkeypatch.setattr(colab, "urlopen", answer)


def test_versions_are_read_as_pip_writes_them():
    assert versions_in(PUBLISHED) == {
        "absl-py": "1.4.0",
        "jax": "0.8.1",
        "ml-dtypes": "0.6.0",
        "torch": "2.12.0",
        "torchsummary": "1.5.1",
    }
    assert versions_in("torch==2.11.0+cpu\n# numpy==1.0\n") == {"torch": "2.11.0"}


def test_the_newest_list_holds_what_the_committed_one_names(published):
    text = newest(COMMITTED)
    assert versions_in(text) == {"jax": "0.8.1", "ml-dtypes": "0.6.0", "torch": "2.12.0"}
    assert python_in(text) == "3.14"
    assert "commit 0123456 of 2026-11-20" in text


def test_a_changed_list_is_reported_line_by_line(published):
    changed = ["jax: 0.7.2 -> 0.8.1", "python: 3.13 -> 3.14", "torch: 2.11.0 -> 2.12.0"]
    assert difference(COMMITTED, newest(COMMITTED)) == changed
    assert difference(COMMITTED, COMMITTED) == []
    shorter = "# Python 3.13\njax==0.7.2\nml-dtypes==0.6.0\n"
    assert difference(COMMITTED, shorter) == ["torch: 2.11.0 -> absent"]


def test_the_report_names_what_failed():
    rows = [("numpy_manual", Outcome([], 12, 31.4)), ("jax_transforms", Outcome(["a | b\nc"], 3, 2.0))]
    text = report(rows, ["jax: 1 -> 2"], COMMITTED)
    assert "| numpy_manual | 12 | 31 | passed |" in text
    assert r"| jax_transforms | 3 | 2 | a \| b c |" in text
    assert "\n- jax: 1 -> 2\n" in text and "\nof 2026-08-19\n" in text


def test_the_committed_list_has_its_source_and_lies_within_the_bounds():
    """Otherwise the notebooks would replace what Colab has, and ask for a restart."""
    text = LIST.read_text("utf-8")
    assert python_in(text) and "backend-info" in text
    bounds = bounds_of(ROOT)
    checked = 0
    for name, version in versions_in(text).items():
        if least := bounds.get(name, "").partition(">=")[2]:
            assert [*map(int, version.split("."))] >= [*map(int, least.split("."))], name
            checked += 1
    assert checked > 8


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["no_such"], "no implementation is named no_such; choose from numpy_manual"),
        (["--site", "nowhere"], "there are no notebooks in nowhere: run `make book` first"),
    ],
)
def test_wrong_arguments_end_in_one_sentence(arguments, sentence, capsys):
    with pytest.raises(SystemExit, match="2"):
        colab.main(arguments)
    assert sentence in capsys.readouterr().err
