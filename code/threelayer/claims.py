"""State something that can be false, check it at once, and show it with its measured value and its bound.

A false claim raises and so fails the build of its page; a true one is displayed and joins the report.
Source: chapter "report".
"""

import math
import re
from dataclasses import asdict, dataclass, field

import numpy as np

MIME_TYPE = "application/vnd.threelayer.claim+json"
EQUATION = re.compile(r"\{eq\}`([^`]*)`")  # the only role that claims use


class FalseClaim(AssertionError):
    """A claim does not hold, or its negative control holds as well."""


@dataclass(frozen=True)
class Claim:
    """A statement that was checked and holds.

    `value` was measured; `bound` says what was asked of it. `control` is the planted fault that the same
    bound refuses, and `control_value` what was measured with it. `used` and `reached` are the shares of the
    bound (see `share_of_bound`) that value and control take: at most 1, and above 1. `used` is None where the
    bound has no size; `reached` is None there, and where the share is infinite. `numbers` has what the three
    texts write: `value`, `control` and the bounds, as `check` takes them, but for what is infinite.
    """

    statement: str
    value: str
    bound: str
    control: str
    control_value: str
    used: float | None = None
    reached: float | None = None
    numbers: dict[str, float | bool] = field(default_factory=dict)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        """Offer the claim as data for the book, as Markdown for notebooks elsewhere and as plain text."""
        text = f"{self.statement}: {self.value}, {self.bound}"
        text += f" (control, {self.control}: {self.control_value})"
        text = EQUATION.sub(r"(\1)", text)  # outside the book an equation has no number, but a name
        return {MIME_TYPE: asdict(self), "text/markdown": f"\N{CHECK MARK} {text}", "text/plain": text}


def claim(statement: str, value: float | bool, **bounds) -> None:
    """Check a statement as `check` does, and display it where it is made."""
    _display(check(statement, value, **bounds))


def check(
    statement: str,
    value: float | bool,
    *,
    control: tuple[str, float | bool],
    at_most: float | None = None,
    at_least: float | None = None,
    equals: float | bool | None = None,
    within: float = 0.0,
    unit: str = "",
) -> Claim:
    """Check `value` against every bound that is given.

    Parameters
    ----------
    statement
        A sentence without its full stop, or what was measured; MyST inline markup is rendered.
    value
        What was measured: a number, or whether something is so (then it `equals` True).
    control
        A planted fault, named, and the value measured with it. The same bounds must refuse it.
    equals, within
        The expected value and the largest deviation from it.
    unit
        Written after value and bounds.

    Raises
    ------
    FalseClaim
        When a bound does not hold, or the control passes.
    TypeError
        When no bound is given, or `within` comes without `equals`: such a claim could not be false. When the
        control can be known to be none: it has no name of its own, is not finite, is a boolean among numbers
        or the reverse, or is the measured number negated, inverted, taken from 1 or moved by powers of ten.
    """
    if at_most is None and at_least is None and equals is None:
        raise TypeError(f'claim "{statement}" has no bound, so it cannot be false')
    if within and equals is None:
        raise TypeError(f'claim "{statement}" has within= but not equals=')
    fault, (value, failing, *bounds) = control[0], map(_plain, (value, control[1], at_most, at_least, equals))
    _refuse_what_is_no_control(statement, value, fault, failing, bounds)
    at_most, at_least, equals = bounds

    def holds(measured: float | bool) -> bool:
        # Every comparison with NaN is false, so NaN never passes.
        return bool(
            (at_most is None or measured <= at_most)
            and (at_least is None or measured >= at_least)
            and (equals is None or measured == equals or abs(measured - equals) <= within)
        )

    def shown(number: float | bool) -> str:
        return _shown(number, equals, within) + (f" {unit}" if unit else "")

    parts = []
    if equals is not None:
        parts.append(f"= {shown(equals)}" + (f" ± {_shown(within)}" if within else ""))
    if at_least is not None:
        parts.append(f"≥ {shown(at_least)}")
    if at_most is not None:
        parts.append(f"≤ {shown(at_most)}")
    bound = " and ".join(parts)
    if not holds(value):
        raise FalseClaim(f'false claim: "{statement}": measured {shown(value)}, bound {bound}')
    if holds(failing):
        raise FalseClaim(
            f'blind claim: "{statement}": its control "{fault}" measures {shown(failing)}'
            f" and passes the bound {bound} as well"
        )
    names = "value", "control", "at_most", "at_least", "equals", "within"
    numbers = dict(zip(names, (value, failing, *bounds, within or None), strict=True))
    return Claim(
        statement=statement,
        value=shown(value),
        bound=bound,
        control=fault,
        control_value=shown(failing),
        used=_finite(share_of_bound(value, *bounds, within)),
        reached=_finite(share_of_bound(failing, *bounds, within)),
        numbers={name: number for name, number in numbers.items() if _finite(number) is not None},
    )


