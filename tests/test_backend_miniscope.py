"""Miniscopes as labelled Datasets: what xarray's doors give, lazily, by labels and elsewhere."""

import pickle
import subprocess
import sys
import tracemalloc

import dask
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import xjls
from tests.miniscopes import (
    MAKERS,
    OPENED,
    UNIX,
    WITHOUT_FRAMES,
    frames_signal,
    how_to_open,
    opened,
    signal,
)
from xjls.backend import arrays, labelled
from xjls.backend.labelled import CHUNK_BYTES, LabelAxis, label_coordinates
from xjls.backend.utc_array import are_utc, as_utc
from xjls.formats.miniscope import reader
from xjls.model.bounds import Quantity
from xjls.model.window import Window
from xjls.testing import write_demo

# ---- what is there -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunks", [None, {}], ids=["lazy", "dask"])
@pytest.mark.parametrize("name", OPENED)
def test_every_scenario_is_what_the_truth_says(tmp_path, name, chunks):
    made, ds = opened(tmp_path, name, chunks)
    truth = made.truth
    with ds:
        np.testing.assert_array_equal(ds.frame.values, truth.device_frame)
        np.testing.assert_array_equal(ds.buffer_present.values, truth.present)
        np.testing.assert_array_equal(ds.n_missing.values, (~truth.present).sum(axis=1))
        assert (ds.image.dims, ds.image.dtype) == (("frame", "height", "width"), truth.frames.dtype)
        same = (ds.image.values == truth.frames).all(axis=(1, 2))
        np.testing.assert_array_equal(same, ~(truth.present & ~truth.intact).any(axis=1))
        at = np.searchsorted(ds.bit_offset.values, truth.bit_offset)
        np.testing.assert_array_equal(ds.bit_offset.values[at], truth.bit_offset)
        np.testing.assert_array_equal(ds.header_ok.values[at], truth.header_ok)
        np.testing.assert_array_equal(ds.buffer.values, np.arange(ds.sizes["buffer"]))
        for dim in ("height", "width", "slot"):
            np.testing.assert_array_equal(ds.indexes[dim], pd.RangeIndex(ds.sizes[dim]), strict=True)
            assert isinstance(ds.indexes[dim], pd.RangeIndex)
        number, good = ds.frame_number.values[at], truth.header_ok
        np.testing.assert_array_equal(number[good] & 0xFFFF_FFFF, truth.columns["frame_num"][good] & 0xFFFF_FFFF)
        assert np.isin(number[good], ds.frame.values).all()
        assert (number[~good] == -1).all()
        for attrs in (ds.attrs, ds.image.attrs):
            told = [attrs[name] for name in ("missing_buffers", "lost_between", "duplicate_buffers", "frames")]
            assert told == [truth.missing, truth.lost_between, truth.duplicates, len(truth.frames)]
        coordinates = {"frame", "buffer", "time", "header_ok", "bit_offset", "frame_number", "header_flags"}
        assert coordinates <= set(ds.coords) | ({"time"} if "time" not in ds else set())
        assert set(ds.data_vars) == {"image", "buffer_present", "n_missing"}
        assert ds.image.attrs["ancillary_variables"] == "buffer_present"


@pytest.mark.parametrize("name", WITHOUT_FRAMES)
def test_what_has_no_frames_is_refused(tmp_path, name):
    with pytest.raises(xjls.NotRecognizedError, match="Is the configuration that of this stream"):
        opened(tmp_path, name)


def test_attributes_say_what_things_are(tmp_path):
    _, ds = opened(tmp_path, "lost_20_percent")
    with ds:
        assert ds.image.attrs["nominal_rate_hz"] == 20
        assert {"sample_rate_hz", "first_sample_id"}.isdisjoint(ds.image.attrs)
        assert ds.time.attrs["units"] == ds.time_buffer.attrs["units"] == "s"
        assert ds.battery_voltage.attrs["units"] == "V"
        flags = ds.header_flags.attrs
        assert flags["flag_masks"].dtype == ds.header_flags.dtype
        assert flags["flag_masks"].tolist() == [1 << bit for bit in range(8)]
        assert flags["flag_meanings"].split() == [
            "crc", "counters", "ring", "pixels", "slot", "message", "cut_off", "far",
        ]  # fmt: skip
        assert (ds.attrs["format"], ds.attrs["Conventions"]) == ("miniscope", "CF-1.11")
        told = {"frames", "complete_frames", "empty_frames", "missing_buffers", "quarantined_buffers", "cut_buffers"}
        assert told <= ds.attrs.keys()
        assert len(repr(ds).splitlines()) < 50
        assert "NaN" not in repr(ds.image.attrs)


