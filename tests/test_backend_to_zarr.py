"""``ds.xjls.to_zarr``: what goes over is what was shown, the store opens as the recording did, plain Zarr reads it."""

import pickle
import subprocess
import sys

import dask
import dask.array as da
import fsspec
import numpy as np
import pytest
import xarray as xr

import xjls
from tests.several import FIRST_ID, K, truth_with, write_several
from xjls.errors import LostSamplesError, SelectionError
from xjls.formats.carry import carry
from xjls.formats.zarr.writer import ZarrWriter
from xjls.testing import laws, write_demo
from xjls.testing.jls2 import chunks_of, flip

TRUTH = truth_with(np.where(K % 999 == 5, np.nan, np.sin(K * 0.01)))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_several(tmp_path_factory.mktemp("to_zarr") / "run.jls", TRUTH)


@pytest.fixture
def small(monkeypatch):
    for name, value in (("SHARD_SAMPLES", 4096), ("CHUNK_SAMPLES", 1024), ("CHUNK_ENTRIES", 30)):
        monkeypatch.setattr(f"xjls.formats.zarr.stream.{name}", value)


def assert_same(one, other):
    """Hold two recordings to each other, noun by noun."""
    facts = (
        "id",
        "name",
        "units",
        "dtype",
        "rate_hz",
        "source",
        "window",
        "level_dtype",
        "scale_factor",
        "stored_type",
    )
    assert one.sources == other.sources
    assert list(one.signals) == list(other.signals)
    for name, signal in one.signals.items():
        for fact in facts:
            assert getattr(signal, fact) == getattr(other.signal(name), fact), (name, fact)
        if signal.has_samples:
            assert laws.equal_values(one.read(name), other.read(name)), name
            assert one.ties(name) == other.ties(name)
            assert one.gaps(name) == other.gaps(name)
    assert one.annotations == other.annotations
    assert one.user_data == other.user_data


@pytest.mark.filterwarnings("ignore:The specified chunks separate")
@pytest.mark.parametrize("codec", [None, "zstd"])
@pytest.mark.parametrize("chunks", [{}, {"time": 3001, "time_gpi": 777}, None])
def test_a_recording_comes_back_whole(path, tmp_path, small, chunks, codec):
    """Samples, types, ids, ties, annotations, user data and sources: equal, whatever the chunks; and so once more."""
    seen = []
    with xr.open_dataset(path, engine="jls", join="none", chunks=chunks) as ds:
        store = ds.xjls.to_zarr(tmp_path / "run.zarr", codec=codec, progress=lambda *done: seen.append(done))
    assert store == str(tmp_path / "run.zarr")
    assert seen[-1] == (100_000, 100_000)
    assert seen == sorted(seen)
    old, new = xjls.open_recording(path), xjls.open_recording(store)
    assert_same(old, new)
    assert new.check() == ()
    with xr.open_dataset(store, engine="jls", join="none", chunks={}) as ds:
        ds.xjls.to_jls(tmp_path / "back.jls")
    assert_same(old, xjls.open_recording(tmp_path / "back.jls"))


@pytest.mark.parametrize("name", ["s_v0.6.3", "out_v0.8.2", "out_v0.13.2"])
def test_recordings_of_other_releases_come_back_whole(unpacked, tmp_path, name):
    with xjls.open_recording(unpacked(name), on_damage="gap") as recording:
        with ZarrWriter(tmp_path / "carried.zarr") as writer:
            carry(recording, writer)
        with xjls.open(unpacked(name), join="none", levels=False, on_damage="gap") as ds:
            ds.xjls.to_zarr(tmp_path / "written.zarr")
        for store in ("carried.zarr", "written.zarr"):
            with xjls.open_recording(tmp_path / store) as copy:
                assert_same(recording, copy)
                assert copy.check() == ()


