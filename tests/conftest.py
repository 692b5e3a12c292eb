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

from bookmaking.upkeep.serve import serving
from threelayer import IMPLEMENTATIONS, Config, Data, Params, init_params, load, make_data, plots

ROOT = Path(__file__).parents[1]
BROWSERS = ("google-chrome", "chromium", "chromium-browser")  # not every Chromium plays films
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
    # No name resolves but the server's own, so nothing that a page asks for leaves this machine.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--site", type=Path, default=ROOT / "_build" / "html", help="the built site to test")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test that asks for `page` every page of the built site, and for `scheme` both colour schemes."""
    if "page" in metafunc.fixturenames:
        # Without a site one page, so that the test fails with the sentence of the fixture `site`.
        pages = pages_of(metafunc.config.getoption("--site")) or ["index.html"]
        metafunc.parametrize("page", pages, scope="session")
    if "scheme" in metafunc.fixturenames:
        metafunc.parametrize("scheme", ["light", "dark"], scope="session")


def pages_of(site: Path) -> list[str]:
    """Return the pages a reader can reach, relative to the site."""
    extra = [name for name in ("genindex.html", "search.html") if (site / name).is_file()]
    return sorted(path.relative_to(site).as_posix() for path in site.glob("book/**/*.html")) + extra


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
