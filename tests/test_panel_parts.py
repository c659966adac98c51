"""Recordings that begin and end in the middle of a session: what is in them is what was delivered meanwhile."""

import gc
import threading
import weakref
from dataclasses import replace

import numpy as np
import pytest

import xjls
from tests.captures import PATIENT, STORES, refusing, running, signals, uri
from xjls.capturing.devices import sim
from xjls.capturing.part import Part
from xjls.capturing.registry import open_device
from xjls.capturing.ring import NO_ROOM
from xjls.capturing.run import record
from xjls.capturing.session import Session
from xjls.capturing.target import PAUSED, Target, open_target
from xjls.capturing.until import Until
from xjls.capturing.watching import Watch
from xjls.cli.live_band import frame
from xjls.errors import CaptureError, SelectionError
from xjls.model.annotation import text_at
from xjls.model.window import Gap, Window
from xjls.testing.captured import RefusingSink, check_captured


def session_of(store, *, rate=20_000, script="", live=False, targets=(), **settings):
    device = open_device(uri(store, script, **settings), rate=rate, signals=signals(store))
    watch = Watch(device.signals, seconds=30) if live else None
    return Session(device, list(targets), uri="sim", pace=PATIENT, live=watch), device


def wait_until(holds, session):
    while not holds():
        assert not session.has_ended(0.005), session.wait()


@pytest.mark.parametrize("store", STORES)
def test_a_part_holds_what_the_session_delivered_meanwhile(tmp_path, store):
    session, device = session_of(store, live=True, speed=1)
    name = signals(store)[0]
    with session:
        wait_until(lambda: session.counts.recorded_s > 0.2, session)
        part = record(session, device.signals, tmp_path / store)
        wait_until(lambda: part.counts.recorded_s > 0.3, session)
        session.release(part)
        wait_until(part.ended.is_set, session)
        wait_until(lambda: session.counts.recorded_s > 0.7, session)
    with xjls.open_recording(tmp_path / store) as recording:
        assert recording.was_closed
        assert not any(check_captured(recording).values())
        window = recording.signal(name).window
        assert 0 < window.start < window.stop < session.counts.signals[name].samples
        assert part.counts.signals[name].samples == window.length
        kept = session.recording
        np.testing.assert_array_equal(kept.read(name, window), recording.read(name))
        times = [clock.time(window.start) for clock in (kept.clock(name), recording.clock(name))]
        assert abs(times[0] - times[1]) < 1000
        begun, ended = (one.data for one in recording.user_data)
        assert (begun["capture"], ended["reason"]) == ("begun", "it was stopped")
        assert ended["counts"]["signals"][name]["samples"] == window.length


@pytest.mark.parametrize("store", STORES)
def test_a_part_ends_after_so_many_samples_exactly_and_the_session_goes_on(tmp_path, store):
    session, device = session_of(store, speed="max", rate=100_000)
    with session:
        part = record(session, device.signals, tmp_path / store, until=Until.of(duration="0.25s"))
        assert part.ended.wait(30)
        wait_until(lambda: session.counts.recorded_s > 1, session)
    assert (part.reason, part.error) == ("it has what was asked for", None)
    with xjls.open_recording(tmp_path / store) as recording:
        assert {one.length for one in recording.signals.values()} == {25_000}
        check_captured(recording)


def test_a_part_ends_after_so_many_bytes(tmp_path):
    session, device = session_of("run.jls", speed=1)
    with session:
        part = record(session, device.signals, tmp_path / "run.jls", until=Until.of(size="100 kB"))
        assert part.ended.wait(30)
    assert part.reason == "it has as many bytes as were asked for"
    assert part.counts.n_bytes >= 100_000


def test_gaps_in_a_part_are_its_own(tmp_path):
    script = ";".join(f"drop@{ms}ms:{ms}" for ms in range(100, 20_000, 100))
    session, device = session_of("run.zarr", script=script, speed=1, live=True)
    with session:
        wait_until(lambda: session.counts.lost, session)
        part = record(session, device.signals, tmp_path / "run.zarr")
        wait_until(lambda: part.counts.lost, session)
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        lost = check_captured(recording)
        assert lost == {name: one.lost for name, one in part.counts.signals.items()}
        for name, one in session.counts.signals.items():
            assert 0 < lost[name] < one.lost
            window = recording.signal(name).window
            inside = [gap.window & window for gap in session.recording.skipped(name)]
            assert [gap.window for gap in recording.skipped(name)] == [one for one in inside if one.length]


