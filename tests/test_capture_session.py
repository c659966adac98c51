"""Sessions: what the simulator sent is in every recording, gaps included, whatever goes wrong."""

import math
import os
import re
import signal as signals_of_the_system
import subprocess
import sys
import threading
from datetime import timedelta
from fractions import Fraction

import numpy as np
import psutil
import pytest

import xjls
from xjls.capturing.buffer import StreamBuffer
from xjls.capturing.devices import sim
from xjls.capturing.plan import plan_of
from xjls.capturing.registry import open_device
from xjls.capturing.ring import NO_ROOM
from xjls.capturing.run import run
from xjls.capturing.session import Session
from xjls.capturing.target import PAUSED, Target, open_target
from xjls.capturing.until import Until
from xjls.capturing.writing import OVER_RANGE, Pace
from xjls.errors import CaptureError, DeviceError, SelectionError, SinkError
from xjls.model.annotation import text_at
from xjls.testing.captured import RefusingSink, check_captured
from xjls.testing.simulated_time import SimulatedTiming

STORES = ("run.zarr", "run.jls", "run.hdf5")
PATIENT = Pace(flush_s=0.05, sync_s=0.2, tick_s=0.02, patience_s=60)
SCRIPTS = {
    "nothing goes wrong": "",
    "samples are dropped": "drop@100ms:5000; drop@200ms:1",
    "ids jump": "jump@50ms:123; jump@300ms:40000",
    "both, at once": "drop@100ms:500; jump@100ms:20; drop@100ms:7",
    "it goes over range": "over@150ms:30",
}
ALL = {"joulescope": ["current", "voltage", "power", "current_range", "gpi[0]", "gpi[1]"], "picoscope": ["channel_a"]}


def uri(store, script="", **settings):
    model = "picoscope" if store.endswith(".hdf5") else "joulescope"
    told = {"model": model, "speed": "max", "script": script} | settings
    return "sim?" + "&".join(f"{name}={value}" for name, value in told.items())


def signals(store):
    return ALL["picoscope" if store.endswith(".hdf5") else "joulescope"]


def captured(path, address, *, names=None, rate=1_000_000, pace=PATIENT, ring_bytes=None, refuses=None, **until):
    device = open_device(address, rate=rate, signals=names or signals(str(path)))
    target = open_target(path, device.signals) if refuses is None else refusing(path, refuses)
    session = Session(device, [target], uri=address, until=Until.of(**until), pace=pace, ring_bytes=ring_bytes)
    return session.start().wait()


def refusing(path, refuses):
    return Target(str(path), RefusingSink(xjls.grow_recording(path), refuses), lambda: xjls.open_recording(path))


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_every_recording_holds_what_was_sent_and_gaps_where_nothing_was(tmp_path, store, script):
    path = tmp_path / store
    outcome = captured(path, uri(store, script), duration="0.5s")
    with xjls.open_recording(path) as recording:
        assert recording.was_closed
        lost = check_captured(recording)
        assert {name: one.length for name, one in recording.signals.items()} == dict.fromkeys(signals(store), 500_000)
        assert lost == {name: one.lost for name, one in outcome.counts.signals.items()}
        if "over" in script:
            notes = [(note.signal, note.data) for note in recording.annotations]
            assert (signals(store)[0], OVER_RANGE) in notes
    assert set(lost.values()) == {sum(int(event.amount) for event in sim.parse_script(script, Fraction(10**6))
                                      if event.kind in ("drop", "jump"))}  # fmt: skip
    assert outcome.is_whole == (not any(lost.values()))


@pytest.mark.parametrize("store", STORES)
def test_gaps_say_what_the_device_said(tmp_path, store):
    captured(tmp_path / store, uri(store, "drop@100ms:500; jump@200ms:70"), duration="0.3s")
    name = signals(store)[0]
    with xjls.open_recording(tmp_path / store) as recording:
        gaps = [(gap.window.start, gap.window.stop, gap.reason) for gap in recording.skipped(name)]
    assert gaps == [(100_000, 100_500, sim.DROPPED), (200_000, 200_070, "not delivered")]


