"""Time the nine implementations beside the usual way to do the same, and beside what this machine allows.

`python -m bookmaking.benchmark` measures and writes the one file that chapter "cost" draws.
Source: chapter "cost".
"""