def test_what_comes_between_two_parts_of_one_store_is_a_gap_of_it(tmp_path):
    path = tmp_path / "run.zarr"
    session, device = session_of("run.zarr", live=True, speed=1)
    stops = []
    with session:
        for _ in range(2):
            part = record(session, device.signals, path)
            wait_until(lambda part=part: part.counts.recorded_s > 0.2, session)
            session.release(part)
            wait_until(part.ended.is_set, session)
            stops.append(part.counts.signals["current"].samples)
            ended = session.counts.recorded_s
            wait_until(lambda ended=ended: session.counts.recorded_s > ended + 0.1, session)
    with xjls.open_recording(path) as recording:
        [gap] = recording.skipped("current")
        assert gap.reason == PAUSED
        window = recording.signal("current").window
        assert gap.window.start == window.start + stops[0]
        assert window.stop - gap.window.stop == stops[1]
        np.testing.assert_array_equal(
            recording.read("current", (gap.window.stop, None)),
            sim.expected("current", gap.window.stop, window.stop),
        )


def test_a_mark_is_written_at_the_newest_sample_of_what_is_recorded(tmp_path):
    session, device = session_of("run.jls", speed=1)
    with session:
        wait_until(lambda: session.counts.recorded_s > 0.1, session)
        part = record(session, device.signals, tmp_path / "run.jls")
        session.mark("as it begins", "voltage")
        wait_until(lambda: part.counts.recorded_s > 0.2, session)
        session.mark("here")
        with pytest.raises(SelectionError, match="no signal 'heat' is captured"):
            session.mark("there", "heat")
    with xjls.open_recording(tmp_path / "run.jls") as recording:
        notes = {note.data: note for note in recording.annotations}
        assert set(notes) == {"as it begins", "here"}
        assert notes["as it begins"].signal == "voltage"
        window = recording.signal("current").window
        assert window.start + 0.15 * 20_000 < notes["here"].sample_id < window.stop
        assert notes["as it begins"].sample_id >= recording.signal("voltage").window.start


def test_a_session_with_a_recording_of_its_own_takes_another(tmp_path):
    from xjls.capturing.target import open_target

    device = open_device(uri("run.jls", speed=1), rate=20_000, signals=["current"])
    session = Session(device, [open_target(tmp_path / "all.jls", device.signals)], until=Until.of(duration="0.6s"))
    with session:
        wait_until(lambda: session.counts.recorded_s > 0.1, session)
        record(session, device.signals, tmp_path / "part.zarr")
        session._writing.join()
    outcome = session.wait()
    assert outcome.paths == (str(tmp_path / "all.jls"), str(tmp_path / "part.zarr"))
    with xjls.open_recording(tmp_path / "all.jls") as whole, xjls.open_recording(tmp_path / "part.zarr") as part:
        assert whole.signal("current").length == 12_000
        assert part.signal("current").window.stop == 12_000
        assert part.signal("current").window.start > 0


def test_a_part_that_refuses_ends_alone(tmp_path):
    session, _ = session_of("run.zarr", speed=1)
    with session:
        target = refusing(tmp_path / "run.zarr", lambda verb: verb == "write")
        session._writer._pace = type(PATIENT)(patience_s=0.1)
        part = session.record(target)
        assert part.ended.wait(30)
        before = session.counts.samples
        wait_until(lambda: session.counts.samples > before, session)
    assert "No space left" in str(part.error)
    outcome = session.wait()
    assert list(outcome.failed) == [str(tmp_path / "run.zarr")]


@pytest.mark.parametrize("store", STORES)
def test_what_a_part_counts_when_it_is_given_up_is_in_it(tmp_path, store):
    session, _ = session_of(store, speed=1)
    is_full = threading.Event()
    with session:
        target = refusing(tmp_path / store, lambda verb: is_full.is_set() and verb in ("write", "flush"))
        session._writer._pace = replace(PATIENT, patience_s=0.1)
        part = session.record(target)
        wait_until(lambda: part.counts.recorded_s > 0.3, session)
        is_full.set()
        assert part.ended.wait(30)
    assert "No space left" in str(part.error)
    counted = {name: one.samples for name, one in part.counts.signals.items()}
    with xjls.open_recording(tmp_path / store) as recording:
        for name, samples in counted.items():
            window = recording.signal(name).window
            assert 0 < samples == window.length
            np.testing.assert_array_equal(recording.read(name), sim.expected(name, window.start, window.stop))


