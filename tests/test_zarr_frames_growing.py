"""Stores of frames that grow: followed, killed, gone on with, and kept to their last seconds."""

import os
import signal as signals_of_os
import sys
from itertools import pairwise

import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

import xjls
from tests.frame_stores import (
    TIME,
    H,
    W,
    assert_frames,
    assert_plain,
    assert_same,
    framed,
    noise,
    opened,
    pixels,
    small_frames,
    writing,
)
from tests.zarr_stores import size_of
from xjls.model.window import Gap, Window


@pytest.fixture
def small(monkeypatch):
    small_frames(monkeypatch)


@pytest.mark.parametrize("name", ["golden_200px", "frames_lost", "lost_20_percent", "card_304px"])
def test_a_recording_grows_into_a_store_that_is_followed_killed_and_gone_on_with(tmp_path, name):
    recording, store = opened(tmp_path, name), tmp_path / "run.zarr"
    sink = xjls.formats.grow_recording(store)
    for source in recording.sources:
        sink.add_source(source)
    for one in recording.signals.values():
        sink.add_signal(one)
    sink.flush()
    thirds = {
        one.name: [one.window.start + one.length * i // 3 for i in range(4)] for one in recording.signals.values()
    }
    with xjls.open_recording(store) as reader:
        for third in range(2):
            carried(recording, sink, {n: (edges[third], edges[third + 1]) for n, edges in thirds.items()})
            sink.flush(sync=third == 1)
            assert reader.refresh()
            assert_same(reader, recording, upto=lambda one, i=third: Window(one.window.start, thirds[one.name][i + 1]))
        carried(recording, sink, {n: (edges[2], edges[2] + 1) for n, edges in thirds.items()})
        sink.abandon()  # as a kill leaves it: the last frames were never flushed
        with xjls.continue_recording(store) as again:
            carried(recording, again, {n: (edges[2], edges[3]) for n, edges in thirds.items()})
            again.flush()
            assert reader.refresh()
            assert_same(reader, recording)
            assert not reader.was_closed
    with xjls.open_recording(store) as found:
        assert_same(found, recording)
        assert found.check() == ()
        assert found.status.size_bytes == size_of(store)
    assert_plain(store, recording)


@pytest.mark.parametrize("flushed", [20, 59, 130])
@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize("skips", [True, False])
def test_what_a_killed_writer_put_and_never_told_of_counts_as_what_it_is(tmp_path, small, flushed, closed, skips):
    """A shard that was put is no news until a root says so: who goes on puts another one there, or none."""
    store = tmp_path / "run.zarr"
    with writing(store, framed(), grows=True) as writer:
        writer.skip("image", Gap(Window(0, flushed - 5), "lost"))
        writer.write("image", flushed - 5, pixels(flushed - 5, flushed))
    writer = xjls.continue_recording(store)
    if not closed:
        writer.flush()
    writer.write("image", flushed, pixels(flushed, flushed + 150))
    writer.abandon()
    with xjls.continue_recording(store) as writer:
        if skips:
            writer.skip("image", Gap(Window(flushed, flushed + 300), "lost"))
        else:
            writer.write("image", flushed, pixels(flushed, flushed + 99))
    with xjls.open_recording(store) as recording:
        assert recording.status.size_bytes == size_of(store)
        assert recording.check() == ()


def carried(recording, sink, windows):
    """Write parts of signals, and what is a gap in them."""
    for name, window in windows.items():
        samples, gaps = recording.read_with_gaps(name, window)
        at = window[0]
        for gap in gaps:
            sink.write(name, at, samples[at - window[0] : gap.window.start - window[0]])
            sink.skip(name, gap)
            at = gap.window.stop
        sink.write(name, at, samples[at - window[0] :])


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(-20, 60), st.integers(0, 150)),
        st.tuples(st.just("skip"), st.just(0), st.integers(0, 300)),
        st.tuples(st.sampled_from(["flush", "sync", "close", "abandon"]), st.just(0), st.just(0)),
    ),
    max_size=12,
)


@settings(max_examples=50, deadline=None)
@given(steps=STEPS, stored_type=st.sampled_from(["u8", "f32"]), first_id=st.integers(-50, 5000))
def test_any_calls_make_the_frames_that_they_mean(tmp_path_factory, steps, stored_type, first_id):
    """Blocks, gaps, flushes, ends of all kinds after which it is gone on with; two signals on one axis."""
    store = tmp_path_factory.mktemp("grown") / "run.zarr"
    samples, valid, flushed = noise(0, stored_type, 0, (H, W)), [], 0
    with pytest.MonkeyPatch.context() as patch:
        small_frames(patch)
        writer = writing(store, framed("image", (H, W), stored_type), TIME, grows=True)
        writer.flush()
        for i, (step, at, length) in enumerate(steps):
            if step in ("flush", "sync"):
                writer.flush(sync=step == "sync")
                flushed = len(valid)
                assert_frames(store, first_id, samples, valid, closed=False)
            elif step in ("close", "abandon"):
                writer.close() if step == "close" else writer.abandon()
                flushed = len(valid) if step == "close" else flushed
                samples, valid = samples[:flushed], valid[:flushed]
                writer = xjls.continue_recording(store)
            else:
                begin = first_id + len(valid) + (max(at, -len(valid)) if step == "write" and valid else 0)
                block = noise(i, stored_type, length, (H, W))
                if step == "skip":
                    for name in ("image", "time"):
                        writer.skip(name, Gap(Window(begin, begin + length), "lost"))
                else:
                    writer.write("image", begin, block)
                    writer.write("time", begin, np.arange(begin, begin + length) / 20)
                fresh = block[max(first_id + len(valid) - begin, 0) :]
                missing = max(begin - first_id - len(valid), 0) if len(fresh) else 0
                blank = np.full((missing, H, W), np.nan if stored_type == "f32" else 0).astype(block.dtype)
                fresh = np.full_like(fresh, np.nan if stored_type == "f32" else 0) if step == "skip" else fresh
                samples = np.concatenate([samples, blank, fresh])
                valid += [False] * missing + [step == "write"] * len(fresh)
        writer.close()
        assert_frames(store, first_id, samples, valid, closed=True)
    assert not (store / "tail").exists()


