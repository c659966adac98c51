"""Zarr stores that keep the last seconds only: bounded, with sample ids and times that stay true."""

from itertools import pairwise

import fsspec
import numpy as np
import pytest
import xarray as xr

import xjls
from tests.zarr_stores import begun, described, make_growing_small, note, size_of
from xjls.errors import LostSamplesError, SelectionError
from xjls.formats.zarr.cutting import UNITS_KEPT, growing_cut
from xjls.formats.zarr.track import Track
from xjls.formats.zarr.writer import ZarrWriter
from xjls.model.annotation import Tie
from xjls.model.clock import Clock
from xjls.model.window import Gap, Window
from xjls.testing.laws import equal_values

FIRST_ID = 500
KEEP_S = 5
TYPES = {"x": "f32", "y": "i16"}
EPOCH = 1_772_000_000 * 10**9


@pytest.fixture
def small(monkeypatch):
    """Make objects so small that some seconds of 1 kS/s have many."""
    make_growing_small(monkeypatch)
    monkeypatch.setattr("xjls.formats.zarr.cutting.SIZES", ((1024, 256),))


def wave(name, start, stop):
    """Return samples by their positions."""
    found = np.sin(np.arange(start, stop) * 0.01) * 1000
    return found.astype(described(name, TYPES[name]).dtype)


def rolling(store, **how):
    signals = [described(name, stored_type, number=i) for i, (name, stored_type) in enumerate(TYPES.items(), 1)]
    return begun(store, *signals, grows=True, keep_s=KEEP_S, **how)


def step(writer, i, length=350):
    """Write a step, now and then with a gap, with a tie and a note."""
    start = i * length
    for name in TYPES:
        if i % 10 == 9:
            writer.skip(name, Gap(Window(FIRST_ID + start, FIRST_ID + start + length), f"off {i}"))
        else:
            writer.write(name, FIRST_ID + start, wave(name, start, start + length))
    writer.tie("x", Tie(sample_id=FIRST_ID + start, time_ns=EPOCH + start * 10**6 + i % 3))
    writer.annotate(note(FIRST_ID + start, f"step {i}"))
    writer.flush()


def assert_kept(recording, length, name="x", unit=1024):
    """Hold what is kept of a signal to what was written; ``unit`` samples are dropped at once."""
    window = recording.signal(name).window
    assert window.stop == FIRST_ID + length
    assert min(length, KEEP_S * 1000) <= window.length < KEEP_S * 1000 * (1 + 1 / UNITS_KEPT) + unit
    truth = wave(name, window.start - FIRST_ID, length)
    valid = recording.read_valid(name)
    lost = np.arange(window.start - FIRST_ID, length) // 350 % 10 == 9
    assert np.array_equal(valid, ~lost)
    assert equal_values(recording.read(name)[valid], truth[valid])
    assert recording.statistics(name).count == valid.sum()
    for level in recording.signal(name).levels:
        entries = recording.read_level(name, level.index)
        assert len(entries) == window.length // level.factor
        rows = np.where(valid, truth.astype("f8"), np.nan)[: len(entries) * level.factor].reshape(-1, level.factor)
        inside = np.isfinite(rows).any(axis=1)
        assert np.array_equal(entries[inside, 3], np.nanmax(rows[inside], axis=1).astype("f4"))
        assert np.isnan(entries[~inside, 0]).all()
    assert recording.columns(name, None, 7).count.sum() == valid.sum()


