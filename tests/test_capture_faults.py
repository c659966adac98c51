"""Whatever devices, recordings and the system do: what was measured is there, and nothing hangs."""

import os
import re
import signal as signals_of_the_system
import subprocess
import sys
import threading

import numpy as np
import pytest

import xjls
from tests.captures import STORES, captured, of_device, refusing, signals, uri
from xjls.capturing.buffer import StreamBuffer
from xjls.capturing.devices import sim
from xjls.capturing.plan import plan_of
from xjls.capturing.registry import open_device
from xjls.capturing.run import run
from xjls.capturing.session import Session
from xjls.capturing.target import Target, open_target
from xjls.capturing.until import Until
from xjls.capturing.writing import Pace
from xjls.errors import CaptureError, DeviceError, SelectionError
from xjls.model.annotation import text_at
from xjls.testing.captured import check_captured


@pytest.mark.parametrize("store", STORES)
def test_ids_that_jump_over_the_end_end_it_there(tmp_path, store):
    outcome = captured(tmp_path / store, uri(store, "jump@90ms:200000"), rate=100_000, duration="0.1s")
    assert outcome.reason == "it has what was asked for"
    with xjls.open_recording(tmp_path / store) as recording:
        for name, signal in recording.signals.items():
            assert signal.length == 10_000
            assert recording.skipped(name) == (xjls.Gap(xjls.Window(9000, 10_000), "not delivered", skipped=True),)
        check_captured(recording)


def test_a_signal_that_is_silent_does_not_keep_a_capture_from_its_end(tmp_path):
    session, device = of_device(tmp_path / "run.jls", None, duration="1s")
    deliver = device.run

    class AllButVoltage:
        def __init__(self, outlet):
            self._outlet = outlet

        def __getattr__(self, verb):
            return lambda name, *told: name == "voltage" or getattr(self._outlet, verb)(name, *told)

    device.run = lambda outlet, stop: deliver(AllButVoltage(outlet), stop)
    outcome = session.start().wait()
    assert outcome.reason == "it has what was asked for, but of voltage, of which no more came"
    assert outcome.counts.signals["current"].samples == 100_000
    assert "nothing came of voltage" in outcome.lines
    assert not outcome.is_whole


@pytest.mark.parametrize("error", [RuntimeError("stuck"), MemoryError(), SystemExit(3), KeyboardInterrupt()])
def test_whatever_a_driver_raises_ends_it_and_what_was_delivered_is_there(tmp_path, error):
    def run(outlet, stop):
        outlet.write("current", 0, np.arange(10, dtype="f4"))
        raise error

    outcome = of_device(tmp_path / "run.jls", run)[0].start().wait()
    assert isinstance(outcome.error, DeviceError)
    assert outcome.error.__cause__ is error
    assert not outcome.is_whole
    assert f"the device's driver failed: {type(error).__name__}" in str(outcome)
    with xjls.open_recording(tmp_path / "run.jls") as recording:
        assert recording.was_closed
        assert recording.read("current").tolist() == list(range(10))
        assert type(error).__name__ in recording.user_data[-1].data["reason"]


@pytest.mark.parametrize(
    ("name", "samples", "message"),
    [
        ("curent", np.zeros(5, "f4"), "the device delivers 'curent', which is none of its signals"),
        ("current", np.zeros(5, "f8"), r"the device delivers float64\[5\] of 'current', which is float32\[n\]"),
        ("current", np.zeros((5, 1), "f4"), r"the device delivers float32\[5, 1\] of 'current'"),
    ],
)
def test_what_a_device_should_not_deliver_is_refused_on_its_own_thread(tmp_path, name, samples, message):
    def run(outlet, stop):
        outlet.write("current", 0, np.arange(10, dtype="f4"))
        outlet.write(name, 10, samples)
        return "it is not reached"

    outcome = of_device(tmp_path / "run.zarr", run, live=True)[0].start().wait()
    assert re.search(message, str(outcome.error))
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        assert recording.read("current").tolist() == list(range(10))
    unknown = of_device(
        tmp_path / "b.jls", lambda outlet, _: outlet.tie("curent", xjls.Tie(sample_id=0, time_ns=0))
    )[0]  # fmt: skip
    with pytest.raises(CaptureError, match="delivers 'curent'"):
        unknown.start().wait()


