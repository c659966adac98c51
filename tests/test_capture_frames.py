"""Captures of devices with frames: what counts, what is lost, who joins and leaves, and what a kill leaves."""

import contextlib
import subprocess
import sys
import threading
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import xjls
from tests.captures import PATIENT
from tests.frame_devices import (
    FIRST,
    LOST,
    Clock,
    Scope,
    check_frame_numbers,
    check_frames,
    frame_numbers,
    mask_of,
    pixels_of,
    plays,
    signals_of,
)
from tests.frame_stores import small_frames
from xjls.capturing.buffer import StreamBuffer
from xjls.capturing.device import STOPPED
from xjls.capturing.joining import joined
from xjls.capturing.rehearsal import play as rehearse_into
from xjls.capturing.ring import NO_ROOM, Call
from xjls.capturing.run import record
from xjls.capturing.session import Session
from xjls.capturing.target import PAUSED, memory_target, open_target
from xjls.capturing.until import Until
from xjls.capturing.writing import Pace
from xjls.errors import SelectionError
from xjls.formats.memory import MemorySink
from xjls.model.window import Gap, Window
from xjls.testing.captured import RefusingSink


def captured(path, scope, **told):
    session = Session(scope, [open_target(path, scope.signals)], **({"pace": PATIENT} | told))
    return session.start().wait()


# ---- what is captured -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, 3, 40])
def test_frames_are_captured_with_what_is_known_of_them_and_what_was_lost(tmp_path, step):
    scope = Scope(plays(FIRST + 200, step))
    scope.tallies = {"duplicate buffers": 3, "late buffers": 0}
    outcome = captured(tmp_path / "run.zarr", scope)
    frames = range(FIRST, FIRST + 200)
    lost = {frame for frame in frames if not mask_of(frame).any()}
    with outcome.open() as recording:
        windows, missing = check_frames(recording)
        assert missing == lost
        assert {windows[name] for name in ("image", "buffer_present", "n_missing", "time")} == {
            Window(FIRST, FIRST + 200)
        }
        arrived = sum(mask_of(frame).sum() for frame in frames)
        assert windows["frame_num"] == windows["header_ok"] == Window(0, arrived)
        np.testing.assert_array_equal(recording.read("time"), np.array(frames) * 0.05)
        (ended,) = [one.data for one in recording.user_data if one.data.get("capture") == "ended"]
    assert ended["counts"]["tallies"] == scope.tallies
    assert (outcome.counts.lost, outcome.counts.left_out) == (len(lost), 0)
    assert outcome.counts.each["frame"].samples == 200 - len(lost)
    assert outcome.counts.each["buffer"].samples == arrived
    assert not outcome.is_whole
    assert f"{200 - len(lost)} frames of image, buffer_present, n_missing, time" in str(outcome)
    assert f"lost: {len(lost)} frames in {len(lost)} gaps" in str(outcome)
    assert "on the way: 3 duplicate buffers\n" in f"{outcome}\n"
    assert scope.is_closed


def test_an_outcome_without_loss_says_so_of_frames_too(tmp_path):
    def play(scope, outlet, stop):
        scope.put(outlet, "image", 1, np.stack([pixels_of(1), pixels_of(2)]))
        return "there are no more"

    scope = Scope(play, names=["image"])
    outcome = captured(tmp_path / "run.zarr", scope)
    assert outcome.lines[1:] == ["2 frames of image: 100 ms", "no frame is lost as a whole"]
    assert outcome.is_whole
    scope = Scope(play, names=["image"])
    scope.tallies = {"missing buffers": 1}
    outcome = captured(tmp_path / "again.zarr", scope)
    assert outcome.lines[2:] == ["no frame is lost as a whole", "on the way: 1 missing buffer"]
    assert not outcome.is_whole


def test_a_device_whose_tallies_fail_is_captured_all_the_same(tmp_path, caplog):
    scope = Scope(plays(FIRST + 9))
    scope.tallies = {"late buffers": "many"}
    outcome = captured(tmp_path / "run.zarr", scope)
    assert outcome.counts.tallies == {}
    assert "what the device counts is not known" in caplog.text
    with outcome.open() as recording:
        assert recording.was_closed


