"""Where bytes come from: local files, remote objects, the page cache, and memory that is used again."""

import gc
import mmap
import os
import sys
from pathlib import Path

import fsspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xjls.errors import TruncatedError
from xjls.storage import open_storage, residency
from xjls.storage.local import HEAD_BYTES, LocalFile
from xjls.storage.pool import FROM_BYTES, Pool
from xjls.storage.remote import MERGE_BYTES, RemoteObject
from xjls.storage.residency import Residency, resident_fraction
from xjls.storage.settling import _sync_file_range, settle

DATA = np.random.default_rng(0).integers(0, 256, 3 * HEAD_BYTES, np.uint8).tobytes()


@pytest.fixture(params=["local", "file://", "memory://"])
def storage(request, tmp_path):
    if request.param == "memory://":
        fsspec.filesystem("memory").pipe("/xjls/storage.bin", DATA)
        path = "memory://xjls/storage.bin"
    else:
        (tmp_path / "storage.bin").write_bytes(DATA)
        path = str(tmp_path / "storage.bin")
        path = f"file://{path}" if request.param == "file://" else path
    with open_storage(path) as opened:
        yield opened


class TestEveryStorage:
    @given(offset=st.integers(-5, len(DATA) + 5), length=st.integers(0, 2 * HEAD_BYTES))
    def test_read_returns_what_is_there(self, offset, length):
        fsspec.filesystem("memory").pipe("/xjls/any.bin", DATA)
        with RemoteObject("memory://xjls/any.bin") as opened:
            assert opened.read(offset, length) == (DATA[offset : offset + length] if offset >= 0 else b"")

    @pytest.mark.parametrize("offset", [0, 1, HEAD_BYTES - 1, HEAD_BYTES, len(DATA) - 1, len(DATA), len(DATA) + 9])
    @pytest.mark.parametrize("length", [0, 1, HEAD_BYTES, len(DATA)])
    def test_read_at_edges(self, storage, offset, length):
        assert storage.read(offset, length) == DATA[offset : offset + length]

    def test_spans_are_addressable(self, storage):
        starts = np.array([10, -1, 5000, 100_000, len(DATA) - 3], np.int64)
        buffer, positions = storage.spans(starts, 64)
        for start, position in zip(starts.tolist(), positions.tolist(), strict=True):
            if start < 0:
                assert position < 0
            else:
                expected = DATA[start : start + 64]
                assert buffer[position : position + len(expected)].tobytes() == expected

    def test_size_and_token(self, storage):
        assert storage.size == len(DATA)
        assert storage.path in storage.token

    def test_closing_twice_is_harmless(self, storage):
        storage.close()
        storage.close()


def test_a_closed_file_says_so(tmp_path):
    (tmp_path / "a.bin").write_bytes(DATA)
    opened = LocalFile(str(tmp_path / "a.bin"))
    opened.close()
    for read in (lambda: opened.read(HEAD_BYTES + 1, 10), opened.mapping):
        with pytest.raises(ValueError, match=r"a\.bin is closed\. Open the recording again"):
            read()


