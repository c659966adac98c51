"""The capture panel in a real JupyterLab: it lives while a cell computes, and the store has every sample."""

import pytest

from tests.jupyter.page import SPIN
from xjls.testing.captured import check_captured

pytestmark = pytest.mark.xdist_group("jupyter")

PANEL = """
import xjls
p = xjls.panel({device!r}, {store!r}, rate={rate}, duration="{seconds}s", stops_after=True, window="5s", remember=False)
p
"""
SELECTOR = ".xjls-panel-view"
PUSHES = "([selector, least]) => Number(document.querySelector(selector)?.dataset.pushes ?? 0) >= least"


def start(page, store, *, seconds, rate=200_000):
    page.open("panel.ipynb", PANEL.format(device="sim", store=store, rate=rate, seconds=seconds), SPIN)
    page.run(0)
    page.page.locator(SELECTOR).wait_for()
    page.page.locator("button.widget-toggle-button", has_text="Start").click()
    page.wait_for(PUSHES, SELECTOR, 3)


def check_store(page, store, samples):
    """Require that a store has so many samples, and that they are those that the device sent."""
    import xjls

    with xjls.open_recording(page.lab.notebooks / store) as recording:
        lengths = {signal.name: signal.length for signal in recording.signals.values()}
        assert set(lengths.values()) == {samples}, lengths
        assert not recording.status.gaps
        check_captured(recording)


def test_a_click_starts_it_and_the_recording_opens(page):
    start(page, "clicked.zarr", seconds=2)
    page.picture("panel-light", page.page.locator(".jp-OutputArea-output"))
    page.wait_for_python("p.session.has_ended()")
    assert page.python("dict(p.dataset.sizes)['time']") == 400_000
    page.execute("p.close()")
    check_store(page, "clicked.zarr", 400_000)


def test_it_lives_while_a_cell_computes_and_nothing_is_lost(page):
    start(page, "busy.zarr", seconds=8)
    # Messages that come before JupyterLab and the kernel have a thread for them wait for the cell
    page.wait_for(PUSHES, SELECTOR, 20)
    page.start(1)
    pushes = page.page.evaluate("(selector) => Number(document.querySelector(selector).dataset.pushes)", SELECTOR)
    page.wait_for(PUSHES, SELECTOR, pushes + 4)  # one a second at least
    assert page.page.evaluate("(selector) => document.querySelector(selector).dataset.state", SELECTOR) == "streaming"
    page.picture("panel-busy", page.page.locator(".jp-OutputArea-output").first)
    (page.lab.notebooks / "go-on").touch()
    page.end()
    assert not page.cell_errors()
    page.execute("p.wait()\np.close()")
    check_store(page, "busy.zarr", 1_600_000)


def test_it_is_dark_where_jupyterlab_is(page):
    start(page, "dark.zarr", seconds=4)
    page.command("apputils:change-theme", theme="JupyterLab Dark")
    page.wait_for("() => document.body.dataset.jpThemeLight === 'false'")
    page.picture("panel-dark", page.page.locator(".jp-OutputArea-output"))
    page.execute("p.stop()\np.close()")
