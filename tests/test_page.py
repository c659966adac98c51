"""The page without a kernel: what it holds, and what a browser without a network shows of it."""

import base64
import contextlib
import json
import re
import zlib

import numpy as np
import pytest

import xjls
from tests.jupyter.browser import require, running_browser
from xjls.errors import SelectionError
from xjls.testing import write_demo
from xjls.testing.jls2 import Annotation, Fsr, Source, write
from xjls.widget.page import MOST_COLUMNS, page_html, write_page
from xjls.widget.page.packing import ArrayPack, to_half
from xjls.widget.page.tables import page_strips
from xjls.widget.view import lane
from xjls.widget.view.marker import Marker
from xjls.widget.view.view import View

READY = ".xjls-explorer[data-ready='1'][data-busy='0']"
HANDLE = "document.querySelector('.xjls-explorer').xjls"
FRONT_END_BYTES = 500_000
HOSTILE = (
    "</script><script>window.hit=1</script>",
    '<img src=x onerror="window.hit=1">',
    "$title ${data} \\u003c 忘 '\"`",
    "__proto__",
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_demo(str(tmp_path_factory.mktemp("page") / "run.jls"), seconds=4)


@pytest.fixture
def recording(path):
    with xjls.open_recording(path) as opened:
        yield opened


def data_of(page):
    (text,) = re.findall(r'id="xjls-page-data">(.*?)</script>', page.read_text("utf-8"), re.DOTALL)
    return json.loads(text)


def arrays_of(data):
    raw, at, arrays = zlib.decompress(base64.b64decode(data["data"])), 0, []
    for one in data["arrays"]:
        size = int(one["type"][1])
        planes = np.frombuffer(raw, np.uint8, one["n"] * size, at).reshape(size, one["n"])
        at += one["n"] * size
        arrays.append(np.ascontiguousarray(planes.T).view(f"<{one['type']}").ravel().astype("f8") * one["scale"])
    assert at == len(raw)
    return arrays


def edges_of(table, arrays):
    distances = np.concatenate([[table["step"]], table["step"] + np.cumsum(arrays[table["bend"]])])
    return np.concatenate([[table["start"]], table["start"] + np.cumsum(distances)])


def ids_of(table, first_id):
    lengths = []
    for piece in table["pieces"]:
        lengths += [piece["head"], *[piece["step"]] * (piece["n"] - 2), piece["tail"]][: piece["n"]]
    return first_id + np.concatenate([[0], np.cumsum(lengths)])


# ---- what it holds -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("detail", [[], [("2026-03-01T10:00:01", "2026-03-01T10:00:01.1")]])
def test_its_columns_are_those_of_the_samples(recording, tmp_path, detail):
    data = data_of(write_page(recording, tmp_path / "a.html", columns=1000, detail=detail))
    arrays = arrays_of(data)
    for table in data["tables"]:
        signal, samples = recording.signal(table["lane"]), recording.read(table["lane"]).astype("f8")
        ids = ids_of(table, signal.first_id)
        assert (ids[0], ids[-1], len(table["pieces"])) == (0, signal.length, 1 + 2 * len(detail))
        assert len(ids) - 1 >= 1000
        columns = np.split(samples, ids[1:-1])
        low, mean, high = (arrays[table[name]] + table["y0"] for name in ("min", "mean", "max"))
        near = np.abs(samples - table["y0"]).max() / 1000
        for got, wanted in ((low, np.array([c.min() for c in columns])), (high, np.array([c.max() for c in columns]))):
            np.testing.assert_allclose(got, wanted, atol=near)
        assert (low <= [c.min() + 1e-12 for c in columns]).all()
        assert (high >= [c.max() - 1e-12 for c in columns]).all()
        np.testing.assert_allclose(mean, [c.mean() for c in columns], rtol=1e-5, atol=1e-9)
        times = recording.clock(table["lane"]).times(ids) - recording.clock("current").time(0)
        np.testing.assert_allclose(edges_of(table, arrays), times, atol=1)
        if table["std"] is not None:
            np.testing.assert_allclose(arrays[table["std"]], [c.std() for c in columns], rtol=2e-3, atol=near)


def test_a_span_in_detail_has_columns_of_its_own(recording, tmp_path):
    span = slice("2026-03-01T10:00:01", "2026-03-01T10:00:01.2")
    view = View([lane.Source(recording, ("current",))])
    details = [(1e9, 1.2e9), (1.1e9, 1.3e9), (3.9e9, 9e9)]
    strips = page_strips(view.lanes[0].tracks[0], 500, details)
    assert [len(strips), strips[0].window.start, strips[-1].window.stop] == [4, 0, 2_000_000]
    ends = [strip.edges[[0, -1]] / 1e9 for strip in strips]
    np.testing.assert_allclose(ends, [[0, 1], [1, 1.3], [1.3, 3.9], [3.9, 4]], atol=2e-5)
    assert strips[1].step < strips[0].step / 50
    held = data_of(write_page(recording, tmp_path / "a.html", signals=["current"], columns=500, detail=[span]))
    assert min(piece["step"] for piece in held["tables"][0]["pieces"]) < 16


def test_it_is_of_the_signals_and_the_window_that_were_asked_for(recording, tmp_path):
    data = data_of(write_page(recording, tmp_path / "a.html", signals=["voltage", "gpi[0]"], window=(1000, 201_000)))
    assert [table["lane"] for table in data["tables"]] == ["voltage", "gpi[0]"]
    exact = data["exact"][0]["lanes"]["voltage"]
    wanted = recording.statistics("voltage", (1000, 201_000))
    assert (exact["n"], exact["exact"], exact["mean"]) == (200_000, True, wanted.mean)
    one = data_of(write_page(recording, tmp_path / "b.html", window={"current": (0, 500), "voltage": (5, 500)}))
    assert [ids_of(t, 0)[-1] - ids_of(t, 0)[0] for t in one["tables"] if t["lane"] in ("current", "voltage")] == [
        500,
        495,
    ]


def test_a_short_recording_is_held_sample_by_sample(tmp_path):
    values = np.array([1.5, -2.25, np.nan, 4.0, 1e-7], "f4")
    run = write(tmp_path / "run.jls", [Source()], [Fsr("a", values, units="A", first_id=7)])
    with xjls.open_recording(run) as opened:
        data = data_of(write_page(opened, tmp_path / "a.html"))
    (table,) = data["tables"]
    arrays = arrays_of(data)
    assert table["samples"]
    assert (table["min"], table["std"]) == (None, None)
    np.testing.assert_array_equal(arrays[table["mean"]] + table["y0"], values.astype("f8"))
    np.testing.assert_array_equal(arrays[table["missing"]], [0, 0, 1, 0, 0])
    assert "It holds every sample" in (tmp_path / "a.html").read_text()


def test_its_size_follows_its_columns(recording, tmp_path):
    sizes = []
    for columns in (1000, 16_000):
        page = write_page(recording, tmp_path / f"{columns}.html", columns=columns)
        held = sum(piece["n"] for table in data_of(page)["tables"] for piece in table["pieces"])
        sizes.append(page.stat().st_size)
        assert sizes[-1] < FRONT_END_BYTES + 200_000 + held * 10 * 4 / 3
    assert sizes[0] < sizes[1]


def test_extremes_are_never_rounded_inwards():
    values = np.concatenate([np.random.default_rng(1).normal(size=1000), [0.0, 1e-9, -1e-9, 60_000.0, np.nan]])
    there = np.isfinite(values)
    assert (to_half(values, "down").astype("f8")[there] <= values[there]).all()
    assert (to_half(values, "up").astype("f8")[there] >= values[there]).all()
    assert np.isnan(to_half(values, "up")[-1])
    pack = ArrayPack()
    pack.put_half(np.full(3, 1e300))
    assert np.isfinite(arrays_of({"data": pack.text(), "arrays": pack.described})[0]).all()


def test_what_cannot_be_written_is_an_error_and_leaves_no_file(recording, tmp_path):
    for options, match in (
        ({"columns": 0}, "cannot hold 0 columns. Choose 1 to"),
        ({"columns": MOST_COLUMNS + 1}, "cannot hold 65,537 columns"),
        ({"signals": ["curent"]}, "no signal 'curent'"),
        ({"window": (5, 5)}, "holds no sample"),
        ({"window": (0, 10**9)}, "reaches outside"),
        ({"detail": [("now", "then")]}, "is no moment of this recording"),
        ({"markers": [5]}, "5 is no moment of this recording"),
    ):
        with pytest.raises(SelectionError, match=match):
            write_page(recording, tmp_path / "a.html", **options)
    assert not list(tmp_path.iterdir())
    (tmp_path / "a.html").write_text("mine")
    with pytest.raises(FileExistsError, match=r"exists\. Choose another name, or say overwrite=True"):
        write_page(recording, tmp_path / "a.html")
    assert (tmp_path / "a.html").read_text() == "mine"
    assert write_page(recording, tmp_path / "a.html", overwrite=True, columns=10).stat().st_size > 1000


def test_a_recording_without_samples_is_an_error(tmp_path):
    with (
        xjls.open_recording(write(tmp_path / "run.jls", [Source()], [Fsr("a")])) as empty,
        pytest.raises(SelectionError, match="has samples to look at"),
    ):
        write_page(empty, tmp_path / "a.html")


def test_without_matplotlib_there_are_words_in_the_pictures_place(recording, tmp_path, monkeypatch):
    assert "data:image/png" in write_page(recording, tmp_path / "a.html", columns=10).read_text()
    monkeypatch.setattr("xjls.widget.page.content.png_of", lambda *_, **__: None)
    text = write_page(recording, tmp_path / "b.html", columns=10).read_text()
    assert "data:image/png" not in text
    assert "scripts are switched off" in text


# ---- what a browser shows ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    require()
    with running_browser() as running:
        yield running


@pytest.fixture
def show(browser):
    """Return what opens a page without a network; afterwards nothing was asked of one, and nothing went wrong."""
    with contextlib.ExitStack() as opened:
        trouble, requests = [], []

        def show(page, **options):
            context = browser.new_context(offline=True, viewport={"width": 1200, "height": 900}, **options)
            opened.callback(context.close)
            tab = context.new_page()
            tab.on("console", lambda said: trouble.append(said.text))
            tab.on("pageerror", lambda error: trouble.append(str(error)))
            tab.on("request", lambda asked: requests.append(asked.url))
            tab.goto(page.as_uri())
            if options.get("java_script_enabled", True):
                tab.wait_for_selector(READY)
            return tab

        yield show
        assert trouble == []
        assert all(re.match("file:|data:", url) for url in requests)


def statistics(tab, key=None):
    which = "view" if key is None else f"markers.get({key!r})"
    return tab.evaluate(f"{HANDLE}.state.statistics.{which}.lanes")


def set_view(tab, start, stop):
    tab.evaluate(f"{HANDLE}.setView({start!r}, {stop!r})")
    # The view is set at once; what it needs is asked for with the next frame, and busy until then
    tab.wait_for_function(
        f"() => {{ const {{ statistics, view }} = {HANDLE}.state; return statistics.view?.x0 === view[0] && "
        f"statistics.view?.x1 === view[1]; }}"
    )
    tab.wait_for_selector(READY)


def test_it_paints_zooms_and_keeps_within_what_it_holds(recording, tmp_path, show):
    tab = show(write_page(recording, tmp_path / "a.html", columns=4000))
    colours = tab.evaluate(
        "() => { const c = document.querySelector('canvas.xjls-base'); const d = c.getContext('2d').getImageData(0, 0, "
        "c.width, c.height).data; return new Set(new Uint32Array(d.buffer)).size; }"
    )
    assert colours > 20
    before = tab.evaluate(f"{HANDLE}.view()")
    tab.mouse.move(600, 400)
    tab.mouse.wheel(0, -600)
    tab.wait_for_function(f"([a, b]) => {HANDLE}.view()[1] - {HANDLE}.view()[0] < (b - a) / 2", arg=before)
    set_view(tab, 1e9, 1e9 + 10)
    start, stop = tab.evaluate(f"{HANDLE}.view()")
    column_ns = 4e9 / 4000
    assert column_ns / 4 < stop - start <= 2 * column_ns
    assert "zoom stops there" in tab.inner_text("header")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_follows_the_colours_of_the_browser(recording, tmp_path, show, scheme):
    tab = show(write_page(recording, tmp_path / "a.html", columns=100), color_scheme=scheme)
    ground = tab.evaluate("getComputedStyle(document.querySelector('.xjls-explorer')).backgroundColor")
    light = sum(map(int, re.findall(r"\d+", ground)[:3])) > 3 * 128
    assert light is (scheme == "light")


def test_numbers_of_the_whole_and_of_markers_are_exact(recording, tmp_path, show):
    marked = slice("2026-03-01T10:00:01.000000123", "2026-03-01T10:00:02.000456789")
    markers = [Marker(marked, "burst", key="b"), Marker("2026-03-01T10:00:00.5", key="m")]
    tab = show(write_page(recording, tmp_path / "a.html", columns=500, markers=markers))
    current = recording.read("current").astype("f8")
    clock = recording.clock("current")
    zero = int(np.datetime64("2026-03-01T10:00:00", "ns").astype("i8"))
    ids = [clock.first_at_or_after(zero + at) for at in (1_000_000_123, 2_000_456_790)]
    for found, part in ((statistics(tab), current), (statistics(tab, "b"), current[ids[0] : ids[1]])):
        numbers = found["current"]
        assert (numbers["exact"], numbers["n"], numbers["lost"]) == (True, len(part), 0)
        assert numbers["mean"] == pytest.approx(part.mean(), rel=1e-6)
        assert numbers["std"] == pytest.approx(part.std(), rel=1e-5)
        assert (numbers["min"], numbers["max"]) == (part.min(), part.max())
        assert numbers["integral"] == pytest.approx(part.sum() / 500e3, rel=1e-6)
    sample = statistics(tab, "m")["current"]
    assert sample["value"] == pytest.approx(current[clock.first_at_or_after(zero + 500_000_000 + 1) - 1])


def test_numbers_of_other_spans_are_true_to_a_column(recording, tmp_path, show):
    tab = show(write_page(recording, tmp_path / "a.html", columns=2000))
    samples, rng = recording.read("voltage").astype("f8"), np.random.default_rng(3)
    clock = recording.clock("voltage")
    for _ in range(5):
        start, stop = np.sort(rng.integers(0, 4 * 10**9, 2)).tolist()
        set_view(tab, start, stop)
        found = statistics(tab)["voltage"]
        first, last = (clock.first_at_or_after(clock.time(0) + at) for at in (start, stop))
        part, column = samples[first:last], 1100
        assert not found["exact"]
        assert abs(found["n"] - len(part)) <= 3
        assert abs(found["mean"] - part.mean()) <= np.ptp(samples) * 2 * column / len(part)
        around = samples[max(first - column, 0) : last + column]
        assert around.min() - 2e-4 <= found["min"] <= part.min() + 1e-9
        assert part.max() - 1e-9 <= found["max"] <= around.max() + 2e-4


def test_lost_samples_are_counted_and_shaded(tmp_path, show):
    values = np.sin(np.arange(40_000) / 500).astype("f4")
    values[12_000:13_500] = np.nan
    run = write(tmp_path / "run.jls", [Source()], [Fsr("a", values, units="A", rate_hz=1000)])
    with xjls.open_recording(run) as opened:
        tab = show(write_page(opened, tmp_path / "a.html", columns=400))
    set_view(tab, 5e9, 30e9)
    found = statistics(tab)["a"]
    assert (found["n"], found["lost"]) == (23_500, 1500)
    spans = tab.evaluate(f"{HANDLE}.lastTile().strips[0].spans")
    assert spans[0][0] >= 11.9e9
    assert spans[-1][1] <= 13.6e9
    assert "gap" in {kind for _, _, kind in spans}


def test_what_a_file_calls_things_is_only_ever_text(tmp_path, show):
    notes = [Annotation(100 + i, data=text) for i, text in enumerate(HOSTILE[:3])]
    signals = [
        Fsr(name, np.arange(3000) % (i + 7), units="A", annotations=notes if i == 0 else [])
        for i, name in enumerate(HOSTILE)
    ]
    run = write(tmp_path / "run.jls", [Source(HOSTILE[0])], signals)
    with xjls.open_recording(run) as opened:
        page = write_page(opened, tmp_path / "a.html", title=HOSTILE[0], columns=100)
    tab = show(page)
    assert tab.evaluate("window.hit") is None
    assert tab.title() == HOSTILE[0]
    assert tab.inner_text("h1") == HOSTILE[0]
    assert tab.evaluate(f"{HANDLE}.state.facts.lanes.map((lane) => lane.key)") == list(HOSTILE)
    assert tab.evaluate(f"Object.keys({HANDLE}.state.statistics.view.lanes)") == list(HOSTILE)
    assert tab.locator("img, iframe, script[src], link").count() == 0


def test_the_browser_refuses_to_fetch_anything(recording, tmp_path, browser):
    page = write_page(recording, tmp_path / "a.html", columns=50)
    with contextlib.closing(browser.new_context()) as context:
        tab = context.new_page()
        tab.goto(page.as_uri())
        refused = tab.evaluate("fetch('data:text/plain,x').then(() => 'fetched', (error) => String(error))")
        assert "Failed to fetch" in refused


def test_without_scripts_there_is_a_picture(recording, tmp_path, show):
    tab = show(write_page(recording, tmp_path / "a.html", columns=50), java_script_enabled=False)
    box = tab.locator("noscript img, body > img").bounding_box()
    assert box["width"] > 500
    assert box["height"] > 200


def test_what_needs_samples_says_where_to_get_them(recording, tmp_path, show):
    tab = show(write_page(recording, tmp_path / "a.html", columns=50))
    told = tab.evaluate(
        f"{HANDLE}.state.exchange.ask({{ type: 'analyse', lane: 'current' }}).catch((error) => error.message)"
    )
    assert told == "This page holds columns, not samples. Open the recording itself for that: xjls.explore(path)."


def test_recordings_over_each_other_are_in_one_page(recording, tmp_path, show):
    view = View([lane.Source(recording, ("current",), label="a"), lane.Source(recording, ("current",), label="b")])
    view.shift(1, 5e8)
    (tmp_path / "a.html").write_text(page_html(view, columns=200, shown=(1e9, 3e9), picture=False), "utf-8")
    tab = show(tmp_path / "a.html")
    assert tab.evaluate(f"{HANDLE}.view()") == [1e9, 3e9]
    strips = tab.evaluate(f"{HANDLE}.lastTile().strips.map(({{ track, edge }}) => track)")
    assert strips == [0, 1]
    assert tab.evaluate(f"{HANDLE}.state.facts.lanes[0].tracks[1].extent[0]") == 5e8
