"""The explorer in a real JupyterLab: what the mouse and the keys do, what Python hears of it, and what it says."""

import io
import re

import numpy as np
import pytest

from tests.jupyter.explorer import ExplorerPage
from tests.jupyter.page import SPIN
from xjls.testing import write_demo

pytestmark = pytest.mark.xdist_group("jupyter")

LANES = ["current", "voltage", "gpi[0]"]
PREFIXES = {"": 1, "p": 1e-12, "n": 1e-9, "µ": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6}
TRUTH = f"""
import numpy as np
ds = xjls.open("demo.jls")
samples = {{name: np.asarray(ds[name].sel(time=w.selection), "f8") for name in {LANES}}}
truth = {{
    name: {{"mean": a.mean(), "std": a.std(), "min": a.min(), "max": a.max(), "pp": np.ptp(a), "n": a.size}}
    for name, a in samples.items()
}}
"""
"""NumPy's numbers of the samples that `Dataset.sel` takes."""


@pytest.fixture(scope="module")
def demo(lab):
    return write_demo(lab.notebooks / "demo.jls", seconds=2).name


@pytest.fixture
def explorer(page, demo):
    opened = ExplorerPage(page)
    opened.explore(f"{demo!r}, {LANES}", SPIN)
    return opened


def pixel_of(explorer):
    """Nanoseconds that a pixel of the screen is wide."""
    x0, x1 = explorer.view()
    return (x1 - x0) / explorer.plot()[2]


def pixels(explorer):
    """Return what is drawn, shape (y, x, rgb)."""
    image = pytest.importorskip("PIL.Image").open(io.BytesIO(explorer.stage.screenshot()))
    return np.asarray(image.convert("RGB")).astype(int)


def background(image):
    colours, counts = np.unique(image.reshape(-1, 3), axis=0, return_counts=True)
    return colours[counts.argmax()]


def test_it_opens_with_all_of_the_recording(explorer):
    facts = explorer.page.python("w.facts")
    assert [lane["key"] for lane in facts["lanes"]] == LANES
    assert list(explorer.view()) == facts["extent"]
    image = pixels(explorer)
    drawn = np.abs(image - background(image)).sum(axis=2) > 60
    plot = explorer.root.evaluate("(root) => root.xjls.state.layout.plot")
    inside = drawn[plot["y"] + 2 :, plot["x"] + 2 : plot["x"] + plot["width"] - 2]
    assert inside.any(axis=0).mean() > 0.9, "nothing is drawn in a tenth of the plot's columns"
    explorer.page.picture("explorer-light", explorer.root)


def test_the_wheel_zooms_about_the_cursor(explorer):
    before, at, least = explorer.view(), explorer.time_at(0.25), pixel_of(explorer)
    explorer.page.page.mouse.move(*explorer.place(0.25))
    for _ in range(6):
        explorer.page.page.mouse.wheel(0, -100)
    middle = (at - (at - before[0]) / 8, at + (before[1] - at) / 8)
    explorer.wait_for_view(*middle, least)
    explorer.page.wait_for_python(f"np.allclose(w.window, {explorer.view()}, rtol=0, atol=1)")
    explorer.page.picture("explorer-zoomed", explorer.root)


def test_a_drag_pans(explorer):
    extent = explorer.view()
    length = (extent[1] - extent[0]) / 10
    explorer.set_view(extent[0] + 4 * length, extent[0] + 5 * length)
    explorer.drag(explorer.place(0.75), explorer.place(0.25))
    explorer.wait_for_view(extent[0] + 4.5 * length, extent[0] + 5.5 * length, 2 * pixel_of(explorer))


def axis_of(explorer, lane):
    """Return what a lane's y axis shows, from below."""
    ends = "(root, lane) => { const { low, high } = root.xjls.state.scales.get(lane); return [low, high]; }"
    return explorer.root.evaluate(ends, lane)


def test_a_box_is_shown_and_the_way_back_undoes_all_of_it(explorer):
    extent, axis = explorer.view(), axis_of(explorer, "current")
    wanted = explorer.time_at(0.3), explorer.time_at(0.45)
    least = 2 * pixel_of(explorer)
    explorer.drag(explorer.place(0.3, 0.05), explorer.place(0.45, 0.25), "Alt")
    explorer.wait_for_view(*wanted, least)
    zoomed = axis_of(explorer, "current")
    assert zoomed[1] - zoomed[0] < 0.8 * (axis[1] - axis[0])
    explorer.press("Backspace")
    explorer.wait_for_view(*extent)
    assert axis_of(explorer, "current") == pytest.approx(axis)
    explorer.press("Control+Shift+Z")
    explorer.wait_for_view(*wanted, least)
    assert axis_of(explorer, "current") == pytest.approx(zoomed)


