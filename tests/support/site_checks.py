"""Checkers of a site's files and of what a browser shows; `test_site` shows each the fault that it is for."""

from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

REPORT = "book/report.html"
PATIENCE = 120_000  # milliseconds until what does not come is a failure; no result depends on it
expect.set_options(timeout=PATIENCE)
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
# axe looks at a block of code by its tokens.
ONE_TOKEN_OF_EACH_KIND = """() => {
    const kinds = new Set();
    for (const token of document.querySelectorAll("pre span[class]")) {
        const kind = token.className + " in " + token.closest("pre").parentElement.parentElement.className;
        if (kinds.has(kind)) token.replaceWith(...token.childNodes);
        kinds.add(kind);
    }
}"""
# What makes a browser fetch, as opposed to a link that a reader may follow.
FETCHING = {"link": "href", "use": "href", "object": "data", "form": "action"} | dict.fromkeys(
    ("script", "img", "iframe", "source", "video", "audio", "embed"), "src"
)
# A <link> of these kinds alone only says where something is.
SAYING = {"alternate", "author", "canonical", "help", "index", "license", "next", "prev", "search"}


class Page(HTMLParser):
    """What the checks need to know of one HTML page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.images_without_alt: list[str] = []
        self.claims: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.anchors |= {values[key] for key in ("id", "name") if values.get(key)}
        if tag != "base":
            self.links += [values[key] for key in ("href", "src") if values.get(key) is not None]
        kinds = set((values.get("rel") or "").lower().split())
        saying = tag == "link" and kinds and kinds <= SAYING
        if values.get(FETCHING.get(tag, "")) is not None and not saying:
            self.fetched.append(values[FETCHING[tag]])
        decorative = values.get("role") == "presentation" or "logo__image" in (values.get("class") or "")
        if tag == "img" and not (values.get("alt") or "").strip() and not decorative:
            self.images_without_alt.append(values.get("src", ""))
        if (values.get("id") or "").startswith("claim-"):
            self.claims.append(values["id"])


def pages_of(site: Path) -> list[str]:
    """Return the pages a reader can reach, relative to the site."""
    extra = [name for name in ("genindex.html", "search.html") if (site / name).is_file()]
    return sorted(path.relative_to(site).as_posix() for path in site.glob("book/**/*.html")) + extra


def broken_links(pages: dict[str, Page], files: set[str]) -> list[str]:
    """Return the links within the site that lead nowhere, or to an anchor that is not there."""
    broken = []
    for name, page in pages.items():
        for link in page.links:
            target, anchor = urldefrag(urljoin(f"http://site/{name}", link))
            if urlsplit(target).netloc != "site" or not target.startswith("http"):
                continue
            path = unquote(urlsplit(target).path).removeprefix("/") or "index.html"
            if path not in files or (anchor and path in pages and unquote(anchor) not in pages[path].anchors):
                broken.append(f"{name}: {link}")
    return broken


def foreign(addresses: list[str], origin: str) -> list[str]:
    """Return the addresses that are neither on the origin nor carried by the page itself."""
    return [
        address
        for address in addresses
        if urlsplit(address).scheme not in ("data", "blob", "about")
        and urlsplit(urljoin(f"{origin}/", address)).netloc != urlsplit(origin).netloc
    ]


def unlisted_claims(claims: dict[str, list[str]], report: Page) -> list[str]:
    """Return the claims that the report does not link exactly once, and what it links that is no claim."""
    made = [f"{page}#{anchor}" for page, anchors in claims.items() for anchor in anchors]
    listed = [urljoin(REPORT, link) for link in report.links if "#claim-" in link]
    return sorted({claim for claim in {*made, *listed} if made.count(claim) != 1 or listed.count(claim) != 1})


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2.2."""

    def luminance(colour: str) -> float:
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def serious(tab, *rules: str) -> list[str]:
    """Return what axe-core calls serious or critical, by all rules or by some."""
    tab.evaluate(ONE_TOKEN_OF_EACH_KIND)
    # Without preload: axe would ask for imported stylesheets, and at wrong addresses.
    options = {"resultTypes": ["violations"], "preload": False, **({"runOnly": list(rules)} if rules else {})}
    violations = Axe().run(tab, options=options).response["violations"]
    return [
        f"{violation['id']}: {node['target']} {node.get('failureSummary', '')}"
        for violation in violations
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


@contextmanager
def reader(browser, scheme: str | None = None, **options) -> Iterator:
    """Yield the browser of a reader whose system has this colour scheme."""
    settings = {"viewport": DESKTOP, "color_scheme": scheme, "reduced_motion": "reduce", **options}
    with browser.new_context(**settings) as context:
        context.set_default_timeout(PATIENCE)
        yield context