@pytest.mark.parametrize("store", STORES)
def test_times_are_those_of_the_device_and_the_set_up_is_told(tmp_path, store):
    start_ns = 1_772_359_200_000_000_000
    captured(tmp_path / store, uri(store, start_ns=start_ns, first_id=12_345), rate=1000, duration="25s")
    name = signals(store)[0]
    with xjls.open_recording(tmp_path / store) as recording:
        clock, signal = recording.clock(name), recording.signal(name)
        assert signal.first_id == 12_345
        assert [clock.time(12_345 + 1000 * s) - start_ns for s in (0, 10, 24)] == [0, 10 * 10**9, 24 * 10**9]
        assert signal.source.vendor == "xjls"
        begun, ended = (record.data for record in recording.user_data)
    assert begun["capture"] == "begun"
    assert begun["settings"]["first_id"] == 12_345
    assert begun["instrument"]["serial_number"] == "000000"
    assert (ended["reason"], ended["counts"]["lost"]) == ("it has what was asked for", 0)


@pytest.mark.parametrize("store", STORES)
def test_capturing_again_goes_on_with_what_is_there(tmp_path, store):
    path, start_ns = tmp_path / store, 1_772_359_200_000_000_000
    captured(path, uri(store, start_ns=start_ns), rate=10_000, duration="2s")
    captured(path, uri(store, start_ns=start_ns + 5 * 10**9, first_id=777), rate=10_000, duration="1s")
    name = signals(store)[0]
    with xjls.open_recording(path) as recording:
        assert recording.signal(name).length == 60_000
        assert recording.skipped(name) == (xjls.Gap(xjls.Window(20_000, 50_000), PAUSED, skipped=True),)
        np.testing.assert_array_equal(recording.read(name, (0, 20_000)), sim.expected(name, 0, 20_000))
        np.testing.assert_array_equal(recording.read(name, (50_000, None)), sim.expected(name, 777, 10_777))
        assert recording.clock(name).time(50_000) == start_ns + 5 * 10**9
        assert [record.data["capture"] for record in recording.user_data] == ["begun", "ended"] * 2


@pytest.mark.parametrize("store", STORES)
def test_a_pause_of_days_does_not_fill_the_disk(tmp_path, store):
    path, start_ns, later_ns = tmp_path / store, 1_772_359_200_000_000_000, 3 * 86_400 * 10**9
    captured(path, uri(store, start_ns=start_ns), rate=100_000, duration="2s")
    captured(path, uri(store, start_ns=start_ns + later_ns), rate=100_000, duration="1s")
    name = signals(store)[0]
    with xjls.open_recording(path) as recording:
        clock, signal = recording.clock(name), recording.signal(name)
        again = signal.window.stop - 100_000
        np.testing.assert_array_equal(recording.read(name, (again, None)), sim.expected(name, 0, 100_000))
        assert [clock.time(i) - start_ns for i in (0, 199_999)] == [0, 199_999 * 10_000]
        assert [clock.time(again + i) - start_ns - later_ns for i in (0, 99_999)] == [0, 99_999 * 10_000]
        assert abs(recording.statistics(name).count - 300_000) < 1
    assert sum(file.stat().st_size for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()) < 64e6


def test_all_signals_have_the_times_of_both_sides_of_a_pause(tmp_path):
    path, start_ns, hour_ns = tmp_path / "run.jls", 1_772_359_200_000_000_000, 3600 * 10**9
    first, more = ["current", "voltage"], ["current", "voltage", "power"]
    captured(path, uri("run.jls", start_ns=start_ns), rate=100_000, duration="2s", names=first)
    captured(path, uri("run.jls", start_ns=start_ns + hour_ns), rate=100_000, duration="1s", names=more)
    with xjls.open_recording(path) as recording:
        for name in more:
            last = recording.signal(name).window.stop - 1
            assert recording.clock(name).time(last) == start_ns + hour_ns + 99_999 * 10_000
        for name in first:
            assert recording.clock(name).time(199_999) == start_ns + 199_999 * 10_000