def test_the_demo_answers_as_the_original_does(tmp_path):
    """Statistics, columns, selections and integrals of a real recording's length, by either file."""
    demo = write_demo(tmp_path / "demo.jls", seconds=1)
    with xjls.open(demo) as ds, xjls.open(ds.xjls.to_zarr(tmp_path / "demo.zarr")) as back:
        assert list(back.data_vars) == list(ds.data_vars)
        span = slice("2026-03-01T10:00:00.21", "2026-03-01T10:00:00.84")
        one, other = ds.sel(time=span), back.sel(time=span)
        xr.testing.assert_identical(
            one[["current", "gpi[0]"]].load().drop_attrs(), other[["current", "gpi[0]"]].load().drop_attrs()
        )
        for answer in ("statistics", "integrate"):
            a, b = getattr(one.xjls, answer)(), getattr(other.xjls, answer)()
            xr.testing.assert_allclose(a, b, rtol=1e-6)
            assert b.current.attrs["exact"] == 1
        xr.testing.assert_allclose(one.xjls.columns(300), other.xjls.columns(300), rtol=1e-5)
        whole = other["voltage"].values.astype("f8")
        told = other.xjls.statistics("voltage").voltage
        np.testing.assert_allclose(told.sel(statistic=["mean", "std"]), [whole.mean(), whole.std()], rtol=1e-6)
        assert (told.sel(statistic="min"), told.sel(statistic="max")) == (whole.min(), whole.max())
        assert len(other.xjls.annotations) == len(one.xjls.annotations) > 0
        for name in ds.data_vars:
            np.testing.assert_allclose(back[name].values, ds[name].values, rtol=1e-6)


def test_plain_xarray_reads_it(path, tmp_path, small):
    with xjls.open(path, join="none") as ds:
        store = ds.xjls.to_zarr(tmp_path / "run.zarr")
    code = (
        "import sys, numpy as np, xarray as xr\n"
        "tree = xr.open_datatree(sys.argv[1], engine='zarr', chunks={})\n"
        "assert 'xjls' not in sys.modules\n"
        "assert tree['0/current'].chunks[0][0] == 1024\n"
        "assert np.isnan(tree['0/current'].values).sum() == 21\n"
        "assert (tree['0/fine'].values == (np.arange(20_000) - 10_000) / 256).all()\n"
        "assert tree['0/current'].dims == ('time',)\n"
        "level = tree['1/range'].sel(statistic='max').compute()\n"
        "assert (level == tree['0/range'][:19 * 1024].values.reshape(-1, 1024).max(1)).all()\n"
        "at, utc = tree['0/time_tie_index'].values, tree['0/time_tie_utc'].values\n"
        "assert np.interp(1000, at, utc.astype('i8')).astype('M8[ns]') > np.datetime64('2026-03-01T10:00:01')\n"
    )
    subprocess.run([sys.executable, "-c", code, store], check=True)


def test_a_part_keeps_its_place_in_time(path, tmp_path):
    """Sample ids, times and what was noted within it."""
    with xjls.open(path, signals=["current", "range"], join="inner") as ds:
        part = ds.isel(time=slice(300, 5000))
        store = part.xjls.to_zarr(tmp_path / "part.zarr")
        with xjls.open(store, join="inner", signals=["current", "range"]) as back:
            assert np.array_equal(back.time.values, part.time.values)
            assert np.array_equal(back.current.values, part.current.values, equal_nan=True)
            assert list(back.xjls.annotations.data) == ["early"]
            assert back.xjls.recording.signal("current").first_id == FIRST_ID + 300


def test_derived_signals_and_names_of_ones_own(path, tmp_path):
    with xjls.open(path, signals=["current", "fine"]) as ds:
        derived = ds.assign(power=ds.current * ds.fine, high=ds.current > 0).rename(current="i")
        store = derived.xjls.to_zarr(tmp_path / "derived.zarr", ["power", "high", "i"])
        with xjls.open(store) as back:
            assert (back.power.dtype, back.high.dtype, back.i.dtype) == (np.dtype("f8"), np.dtype("?"), np.dtype("f4"))
            for name in ("power", "high", "i"):
                assert np.array_equal(back[name].values, derived[name].values, equal_nan=name != "high")


