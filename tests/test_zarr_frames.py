"""Frames in Zarr stores: whole, of any shape and cut, and as plain xarray and zarr find them."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

import xjls
from tests.frame_stores import (
    SCOPE,
    TIME,
    H,
    W,
    assert_plain,
    assert_same,
    framed,
    noise,
    opened,
    pixels,
    small_frames,
    writing,
)
from tests.zarr_stores import described, size_of
from xjls.formats import carry
from xjls.formats.carry import PIECE_BYTES
from xjls.formats.memory import MemorySink
from xjls.model.window import Gap, Window
from xjls.testing.laws import equal_values

SCENARIOS = (
    "golden_200px", "wide", "one_buffer_a_frame", "depth_12_msb", "layout_stream_protobuf", "counters_wrap",
    "frames_lost", "lost_20_percent", "starts_inside_a_frame", "header_of_noise", "card_304px", "card_with_frame_lost",
    "card_without_buffers",
)  # fmt: skip


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_recording_goes_into_a_store_and_back(tmp_path, name):
    recording = opened(tmp_path, name)
    with xjls.formats.new_recording(tmp_path / "run.zarr") as sink:
        assert carry(recording, sink) == {}
    with xjls.open_recording(tmp_path / "run.zarr") as found:
        assert_same(found, recording)
        assert found.check() == ()
        assert found.user_data == recording.user_data
        assert found.status.size_bytes == size_of(tmp_path / "run.zarr")
        assert pickle.loads(pickle.dumps(found)).read("image").shape == recording.read("image").shape
    assert_plain(tmp_path / "run.zarr", recording)


SHAPES = st.lists(st.integers(1, 5), max_size=3).map(tuple)


TYPES = st.sampled_from(["u8", "u16", "i32", "f32", "f64", "u1", "u4"])


BLOCKS = st.lists(st.tuples(st.booleans(), st.integers(0, 40)), max_size=8)


@settings(max_examples=60, deadline=None)
@given(
    shape=SHAPES, stored_type=TYPES, blocks=BLOCKS, first_id=st.integers(-9, 10**6),
    codec=st.sampled_from([None, "zstd", "blosc", "auto"]), chunk=st.sampled_from([1, 4, 64, 1024]),
)  # fmt: skip
def test_what_is_written_is_read(tmp_path_factory, shape, stored_type, blocks, first_id, codec, chunk):
    """Any shapes, types, cuts and gaps: by us and by zarr the array and the mask that were written."""
    store = tmp_path_factory.mktemp("any") / "run.zarr"
    signal = framed("image", shape, stored_type)
    samples, valid = [noise(0, stored_type, 0, shape)], []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xjls.formats.zarr.stream.SHARD_SAMPLES", 4 * chunk)
        patch.setattr("xjls.formats.zarr.stream.CHUNK_SAMPLES", chunk)
        with writing(store, signal, codec=codec) as writer:
            for i, (is_gap, length) in enumerate(blocks):
                at = first_id + len(valid)
                block = noise(i, stored_type, length, shape)
                if is_gap:
                    writer.skip("image", Gap(Window(at, at + length), "lost"))
                    block[...] = np.nan if block.dtype.kind == "f" else 0
                else:
                    writer.write("image", at, block)
                samples.append(block)
                valid += [not is_gap] * length
    truth = np.concatenate(samples)
    with xjls.open_recording(store) as recording:
        found = recording.signal("image")
        assert (found.window.length, found.sample_shape, found.level_factors) == (len(truth), shape, ())
        assert equal_values(recording.read("image"), truth)
        assert np.array_equal(recording.read_valid("image"), np.array(valid, np.bool_))
        part = Window(found.first_id + len(truth) // 3, found.first_id + len(truth) * 2 // 3)
        out = np.empty(found.shape_of(part), found.dtype)
        assert recording.read("image", part, out=out) is out
        assert equal_values(out, truth[len(truth) // 3 : len(truth) * 2 // 3])
        assert recording.check() == ()
    group = zarr.open_group(store, mode="r")
    assert equal_values(group["0/image"][:], truth)
    assert np.array_equal(group["0/frame"][:], np.arange(len(truth)) + (found.first_id if len(truth) else 0))


@pytest.fixture
def small(monkeypatch):
    small_frames(monkeypatch)


@pytest.mark.parametrize(("side", "shard", "chunk"), [(200, 400, 25), (1100, 13, 1), (4100, 1, 1)])
def test_shards_are_of_16_megabytes_and_chunks_of_one(tmp_path, side, shard, chunk):
    for grows in (False, True):
        store = tmp_path / f"{grows}.zarr"
        with writing(store, framed("image", (side, side)), grows=grows) as writer:
            writer.write("image", 0, np.zeros((1, side, side), "u1"))
            writer.skip("image", Gap(Window(1, 900), "lost"))
            writer.write("image", 900, np.ones((1, side, side), "u1"))
        found = zarr.open_group(store, mode="r")["0/image"]
        assert (found.shards, found.chunks) == ((shard, side, side), (chunk, side, side))
        assert sum(1 for _ in (store / "0/image").glob("c.*")) == len({0, 900 // shard})
        assert found[900].all()


@pytest.mark.parametrize(("codec", "expected"), [("auto", True), ("zstd", True), ("blosc", True), (None, False)])
def test_frames_are_compressed_as_samples_are(tmp_path, codec, expected):
    with writing(tmp_path / "run.zarr", framed("image", (50, 50)), codec=codec) as writer:
        writer.write("image", 0, np.full((40, 50, 50), 7, "u1"))
    assert ((tmp_path / "run.zarr/0/image/c.0.0.0").stat().st_size < 50_000) == expected
    assert (zarr.open_group(tmp_path / "run.zarr", mode="r")["0/image"][:] == 7).all()


def test_what_is_copied_at_a_time_is_bounded_by_bytes(tmp_path):
    class Counting(MemorySink):
        most = 0

        def write(self, name, first_id, samples):
            Counting.most = max(Counting.most, samples.nbytes)
            super().write(name, first_id, samples)

    with writing(tmp_path / "run.zarr", framed("image", (700, 900))) as writer:
        for i in range(30):
            writer.write("image", i, np.full((1, 700, 900), i, "u1"))
    with xjls.open_recording(tmp_path / "run.zarr") as recording, Counting() as sink:
        carry(recording, sink)
        assert 630_000 < Counting.most <= PIECE_BYTES
        assert_same(sink.recording, recording)


def test_frames_are_held_in_memory(tmp_path):
    """The memory sink has the same of them: samples, gaps and facts, also while it grows."""
    recording = opened(tmp_path, "frames_lost")
    with MemorySink() as sink:
        assert carry(recording, sink) == {}
        found = sink.recording
        assert_same(found, recording)
        assert found.signal("image").level_factors == ()
        shape = recording.signal("image").shape_of(recording.signal("image").window)
        out = np.empty(shape, "u1")
        assert found.read("image", out=out) is out
        with pytest.raises(ValueError, match=r"out is uint8\[3\], needed is .*Make it with np\.empty"):
            found.read("image", out=np.empty(3, "u1"))


def test_a_long_gap_of_frames_is_free_in_memory():
    with MemorySink() as sink:
        sink.add_source(SCOPE)
        sink.add_signal(framed("image", (200, 200)))
        sink.skip("image", Gap(Window(0, 10_000), "lost"))
        sink.write("image", 10_000, np.ones((1, 200, 200), "u1"))
        assert sink.recording.read("image", (9_999, 10_001)).mean(axis=(1, 2)).tolist() == [0, 1]
        assert sink.gap_bytes("image", 10**6) <= 1 << 20


def test_two_cameras_and_a_series_share_a_store(tmp_path, small):
    """Dimensions of other sizes, sources and axes have other names; time is that of the series alone."""
    store, other = tmp_path / "run.zarr", xjls.Source(id=4, name="behaviour")
    big = framed("video", (5, 6), number=5, source=other)
    named = framed("width", (), "f32", number=6)
    lead = described("lead", "f32", number=7, source=other)
    with writing(store, framed(), TIME, big, named, lead) as writer:
        for name, shape in (("image", (H, W)), ("video", (5, 6))):
            writer.write(name, 10, pixels(10, 40, shape))
        writer.write("time", 10, np.arange(30) / 20)
        writer.write("width", 10, np.ones(30, "f4"))
        writer.write("lead", 0, np.arange(10_000, dtype="f4"))
    with xr.open_datatree(store, engine="zarr") as tree:
        ds = tree["0"].to_dataset()
        assert ds.image.dims == ("frame", "height", "width")
        assert ds.video.dims == ("frame_video", "height_video", "width_video")
        assert ds.lead.dims == ("sample_time",)
        assert ds.time.dims == ds.width_2.dims == ("frame",)
        assert tree["1/lead"].dims == ("time", "statistic")
        assert not {"image", "video", "time", "width_2"} & set(tree["1"].variables)
        assert np.array_equal(ds.frame_video, np.arange(10, 40))
    with xjls.open_recording(store) as recording:
        assert np.array_equal(recording.read("video"), pixels(10, 40, (5, 6)))
        assert recording.statistics("lead").max == 9999
        assert recording.signal("width").axis == "frame"


@pytest.mark.parametrize(
    ("name", "dim"),
    [("timestamp", "time"), ("time_buffer", "time"), ("time", "sample_time"), ("TIME_tie_index", "sample_time"),
     ("time_lead", "sample_time"), ("time_lead_tie_utc", "sample_time")],
)  # fmt: skip
def test_axes_of_series_are_called_time_unless_frames_have_what_is_called_so(tmp_path, name, dim):
    named = replace(TIME, name=name, axis="buffer")
    lead = described("lead", "f32", number=7, source=xjls.Source(id=4, name="behaviour"))
    with writing(tmp_path / "run.zarr", named, lead) as writer:
        writer.write(name, 10, np.arange(30) / 20)
        writer.write("lead", 0, np.arange(10_000, dtype="f4"))
    with xr.open_zarr(tmp_path / "run.zarr", group="0", chunks=None) as ds:
        assert ds.lead.dims == (dim,)
        assert ds[name].values.tolist() == (np.arange(30) / 20).tolist()


def test_signals_of_other_lengths_have_axes_of_their_own_at_the_end(tmp_path):
    with writing(tmp_path / "run.zarr", framed(), TIME, framed("empty", (), "f32", number=3)) as writer:
        writer.write("image", 5, pixels(5, 9))
        writer.write("time", 5, np.zeros(6))
    with xr.open_zarr(tmp_path / "run.zarr", group="0", chunks=None) as ds:
        assert (ds.image.dims[0], ds.time.dims, ds.empty.dims) == ("frame", ("frame_time",), ("frame_empty",))
        assert [ds.sizes[dim] for dim in ("frame", "frame_time", "frame_empty")] == [4, 6, 0]
        assert ds.frame_time.values.tolist() == list(range(5, 11))


def test_a_coordinate_of_an_axis_without_data_is_one(tmp_path):
    """Where all signals of an axis describe it, the group says so."""
    with writing(tmp_path / "run.zarr", replace(TIME, name="bit_offset", axis="buffer")) as writer:
        writer.write("bit_offset", 0, np.arange(4.0))
    with xr.open_zarr(tmp_path / "run.zarr", group="0", chunks=None) as ds:
        assert set(ds.coords) == {"buffer", "bit_offset"}


def test_times_of_the_host_are_times_to_others(tmp_path):
    """In seconds since 1970, NaN where nothing arrived; xarray makes datetimes of them without a word."""
    unix = replace(TIME, name="host_time", units="seconds since 1970-01-01T00:00:00Z")
    times = np.array([1_772_000_000.25, np.nan, 1_772_000_000.5])
    with writing(tmp_path / "run.zarr", framed(), unix) as writer:
        writer.write("image", 0, pixels(0, 3))
        writer.write("host_time", 0, times)
    with xr.open_zarr(tmp_path / "run.zarr", group="0", chunks=None) as ds:
        found = ds.image.host_time.values
        assert found.dtype.kind == "M"
        assert np.isnat(found).tolist() == [False, True, False]
        assert abs(found[2] - found[0] - np.timedelta64(250, "ms")) < np.timedelta64(1, "us")  # as floats tell
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        assert equal_values(recording.read("host_time"), times)
