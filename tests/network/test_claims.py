"""A claim that holds is returned, one that does not raises, and so does one that could not fail."""

import json

import numpy as np
import pytest

from threelayer.claims import MIME_TYPE, Claim, FalseClaim, check, share_of_bound


def fault(value, bounds) -> tuple[str, float | bool]:
    """Return a control that every bound of these tests refuses."""
    if isinstance(value, bool | np.bool_):
        return "the other answer", False
    return "far outside", -7.3e9 if "at_least" in bounds else 7.3e9


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
    assert check("it holds", value, control=fault(value, bounds), **bounds).statement == "it holds"


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
        check("it holds", value, control=fault(value, bounds), **bounds)


def test_a_false_claim_names_value_and_bound():
    with pytest.raises(
        FalseClaim, match=r'^false claim: "gradients agree": measured 3\.2e-05, bound ≤ 1\.0e-12$'
    ):
        check("gradients agree", 3.2e-5, control=("no slope", 0.4), at_most=1e-12)


def test_a_control_that_passes_is_refused():
    with pytest.raises(FalseClaim, match=r"blind claim.*no fault at all"):
        check("it holds", 0.5, at_most=1.0, control=("no fault at all", 0.7))
    result = check("it holds", 0.5, at_most=1.0, control=("twice too much", 2.5), unit="m")
    assert (result.value, result.bound, result.control_value) == ("0.5 m", "≤ 1 m", "2.5 m")


@pytest.mark.parametrize("bounds", [{}, {"at_most": 1.0, "within": 0.1}])
def test_a_claim_that_cannot_be_false_is_refused(bounds):
    with pytest.raises(TypeError, match="it holds"):
        check("it holds", 0.5, control=("far outside", 7.3), **bounds)


def test_a_claim_without_a_control_is_refused():
    with pytest.raises(TypeError, match="control"):
        check("it holds", 0.5, at_most=1.0)


def test_mime_bundle_carries_the_data_and_the_statement_as_it_was_written():
    bundle = check("1 < 2 & so on", 1, equals=1, control=("2 < 1", 2))._repr_mimebundle_()
    assert bundle[MIME_TYPE]["statement"] == "1 < 2 & so on"
    text = "1 < 2 & so on: 1, = 1 (control, 2 < 1: 2)"
    assert bundle["text/plain"] == text
    assert bundle["text/markdown"] == f"✓ {text}"


def test_mime_bundle_carries_the_numbers_that_its_texts_write():
    def numbers(value, control, **bounds) -> dict:
        bundle = check("it holds", value, control=("a fault", control), **bounds)._repr_mimebundle_()
        return json.loads(json.dumps(bundle[MIME_TYPE]))["numbers"]

    small = numbers(np.float64(2e-13), 0.24, at_most=1e-12, unit="m")
    assert small == {"value": 2e-13, "control": 0.24, "at_most": 1e-12}
    near = numbers(3.1, 4, equals=3, within=0.5)
    assert near == {"value": 3.1, "control": 4, "equals": 3, "within": 0.5}
    assert numbers(np.bool_(True), False, equals=True) == {"value": True, "control": False, "equals": True}
    assert numbers(-np.inf, 7, at_most=0) == {"control": 7, "at_most": 0}  # infinity is no JSON


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
    assert check("it holds", value, control=fault(value, bounds), **bounds).value == shown


VALUE = 0.3371  # what the refused controls below are made from


def checked(value, control, **bounds) -> Claim:
    return check("it holds", value, control=("a faulty line", control), **bounds)


@pytest.mark.parametrize("value", [VALUE, np.float64(VALUE), np.float32(VALUE), np.array(VALUE)])
@pytest.mark.parametrize("control", [True, np.bool_(True), np.array(True)])
def test_a_boolean_is_no_control_of_a_number(value, control):
    with pytest.raises(TypeError, match=r"it holds.*yes or no with a number"):
        checked(value, control, at_most=0.5)
    assert checked(value, 0.9, at_most=0.5).control_value == "0.9"


@pytest.mark.parametrize("value", [True, np.bool_(True)])
@pytest.mark.parametrize(("control", "equals"), [(0.25, True), (0, True), (False, 1), (np.float64(0), True)])
def test_a_number_is_no_control_and_no_bound_of_a_boolean(value, control, equals):
    with pytest.raises(TypeError, match=r"it holds.*yes or no with a number"):
        checked(value, control, equals=equals)
    assert checked(value, np.bool_(False), equals=True).control_value == "no"


@pytest.mark.parametrize("control", [np.nan, np.inf, -np.inf, np.float32("nan")])
def test_a_control_that_is_not_finite_is_refused(control):
    with pytest.raises(TypeError, match=r"it holds.*not finite"):
        checked(VALUE, control, at_least=0.3, at_most=0.5)
    assert checked(VALUE, 1.7e308, at_least=0.3, at_most=0.5)


@pytest.mark.parametrize("name", ["", "  ", None, "it holds", "It  holds "])
def test_a_control_without_a_name_of_its_own_is_refused(name):
    with pytest.raises(TypeError, match='"it holds" has a control that names no fault'):
        check("it holds", VALUE, control=(name, 0.9), at_most=0.5)
    assert check("it holds", VALUE, control=("it holds not", 0.9), at_most=0.5).control == "it holds not"


