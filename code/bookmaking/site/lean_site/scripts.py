"""Let no script hold up a page: each runs when the page has been read, in the order in which they stand."""

import re
from pathlib import Path

BLOCKING = re.compile(r'<script(?=[^>]*\ssrc=)(?![^>]*\s(?:defer|async|type="module"))')
# The theme asks for scripts before its stylesheets have come, which are what the first picture waits for.
PRELOAD = re.compile(r'[ \t]*<link rel="preload" as="script"[^>]*>\n?')
# Sets a property of what a script makes, so it must wait for that script: an inline module does.
LATE = re.compile(r"<script>(?=DOCUMENTATION_OPTIONS\.)")
# Sphinx writes one of these for each extension that asks for it.
TWICE = re.compile(r"([ \t]*<script>[^<]*</script>\n)(?=\s*\1)")


def defer(pages: dict[Path, str]) -> dict[Path, str]:
    """Return the pages with every script deferred."""
    return {path: deferred(text) for path, text in pages.items()}


def deferred(text: str) -> str:
    """Return a page with every script deferred."""
    text = TWICE.sub("", PRELOAD.sub("", text))
    return BLOCKING.sub("<script defer", LATE.sub('<script type="module">', text))