@pytest.mark.parametrize("delivers", [False, True])
def test_a_device_that_does_not_look_at_stop_is_left_behind(tmp_path, monkeypatch, delivers):
    monkeypatch.setattr("xjls.capturing.session.DEVICE_S", 0.2)
    monkeypatch.setattr("xjls.capturing.session.LEAST_S", 0.1)
    release, at = threading.Event(), 0

    def run(outlet, stop):
        nonlocal at
        while not release.wait(0.002):
            if delivers or not at:
                outlet.write("current", at, np.zeros(10, "f4"))
                at += 10
        return "at last"

    device = open_device("sim", rate=100_000, signals=["current"])
    device.run = run
    session = Session(device, [open_target(tmp_path / "live.jls", device.signals)]).start()
    try:
        session.stop()
        outcome = session.wait()
    finally:
        release.set()
        session._delivering.join()
    assert "the device did not stop within 0.2 s" in str(outcome.error)
    with xjls.open_recording(tmp_path / "live.jls") as recording:
        assert recording.was_closed
        assert 10 <= recording.signal("current").length == outcome.counts.samples


@pytest.mark.parametrize("error", [RuntimeError("the bus is gone"), SystemExit(3), KeyboardInterrupt()])
def test_a_device_that_cannot_be_closed_leaves_a_whole_recording(tmp_path, error):
    session, device = of_device(tmp_path / "run.jls", None, duration="0.1s")
    device.close = lambda: (_ for _ in ()).throw(error)
    outcome = session.start().wait()
    assert f"the device's driver failed: {type(error).__name__}" in str(outcome)
    with xjls.open_recording(tmp_path / "run.jls") as recording:
        assert recording.was_closed
        assert recording.signal("current").length == 10_000


# -- whatever else goes wrong ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["write", "skip", "tie", "annotate", "flush", "close"])
@pytest.mark.parametrize("error", [MemoryError, KeyError, RuntimeError])
def test_others_go_on_whatever_one_recording_raises(tmp_path, verb, error):
    device = open_device("sim?speed=max&script=drop@0.1s:10; over@0.2s:10", rate=10_000)
    deliver, at_work = device.run, []
    device.run = lambda outlet, stop: at_work.append(stop) or deliver(outlet, stop)

    def refuses(called):
        if at_work and called == verb:
            raise error("odd")
        return False

    bad = refusing(tmp_path / "bad.jls", refuses)
    good = open_target(tmp_path / "good.jls", device.signals)
    session = Session(device, [bad, good], until=Until.of(duration="1s"), pace=Pace(flush_s=0), ring_bytes=1 << 12)
    outcome = session.start().wait()
    assert isinstance(outcome.failed[bad.path], error)
    with xjls.open_recording(tmp_path / "good.jls") as recording:
        assert recording.was_closed
        assert {one.length for one in recording.signals.values()} == {10_000}
        check_captured(recording)


def test_recordings_go_on_when_the_last_seconds_cannot_be_shown(tmp_path, caplog):
    def shown(uri, path, **until):
        device = open_device(uri, rate=10_000)
        buffer = StreamBuffer(device.signals, seconds=1)
        buffer.write = lambda *told: (_ for _ in ()).throw(MemoryError("no room"))
        return Session(device, [open_target(path, device.signals)], live=buffer, until=Until.of(**until)).start().wait()

    outcome = shown("sim?speed=max", tmp_path / "run.jls", duration="1s")
    assert outcome.is_whole
    assert "the last seconds are not shown any more" in caplog.text
    with xjls.open_recording(tmp_path / "run.jls") as recording:
        assert recording.signal("power").length == 10_000
    blind = shown("sim", tmp_path / "blind.jls", condition="max(current) > 10")
    assert isinstance(blind.error, MemoryError)


