"""``ds.xjls.to_jls``: what goes over is what was shown, and what cannot go is refused before anything is lost."""

import numpy as np
import pyjls
import pytest
import xarray as xr

import xjls
from tests.several import FIRST_ID, K, truth_with, write_several
from xjls.errors import LostSamplesError, SelectionError
from xjls.formats.picostream.reader import PicoReader
from xjls.testing import laws
from xjls.testing.jls2 import chunks_of, flip
from xjls.testing.picostream import write_picostream

TRUTH = truth_with(np.sin(K * 0.01))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_several(tmp_path_factory.mktemp("writing") / "run.jls", TRUTH)


@pytest.mark.filterwarnings("ignore:The specified chunks separate")
@pytest.mark.parametrize("chunks", [{}, {"time": 3001, "time_gpi": 777}, None])
def test_a_recording_comes_back_whole(path, tmp_path, chunks):
    """Samples, types, ids, ties, annotations, user data and sources: equal, whatever the chunks."""
    with xr.open_dataset(path, engine="jls", join="none", chunks=chunks) as ds:
        seen = []
        ds.xjls.to_jls(tmp_path / "copy.jls", progress=lambda done, total: seen.append((done, total)))
    old, new = xjls.open_recording(path), xjls.open_recording(tmp_path / "copy.jls")
    assert new.was_closed
    for name, values in TRUTH.items():
        before, after = old.signal(name), new.signal(name)
        for fact in ("units", "rate_hz", "window", "stored_type", "scale_factor", "dtype"):
            assert getattr(before, fact) == getattr(after, fact), (name, fact)
        assert before.source.serial_number == after.source.serial_number
        assert laws.equal_values(new.read(name), values)
        assert new.ties(name) == old.ties(name)
    assert [n for n in new.annotations if n.signal != "events"] == [n for n in old.annotations if n.signal != "events"]
    assert new.user_data == old.user_data
    assert seen[-1] == (100_000, 100_000)
    assert seen == sorted(seen)
    assert new.check() == ()


def test_a_part_keeps_its_place_in_time(path, tmp_path):
    """Sample ids, times and what was noted within it."""
    with xjls.open(path, signals=["current", "range"], join="inner") as ds:
        part = ds.isel(time=slice(300, 5000))
        part.xjls.to_jls(tmp_path / "part.jls")
        with xjls.open(tmp_path / "part.jls", signals=["current", "range"], join="inner") as back:
            assert np.array_equal(back.time.values, part.time.values)
            assert np.array_equal(back.current.values, part.current.values)
            assert list(back.xjls.annotations.data) == ["early"]
            assert back.xjls.recording.signal("current").first_id == FIRST_ID + 300


@pytest.mark.parametrize("part", [slice(None), slice(100, 900)])
def test_utc_that_was_given_to_a_recording_without_is_kept(tmp_path, part):
    """Whoever knows when a capture began says so with labels, and they go over as ties."""
    path = write_picostream(tmp_path / "scope.hdf5", np.arange(1000))
    with xjls.open(path) as ds:
        times = np.datetime64("2026-03-01T10:00:00", "ns") + 16 * np.arange(1000)
        dated = ds.assign_coords(time=times).isel(time=part)
        with xjls.open(dated.xjls.to_jls(tmp_path / "dated.jls"), levels=False) as back:
            assert np.array_equal(back.time.values, times[part])
            assert np.array_equal(back.channel_a.values, ds.channel_a.values[part])


def test_derived_signals_are_written_in_their_own_type(path, tmp_path):
    with xjls.open(path, signals=["current", "fine"]) as ds:
        derived = ds.assign(power=ds.current * ds.fine, high=ds.current > 0)
        derived.xjls.to_jls(tmp_path / "derived.jls", ["power", "high"])
        with xjls.open(tmp_path / "derived.jls") as back:
            assert (back.power.dtype, back.high.dtype) == (np.dtype("f8"), np.dtype("?"))
            assert np.array_equal(back.power.values, derived.power.values)
            assert np.array_equal(back.high.values, derived.high.values)
            assert abs(back.time.values[[0, -1]] - derived.time.values[[0, -1]]).max() <= np.timedelta64(1, "ns")


def test_any_uniform_dataset_is_written_and_pyjls_reads_it(tmp_path):
    time = np.datetime64("2026-03-01T10:00:00", "ns") + np.arange(5000) * np.timedelta64(1, "ms")
    ds = xr.Dataset({"x": ("time", np.arange(5000.0), {"units": "V"})}, {"time": time})
    ds.xjls.to_jls(tmp_path / "x.jls")
    with pyjls.Reader(str(tmp_path / "x.jls")) as reader:
        signal = reader.signal_lookup("x")
        assert (signal.sample_rate, signal.units, signal.length) == (1000, "V", 5000)
        assert np.array_equal(reader.fsr(signal.signal_id, 0, 5000), np.arange(5000.0))
    with xjls.open(tmp_path / "x.jls") as back:
        assert np.array_equal(back.time.values, time)


