"""The capture panel without a browser: what is pushed and acknowledged, recorded, summed, remembered and refused."""

import json
import threading
from datetime import UTC, datetime

import numpy as np
import pytest

import xjls
from tests.panels import Browser, made_panels, recorded, wait_until
from xjls.capturing.devices import sim
from xjls.errors import CaptureError, DeviceError, SelectionError
from xjls.testing.captured import check_captured
from xjls.widget.panel import stored
from xjls.widget.panel.pushing import MOST_UNDERWAY, Pusher

pytest.importorskip("anywidget")


@pytest.fixture
def panels(monkeypatch, tmp_path):
    yield from made_panels(monkeypatch, tmp_path)


def test_it_streams_without_recording_and_records_what_is_wanted(panels, tmp_path):
    panel = panels()
    assert panel.start() is panel
    wait_until(lambda: panel.session.counts.recorded_s > 0.2)
    assert not list(tmp_path.glob("*.zarr"))
    part = panel.record(tmp_path / "bench.zarr")
    recorded(panel, 0.3)
    panel.mark("now")
    assert panel.stop_recording() is part
    assert panel.is_streaming
    outcome = panel.stop()
    assert (outcome.reason, panel.outcome, panel.is_streaming) == ("it was stopped", outcome, False)
    with xjls.open_recording(part.path) as recording:
        assert not any(check_captured(recording).values())
        assert recording.signal("current").window.start > 0
        assert [note.data for note in recording.annotations] == ["now"]
        assert panel.dataset.current.sizes["time"] == recording.signal("current").length
    assert part.reason == "recording was stopped"


def test_a_named_store_is_recorded_from_the_first_sample_to_the_last_that_was_asked_for(panels, tmp_path):
    panel = panels("sim?speed=max", tmp_path / "run.jls", duration="0.5s", stops_after=True)
    outcome = panel.start().wait()
    assert outcome.reason == "it has what was asked for"
    with xjls.open_recording(tmp_path / "run.jls") as recording:
        assert recording.signal("current").window == xjls.Window(0, 10_000)
    panel.start().wait()  # once more: the next free name
    assert panel.part.path == str(tmp_path / "run_001.jls")


def test_what_is_there_is_gone_on_with_only_if_that_is_wanted(panels, tmp_path):
    panel = panels("sim", tmp_path / "run.zarr")
    panel.start()
    recorded(panel, 0.1)
    panel.stop_recording()
    first = panel.part
    assert panel.record(tmp_path / "run.zarr").path == str(tmp_path / "run_001.zarr")
    with pytest.raises(SelectionError, match=r"run_001\.zarr is being recorded"):
        panel.record(tmp_path / "other.zarr")
    panel.stop_recording()
    assert panel.record(tmp_path / "run.zarr", go_on=True).path == first.path
    recorded(panel, 0.1)
    panel.stop()
    with xjls.open_recording(first.path) as recording:
        assert len(recording.skipped("current")) == 1


def test_pushes_stop_at_two_and_what_was_new_comes_with_the_next(panels, monkeypatch):
    monkeypatch.setattr("xjls.widget.panel.pushing.PATIENCE_S", 1e9)
    panel = panels("sim?script=drop@300ms:2000", window="5s")
    browser = Browser(panel, answers=False)
    panel.start()
    wait_until(lambda: panel._pusher.skipped > 5)
    assert len(browser.pushes) == MOST_UNDERWAY
    wait_until(lambda: panel.session.counts.recorded_s > 0.5)
    browser.answers = True
    browser.say({"type": "ack", "id": browser.pushes[-1]["id"]})
    wait_until(lambda: len(browser.pushes) > 5)
    assert browser.pushes[-1]["skipped"] > 5
    panel.stop()
    assert browser.pushes[-1]["state"] == "ended"
    columns = browser.columns["current"]
    assert sorted(columns) == list(range(len(columns)))
    recording = panel.session.recording
    per = columns[0][2]
    for k in range(len(columns) - 1):
        samples = recording.read("current", (k * per, (k + 1) * per)).astype("f8")
        there = np.isfinite(samples)
        assert (columns[k][1] == 255, columns[k][1] == 0) == (there.all(), not there.any())
        if there.any():
            np.testing.assert_allclose(columns[k][0], samples[there].mean(), rtol=1e-5)
    assert sum(fill < 255 for _, fill, _ in columns.values()) >= 2000 // per


def test_who_comes_later_is_told_everything(panels):
    panel = panels(window="5s")
    first = Browser(panel)
    panel.start()
    wait_until(lambda: len(first.pushes) > 8)
    second = Browser(panel)
    second.say({"type": "hello"})
    wait_until(lambda: any(push["reset"] for push in second.pushes))
    panel.stop()
    assert min(second.columns["voltage"]) == 0
    assert [lane["key"] for lane in second.pushes[0]["facts"]["lanes"]] == ["current", "voltage", "power"]
    origin = int(second.pushes[0]["facts"]["origin"])
    assert abs(origin - panel.session.recording.clock("current").time(0)) < 1000


