"""The writer of a session: what it takes, what it leaves out, and what becomes of what it writes to."""

import errno
import os
import threading

import fsspec
import numpy as np
import pytest

import xjls
from tests.captures import STORES, captured, uri
from xjls.capturing.device import STOPPED
from xjls.capturing.devices.sim import DROPPED
from xjls.capturing.registry import open_device
from xjls.capturing.session import Session
from xjls.capturing.target import PAUSED, Target, open_target
from xjls.capturing.until import Until
from xjls.capturing.writing import OVER_RANGE, Pace
from xjls.errors import SinkError
from xjls.formats.memory import MemorySink
from xjls.model.annotation import text_at
from xjls.model.sink import NOT_DELIVERED
from xjls.testing.captured import RefusingSink, check_captured


def device_that(run):
    """Return a device that delivers current at 1 kHz by a function of outlet and stop."""
    device = open_device("sim?speed=max", rate=1000, signals=["current"])
    device.run = run
    return device


def test_what_comes_behind_the_end_is_left_out(tmp_path):
    def run(outlet, stop):
        outlet.write("current", 0, np.zeros(150, "f4"))
        outlet.over_range("current", xjls.Window(90, 110))
        outlet.over_range("current", xjls.Window(100, 150))
        outlet.annotate(text_at("current", 99, "the last one"))
        outlet.annotate(text_at("current", 100, "too late"))
        outlet.annotate(text_at("", None, "of all", time_ns=10**18))
        stop.wait(10)
        return STOPPED

    device = device_that(run)
    session = Session(device, [open_target(tmp_path / "run.jls", device.signals)], until=Until.of(samples=100))
    outcome = session.start().wait()
    assert (outcome.counts.samples, outcome.counts.over_range) == (100, 1)
    with xjls.open_recording(tmp_path / "run.jls") as recording:
        assert {note.data for note in recording.annotations} == {OVER_RANGE, "the last one", "of all"}


def test_inputs_that_stay_over_range_are_annotated_once_a_second(tmp_path):
    def run(outlet, stop):
        for at in range(0, 5000, 100):
            outlet.write("current", at, np.zeros(100, "f4"))
            if not 2000 <= at < 4000:
                outlet.over_range("current", xjls.Window(at, at + 100))
        return "it ends"

    device = device_that(run)
    outcome = Session(device, [open_target(tmp_path / "run.jls", device.signals)]).start().wait()
    assert outcome.counts.over_range == 30
    with xjls.open_recording(tmp_path / "run.jls") as recording:
        assert [note.sample_id for note in recording.annotations] == [0, 4000]


def test_a_recording_that_cannot_be_left_as_it_stands_says_that_too(tmp_path):
    sink = RefusingSink(MemorySink(), lambda verb: verb in ("write", "abandon"))
    device = open_device("sim?speed=max", rate=1000, signals=["current"])
    session = Session(device, [Target("run", sink, None)], pace=Pace(patience_s=0))
    with pytest.raises(SinkError, match="No space left on device") as caught:
        session.start().wait()
    assert "it could not be left as it stands" in caught.value.__cause__.__notes__[0]


