"""Show one step of training in all nine implementations, in tabs that stay on the reader's choice.

The directive `{rosetta}` takes one line an implementation, `name: object` or `name: module:object`, and
writes the tab set of literal includes that would otherwise be typed nine times. All sets follow one choice
(`:sync-group:` of sphinx-design).
"""

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

LABELS = {
    "numpy_manual": "NumPy",
    "pytorch_scratch": "PyTorch scratch",
    "pytorch_modules": "PyTorch modules",
    "pytorch_lightning": "Lightning",
    "tensorflow_scratch": "TensorFlow scratch",
    "tensorflow_layers": "Keras layers",
    "tensorflow_functional": "Keras functional",
    "tensorflow_highlevel": "Keras high level",
    "jax_transforms": "JAX",
}


class Rosetta(SphinxDirective):
    """One tab an implementation, each with the part of the source that does the step."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Write the tab set in MyST and let the page's own parser read it."""
        chosen = dict(line.split(": ", 1) for line in self.content if line.strip())
        if list(chosen) != list(LABELS):
            raise self.error(f"rosetta needs these names in this order: {', '.join(LABELS)}")
        lines = [":::::{tab-set}", ":sync-group: implementation", ""]
        for name, source in chosen.items():
            module, _, item = source.rpartition(":")
            lines += [
                f"::::{{tab-item}} {LABELS[name]}",
                f":sync: {name}",
                "",
                f"```{{literalinclude}} /code/threelayer/{module or name}.py",
                f":pyobject: {item}",
                "```",
                "::::",
            ]
        lines.append(":::::")
        parsed = nodes.container(classes=["rosetta"])
        self.state.nested_parse(StringList(lines, source=self.env.docname), self.content_offset, parsed)
        return [parsed]


def setup(app) -> dict:
    """Register the directive with Sphinx."""
    app.add_directive("rosetta", Rosetta)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
