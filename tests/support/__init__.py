"""What several rooms of the tests use: places, readers of other programs' formats, checkers, small books."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