@pytest.mark.parametrize("store", STORES)
def test_a_sink_that_is_slow_costs_samples_that_are_all_told(tmp_path, store):
    path = tmp_path / store
    blocked = threading.Event()

    def slowly(verb):
        if verb == "write":
            blocked.wait(0.02)
        return False

    outcome = captured(
        path, uri(store, speed=20, block_s=0.005), refuses=slowly, ring_bytes=1 << 16,
        duration="2s",
    )  # fmt: skip
    with xjls.open_recording(path) as recording:
        lost = check_captured(recording)
        name = signals(store)[0]
        assert {gap.reason for gap in recording.skipped(name)} == {NO_ROOM}
        assert all(one.length == 2_000_000 for one in recording.signals.values())
    assert lost == {name: one.lost for name, one in outcome.counts.signals.items()}
    assert all(lost.values())


@pytest.mark.parametrize("store", STORES)
def test_a_disk_that_is_full_for_a_while_costs_nothing_that_can_wait(tmp_path, store):
    refused = []

    def full(verb):
        refused.append(verb)
        return 10 < len(refused) < 14

    outcome = captured(tmp_path / store, uri(store), refuses=full, duration="0.5s")
    assert outcome.is_whole
    with xjls.open_recording(tmp_path / store) as recording:
        assert set(check_captured(recording).values()) == {0}
        assert {one.length for one in recording.signals.values()} == {500_000}


@pytest.mark.parametrize("store", STORES)
def test_a_disk_that_stays_full_ends_the_capture_and_keeps_what_was_written(tmp_path, store):
    path, n = tmp_path / store, []

    def full(verb):
        n.append(verb)
        return verb != "abandon" and len(n) > 40

    with pytest.raises(SinkError, match="No space left on device"):
        captured(path, uri(store), refuses=full, pace=Pace(flush_s=0.01, patience_s=0.3))
    with xjls.open_recording(path) as recording:
        # HDF5 does not say that it was closed
        assert recording.was_closed == store.endswith(".hdf5")
        assert set(check_captured(recording).values()) == {0}


def test_others_go_on_when_one_recording_takes_no_more(tmp_path):
    device = open_device("sim?speed=max", rate=1_000_000)
    n = []
    bad = refusing(tmp_path / "bad.zarr", lambda verb: n.append(verb) or (verb != "abandon" and len(n) > 20))
    good = open_target(tmp_path / "good.jls", device.signals)
    session = Session(device, [bad, good], until=Until.of(duration="1s"), pace=Pace(patience_s=0.1))
    outcome = session.start().wait()
    assert list(outcome.failed) == [str(tmp_path / "bad.zarr")]
    assert not outcome.is_whole
    with xjls.open_recording(tmp_path / "good.jls") as recording:
        assert {one.length for one in recording.signals.values()} == {1_000_000}
        check_captured(recording)


@pytest.mark.parametrize("store", STORES)
def test_a_device_that_is_unplugged_leaves_a_whole_recording(tmp_path, store):
    outcome = captured(tmp_path / store, uri(store, "unplug@250ms"))
    assert outcome.reason == sim.UNPLUGGED
    with xjls.open_recording(tmp_path / store) as recording:
        assert recording.was_closed
        assert {one.length for one in recording.signals.values()} == {250_000}
        check_captured(recording)
        assert recording.user_data[-1].data["reason"] == sim.UNPLUGGED


def test_a_stall_that_catches_up_loses_nothing(tmp_path):
    outcome = captured(
        tmp_path / "run.jls", "sim?speed=10&script=stall@200ms:30ms", rate=100_000, duration="1s", names=["current"]
    )
    assert (outcome.counts.samples, outcome.counts.lost) == (100_000, 0)


