"""Zarr stores that grow: what was flushed is there, in shards or in the tail, at a price that does not grow."""

import contextlib

import fsspec
import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

import xjls
from tests.test_zarr_crashes import Failing, Refusing, until_done
from tests.test_zarr_writer import assert_is, values
from tests.zarr_stores import begun, described, make_growing_small, note
from xjls.errors import LostSamplesError
from xjls.formats.zarr import journal
from xjls.formats.zarr.folder import LocalFolder
from xjls.model.annotation import Tie
from xjls.model.window import Gap, Window
from xjls.testing.laws import equal_values

K = np.arange(20_000)
WAVE = np.sin(K * 0.01).astype("f4")


@pytest.fixture
def small(monkeypatch):
    """Make objects so small that little has many."""
    make_growing_small(monkeypatch)


@pytest.fixture
def memory():
    yield "memory://grown/run.zarr"
    files = fsspec.filesystem("memory")
    if files.exists("/grown"):
        files.rm("/grown", recursive=True)


def growing(store, *signals, **how):
    """Return a writer of a store that grows."""
    return begun(store, *signals, grows=True, **how)


# ---- what it means -------------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(-700, 3000), st.integers(0, 6000)),
        st.tuples(st.just("skip"), st.integers(0, 0), st.integers(0, 30_000)),
        st.tuples(st.sampled_from(["flush", "sync", "close", "abandon"]), st.integers(0, 0), st.integers(0, 0)),
    ),
    max_size=14,
)


@settings(max_examples=80)
@given(steps=STEPS, stored_type=st.sampled_from(["f32", "u1", "i16", "f64"]), first_id=st.integers(-5000, 5000))
def test_any_calls_make_the_recording_that_they_mean(tmp_path_factory, steps, stored_type, first_id):
    """Blocks, gaps, flushes, ends of all kinds after which it is gone on with: the same as an array and a mask."""
    with pytest.MonkeyPatch.context() as patch:
        make_growing_small(patch)
        store = tmp_path_factory.mktemp("any") / "run.zarr"
        rng = np.random.default_rng(len(steps))
        samples, valid, flushed = [], [], 0
        writer = growing(store, described("x", stored_type))
        writer.flush()
        for step, at, length in steps:
            if step in ("flush", "sync"):
                writer.flush(sync=step == "sync")
                flushed = len(samples)
                assert_is(store, stored_type, first_id, samples, valid, closed=False)
            elif step in ("close", "abandon"):
                writer.close() if step == "close" else writer.abandon()
                flushed = len(samples) if step == "close" else flushed
                del samples[flushed:], valid[flushed:]
                writer = xjls.continue_recording(store)
            elif step == "skip":
                start = first_id + len(samples)
                writer.skip("x", Gap(Window(start, start + length), "switched off"))
                samples += [0] * length
                valid += [False] * length
            else:
                block = values(rng, stored_type, length)
                begin = first_id + len(samples) + (at if samples else 0)
                writer.write("x", begin, block)
                fresh = block[max(first_id + len(samples) - begin, 0) :]
                missing = max(begin - first_id - len(samples), 0) if len(fresh) else 0
                samples += [0] * missing + fresh.tolist()
                valid += [False] * missing + [True] * len(fresh)
        writer.close()
        assert_is(store, stored_type, first_id, samples, valid, closed=True)
        assert not (store / "tail").exists()


