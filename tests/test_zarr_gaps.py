"""Gaps of Zarr stores that are long: they cost nothing to write, nothing to keep, and nothing to ask about."""

from pathlib import Path

import numpy as np
import pytest

import xjls
from tests.zarr_stores import begun, described, make_growing_small
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