@pytest.mark.parametrize("store", STORES)
def test_who_follows_finds_only_what_was_sent(tmp_path, store):
    path = tmp_path / store
    device = open_device(uri(store, speed=4, block_s=0.01), rate=200_000, signals=signals(store))
    session = Session(device, [open_target(path, device.signals)], until=Until.of(duration="4s"), pace=PATIENT)
    looks = 0
    session.start()
    with xjls.open_recording(path) as recording:
        for windows in recording.follow(from_start=True, interval_s=0.02, timeout_s=30):
            for name, window in windows.items():
                np.testing.assert_array_equal(
                    recording.read(name, window), sim.expected(name, window.start, window.stop)
                )
            looks += 1
        assert {one.length for one in recording.signals.values()} == {800_000}
    assert session.wait().is_whole
    assert looks > 2


# -- how it ends -----------------------------------------------------------------------------------------------------


def test_it_ends_after_so_many_samples_or_bytes(tmp_path):
    assert captured(tmp_path / "a.jls", "sim?speed=max", samples=12_345).counts.signals["gpi[0]"].samples == 12_345
    outcome = captured(tmp_path / "b.jls", "sim?speed=max", size="1 MB", names=["current"])
    assert outcome.reason == "it has as many bytes as were asked for"
    assert 1_000_000 <= outcome.counts.n_bytes < 20_000_000


def test_it_ends_when_it_is_told_to_and_all_that_was_measured_is_there(tmp_path):
    device = open_device("sim?speed=1", rate=100_000)
    with Session(device, [open_target(tmp_path / "run.zarr", device.signals)]) as session:
        assert not session.has_ended(0.3)
    outcome = session.wait()
    assert outcome.reason == "it was stopped"
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        lengths = {one.length for one in recording.signals.values()}
        assert lengths == {outcome.counts.signals["current"].samples}
        assert lengths.pop() >= 20_000
        check_captured(recording)


def test_the_system_ends_it_cleanly(tmp_path):
    plan = plan_of({"device": "sim?speed=1", "store": tmp_path / "run.jls", "rate": 10_000})
    outcome = run(plan, look=lambda _: os.kill(os.getpid(), signals_of_the_system.SIGINT))
    assert outcome.reason == "it was interrupted"
    with xjls.open_recording(tmp_path / "run.jls") as recording:
        assert recording.was_closed


def test_a_device_that_refuses_to_start_says_so(tmp_path):
    device = open_device("sim?speed=max")
    device.run = lambda outlet, stop: (_ for _ in ()).throw(DeviceError("it does not answer", "sim", "Plug it in."))
    with pytest.raises(DeviceError, match=r"it does not answer: sim\. Plug it in\."):
        Session(device, [open_target(tmp_path / "run.jls", device.signals)]).start().wait()


def test_a_device_that_does_not_stop_is_told_of(tmp_path, monkeypatch):
    monkeypatch.setattr("xjls.capturing.session.DEVICE_S", 0.1)
    device, never = open_device("sim?speed=max"), threading.Event()

    def run_on(outlet, stop):
        outlet.write("current", 0, np.zeros(10, "f4"))
        never.wait(20)
        return "at last"

    device.run = run_on
    full = refusing(tmp_path / "run.jls", lambda verb: verb == "write")
    session = Session(device, [full], pace=Pace(patience_s=0)).start()
    try:
        with pytest.raises(CaptureError, match="No space left on device"):
            session.wait()
    finally:
        never.set()


def test_it_ends_when_a_condition_holds(tmp_path):
    plan = plan_of({
        "device": "sim?speed=max", "store": tmp_path / "run.jls", "rate": 100_000, "until": "std(voltage) > 0.001",
    })  # fmt: skip
    assert run(plan).reason == "std(voltage) > 0.001"
    seen = []
    outcome = run(plan_of({"device": "sim", "rate": 1000, "until": lambda recording: seen.append(recording) or True}))
    assert seen
    assert outcome.reason == "its condition holds"
    assert repr(outcome).startswith("<xjls.Outcome: the capture ended because its condition holds; ")
    assert outcome.is_live
    assert outcome.open().signal("current").length == outcome.counts.signals["current"].samples