def test_every_door_opens_the_same(tmp_path):
    made, ds = opened(tmp_path, "frames_lost")
    how = how_to_open(made.config)
    with ds, xjls.open(made.path, **how) as chunked, xr.open_dataset(made.path, engine="jls", group="0", **how) as zero:
        xr.testing.assert_identical(ds.load(), chunked.load())
        xr.testing.assert_identical(ds, zero.load())
    with xr.open_datatree(made.path, engine="jls", **how) as tree:
        assert list(tree.children) == ["0"]
        xr.testing.assert_identical(tree["0"].to_dataset().load(), ds)
        assert not tree.ds.variables
    with xr.open_mfdataset([made.path], engine="jls", combine="nested", concat_dim="frame", **how) as several:
        np.testing.assert_array_equal(several.image.values, ds.image.values)
    with pytest.raises(xjls.SelectionError, match=r"no group '1' .*Groups: 0\.$"):
        xjls.open(made.path, group="1", **how)
    with pytest.raises(xjls.SelectionError, match=r"no level 1 .*Levels: none\.$"):
        xjls.open(made.path, levels=[1], signals="image", **how).close()
    with pytest.raises(xjls.XjlsError, match="no format"):
        xr.open_dataset(made.path, engine="jls", format="minscope")


def test_other_formats_can_be_named(tmp_path):
    path = write_demo(tmp_path / "run.jls", seconds=0.1)
    with xjls.open(path, format="JLS v2") as named, xjls.open(path) as found:
        assert named.current.equals(found.current)
    with pytest.raises(xjls.NotRecognizedError):
        xjls.open(path, format="PicoStream")


# ---- lazily --------------------------------------------------------------------------------------------------------


@pytest.fixture
def pixels_read(monkeypatch):
    """Return a list that gets the frames [start, stop) of every read of pixels."""
    seen = []

    def read_frames(data, grid, start, stop, *args, **options):
        seen.append((start, stop))
        return original(data, grid, start, stop, *args, **options)

    original = reader.read_frames
    monkeypatch.setattr(reader, "read_frames", read_frames)
    return seen


def cut_by(monkeypatch, n):
    """Make dask chunks of so many frames of 16 × 16 pixels."""
    monkeypatch.setattr(labelled, "CHUNK_BYTES", 256 * n)


@pytest.mark.parametrize("chunks", [None, {}], ids=["lazy", "dask"])
def test_pixels_are_read_when_they_are_asked_for(tmp_path, pixels_read, chunks):
    made, ds = opened(tmp_path, "lost_5_percent", chunks)
    with ds:
        part = ds.isel(frame=slice(4, 8)).swap_dims(frame="time")
        assert repr(ds) + repr(part)
        assert ds.nbytes > ds.image.nbytes
        assert ds.time.values[0] == part.time.values[0] - (ds.time.values[4] - ds.time.values[0])
        assert ds.n_missing.values.sum() == made.truth.missing
        assert not pixels_read
        np.testing.assert_array_equal(part.image.values, made.truth.frames[4:8])
        assert pixels_read == [(4, 8)]


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_chunks_of_any_size_are_the_same_frames(tmp_path, monkeypatch, size):
    cut_by(monkeypatch, size)
    made, ds = opened(tmp_path, "lost_20_percent", {})
    with ds:
        assert ds.image.chunksizes["frame"][0] == min(size, len(ds.frame))
        np.testing.assert_array_equal(ds.image.values, made.truth.frames)
        np.testing.assert_array_equal(ds.image.max("frame").values, made.truth.frames.max(axis=0))
        kept = ds.image.where(ds.n_missing == 0).mean("frame").values
        np.testing.assert_allclose(kept, made.truth.frames[made.truth.present.all(axis=1)].mean(axis=0))


