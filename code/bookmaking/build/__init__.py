"""Run the pages, let Sphinx render them, and put the site in its place: `python -m bookmaking.build`."""