def test_whatever_becomes_of_the_writer_the_device_stops_and_recordings_are_closed(tmp_path, monkeypatch):
    device = open_device("sim", rate=1000, signals=["current"])
    session = Session(device, [open_target(tmp_path / "run.jls", device.signals)], until=Until.of(samples=100))
    monkeypatch.setattr(session._writer, "run", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        session.start().wait()
    assert not session._delivering.is_alive()
    with xjls.open_recording(tmp_path / "run.jls") as recording:
        assert recording.was_closed


def test_what_an_early_call_is_refused_is_kept_for_the_next(tmp_path):
    """A sink whose disk is full as a recording is gone on with: its ties and annotations come all the same."""
    path = str(tmp_path / "run.zarr")
    again = ("sim?speed=max&start_ns=1000000000000000000", "sim?speed=max&start_ns=1000000005000000000")
    for address in again:
        device, n = open_device(address, rate=1000, signals=["current"]), []
        target = open_target(path, device.signals)
        inner = target._sink

        def full(verb, n=n, address=address):
            n.append(verb)
            return address == again[1] and verb in ("tie", "skip", "write") and n.count(verb) == 1

        target._sink = RefusingSink(inner, full)
        outcome = Session(device, [target], until=Until.of(samples=2000)).start().wait()
        assert outcome.is_whole
    with xjls.open_recording(path) as recording:
        assert recording.skipped("current") == (xjls.Gap(xjls.Window(2000, 5000), PAUSED, skipped=True),)
        assert recording.clock("current").time(5000) == 10**18 + 5 * 10**9


def test_a_store_at_an_address_is_captured_to_and_gone_on_with():
    address = "memory://captures/run.zarr"
    try:
        for start_ns, samples in ((10**18, 30_000), (10**18 + 5 * 10**9, 20_000)):
            device = f"sim?speed=max&start_ns={start_ns}"
            outcome = xjls.capture(device, address, rate=10_000, samples=samples, signals=["current"])
            assert outcome.is_whole
            with outcome.open() as recording:
                assert recording.was_closed
        with xjls.open_recording(address) as recording:
            assert recording.signal("current").length == 70_000
            assert recording.skipped("current") == (xjls.Gap(xjls.Window(30_000, 50_000), PAUSED, skipped=True),)
        session = xjls.start_capture("sim", "memory://captures/other.zarr", rate=1000)
        session.stop()
        session.wait()
    finally:
        fsspec.filesystem("memory").rm("/captures", recursive=True)


def test_one_capture_into_all_kinds_at_once_is_the_same_in_each(tmp_path):
    stores = [tmp_path / "run.jls", tmp_path / "run.zarr", tmp_path / "run.hdf5"]
    told = "sim?model=picoscope&speed=max&start_ns=1000000000000000000&script=drop@0.2s:70;jump@0.3s:5;over@0.4s:10"
    outcome = xjls.capture(told, stores, rate=100_000, duration="1s")
    assert outcome.counts.lost == 75
    found = []
    for store in stores:
        with xjls.open_recording(store) as recording:
            check_captured(recording)
            gaps = [(gap.window, gap.reason) for gap in recording.skipped("channel_a")]
            notes = [(note.sample_id, note.data) for note in recording.annotations]
            found.append((gaps, notes, recording.ties("channel_a"), recording.signal("channel_a").window))
    assert found[0] == found[1] == found[2]
    assert found[0][0] == [
        (xjls.Window(20_000, 20_070), DROPPED), (xjls.Window(30_000, 30_005), NOT_DELIVERED),
    ]  # fmt: skip
    assert found[0][1] == [(39_990, OVER_RANGE)]


def test_a_disk_that_refuses_to_begin_leaves_nothing(tmp_path):
    path = tmp_path / "run.jls"
    device = open_device("sim", rate=1000)
    sink = RefusingSink(xjls.grow_recording(path), lambda verb: verb == "add_signal")
    session = Session(device, [Target(str(path), sink, None, was_there=False)])
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        session.start()
    assert not path.exists()


@pytest.mark.parametrize("store", ["run.zarr", "run.jls", "run.hdf5"])
def test_what_was_given_up_once_is_not_given_up_again(tmp_path, store):
    """Another capture may have begun under the same name meanwhile."""
    device = open_device("sim?model=picoscope&speed=max", rate=1000)
    session = Session(device, [open_target(tmp_path / store, device.signals)])
    session.close()
    assert not (tmp_path / store).exists()
    assert xjls.capture("sim?model=picoscope&speed=max", tmp_path / store, rate=1000, samples=10).is_whole
    session.close()
    with xjls.open_recording(tmp_path / store) as recording:
        assert recording.signal("channel_a").length == 10


@pytest.mark.parametrize("store", STORES)
def test_the_disk_begins_before_it_is_waited_for(tmp_path, monkeypatch, store):
    monkeypatch.setattr("xjls.capturing.settling.EVERY_S", 0.01)
    verbs, threads = [], set()

    def heard(verb):
        verbs.append(verb)
        threads.add((verb, threading.current_thread().name))
        return False

    outcome = captured(tmp_path / store, uri(store, speed=1), refuses=heard, rate=10_000, duration="0.3s")
    assert outcome.is_whole
    assert verbs.count("settle") > 3
    assert ("settle", "xjls settling") in threads
    assert ("write", "xjls writer") in threads