def test_a_condition_on_nothing_is_refused_before_anything_begins(tmp_path):
    plan = plan_of({"device": "sim", "store": tmp_path / "run.jls", "until": "max(curent) > 1"})
    with pytest.raises(SelectionError, match="no signal 'curent'"):
        run(plan)
    assert not (tmp_path / "run.jls").exists()
    device = open_device("sim")
    with pytest.raises(SelectionError, match="a condition is asked of the last seconds"):
        Session(device, [], until=Until.of(condition="current > 1"))


def test_what_was_only_shown_is_no_recording():
    device = open_device("sim?speed=max")
    outcome = Session(device, [], until=Until.of(samples=10)).start().wait()
    with pytest.raises(SelectionError, match="nothing was recorded"):
        outcome.open()


def test_what_happens_before_the_first_sample_has_its_place_when_it_goes_on(tmp_path):
    captured(tmp_path / "run.jls", "sim?speed=max&start_ns=1000000000000000000", rate=1000, duration="1s")
    target = open_target(tmp_path / "run.jls", open_device("sim", rate=1000).signals)
    target.tie("current", xjls.Tie(sample_id=500, time_ns=10**18 + 3 * 10**9))
    target.annotate(text_at("current", 505, "here"))
    target.write("current", 500, np.zeros(100, "f4"), 0)
    target.close()
    with xjls.open_recording(tmp_path / "run.jls") as recording:
        assert [(note.sample_id, note.data) for note in recording.annotations] == [(3005, "here")]
        assert recording.clock("current").time(3000) == 10**18 + 3 * 10**9


@pytest.mark.parametrize("verb", ["tie", "annotate", "skip", "write"])
def test_what_waited_for_its_place_outlives_a_disk_that_is_full_for_a_while(tmp_path, verb):
    path, start_ns = tmp_path / "run.jls", 10**18
    captured(path, f"sim?speed=max&start_ns={start_ns}", rate=1000, duration="1s", names=["current"])
    target = open_target(path, open_device("sim", rate=1000, signals=["current"]).signals)
    refused = []
    target._sink = RefusingSink(target._sink, lambda called: called == verb and not refused and not refused.append(1))
    target.tie("current", xjls.Tie(sample_id=500, time_ns=start_ns + 3 * 10**9))
    target.tie("current", xjls.Tie(sample_id=550, time_ns=start_ns + 4 * 10**9))
    target.annotate(text_at("current", 505, "here"))
    with pytest.raises(OSError, match="No space left"):
        target.write("current", 500, np.zeros(100, "f4"), 0)
    target.write("current", 500, np.zeros(100, "f4"), 0)
    target.close()
    with xjls.open_recording(path) as recording:
        assert [(note.sample_id, note.data) for note in recording.annotations] == [(3005, "here")]
        ties = [(tie.sample_id, tie.time_ns - start_ns) for tie in recording.ties("current")][-2:]
        assert ties == [(3000, 3 * 10**9), (3050, 4 * 10**9)]
        assert recording.skipped("current") == (xjls.Gap(xjls.Window(1000, 3000), PAUSED, skipped=True),)
        assert recording.signal("current").length == 3100


# -- what is refused -------------------------------------------------------------------------------------------------


def test_what_is_there_and_is_another_signal_is_not_gone_on_with(tmp_path):
    captured(tmp_path / "run.jls", "sim?speed=max", samples=100)
    with pytest.raises(SelectionError, match="rate_hz"):
        captured(tmp_path / "run.jls", "sim?speed=max", samples=100, rate=1000)


