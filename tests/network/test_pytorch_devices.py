"""On which device the three PyTorch implementations and their pages make tensors, without a GPU to ask.

The modules run on the device `meta`, whose tensors have shapes and no numbers; what leaves it for NumPy is
replaced by zeros. The pages are read.
"""

import ast
import re
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.overrides import TorchFunctionMode  # noqa: E402
from torch.utils._pytree import tree_leaves  # noqa: E402

from threelayer import Config, load, pytorch_modules, pytorch_scratch  # noqa: E402

CONFIG = Config(hidden=(5, 4), batch_size=7, epochs=2)
ROOT = Path(__file__).parents[2]
META = torch.device("meta")
VALUES = {torch.Tensor.item: 0.0, torch.Tensor.__bool__: False}  # what a number on `meta` is taken for


class Watched(TorchFunctionMode):
    """Note each function that meets a tensor of at least one axis off the device `meta`."""

    def __init__(self):
        super().__init__()
        self.off, self.calls = set(), 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function is torch.Tensor.numpy and args[0].device == META:
            return np.zeros(args[0].shape, str(args[0].dtype).removeprefix("torch."))
        if function in VALUES and args[0].device == META:
            return VALUES[function]
        result = function(*args, **kwargs)
        met = [t for t in tree_leaves((args, kwargs, result)) if isinstance(t, torch.Tensor)]
        self.calls += any(t.device == META for t in met)
        if any(t.device != META and t.ndim for t in met):
            self.off.add(getattr(function, "__name__", str(function)))
        return result


@pytest.fixture
def implementation(request):
    """Return an implementation, imported before its device is exchanged, or skip without its framework."""
    if request.param == "pytorch_lightning":
        pytest.importorskip("pytorch_lightning")
    return load(request.param)


@pytest.fixture
def watched(monkeypatch):
    """Let the modules take `meta` for their device, and note what is elsewhere."""
    for module in (pytorch_scratch, pytorch_modules):
        monkeypatch.setattr(module, "DEVICE", META)
    with Watched() as mode:
        yield mode


def use(module, params, data):
    module.predict(params, data.x_test)
    module.loss_and_grads(params, data.x_train, data.y_train)
    module.fit(params, data, CONFIG)


def trainers_on_meta(monkeypatch):
    """Give Lightning's trainers the device `meta`, for which it has no accelerator."""
    import pytorch_lightning as pl
    from pytorch_lightning.accelerators import CPUAccelerator
    from pytorch_lightning.strategies import SingleDeviceStrategy

    class Trainer(pl.Trainer):
        def __init__(self, **options):
            super().__init__(**(options | {"accelerator": "cpu", "strategy": SingleDeviceStrategy(META)}))

        def _teardown(self):
            """Do not copy weights and losses back, as they are no numbers."""

    monkeypatch.setattr(pl, "Trainer", Trainer)
    monkeypatch.setattr(CPUAccelerator, "setup_device", lambda accelerator, device: None)
    monkeypatch.setattr(
        SingleDeviceStrategy, "teardown", lambda strategy: None
    )  # would copy the weights back


NAMES = "pytorch_scratch", "pytorch_modules", "pytorch_lightning"


@pytest.mark.parametrize("implementation", NAMES, indirect=True)
def test_all_tensors_are_made_on_the_device(implementation, params, data, watched, monkeypatch):
    if implementation.__name__.endswith("lightning"):
        trainers_on_meta(monkeypatch)
    use(implementation, params, data)
    assert watched.calls > 100
    assert watched.off == set()


def test_a_tensor_left_on_the_cpu_is_seen(params, data, watched, monkeypatch):
    def left(array, to_tensor=pytorch_modules.to_tensor):
        return (
            torch.tensor(array) if array.dtype.kind == "i" else to_tensor(array)
        )  # the order of the batches

    monkeypatch.setattr(pytorch_modules, "to_tensor", left)
    pytorch_modules.fit(params, data, CONFIG)
    assert "__getitem__" in watched.off


# -- the pages

CELL = re.compile(r"^```\{code-cell\}.*?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
OPTIONS = re.compile(r"\A(?:---\n.*?^---\n|(?::\w+:.*\n)+)", re.DOTALL | re.MULTILINE)
FACTORIES = set(
    "arange as_tensor empty eye from_numpy full linspace ones rand randn randint tensor zeros".split()
)


def cells_of(chapter):
    """Return the code cells of a chapter."""
    return [
        OPTIONS.sub("", cell) for cell in CELL.findall((ROOT / "book" / f"{chapter}.md").read_text("utf-8"))
    ]


def without_device(code):
    """Return the calls that make tensors or layers and neither name a device nor are moved at once."""
    nodes = list(ast.walk(ast.parse(code)))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    options = {
        ast.unparse(node.targets[0])
        for node in nodes
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Dict)
        and "'device'" in ast.unparse(node.value)
    }
    spared = [call for call in calls if ast.unparse(call.func).endswith((").to", "DataLoader"))]
    moved = {id(part) for call in spared for part in ast.walk(call)}  # a loader draws its seed on the CPU
    for call in calls:
        owner, _, name = ast.unparse(call.func).rpartition(".")
        made = (owner == "torch" and name in {*FACTORIES, "Generator"}) or (
            owner == "nn" and name == "Linear"
        )
        named = any(
            keyword.arg == "device" or (keyword.arg is None and ast.unparse(keyword.value) in options)
            for keyword in call.keywords
        ) or (name == "Generator" and call.args)
        if made and not named and id(call) not in moved:
            yield ast.unparse(call)


@pytest.mark.parametrize("chapter", NAMES)
def test_no_cell_of_a_page_makes_a_tensor_off_the_device(chapter):
    cells = cells_of(chapter)
    assert len(cells) > 8
    assert list(without_device("\n".join(cells))) == []


def test_a_cell_that_forgets_the_device_is_seen():
    code = """
x = torch.tensor(data.x_train)
layer = nn.Linear(3, 5)
y = torch.ones(3, device=network.DEVICE)
model = nn.Sequential(nn.Linear(3, 5), nn.Tanh()).to(y)
g = torch.Generator(network.DEVICE)
options, others = {"device": network.DEVICE}, {"dtype": torch.float64}
there = {"device": network.DEVICE}
z = torch.empty(3, **there) + torch.zeros(3, **others)
"""
    assert set(without_device(code)) == {
        "torch.tensor(data.x_train)",
        "nn.Linear(3, 5)",
        "torch.zeros(3, **others)",
    }