def test_any_even_dataset_is_written(tmp_path):
    """Of any rate: what JLS refuses, a store keeps."""
    time = np.datetime64("2026-03-01T10:00:00", "ns") + np.arange(5000) * np.timedelta64(3, "ms")
    x = ("time", np.arange(5000.0), {"units": "V"})
    slow = ("t", np.arange(10), {"sample_rate_hz": 0.001})
    ds = xr.Dataset({"x": x, "slow": slow}, {"time": time})
    store = ds.xjls.to_zarr(tmp_path / "x.zarr")
    recording = xjls.open_recording(store)
    assert str(recording.signal("x").rate_hz) == "1000/3"
    assert str(recording.signal("slow").rate_hz) == "1/1000"
    assert recording.signal("x").units == "V"
    with xjls.open(store) as back, xr.open_datatree(store, engine="zarr") as tree:
        assert np.array_equal(back.x.time.values, time)
        assert np.array_equal(tree["0/x"].values, np.arange(5000.0))


REFUSED = {
    "has nan samples a second": xr.Dataset({"x": ("time", np.zeros(8))}),
    "holds float16, which no recording has": xr.Dataset({"x": ("time", np.zeros(8, "f2"), {"sample_rate_hz": 10})}),
    "more dimensions than time": xr.Dataset({"x": (("time", "y"), np.zeros((8, 2)), {"sample_rate_hz": 10})}),
    "samples 3 and 4 of 'x' are": xr.Dataset(
        {"x": ("time", np.zeros(8))}, {"time": np.array([0, 1, 2, 3, 9, 10, 11, 14]) * 0.5}
    ),
    "no variable of this Dataset holds samples": xr.Dataset(),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_no_recording_holds_is_refused(message, tmp_path):
    with pytest.raises(SelectionError, match=message):
        REFUSED[message].xjls.to_zarr(tmp_path / "x.zarr")
    assert list(tmp_path.iterdir()) == []


def test_parts_that_do_not_follow_each_other_are_refused(path, tmp_path):
    how = {"data_vars": "all", "coords": "minimal", "join": "outer", "compat": "no_conflicts"}
    with xjls.open(path, signals="current", levels=False) as ds:
        parts = [ds.isel(time=slice(0, 500)), ds.isel(time=slice(900, 1500))]
        with pytest.raises(SelectionError, match="the times of 'current' have a gap"):
            xr.concat(parts, "time", **how).xjls.to_zarr(tmp_path / "x.zarr")


def test_stores_are_not_overwritten_unless_told(path, tmp_path):
    with xjls.open(path, signals="range") as ds:
        store = ds.xjls.to_zarr(tmp_path / "x.zarr")
        with pytest.raises(FileExistsError, match="overwrite=True"):
            ds.isel(time=slice(0, 10)).xjls.to_zarr(store)
        assert xjls.open_recording(store).signal("range").length == 20_000
        ds.isel(time=slice(0, 10)).xjls.to_zarr(store, overwrite=True)
        assert xjls.open_recording(store).signal("range").length == 10
        with pytest.raises(SelectionError, match="codec='lz77' is none"):
            ds.xjls.to_zarr(tmp_path / "y.zarr", codec="lz77")
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.zarr"]


@pytest.fixture
def broken(path, tmp_path):
    """Return a copy of the recording in which samples of every signal are damaged."""
    data = path.read_bytes()
    for meta in (1, 2, 3, 4):
        chunks = [c for c in chunks_of(data) if c.tag == 0x22 and c.meta == meta]
        data = flip(data, chunks[len(chunks) // 2].offset + 60)
    (tmp_path / "bad.jls").write_bytes(data)
    return tmp_path / "bad.jls"


def test_what_fails_leaves_nothing_behind(broken, tmp_path):
    """A damaged chunk raises as every read does; what was there stays."""
    with xjls.open(broken, signals="fine") as ds:
        store = ds.isel(time=slice(0, 10)).xjls.to_zarr(tmp_path / "x.zarr")
        with pytest.raises(LostSamplesError, match="'fine'"):
            ds.xjls.to_zarr(store, overwrite=True)
    assert xjls.open_recording(store).signal("fine").length == 10
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["bad.jls", "x.zarr"]


@pytest.mark.parametrize("scaled", [True, False])
def test_lost_samples_stay_lost(broken, tmp_path, scaled):
    """As gaps, for the reason that they were lost for: nothing becomes a sample on the way, nor in entries."""
    with xr.open_dataset(broken, engine="jls", chunks={}, join="none", on_damage="gap", mask_and_scale=scaled) as ds:
        store = ds.xjls.to_zarr(tmp_path / "x.zarr")
        old, new = ds.xjls.recording, xjls.open_recording(store)
        for name, truth in TRUTH.items():
            valid = old.read_valid(name)
            assert not valid.all()
            assert laws.equal_values(new.read(name), old.read(name))
            assert np.array_equal(
                np.isfinite(new.read(name).astype("f4")) & new.read_valid(name),
                np.isfinite(truth.astype("f4")) & valid,
            )
            left = truth[valid & np.isfinite(truth.astype("f4"))]
            scale = old.signal(name).scale_factor
            found = new.statistics(name)
            assert (found.count, found.min, found.max) == (left.size, left.min() * scale, left.max() * scale)
        assert [gap.reason for gap in new.gaps("fine")] == ["the payload disagrees with its checksum"]
        with xr.open_dataset(store, engine="jls", join="none", mask_and_scale=scaled) as back:
            assert ("fine_valid" in back) == (not scaled)
            again = back.xjls.to_zarr(tmp_path / "again.zarr")
            assert_same(new, xjls.open_recording(again))
            back.xjls.to_jls(tmp_path / "again.jls")
            assert_same(new, xjls.open_recording(tmp_path / "again.jls"))


def test_it_goes_to_an_address(path):
    files = fsspec.filesystem("memory")
    try:
        with xjls.open(path, join="none") as ds:
            store = ds.xjls.to_zarr("memory://lab/run.zarr")
            assert store == "memory://lab/run.zarr"
            assert_same(ds.xjls.recording, xjls.open_recording(store))
            with xjls.open(store, join="none") as back:
                assert np.array_equal(back.gpi.values, TRUTH["gpi"])
            with pytest.raises(FileExistsError, match="memory://lab/run"):
                ds.xjls.to_zarr(store)
            with xr.open_datatree(store, engine="zarr") as tree:
                assert np.array_equal(tree["0/gpi"].values, TRUTH["gpi"])
    finally:
        files.rm("/lab", recursive=True)


def test_a_remote_store_that_fails_is_none(broken):
    files = fsspec.filesystem("memory")
    try:
        with xjls.open(broken, signals="fine") as ds, pytest.raises(LostSamplesError, match="'fine'"):
            ds.xjls.to_zarr("memory://lab/run.zarr")
        with pytest.raises((xjls.NotRecognizedError, FileNotFoundError)):
            xjls.open_recording("memory://lab/run.zarr")
    finally:
        if files.exists("/lab"):
            files.rm("/lab", recursive=True)


def test_pieces_are_computed_one_after_the_other(tmp_path, bounded_memory):
    """A gigabyte of samples, most of a chunk's size in memory at a time; dask makes them as they are needed."""
    x = da.from_array(np.float32(1), chunks=()) + da.arange(250_000_000, chunks=4_000_000, dtype="f4") % 7
    ds = xr.Dataset({"x": ("time", x, {"sample_rate_hz": 1_000_000})})
    with dask.config.set(scheduler="synchronous"):
        store = ds.xjls.to_zarr(tmp_path / "x.zarr")
    found = xjls.open_recording(store).statistics("x", nans="trust")
    assert (found.count, found.min, found.max) == (250_000_000, 1, 7)


def test_a_cluster_computes_and_the_client_writes(path, tmp_path):
    distributed = pytest.importorskip("distributed")
    how = {"n_workers": 1, "threads_per_worker": 2, "processes": False, "dashboard_address": None}
    with distributed.LocalCluster(**how) as cluster, distributed.Client(cluster), xjls.open(path, join="none") as ds:
        doubled = ds.assign(twice=(ds.current * 2).assign_attrs(ds.current.attrs))
        store = doubled.xjls.to_zarr(tmp_path / "x.zarr", ["current", "twice"])
    with xjls.open(store) as back:
        assert np.array_equal(back.twice.values, TRUTH["current"] * 2, equal_nan=True)


def test_tasks_on_a_store_carry_its_path(path, tmp_path):
    with xjls.open(path, join="none") as ds:
        store = ds.xjls.to_zarr(tmp_path / "x.zarr")

    with xjls.open(store, join="none") as back:
        assert len(pickle.dumps(back.current.data)) < 5000
        with dask.config.set(scheduler="processes", num_workers=1):
            assert int(back.gpi.sum()) == TRUTH["gpi"].sum()