@pytest.mark.parametrize(
    ("address", "how", "message"),
    [
        ("sim?model=meter", {}, "there is no simulated 'meter'"),
        ("sim?speed=-1", {}, "speed=-1 is none"),
        ("sim?speed=fast", {}, "speed='fast' is none"),
        ("sim?speed=1/0", {}, "speed='1/0' is none"),
        ("sim?block_s=0", {}, "0 is no length of time above 0"),
        ("sim?block_s=long", {}, "'long' is no length of time"),
        ("sim?seconds=-1", {}, "-1 is no length of time above 0"),
        ("sim?first_id=1.5", {}, "first_id=1.5 is no whole number"),
        ("sim?start_ns=now", {}, "start_ns='now' is no whole number"),
        ("sim", {"signals": []}, "no signals were asked for"),
        ("sim?script=drop", {}, "'drop' is nothing that can go wrong"),
        ("sim?script=drop@1s:x", {}, "is nothing that can go wrong"),
        ("sim?colour=red", {}, "sim has no setting 'colour'"),
        ("sin", {}, "there is no kind of device 'sin'"),
        ("sim", {"signals": ["curent"]}, "has no signal 'curent'"),
        ("sim", {"rate": "fast"}, "'fast' is no rate"),
        ("sim", {"rate": 0}, "0 is no rate above 0"),
        ("replay", {}, "replay needs a recording"),
    ],
)
def test_what_cannot_be_is_refused(address, how, message):
    with pytest.raises(SelectionError, match=message.replace("?", r"\?")):
        open_device(address, **how)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"duration": "soon"}, "'soon' is no length of time"),
        ({"duration": "-1s"}, "is no length of time"),
        ({"duration": timedelta(0)}, "is no length of time above 0"),
        ({"duration": timedelta(seconds=-1)}, "is no length of time above 0"),
        ({"size": "big"}, "'big' is no size"),
        ({"samples": 0}, "samples=0 is no number of samples"),
        ({"samples": 1.5}, "samples=1.5 is no number of samples"),
        ({"samples": math.nan}, "samples=nan is no number of samples"),
        ({"samples": math.inf}, "samples=inf is no number of samples"),
        ({"samples": True}, "samples=True is no number of samples"),
        ({"condition": "current is large"}, "'current is large' is no condition"),
        ({"condition": "current > high"}, "'current > high' is no condition"),
    ],
)
def test_an_end_that_cannot_be_meant_is_refused(told, message):
    with pytest.raises(SelectionError, match=message):
        Until.of(**told)


@pytest.mark.parametrize("store", STORES)
def test_long_captures_take_no_more_memory_than_short_ones(tmp_path, store):
    device = open_device(uri(store, start_ns=10**18), rate=1000, signals=signals(store))
    session = Session(
        device, [open_target(tmp_path / store, device.signals)], until=Until.of(duration="4min"), ring_bytes=1 << 13,
        timing=SimulatedTiming(device, 10**18),
    )  # fmt: skip
    memory, process = {}, psutil.Process()
    session.start()
    while not session.has_ended(0.01):
        memory[int(device.delivered_s / 60)] = process.memory_info().rss
    assert session.wait().is_whole
    assert memory[3] - memory[1] < 4e6
    with xjls.open_recording(tmp_path / store) as recording:
        check_captured(recording)
        assert recording.signal(signals(store)[0]).length == 240_000


# -- whatever a device does ------------------------------------------------------------------------------------------


def of_device(path, run, *, names=("current", "voltage"), live=False, pace=None, **until):
    """Return a session of a device that does something else than the simulator."""
    device = open_device("sim?speed=max", rate=100_000, signals=list(names))
    if run is not None:
        device.run = run
    buffer = StreamBuffer(device.signals, seconds=1) if live else None
    return Session(device, [open_target(path, device.signals)], until=Until.of(**until), live=buffer, pace=pace), device


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


def test_a_device_that_cannot_be_closed_leaves_a_whole_recording(tmp_path):
    session, device = of_device(tmp_path / "run.jls", None, duration="0.1s")
    device.close = lambda: (_ for _ in ()).throw(RuntimeError("the bus is gone"))
    outcome = session.start().wait()
    assert "RuntimeError: the bus is gone" in str(outcome)
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
