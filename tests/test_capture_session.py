"""Sessions: what the simulator sent is in every recording, gaps included, whatever goes wrong."""

import os
import signal as signals_of_the_system
import threading
from fractions import Fraction

import numpy as np
import psutil
import pytest

import xjls
from xjls.capturing.devices import sim
from xjls.capturing.plan import plan_of
from xjls.capturing.registry import open_device
from xjls.capturing.ring import NO_ROOM
from xjls.capturing.run import run
from xjls.capturing.session import Session
from xjls.capturing.target import PAUSED, Target, open_target
from xjls.capturing.until import Until
from xjls.capturing.writing import OVER_RANGE, Pace, text_at
from xjls.errors import CaptureError, DeviceError, SelectionError, SinkError
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
        ({"size": "big"}, "'big' is no size"),
        ({"samples": 0}, "samples=0 is no number of samples"),
        ({"samples": 1.5}, "samples=1.5 is no number of samples"),
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
