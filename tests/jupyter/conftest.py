"""One server for all tests of a process, one browser for those of a module, one tab for each test."""

import pytest

from tests.jupyter.browser import SIZE, require, running_browser
from tests.jupyter.page import open_page
from tests.jupyter.server import running_lab


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    require("jupyterlab", "anywidget")
    with running_lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(scope="module")
def browser(lab):
    # Not for longer than a module: Playwright's event loop would stand in the way of others in the same thread
    with running_browser() as running:
        yield running


@pytest.fixture
def page(browser, lab):
    with open_page(browser, lab, viewport=SIZE) as opened:
        yield opened
        assert not opened.errors, "\n".join(opened.errors)