def test_another_window_is_told_anew(panels):
    panel = panels(window="5s")
    browser = Browser(panel)
    panel.start()
    wait_until(lambda: panel.session.counts.recorded_s > 0.3)
    narrow = browser.pushes[-1]
    panel._controls.window.value = "10min"
    wait_until(lambda: browser.pushes[-1]["window"] == 600 * 10**9)
    assert browser.columns["current"][0][2] > narrow["lanes"][0]["per"]


def test_every_sample_is_stored_while_the_main_thread_spins_and_both_threads_ask(panels, tmp_path):
    panel = panels("sim", tmp_path / "run.zarr", rate="1 MHz")
    browser = Browser(panel)
    stop, wrong = threading.Event(), []

    def ask():
        while not stop.is_set():
            try:
                browser.say({"type": "hello"})
                panel.numbers, panel.zero()
            except Exception as error:  # noqa: BLE001 - whatever it is, the test must say it
                wrong.append(error)
                return

    panel.start()
    thread = threading.Thread(target=ask)
    thread.start()
    number = 0
    while panel.part.counts.recorded_s < 1:
        number = (number * 31 + 7) % 1_000_003  # pure Python: it holds the interpreter
        if not number % 1000:
            browser.say({"type": "ack", "id": 1})
    stop.set()
    thread.join()
    outcome = panel.stop()
    assert not wrong
    assert outcome.counts.lost == 0
    with xjls.open_recording(panel.part.path) as recording:
        assert recording.signal("current").length == outcome.counts.signals["current"].samples
        assert not any(check_captured(recording).values())


def test_numbers_equal_numpy_across_zero(panels, tmp_path):
    panel = panels("sim?script=drop@150ms:333", tmp_path / "run.jls", window="5s")
    panel.start()
    recorded(panel, 0.3)
    panel.zero()
    recorded(panel, 1.2)
    panel.stop()
    told = panel.numbers["numbers"]
    with xjls.open_recording(tmp_path / "run.jls") as recording:
        for name, units in (("current", "C"), ("power", "J")):
            samples = recording.read(name).astype("f8")
            assert sum(np.isnan(samples)) == 333
            total = panel._last.watch.histories[name].total
            part = samples[total.start :]
            sums = told["accumulated"][name]
            assert sums["units"] == units
            assert total.start > 5000
            np.testing.assert_allclose(sums["value"], np.nansum(part) / 20_000, rtol=1e-12)
            assert sums["missing_s"] == np.isnan(part).sum() / 20_000
            whole = len(samples) // 100 * 100
            last, window = samples[whole - 20_000 : whole], samples[:whole]
            for found, of in ((told["last"][name], last), (told["window"][name], window)):
                expected = [np.nanmean(of), np.nanstd(of), np.sqrt(np.nanmean(of**2)), np.nanmin(of), np.nanmax(of)]
                numbers = [found[what] for what in ("mean", "std", "rms", "min", "max")]
                np.testing.assert_allclose(numbers, expected, rtol=1e-9)
                assert found["n"] == np.isfinite(of).sum()
    assert "voltage" not in told["accumulated"]


def test_health_tells_what_is_lost_where_and_never_less(panels):
    panel = panels("sim?script=drop@100ms:500;over@200ms:10")
    browser = Browser(panel)
    panel.start()
    wait_until(lambda: panel.session.counts.over_range)
    panel.stop()
    health = browser.pushes[-1]["health"]
    assert (health["lost"], health["left_out"], health["is_well"]) == (1500, 0, False)
    assert health["over_range"] == panel.session.counts.over_range > 0
    assert health["nominal_hz"] == 20_000


def test_what_found_no_room_is_told_apart(panels, monkeypatch):
    monkeypatch.setattr("xjls.capturing.session.LEAST_RING_BYTES", 1 << 12)
    monkeypatch.setattr("xjls.capturing.session.RING_S", 0.001)
    panel = panels(rate="100 kHz")
    blocked = threading.Event()
    browser = Browser(panel)
    panel.start()
    watch, write = panel._last.watch, panel._last.watch.write

    def slowly(*arguments):
        blocked.wait(0.3)
        write(*arguments)

    watch.write = slowly
    wait_until(lambda: panel.session.counts.left_out)
    blocked.set()
    panel.stop()
    health = browser.pushes[-1]["health"]
    assert health["left_out"] == panel.session.counts.left_out > 0
    assert health["lost"] == 0


