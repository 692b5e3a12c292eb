"""Put the figures of `threelayer.plots.interactive` on the site: a block in the page, the data beside it.

The script of the block loads Plotly and the data when the reader comes to it. Plotly's script is the one of
the installed package; it and the data are written together with the page, so there is no state to keep.
Other formats than HTML have the figure's static twin, and leave the block out.
Source: chapter "four_dimensions", `book/_static/interactive.js`.
"""

import hashlib
import json
from html import escape
from importlib.resources import files
from pathlib import Path

from docutils import nodes
from sphinx.util.osutil import relative_uri

# Of threelayer.plots.interactive, which would load Matplotlib into every build.
MIME_TYPE = "application/vnd.threelayer.interactive+json"
PLOTLY = "_static/plotly.min.js"
HELP = {
    "scene": "Drag a view, or move a slider by touch or with the arrow keys: both views turn together.",
    "slider": "Move the slider by touch or with the arrow keys.",
    "plays": "Move the slider by touch or with the arrow keys, or press Play.",
}
VIEW = (("turn", "Turn", -180, 180, 5), ("tilt", "Tilt", -90, 90, 5), ("zoom", "Zoom", 40, 250, 10))


class interactive(nodes.comment):
    """A figure to be moved, with what its cell displayed. A comment: whatever is not HTML leaves it out."""


class InteractiveRenderer:
    """Renders the figure's own MIME type, and is preferred to its plain text."""

    mime_priority_overrides = (("*", MIME_TYPE, 1),)

    @staticmethod
    def handle_mime(renderer, data, inline: bool) -> list[nodes.Element] | None:
        """Return the figure as one node, or None for another MIME type."""
        if data.mime_type != MIME_TYPE or inline:
            return None
        return [interactive("", **data.content)]


def visit_html(translator, node: interactive) -> None:
    """Write the data, Plotly's script if this site has none yet, and the block."""
    builder = translator.builder
    if builder.name not in ("html", "dirhtml"):
        raise nodes.SkipNode
    content = {"figure": node["figure"], "narrow": node["narrow"]}
    text = json.dumps(content, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    # A script that hands over its data, as no page opened from a file may fetch JSON.
    data = f"document.currentScript.interactive = {text};\n".encode()
    data_uri = f"_static/interactive/{hashlib.sha256(data).hexdigest()[:16]}.js"
    file, plotly = Path(builder.outdir, data_uri), Path(builder.outdir, PLOTLY)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    if not plotly.exists():
        plotly.write_bytes((files("plotly") / "package_data" / "plotly.min.js").read_bytes())

    here = builder.get_target_uri(builder.current_docname)
    label, (wide, narrow), slider = escape(node["label"]), node["heights"], node["slider"]
    use = HELP[("plays" if slider["plays"] else "slider") if slider else "scene"]
    frames = len(node["figure"].get("frames", ()))
    controls = _steps(slider, frames) if slider else "".join(_range(*control) for control in VIEW)
    translator.body.append(
        f'<div class="interactive" role="group" aria-label="{label}"'
        f' style="--wide: {wide}px; --narrow: {narrow}px"'
        f' data-figure="{relative_uri(here, data_uri)}" data-plotly="{relative_uri(here, PLOTLY)}">\n'
        f'<p class="interactive-label"><strong>{label}</strong>'
        f' <span class="interactive-help">{use}</span></p>\n'
        f'<div class="interactive-controls">{controls}</div>\n'
        f'<div class="interactive-plot" role="img" aria-label="{label}"></div>\n'
        "<noscript><p>Without scripts the figure above shows this view, at rest.</p></noscript>\n"
        "</div>\n"
    )
    raise nodes.SkipNode


def add_script(app, pagename, templatename, context, doctree) -> None:
    """Let only those pages load the script that have a block."""
    if doctree is not None and next(doctree.findall(interactive), None) is not None:
        app.add_js_file("interactive.js", loading_method="defer")


def _steps(slider: dict, frames: int) -> str:
    play = '<button type="button" class="interactive-play" disabled>Play</button>' if slider["plays"] else ""
    return play + _range("step", slider["label"], 0, frames - 1, 1, slider["start"])


def _range(name: str, label: str, low: int, high: int, step: int, start: int = 0) -> str:
    return (
        f'<label class="interactive-range"><span>{escape(label)}</span>'
        f'<input type="range" name="{name}" min="{low}" max="{high}" step="{step}" value="{start}"'
        ' autocomplete="off" disabled><span class="interactive-value" aria-hidden="true"></span></label>'
    )


def setup(app) -> dict:
    """Register node and script with Sphinx."""
    app.add_node(interactive, html=(visit_html, None))
    app.connect("html-page-context", add_script)
    return {"env_version": 2, "parallel_read_safe": True, "parallel_write_safe": True}