def test_the_last_seconds_are_kept(tmp_path, small):
    """Of a run that is long for them: samples, levels, times and gaps are those of all that was written."""
    writer, sizes, ties = rolling(tmp_path / "run.zarr"), [], []
    for i in range(400):
        step(writer, i)
        ties.append((FIRST_ID + i * 350, EPOCH + i * 350 * 10**6 + i % 3))
        if i % 9 == 0:
            with xjls.open_recording(tmp_path / "run.zarr") as recording:
                for name in TYPES:
                    assert_kept(recording, (i + 1) * 350, name)
                clock = Clock.from_ties(*np.array(ties).T, rate_hz=1000, first_id=FIRST_ID)
                window = recording.signal("x").window
                for at in (window.start, window.stop - 1):
                    assert recording.clock("x").time(at) == clock.time(at)
                assert recording.origin_id("x") == recording.origin_id("y") == FIRST_ID
                assert recording.clock("y").time(FIRST_ID + 1000) == 10**9
                notes = [one.sample_id for one in recording.annotations]
                assert notes == list(range(notes[0], FIRST_ID + i * 350 + 1, 350))
                assert notes[0] <= max(window.start, FIRST_ID + 350)
                assert recording.check() == ()
                assert len(recording.ties("x")) <= (KEEP_S * 3) * 2 + 2 * 8
            sizes.append(size_of(tmp_path / "run.zarr"))
    assert max(sizes[10:]) < 1.4 * min(sizes[10:])
    assert len(list((tmp_path / "run.zarr").rglob("*"))) < 150
    writer.close()
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        assert recording.was_closed
        for name in TYPES:
            assert_kept(recording, 400 * 350, name)
        assert recording.status.size_bytes == size_of(tmp_path / "run.zarr")
        with xr.open_datatree(tmp_path / "run.zarr", engine="zarr") as tree, xjls.open(recording.path) as ds:
            found = tree["0/x"].values
            assert len(found) == 400 * 350
            assert np.isnan(found[:1024]).all()
            kept = recording.signal("x").window.length
            assert equal_values(found[-kept:], ds.x.values)
            assert tree["0/time_tie_utc"].values[-1] == ds.time.values[-1]
            assert ds.time.values[-1].astype("i8") == recording.clock("x").time(recording.signal("x").window.stop - 1)


@pytest.mark.parametrize("how", ["close", "abandon"])
def test_a_store_that_drops_is_gone_on_with(tmp_path, small, how):
    """It remembers how much it keeps; what is there is that of one run."""
    store = tmp_path / "run.zarr"
    writer, other = rolling(store), rolling(tmp_path / "other.zarr")
    for i in range(120):
        step(writer, i)
        step(other, i)
        if i % 13 == 12:
            writer.close() if how == "close" else writer.abandon()
            with xr.open_datatree(store, engine="zarr") as tree:
                tree.load()
            writer = xjls.continue_recording(store)
        if i % 7 == 0:
            with xjls.open_recording(store) as recording:
                for name in TYPES:
                    assert_kept(recording, (i + 1) * 350, name)
                assert recording.check() == ()
    writer.close()
    other.close()
    with xjls.open_recording(store) as one, xjls.open_recording(tmp_path / "other.zarr") as two:
        for name in TYPES:
            assert one.signal(name).window == two.signal(name).window
            assert one.skipped(name) == two.skipped(name)
            assert one.signal(name).level_factors == two.signal(name).level_factors
        assert one.clock("x").time(one.signal("x").first_id) == two.clock("x").time(one.signal("x").first_id)
        assert one.status.size_bytes == size_of(store)
    assert size_of(store) < 1.3 * size_of(tmp_path / "other.zarr")


def test_a_store_may_begin_to_drop(tmp_path, small):
    """One that kept all: whole shards go, and levels that are too coarse for that."""
    store = tmp_path / "run.zarr"
    with begun(store, described("x"), described("y", "i16", number=2), grows=True) as writer:
        for i in range(60):
            step(writer, i)
    before = size_of(store)
    with xjls.continue_recording(store, keep_s=KEEP_S) as writer:
        for i in range(60, 70):
            step(writer, i)
    with xjls.open_recording(store) as recording:
        assert_kept(recording, 70 * 350)
        assert recording.signal("x").level_factors == (128,)
        assert recording.check() == ()
        assert recording.status.size_bytes == size_of(store) < before
    assert not (store / "2").exists()