@pytest.mark.parametrize("nudge", [1, 1 + 1e-13])
@pytest.mark.parametrize("value", [VALUE, -VALUE, 3.1e-14, 4097, np.float64(1e5 / 3)])
@pytest.mark.parametrize(
    ("way", "made"),
    [
        ("negated", lambda v: -v),
        ("inverted", lambda v: 1 / v),
        ("taken from 1", lambda v: 1 - v),
        ("moved by a power of ten", lambda v: v * 1000),
        ("moved by a power of ten", lambda v: v / 10),
    ],
)
def test_the_measured_number_in_disguise_is_no_control(value, way, made, nudge):
    if way == "taken from 1" and abs(value) < 1e-9:
        nudge = 1  # next to 1 the nudge is larger than the value
    control = made(value) * nudge
    bounds = {"equals": value, "within": abs(value) / 100}
    with pytest.raises(TypeError, match=f'"it holds" has as its control the measured value, {way}'):
        checked(value, control, **bounds)
    assert checked(value, control * 1.5, **bounds)


@pytest.mark.parametrize(
    ("value", "control", "bounds"),
    [
        (0, 1, {"at_most": 0}),  # one mistake where there are none
        (0.0, 1.0, {"at_most": 0.5}),
        (1, 0, {"equals": 1}),  # none of one
        (1.0, 0.0, {"equals": 1.0}),
        (10, 100, {"equals": 10}),
        (1e-14, 1.0, {"at_most": 1e-12}),  # a gradient that is missing altogether
        (3.1e-17, 1.0, {"at_most": 1e-12}),
        (5e-324, 1.0, {"at_most": 1e-12}),
        (VALUE, 0.0, {"at_least": 0.3}),
        (VALUE, VALUE * (1 + 1e-10), {"equals": VALUE, "within": 1e-12}),
        (VALUE, -VALUE * (1 + 1e-8), {"at_least": 0.3}),
        (True, False, {"equals": True}),
        (False, True, {"equals": False}),
    ],
)
def test_what_may_be_so_by_chance_is_a_control(value, control, bounds):
    assert checked(value, control, **bounds).control == "a faulty line"


@pytest.mark.parametrize(
    ("bounds", "measured", "share"),
    [
        ({"at_most": 4.0}, 1.0, 0.25),
        ({"at_most": 4.0}, 12.0, 3.0),
        ({"at_most": 4.0}, -1.0, 0.0),
        ({"at_least": 4.0}, 16.0, 0.25),
        ({"at_least": 4.0}, 0.5, 8.0),
        ({"at_least": 4.0}, -0.5, np.inf),
        ({"at_most": -0.5}, -2.0, 0.25),
        ({"at_most": -0.5}, -0.125, 4.0),
        ({"at_most": -0.5}, 0.0, np.inf),
        ({"at_least": -0.5}, -0.125, 0.25),
        ({"at_least": -0.5}, -2.0, 4.0),
        ({"at_least": -0.5}, 2.0, 0.0),
        ({"equals": 3.0, "within": 0.5}, 3.25, 0.5),
        ({"equals": 3.0, "within": 0.5}, 1.0, 4.0),
        ({"at_least": 2.0, "at_most": 8.0}, 4.0, 0.5),
        ({"at_least": 2.0, "at_most": 8.0}, 6.0, 0.75),
        ({"at_least": 2.0, "at_most": 8.0}, 1.0, 2.0),
        ({"at_most": 0.0}, 0.0, None),
        ({"at_most": 0.0, "at_least": -1.0}, -0.5, None),
        ({"equals": 3}, 3, None),
        ({"equals": True}, True, None),
    ],
)
def test_the_share_of_a_bound_is_1_at_the_bound_and_more_where_it_refuses(bounds, measured, share):
    assert share_of_bound(measured, **bounds) == share


@pytest.mark.parametrize("seed", range(3))
def test_the_share_agrees_with_what_the_bound_refuses(seed):
    rng = np.random.default_rng(seed)
    for _ in range(200):
        value, control, low, high = rng.normal(size=4).round(3)
        for bounds in ({"at_most": high}, {"at_least": low}, {"equals": low, "within": abs(high)}):
            try:
                held = checked(value, control, **bounds)
            except (FalseClaim, TypeError):
                continue
            assert held.used <= 1
            assert held.reached is None or held.reached > 1


def test_a_claim_keeps_how_far_its_control_lies_from_the_bound():
    held = checked(np.float64(2e-13), 0.24, at_most=1e-12)
    assert (held.used, held.reached) == pytest.approx((0.2, 2.4e11))
    bundle = held._repr_mimebundle_()[MIME_TYPE]
    assert (bundle["used"], bundle["reached"]) == (held.used, held.reached)
    beyond = checked(0.95, -0.2, at_least=0.9)
    assert beyond.used == pytest.approx(0.9 / 0.95)
    assert beyond.reached is None  # infinity is no JSON
    exact = checked(7, 8, equals=7)
    assert (exact.used, exact.reached) == (None, None)