def test_errors_of_devices_are_shown_and_raised(panels, monkeypatch):
    panel = panels("nothing")
    with pytest.raises(SelectionError, match="there is no kind of device 'nothing'"):
        panel.start()
    assert "no kind of device" in panel._canvas.note
    assert "no kind of device" in panel._controls.told.value
    with pytest.raises(SelectionError, match="there is no kind of device"):
        panel.wait()
    panel._controls.start.value = True  # a press of the button shows it, and stays up
    assert panel._controls.start.value is False

    def refuses(self, outlet, stop):
        raise DeviceError("it does not start", "sim", "Plug it in.")

    monkeypatch.setattr(sim.Simulator, "run", refuses)
    broken = panels("sim")
    broken.start()
    with pytest.raises(DeviceError, match="it does not start"):
        broken.wait()
    assert "it does not start" in broken._canvas.note
    assert not broken.is_streaming


def test_what_makes_no_sense_is_said(panels, tmp_path):
    panel = panels()
    for act in (panel.mark, panel.wait):
        with pytest.raises(CaptureError, match="Call start"):
            act()
    with pytest.raises(SelectionError, match="nothing was recorded"):
        _ = panel.dataset
    panel.zero()  # of nothing: nothing happens
    assert panel.stop() is None
    with pytest.raises(SelectionError, match="no length of time"):
        panels(window="soon")
    panel.start()
    with pytest.raises(CaptureError, match="nothing is recorded that could keep a mark"):
        panel.mark()
    panel._controls.duration.value = "soon"
    with pytest.raises(SelectionError, match="no length of time"):
        panel.record(tmp_path / "run.zarr")
    assert not (tmp_path / "run.zarr").exists()
    late = panels(stop_at="2020-01-01 10:00")
    with pytest.raises(SelectionError, match="2020-01-01 10:00 is over"):
        late.start()


def test_it_stops_at_a_time(panels):
    panel = panels(stop_at=datetime.now(UTC).replace(year=2100))
    panel.start()
    wait_until(lambda: panel.session.counts.samples)
    panel._lookout._stops_at = datetime.now(UTC)
    assert panel.wait().reason == "it was the time to stop"


def test_a_disk_that_is_nearly_full_ends_the_recording(panels, tmp_path, monkeypatch):
    panel = panels("sim", tmp_path / "run.zarr")
    panel.start()
    recorded(panel, 0.1)
    monkeypatch.setattr("xjls.widget.panel.looking.free_bytes", lambda _: 1000)
    wait_until(panel.part.ended.is_set)
    wait_until(lambda: "nearly full" in panel._controls.told.value)
    assert panel.is_streaming
    assert panel._controls.record.value is False


def test_buttons_do_what_they_say(panels, tmp_path):
    panel = panels()
    controls = panel._controls
    controls.start.value = True
    wait_until(lambda: panel.session.counts.samples)
    assert controls.start.description == "Stop"
    controls.path.value = str(tmp_path / "pressed.zarr")
    controls.record.value = True
    recorded(panel, 0.1)
    panel._canvas._handle_custom_msg({"type": "mark", "text": "by hand"}, [])
    controls.zero.click()
    controls.record.value = False
    assert panel.part.ended.is_set()
    controls.start.value = False
    assert not panel.is_streaming
    assert controls.path.value == str(tmp_path / "pressed_001.zarr")
    with xjls.open_recording(tmp_path / "pressed.zarr") as recording:
        assert [note.data for note in recording.annotations] == ["by hand"]


def test_devices_that_are_there_are_offered(panels):
    panel = panels(None)
    assert "sim" in [uri.partition("?")[0] for _, uri in panel._controls.device.options]
    assert panel._controls.rows[0].children[0] is panel._controls.device


def test_choices_are_remembered(panels, tmp_path):
    panel = panels(remember=True)
    panel._controls.window.value, panel._controls.units.value = "2min", "hours"
    assert json.loads((tmp_path / "config" / "xjls" / "panel.json").read_text())["window"] == "2min"
    again = panels(remember=True)
    assert (again._controls.window.value, again._canvas.settings["units"]) == ("2min", "hours")
    assert panels(remember=True, window="5s")._controls.window.value == "5s"
    assert panels()._controls.window.value == "30s"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is not read"),
        ("[]", "holds no table"),
        ('{"window": 5}', "window cannot"),
        ('{"window": "soon"}', "window"),
        ('{"units": "miles", "duration": "soon", "size": "much"}', "units, duration, size cannot be that"),
    ],
)
def test_a_broken_file_of_choices_is_said_and_ignored(panels, tmp_path, text, told):
    stored.place().parent.mkdir(parents=True)
    stored.place().write_text(text)
    panel = panels(remember=True)
    assert told in panel._controls.told.value
    assert panel._controls.choices() == {name: stored.DEFAULTS[name] for name in panel._controls.choices()}


def test_a_browser_whose_words_wait_is_still_pushed_to_once_a_second():
    now, sent = [0.0], []
    pusher = Pusher(lambda content, buffers: sent.append(content["id"]), lambda skipped: ({}, []), bool, lambda: now[0])
    for tenth in range(31):
        now[0] = tenth / 10
        pusher.push()
    assert sent == [1, 2, 3, 4]
    assert pusher.skipped == 27
