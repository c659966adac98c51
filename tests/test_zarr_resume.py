"""Zarr stores that are gone on with: closed, killed or converted; what becomes of them, and that nothing is lost."""

import contextlib
import errno
import json
import shutil

import numpy as np
import pytest
import xarray as xr
import zarr

import xjls
from tests.test_zarr_crashes import Failing
from tests.zarr_stores import (
    FIRST_ID,
    begun,
    described,
    make_growing_small,
    make_small,
    note,
    size_of,
    truth,
    write_by_zarr_python,
    write_small,
)
from xjls.cli.main import main
from xjls.errors import LostSamplesError, NotRecognizedError, UnsupportedError
from xjls.formats.zarr import resume
from xjls.formats.zarr.folder import LocalFolder
from xjls.model.annotation import Annotation, Tie, UserData
from xjls.model.signal import Source
from xjls.model.window import Gap, Window
from xjls.testing import laws
from xjls.testing.laws import equal_values

WAVE = np.sin(np.arange(40_000) * 0.01).astype("f4")
TYPES = {"x": "f32", "y": "i16", "z": "u1"}
SCALE = {"x": 1, "y": 1000, "z": 1}
STEPS = 40


@pytest.fixture
def small(monkeypatch):
    """Make objects so small that little has many."""
    make_growing_small(monkeypatch)


def signals():
    return [described(name, stored_type, number=i) for i, (name, stored_type) in enumerate(TYPES.items(), 1)]


def step(writer, i):
    """Write a step: samples of all signals, some of them gaps, and all that stands beside samples."""
    window = slice(i * 1000, i * 1000 + 1000)
    for name in TYPES:
        block = samples(name)[window]
        if i % 7 == 3:
            writer.skip(name, Gap(Window(window.start, window.stop - 300), f"reason {i % 2}"))
            block = block[700:]
        writer.write(name, window.stop - len(block), block)
        if name != "z" or i % 2:
            writer.tie(name, Tie(sample_id=window.start, time_ns=10**18 + i * 10**9 + i * i))
    writer.annotate(note(i, f"step {i}"))
    writer.add_user_data(UserData(meta=i, data="kept"))


def samples(name):
    found = WAVE * SCALE[name]
    return found > 0 if name == "z" else found.astype(described(name, TYPES[name]).dtype)


def assert_same(store, other):
    """Hold two recordings to each other, to the last bit of every level."""
    with xjls.open_recording(store) as one, xjls.open_recording(other) as two:
        assert dict(one.signals).keys() == dict(two.signals).keys()
        for name, signal in one.signals.items():
            assert (signal.window, signal.levels) == (two.signal(name).window, two.signal(name).levels)
            assert equal_values(one.read(name), two.read(name))
            assert one.skipped(name) == two.skipped(name)
            assert one.ties(name) == two.ties(name)
            assert one.statistics(name) == two.statistics(name)
            for level in signal.levels:
                found, wanted = (recording.read_level(name, level.index) for recording in (one, two))
                assert found.tobytes() == wanted.tobytes()
        assert one.annotations == two.annotations
        assert one.user_data == two.user_data
        assert one.sources == two.sources
        assert one.check() == two.check() == ()
        assert one.was_closed
        assert two.was_closed


@pytest.fixture
def whole(tmp_path, small):
    """Return a store that one run has written."""
    with begun(tmp_path / "whole.zarr", *signals(), grows=True) as writer:
        for i in range(STEPS):
            step(writer, i)
            writer.flush()
    return tmp_path / "whole.zarr"


