"""The capture panel under what goes wrong around it: odd names, channels, clouds and disks, and an interrupt."""

import signal
import threading

import pytest
from ipywidgets.widgets import widget

import xjls
from tests.panels import Browser, made_panels, recorded, wait_until
from xjls.errors import CaptureError, SelectionError
from xjls.testing.captured import check_captured

pytest.importorskip("anywidget")


@pytest.fixture
def panels(monkeypatch, tmp_path):
    yield from made_panels(monkeypatch, tmp_path)


@pytest.mark.parametrize("name", [".", "/", "..", "x" * 300 + ".zarr", "a\0b.zarr"])
def test_an_odd_name_keeps_nobody_from_streaming_and_is_refused_by_who_records(panels, name):
    panel = panels()
    browser = Browser(panel)
    panel._controls.path.value = name
    panel.start()
    wait_until(lambda: len(browser.pushes) > 3)
    panel._controls.record.value = True
    assert not panel._controls.record.value
    assert "font-weight" in panel._controls.told.value
    assert "is no name of a recording" in panel._canvas.note or "name too long" in panel._canvas.note
    panel._controls.path.value = "good.zarr"
    panel._controls.record.value = True
    assert panel._controls.record.value
    assert (panel._canvas.note, "font-weight:600" in panel._controls.told.value) == ("", False)
    panel._controls.start.value = False
    assert browser.pushes[-1]["state"] == "ended"
    assert not panel.is_streaming


def test_an_error_of_whatever_kind_is_said_to_who_pressed(panels, monkeypatch, caplog):
    class NoCredentials(Exception):
        pass

    def refuse(*_, **__):
        raise NoCredentials("who are you?")

    panel = panels()
    panel.start()
    monkeypatch.setattr("xjls.widget.panel.streaming.record", refuse)
    panel._controls.record.value = True
    assert not panel._controls.record.value
    assert "who are you?" in panel._canvas.note
    assert "could not be done" in caplog.text


def test_a_channel_that_raises_takes_no_outcome(panels, tmp_path, caplog):
    panel = panels("sim", tmp_path / "run.zarr")

    def closed(*_):
        raise RuntimeError("the channel is closed")

    panel._pusher._send = closed
    panel.start()
    recorded(panel, 0.1)
    assert panel.stop().reason == "it was stopped"
    assert "the channel is closed" in caplog.text
    assert not panel._pusher.is_running
    panel._pusher.error = None  # it was said


def test_who_is_interrupted_while_he_waits_has_ended_nothing(panels, tmp_path):
    panel = panels("sim", tmp_path / "run.zarr")
    panel.start()
    recorded(panel, 0.1)
    timer = threading.Timer(0.2, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        panel.wait()
    timer.join()
    before = panel.session.counts.samples
    assert panel.is_streaming
    wait_until(lambda: panel.session.counts.samples > before)
    outcome = panel.stop()
    assert outcome.reason == "it was stopped"
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        assert recording.was_closed
        assert sum(signal.length for signal in recording.signals.values()) == outcome.counts.samples
        assert not any(check_captured(recording).values())


def test_a_start_that_was_interrupted_is_made_good_by_the_next(panels, monkeypatch):
    panel = panels()
    browser = Browser(panel)
    begin = panel._begin_or_say

    def interrupted():
        begin()
        raise KeyboardInterrupt

    monkeypatch.setattr(panel, "_begin_or_say", interrupted)
    with pytest.raises(KeyboardInterrupt):
        panel.start()
    assert panel.is_streaming
    panel.start()
    wait_until(lambda: len(browser.pushes) > 3)


@pytest.mark.parametrize("text", ["x" * 100_000, "half a letter \ud800"])
def test_a_mark_that_no_store_takes_is_refused_before_it_ends_a_recording(panels, tmp_path, text):
    panel = panels("sim", tmp_path / "run.jls")
    panel.start()
    recorded(panel, 0.1)
    with pytest.raises(SelectionError, match="mark"):
        panel.mark(text)
    part = panel.part
    before = part.counts.recorded_s
    wait_until(lambda: part.counts.recorded_s > before)
    panel.stop()
    assert part.error is None


def test_a_disk_that_hangs_keeps_nobody_else_waiting(panels, tmp_path):
    panel = panels("sim", tmp_path / "run.zarr")
    panel.start()
    recorded(panel, 0.1)
    hangs, goes_on = threading.Event(), threading.Event()
    sink = panel.part._target._sink
    write = sink.write

    def slowly(*call):
        hangs.set()
        goes_on.wait(60)
        return write(*call)

    sink.write = slowly
    assert hangs.wait(60)
    threads = [threading.Thread(target=act) for act in (panel.stop_recording, panel.stop)]
    try:
        threads[0].start()
        wait_until(lambda: not panel._is_armed)
        panel._controls.freeze.value = True  # returns
        threads[1].start()
        wait_until(panel.session._stop.is_set)
        assert not panel.part.ended.is_set()
    finally:
        goes_on.set()
        for thread in threads:
            thread.join()
    assert panel.outcome.reason == "it was stopped"
    assert panel.part.reason


def test_a_closed_panel_is_no_panel_any_more_and_leaves_no_widget(panels):
    before = len(widget._instances)
    panel = panels()
    panel.close()
    assert len(widget._instances) == before
    for act in (panel.start, panel.record):
        with pytest.raises(CaptureError, match="the panel is closed"):
            act()
    assert panel.stop() is None


def test_choices_that_nest_without_end_are_said_and_a_user_without_a_home_has_none(panels, tmp_path, monkeypatch):
    place = tmp_path / "config" / "xjls" / "panel.json"
    place.parent.mkdir(parents=True)
    place.write_text("[" * 200_000)
    assert "is not read" in panels(remember=True)._controls.told.value
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setattr("pathlib.Path.expanduser", no_home)
    panel = panels(remember=True)
    panel._controls.window.value = "10s"
    assert panel._canvas.note == ""


def no_home(path):
    raise RuntimeError("Could not determine home directory.")