@pytest.mark.parametrize("length", [350, 3500, 10_500])
def test_what_was_written_at_once_may_begin_to_drop(tmp_path, small, length):
    """Whole shards, or one that was cut to its length."""
    store = tmp_path / "run.zarr"
    with begun(store, described("x"), described("y", "i16", number=2)) as writer:
        for i in range(length // 350):
            if i % 10 != 9:
                for name in TYPES:
                    writer.write(name, FIRST_ID + i * 350, wave(name, i * 350, i * 350 + 350))
    with xjls.open_recording(store) as recording:
        first = recording.signal("x").length // 350
    with xjls.continue_recording(store, keep_s=KEEP_S) as writer:
        for i in range(first, 60):
            step(writer, i)
    with xjls.open_recording(store) as recording:
        for name in TYPES:
            assert_kept(recording, 60 * 350, name, unit=4096 if length > 4096 else 1024)
        assert recording.check() == ()
        assert recording.status.size_bytes == size_of(store)


def test_who_reads_what_is_dropped_is_told(tmp_path, small):
    """A reader of before gets what he asks for, or that it is lost; never something else. A fresh look helps."""
    writer = rolling(tmp_path / "run.zarr")
    for i in range(30):
        step(writer, i)
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        window = recording.signal("x").window
        old = (window.start + 10, window.start + 20)
        for i in range(30, 60):
            step(writer, i)
        with pytest.raises(LostSamplesError, match=r"of 'x' are lost: there is no such object"):
            recording.read("x", old)
        assert recording.refresh()
        assert_kept(recording, 60 * 350)
    writer.abandon()


def test_an_address_keeps_the_last_seconds(small):
    """Objects go away there, too; also those that were cut to their length, and are cut anew."""
    files, store = fsspec.filesystem("memory"), "memory://rolled/run.zarr"
    try:
        with begun(store, described("x"), described("y", "i16", number=2)) as writer:
            for i in range(3):
                for name in TYPES:
                    writer.write(name, FIRST_ID + i * 350, wave(name, i * 350, i * 350 + 350))
        writer = xjls.continue_recording(store)
        for i in range(3, 9):
            step(writer, i)
        writer.close()
        assert not files.exists("/rolled/run.zarr/0/x/c.0")
        writer, sizes = xjls.continue_recording(store, keep_s=KEEP_S), []
        for i in range(9, 100):
            step(writer, i)
            sizes.append(sum(files.sizes(files.find("/rolled"))))
            if i == 60:
                writer.abandon()
                writer = xjls.continue_recording(store)
        writer.close()
        with xjls.open_recording(store) as recording:
            for name in TYPES:
                assert_kept(recording, 100 * 350, name)
            assert recording.check() == ()
        assert max(sizes) < 1.5 * sizes[40]
    finally:
        files.rm("/rolled", recursive=True)


def test_following_passes_over_what_was_dropped(tmp_path, small):
    writer, steps, seen = rolling(tmp_path / "run.zarr"), iter(range(1, 200)), []
    step(writer, 0)

    def wait(_):
        for _ in range(1 + 60 * (len(seen) == 3)):
            step(writer, next(steps))
        if len(seen) > 8:
            writer.close()

    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        for news in recording.follow(from_start=True, wait=wait):
            valid = recording.read_valid("x", news["x"])
            truth = wave("x", news["x"].start - FIRST_ID, news["x"].stop - FIRST_ID)
            assert equal_values(recording.read("x", news["x"])[valid], truth[valid])
            seen.append(news["x"])
    assert seen[0].start == FIRST_ID
    assert all(one.stop <= two.start for one, two in pairwise(seen))
    assert seen[3].start - seen[2].stop > 61 * 350 - KEEP_S * 1000 * 2 > 0


@pytest.mark.parametrize("rate", [1, 50, 1000, 44_100, 2_000_000, 125_000_000])
@pytest.mark.parametrize("keep_s", [0.5, 60, 86_400])
@pytest.mark.parametrize("stored_type", ["f32", "i16", "u1", "f64"])
def test_what_is_dropped_at_once_is_a_part_of_what_is_kept(rate, keep_s, stored_type):
    cut = growing_cut(stored_type, rate, keep_s)
    assert cut.kept == max(-(-int(rate * keep_s * 1000) // 1000), 1)
    assert cut.unit <= max(cut.kept // UNITS_KEPT, cut.factors[0])
    assert cut.shard % cut.factors[0] == cut.shard % cut.chunk == cut.unit % cut.shard == 0
    assert all(cut.unit % factor == 0 for factor in cut.factors)
    assert cut.shard <= 4_096_000
    assert all(
        size * factor <= max(cut.kept // UNITS_KEPT, factor)
        for size, factor in zip(cut.entries, cut.factors, strict=True)
    )


@pytest.mark.parametrize("keep_s", [0, -1, float("nan"), float("inf")])
def test_seconds_that_keep_nothing_are_refused(tmp_path, keep_s):
    with pytest.raises(SelectionError, match=r"keeps nothing\. Give seconds above 0"):
        xjls.grow_recording(tmp_path / "run.zarr", keep_s=keep_s)
    with ZarrWriter(tmp_path / "other.zarr"):
        pass
    with pytest.raises(SelectionError, match="keeps nothing"):
        xjls.continue_recording(tmp_path / "other.zarr", keep_s=keep_s)


@pytest.mark.parametrize("how", ["close", "abandon"])
def test_what_is_kept_may_be_less_than_an_entry(tmp_path, how):
    """Then there are levels without an entry, for a while: they are intact, and go on where they were."""
    store = tmp_path / "run.zarr"
    writer = begun(store, described("x"), grows=True, keep_s=0.05)
    for i in range(60):
        writer.write("x", FIRST_ID + i * 50, wave("x", i * 50, i * 50 + 50))
        writer.flush()
        if i % 7 == 6:
            writer.close() if how == "close" else writer.abandon()
            writer = xjls.continue_recording(store)
        with xjls.open_recording(store) as recording:
            window, truth = recording.signal("x").window, wave("x", 0, i * 50 + 50)
            kept = truth[window.start - FIRST_ID :]
            assert recording.check() == ()
            assert window.stop == FIRST_ID + len(truth)
            assert recording.statistics("x").max == kept.max()
            for level in recording.signal("x").levels:
                entries = recording.read_level("x", level.index)
                rows = kept[: len(kept) // level.factor * level.factor].reshape(-1, level.factor)
                assert np.array_equal(entries[:, 3], rows.max(axis=1))
    writer.close()


def test_notes_of_samples_to_come_are_kept(tmp_path, small):
    """Pages of them are older than the first sample; that of one signal may be dropped before another one's comes."""
    store = tmp_path / "run.zarr"
    writer = begun(store, described("x"), described("late", number=2), grows=True, keep_s=KEEP_S)
    told = [note(FIRST_ID, f"{name} {i}", name) for name in ("x", "late") for i in range(9)]
    for one in told:
        writer.annotate(one)
    writer.flush()
    with xjls.open_recording(store) as recording:
        assert recording.annotations == tuple(told)
    for i in range(60):
        writer.write("x", FIRST_ID + i * 350, wave("x", i * 350, i * 350 + 350))
        writer.flush()
    writer.write("late", FIRST_ID, wave("x", 0, 5))
    writer.flush()
    with xjls.open_recording(store) as recording:
        assert set(recording.annotations) >= set(told[9:])
        assert recording.signal("x").window.start > FIRST_ID
    for i in range(60):
        writer.write("late", FIRST_ID + 5 + i * 350, wave("x", i * 350, i * 350 + 350))
        writer.flush()
    writer.close()
    with xjls.open_recording(store) as recording:
        assert len(recording.annotations) < 2 * 4


def test_a_gap_is_known_as_long_as_its_samples_are_there(tmp_path, small):
    """Who looks for gaps only when the next root has dropped their samples; those samples are still there."""
    writer = rolling(tmp_path / "run.zarr")
    for i in range(30):
        step(writer, i)
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        start = 30 * 350
        for name in TYPES:  # much at once, with a gap in it
            writer.write(name, FIRST_ID + start, wave(name, start, start + 7000))
            writer.skip(name, Gap(Window(FIRST_ID + start + 7000, FIRST_ID + start + 7350), "off"))
        writer.flush()
        assert_kept(recording, 30 * 350)
    writer.abandon()


def test_gaps_are_looked_for_before_what_they_are_of(tmp_path, small, monkeypatch):
    """A writer goes on while an answer is made: what was read before has the gaps of then."""
    writer, steps = rolling(tmp_path / "run.zarr"), iter(range(200))
    for _ in range(30):
        step(writer, next(steps))
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        valid = np.arange(recording.signal("y").first_id - FIRST_ID, 30 * 350) // 350 % 10 != 9
        looks = Track._stored

        def slowly(self, *arguments, **how):
            found = looks(self, *arguments, **how)
            for _ in range(60):
                step(writer, next(steps))
            return found

        monkeypatch.setattr(Track, "_stored", slowly)
        entries, track = recording.signal("y").level_factors[0], recording._reader.track("y")
        _, known = track.believed(1, 0, 9, verify=True)
        rows = valid[: 9 * entries].reshape(9, entries)
        assert known.any()
        assert not (known & ~rows.all(axis=1)).any()
    writer.abandon()
