"""Writers of Zarr stores that are flushed, killed, or run out of room: what they leave is what they published."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import xjls
from tests.zarr_stores import begun, described
from xjls.errors import NotRecognizedError
from xjls.formats.zarr import stream
from xjls.formats.zarr.folder import LocalFolder
from xjls.model.annotation import Annotation, Tie
from xjls.testing.laws import equal_values

K = np.arange(20_000)


@pytest.fixture
def small(monkeypatch):
    """Make objects so small that some thousand samples have many."""
    monkeypatch.setattr(stream, "SHARD_SAMPLES", 4096)
    monkeypatch.setattr(stream, "CHUNK_SAMPLES", 1024)
    monkeypatch.setattr(stream, "CHUNK_ENTRIES", 7)
    monkeypatch.setattr(stream, "FEWEST_ENTRIES", 2)


def test_what_was_flushed_is_seen_and_no_more(tmp_path, small):
    store, data = tmp_path / "run.zarr", np.sin(K * 0.01).astype("f4")
    writer = begun(store, described("x"), described("y", number=2))
    with pytest.raises(NotRecognizedError, match=r"Is a directory, and there is no zarr\.json in it"):
        xjls.open_recording(store)
    for stop in (100, 4096, 4100, 9999, 20_000):
        length = xjls.open_recording(store).signal("x").length if (store / "zarr.json").exists() else 0
        for name in ("x", "y"):
            writer.write(name, length, data[length:stop])
        assert not (store / "zarr.json").exists() or xjls.open_recording(store).signal("y").length == length
        writer.flush()
        with xjls.open_recording(store) as recording:
            assert (recording.was_closed, recording.status.complete) == (False, False)
            assert equal_values(recording.read("y"), data[:stop])
            assert recording.check() == ()
        with xr.open_datatree(store, engine="zarr") as tree:
            assert np.array_equal(tree.load()["0/x"].values, data[:stop])
            assert tree.attrs["recording_status"] == "not closed by its writer"
    writer.abandon()
    assert not xjls.open_recording(store).was_closed


class Failing(LocalFolder):
    """A folder whose disk is full after some objects."""

    def __init__(self, path, room):
        super().__init__(path)
        self.room = room

    def put(self, key, parts):
        if not self.room:
            raise OSError(28, "No space left on device", key)
        self.room -= 1
        super().put(key, parts)


def test_a_writer_that_ends_anywhere_leaves_a_state_that_it_published(tmp_path, small):
    """After any number of objects: nothing, or all signals of one flush, with their levels and notes."""
    data = np.sin(K * 0.01).astype("f4")
    seen, room = set(), 0
    while True:
        folder = Failing(str(tmp_path / f"{room}.zarr"), room)
        try:
            writer = begun(folder, described("x"), described("y", "i16", number=2))
            for i in range(4):
                window = slice(i * 5000, i * 5000 + 5000)
                writer.write("x", window.start, data[window])
                writer.write("y", window.start, (data[window] * 1000).astype("i2"))
                note = Annotation(signal="x", sample_id=i, time_ns=None, kind="text", group=0, y=None, data=str(i))
                writer.annotate(note)
                for name in ("x", "y"):
                    writer.tie(name, Tie(sample_id=i * 3000, time_ns=10**18 + i * 3 * 10**9 + i))
                writer.flush()
            writer.close()
        except OSError:
            assert not folder.room
        try:
            recording = xjls.open_recording(tmp_path / f"{room}.zarr")
        except NotRecognizedError:
            assert not seen
        else:
            seen.add(assert_is_published(recording, data))
            with xr.open_datatree(tmp_path / f"{room}.zarr", engine="zarr") as tree:
                tree.load()
        if folder.room:
            break
        room += 1
    assert seen == {(5000, False), (10_000, False), (15_000, False), (20_000, False), (20_000, True)}


@pytest.mark.parametrize("codec", [None, "blosc"])
def test_a_writer_goes_on_where_the_medium_does(tmp_path, small, codec):
    """Every object is refused once: what was given to the writer is there in the end, and only once."""
    data = np.sin(K * 0.01).astype("f4")
    writer = begun(refusing := Refusing(str(tmp_path / "run.zarr")), codec=codec)
    for start, stop in ((0, 100), (100, 5000), (5000, 14_000), (14_000, 20_000)):
        while writer._sampled("x").length < stop:
            with contextlib.suppress(OSError):
                writer.write("x", start, data[start:stop])
        until_done(writer.flush)
    until_done(writer.close)
    assert len(refusing.refused) > 30
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        assert equal_values(recording.read("x"), data)
        entries = recording.read_level("x", 1)
        np.testing.assert_array_equal(entries[:, 3], data[:19_968].reshape(-1, 128).max(1))
        assert recording.check() == ()


class Refusing(LocalFolder):
    """A folder that refuses every object once."""

    def __init__(self, path):
        super().__init__(path)
        self.refused = set()

    def put(self, key, parts):
        what = key, sum(map(len, parts))
        if what not in self.refused:
            self.refused.add(what)
            raise OSError(28, "No space left on device", key)
        super().put(key, parts)


def until_done(call):
    while True:
        try:
            return call()
        except OSError:
            continue


def assert_is_published(recording, data):
    with recording:
        length = recording.signal("x").length
        assert recording.signal("y").length == length
        assert equal_values(recording.read("x"), data[:length])
        assert equal_values(recording.read("y"), (data[:length] * 1000).astype("i2"))
        assert len(recording.annotations) == len(recording.ties("y")) == length // 5000
        assert recording.check() == ()
        assert all(len(recording.read_level("x", level.index)) for level in recording.signal("x").levels)
    return length, recording.was_closed


KILLED = """
    import numpy as np, os, sys, time
    from fractions import Fraction
    from xjls.formats.zarr import stream
    from xjls.formats.zarr.writer import ZarrWriter
    from xjls import Signal, Source
    stream.SHARD_SAMPLES, stream.CHUNK_SAMPLES = 65536, 16384
    bench = Source(id=1, name="bench")
    writer = ZarrWriter(sys.argv[1])
    writer.add_source(bench)
    for i, name in enumerate("xyz", 1):
        writer.add_signal(Signal(id=i, name=name, units="", dtype=np.dtype("f4"), rate_hz=Fraction(1000), source=bench,
                                 stored_type="f32"))
    at = 0
    while True:
        for i, name in enumerate("xyz"):
            writer.write(name, at, np.arange(at, at + 10_000, dtype="f4") + i)
        at += 10_000
        writer.flush()
        if at == 100_000:
            print("going", flush=True)
            if sys.argv[2] == "exit":
                writer.write("x", at, np.zeros(100_000, "f4"))
                os._exit(1)