def test_a_file_that_shrinks_is_not_touched(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(DATA)
    with LocalFile(str(path)) as opened:
        assert len(opened.mapping()) == len(DATA)
        os.truncate(path, 100)
        with pytest.raises(TruncatedError, match="the file shrank from 196_608 to 100 bytes while it was open"):
            opened.mapping()


def test_missing_files_and_folders_are_the_systems_errors(tmp_path):
    with pytest.raises(FileNotFoundError):
        open_storage(tmp_path / "none.jls")
    with pytest.raises(IsADirectoryError):
        open_storage(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_storage("memory://xjls/none.jls")


def test_remote_ranges_that_are_near_come_in_one_request(monkeypatch):
    fsspec.filesystem("memory").pipe("/xjls/far.bin", bytes(8 * MERGE_BYTES))
    with RemoteObject("memory://xjls/far.bin") as opened:
        asked = []
        fetch = opened._fetch
        monkeypatch.setattr(opened, "_fetch", lambda begin, end: asked.append((begin, end)) or fetch(begin, end))
        opened.spans(np.array([0, 1000, 5 * MERGE_BYTES], np.int64), 100)
    assert asked == [([0, 5 * MERGE_BYTES], [1100, 5 * MERGE_BYTES + 100])]


def test_a_remote_object_that_changed_is_an_error():
    memory = fsspec.filesystem("memory")
    memory.pipe("/xjls/shrinks.bin", DATA)
    with RemoteObject("memory://xjls/shrinks.bin") as opened:
        memory.pipe("/xjls/shrinks.bin", DATA[:100])
        with pytest.raises(TruncatedError, match="asked for 64 bytes, got 0"):
            opened.spans(np.array([5000], np.int64), 64)


class TestPool:
    def test_a_large_array_is_used_again(self):
        pool = Pool()
        first = pool.empty(FROM_BYTES, np.dtype("u1"))
        address = first.ctypes.data
        del first
        again = pool.empty(FROM_BYTES // 4, np.dtype("f4"))
        assert again.ctypes.data == address

    def test_memory_in_use_is_not_lent_twice(self):
        pool = Pool()
        first = pool.empty(FROM_BYTES, np.dtype("u1"))
        part = first[100:200]
        address = first.ctypes.data
        del first
        assert pool.empty(FROM_BYTES, np.dtype("u1")).ctypes.data != address
        del part

    def test_it_keeps_no_more_than_it_may(self):
        pool = Pool(keep_bytes=2 * FROM_BYTES)
        arrays = [pool.empty(FROM_BYTES, np.dtype("u1")) for _ in range(4)]
        del arrays
        gc.collect()
        assert sum(raw.size for raw in pool._free) <= 2 * FROM_BYTES

    def test_small_arrays_are_numpys_own(self):
        assert Pool().empty(10, np.dtype("f8")).base is None


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for its page cache")
class TestResidency:
    @pytest.fixture
    def cold(self, tmp_path):
        path = tmp_path / "cold.bin"
        path.write_bytes(bytes(40 << 20))
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        if resident_fraction(str(path)) > 0:
            pytest.skip("this file system keeps its files in memory")
        return str(path)

    def test_what_is_cold_comes_into_memory(self, cold):
        with LocalFile(cold) as opened:
            opened.prepare(0, 20 << 20)
            share = resident_fraction(cold)
        assert 0.5 <= share < 1

    def test_a_stream_populates_only_what_is_new(self, cold, monkeypatch):
        populated = []
        with LocalFile(cold) as opened:
            calls = residency._system_calls()
            monkeypatch.setattr(calls, "madvise", lambda address, length, _: populated.append(length))
            watch = Residency(opened._descriptor, opened.mapping())
            for start in range(0, 6 << 20, 1 << 20):
                watch.ensure(start, start + (2 << 20))
        assert populated == [2 << 20] + [1 << 20] * 5

    def test_what_is_in_memory_is_left_alone(self, cold, monkeypatch):
        Path(cold).read_bytes()
        with LocalFile(cold) as opened:
            calls = residency._system_calls()
            monkeypatch.setattr(calls, "madvise", lambda *_: pytest.fail("populated what is there"))
            Residency(opened._descriptor, opened.mapping()).ensure(0, 40 << 20)

    @pytest.mark.parametrize("filled", [False, True])
    def test_without_cachestat_mincore_tells_the_same(self, cold, monkeypatch, filled):
        calls = residency._SystemCalls()
        if filled:
            Path(cold).read_bytes()
        with LocalFile(cold) as opened:
            mapping = opened.mapping()
            spans = (opened._descriptor.number, mapping.ctypes.data, 16 << 20, 16 << 20)
            there = [calls.missing_pages(*spans)]
            monkeypatch.setattr(calls, "_has_cachestat", False)
            there.append(calls.missing_pages(spans[0], spans[1] + spans[2], spans[2], spans[3]))
        assert there == [0 if filled else (16 << 20) // mmap.PAGESIZE] * 2


def test_settling_begins_to_write_and_passes_over_what_is_gone(tmp_path):
    file = tmp_path / "run.jls"
    file.write_bytes(bytes(1 << 20))
    settle(file)
    settle(tmp_path / "gone.jls")
    begin = _sync_file_range()
    if begin is not None:
        with file.open("rb") as opened:
            assert begin(opened.fileno(), 0, 0, 2) == 0
    assert file.stat().st_size == 1 << 20
