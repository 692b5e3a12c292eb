"""What tests share: the nine implementations, a problem, and the built site with a server and a browser."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from playwright.sync_api import sync_playwright

from bookmaking.cache.cores import thread_limits
from bookmaking.upkeep.serve import serving
from support import ROOT
from support.site_checks import pages_of
from threelayer import IMPLEMENTATIONS, Config, Data, Params, init_params, load, make_data, plots

BROWSERS = ("google-chrome", "chromium", "chromium-browser")  # not every Chromium plays films
FRAMEWORKS = tuple(dict.fromkeys(name.partition("_")[0] for name in IMPLEMENTATIONS))
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
    # No name resolves but the server's own, so nothing that a page asks for leaves this machine.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--site", type=Path, default=ROOT / "_build" / "html", help="the built site to test")
    parser.addoption("--frameworks", type=str.split, help=f"test these only, of {', '.join(FRAMEWORKS)}")


def pytest_configure(config: pytest.Config) -> None:
    """Give each library one thread, as in the kernels, and refuse a framework that the book has not."""
    os.environ.update(thread_limits(1))  # before a framework is imported
    if unknown := set(config.getoption("--frameworks") or ()) - set(FRAMEWORKS):
        raise pytest.UsageError(
            f"no framework is named {', '.join(unknown)}; choose from {', '.join(FRAMEWORKS)}"
        )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the files of frameworks that are not asked for: importing them takes seconds."""
    chosen = config.getoption("--frameworks") or FRAMEWORKS
    named = collection_path.name.removeprefix("test_").partition("_")[0]
    return True if named in FRAMEWORKS and named not in chosen else None


def framework_of(item: pytest.Item) -> str | None:
    """Return the framework of the implementation that a test is given, or that its file is named after."""
    implementation = item.callspec.params.get("implementation") if hasattr(item, "callspec") else None
    name = (implementation or item.path.stem.removeprefix("test_")).partition("_")[0]
    return name if name in FRAMEWORKS else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the frameworks that are not asked for, and say which tests stay together in one process.

    Those of a framework do, since importing one takes seconds, and those of a file, which share its books.
    """
    chosen = config.getoption("--frameworks") or FRAMEWORKS
    left_out = [item for item in items if framework_of(item) not in (None, *chosen)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(framework_of(item) or item.path.stem))


@pytest.fixture(scope="session")
def site(pytestconfig) -> Path:
    """Return the folder of the built site."""
    folder = pytestconfig.getoption("--site")
    if not pages_of(folder):
        pytest.fail(f"there is no built book in {folder}: run `make book`", pytrace=False)
    return folder


@pytest.fixture(scope="session")
def origin(site) -> Iterator[str]:
    """Serve the site and return the address it has."""
    with serving(site) as address:
        yield address


@pytest.fixture(scope="session")
def browser():
    """Start the system's Chromium; without one, skip here and fail in CI."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        missing = f"no browser found, looked for {', '.join(BROWSERS)}"
        pytest.fail(missing, pytrace=False) if os.environ.get("CI") else pytest.skip(missing)
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=found, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module", params=IMPLEMENTATIONS)
def implementation(request):
    """Return one implementation, or skip where its framework is not installed."""
    needed = "pytorch_lightning" if "lightning" in request.param else request.param.split("_")[0]
    pytest.importorskip({"pytorch": "torch"}.get(needed, needed))
    return load(request.param)


@pytest.fixture(scope="module")
def data() -> Data:
    """Return data with two outputs; 50 samples in batches of 7 leave one over."""
    data = make_data(50, 11, 13)
    names = "y_train", "y_val", "y_test"
    return replace(data, **{name: np.hstack([y := getattr(data, name), np.sin(3 * y)]) for name in names})


@pytest.fixture(scope="module")
def params() -> Params:
    """Return weights for these data, of widths 5 and 4, whose biases are not zero."""
    drawn = init_params(Config(hidden=(5, 4)), n_out=2)
    return Params(*(p + 0.1 * np.arange(p.size).reshape(p.shape) / p.size for p in drawn))


@pytest.fixture
def style() -> Iterator[None]:
    """Draw in the book's style, without a window, and leave Matplotlib as it was."""
    mpl.use("agg")
    with mpl.rc_context():
        plots.use_style()
        yield
    plt.close("all")
