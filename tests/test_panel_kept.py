"""The capture panel: marks in its picture, what a notebook keeps of it, and names that are taken elsewhere."""

import fsspec
import numpy as np
import pytest

import xjls
from tests.panels import Browser, made_panels, recorded, wait_until
from xjls.capturing.until import Until
from xjls.errors import SelectionError
from xjls.widget.panel.keeping import EVERY_S, Keeping
from xjls.widget.panel.messages import KEPT_BYTES, Messages
from xjls.widget.panel.streaming import Streaming

pytest.importorskip("anywidget")

MOST_BYTES = 64_000


@pytest.fixture
def panels(monkeypatch, tmp_path):
    yield from made_panels(monkeypatch, tmp_path)


def test_marks_come_once_and_all_with_a_reset(panels, tmp_path):
    panel = panels("sim", tmp_path / "run.jls", window="5s")
    browser = Browser(panel)
    panel.start()
    recorded(panel, 0.1)
    panel.mark("the door")
    recorded(panel, 0.3)
    panel.mark("again " + "x" * 200)
    told = []
    wait_until(lambda: told.extend(told_marks(browser)) or len(told) == 2)
    assert [mark["lane"] for mark in told] == ["current", "current"]
    browser.say({"type": "hello"})
    panel.stop()
    assert all("marks" in push for push in browser.pushes)
    again = next(push["marks"] for push in reversed(browser.pushes) if push["reset"])
    assert again == told
    with xjls.open_recording(tmp_path / "run.jls") as recording:
        notes = recording.annotations
        assert [note.data[:80] for note in notes] == [mark["text"] for mark in told]
        times = [note.sample_id * 1e9 / 20_000 for note in notes]
    np.testing.assert_allclose([mark["x"] for mark in told], times)


def told_marks(browser):
    pushes, browser.pushes[:] = list(browser.pushes), []
    return [mark for push in pushes for mark in push["marks"]]


def test_what_goes_over_range_is_no_mark_and_what_left_the_picture_is_not_told_again():
    streaming = Streaming("sim?speed=max&seconds=20&script=over@1s:10", signals=["current"], rate="1 kHz")
    messages = Messages(streaming, 5)
    streaming.session.mark("at once")
    streaming.session.start().wait()
    assert streaming.watch.texts  # over range is there
    assert messages.make(0)[0]["marks"] == []
    streaming.watch.annotate(xjls.Annotation(signal="current", sample_id=19_000, time_ns=None, kind="text", group=0,
                                             y=None, data="late"))  # fmt: skip
    assert [mark["text"] for mark in messages.make(0)[0]["marks"]] == ["late"]
    assert messages.make(0)[0]["marks"] == []


