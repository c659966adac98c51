"""Sessions: what the simulator sent is in every recording, gaps included, whatever goes wrong."""

import threading
from fractions import Fraction

import numpy as np
import pytest

import xjls
from tests.captures import PATIENT, SCRIPTS, STORES, captured, refusing, signals, uri
from xjls.capturing.devices import sim
from xjls.capturing.registry import open_device
from xjls.capturing.ring import NO_ROOM
from xjls.capturing.session import Session
from xjls.capturing.target import PAUSED, open_target
from xjls.capturing.until import Until
from xjls.capturing.writing import OVER_RANGE, Pace
from xjls.errors import SinkError
from xjls.testing.captured import check_captured


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