@pytest.mark.parametrize("how", ["close", "abandon", "plain", "once"])
@pytest.mark.parametrize("every", [1, 3, 11])
def test_what_is_gone_on_with_is_what_one_run_leaves(tmp_path, whole, how, every):
    """Flushed each time, or written at once as by a conversion; closed or abandoned again and again."""
    store = tmp_path / "run.zarr"
    writer = begun(store, *signals(), grows=how in ("close", "abandon"))
    for i in range(STEPS):
        step(writer, i)
        if how != "once" or i >= every:
            writer.flush()
        if i % every == every - 1:
            writer.abandon() if how == "abandon" else writer.close()
            writer = xjls.continue_recording(store)
    writer.close()
    assert_same(store, whole)
    with xjls.open_recording(store) as recording:
        assert recording.status.size_bytes == size_of(store)
    with xr.open_datatree(store, engine="zarr") as tree, xr.open_datatree(whole, engine="zarr") as other:
        for path in ("0/x", "0/y", "0/z", "1/x", "1/z", "2/y"):
            assert np.array_equal(tree[path].values, other[path].values, equal_nan=True)
            assert tree[path].attrs == other[path].attrs
        for name in ("time_tie_index", "time_tie_utc"):
            assert np.array_equal(tree[f"0/{name}"].values, other[f"0/{name}"].values)


@pytest.mark.parametrize("length", [3, 1000, 5000, 9000])
def test_what_was_cut_to_its_length_is_cut_anew(tmp_path, small, length):
    """Arrays of a few samples, or entries, get chunks of a usual size, under other keys; and keep them."""
    store = tmp_path / "run.zarr"
    with begun(store) as writer:
        writer.write("x", 5, WAVE[:length])
    for stop in (length + 1, 20_000, 40_000):
        with xjls.open_recording(store) as before, xjls.continue_recording(store) as writer:
            writer.write("x", before.signal("x").window.stop, WAVE[before.signal("x").length : stop])
            writer.flush()
    group = zarr.open_group(store, mode="r")
    assert np.array_equal(group["0/x"][:], WAVE)
    assert group["0/x"].shards == (4096,)
    assert group["1/x"].chunks[0] >= 4
    with xjls.open_recording(store) as recording:
        assert equal_values(recording.read("x"), WAVE)
        assert recording.check() == ()
        assert recording.status.size_bytes == size_of(store)
    names = [path.name for path in (store / "0/x").iterdir()]
    assert ("c.0" in names) == ("c" not in names)


class Ending(Failing):
    """A folder that does nothing any more after some objects."""

    def put(self, key, parts):
        super().put(key, parts)
        self.last = key

    def remove(self, key):
        if not self.room:
            raise OSError(5, "Input/output error", key)
        super().remove(key)


