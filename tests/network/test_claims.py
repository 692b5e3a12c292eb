"""A claim that holds is returned, one that does not raises, and so does one that could not fail."""

import numpy as np
import pytest

from threelayer.claims import MIME_TYPE, FalseClaim, check

FAULT = ("no number at all", np.nan)  # refused by every bound


@pytest.mark.parametrize(
    ("value", "bounds"),
    [
        (1.0, {"at_most": 1.0}),
        (1.0, {"at_least": 1.0}),
        (1.05, {"equals": 1.0, "within": 0.1}),
        (0.5, {"at_least": 0.4, "at_most": 0.6}),
        (True, {"equals": True}),
        (np.bool_(True), {"equals": True}),
        (7, {"equals": 7}),
    ],
)
def test_holds(value, bounds):
    assert check("it holds", value, control=FAULT, **bounds).statement == "it holds"


@pytest.mark.parametrize(
    ("value", "bounds"),
    [
        (1.01, {"at_most": 1.0}),
        (0.99, {"at_least": 1.0}),
        (1.2, {"equals": 1.0, "within": 0.1}),
        (0.7, {"at_least": 0.4, "at_most": 0.6}),
        (False, {"equals": True}),
        (np.nan, {"at_most": 1.0}),
        (np.nan, {"at_least": 1.0}),
        (np.nan, {"equals": np.nan}),
        (np.inf, {"at_most": 1.0}),
    ],
)
def test_fails(value, bounds):
    with pytest.raises(FalseClaim, match="it holds"):
        check("it holds", value, control=FAULT, **bounds)


def test_a_false_claim_names_value_and_bound():
    with pytest.raises(
        FalseClaim, match=r'^false claim: "gradients agree": measured 3\.2e-05, bound ≤ 1\.0e-12$'
    ):
        check("gradients agree", 3.2e-5, control=FAULT, at_most=1e-12)


def test_a_control_that_passes_is_refused():
    with pytest.raises(FalseClaim, match=r"blind claim.*no fault at all"):
        check("it holds", 0.5, at_most=1.0, control=("no fault at all", 0.7))
    result = check("it holds", 0.5, at_most=1.0, control=("twice too much", 2.0), unit="m")
    assert (result.value, result.bound, result.control_value) == ("0.5 m", "≤ 1 m", "2 m")


@pytest.mark.parametrize("bounds", [{}, {"at_most": 1.0, "within": 0.1}])
def test_a_claim_that_cannot_be_false_is_refused(bounds):
    with pytest.raises(TypeError, match="it holds"):
        check("it holds", 0.5, control=FAULT, **bounds)


def test_a_claim_without_a_control_is_refused():
    with pytest.raises(TypeError, match="control"):
        check("it holds", 0.5, at_most=1.0)


def test_mime_bundle_carries_the_data_and_the_statement_as_it_was_written():
    bundle = check("1 < 2 & so on", 1, equals=1, control=("2 < 1", 2))._repr_mimebundle_()
    assert bundle[MIME_TYPE]["statement"] == "1 < 2 & so on"
    text = "1 < 2 & so on: 1, = 1 (control, 2 < 1: 2)"
    assert bundle["text/plain"] == text
    assert bundle["text/markdown"] == f"✓ {text}"


def test_outside_the_book_an_equation_is_named_by_its_label():
    statement = "`a < b` obeys equation {eq}`update`"
    bundle = check(statement, 1, equals=1, control=("none", 2))._repr_mimebundle_()
    assert bundle[MIME_TYPE]["statement"] == statement
    assert bundle["text/markdown"].startswith("✓ `a < b` obeys equation (update): 1")


@pytest.mark.parametrize(
    ("value", "bounds", "shown"),
    [
        (13.8445879, {"equals": 13.844588, "within": 5e-7}, "13.84458790"),
        (0.99729, {"at_least": 0.992}, "0.9973"),
        (2.2e-16, {"at_most": 1e-12}, "2.2e-16"),
        (4096, {"equals": 4096}, "4,096"),
        (0.0, {"at_most": 0.0}, "0"),
    ],
)
def test_numbers_are_shown_with_the_digits_that_matter(value, bounds, shown):
    assert check("it holds", value, control=FAULT, **bounds).value == shown