REFUSED = {
    "has 3.5 samples a second": xr.Dataset({"x": ("time", np.zeros(8), {"sample_rate_hz": 3.5})}),
    "has nan samples a second": xr.Dataset({"x": ("time", np.zeros(8))}),
    "holds float16": xr.Dataset({"x": ("time", np.zeros(8, "f2"), {"sample_rate_hz": 10})}),
    "more dimensions than time": xr.Dataset({"x": (("time", "y"), np.zeros((8, 2)), {"sample_rate_hz": 10})}),
    "samples 3 and 4 of 'x' are": xr.Dataset(
        {"x": ("time", np.zeros(8))}, {"time": np.array([0, 1, 2, 3, 9, 10, 11, 14]) * 0.5}
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_jls_cannot_hold_is_refused(message, tmp_path):
    with pytest.raises(SelectionError, match=message):
        REFUSED[message].xjls.to_jls(tmp_path / "x.jls")
    assert list(tmp_path.iterdir()) == []


def test_parts_that_do_not_follow_each_other_are_refused(path, tmp_path):
    """Joined parts with a gap between their times would come out as if there were none."""
    how = {"data_vars": "all", "coords": "minimal", "join": "outer", "compat": "no_conflicts"}
    with xjls.open(path, signals="current", levels=False) as ds:
        parts = [ds.isel(time=slice(0, 500)), ds.isel(time=slice(900, 1500))]
        with pytest.raises(SelectionError, match="the times of 'current' have a gap"):
            xr.concat(parts, "time", **how).xjls.to_jls(tmp_path / "x.jls")
    assert list(tmp_path.iterdir()) == []


def test_files_are_not_overwritten_unless_told(path, tmp_path):
    target = tmp_path / "x.jls"
    target.write_bytes(b"precious")
    with xjls.open(path, signals="range") as ds:
        with pytest.raises(FileExistsError, match="overwrite=True"):
            ds.xjls.to_jls(target)
        assert target.read_bytes() == b"precious"
        ds.xjls.to_jls(target, overwrite=True)
    assert laws.equal_values(xjls.open_recording(target).read("range"), TRUTH["range"])


def test_progress_is_shown_where_it_is_asked_for(path, tmp_path, capsys):
    """On the error stream, as a notebook shows it; a terminal's cursor goes back to the beginning of the line."""
    with xjls.open(path, signals="fine") as ds:
        ds.xjls.to_jls(tmp_path / "a.jls")
        assert capsys.readouterr().err == ""
        ds.xjls.to_jls(tmp_path / "b.jls", progress=True)
        assert f"100% of {ds.fine.size:,} samples" in capsys.readouterr().err
        ds.xjls.to_zarr(tmp_path / "b.zarr", progress=True)
        assert f"100% of {ds.fine.size:,} samples" in capsys.readouterr().err


def test_lost_integers_become_a_gap(path, tmp_path):
    """What is filled with 0 is no sample: the new recording says so, as the old one did."""
    data = path.read_bytes()
    chunk = [c for c in chunks_of(data) if c.tag == 0x22 and c.meta == 3][50]
    (tmp_path / "bad.jls").write_bytes(flip(data, chunk.offset + 60))
    options = {"engine": "jls", "signals": "fine", "on_damage": "gap", "mask_and_scale": False}
    with xr.open_dataset(tmp_path / "bad.jls", **options) as ds:
        ds.xjls.to_jls(tmp_path / "x.jls")
    with (
        xjls.open_recording(tmp_path / "bad.jls", on_damage="gap") as old,
        xjls.open_recording(tmp_path / "x.jls") as new,
    ):
        valid = old.read_valid("fine")
        assert not valid.all()
        assert np.array_equal(new.read_valid("fine"), valid)
        assert np.array_equal(new.read("fine"), old.read("fine"))
        assert new.statistics("fine").count == valid.sum()


def test_what_fails_leaves_nothing_behind(path, tmp_path):
    """A damaged chunk raises as every read does; what was there stays."""
    data = path.read_bytes()
    chunk = [c for c in chunks_of(data) if c.tag == 0x22 and c.meta == 3][50]
    (tmp_path / "bad.jls").write_bytes(flip(data, chunk.offset + 60))
    (tmp_path / "x.jls").write_bytes(b"precious")
    with xjls.open(tmp_path / "bad.jls", signals="fine") as ds, pytest.raises(LostSamplesError, match="'fine'"):
        ds.xjls.to_jls(tmp_path / "x.jls", overwrite=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.jls", "x.jls"]
    assert (tmp_path / "x.jls").read_bytes() == b"precious"


def test_samples_of_a_recording_are_read_once(tmp_path, monkeypatch):
    """Also where only the samples tell which of them are none: marks of lost data."""
    counts = np.arange(30_000, dtype="i2")
    counts[700:900] = -32768
    path = write_picostream(tmp_path / "run.hdf5", counts)
    read, samples = PicoReader.read, []
    monkeypatch.setattr(PicoReader, "read", lambda *asked: samples.append(asked[2].length) or read(*asked))
    for scaled in (True, False):
        samples.clear()
        with xr.open_dataset(path, engine="jls", chunks={}, mask_and_scale=scaled) as ds:
            store = ds.xjls.to_zarr(tmp_path / f"{scaled}.zarr")
        assert sum(samples) == counts.size
        assert [str(gap.window) for gap in xjls.open_recording(store).skipped("channel_a")] == ["700–900"]