def test_others_see_one_axis_whatever_is_in_shards(tmp_path, small):
    """Frames fill their shards long before times do; both are seen as far as both are there."""
    writer, seen = writing(tmp_path / "run.zarr", framed(), TIME, grows=True), []
    for i in range(30):
        writer.write("image", i * 11, pixels(i * 11, i * 11 + 11))
        writer.write("time", i * 11, np.arange(i * 11, i * 11 + 11) / 20)
        writer.flush()
        with xr.open_zarr(tmp_path / "run.zarr", group="0", chunks=None) as ds:
            assert set(ds.dims) == {"frame", "height", "width"}
            assert np.array_equal(ds.image, pixels(0, ds.sizes["frame"]))
            assert np.array_equal(ds.time, ds.frame / 20)
            seen.append(ds.sizes["frame"])
        with xjls.open_recording(tmp_path / "run.zarr") as recording:
            assert np.array_equal(recording.read("image"), pixels(0, i * 11 + 11))
    writer.abandon()
    assert seen == sorted(seen)
    assert 0 < max(seen) < 330


def test_ids_are_put_once(tmp_path, small):
    writer, written = writing(tmp_path / "run.zarr", TIME, grows=True), set()
    for i in range(40):
        writer.write("time", 5 + i * 20, np.zeros(20))
        writer.flush()
        there = {(path.name, path.stat().st_ino) for path in (tmp_path / "run.zarr/0/frame").glob("c.*")}
        assert written <= there
        written = there
    writer.close()
    assert len(written) >= 20
    assert np.array_equal(zarr.open_group(tmp_path / "run.zarr", mode="r")["0/frame"][:], np.arange(800) + 5)


def test_the_last_seconds_of_frames_are_kept(tmp_path, small):
    """All signals of an axis drop the same frames; ids stay what they were."""
    store = tmp_path / "run.zarr"
    writer, sizes = writing(store, framed(), TIME, grows=True, keep_s=10), []
    for i in range(80):
        at = 100 + i * 30
        writer.write("image", at, pixels(at, at + 30))
        writer.write("time", at, np.arange(at, at + 30) / 20)
        writer.flush()
        sizes.append(size_of(store))
        with xjls.open_recording(store) as recording:
            window = recording.signal("image").window
            assert recording.signal("time").window == window
            assert window.stop == at + 30
            assert min(200, (i + 1) * 30) <= window.length <= 200 + 50 + 32
            assert np.array_equal(recording.read("image"), pixels(window.start, window.stop))
            assert np.array_equal(recording.read("time"), np.arange(window.start, window.stop) / 20)
            assert recording.check() == ()
    assert max(sizes[20:]) < 1.5 * min(sizes[20:])
    writer.close()
    with xjls.open_recording(store) as recording, xr.open_zarr(store, group="0", chunks=None) as ds:
        window = recording.signal("image").window
        last = ds.sel(frame=slice(window.start, None))
        assert np.array_equal(last.image, pixels(window.start, window.stop))
        assert np.array_equal(last.time, last.frame / 20)


def test_a_closed_store_of_few_frames_is_gone_on_with(tmp_path, small):
    """What was cut to its length is cut anew, beside what is there; what was not is gone on with as it is."""
    for first in (5, 60, 200):
        store = tmp_path / f"{first}.zarr"
        with writing(store, framed(), TIME) as writer:
            writer.write("image", 0, pixels(0, first))
            writer.write("time", 0, np.arange(first) / 20)
        with xjls.continue_recording(store) as writer:
            for start, stop in pairwise((first, first + 7, 300, 500)):
                writer.write("image", start, pixels(start, stop))
                writer.write("time", start, np.arange(start, stop) / 20)
                writer.flush()
        assert_frames(store, 0, pixels(0, 500), [True] * 500, closed=True)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.parametrize("flushes", [1, 4, 23])
def test_frames_of_a_killed_writer_are_there(tmp_path, small, flushes):
    store = tmp_path / "run.zarr"
    reads, told = os.pipe()
    child = os.fork()
    if not child:
        try:
            writer = writing(store, framed(), TIME, grows=True)
            for i in range(10**6):
                writer.write("image", i * 13, pixels(i * 13, i * 13 + 13))
                writer.write("time", i * 13, np.arange(i * 13, i * 13 + 13) / 20)
                writer.flush()
                os.write(told, b".")
        finally:
            os._exit(1)
    os.close(told)
    with os.fdopen(reads, "rb") as pipe:
        done = len(pipe.read(flushes))
        os.kill(child, signals_of_os.SIGKILL)
        os.waitpid(child, 0)
        done += len(pipe.read())
    with xjls.open_recording(store) as recording:
        length = recording.signal("image").length
    assert done >= flushes
    assert length in (done * 13, done * 13 + 13)
    assert_frames(store, 0, pixels(0, length), [True] * length, closed=False)
    with xjls.continue_recording(store) as writer:
        writer.write("image", length, pixels(length, length + 5))
        writer.write("time", length, np.arange(length, length + 5) / 20)
    assert_frames(store, 0, pixels(0, length + 5), [True] * (length + 5), closed=True)