@pytest.mark.parametrize("name", ["run.jls", "run.hdf5"])
def test_what_cannot_hold_frames_is_refused_before_the_device_starts(tmp_path, name):
    scope = Scope(plays(FIRST + 9))
    with pytest.raises(SelectionError, match="'image' is by frame and no series"):
        captured(tmp_path / name, scope)
    assert not scope.was_run
    assert scope.is_closed
    assert not list(tmp_path.iterdir())


def test_a_recording_that_cannot_hold_frames_does_not_join(tmp_path):
    scope = Scope(lambda scope, outlet, stop: stop.wait() and STOPPED)
    with Session(scope, []) as session:
        with pytest.raises(SelectionError, match="no series"):
            record(session, scope.signals, tmp_path / "run.jls")
        assert not (tmp_path / "run.jls").exists()


def test_a_buffer_of_the_last_seconds_refuses_frames():
    image = signals_of()[0]
    with pytest.raises(SelectionError, match="'image' is by frame and no series"):
        StreamBuffer([image], seconds=1)


def test_what_is_rehearsed_of_large_frames_is_one_of_them():
    sink = MemorySink()
    (image,) = (one for one in signals_of(side=2048) if one.name == "image")
    rehearse_into(sink, [image])
    assert sink.recording.signal("image").window == Window(0, 2)


def test_a_slow_sink_loses_frames_as_such_and_no_row_moves_against_another(tmp_path):
    """What found no room is a gap of each signal for itself; what else is known of a frame is kept where it did."""
    gate = threading.Event()

    def play(scope, outlet, stop):
        for frame in range(FIRST, FIRST + 600, 3):
            scope.send(outlet, frame, frame + 3)
        gate.set()
        scope.send(outlet, FIRST + 600, FIRST + 606)
        return "there are no more"

    scope = Scope(play, is_live=True)
    target = open_target(tmp_path / "run.zarr", scope.signals)
    target._sink = RefusingSink(target._sink, lambda verb: verb == "write" and not gate.is_set())
    outcome = Session(scope, [target], ring_bytes=1 << 15, pace=PATIENT).start().wait()
    image, rows = outcome.counts.signals["image"], outcome.counts.signals["n_missing"]
    assert 0 < image.left_out < image.lost
    assert outcome.counts.left_out >= image.left_out
    assert "found no room here" in str(outcome)
    with outcome.open() as recording:
        windows, _ = check_frames(recording, reasons=(LOST, NO_ROOM))
        assert windows["image"].stop == windows["n_missing"].stop == windows["buffer_present"].stop == FIRST + 606
        for name in ("image", "n_missing", "frame_num"):
            absent = sum(gap.window.length for gap in recording.skipped(name) if gap.reason == NO_ROOM)
            assert absent == outcome.counts.signals[name].left_out
    assert rows.samples + rows.lost == image.samples + image.lost == 606


# ---- when it ends ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, 7, 400])
def test_a_number_of_samples_counts_frames_those_that_were_lost_among_them(tmp_path, step):
    scope = Scope(plays(FIRST + 100_000, step))
    outcome = captured(tmp_path / "run.zarr", scope, until=Until.of(samples=150))
    assert outcome.reason == "it has what was asked for"
    with outcome.open() as recording:
        windows, missing = check_frames(recording)
        assert {windows[name] for name in ("image", "buffer_present", "n_missing", "time")} == {
            Window(FIRST, FIRST + 150)
        }
        assert missing == {frame for frame in range(FIRST, FIRST + 150) if not mask_of(frame).any()}
        numbers = recording.read("frame_num")
        assert (numbers[0], numbers[-1]) >= (FIRST, FIRST + 147)
        assert windows["frame_num"] == windows["header_ok"]
    assert outcome.counts.length == 150