"""


@pytest.mark.parametrize("how", ["exit", "kill at once", "kill", "kill late"])
def test_a_killed_writer_leaves_a_prefix(tmp_path, how):
    store = tmp_path / "run.zarr"
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(store), how]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "going\n"
        if how != "exit":
            time.sleep({"kill at once": 0, "kill": 0.05, "kill late": 0.3}[how])  # whenever it comes, it must be right
            process.send_signal(signal.SIGKILL)
    with xjls.open_recording(store) as recording, xr.open_datatree(store, engine="zarr") as tree:
        assert not recording.was_closed
        assert recording.check() == ()
        length = recording.signal("x").length
        assert length == 100_000 if how == "exit" else length >= 100_000
        for i, name in enumerate("xyz"):
            truth = np.arange(length, dtype="f4") + i
            assert equal_values(recording.read(name), truth)
            assert np.array_equal(tree[f"0/{name}"].values, truth)
            assert recording.statistics(name).count == length


def test_sync_waits_for_the_disk_in_order(tmp_path, monkeypatch):
    """Every object, and the folders that name them: samples before the root is put."""
    synced, put = [], LocalFolder.put
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(str(Path(f"/proc/self/fd/{fd}").readlink())))
    monkeypatch.setattr(LocalFolder, "put", lambda self, key, parts: (synced.append(key), put(self, key, parts))[1])
    writer = begun(tmp_path / "run.zarr")
    writer.write("x", 0, np.zeros(1000, "f4"))
    writer.flush(sync=True)
    root = str(tmp_path / "run.zarr")
    keys = [entry for entry in synced if not entry.startswith("/")]
    assert {f"{root}/{key}" for key in keys} <= set(synced)
    assert synced.index(f"{root}/0/x/c.0") < synced.index("zarr.json") < synced.index(f"{root}/zarr.json")
    assert f"{root}/0/x" in synced
    assert root in synced
    before = len(synced)
    writer.close()
    assert not any(entry.startswith("/") for entry in synced[before:])


def test_what_has_not_changed_is_not_written_again(tmp_path, monkeypatch):
    writer = begun(tmp_path / "run.zarr", described("x"), described("y", number=2))
    writer.write("x", 0, np.zeros(1000, "f4"))
    writer.flush()
    seen, put = [], LocalFolder.put
    monkeypatch.setattr(LocalFolder, "put", lambda self, key, parts: (seen.append(key), put(self, key, parts))[1])
    writer.flush()
    assert seen == []
    writer.write("y", 0, np.zeros(100, "f4"))
    writer.flush()
    assert "0/x/c.0" not in seen
    assert seen[-1] == "zarr.json"
    writer.close()
    assert seen[-1] == "zarr.json"
    writer.close()
