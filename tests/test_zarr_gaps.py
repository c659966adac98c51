"""Gaps of Zarr stores that are long: they cost nothing to write, nothing to keep, and nothing to ask about."""

from pathlib import Path

import numpy as np
import pytest

import xjls
from tests.zarr_stores import begun, described, make_growing_small
from xjls.formats.zarr.objects import Objects
from xjls.model.window import Gap, Window
from xjls.testing.laws import equal_values

WAVE = np.sin(np.arange(20_000) * 0.01).astype("f4")


@pytest.fixture
def small(monkeypatch):
    """Make objects so small that little has many."""
    make_growing_small(monkeypatch)


TAKEN = {"x": "f32", "y": "u8", "z": "u1"}


def write_gap(store, length):
    """Write samples of 2 MS/s, a gap and samples again; return what they are."""
    signals = [described(name, stored, number=i, rate=2_000_000) for i, (name, stored) in enumerate(TAKEN.items())]
    blocks = {one.name: (WAVE * 100).astype(one.dtype) for one in signals}
    with begun(store, *signals, grows=True) as writer:
        for name, block in blocks.items():
            writer.write(name, 0, block)
            writer.skip(name, Gap(Window(20_000, length), "unplugged"))
            writer.flush()
            writer.write(name, length, block)
    return blocks


def test_a_gap_of_a_day_takes_no_room(tmp_path, bounded_memory):
    day = 86_400 * 2_000_000
    blocks = write_gap(tmp_path / "run.zarr", day)
    assert len([path for path in (tmp_path / "run.zarr").rglob("c.*") if path.is_file()]) < 200
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        assert np.isnan(recording.read_level("y", 3, (1000, 1010))).all()
        assert recording.status.damage == ()
        assert [gap.window for gap in recording.skipped("z")] == [Window(20_000, day)]
        assert equal_values(recording.read("z", (day, None)), blocks["z"])


def test_a_gap_of_hours_is_asked_about_at_once(tmp_path):
    """Of floats as NaN, of integers as lost, to the sample: what is not there is not looked for."""
    hours = 6 * 3600 * 2_000_000
    blocks = write_gap(tmp_path / "run.zarr", hours)
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        for name, block in blocks.items():
            found = recording.statistics(name)
            missing = found.nan if name == "x" else found.lost
            assert (found.count, missing, found.max) == (40_000, hours - 20_000, block.max())
            columns = recording.columns(name, None, 9)
            assert (columns.count[0], columns.count[4], columns.count[-1]) == (20_000, 0, 20_000)
            within = recording.statistics(name, (hours // 3 + 1, hours // 2 - 1))
            assert (within.count, within.nan + within.lost) == (0, hours // 2 - hours // 3 - 2)
        assert recording.status.damage == ()


def test_a_chunk_of_nan_that_was_delivered_is_there(tmp_path, small):
    with begun(tmp_path / "run.zarr", grows=True) as writer:
        writer.write("x", 0, np.full(8192, np.nan, "f4"))
    assert (tmp_path / "run.zarr/1/x/c.0.0").exists()
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        assert recording.check() == ()
    for path in Path(tmp_path / "run.zarr/1/x").glob("c.*"):
        path.unlink()
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        assert "made anew" in recording.check()[0].consequence


@pytest.mark.parametrize("stored_type", ["f32", "u8", "u1"])
@pytest.mark.parametrize("length", [1024, 700_000, 30_000_000])
def test_a_signal_of_nothing_but_a_gap_is_no_damage(tmp_path, stored_type, length):
    """Which is what lost samples are that nobody looked at."""
    with begun(tmp_path / "run.zarr", described("x", stored_type), grows=True) as writer:
        writer.skip("x", Gap(Window(0, length), "off"))
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        found = recording.statistics("x")
        assert (found.count, found.nan + found.lost) == (0, length)
        assert recording.columns("x", None, 3).count.sum() == 0


def test_what_nobody_delivered_is_not_looked_at(tmp_path, monkeypatch):
    """A pause of days has a million shards, none of which is there; neighbours of it are checked."""
    store, day = tmp_path / "run.zarr", 86_400 * 2_000_000
    with begun(store, described(rate=2_000_000), described("y", "u1", number=2, rate=2_000_000), grows=True) as writer:
        for name, dtype in (("x", "f4"), ("y", bool)):
            writer.write(name, 7, np.ones(5000, dtype))
            writer.skip(name, Gap(Window(5007, 5007 + 3 * day), "off"))
            writer.write(name, 5007 + 3 * day, np.ones(5000, dtype))
    looks, chunks = [], Objects.chunks
    monkeypatch.setattr(Objects, "chunks", lambda *told, **how: looks.append(told[1]) or chunks(*told, **how))
    with xjls.open_recording(store) as recording:
        assert recording.check() == ()
        assert len(looks) < 100
        assert len({key for key in looks if key.startswith("0/")}) == 4
    last = max((store / "0" / "x").glob("c.*"), key=lambda path: int(path.name[2:]))
    last.write_bytes(last.read_bytes()[:-9])
    with xjls.open_recording(store) as recording:
        (damage,) = recording.check()
        assert "of 'x' are lost" in damage.consequence


@pytest.mark.parametrize("stored_type", ["f32", "i16", "u1"])
def test_blocks_of_long_recordings_are_larger(tmp_path, monkeypatch, stored_type):
    """As there is a place in memory for each; answers are the same."""
    monkeypatch.setattr("xjls.formats.zarr.places.MOST_BLOCKS", 4)
    rng, store = np.random.default_rng(1), tmp_path / "run.zarr"
    truth = (rng.random(700_000) * 2).astype(described("x", stored_type).dtype)
    with begun(store, described("x", stored_type), grows=True) as writer:
        writer.write("x", 7, truth[:200_000])
        writer.skip("x", Gap(Window(200_007, 500_007), "off"))
        writer.write("x", 500_007, truth[500_000:])
    with xjls.open_recording(store) as recording:
        for start, stop in ((0, 700_000), (3, 450_000), (199_000, 699_999), (250_000, 260_000)):
            kept = np.concatenate([truth[start:stop][: max(200_000 - start, 0)], truth[max(start, 500_000) : stop]])
            told = recording.statistics("x", (start + 7, stop + 7))
            assert told.count == len(kept)
            if len(kept):
                assert told.mean == pytest.approx(kept.astype("f8").mean())
                assert (told.min, told.max) == (kept.min(), kept.max())
        places = recording._reader.places(recording.signal("x"), verify=True)
        assert 700_000 / places.block_samples <= 4