def test_what_is_refused_at_once_leaves_nothing(tmp_path):
    session, device = session_of("run.jls", speed=1)
    sink = RefusingSink(xjls.grow_recording(tmp_path / "run.jls"), lambda verb: verb == "flush")
    with session, pytest.raises(OSError, match="No space left"):
        session.record(Target(str(tmp_path / "run.jls"), sink, lambda: None, was_there=False))
    assert not (tmp_path / "run.jls").exists()
    with pytest.raises(CaptureError, match="the session has ended"):
        record(session, device.signals, tmp_path / "late.jls")
    assert not (tmp_path / "late.jls").exists()


def test_sums_are_those_of_numpy_across_zero_and_gaps(tmp_path):
    session, _ = session_of("run.zarr", live=True, speed=1, script="drop@250ms:501;drop@450ms:7")
    watch = session._live
    with session:
        wait_until(lambda: session.counts.recorded_s > 0.3, session)
        watch.zero()
        wait_until(lambda: session.counts.recorded_s > 0.6, session)
    for name in ("current", "power", "current_range"):
        total = watch.histories[name].total
        assert 0 < total.start < total.stop == session.recording.signal(name).window.stop
        samples = sim.expected(name, total.start, total.stop).astype("f8")
        there = np.ones(len(samples), bool)
        for gap in session.recording.skipped(name):
            there[max(gap.window.start - total.start, 0) : max(gap.window.stop - total.start, 0)] = False
        assert total.count == there.sum()
        assert total.missing == 7 + (0 if total.start >= 5501 else 5501 - total.start)
        np.testing.assert_allclose(total.sum, samples[there].sum(), rtol=1e-12)


def test_spans_are_exact_with_nan_in_the_samples():
    device = open_device("sim", rate=10_000, signals=["current"])
    [signal] = device.signals
    history = xjls.capturing.history.History(signal)
    samples = np.arange(10_000, dtype="f4")
    samples[[3, 500, 501, 7777]] = np.nan
    for start in range(0, 10_000, 333):
        history.add(start, samples[start : start + 333])
    rows = history.columns(0, 20, 10)
    for i, row in enumerate(rows):
        part = samples[i * 500 : (i + 1) * 500]
        assert row[0] == np.isfinite(part).sum()
        np.testing.assert_allclose(row[[2, 4, 5]], [np.nanmean(part, dtype="f8"), np.nanmin(part), np.nanmax(part)])
    for start, stop in ((0, 200), (3, 197), (64, 128), (63, 129), (65, 127), (150, 200)):
        row, part = history.statistics(start, stop), samples[start * 50 : stop * 50].astype("f8")
        assert row[0] == np.isfinite(part).sum()
        np.testing.assert_allclose(row[[2, 4, 5]], [np.nanmean(part), np.nanmin(part), np.nanmax(part)])
        np.testing.assert_allclose(np.sqrt(row[3] / row[0]), np.nanstd(part))
    history.skip(10_000, 10_000 + 10**9)  # days: no more than there is room for is filled
    assert history.statistics(history.spans - 1000, history.spans)[0] == 0
    device.close()


def test_a_span_that_was_left_out_without_a_word_is_missing():
    device = open_device("sim", rate=10_000, signals=["current"])
    history = xjls.capturing.history.History(device.signals[0])
    history.add(0, np.ones(1000, "f4"))
    history.add(5000, np.full(1000, 3, "f4"))
    assert (history.spans, history.next_id, history.total.missing) == (120, 6000, 4000)
    assert history.rows(0, 120)[:, 0].tolist() == [50] * 20 + [0] * 80 + [50] * 20
    device.close()


def test_what_a_device_jumps_over_is_missing_in_what_is_watched():
    session, _ = session_of("run.jls", live=True, speed=1, script="jump@500ms:4000")
    with session:
        wait_until(lambda: session.counts.recorded_s > 1, session)
    history = session.live.histories["current"]
    assert history.total.missing == 4000
    assert history.next_id == session.recording.signal("current").window.stop
    first = sim.expected("current", 14_000, 14_100).astype("f8")  # after the jump: spans are where their samples are
    np.testing.assert_allclose(history.rows(140, 141)[0, 2], first.mean(), rtol=1e-6)


