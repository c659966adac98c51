"""What the panel tells a browser, and a notebook: nothing is lost with a push, and there is a picture of it."""

import base64
import json
from dataclasses import replace

import numpy as np
import pytest

from tests.panels import Browser, made_panels, recorded, wait_until
from xjls.capturing.history import History
from xjls.capturing.registry import open_device
from xjls.errors import MissingDependencyError
from xjls.widget.panel import still
from xjls.widget.panel.feed import Feed
from xjls.widget.panel.numbers import read_out
from xjls.widget.panel.pushing import Pusher

pytest.importorskip("anywidget")


@pytest.fixture
def panels(monkeypatch, tmp_path):
    yield from made_panels(monkeypatch, tmp_path)


def test_what_did_not_go_out_is_told_again(panels, tmp_path, caplog):
    panel = panels("sim", tmp_path / "run.zarr", window="5s")
    browser = Browser(panel)
    fails = [False]

    def take(content, buffers):
        if fails[0]:
            fails[0] = False
            raise RuntimeError("the comm was closed just then")
        browser.take(content, buffers)

    panel._pusher._send = take
    panel.start()
    recorded(panel, 0.3)
    fails[0] = True
    wait_until(lambda: not fails[0])
    before = len(browser.pushes)
    wait_until(lambda: len(browser.pushes) > before + 2)
    panel.stop()
    columns = browser.columns["current"]
    assert sorted(columns) == list(range(len(columns)))
    assert {fill for _, fill, _ in list(columns.values())[:-1]} == {255}
    assert sum(push["reset"] for push in browser.pushes) >= 2
    assert str(panel._pusher.error) == "the comm was closed just then"
    panel._pusher.error = None


def test_nobody_waits_for_a_push_that_did_not_go_out():
    again = []

    def send(content, buffers):
        raise RuntimeError("no channel")

    pusher = Pusher(send, lambda skipped: ({}, []), bool, again=lambda: again.append(1))
    for _ in range(3):
        with pytest.raises(RuntimeError, match="no channel"):
            pusher.push()
    assert (len(again), list(pusher._underway), pusher.pushes) == (3, [], 0)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("large", [1e160, 1.7e308])
def test_numbers_whose_squares_no_float_holds_are_told_as_none(large):
    signal = replace(open_device("sim", signals=["current"], rate="1 kHz").signals[0], dtype=np.dtype("f8"),
                     stored_type="f64")  # fmt: skip
    history = History(signal)
    for at in range(0, 4000, 100):
        history.add(at, np.where(np.arange(100) % 2, large, -large / 2))
    told = json.loads(json.dumps(read_out({"current": history}, 2), allow_nan=False))
    assert told["window"]["current"]["std"] is None
    assert told["window"]["current"]["max"] == large
    feed = Feed({"current": history}, 2)
    lanes, data = feed.news()
    json.dumps(lanes, allow_nan=False)
    [lane] = lanes
    assert np.frombuffer(data, "f4", lane["n"], lane["at"]["max"])[0] == np.finfo("f4").max


def test_it_stands_in_a_notebook_as_a_picture_of_what_there_was_when_it_was_shown(panels, tmp_path):
    panel = panels("sim?script=drop@200ms:2000", tmp_path / "run.zarr")
    assert "image/png" not in panel._repr_mimebundle_()
    panel.start()
    recorded(panel, 0.4)
    panel.mark("the door \u6f22")
    recorded(panel, 0.6)
    streams = panel._repr_mimebundle_()
    panel.stop()
    ended = panel._repr_mimebundle_()
    for bundle in (streams, ended):
        assert {"text/plain", "image/png", "application/vnd.jupyter.widget-view+json"} <= set(bundle)
        png = base64.b64decode(bundle["image/png"])
        assert png.startswith(b"\x89PNG")
        assert len(png) <= still.MOST_BYTES
    assert ended["text/plain"] == repr(panel)


def drawn(monkeypatch, kept):
    """Return what a push is drawn of."""
    made = []
    plot = still.plot_traces
    monkeypatch.setattr(still, "plot_traces", lambda *told, **how: (made.append(told), plot(*told, **how))[1])
    still.png_of(kept)
    return made[0]


def test_the_picture_has_the_columns_gaps_and_marks_of_the_push(panels, tmp_path, monkeypatch):
    panel = panels("sim?script=drop@200ms:2000", tmp_path / "run.zarr")
    panel.start()
    recorded(panel, 0.4)
    panel.mark("here")
    recorded(panel, 0.6)
    panel.stop()
    kept = panel._messages.kept(0)
    traces, marks = drawn(monkeypatch, kept)
    assert [trace.name for trace in traces] == ["current", "voltage", "power"]
    lane = kept["lanes"][1]
    mean = np.frombuffer(kept["data"], "f4", lane["n"], lane["at"]["mean"])
    np.testing.assert_allclose(traces[1].mean, mean + lane["y0"])
    assert traces[1].is_utc
    [gap] = [span for span in traces[0].gaps if span.is_whole]
    assert abs((gap.stop - gap.start) / np.timedelta64(1, "ms") - 100) < 15
    assert abs((gap.start - traces[0].time[0]) / np.timedelta64(1, "ms") - 200) < 15
    assert [(mark.text, mark.signal) for mark in marks] == [("here", "current")]
    assert traces[0].time[0] < marks[0].time < traces[0].time[-1]


def test_without_matplotlib_and_with_whatever_is_wrong_the_panel_is_shown_all_the_same(monkeypatch, caplog):
    for error, logged in ((MissingDependencyError("matplotlib", "plot"), 0), (ValueError("odd"), 1)):

        def fail(kept, error=error):
            raise error

        monkeypatch.setattr(still, "png_of", fail)
        assert still.with_picture({"text/plain": "p"}, {}) == {"text/plain": "p"}
        assert len(caplog.records) == logged


@pytest.mark.parametrize("text", [{}, {"text": 5}, {"text": "now"}])
def test_a_mark_that_a_browser_asks_for_in_vain_is_said(panels, text):
    panel = panels()
    panel._canvas._handle_custom_msg({"type": "mark", **text}, [])
    assert panel._canvas.note == "nothing streams that could be marked. Call start() first."
    panel.start()
    panel._canvas._handle_custom_msg({"type": "mark", **text}, [])
    assert panel._canvas.note == "nothing is recorded that could keep a mark. Call record() first."