def share_of_bound(
    measured: float | bool,
    at_most: float | None = None,
    at_least: float | None = None,
    equals: float | bool | None = None,
    within: float = 0.0,
) -> float | None:
    """Return how much of its bound a measured number uses: 1 at the bound, more where the bound refuses it.

    This is measured / at_most, at_least / measured, or |measured - equals| / within; of several bounds the
    largest share counts. Where a bound is negative, its fraction is turned round. The share is infinite for a
    number that is not even on the bound's side of zero. It is None where the bound has no size: a bound of 0,
    an exact value, yes or no.
    """
    shares = []
    if at_most is not None:
        shares.append(_share_of_upper_bound(measured, at_most))
    if at_least is not None:
        shares.append(_share_of_upper_bound(-measured, -at_least))
    if equals is not None:
        shares.append(abs(measured - equals) / within if within else None)
    return None if None in shares else max(shares)


def _share_of_upper_bound(measured: float, bound: float) -> float | None:
    if bound == 0:
        return None
    if bound > 0:
        return max(measured / bound, 0.0)
    return bound / measured if measured < 0 else math.inf


def _finite(share: float | None) -> float | None:
    return share if share is not None and math.isfinite(share) else None


def _refuse_what_is_no_control(
    statement: str, value: float | bool, fault: str, failing: float | bool, bounds: list[float | bool | None]
) -> None:
    """Raise TypeError for a control that shows nothing, whatever code computed it."""
    words = fault.casefold().split() if isinstance(fault, str) else []
    if not words or words == statement.casefold().split():
        raise TypeError(f'claim "{statement}" has a control that names no fault')
    if len({isinstance(number, bool) for number in (value, failing, *bounds) if number is not None}) > 1:
        raise TypeError(
            f'claim "{statement}" compares yes or no with a number: value, control and bound differ in kind'
        )
    if not math.isfinite(failing):
        raise TypeError(f'claim "{statement}" has a control that is not finite: {failing}')
    if way := _disguise(value, failing):
        raise TypeError(
            f'claim "{statement}" has as its control the measured value, {way}: run faulty code instead'
        )


def _disguise(value: float | bool, control: float | bool) -> str | None:
    """Tell how a control was made from the measured value without measuring anything, or return None.

    The other boolean is the only control of a boolean. A value of 0, 1, 10 or another power of ten may meet
    1 - v, 1 / v and a power of ten by chance, as counts and shares do; so only its negative is told.
    """
    if isinstance(value, bool) or value == 0 or control == 0 or not math.isfinite(value):
        return None
    same = 1e-9  # relative
    if abs(control + value) <= same * abs(value):
        return "negated"
    own, apart = math.log10(abs(value)), math.log10(abs(control)) - math.log10(abs(value))
    if _is_whole(own):
        return None
    if _is_whole(apart) and round(apart) != 0:
        return "moved by a power of ten"
    if abs(control * value - 1) <= same:
        return "inverted"
    # A relative error of 1 is no 1 - v: the difference has to be seen in v too, not only in 1.
    if 1 - value != 1 and abs(control - (1 - value)) <= same * min(abs(value), abs(1 - value)):
        return "taken from 1"
    return None


def _is_whole(logarithm: float) -> bool:
    return abs(logarithm - round(logarithm)) < 4e-10  # a factor of 1 + 1e-9


def _plain(number: float | bool | None) -> float | bool | None:
    """Return a number of Python's own, also for a NumPy scalar and a tensor that holds one number."""
    return number.item() if hasattr(number, "item") else np.asarray(number).item()


def _shown(number: float | bool, equals: float | bool | None = None, within: float = 0.0) -> str:
    """Write a number with the digits that matter: those that `within` can tell apart, else four."""
    if isinstance(number, bool | np.bool_):
        return "yes" if number else "no"
    if isinstance(number, int | np.integer):
        return f"{number:,}"
    if equals is not None and within > 0 and 1e-3 <= abs(equals) < 1e6 and within >= 1e-12:
        return f"{number:.{max(0, 1 - int(np.floor(np.log10(within))))}f}"
    magnitude = abs(number)
    return f"{number:.4g}" if number == 0 or 1e-3 <= magnitude < 1e6 else f"{number:.1e}"


def glue(name: str, value: object) -> None:
    """Keep a number under a name, for the prose of its page to show as `{glue:text}`."""
    try:
        from myst_nb import glue
    except ImportError:  # a notebook away from the book has no prose to fill
        return
    glue(name, value.item() if isinstance(value, np.generic) else value, display=False)


def _display(result: Claim) -> None:
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:  # outside a notebook there is nobody to show it to
        return
    if get_ipython() is not None:
        display(result)