@pytest.mark.parametrize("names", [["current"], ["current", "voltage", "power", "current_range", "gpi[0]", "gpi[1]"]])
def test_what_is_kept_is_the_picture_and_the_numbers_in_few_bytes(names):
    streaming = Streaming("sim?speed=max&seconds=40&script=drop@38s:2000", signals=names, rate="10 kHz")
    messages = Messages(streaming, 10)
    assert messages.kept(0) == {}
    streaming.session.start().wait()
    for _ in range(300):
        streaming.watch.annotate(xjls.Annotation(signal="current", sample_id=395_000, time_ns=None, kind="text",
                                                 group=0, y=None, data="m" * 200))  # fmt: skip
    kept = messages.kept(7)
    data = kept.pop("data")
    assert len(data) <= KEPT_BYTES
    assert len(repr(kept)) + len(data) < MOST_BYTES
    assert (kept["type"], kept["id"], kept["kept"], kept["reset"], kept["state"], kept["skipped"]) == (
        "push", 0, True, True, "ended", 7,
    )  # fmt: skip
    assert [lane["key"] for lane in kept["lanes"]] == [lane["key"] for lane in kept["facts"]["lanes"]] == names
    assert kept["health"]["lost"] == 2000 * len(names)
    lane = kept["lanes"][0]
    assert lane["x0"] <= kept["newest"] - kept["window"]  # the whole window
    means = np.frombuffer(data, "f4", lane["n"], lane["at"]["mean"]) + lane["y0"]
    fills = np.frombuffer(data, "u1", lane["n"], lane["at"]["fill"])
    per = lane["per"]
    first = -(-390_000 // per)
    samples = streaming.watch.recording.read("current", (first * per, None)).astype("f8")
    whole = samples[: len(samples) // per * per].reshape(-1, per)
    first -= lane["k0"]
    is_whole = np.isfinite(whole).all(axis=1)
    np.testing.assert_array_equal(fills[first : first + len(whole)] == 255, is_whole)
    np.testing.assert_allclose(means[first : first + len(whole)][is_whole], whole[is_whole].mean(1), rtol=1e-5)
    before = messages.make(0)[0]
    assert before["reset"]
    assert before["lanes"][0]["n"] > 0  # what is kept takes nothing from what is pushed


def test_it_is_kept_now_and_then_and_at_the_end(panels, tmp_path):
    panel = panels("sim", tmp_path / "run.zarr", window="5s")
    Browser(panel)
    assert panel._canvas.last == {}
    panel.start()
    wait_until(lambda: panel._canvas.last)
    assert panel._canvas.last["state"] == "streaming"
    recorded(panel, 0.3)
    panel.stop()
    last = panel._canvas.get_state(["last"])["last"]
    assert (last["state"], last["recording"]["path"]) == ("ended", str(tmp_path / "run.zarr"))
    assert last["recording"]["recorded_s"] == float(panel.part.counts.recorded_s)
    assert isinstance(last["data"], bytes)


def test_it_is_kept_no_more_often_than_every_few_seconds():
    streaming = Streaming("sim?speed=max&seconds=1", signals=["current"], rate="1 kHz")
    messages, now = Messages(streaming, 5), [100.0]

    class Canvas:
        last = None

    keeping = Keeping(Canvas(), elapsed_s=lambda: now[0])
    assert not keeping.renew(messages, 0)  # there is no sample
    streaming.session.start().wait()
    kept = []
    for _ in range(int(2.5 * EVERY_S) * 4):
        kept.append(keeping.renew(messages, 0))
        now[0] += 0.25
    assert [i for i, did in enumerate(kept) if did] == [0, int(EVERY_S * 4), int(2 * EVERY_S * 4)]
    assert keeping.renew(messages, 0, anyway=True)


def test_a_name_that_is_taken_elsewhere_is_gone_on_with_only_if_that_is_wanted(panels):
    fs = fsspec.filesystem("memory")
    try:
        panel = panels("sim", "memory://bench/run.zarr", rate="2 kHz")
        panel.start()
        recorded(panel, 0.1)
        assert panel.stop_recording().path == "memory://bench/run.zarr"
        assert panel.record().path == "memory://bench/run_001.zarr"
        recorded(panel, 0.1)
        panel.stop_recording()
        assert panel.record("memory://bench/run.zarr").path == "memory://bench/run_002.zarr"
        panel.stop_recording()
        assert panel.record("memory://bench/run.zarr", go_on=True).path == "memory://bench/run.zarr"
        recorded(panel, 0.1)
        panel.stop()
        with xjls.open_recording("memory://bench/run.zarr") as recording:
            assert len(recording.skipped("current")) == 1
        with xjls.open_recording("memory://bench/run_001.zarr") as recording:
            assert not recording.skipped("current")
    finally:
        fs.rm("/bench", recursive=True)


@pytest.mark.parametrize("window", ["1e300s", "1h", "1ms"])
def test_a_window_that_no_picture_can_show_is_refused(panels, window):
    with pytest.raises(SelectionError, match="a picture cannot reach back"):
        panels(window=window)


@pytest.mark.parametrize("told", [{"duration": "1e400s"}, {"size": "1e30"}, {"samples": 10**19}])
def test_what_is_never_reached_is_refused(told):
    with pytest.raises(SelectionError, match="so much is never reached"):
        Until.of(**told)