def test_others_see_a_prefix_of_which_all_is_there(tmp_path, small):
    """At every flush: whole shards and what was put of others, on one axis, with the time, and nothing filled in."""
    writer = growing(tmp_path / "run.zarr", described("x"), described("y", number=2))
    seen = []
    for i in range(40):
        for name in ("x", "y"):
            writer.write(name, i * 500, WAVE[i * 500 : i * 500 + 500])
        writer.tie("x", Tie(sample_id=i * 500, time_ns=10**18 + i * 10**9 // 2 + i % 3))
        writer.flush()
        with xr.open_datatree(tmp_path / "run.zarr", engine="zarr") as tree:
            found = tree.load()["0/x"]
            assert found.dims == tree["0/y"].dims == ("time",)
            assert np.array_equal(found.values, WAVE[: found.size])
            assert not any(np.isnan(tree[f"{level}/x"].values).any() for level in (1, 2) if str(level) in tree)
            assert set(tree.children) <= {"0", "1", "2", "ties", "records"}
        unconsolidated = zarr.open_group(tmp_path / "run.zarr", mode="r", use_consolidated=False)
        assert "0/x" in dict(unconsolidated.members(max_depth=None))
        seen.append(found.size)
        with xjls.open_recording(tmp_path / "run.zarr") as recording:
            assert recording.signal("y").length == (i + 1) * 500
            assert len(recording.ties("x")) == i + 1
    writer.close()
    assert 0 in seen
    assert seen == sorted(seen)
    assert {4096, 8192} < set(seen)
    with xr.open_datatree(tmp_path / "run.zarr", engine="zarr") as tree:
        assert np.array_equal(tree["0/y"].values, WAVE)
        assert tree["1/x"].sizes["time"] == 20_000 // 128


def test_levels_reach_as_far_as_samples(tmp_path, small):
    writer = growing(tmp_path / "run.zarr", described("x"), described("y", "i16", number=2))
    for i in range(20):
        writer.write("x", i * 1000, WAVE[i * 1000 : i * 1000 + 1000])
        writer.write("y", i * 1000, (WAVE[i * 1000 : i * 1000 + 1000] * 1000).astype("i2"))
        writer.flush()
        n = (i + 1) * 1000
        with xjls.open_recording(tmp_path / "run.zarr") as recording:
            for name, finest in (("x", 128), ("y", 256)):
                signal = recording.signal(name)
                assert signal.level_factors == tuple(f for f in (finest, finest * 20) if f <= n)
                samples = recording.read(name)
                for level in signal.levels:
                    rows = samples[: level.length * level.factor].reshape(-1, level.factor)
                    entries = recording.read_level(name, level.index)
                    assert np.array_equal(entries[:, 2:], np.stack([rows.min(1), rows.max(1)], 1).astype("f4"))
                found = recording.statistics(name, (n // 7, n - 3))
                assert (found.count, found.max) == (n - 3 - n // 7, samples[n // 7 : n - 3].max())
                assert recording.columns(name, None, 11).count.sum() == n
    writer.abandon()


@pytest.mark.parametrize("codec", [None, "zstd", "auto"])
def test_a_store_is_written_to_an_address(memory, small, codec):
    writer = growing(memory, codec=codec)
    for i in range(20):
        writer.write("x", i * 500, WAVE[i * 500 : i * 500 + 500])
        writer.flush(sync=i % 7 == 3)
        with xjls.open_recording(memory) as recording:
            assert equal_values(recording.read("x"), WAVE[: (i + 1) * 500])
            assert recording.check() == ()
    before = xjls.open_recording(memory)
    assert before.signal("x").length == 10_000
    assert fsspec.filesystem("memory").glob("/grown/run.zarr/tail/c.*")
    writer.close()
    assert equal_values(before.read("x"), WAVE[:10_000])
    assert not fsspec.filesystem("memory").glob("/grown/run.zarr/tail/*")
    with xjls.continue_recording(memory) as writer:
        writer.write("x", 10_000, WAVE[10_000:])
    with xjls.open_recording(memory) as recording:
        assert equal_values(recording.read("x"), WAVE)
        assert recording.was_closed


# ---- who reads meanwhile -------------------------------------------------------------------------------------------


def test_who_opened_before_reads_on(tmp_path, small):
    """Whatever became of the tail: merged, in shards, gone. Samples and levels of all flushes, asked for at the end."""
    writer = growing(tmp_path / "run.zarr")
    opened = []
    for i in range(40):
        writer.write("x", i * 500, WAVE[i * 500 : i * 500 + 500])
        writer.flush()
        opened.append(xjls.open_recording(tmp_path / "run.zarr"))
        opened[-1].signal("x")
    writer.close()
    for i, recording in enumerate(opened):
        with recording:
            assert equal_values(recording.read("x"), WAVE[: (i + 1) * 500])
            assert recording.statistics("x").count == (i + 1) * 500
            assert recording.check() == ()


def test_what_is_gone_with_its_store_is_no_sample_of_another(tmp_path, small):
    """A store in the place of one that was being read: the tail of the old one is lost, and not read from the new."""
    for data in (WAVE, -WAVE):
        if (tmp_path / "run.zarr").exists():
            (tmp_path / "run.zarr").rename(tmp_path / "old.zarr")
        writer = growing(tmp_path / "run.zarr")
        writer.write("x", 0, data[:100])
        writer.flush()
        writer.abandon()
        if data is WAVE:
            before = xjls.open_recording(tmp_path / "run.zarr")
    with xjls.continue_recording(tmp_path / "run.zarr") as again:
        again.write("x", 100, WAVE[:5000])
    with before, pytest.raises(LostSamplesError, match=r"samples 0–100 of 'x' are lost: there is no such object"):
        before.read("x")


REASONS = {
    "flip": "its checksum differs", "cut": "its directory is damaged", "other": "it is the object 2 of a tail",
    "directory": "its directory is damaged", "gone": "there is no such object",
}  # fmt: skip


@pytest.mark.parametrize("harm", REASONS)
def test_damage_of_the_tail_is_named(tmp_path, small, harm):
    writer = growing(tmp_path / "run.zarr", described("x"), described("y", "i16", number=2))
    for i in range(4):
        writer.write("x", i * 100, WAVE[i * 100 : i * 100 + 100])
        writer.write("y", i * 100, np.full(100, i, "i2"))
        writer.flush()
    writer.abandon()
    path = tmp_path / "run.zarr/tail/c.3"  # the first three were merged to c.2
    data = bytearray(path.read_bytes())
    if harm == "flip":
        data[17] ^= 1
    elif harm == "directory":
        data[-20] ^= 1
    elif harm == "other":
        data = (tmp_path / "run.zarr/tail/c.2").read_bytes()
    path.write_bytes(data[: len(data) // 2] if harm == "cut" else data)
    if harm == "gone":
        path.unlink()
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        assert equal_values(recording.read("x", (0, 300)), WAVE[:300])
        with pytest.raises(
            LostSamplesError, match=rf"samples 300–400 of 'x' are lost: {REASONS[harm]}.*run\.zarr/tail"
        ):
            recording.read("x")
        assert any("samples 300–400 of 'x' are lost" in damage.consequence for damage in recording.check())
    with xjls.open_recording(tmp_path / "run.zarr", on_damage="gap") as recording:
        assert recording.read_valid("x").sum() == 300
        assert recording.statistics("x").lost == 100
        lost = 0 if harm == "flip" else 100
        assert recording.statistics("y").lost == lost
    with pytest.raises(LostSamplesError, match="are lost"):
        xjls.continue_recording(tmp_path / "run.zarr")
    assert len(list((tmp_path / "run.zarr/tail").glob("c.*"))) >= 1


# ---- what fails ----------------------------------------------------------------------------------------------------


class Lacking(Failing):
    """A folder that takes some objects only, and removes none any more then."""

    def remove(self, key):
        if not self.room:
            raise OSError(5, "Input/output error", key)
        super().remove(key)


def test_a_writer_that_ends_anywhere_leaves_a_state_that_it_published(tmp_path, small):
    """After any number of objects: nothing, or all signals of one flush; and it is gone on with from there."""
    room, seen = 0, set()
    while True:
        store = tmp_path / f"{room}.zarr"
        folder = Lacking(str(store), room)
        with contextlib.suppress(OSError):
            writer = growing(folder, described("x"), described("y", "i16", number=2))
            for i in range(12):
                window = slice(i * 700, i * 700 + 700)
                writer.write("x", window.start, WAVE[window])
                writer.write("y", window.start, (WAVE[window] * 1000).astype("i2"))
                writer.annotate(note(i, str(i)))
                writer.tie("y", Tie(sample_id=i * 700, time_ns=10**18 + i * 7 * 10**8))
                writer.flush()
            writer.close()
        if (store / "zarr.json").exists():
            seen.add(gone_on_with(store))
        if folder.room:
            break
        room += 1
    assert seen == {*((i * 700, False) for i in range(1, 13)), (8400, True)}


def gone_on_with(store):
    """Hold a store to what was written, and what it becomes to what it should; return how far it came."""
    with xjls.open_recording(store) as recording:
        n = recording.signal("x").length
        assert recording.signal("y").length == n
        assert len(recording.annotations) == len(recording.ties("y")) == n // 700
        assert equal_values(recording.read("x"), WAVE[:n])
        assert recording.check() == ()
        state = n, recording.was_closed
    with xjls.continue_recording(store) as writer:
        writer.write("x", n, WAVE[n:])
        writer.write("y", n, (WAVE[n:] * 1000).astype("i2"))
    with xjls.open_recording(store) as recording:
        assert equal_values(recording.read("x"), WAVE)
        assert equal_values(recording.read("y"), (WAVE * 1000).astype("i2"))
        assert recording.statistics("y").count == 20_000
        assert recording.check() == ()
    return state


def test_a_writer_goes_on_where_the_medium_does(tmp_path, small):
    """Every object is refused once: what was given to the writer is there in the end, and only once."""
    writer = growing(refusing := Refusing(str(tmp_path / "run.zarr")))
    for i in range(20):
        start, stop = i * 1000, i * 1000 + 1000
        while writer._sampled("x").length < stop:
            with contextlib.suppress(OSError):
                writer.write("x", start, WAVE[start:stop])
        until_done(writer.flush)
        with xjls.open_recording(tmp_path / "run.zarr") as recording:
            assert equal_values(recording.read("x"), WAVE[:stop])
    until_done(writer.close)
    assert sum(key.startswith("tail/") for key, _ in refusing.refused) > 10
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        assert equal_values(recording.read("x"), WAVE)
        assert recording.check() == ()


def test_what_the_disk_has_for_sure_stays_until_it_has_more(tmp_path, small):
    """Once somebody waits for the disk, nothing that the root needs which it has is removed before he waits again."""
    writer = growing(tmp_path / "run.zarr")
    writer.write("x", 0, WAVE[:100])
    writer.flush(sync=True)
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        needed = [tmp_path / f"run.zarr/tail/c.{number}" for number in recording.reader.root.record.tail]
    for i in range(1, 30):
        writer.write("x", i * 100, WAVE[i * 100 : i * 100 + 100])
        writer.flush()
        assert all(path.exists() for path in needed)
    writer.flush(sync=True)
    assert not any(path.exists() for path in needed)
    writer.abandon()


def test_two_writers_at_once_are_refused(tmp_path):
    writer = growing(tmp_path / "run.zarr")
    writer.write("x", 0, WAVE)
    writer.flush()
    with pytest.raises(BlockingIOError, match="another sink of this one, is writing to it"):
        xjls.continue_recording(tmp_path / "run.zarr")
    writer.close()
    with xjls.continue_recording(tmp_path / "run.zarr"), pytest.raises(BlockingIOError, match="is writing to it"):
        xjls.continue_recording(tmp_path / "run.zarr")
    xjls.continue_recording(tmp_path / "run.zarr").abandon()
    assert xjls.open_recording(tmp_path / "run.zarr").signal("x").length == 20_000


# ---- what it costs -------------------------------------------------------------------------------------------------


class Counting(LocalFolder):
    """A folder that counts what it takes."""

    n_bytes = n_objects = 0

    def put(self, key, parts):
        self.n_bytes += sum(map(len, parts))
        self.n_objects += 1
        super().put(key, parts)


def test_hours_of_flushes_cost_the_same(tmp_path):
    """The first half hour of 2 kS/s, and one after eight hours: objects, bytes, tail and root stay flat."""
    folder = Counting(str(tmp_path / "run.zarr"))
    writer, block, at, costs = growing(folder, described("x", rate=2000)), np.arange(10_000, dtype="f4"), 0, []
    for blocks, count in ((1, 360), (60, 90), (1, 360)):
        before = folder.n_bytes, folder.n_objects
        for _ in range(count):
            for _ in range(blocks):
                writer.write("x", at, block)
                writer.tie("x", Tie(sample_id=at, time_ns=10**18 + at * 500_000 + at // 10_000 % 5))
                at += len(block)
            writer.flush()
        costs.append((folder.n_bytes - before[0], folder.n_objects - before[1]))
        assert len(list((tmp_path / "run.zarr/tail").iterdir())) < 3 * journal.MERGED
        assert (tmp_path / "run.zarr/zarr.json").stat().st_size < 30_000
    writer.abandon()
    for early, late in zip(costs[0], costs[2], strict=True):
        assert late < 1.5 * early
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        assert recording.signal("x").length == at == 8.5 * 3600 * 2000
        assert recording.statistics("x").count == at
        assert len(recording.ties("x")) == at // 10_000


def test_what_has_not_changed_is_not_written_again(tmp_path, small, monkeypatch):
    writer = growing(tmp_path / "run.zarr")
    writer.write("x", 0, WAVE[:100])
    writer.flush()
    seen, put = [], LocalFolder.put
    monkeypatch.setattr(LocalFolder, "put", lambda self, key, parts: (seen.append(key), put(self, key, parts))[1])
    writer.flush()
    assert seen == []
    writer.write("x", 100, WAVE[100:200])
    writer.flush()
    assert seen == ["tail/c.1", "zarr.json"]
    writer.close()


@pytest.mark.parametrize(("codec", "noise", "found"), [("auto", 1, None), ("auto", 0, "blosc"), (None, 0, None)])
def test_samples_are_compressed_where_that_is_worth_it(tmp_path, small, codec, noise, found):
    with growing(tmp_path / "run.zarr", codec=codec) as writer:
        for i in range(20):
            block = np.random.default_rng(i).normal(size=1000) * noise + i
            writer.write("x", i * 1000, block.astype("f4"))
            writer.flush()
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        assert recording.reader.root.arrays["0/x"].codec == found
        assert recording.statistics("x").count == 20_000
        assert recording.check() == ()