def test_a_duration_of_a_live_device_is_what_arrives_for_so_long(tmp_path):
    clock = Clock()
    written = threading.Event()

    def play(scope, outlet, stop):
        for frame in range(FIRST, FIRST + 400):
            clock.s = 100 + (frame - FIRST) * 0.05
            scope.send(outlet, frame, frame + 1)
            while session.counts.n_bytes < 256 * (frame - FIRST) * 0.5 and not stop.is_set():
                written.wait(0.001)
            if stop.is_set():
                return STOPPED
        return "there are no more"

    scope = Scope(play, is_live=True)
    target = open_target(tmp_path / "run.zarr", scope.signals)
    session = Session(scope, [target], until=Until.of(duration="4s"), timing=clock, pace=Pace(gather_s=0))
    outcome = session.start().wait()
    assert outcome.reason == "it has what was asked for"
    assert float(outcome.counts.recorded_s) == 4
    with outcome.open() as recording:
        windows, _ = check_frames(recording)
        assert {windows[name] for name in ("image", "buffer_present", "n_missing")} == {windows["image"]}
        assert abs(windows["image"].length - 80) <= 2  # to a tenth of a second


def test_calls_of_frames_are_joined_over_a_tenth_of_a_second_and_those_in_time_without_end():
    calls = [Call("write", name, (at, np.arange(at, at + 1)), at * 0.06) for at in range(4) for name in "ab"]
    found = [(call.name, call.arguments[1].tolist(), call.arrived_s) for call in joined(calls, {"a"})]
    assert [one for one in found if one[0] == "a"] == [("a", [0, 1], 0.0), ("a", [2, 3], 0.12)]
    assert [one for one in found if one[0] == "b"] == [("b", [0, 1, 2, 3], 0.0)]


def test_a_duration_of_what_is_played_as_fast_as_it_can_be_is_so_many_frames(tmp_path):
    outcome = captured(tmp_path / "run.zarr", Scope(plays(FIRST + 10_000)), until=Until.of(duration="4s"))
    assert float(outcome.counts.recorded_s) == 4
    with outcome.open() as recording:
        assert recording.signal("image").window == Window(FIRST, FIRST + 80)


def test_so_many_bytes_end_it_too(tmp_path):
    outcome = captured(tmp_path / "run.zarr", Scope(plays(FIRST + 10_000)), until=Until.of(size="20 kB"))
    assert outcome.reason == "it has as many bytes as were asked for"
    with outcome.open() as recording:
        check_frames(recording)


def test_a_duration_ends_also_where_nothing_comes_any_more(tmp_path):
    clock = Clock()

    def play(scope, outlet, stop):
        scope.send(outlet, FIRST, FIRST + 10)
        while session.counts.signals["time"].samples < 10:
            stop.wait(0.001)
        clock.s += 60
        assert stop.wait(60)
        return STOPPED

    scope = Scope(play, is_live=True)
    target = open_target(tmp_path / "run.zarr", scope.signals)
    session = Session(scope, [target], until=Until.of(duration="30s"), timing=clock, pace=Pace(tick_s=0.001))
    outcome = session.start().wait()
    assert (outcome.reason, float(outcome.counts.recorded_s)) == ("it has what was asked for", 30)


# ---- who joins and leaves -------------------------------------------------------------------------------------------