def test_a_condition_that_raises_ends_it_and_all_that_was_measured_is_there(tmp_path):
    asked = []

    def condition(recording):
        asked.append(recording)
        return {}["oh"] if len(asked) > 2 else False

    outcome = of_device(tmp_path / "run.jls", None, live=True, condition=condition)[0].start().wait()
    assert outcome.reason == "KeyError: 'oh'"
    assert isinstance(outcome.error, KeyError)
    with xjls.open_recording(tmp_path / "run.jls") as recording:
        assert recording.was_closed
        assert recording.signal("current").length == outcome.counts.signals["current"].samples > 0
        check_captured(recording)


def test_closing_a_session_keeps_what_it_has_captured(tmp_path):
    session, _ = of_device(tmp_path / "run.zarr", None, duration="0.1s")
    session.start().wait()
    session.close()
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        assert recording.signal("current").length == 10_000
    running, _ = of_device(tmp_path / "running.jls", None)
    running.start()
    while not running.counts.samples:
        running.has_ended(0.01)
    running.close()
    with xjls.open_recording(tmp_path / "running.jls") as recording:
        assert recording.was_closed
        assert recording.signal("current").length == running.counts.signals["current"].samples


def test_what_has_not_begun_has_not_ended(tmp_path):
    session, _ = of_device(tmp_path / "run.jls", None)
    assert not session.has_ended(1)
    with pytest.raises(CaptureError, match=r"the session has not begun\. Call start\(\) first"):
        session.wait()
    session.close()
    assert not (tmp_path / "run.jls").exists()