def test_a_last_second_that_is_missing_has_no_mean_in_the_terminal():
    device = open_device("sim", rate=1000, signals=["current"])
    history = xjls.capturing.history.History(device.signals[0])
    history.add(0, np.ones(3000, "f4"))
    assert frame({"current": history}, 80, 5, 10, colored=False)[0] == "current  1 A over the last second"
    history.skip(3000, 4000)
    assert frame({"current": history}, 80, 5, 10, colored=False)[0] == "current  nothing came over the last second"
    device.close()


def part_of(tmp_path, until):
    device = open_device("sim", rate=1000, signals=["current", "voltage"])
    target = open_target(tmp_path / "run.jls", device.signals)
    target.begin(device.source, device.signals)
    device.close()
    return Part(target, device.signals, until)


def test_a_silent_signal_keeps_no_part_open(tmp_path):
    part = part_of(tmp_path, Until.of(duration="1s"))
    for first_id in range(0, 6000, 1000):
        assert not part.is_over
        part.write("current", first_id, np.zeros(1000, "f4"), 0)
    part.write("current", 6000, np.zeros(1000, "f4"), 0)
    assert part.is_over == "it has what was asked for, but of voltage, of which no more came"
    assert part.counts.samples == 1000
    part.close()


def test_notes_of_a_signal_that_stayed_silent_are_written_at_the_end(tmp_path):
    part = part_of(tmp_path, None)
    part.write("current", 0, np.zeros(1000, "f4"), 0)
    part.annotate(text_at("voltage", 17, "nothing came"))
    part.close()
    with part.open() as recording:
        assert [(note.signal, note.data) for note in recording.annotations] == [("voltage", "nothing came")]


def test_a_closed_part_lets_go_of_its_target(tmp_path):
    part = part_of(tmp_path, None)
    target = weakref.ref(part._target)
    part.write("current", 0, np.zeros(1000, "f4"), 0)
    part.close()
    gc.collect()
    assert target() is None
    assert (part.path, part.counts.samples) == (str(tmp_path / "run.jls"), 1000)


def test_what_found_no_room_is_counted_apart_in_a_part_and_its_record(tmp_path):
    part = part_of(tmp_path, None)
    part.write("current", 0, np.zeros(100, "f4"), 0)
    part.skip("current", Gap(Window(100, 130), NO_ROOM, skipped=True), 0)
    part.skip("current", Gap(Window(130, 150), "dropped", skipped=True), 0)
    part.close()
    assert (part.counts.lost, part.counts.left_out) == (50, 30)
    told = part.counts.as_json()
    assert (told["left_out"], told["signals"]["current"]["left_out"], told["lost"]) == (30, 30, 50)


def test_nothing_is_marked_or_recorded_once_a_session_is_over(tmp_path):
    session, device = session_of("run.jls", speed=1)
    with session:
        wait_until(lambda: session.counts.samples, session)
    with pytest.raises(CaptureError, match="the session has ended"):
        session.mark("too late")
    session, device = session_of("run.jls", speed=1)
    part = record(session, device.signals, tmp_path / "early.jls")
    session.close()
    assert part.ended.is_set()
    with pytest.raises(CaptureError, match="the session has ended"):
        record(session, device.signals, tmp_path / "late.jls")
    assert not list(tmp_path.iterdir())


def test_recordings_begin_and_end_while_others_look(tmp_path):
    session, device = session_of("run.zarr", live=True, speed=1)
    stop, wrong = threading.Event(), []

    def look():
        while not stop.is_set():
            try:
                session.counts, session._live.histories["current"].rows(0, 50), session.recording.signals
            except Exception as error:  # noqa: BLE001 - whatever it is, the test must say it
                wrong.append(error)
                return

    with running(look, stop=stop), session:
        for number in range(3):
            part = record(session, device.signals, tmp_path / f"{number}.zarr", until=Until.of(duration="0.1s"))
            assert part.ended.wait(30)
    assert not wrong
    for number in range(3):
        with xjls.open_recording(tmp_path / f"{number}.zarr") as recording:
            assert recording.signal("current").length == 2000
            check_captured(recording)