def test_recordings_join_and_leave_at_one_moment_of_all_signals(tmp_path):
    """The device waits for each wish to be done: between any two of its calls somebody joins, or leaves."""
    parts, session = [], None

    class Between:
        """An outlet at whose calls recordings join and leave."""

        def __init__(self, outlet):
            self.outlet, self.calls = outlet, 0

        def __getattr__(self, verb):
            def call(*arguments):
                self.calls += 1
                scope.tallies = {"duplicate buffers": self.calls}
                if self.calls % 11 == 0 and len(parts) < 12:
                    if parts and not parts[-1].released and self.calls % 2:
                        session.release(parts[-1], "enough")
                    target = open_target(tmp_path / f"{len(parts)}.zarr", scope.signals)
                    parts.append(session.record(target, Until.of(samples=25) if self.calls % 3 else None))
                return getattr(self.outlet, verb)(*arguments)

            return call

    def play(scope, outlet, stop):
        plays(FIRST + 200, 2)(scope, Between(outlet), stop)
        return "there are no more"

    scope = Scope(play)
    scope.tallies = {"duplicate buffers": 0}
    session = Session(scope, [memory_target()], pace=PATIENT, ring_bytes=1 << 14)
    outcome = session.start().wait()
    assert len(parts) == 12
    assert all(part.ended.is_set() and part.error is None for part in parts)
    for part in parts:
        with part.open() as recording:
            windows, _ = check_frames(recording)
            of_frames = {
                windows[name] for name in ("image", "buffer_present", "n_missing", "time") if windows[name].length
            }
            assert len(of_frames) <= 1
            assert windows["frame_num"] == windows["header_ok"]
            (ended,) = [one.data for one in recording.user_data if one.data.get("capture") == "ended"]
            assert 0 <= ended["counts"]["tallies"]["duplicate buffers"] < scope.tallies["duplicate buffers"]
            assert part.counts.tallies == ended["counts"]["tallies"]
            if part.reason == "it has what was asked for":
                assert of_frames.pop().length == 25
    with outcome.open() as recording:
        check_frames(recording)


@pytest.mark.parametrize(("again", "shift", "reason"), [(FIRST + 60, 0, PAUSED), (5, FIRST + 25, LOST)])
def test_a_store_is_gone_on_with_by_the_devices_numbers_or_right_behind(tmp_path, again, shift, reason):
    path = tmp_path / "run.zarr"
    captured(path, Scope(plays(FIRST + 30)))
    captured(path, Scope(plays(again + 30, start=again)))
    with xjls.open_recording(path) as recording:
        image = recording.signal("image").window
        assert image == Window(FIRST, again + shift + 30)
        windows = {recording.signal(name).window for name in ("image", "buffer_present", "n_missing", "time")}
        assert windows == {image}
        second = Window(again + shift, image.stop)
        masks = np.array([mask_of(frame) for frame in range(again, again + 30)])
        np.testing.assert_array_equal(recording.read("buffer_present", second), masks)
        gaps = recording.skipped("n_missing")
        assert [gap.reason for gap in gaps] == ([] if shift else [PAUSED])
        told = [(note.signal, note.sample_id, str(note.data)) for note in recording.annotations]
        anew = "frame 12,860 is frame 5 of a device that counts from elsewhere than before"
        assert told == ([("image", FIRST + 30, anew)] if shift else [])
        before = sum(mask_of(frame).sum() for frame in range(FIRST, FIRST + 30))
        check_frame_numbers(recording, shift, start=before)
        of_first = recording.read("frame_num", Window(0, before)).astype("i8")
        np.testing.assert_array_equal(recording.read("frame_number", Window(0, before)), frame_numbers(of_first))
        assert recording.signal("frame_number").window == recording.signal("frame_num").window
        assert reason in {gap.reason for gap in recording.skipped("image")}


@pytest.mark.parametrize(("again", "shift"), [(FIRST + 63, 0), (12, FIRST + 18)])
def test_buffers_of_which_no_frame_came_refer_to_frames_behind_those_that_are_there(tmp_path, again, shift):
    def play(scope, outlet, stop):
        numbers = np.array([again, again, again + 1, again + 4], "u4")  # of the last one it is not known
        for at in (0, 2):
            scope.put(outlet, "frame_num", at, numbers[at : at + 2])
            scope.put(outlet, "frame_number", at, frame_numbers(numbers[at : at + 2]))
        outlet.skip("frame_number", Gap(Window(4, 6), LOST, skipped=True))
        return "there are no more"

    path = tmp_path / "run.zarr"
    captured(path, Scope(plays(FIRST + 30)))
    captured(path, Scope(play))
    with xjls.open_recording(path) as recording:
        before = sum(mask_of(frame).sum() for frame in range(FIRST, FIRST + 30))
        numbers, gaps = recording.read_with_gaps("frame_number", Window(before, before + 6))
        ids = np.array([again, again, again + 1, again + 4])
        np.testing.assert_array_equal(numbers[:4], np.where(frame_numbers(ids) < 0, -1, ids + shift))
        assert (numbers[:4] >= 0).any()
        assert [gap.window for gap in gaps] == [Window(before + 4, before + 6)]
        assert recording.signal("image").window.stop == FIRST + 30
        assert recording.annotations == ()


