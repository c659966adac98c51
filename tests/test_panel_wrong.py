"""What goes wrong beside a capture panel, and who asks it at once: it is said, and the stream is looked after."""

import gc
import threading
import weakref

import pytest

from tests.panels import Browser, made_panels, recorded, wait_until
from xjls.capturing.session import Session
from xjls.capturing.writing import Pace
from xjls.widget.panel.pushing import Pusher

pytest.importorskip("anywidget")


@pytest.fixture
def panels(monkeypatch, tmp_path):
    yield from made_panels(monkeypatch, tmp_path)


class Broken(Exception):
    """Nothing of xjls's own."""


def test_whatever_the_writer_raises_is_shown_and_ends_the_stream(panels, monkeypatch):
    def breaks(_):
        raise Broken("nobody expected that")

    panel = panels()
    monkeypatch.setattr(Session, "_outcome", breaks)
    panel.start()
    panel.session.stop()
    wait_until(lambda: not panel._controls.start.value)
    assert repr(panel) == "<xjls.Panel of sim: not streaming>"
    assert "nobody expected that" in panel._canvas.note
    with pytest.raises(Broken, match="nobody expected that"):
        panel.wait()


def test_a_recording_that_took_no_more_is_red_until_the_end(panels, tmp_path):
    panel = panels(store=tmp_path / "run.zarr")
    browser = Browser(panel)
    panel.start()
    panel.session._writer._pace = Pace(patience_s=0.1)

    def refuses(*_):
        raise OSError(28, "No space left on device")

    panel.part._target._sink.write = refuses
    wait_until(panel.part.ended.is_set)
    wait_until(lambda: "took no more" in panel._controls.told.value)
    outcome = panel.stop()
    assert list(outcome.failed) == [str(tmp_path / "run.zarr")]
    assert "took no more: [Errno 28]" in panel._canvas.note
    assert "error-color" in panel._controls.told.value
    assert (browser.pushes[-1]["health"]["is_well"], browser.pushes[-1]["health"]["lost"]) == (False, 0)
    panel.start()
    assert panel._canvas.note == ""  # what was wrong before is over


def test_what_is_not_shown_any_more_is_said(panels):
    panel = panels()
    panel.start()

    def breaks(*_):
        raise Broken("no picture")

    panel._last.watch.write = breaks
    wait_until(lambda: "no picture" in panel._canvas.note)
    before = panel.session.counts.samples
    wait_until(lambda: panel.session.counts.samples > before)
    assert isinstance(panel.session.not_shown, Broken)
    assert panel.stop().reason == "it was stopped"


def test_only_another_window_is_told_anew_and_only_what_is_remembered_is_written(panels, monkeypatch):
    saved = []
    monkeypatch.setattr("xjls.widget.panel.stored.save", lambda place, choices: saved.append(choices))
    panel = panels(remember=True)
    browser = Browser(panel)
    panel.start()
    wait_until(lambda: panel.session.counts.recorded_s > 0.2 and len(browser.pushes) > 3)
    controls, n_resets = panel._controls, sum(push["reset"] for push in browser.pushes)
    controls.freeze.value = True
    assert (panel._canvas.settings["frozen"], saved) == (True, [])
    controls.units.value, controls.duration.value, controls.stops_after.value = "hours", "1h", True
    n_pushes = len(browser.pushes)
    wait_until(lambda: len(browser.pushes) > n_pushes + 2)
    assert (len(saved), sum(push["reset"] for push in browser.pushes)) == (3, n_resets)
    controls.window.value = "5s"
    wait_until(lambda: sum(push["reset"] for push in browser.pushes) == n_resets + 1)
    assert saved[-1]["window"] == "5s"


def test_what_one_thread_shows_is_no_press_and_what_another_presses_is_one(panels):
    panel = panels()
    shows, goes_on = threading.Event(), threading.Event()

    def slowly(streams, records):
        shows.set()
        assert goes_on.wait(60)

    panel._controls.show_streaming = slowly
    threads = [
        threading.Thread(target=panel._buttons.show, kwargs={"streams": False, "records": False}),
        threading.Thread(target=setattr, args=(panel._controls.freeze, "value", True)),
    ]
    threads[0].start()
    assert shows.wait(60)
    threads[1].start()
    try:
        wait_until(lambda: panel._canvas.settings["frozen"], 10)
    finally:
        goes_on.set()
        for thread in threads:
            thread.join()


def test_two_threads_start_one_stream(panels):
    panel = panels()
    threads = [threading.Thread(target=panel.start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(lambda: panel.session.counts.samples)
    assert [thread.name for thread in threading.enumerate()].count("xjls panel") == 1
    assert [thread.name for thread in threading.enumerate()].count("xjls writer") == 1


def test_who_stops_or_waits_while_it_starts_waits_for_the_start(panels, monkeypatch):
    panel, begins, goes_on = panels(), threading.Event(), threading.Event()
    begin = Session.start

    def slowly(session):
        begins.set()
        assert goes_on.wait(60)
        return begin(session)

    monkeypatch.setattr(Session, "start", slowly)
    starting, stopping = threading.Thread(target=panel.start), threading.Thread(target=panel.stop)
    starting.start()
    assert begins.wait(60)
    stopping.start()
    goes_on.set()
    starting.join()
    stopping.join()
    assert panel.wait().reason == "it was stopped"


def test_what_is_closed_keeps_its_recording_and_nothing_else(panels, tmp_path):
    panel = panels(store=tmp_path / "run.zarr")
    panel.start()
    recorded(panel, 0.1)
    watch = weakref.ref(panel._last.watch)
    row, part = panel.children[0], panel.part
    panel.close()
    panel.close()
    assert row.comm is None
    assert (panel.session, panel.numbers, panel.part) == (None, {}, part)
    assert panel.dataset.current.sizes["time"] == part.counts.signals["current"].samples
    gc.collect()
    assert watch() is None


def test_no_more_than_two_pushes_are_waited_for_however_long_words_wait():
    now, sent = [0.0], []
    pusher = Pusher(lambda content, buffers: sent.append(content["id"]), lambda skipped: ({}, []), bool, lambda: now[0])
    for second in range(0, 100, 2):
        now[0] = second
        pusher.push()
    assert len(sent) == 50
    assert list(pusher._underway) == [49, 50]
    pusher.acknowledge(49)
    assert [pusher.push(), pusher.push()] == [True, False]


def test_a_pusher_goes_on_whatever_is_raised_and_says_it_once(caplog):
    told, sent, rounds = [], threading.Event(), iter(range(10**9))

    def look():
        if next(rounds) < 3:
            raise Broken("the disk is away")
        return True

    pusher = Pusher(lambda content, buffers: sent.set(), lambda skipped: ({}, []), look, tell=told.append)
    pusher.start()
    assert sent.wait(60)
    pusher.stop()
    assert [str(error) for error in told] == ["the disk is away"]
    assert [record.getMessage() for record in caplog.records] == ["the panel could not be brought up to date"]
