"""The capture panel in a real JupyterLab: it lives while a cell computes, and the store has every sample."""

import pytest

from tests.jupyter.page import SPIN
from xjls.testing.captured import check_captured
from xjls.widget.modules import joined

pytestmark = pytest.mark.xdist_group("jupyter")

PANEL = """
import xjls
p = xjls.panel({device!r}, {store!r}, rate={rate}, duration="{seconds}s", stops_after=True, window="5s", remember=False)
p
"""
SELECTOR = ".xjls-panel-view"
KEPT = """async ([source, last]) => {
    const { default: widget } = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
    const values = new Float32Array([1, 2, 3, 2]);
    const bytes = new Uint8Array(68);
    for (let i = 0; i < 4; i += 1) bytes.set(new Uint8Array(values.buffer), 16 * i);
    bytes.fill(255, 64);
    const traits = { last: { ...last, data: new DataView(bytes.buffer) }, settings: { theme: "light" }, note: "" };
    const told = [];
    const model = { get: (name) => traits[name], on() {}, off() {}, send: (content) => told.push(content) };
    widget.render({ model, el: document.body });
    const frame = () => new Promise(requestAnimationFrame);
    for (let i = 0; i < 3; i += 1) await frame();
    return told;
}"""
"""The panel without JupyterLab: a model that has nothing but what was saved, and nobody who answers."""
LAST = {
    "type": "push", "id": 0, "kept": True, "reset": True, "state": "ended", "window": 4e9, "newest": 4e9, "marks": [],
    "lanes": [{"key": "i", "k0": 0, "n": 4, "x0": 0, "dx": 1e9, "per": 10, "y0": 0,
               "at": {"mean": 0, "std": 16, "min": 32, "max": 48, "fill": 64}}],
    "facts": {"utc": False, "origin": "0", "since": "the first sample",
              "lanes": [{"key": "i", "name": "current", "units": "A", "shape": "analog"}]},
    "numbers": {"window_s": 4, "last": {"i": None}, "window": {"i": None}, "accumulated": {}},
    "health": {"rate_hz": 10, "nominal_hz": 10, "lost": 3, "left_out": 0, "over_range": 0, "queued": 0,
               "most_queued": 0, "lag_s": 0, "bytes_per_s": 40, "is_well": False},
    "recording": None, "is_recording": False, "elapsed_s": 4, "recorded_s": 0, "skipped": 0,
}  # fmt: skip
LINE = 0xFFB0670A
"""The colour of a current on a light ground, as ABGR."""
MARKED = "([selector]) => document.querySelector(selector)?.dataset.marks === '1'"
COLOURS = """(canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return [...new Set(Uint32Array.from(new Uint32Array(data.buffer)))];
}"""
MARK = 0xFF8F3BA2
"""The colour of marks on a light ground, as ABGR."""
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
    with page.dark():
        page.picture("panel-dark", page.page.locator(".jp-OutputArea-output"))
    page.execute("p.stop()\np.close()")


def test_a_mark_is_seen_where_it_was_made(page):
    start(page, "marked.zarr", seconds=60)
    canvas = page.page.locator(".xjls-live-canvas")
    assert MARK not in canvas.evaluate(COLOURS)
    page.wait_for_python("p.session.counts.recorded_s > 3")
    mark(page, "radio on")
    page.wait_for(MARKED, SELECTOR)
    page.wait_for("([selector, mark]) => (" + COLOURS + ")(document.querySelector(selector)).includes(mark)",
                  ".xjls-live-canvas", MARK)  # fmt: skip
    page.wait_for_python("p.session.counts.recorded_s > 4.5")
    page.picture("panel-marked", page.page.locator(".jp-OutputArea-output").first)
    page.execute("p.stop()\np.close()")


def mark(page, text):
    """Type, and press at once."""
    page.page.get_by_placeholder("what happens now").fill(text)
    page.page.locator("button", has_text="Mark now").click()


@pytest.mark.parametrize("busy", [False, True])
def test_a_mark_has_the_text_that_was_typed_just_before(page, busy):
    import xjls

    store = f"typed-{busy}.zarr"
    start(page, store, seconds=60)
    page.wait_for(PUSHES, SELECTOR, 20)
    if busy:
        page.start(1)
    told = [f"event {i}" for i in range(5)]
    for text in told:
        mark(page, text)
    if busy:
        (page.lab.notebooks / "go-on").touch()
        page.end()
    page.wait_for("([selector]) => document.querySelector(selector)?.dataset.marks === '5'", SELECTOR)
    page.execute("p.stop()\np.close()")
    with xjls.open_recording(page.lab.notebooks / store) as recording:
        assert [note.data for note in recording.annotations] == told


def test_it_is_as_it_was_where_no_kernel_is(page):
    page.page.goto("about:blank")
    told = page.page.evaluate(KEPT, [joined("panel/index.js"), LAST])
    page.wait_for("([selector]) => document.querySelector(selector)?.dataset.ready === 'true'", SELECTOR)
    root = page.page.locator(SELECTOR)
    assert root.get_attribute("data-kept") == "true"
    assert root.locator(".xjls-live-head").inner_text().startswith("as it was at ")
    assert "lost at device 3" in root.locator(".xjls-live-health").inner_text()
    assert LINE in root.locator("canvas").evaluate(COLOURS)
    assert told == [{"type": "hello"}], "nobody pushed it, so it is not acknowledged"
