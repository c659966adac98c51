"""A Chromium that is there already, driven without a window."""

import contextlib
import importlib.util
import shutil

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")  # fmt: skip
SIZE = {"width": 1280, "height": 1000}


def require(*packages):
    """Skip the tests, and say why, where there is no browser or one of these packages is absent."""
    for name in ("playwright", *packages):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"the browser tests need {name}: pip install 'xjls[test]'")
    if chromium() is None:
        pytest.skip(f"the browser tests need Chromium, and none of {', '.join(NAMES)} is on PATH")


def chromium():
    """Return the path of a browser, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextlib.contextmanager
def running_browser():
    """Yield a browser, and end it and its driver afterwards."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), headless=True, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()
