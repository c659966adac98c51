"""What tests of frames in Zarr stores share: recordings, signals, writers, and what a store must be."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import xarray as xr
import zarr

import xjls
from tests.miniscopes import MAKERS, recording_of
from tests.zarr_stores import make_growing_small, make_small
from xjls.formats.zarr.writer import ZarrWriter
from xjls.model.sample_type import dtype_of
from xjls.testing.laws import equal_values

SCOPE = xjls.Source(id=3, name="scope")
H, W = 3, 4


def opened(folder, name):
    """Return the recording of a scenario."""
    return recording_of(MAKERS[name](folder))


def framed(name="image", shape=(H, W), stored_type="u8", *, number=1, dims=None, axis="frame", source=SCOPE, **facts):
    """Return a signal of frames, or of what is known of each."""
    return xjls.Signal(
        id=number, name=name, units="", dtype=dtype_of(stored_type), rate_hz=Fraction(20), source=source, axis=axis,
        stored_type=stored_type, sample_shape=shape,
        sample_dims=("height", "width", "depth")[: len(shape)] if dims is None else dims, **facts,
    )  # fmt: skip


TIME = framed("time", (), "f64", number=2, describes_axis=True)


def pixels(start, stop, shape=(H, W), dtype="u1"):
    """Return frames by their ids."""
    ids = np.arange(start, stop).reshape(-1, *[1] * len(shape))
    return ((ids * 7 + np.arange(np.prod(shape, dtype=int)).reshape(shape)) % 251).astype(dtype)


def noise(seed, stored_type, count, shape):
    """Return samples of a type; of floats some are NaN."""
    rng = np.random.default_rng(seed)
    dtype = dtype_of(stored_type)
    found = rng.integers(0, 2 if stored_type == "u1" else 13, (count, *shape)).astype(dtype)
    if dtype.kind == "f":
        found[rng.random(found.shape) < 0.1] = np.nan
    return found


def writing(store, *signals, **how):
    """Return a writer with signals of frames."""
    writer = ZarrWriter(store, **how)
    for source in dict.fromkeys(one.source for one in signals):
        writer.add_source(source)
    for one in signals:
        writer.add_signal(one)
    return writer


def assert_same(found, recording, *, upto=None):
    """Hold a recording to another one: facts, samples, NaN and gaps of all signals, of the first part of these."""
    assert list(found.signals) == list(recording.signals)
    assert found.sources == recording.sources
    for name, wanted in recording.signals.items():
        window = wanted.window if upto is None else upto(wanted)
        signal = found.signal(name)
        assert signal.window == window
        assert replace(signal, window=wanted.window, block_length=1, level_dtype=wanted.level_dtype) == wanted
        assert signal.facts == wanted.facts
        assert equal_values(found.read(name), recording.read(name, window))
        gaps = (gap & window for gap in recording.skipped(name))
        assert found.skipped(name) == tuple(gap for gap in gaps if gap.window.length)


def assert_plain(store, recording):
    """Hold what xarray and zarr make of a store, without xjls, to a recording."""
    frames = recording.signal("image")
    with (
        xr.open_zarr(store, group="0", chunks=None) as ds,
        xr.open_datatree(store, engine="zarr") as tree,
    ):
        assert ds.identical(tree["0"].to_dataset())
        assert ds.image.dims == ("frame", *frames.sample_dims)
        assert ds.frame.dtype == ds.buffer.dtype == np.dtype("i8")
        assert np.array_equal(ds.frame, np.arange(frames.window.start, frames.window.stop))
        assert np.array_equal(ds.buffer, np.arange(recording.signal("bit_offset").length))
        told = {name for name, one in recording.signals.items() if one.describes_axis}
        assert set(ds.coords) == told | {"frame", "buffer"}
        assert set(ds.data_vars) == set(recording.signals) - told
        for name, one in recording.signals.items():
            assert ds[name].dims == (one.axis, *one.sample_dims)
            valid = recording.read_valid(name)
            assert equal_values(ds[name].values[valid], recording.read(name)[valid])
    plain = zarr.open_group(store, mode="r")["0/image"]
    assert np.array_equal(plain[:], recording.read("image"))


def small_frames(patch):
    """Make objects of stores so small that some hundred frames of 3 by 4 have many."""
    make_small(patch)
    make_growing_small(patch)
    patch.setattr("xjls.formats.zarr.cutting.SIZES", ((180, 45),))  # of 720 bytes: 60 frames, in chunks of 15
    patch.setattr("xjls.formats.zarr.labels.CHUNK_IDS", 32)


def assert_frames(store, first_id, samples, valid, *, closed):
    """Hold a store to what was written, by xjls all of it, by others the first part."""
    valid = np.array(valid, np.bool_)
    times = np.where(valid, np.arange(first_id, first_id + len(valid)) / 20, np.nan)
    with xjls.open_recording(store) as recording:
        assert recording.was_closed == closed
        assert recording.signal("image").length == recording.signal("time").length == len(valid)
        assert equal_values(recording.read("image"), samples)
        assert equal_values(recording.read("time"), times)
        assert np.array_equal(recording.read_valid("image"), valid)
        assert recording.check() == ()
    with xr.open_zarr(store, group="0", chunks=None) as ds:
        n = ds.sizes["frame"]
        assert n == len(valid) or not closed
        assert ds.image.dims == ("frame", "height", "width")
        assert ds.time.dims == ("frame",)
        assert np.array_equal(ds.frame, np.arange(n) + (first_id if n else 0))
        assert equal_values(ds.image.values, samples[:n])
        assert equal_values(ds.time.values, times[:n])