@pytest.mark.parametrize(
    ("shape", "dtype", "length", "block", "chunk"),
    [
        ((200, 200), "u1", 10**6, 1, CHUNK_BYTES // 40_000),
        ((1000, 1000), "u2", 10**5, 1, 16),
        ((1000, 1000), "u1", 10**5, 10, 30),
        ((1000, 1000), "u1", 10**5, 100, 33),
        ((9000, 9000), "u1", 100, 1, 1),
        ((200, 200), "u1", 10**8, 25, 5000),
    ],
)
def test_chunks_hold_whole_frames_of_some_megabytes(shape, dtype, length, block, chunk):
    one = frames_signal(1, sample_shape=shape, dtype=np.dtype(dtype), block_length=block)
    narrow = signal("time", id=2, axis="frame", dtype=np.dtype("f8"), block_length=8192)
    members = (Quantity("image", (one,)), Quantity("time", (narrow,)))
    assert LabelAxis("frame", "frame", members, Window(5, 5 + length)).chunk == chunk


def test_variables_of_an_axis_are_cut_alike(tmp_path):
    _, ds = opened(tmp_path, "golden_200px", {})
    with ds:
        preferred = {name: one.encoding["preferred_chunks"] for name, one in ds.data_vars.items()}
        assert preferred["image"] == {"frame": 10, "height": 200, "width": 200}
        assert preferred["buffer_present"] == {"frame": 10, "slot": 8}
        assert ds.chunks["frame"] == (10,)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_part_of_frames_is_that_part_of_the_truth(tmp_path_factory, data):
    made, ds = opened(tmp_path_factory.mktemp("part"), "wide", data.draw(st.sampled_from([None, {}])))
    if ds.chunks:
        ds = ds.chunk(frame=2)
    keys = {dim: data.draw(keys_of(size), label=dim) for dim, size in ds.image.sizes.items()}
    expected = made.truth.frames
    for axis, key in reversed(list(enumerate(keys.values()))):
        expected = expected[(slice(None),) * axis + (key,)]
    with ds:
        np.testing.assert_array_equal(ds.image.isel(keys).values, expected)


def keys_of(size):
    bound = st.none() | st.integers(-size - 2, size + 2)
    slices = st.builds(slice, bound, bound, st.sampled_from([None, 1, 2, 5, -1, -3]))
    lists = st.lists(st.integers(-size, size - 1), max_size=4).map(lambda found: np.array(found, np.int64))
    return slices | st.integers(0, size - 1) | lists


def test_a_pixel_of_all_frames_is_read_piece_by_piece(tmp_path, monkeypatch, pixels_read):
    made, ds = opened(tmp_path, "lost_5_percent")
    monkeypatch.setattr(arrays, "PIECE", 3 * ds.image[0].size)
    with ds:
        np.testing.assert_array_equal(ds.image[:, 3, 2:4].values, made.truth.frames[:, 3, 2:4])
        assert max(stop - start for start, stop in pixels_read) == 3
        np.testing.assert_array_equal(ds.image[::-2, 3].values, made.truth.frames[::-2, 3])
        np.testing.assert_array_equal(ds.image[5:5, 3].values, made.truth.frames[5:5, 3])


def test_one_piece_is_not_copied(tmp_path, monkeypatch):
    made = MAKERS["wide"](tmp_path)
    frames = made.truth.frames
    monkeypatch.setattr(arrays.SamplesArray, "_read", lambda self, start, stop: frames[start:stop])
    with xjls.open_recording(made.path, **how_to_open(made.config)) as recording:
        array = arrays.SamplesArray(recording, "image", recording.signal("image").window)
        every = slice(None)
        assert np.shares_memory(array._get((every, 3, every)), frames)
        monkeypatch.setattr(arrays, "PIECE", 1)
        np.testing.assert_array_equal(array._get((every, 3, every)), frames[:, 3])


def test_pointwise_selection_takes_one_pixel_of_each_frame(tmp_path):
    made, ds = opened(tmp_path, "wide")
    n = ds.sizes["frame"]
    row, column = (np.arange(n) * step % ds.sizes[dim] for step, dim in ((3, "height"), (5, "width")))
    with ds:
        found = ds.image.isel(frame=xr.DataArray(range(n), dims="p"), height=("p", row), width=("p", column))
        np.testing.assert_array_equal(found.values, made.truth.frames[np.arange(n), row, column])


# ---- labels --------------------------------------------------------------------------------------------------------


def test_labels_take_no_memory():
    tracemalloc.start()
    try:
        window = Window(12_821, 12_821 + 10**7)
        ds = label_coordinates(LabelAxis("frame", "frame", (), window)).to_dataset()
        part = ds.sel(frame=slice(5_000_000, 9_000_000)).isel(frame=slice(10, None))
        at = ds.sel(frame=12_830).frame.item(), part.frame[0].item(), ds.sizes["frame"]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert at == (12_830, 5_000_010, 10**7)
    assert peak < 2_000_000


def test_frames_are_selected_by_their_number(tmp_path):
    made, ds = opened(tmp_path, "frames_lost")
    first = int(made.truth.device_frame[0])
    with ds:
        assert isinstance(ds.indexes["frame"], pd.RangeIndex)
        assert ds.frame.dtype == ds.buffer.dtype == np.int64
        np.testing.assert_array_equal(ds.image.sel(frame=first + 2).values, made.truth.frames[2])
        np.testing.assert_array_equal(ds.image.sel(frame=slice(first + 1, first + 3)).values, made.truth.frames[1:4])
        np.testing.assert_array_equal(ds.image.sel(frame=[first + 3, first]).values, made.truth.frames[[3, 0]])
        assert ds.sel(frame=first - 5, method="nearest").frame == first
        with pytest.raises(KeyError):
            ds.sel(frame=first - 1)


def test_frames_are_selected_by_time(tmp_path):
    made, ds = opened(tmp_path, "lost_5_percent", {})
    with ds:
        times = ds.time.values
        by_time = ds.swap_dims(frame="time")
        part = by_time.sel(time=slice(times[3], times[6]))
        np.testing.assert_array_equal(part.image.values, made.truth.frames[3:7])
        np.testing.assert_array_equal(part.frame.values, made.truth.device_frame[3:7])
        nearest = by_time.sel(time=times[5] + 0.001, method="nearest")
        np.testing.assert_array_equal(nearest.image.values, made.truth.frames[5])
        stamps = np.where(made.truth.header_ok, made.truth.columns["timestamp"] / 1000, np.nan)
        at = np.searchsorted(ds.bit_offset.values, made.truth.bit_offset)
        np.testing.assert_array_equal(ds.time_buffer.values[at], stamps)
        assert by_time.xjls.statistics("n_missing").n_missing.sel(statistic="max") == ds.n_missing.max()


def test_frames_without_a_time_are_left_out_for_it(tmp_path):
    made, ds = opened(tmp_path, "frames_lost")
    empty = ~made.truth.present.any(axis=1)
    with ds:
        np.testing.assert_array_equal(np.isnan(ds.time.values), empty)
        timed = ds.isel(frame=ds.time.notnull().values).swap_dims(frame="time")
        assert timed.indexes["time"].is_monotonic_increasing
        last = timed.sel(time=slice(float(timed.time[-1]), None))
        np.testing.assert_array_equal(last.image.values, made.truth.frames[~empty][-1:])


def test_host_times_are_utc(tmp_path):
    made = MAKERS["middle_buffer_lost"](tmp_path)
    csv = tmp_path / "times.csv"
    counts = made.truth.columns["buffer_count"]
    began = 1_772_359_200.000125
    rows = [f"{count},{began + 0.002 * i:.6f}" for i, count in enumerate(counts.tolist()) if i != 3]
    csv.write_text("\n".join(["buffer_count,buffer_recv_unix_time", *rows]) + "\n")
    how = how_to_open(made.config, host_times=csv)
    with xjls.open(made.path, **how) as ds:
        ns = as_utc(np.array([float(f"{began + 0.002 * i:.6f}") for i in range(len(counts))]))
        ns[3] = np.datetime64("NaT")
        at = np.searchsorted(ds.bit_offset.values, made.truth.bit_offset)
        assert ds.host_time_buffer.dtype == ds.host_time.dtype == np.dtype("M8[ns]")
        np.testing.assert_array_equal(ds.host_time_buffer.values[at], ns)
        assert "units" not in ds.host_time.attrs
        np.testing.assert_array_equal(ds.host_time.values[0], ns[0])
        by_host = ds.swap_dims(frame="host_time").sel(host_time=slice("2026-03-01T10:00:00.004", None))
        assert 0 < by_host.sizes["host_time"] < ds.sizes["frame"]
        ds.to_zarr(tmp_path / "plain.zarr", zarr_format=3, consolidated=False)
        with xr.open_zarr(tmp_path / "plain.zarr", consolidated=False) as back:
            xr.testing.assert_equal(back.load(), ds.load())
    for said in ({"time": "seconds"}, {"decode_times": False}):
        with xr.open_dataset(made.path, engine="jls", **said, **how) as ds:
            assert (ds.host_time.dtype, ds.host_time.attrs["units"]) == (np.float64, UNIX)


def test_other_host_times_are_another_content(tmp_path):
    made = MAKERS["middle_buffer_lost"](tmp_path)
    csv = tmp_path / "times.csv"
    tokens = []
    first, second = made.truth.columns["buffer_count"][:2]
    for rows in (f"{first},1.5\n", f"{first},1.5\n{second},2.5\n"):
        csv.write_text("buffer_count,buffer_recv_unix_time\n" + rows)
        with xjls.open_recording(made.path, **how_to_open(made.config, host_times=csv)) as recording:
            tokens.append(recording.token)
    assert tokens[0] != tokens[1]


def test_seconds_become_times_to_the_nanosecond():
    seconds = np.array([[0.0, -1.25, 1_772_359_200.000125], [np.nan, np.inf, 4e9 + 0.5]])
    expected = [[0, -1_250_000_000, 1_772_359_200_000_124_931], ["NaT", "NaT", 4_000_000_000_500_000_000]]
    np.testing.assert_array_equal(as_utc(seconds), np.array(expected, "M8[ns]"))
    assert are_utc("seconds since 1970-01-01 00:00:00")
    assert not are_utc("seconds since 1970-01-01T00:00:00+01:00")


# ---- elsewhere -----------------------------------------------------------------------------------------------------


def test_datasets_pickle_by_path(tmp_path):
    made, ds = opened(tmp_path, "lost_5_percent", {})
    with ds:
        packed = pickle.dumps(ds.image)
        assert len(packed) < 20_000
        np.testing.assert_array_equal(pickle.loads(packed).values, made.truth.frames)
    made, ds = opened(tmp_path, "lost_5_percent")
    with ds:
        again = pickle.loads(pickle.dumps(ds))
        np.testing.assert_array_equal(again.image[2:4].values, made.truth.frames[2:4])
        assert isinstance(again.indexes["frame"], pd.RangeIndex)


def test_names_of_tasks_follow_from_what_is_opened(tmp_path):
    made, ds = opened(tmp_path, "lost_5_percent", {})
    how = how_to_open(made.config)
    with ds, xr.open_dataset(made.path, engine="jls", chunks={}, **how) as again:
        assert again.image.data.name == ds.image.data.name
        assert len(ds.image.__dask_graph__()) <= len(ds.image.chunks[0]) + 3
    with xr.open_dataset(made.path, engine="jls", **how) as ds:
        (one, two) = (dask.base.tokenize(d.image.variable._data) for d in (ds, ds.copy()))
        assert one == two != dask.base.tokenize(ds.n_missing.variable._data)


def test_a_cluster_reads_frames(tmp_path, monkeypatch):
    cut_by(monkeypatch, 6)
    distributed = pytest.importorskip("distributed")
    made, ds = opened(tmp_path, "lost_20_percent", {})
    how = {"n_workers": 1, "threads_per_worker": 2, "processes": False, "dashboard_address": None}
    with distributed.LocalCluster(**how) as cluster, distributed.Client(cluster), ds:
        found = ds.image.where(ds.n_missing == 0).mean("frame").compute()
    np.testing.assert_allclose(found, made.truth.frames[made.truth.present.all(axis=1)].mean(axis=0))


def test_other_processes_read_frames(tmp_path, monkeypatch):
    cut_by(monkeypatch, 20)
    made, ds = opened(tmp_path, "lost_5_percent", {})
    with ds, dask.config.set(scheduler="processes", num_workers=1):
        assert int(ds.image.astype("i8").sum()) == made.truth.frames.sum(dtype="i8")


def test_a_glance_at_frames_reads_no_pixels(tmp_path, pixels_read):
    made = MAKERS["lost_5_percent"](tmp_path)
    with xjls.open_recording(made.path, **how_to_open(made.config)) as recording:
        html = recording._repr_html_()
    assert not pixels_read
    assert "16 × 16 uint8 a frame" in html
    assert "also: time, linked_list" in html
    assert "of 160 buffers missing" in html


def test_opening_imports_nothing_heavy(tmp_path):
    made = MAKERS["golden_tiny"](tmp_path)
    code = (
        "import sys, xjls\n"
        f"ds = xjls.open({str(made.path)!r}, **{how_to_open(made.config)!r})\n"
        "repr(ds); ds.close()\n"
        "print([m for m in ('matplotlib', 'distributed', 'IPython') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "[]"