def test_keys_move_the_view_and_jupyterlab_does_not_hear_of_them(explorer):
    x0, x1 = extent = explorer.view()
    quarter, least = (x1 - x0) / 4, 2 * pixel_of(explorer)
    explorer.page.page.mouse.move(*explorer.place(0.5))
    explorer.press("ArrowUp", "ArrowUp")
    explorer.wait_for_view(x0 + quarter, x1 - quarter, least)
    explorer.press("ArrowRight")
    explorer.wait_for_view(x0 + 1.5 * quarter, x1 - quarter / 2, least)
    explorer.press("Backspace", "Backspace", "Backspace")  # what follows fast is one step of the history
    explorer.wait_for_view(*extent)
    explorer.press("Control+Shift+Z", "Control+Shift+Z", "Control+Shift+Z")
    explorer.wait_for_view(x0 + 1.5 * quarter, x1 - quarter / 2, least)
    explorer.press("Home")
    explorer.wait_for_view(*extent)
    cells = explorer.page.page.evaluate("() => window.notebookPanel.content.widgets.length")
    explorer.press("d", "d")  # in JupyterLab: delete the cell
    assert explorer.page.page.evaluate("() => window.notebookPanel.content.widgets.length") == cells
    explorer.page.wait_for_python("len(w.markers) == 2")


def test_a_marker_is_the_selection_and_its_numbers_are_those_of_numpy(explorer):
    explorer.drag(explorer.place(0.4), explorer.place(0.6), "Shift")
    span, least = (explorer.time_at(0.4), explorer.time_at(0.6)), 2 * pixel_of(explorer)
    explorer.page.wait_for("() => document.querySelector('.xjls-explorer').xjls.state.selected !== ''")
    explorer.page.wait_for_python("w.selected and w.markers")
    key = explorer.page.python("w.selected")
    marker = explorer.root.evaluate("(root) => root.xjls.state.markers[0]")
    assert (marker["x0"], marker["x1"]) == pytest.approx(span, abs=least)
    assert explorer.page.python("[(one.key, one.is_span) for one in w.markers]") == [[key, True]]
    explorer.page.execute(TRUTH)
    truth, (values, texts) = explorer.page.python("truth"), explorer.numbers(key)
    for lane, numbers in truth.items():
        of_entries = 1e-7 * max(abs(numbers["min"]), abs(numbers["max"]))  # they are float32 in the file
        for name, number in numbers.items():
            assert values[lane][name] == pytest.approx(number, rel=1e-6, abs=of_entries), (lane, name)
    assert shown(texts["current"]["mean"]) == pytest.approx(truth["current"]["mean"], rel=1e-4)
    assert shown(texts["voltage"]["max"]) == pytest.approx(truth["voltage"]["max"], rel=1e-4)
    explorer.page.picture("explorer-marker", explorer.root)


def shown(text):
    """Return what a text such as "mean 15.49 mA" says, in the base unit."""
    sign, number, prefix = re.fullmatch(r".*?(−?)([\d.]+)\s([pnµmkM]?)[AV]", text).groups()
    return float(number) * PREFIXES[prefix] * (-1 if sign else 1)


def test_python_sets_the_view_and_the_selection(explorer):
    x0, x1 = explorer.view()
    a, b = x0 + (x1 - x0) / 4, x0 + (x1 - x0) / 2
    explorer.page.execute(
        "from xjls.widget.view.moments import slice_of\n"
        f"w.view = slice_of(w.lanes.axis, {a!r}, {b!r})\nw.selection = slice_of(w.lanes.axis, {a + 1e8!r}, {b - 1e8!r})"
    )
    explorer.wait_for_view(a, b)
    explorer.page.wait_for("() => document.querySelector('.xjls-explorer').xjls.state.selected !== ''")
    marker = explorer.root.evaluate("(root) => root.xjls.state.markers[0]")
    assert (marker["x0"], marker["x1"]) == pytest.approx((a + 1e8, b - 1e8), abs=1)
    explorer.press("Delete")
    explorer.page.wait_for_python("not w.markers and w.selection is None")


def test_it_lives_while_a_cell_computes(explorer):
    explorer.press("ArrowUp")  # a message, so that the kernel has a thread for them
    explorer.page.start(1)
    x0, x1 = explorer.view()
    explorer.set_view(x0, x0 + (x1 - x0) / 20)
    tile = explorer.root.evaluate("(root) => { const { x0, x1 } = root.xjls.lastTile(); return [x0, x1]; }")
    assert tile[1] - tile[0] < (x1 - x0) / 5, "the tile is still that of the view before"
    (explorer.page.lab.notebooks / "go-on").touch()
    explorer.page.end()
    assert not explorer.page.cell_errors()


def test_it_is_a_picture_where_no_kernel_is(explorer, browser):
    page = explorer.page
    page.show_without_kernel("explore.ipynb")
    picture = page.page.locator(".jp-OutputArea-output img")
    picture.wait_for()
    assert picture.evaluate("(image) => image.complete && image.naturalWidth > 300")
    page.picture("explorer-without-kernel")


def test_it_is_dark_where_jupyterlab_is(explorer):
    assert background(pixels(explorer)).mean() > 200
    with explorer.page.dark():
        explorer.settle()
        assert background(pixels(explorer)).mean() < 60
        explorer.page.picture("explorer-dark", explorer.root)
