"""State something that can be false, check it at once, and show it with its measured value and its bound.

A false claim raises and so fails the build of its page; a true one is displayed and joins the report.
Source: chapter "report".
"""

import re
from dataclasses import asdict, dataclass

import numpy as np

MIME_TYPE = "application/vnd.threelayer.claim+json"
CHECKED = "\N{CHECK MARK}"
EQUATION = re.compile(r"\{eq\}`([^`]*)`")  # the only role that claims use


class FalseClaim(AssertionError):
    """A claim does not hold, or its negative control holds as well."""


@dataclass(frozen=True)
class Claim:
    """A statement that was checked and holds.

    `value` was measured; `bound` says what was asked of it. `control` is the planted fault that the same
    bound refuses, and `control_value` what was measured with it.
    """

    statement: str
    value: str
    bound: str
    control: str
    control_value: str

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        """Offer the claim as data for the book, as Markdown for notebooks elsewhere and as plain text."""
        text = f"{self.statement}: {self.value}, {self.bound}"
        text = outside_the_book(text + f" (control, {self.control}: {self.control_value})")
        return {MIME_TYPE: asdict(self), "text/markdown": f"{CHECKED} {text}", "text/plain": text}


def outside_the_book(text: str) -> str:
    """Return what a claim says where an equation has no number, but a name."""
    return EQUATION.sub(r"(\1)", text)


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
        A full sentence without its full stop; MyST inline markup is rendered.
    value
        What was measured: a number, or whether something is so (then it `equals` True).
    control
        A planted fault, named, and the value measured with it. The same bounds must refuse it.
    equals, within
        The expected value and the largest deviation from it.
    unit
        Written behind value and bounds.

    Raises
    ------
    FalseClaim
        When a bound does not hold, or the control passes.
    TypeError
        When no bound is given, or `within` comes without `equals`: such a claim could not be false.
    """
    if at_most is None and at_least is None and equals is None:
        raise TypeError(f'claim "{statement}" has no bound, so it cannot be false')
    if within and equals is None:
        raise TypeError(f'claim "{statement}" has within= but not equals=')

    def holds(measured: float | bool) -> bool:
        # Every comparison with NaN is false, so NaN never passes.
        return bool(
            (at_most is None or measured <= at_most)
            and (at_least is None or measured >= at_least)
            and (equals is None or measured == equals or abs(measured - equals) <= within)
        )

    def shown(number: float | bool) -> str:
        return _shown(number, equals, within) + (f" {unit}" if unit else "")

    bounds = []
    if equals is not None:
        bounds.append(f"= {shown(equals)}" + (f" ± {_shown(within)}" if within else ""))
    if at_least is not None:
        bounds.append(f"≥ {shown(at_least)}")
    if at_most is not None:
        bounds.append(f"≤ {shown(at_most)}")
    bound = " and ".join(bounds)
    if not holds(value):
        raise FalseClaim(f'false claim: "{statement}": measured {shown(value)}, bound {bound}')
    if holds(control[1]):
        raise FalseClaim(
            f'blind claim: "{statement}": its control "{control[0]}" measures {shown(control[1])}'
            f" and passes the bound {bound} as well"
        )
    return Claim(
        statement=statement,
        value=shown(value),
        bound=bound,
        control=control[0],
        control_value=shown(control[1]),
    )


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
