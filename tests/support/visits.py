"""A visit to a page in a real browser, which gathers all that could be wrong, and what a page may cost.

Weights are of the files a browser asks for without scrolling, compressed as a server would.
"""

import gzip
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bookmaking.pages.figure_twins import DARK
from support.site_checks import DESKTOP, PHONE, foreign, reader, serious
from threelayer import plots

# The width at which a page is opened in a scheme; then the window takes the other width.
OPENED = {"light": DESKTOP, "dark": PHONE}
PAPER = {"light": plots.PAPER, "dark": DARK[plots.PAPER]}

LIMIT = 400_000  # bytes a page
# What each file may weigh at most, first match first; the sum of a page stays below LIMIT all the same.
ALLOWED = (
    (r"\.html$", 60_000),
    (r"^_static/site\.css$", 35_000),
    (r"^_static/scripts/bootstrap\.js$", 26_000),
    (r"^_static/fonts/", 16_000),
    (r"^searchindex\.js$", 120_000),
    (r"", 10_000),
)
# Figures and the data of those that the reader moves come when they are scrolled to.
LATER = re.compile(r"^(?:_images/|_static/interactive/|_static/plotly\.min\.js$)")
COMPRESSED = {".html", ".css", ".js", ".svg", ".json"}
LARGEST_SHIFT = 0.1

ERRORS = ("error", "warning", "assert")
SHIFTS = """
    window.shift = 0;
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
    }).observe({ type: "layout-shift", buffered: true });
"""
SETTLED = """async () => {
    document.querySelectorAll("img").forEach(image => { image.loading = "eager" });
    const shown = [...document.images].filter(image => image.checkVisibility());
    await Promise.allSettled(shown.map(image => image.decode()));
    await document.fonts.ready;
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""
RAW_MATHEMATICS = r"""() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT,
        node => node.parentElement.closest("pre, code, script, style, mjx-container, title")
            ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
    const found = [...document.querySelectorAll("mjx-merror, [data-mjx-error]")].map(e => e.textContent);
    const raw = /.*(\\[(\[]|\\begin\{|\$\$).*/g;
    while (walker.nextNode()) found.push(...walker.currentNode.data.match(raw) ?? []);
    return found.map(text => text.trim());
}"""


@dataclass
class Visit:
    """What one page asked for and showed, in one colour scheme."""

    asked: set[str]  # until it was idle
    missing: list[str]
    shift: float
    errors: list[str]
    foreign: list[str]
    scheme: str
    background: str
    formulas: int
    typeset: int
    raw_mathematics: list[str]
    overflow: int
    violations: list[str]


def visit(browser, origin: str, page: str, scheme: str) -> Visit:
    """Open a page, wait until it is idle, and look at it from all sides and in both widths."""
    requested, missing, errors, violations = [], [], [], []

    def note(message) -> None:
        if message.type in ERRORS:
            errors.append(f"{message.text} {message.location['url']}")

    with reader(browser, scheme, viewport=OPENED[scheme]) as context:
        tab = context.new_page()
        tab.add_init_script(SHIFTS)
        tab.on("console", note)
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.on("request", lambda request: requested.append(request.url))
        tab.on("response", lambda answer: answer.status >= 400 and missing.append(answer.url))
        tab.goto(f"{origin}/{page}", wait_until="networkidle")
        asked = {unquote(urlsplit(url).path).lstrip("/") for url in requested if url.startswith(origin)}
        shift = tab.evaluate("window.shift")
        for viewport in (DESKTOP, PHONE) if OPENED[scheme] is DESKTOP else (PHONE, DESKTOP):
            tab.set_viewport_size(viewport)
            tab.evaluate(SETTLED)
            if viewport is DESKTOP:
                violations += serious(tab)
            else:  # the one rule for which the width matters
                violations += serious(tab, "scrollable-region-focusable")
                overflow = tab.evaluate(
                    "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                )
        return Visit(
            asked=asked,
            missing=missing,
            shift=shift,
            errors=errors,
            foreign=foreign(requested, origin),
            scheme=tab.evaluate("document.documentElement.dataset.theme"),
            background=tab.evaluate("getComputedStyle(document.body).backgroundColor"),
            formulas=tab.locator(".math").count(),
            typeset=tab.locator("mjx-container").count(),
            raw_mathematics=tab.evaluate(RAW_MATHEMATICS),
            overflow=overflow,
            violations=violations,
        )


def faults(seen: Visit, site: Path, page: str, scheme: str) -> list[str]:
    """Return everything that is wrong with a page, each fault after a word that says of which kind it is."""
    found = [] if page in seen.asked else [f"visit: {page} was not asked for"]
    found += [f"missing: {url}" for url in seen.missing]
    found += [f"console: {error}" for error in seen.errors]
    found += [f"foreign: {url}" for url in seen.foreign]
    weights = {name: weight(site / name) for name in sorted(seen.asked) if not LATER.search(name)}
    found += [f"weight: {fault}" for fault in overweight(weights)]
    if seen.shift >= LARGEST_SHIFT:
        found.append(f"shift: {seen.shift:.2f}")
    if seen.scheme != scheme:
        found.append(f"scheme: {seen.scheme}, and the reader's is {scheme}")
    if seen.background != (paper := "rgb({}, {}, {})".format(*bytes.fromhex(PAPER[scheme][1:]))):
        found.append(f"background: {seen.background}, and the paper of the figures is {paper}")
    if seen.typeset < seen.formulas:
        found.append(f"mathematics: {seen.typeset} of {seen.formulas} formulas are typeset")
    found += [f"mathematics: {text}" for text in seen.raw_mathematics]
    if seen.overflow > 0:
        found.append(f"overflow: {seen.overflow} pixels on a phone")
    return found + [f"access: {violation}" for violation in seen.violations]


def weight(path: Path) -> int:
    """Return how many bytes of a file go over the wire, none of one that is not there."""
    if not path.is_file():
        return 0
    content = path.read_bytes()
    return len(gzip.compress(content)) if path.suffix in COMPRESSED else len(content)


def overweight(weights: dict[str, int]) -> list[str]:
    """Return the files that weigh more than they may, and the page if all of it does."""
    found = []
    for name, bytes_ in weights.items():
        allowed = next(limit for pattern, limit in ALLOWED if re.search(pattern, name))
        if bytes_ > allowed:
            found.append(f"{name}: {bytes_:,} bytes, {allowed:,} allowed")
    if (total := sum(weights.values())) > LIMIT:
        heaviest = ", ".join(sorted(weights, key=weights.get, reverse=True)[:3])
        found.append(f"the page: {total:,} bytes, {LIMIT:,} allowed, most of them in {heaviest}")
    return found