def test_what_interrupts_a_beginning_leaves_no_thread(tmp_path, monkeypatch):
    session, _ = of_device(tmp_path / "run.jls", None)
    monkeypatch.setattr(session._delivering, "start", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        session.start()
    assert session.has_ended(10)
    with xjls.open_recording(tmp_path / "run.jls") as recording:
        assert recording.was_closed


def test_a_program_that_ends_closes_what_it_captures(tmp_path):
    program = (
        "import sys, xjls\n"
        "session = xjls.start_capture('sim', sys.argv[1], rate='10 kHz')\n"
        "while not session.counts.samples:\n"
        "    session.has_ended(0.01)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "run.zarr")], check=True, timeout=60)
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        assert recording.was_closed
        assert recording.signal("current").length


def test_who_looks_and_fails_ends_the_capture_cleanly(tmp_path):
    plan = plan_of({"device": "sim", "store": tmp_path / "run.jls", "rate": 10_000})
    with pytest.raises(ZeroDivisionError):
        run(plan, look=lambda _: 1 / 0)
    with xjls.open_recording(tmp_path / "run.jls") as recording:
        assert recording.was_closed
        check_captured(recording)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("xjls ")]


def test_signals_of_the_system_are_noted_where_another_is_being_noted(tmp_path):
    """A handler may interrupt itself: no lock may be taken there."""
    handlers = []

    def look(session):
        handler = signals_of_the_system.getsignal(signals_of_the_system.SIGTERM)
        handlers.append(handler)
        with session._lock:  # as a handler finds it that interrupts `stop`
            handler(signals_of_the_system.SIGTERM, None)

    outcome = run(plan_of({"device": "sim", "store": tmp_path / "run.jls", "rate": 10_000}), look=look)
    assert outcome.reason == "it was interrupted"
    assert signals_of_the_system.getsignal(signals_of_the_system.SIGTERM) not in handlers


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_what_interrupts_the_opening_leaves_nothing_and_is_raised_once(tmp_path, monkeypatch, name):
    number = getattr(signals_of_the_system, name)

    discard = Target.discard

    def interrupted(target):
        os.kill(os.getpid(), number)  # once more, while it tidies up
        discard(target)

    monkeypatch.setattr(Target, "discard", interrupted)
    monkeypatch.setattr("xjls.capturing.run.rehearse", lambda *_: os.kill(os.getpid(), number))
    with pytest.raises(KeyboardInterrupt):
        run(plan_of({"device": "sim", "store": tmp_path / "run.zarr"}))
    assert not (tmp_path / "run.zarr").exists()


def test_what_is_to_outlive_its_terminal_does(tmp_path):
    before = signals_of_the_system.signal(signals_of_the_system.SIGHUP, signals_of_the_system.SIG_IGN)
    try:
        told = {"device": "sim", "store": tmp_path / "run.jls", "rate": 1000, "duration": "0.4s"}
        outcome = run(plan_of(told), look=lambda _: os.kill(os.getpid(), signals_of_the_system.SIGHUP))
    finally:
        signals_of_the_system.signal(signals_of_the_system.SIGHUP, before)
    assert outcome.reason == "it has what was asked for"


@pytest.mark.parametrize("store", ["run.jls", "run.hdf5"])
def test_a_file_of_no_bytes_is_as_none(tmp_path, store):
    path = tmp_path / store
    path.touch()
    captured(path, uri(store), samples=100)
    with xjls.open_recording(path) as recording:
        assert recording.signal(signals(store)[0]).length == 100
    path.unlink()
    other = open_target(path, open_device(uri(store)).signals)
    if not path.stat().st_size:  # another capture that is about to begin
        with pytest.raises(BlockingIOError):
            open_target(path, open_device(uri(store)).signals)
    other.discard()


def test_a_recording_that_is_named_twice_is_refused(tmp_path):
    with pytest.raises(SelectionError, match=r"run\.jls is named twice"):
        xjls.capture("sim", [tmp_path / "run.jls", f"{tmp_path}/../{tmp_path.name}/run.jls"], samples=10)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("later_s", [-3600, 1, 5, 400 * 86_400])
def test_times_are_right_after_ties_behind_the_end(tmp_path, store, later_s):
    """What ends early has ties of samples that nobody captured: a device at full speed is minutes ahead."""
    path, start_ns, name = tmp_path / store, 1_772_359_200_000_000_000, signals(store)[0]
    captured(path, uri(store, start_ns=start_ns), rate=10_000, duration="2s")
    with xjls.open_recording(path) as recording:
        assert all(tie.sample_id < 20_000 for tie in recording.ties(name))
    target = open_target(path, open_device(uri(store), rate=10_000, signals=signals(store)).signals)
    target.tie(name, xjls.Tie(sample_id=0, time_ns=start_ns + 2 * 10**9))
    for each in signals(store):
        target.write(each, 0, sim.expected(each, 0, 1000), 0)
        target.tie(each, xjls.Tie(sample_id=1500, time_ns=start_ns + 2_150_000_000))  # behind the end, as others write
    target.close()
    captured(path, uri(store, start_ns=start_ns + later_s * 10**9), rate=10_000, duration="1s")
    with xjls.open_recording(path) as recording:
        clock, again = recording.clock(name), recording.signal(name).window.stop - 10_000
        np.testing.assert_array_equal(recording.read(name, (again, None)), sim.expected(name, 0, 10_000))
        assert [clock.time(again + i) - start_ns - later_s * 10**9 for i in (0, 9999)] == [0, 999_900_000]
        assert clock.time(19_999) - start_ns == 1_999_900_000


@pytest.mark.parametrize("store", STORES)
def test_notes_of_a_signal_that_is_silent_when_it_is_gone_on_with_are_not_lost(tmp_path, store):
    path, names = tmp_path / store, signals(store)
    captured(path, uri(store), rate=10_000, samples=2000)
    target = open_target(path, open_device(uri(store), rate=10_000, signals=names).signals)
    target.annotate(text_at(names[0], 17, "nothing came"))
    target.close()
    with xjls.open_recording(path) as recording:
        notes = [(note.signal, note.sample_id, note.data) for note in recording.annotations]
        assert notes == [(names[0], 1999, "nothing came")]
        assert recording.signal(names[0]).length == 2000
