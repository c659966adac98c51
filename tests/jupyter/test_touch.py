"""The explorer under fingers: Chromium makes the touches, JupyterLab is around it."""

import pytest

from tests.jupyter.browser import SIZE
from tests.jupyter.explorer import ExplorerPage
from tests.jupyter.page import open_page
from xjls.testing import write_demo

pytestmark = pytest.mark.xdist_group("jupyter")

STEPS = 6


class Hand:
    """Fingers on a page.

    Parameters
    ----------
    page
        Playwright's.
    """

    def __init__(self, page):
        self._devtools = page.context.new_cdp_session(page)

    def __call__(self, *paths):
        """Move a finger along each path ``(from, to)``, all at the same time, and lift them."""
        self._send("touchStart", [start for start, _ in paths])
        for step in range(1, STEPS + 1):
            self._send("touchMove", [_between(start, stop, step / STEPS) for start, stop in paths])
        self._send("touchEnd", [])

    def _send(self, kind, places):
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        self._devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def _between(start, stop, share):
    return tuple(a + share * (b - a) for a, b in zip(start, stop, strict=True))


@pytest.fixture
def explorer(browser, lab):
    demo = write_demo(lab.notebooks / "touched.jls", seconds=2).name
    with open_page(browser, lab, viewport=SIZE, has_touch=True) as page:
        opened = ExplorerPage(page)
        opened.explore(f"{demo!r}, ['current', 'voltage', 'gpi[0]']", *["# room to scroll"] * 60)
        yield opened
        assert not page.errors, "\n".join(page.errors)


def test_fingers_pinch_pan_and_scroll_the_page(explorer):
    hand = Hand(explorer.page.page)
    x0, x1 = extent = explorer.view()
    length, least = x1 - x0, (x1 - x0) / 100
    hand((explorer.place(0.4), explorer.place(0.2)), (explorer.place(0.6), explorer.place(0.8)))
    explorer.wait_for_view(x0 + length / 3, x1 - length / 3, least)
    hand((explorer.place(0.8), explorer.place(0.2)))
    explorer.wait_for_view(x0 + length / 3 + 0.2 * length, x1 - length / 3 + 0.2 * length, least)
    shown = explorer.view()
    top = explorer.stage.bounding_box()["y"]
    (x, y), reach = explorer.place(0.5), 120
    hand(((x, y + reach), (x, y)))
    explorer.page.wait_for("([selector, y]) => document.querySelector(selector).getBoundingClientRect().top < y",
                           ".xjls-stage", top - reach / 2)  # fmt: skip
    assert explorer.view() == shown
    explorer.press("Backspace", "Backspace")
    explorer.wait_for_view(*extent)
    explorer.page.picture("explorer-touched", explorer.root)