@pytest.mark.parametrize("how", ["once", "abandoned"])
def test_going_on_loses_nothing_wherever_it_ends(tmp_path, small, monkeypatch, how):
    """After any number of objects of it: what was there is, or what was published since; and it is gone on with."""
    first = tmp_path / "first.zarr"
    writer = begun(first, *signals(), grows=how == "abandoned")
    for i in range(3):
        step(writer, i)
        if how == "abandoned":
            writer.flush()
    writer.close() if how == "once" else writer.abandon()
    room, lengths = 0, set()
    while True:
        store = tmp_path / "run.zarr"
        shutil.copytree(first, store)
        folder = Ending(str(store), room)
        with monkeypatch.context() as patch, contextlib.suppress(OSError):
            patch.setattr(resume, "folder_there", lambda *_, folder=folder: folder)
            writer = xjls.continue_recording(store)
            for i in range(3, 7):
                step(writer, i)
                writer.flush()
            writer.close()
        with xjls.open_recording(store) as recording:
            n = recording.signal("x").length
            assert n % 1000 == 0
            assert len(recording.annotations) == n // 1000
            assert recording.check() == ()
            for name in TYPES:
                valid = recording.read_valid(name)
                assert equal_values(recording.read(name)[valid], samples(name)[:n][valid])
        with xr.open_datatree(store, engine="zarr") as tree:
            tree.load()
        lengths.add(n)
        with xjls.continue_recording(store) as writer:
            for i in range(n // 1000, 9):
                step(writer, i)
        with xjls.open_recording(store) as recording:
            assert recording.signal("z").length == 9000
            assert recording.check() == ()
        shutil.rmtree(store)
        if folder.room:
            break
        room += 3
    assert {3000, 7000} < lengths <= {i * 1000 for i in range(3, 8)}


def test_what_nobody_published_is_not_there(tmp_path, small):
    """Shards that a killed writer had put and no root speaks of: where there is a gap then, they are no samples."""
    store = tmp_path / "run.zarr"
    writer = begun(store, grows=True)
    writer.write("x", 0, WAVE[:5000])
    writer.flush()
    writer.write("x", 5000, np.ones(20_000, "f4"))
    writer.abandon()
    assert (store / "0/x/c.5").exists()
    with xjls.continue_recording(store) as writer:
        writer.skip("x", Gap(Window(5000, 25_000), "off"))
        writer.write("x", 25_000, WAVE[25_000:])
    with xjls.open_recording(store) as recording:
        assert np.isnan(recording.read("x", (5000, 25_000))).all()
        assert recording.statistics("x").count == 20_000
        assert recording.check() == ()
    assert not (store / "0/x/c.4").exists()


def test_entries_that_nobody_published_are_not_there(tmp_path, small):
    """Of a signal that had not one sample when its store was flushed: a gap leaves chunks of levels out, too."""
    store = tmp_path / "run.zarr"
    writer = begun(store, grows=True)
    writer.flush()
    writer.write("x", 0, WAVE[:9000])
    writer.abandon()
    assert (store / "1/x/c.0.0").exists()
    with xjls.continue_recording(store) as writer:
        writer.skip("x", Gap(Window(0, 9000), "off"))
    with xjls.open_recording(store) as recording:
        assert np.isnan(recording.read_level("x", 1)).all()
        assert recording.statistics("x").count == 0
        assert recording.check() == ()


@pytest.mark.parametrize("keep_s", [None, 100])
def test_a_shard_of_nothing_is_not_that_of_a_killed_writer(tmp_path, small, keep_s):
    """Which had put it with samples behind the gap, and levels; then the gap became longer instead."""
    store = tmp_path / "run.zarr"
    with begun(store, grows=True, keep_s=keep_s) as writer:
        writer.skip("x", Gap(Window(0, 3541), "off"))
    writer = xjls.continue_recording(store)
    writer.write("x", 3541, WAVE[:5000])
    writer.abandon()
    assert (store / "0/x/c.0").exists()
    with xjls.continue_recording(store) as writer:
        writer.skip("x", Gap(Window(3541, 4000), "still off"))
    with xjls.open_recording(store) as recording:
        assert np.isnan(recording.read("x")).all()
        assert np.isnan(recording.read_level("x", 1)).all()
        assert recording.check() == ()


def test_signals_may_be_added(tmp_path, small):
    store = tmp_path / "run.zarr"
    with begun(store, described("x"), described("events", number=2, rate=0), grows=True) as writer:
        writer.write("x", 0, WAVE[:3000])
    with xjls.continue_recording(store) as writer:
        writer.add_source(Source(id=9, name="other"))
        writer.add_signal(described("y", "i16", number=4, source=Source(id=9, name="other")))
        writer.write("y", 7, np.arange(3000, dtype="i2"))
        writer.annotate(Annotation(signal="events", sample_id=None, time_ns=5, kind="text", group=0, y=None, data=""))
    with xjls.open_recording(store) as recording:
        assert list(recording.signals) == ["x", "events", "y"]
        assert [source.id for source in recording.sources] == [3, 9]
        assert equal_values(recording.read("y"), np.arange(3000, dtype="i2"))
        assert recording.annotations[0].signal == "events"


def test_a_store_of_the_usual_cut_is_gone_on_with_as_it_is_cut(tmp_path, monkeypatch):
    """One that has several shards, and of levels such that were cut to their length."""
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        patch.setattr("xjls.formats.zarr.stream.CHUNK_ENTRIES", 60)
        write_small(tmp_path / "run.zarr")
    make_growing_small(monkeypatch)
    with xjls.continue_recording(tmp_path / "run.zarr") as writer:
        writer.flush()
        writer.write("x", FIRST_ID + 30_000, WAVE)
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        assert equal_values(recording.read("x", (FIRST_ID + 30_000, None)), WAVE)
        assert equal_values(recording.read("y"), truth().signals["y"].samples)
        assert recording.check() == ()
        assert recording.status.size_bytes == size_of(tmp_path / "run.zarr")
        entries = recording.read_level("x", 1)
        assert np.array_equal(entries[:, 3], recording.read("x")[: len(entries) * 128].reshape(-1, 128).max(1))


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_shards_of_others_are_refused(tmp_path):
    store = write_by_zarr_python(tmp_path / "run.zarr")
    with pytest.raises(UnsupportedError, match=r"'x' has shards of 5_000 samples.*Convert it to another store first"):
        xjls.continue_recording(store)
    with xjls.open_recording(store) as recording:
        laws.signals_are_described(recording, truth())


def test_damage_of_what_the_writer_must_know_is_refused(tmp_path, small):
    store = tmp_path / "run.zarr"
    with begun(store, grows=True) as writer:
        writer.write("x", 0, WAVE[:5000])
    path = store / "0/x/c.1"
    data = bytearray(path.read_bytes())
    data[50] ^= 1
    path.write_bytes(data)
    before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    with pytest.raises(LostSamplesError, match="samples 4_096–5_000 of 'x' are lost: its checksum differs"):
        xjls.continue_recording(store)
    assert before == {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    with pytest.raises(NotRecognizedError, match=r"no zarr\.json in it"):
        resume.resumed(str(tmp_path), None, None)
    with pytest.raises(FileNotFoundError):
        resume.resumed(str(tmp_path / "nothing.zarr"), None, None)
    assert not (tmp_path / "nothing.zarr").exists()


def test_one_recording_goes_behind_another(tmp_path, small, capsys, monkeypatch):
    """As a command, and by name: samples, ties, notes; with what JLS has, too."""
    monkeypatch.chdir(tmp_path)
    for name, start in (("run.zarr", 0), ("more.jls", 20_000)):
        with xjls.new_recording(name) as sink:
            sink.add_source(described().source)
            sink.add_signal(described("x"))
            sink.write("x", start, WAVE[start : start + 20_000])
            sink.tie("x", Tie(sample_id=start, time_ns=10**18 + start * 10**6))
            sink.annotate(note(start + 5, name))
    assert main(["append", "run.zarr", "more.jls", "--by", "id"]) == 0
    assert "20,000 samples from #20000 on" in capsys.readouterr().out
    with xjls.open_recording("run.zarr") as recording:
        assert equal_values(recording.read("x"), WAVE)
        assert [one.data for one in recording.annotations] == ["run.zarr", "more.jls"]
        assert len(recording.ties("x")) == 2
        assert recording.was_closed
    placed, lost = xjls.append("run.zarr", xjls.open_recording("more.jls"), by="end")
    assert (placed["x"].first_id, lost) == (40_000, {})


def test_a_store_knows_itself_again(tmp_path, small):
    """Objects of the tail have numbers that are given once, and the store a name that it keeps."""
    store = tmp_path / "run.zarr"
    numbers, identities = [], set()
    for turn in range(3):
        writer = xjls.continue_recording(store) if turn else begun(store, grows=True)
        for i in range(turn * 3, turn * 3 + 3):
            writer.write("x", i * 100, WAVE[i * 100 : i * 100 + 100])
            writer.flush()
            told = json.loads((store / "zarr.json").read_text())["attributes"]["xjls"]["tail"]
            numbers += told["objects"]
            identities.add(told["identity"])
        writer.close() if turn else writer.abandon()
    assert len(identities) == 1
    assert numbers == sorted(numbers)


def test_what_could_not_be_removed_at_once_is_counted_once(tmp_path, small, monkeypatch):
    """What a store has from before goes with the first flush; a disk that refuses is asked again."""
    store = tmp_path / "run.zarr"
    with begun(store) as writer:
        writer.write("x", 0, np.arange(300, dtype="f4"))
    removes, refusals = LocalFolder.remove, [OSError(errno.EIO, "refused")]

    def refused_once(self, key):
        if refusals:
            raise refusals.pop()
        removes(self, key)

    writer = xjls.continue_recording(store)
    monkeypatch.setattr(LocalFolder, "remove", refused_once)
    with pytest.raises(OSError, match="refused"):
        writer.flush()
    writer.flush()
    writer.close()
    with xjls.open_recording(store) as recording:
        assert recording.status.size_bytes == size_of(store)