def test_buffers_of_a_store_that_keeps_its_last_frames_refer_to_them(tmp_path, monkeypatch):
    small_frames(monkeypatch)
    scope = Scope(plays(FIRST + 600))
    target = open_target(tmp_path / "run.zarr", scope.signals, keep_s=5)
    Session(scope, [target], pace=PATIENT).start().wait()
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        windows, _ = check_frames(recording)
        assert windows["image"].start > FIRST
        assert windows["frame_number"].start > 0
        assert recording.read("frame_number").max() > FIRST + 590


def test_frames_go_into_a_store_that_has_numbers_in_time(tmp_path):
    path = tmp_path / "run.zarr"
    current = replace(
        signals_of()[2], name="current", axis="", rate_hz=Fraction(1000), source=xjls.Source(id=1, name="bench"), id=1
    )
    with xjls.grow_recording(path) as sink:
        sink.add_source(current.source)
        sink.add_signal(current)
        sink.write("current", 0, np.arange(9, dtype="u2"))
    captured(path, Scope(plays(FIRST + 30)))
    with xjls.open_recording(path) as recording:
        assert recording.read("current").tolist() == list(range(9))
        windows, _ = check_frames(recording)
        assert windows["image"] == Window(FIRST, FIRST + 30)
        ids = [signal.id for signal in recording.signals.values()]
        assert len(set(ids)) == len(ids) == 1 + len(signals_of())


def test_a_store_with_frames_of_another_shape_is_not_gone_on_with(tmp_path):
    captured(tmp_path / "run.zarr", Scope(plays(FIRST + 9)))
    with pytest.raises(SelectionError, match="sample_shape"):
        open_target(tmp_path / "run.zarr", signals_of(side=32))


# ---- what a kill leaves ---------------------------------------------------------------------------------------------

KILLED = """
import sys
from tests.frame_devices import Scope
from xjls.capturing.session import Session
from xjls.capturing.target import open_target

def play(scope, outlet, stop):
    frame = 1000
    while not stop.wait(0.01):
        scope.send(outlet, frame, frame + 2)
        frame += 2

scope = Scope(play, side=64, fps=200, is_live=True)
Session(scope, [open_target(sys.argv[1], scope.signals)]).start().wait()
"""


def frames_of(path):
    """Return the frames that others find just now; 0 while there is no recording yet."""
    with contextlib.suppress(OSError, ValueError, KeyError), xjls.open_recording(path) as recording:
        return recording.signal("image").length if "image" in recording.signals else 0
    return 0


def test_a_capture_of_frames_that_is_killed_leaves_all_that_was_seen_and_is_gone_on_with(tmp_path):
    path, seen = str(tmp_path / "run.zarr"), 0
    root = Path(__file__).parents[1]
    with subprocess.Popen([sys.executable, "-c", KILLED, path], cwd=root) as process:
        try:
            until = time.monotonic() + 120
            while seen < 150:
                assert time.monotonic() < until, "it takes too long"
                assert process.poll() is None
                seen = frames_of(path)
        finally:
            process.kill()
    with xjls.open_recording(path) as recording:
        assert not recording.was_closed
        windows, _ = check_frames(recording, side=64)
        assert windows["image"].start == 1000
        assert windows["image"].length >= seen
    end = max(window.stop for name, window in windows.items() if name in ("image", "n_missing", "time"))
    scope = Scope(plays(end + 30, start=end + 10), side=64, fps=200)
    assert captured(path, scope).reason == "there are no more"
    with xjls.open_recording(path) as recording:
        assert recording.was_closed
        windows, missing = check_frames(recording, side=64, reasons=(LOST, PAUSED))
        assert windows["image"] == Window(1000, end + 30)
        assert set(range(end, end + 10)) <= missing
