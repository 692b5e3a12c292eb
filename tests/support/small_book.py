"""A small book with citations, built by Sphinx in a process of its own."""

import subprocess
import sys
from pathlib import Path

from bs4 import BeautifulSoup

CONFIGURATION = """
extensions = ["myst_parser", "sphinx_design", "bookmaking.pages.permalinks"]
extensions += ["bookmaking.site." + part for part in ("page_head", "redirects", "site_version")]
html_theme = "basic"
mathjax_path = "mathjax.js"
exclude_patterns = ["out", "CHANGELOG.md"]
myst_enable_extensions = ["dollarmath"]
citation_key = "small"
"""
CHAPTER = """# Take "50 %" & more

Its first words.

$$
a = b
$$ (numbered)

$$
c = d
$$

```{literalinclude} code.py
:pyobject: work
```

```{literalinclude} code.py
:start-at: "total: int"
:end-at: "total: int"
```

- In a list:

  ```{literalinclude} code.py
  ```

```python
not_included = 1
```
"""
LAST = """---
myst:
  html_meta:
    description: It is "the last".
chapter-authors:
  - family-names: Noether
    given-names: Emmy
  - name: The guests
---

# The last

Other words.

## Cite this chapter

By hand.
"""
CITE = """# Cite

```{cite-book}
```

```{cite-chapters}
```

```{book-versions}
```
"""
CHANGES = "# Changelog\n\n## Unreleased\n\n## 3.0.0 (2028-01-02)\n\n## 2.10.0 (2027-03-04)\n"
TYPESET = "Take “50 %” & more"  # with Sphinx's quotation marks
CFF = 'title: Small\nversion: 3.1.0\ndate-released: "2029-05-06"\nauthors:\n  - name: The group\n'


class SmallBook:
    """A first page, two chapters and a page that cites them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.site = folder, folder / "out" / "html"
        self.write("conf.py", CONFIGURATION)
        self.write("CITATION.cff", CFF)
        self.write("index.md", "# Small\n\n```{toctree}\nplaces\nlast\ncite\n```\n")
        self.write("places.md", CHAPTER)
        self.write("last.md", LAST)
        self.write("cite.md", CITE)
        self.write("code.py", "total: int = 3\n\n\ndef work(n):\n    return n == total\n")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def build(self, *settings: str) -> subprocess.CompletedProcess:
        options = [part for setting in settings for part in ("-D", setting)]
        command = [sys.executable, "-m", "sphinx", "-nW", "--keep-going", "-d", "out/doctrees", *options]
        return subprocess.run([*command, ".", "out/html"], cwd=self.folder, capture_output=True, text=True)

    def built(self, *settings: str) -> None:
        result = self.build(*settings)
        assert result.returncode == 0, result.stderr

    def page(self, name: str) -> BeautifulSoup:
        return BeautifulSoup((self.site / f"{name}.html").read_text("utf-8"), "html.parser")
