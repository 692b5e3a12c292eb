"""Write all pages again when something has changed that pages show of one another.

Sphinx writes a page again when the page itself has changed. But a sidebar shows the titles of all pages, and
a reference shows the number and the caption of what it points to. Extensions that list something of all pages
ask `changed` whether their list is another one.
Source: chapter "How a build works" of Sphinx's guide to extensions, https://www.sphinx-doc.org.
"""

import hashlib

# All that Sphinx and our extensions look up across pages, as it stands when every page has been read.
SHOWN = ("titles", "longtitles", "toc_secnumbers", "toc_fignumbers", "sphinx_exercise_registry")
DOMAINS = {"std": ("labels", "anonlabels"), "math": ("objects",)}


def pages_to_write(app, env) -> list[str]:
    """Return all pages if what they show of one another is not what it was when they were written."""
    shown = [getattr(env, name, None) for name in SHOWN]
    shown += [env.domaindata[domain][name] for domain, names in DOMAINS.items() for name in names]
    citations = env.domaindata.get("cite", {}).get("citations", ())  # sphinxcontrib.bibtex
    shown += [{citation.key: citation.entry for citation in citations}]
    return list(env.all_docs) if changed(env, "all pages", shown) else []


def changed(env, name: str, shown) -> bool:
    """Tell whether something that is shown is not what it was when this was asked last, and remember it."""
    if not hasattr(env, "shared_state"):
        env.shared_state = {}
    now = hashlib.sha256(text_of(shown).encode()).hexdigest()
    before, env.shared_state[name] = env.shared_state.get(name), now
    return now != before


def text_of(value) -> str:
    """Return the same text for equal values, in whatever order they came to be."""
    if isinstance(value, dict):
        return "{" + ",".join(sorted(f"{text_of(key)}:{text_of(one)}" for key, one in value.items())) + "}"
    if isinstance(value, (set, frozenset)):
        return "{" + ",".join(sorted(map(text_of, value))) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(text_of, value)) + "]"
    return str(value)


def setup(app) -> dict:
    """Register with Sphinx, after what numbers the sections and figures of the pages that were read."""
    app.connect("env-get-updated", pages_to_write, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
