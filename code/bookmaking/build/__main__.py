"""Build the book: `python -m bookmaking.build`."""

import sys

from bookmaking.build.render import main

sys.exit(main())
