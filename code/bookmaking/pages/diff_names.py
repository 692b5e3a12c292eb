"""Name the files of a `:diff:` listing as the repository does; Sphinx tells where they lay at the build."""

from pathlib import Path

from docutils import nodes


def shorten(app, doctree) -> None:
    """Make the paths in the first two lines of each difference relative to the repository."""
    for block in doctree.findall(nodes.literal_block):
        if block.get("language") == "udiff":
            text = block.astext().replace(f"{Path(app.srcdir).as_posix()}/", "")
            block.rawsource, block[:] = text, [nodes.Text(text)]


def setup(app) -> dict:
    """Register with Sphinx."""
    app.connect("doctree-read", shorten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
