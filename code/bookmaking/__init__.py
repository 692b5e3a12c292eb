"""What makes the book and is not its subject: execution from a cache, the build, the preview.

Run by `make`, imported by Sphinx (`bookmaking.keyed_cache` is an extension) and by the tests.
Source: CONTRIBUTING.md, section "Change a page".
"""
