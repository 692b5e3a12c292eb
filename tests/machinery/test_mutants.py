"""What a run of the mutants makes of what mutmut says."""

import pytest

from bookmaking.upkeep.mutants import LINE, is_equivalent, report


def diff(old: str, new: str) -> str:
    return f"--- a.py\n+++ a.py\n@@ -1,2 +1,2 @@\n def f():\n-    {old}\n+    {new}\n"


@pytest.mark.parametrize(
    ("old", "new", "equivalent"),
    [
        ('y = einsum("nk,ko->no", a, W)', 'y = einsum("NK,KO->NO", a, W)', True),
        ('y = einsum("nk,ko->no", a, W)', 'y = einsum("nk,ko->no", a, None)', False),
        ("for a, b in zip(p, q, strict=True):", "for a, b in zip(p, q, strict=None):", True),
        ("for a, b in zip(p, q, strict=True):", "for a, b in zip(p, q, ):", True),
        ("for a, b in zip(p, q, strict=True):", "for a, b in zip(p, strict=True):", False),
        ('raise ValueError("a")', 'raise ValueError("A")', False),
    ],
)
def test_what_changes_nothing_is_told_from_what_does(old, new, equivalent):
    assert is_equivalent(diff(old, new)) is equivalent


def test_the_report_counts_what_could_be_noticed():
    results = """
    threelayer.spec.x_f__mutmut_1: killed
    threelayer.spec.x_f__mutmut_2: survived
    threelayer.data.x_g__mutmut_1: killed
    threelayer.data.x_g__mutmut_2: no tests
    """
    outcomes = [found.groups() for line in results.splitlines() if (found := LINE.fullmatch(line))]
    same = diff('einsum("n")', 'einsum("N")')
    diffs = {"threelayer.spec.x_f__mutmut_2": same, "threelayer.data.x_g__mutmut_2": diff("a = 1", "a = 2")}
    text, passed = report(outcomes, diffs)
    assert "| spec | 1 | 1 | 100.0% |" in text and "| data | 2 | 0 | 50.0% |" in text
    assert "+    a = 2" in text and same not in text
    assert not passed
    assert report(outcomes[:2], diffs)[1]
