"""Time the nine implementations beside the usual ways to do the same, and see how cost grows.

`python -m bookmaking.benchmark` measures; with `--publish` it also writes what chapter "cost" draws.
Source: chapter "cost".
"""
