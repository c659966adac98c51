"""The entries of one level as they lie in files: blocks, each with its checksum behind it, and an index at the end.

A block is looked at once: what agrees with its checksum is used from then on, and what does not is not believed.
"""

from __future__ import annotations

import os
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.formats.zarr.codecs import CRC_BYTES, NOWHERE, checksum, encode_index, padded
from xjls.model.signal import STATISTICS
from xjls.storage import open_storage
from xjls.storage.local import LocalFile, closed_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from xjls.formats.levels.layout import Cut
    from xjls.storage import Storage

_AT_ONCE = 1000
"""Blocks that are looked at together where all are: 10 MB of float32."""
_UNSEEN, _INTACT, _DAMAGED = 0, 1, 2


def encode_blocks(entries: NDArray[Any], cut: Cut) -> NDArray[np.uint8]:
    """Return entries as uint8[blocks, stride]: rounded, the last block filled up with NaN, each with its checksum."""
    from xjls.kernels.crc import crc32c

    n_blocks, body, stride = -(-len(entries) // cut.block_entries), cut.block_bytes, cut.stride
    blocks = np.zeros((n_blocks, stride), np.uint8)
    whole = padded(entries, n_blocks * cut.block_entries, np.nan)
    blocks[:, :body].view(cut.dtype.newbyteorder("<"))[:] = whole.reshape(n_blocks, cut.block_numbers)
    flat = blocks.reshape(-1)
    sums = [crc32c(flat, at, at + body) for at in range(0, flat.size, stride)]
    blocks[:, body : body + CRC_BYTES].view("<u4")[:, 0] = sums
    return blocks


def end_of_file(cut: Cut, shard: int) -> bytes:
    """Return the end of a file: where each of its blocks begins, and how long it is with its checksum."""
    index = np.full((cut.shard_blocks, 2), NOWHERE, "<u8")
    n = min(cut.n_blocks - shard * cut.shard_blocks, cut.shard_blocks)
    index[:n, 0] = np.arange(n) * cut.stride
    index[:n, 1] = cut.block_bytes + CRC_BYTES
    return encode_index(index)


class LevelWriter:
    """Write the blocks of a level in any order, from any thread; files that are there are gone on with.

    Parameters
    ----------
    folder, cut
        The sidecar, and how the level lies in it.
    """

    def __init__(self, folder: Path, cut: Cut) -> None:
        self.cut = cut
        (folder / cut.path).mkdir(parents=True, exist_ok=True)
        self._files: list[int] = []
        try:
            for shard in range(cut.n_shards):
                self._files.append(os.open(folder / cut.key(shard), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666))
        except BaseException:
            self.close()
            raise

    def put(self, start: int, entries: NDArray[Any]) -> int:
        """Write entries from number ``start`` on, the first of a block; return what `digest` returns of them."""
        blocks = encode_blocks(entries, self.cut)
        for file, offset, part in self._parts(start // self.cut.block_entries, len(blocks)):
            _write(file, blocks[part].reshape(-1), offset)
        return checksum(blocks.reshape(-1))

    def digest(self, start: int, count: int) -> int:
        """Return a checksum of what the files have of ``count`` entries from number ``start`` on."""
        n_blocks = -(-count // self.cut.block_entries)
        found = b"".join(
            os.pread(file, (part.stop - part.start) * self.cut.stride, offset)
            for file, offset, part in self._parts(start // self.cut.block_entries, n_blocks)
        )
        return checksum(np.frombuffer(found, np.uint8))

    def finish(self) -> None:
        """Write the index of each file."""
        for shard, file in enumerate(self._files):
            n_blocks = min(self.cut.n_blocks - shard * self.cut.shard_blocks, self.cut.shard_blocks)
            index = np.frombuffer(end_of_file(self.cut, shard), np.uint8)
            _write(file, index, n_blocks * self.cut.stride)
            os.ftruncate(file, n_blocks * self.cut.stride + index.size)

    def close(self) -> None:
        """Give the files back; twice is harmless."""
        while self._files:
            os.close(self._files.pop())

    def _parts(self, first: int, count: int) -> Iterator[tuple[int, int, slice]]:
        """Yield file, offset, and which of them lie there, for blocks from number ``first`` on."""
        for shard, lo, hi in _by_shard(self.cut, first, first + count):
            offset = (lo - shard * self.cut.shard_blocks) * self.cut.stride
            yield self._files[shard], offset, slice(lo - first, hi - first)


class LevelFiles:
    """Read the blocks of a level, from any thread.

    Parameters
    ----------
    root, storage_options
        Where the sidecar is.
    cut
        How the level lies in it.
    is_there
        Returns whether it is still the same; files of another one that took its place count as missing.
    """

    def __init__(
        self, root: str, storage_options: Mapping[str, Any] | None, cut: Cut, is_there: Callable[[], bool]
    ) -> None:
        self.cut = cut
        self._is_there = is_there
        self._root = root
        self._options = storage_options
        self._stored = cut.dtype.newbyteorder("<")
        self._shards: dict[int, Storage | None] = {}
        """Those that were opened; None for one that is not there."""
        self._held: list[object] = []
        """Mappings: whoever has this list keeps them all, those that are added included, whatever is closed."""
        self._lock = threading.Lock()
        self._closed = False

    @cached_property
    def _state(self) -> NDArray[np.uint8]:
        """What is known of each block; made when it was found that the sidecar fits."""
        return np.zeros(self.cut.n_blocks, np.uint8)

    @property
    def n_damaged(self) -> int:
        """Blocks that were found not to be what was written."""
        return int(np.count_nonzero(self._state == _DAMAGED))

    def hold(self) -> object:
        """Return what keeps the addresses of blocks good; raise where it was closed, or a file shrank meanwhile."""
        # Before it is asked whether it was closed: that leaves another list
        held = self._held
        if self._closed:
            raise closed_error(self._root)
        for storage in tuple(self._shards.values()):
            if storage is not None:
                storage.hold()
        return held

    def addresses(self, numbers: NDArray[np.int64], *, verify: bool) -> NDArray[np.int64]:
        """Return the address of each block; 0 for one that is damaged, or on no disk of this machine."""
        found = np.zeros(len(numbers), np.int64)
        for i, number in enumerate(numbers.tolist()):
            shard = number // self.cut.shard_blocks
            if isinstance(self._shard(shard), LocalFile):
                blocks, intact = self._checked(shard, number, number + 1, verify=verify)
                if intact[0]:
                    found[i] = blocks.ctypes.data
        return found

    def read(self, start: int, stop: int, *, verify: bool) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return entries [start, stop) as float[n, 4], and which of them are intact; the others are NaN."""
        size = self.cut.block_entries
        first, last = start // size, -(-stop // size)
        values = np.full((last - first, self.cut.block_numbers), np.nan, self.cut.dtype)
        known = np.zeros(last - first, np.bool_)
        for shard, lo, hi in _by_shard(self.cut, first, last):
            blocks, intact = self._checked(shard, lo, hi, verify=verify)
            values[lo - first : lo - first + len(blocks)] = blocks[:, : self.cut.block_bytes].view(self._stored)
            known[lo - first : hi - first] = intact
        values[~known] = np.nan
        inner = slice(start - first * size, stop - first * size)
        return values.reshape(-1, len(STATISTICS))[inner], np.repeat(known, size)[inner]

    def check(self) -> Iterator[tuple[int, str]]:
        """Verify all blocks and indices; yield the bytes of each file, and what is wrong with it or ""."""
        for shard, first, last in _by_shard(self.cut, 0, self.cut.n_blocks):
            problems = []
            steps = range(first, last, _AT_ONCE)
            intact = sum(self._checked(shard, lo, min(lo + _AT_ONCE, last), verify=True)[1].sum() for lo in steps)
            if intact < last - first:
                problems.append(f"{last - first - intact:_} of {last - first:_} chunks are damaged")
            index, end = end_of_file(self.cut, shard), (last - first) * self.cut.stride
            if (storage := self._shard(shard)) is None:
                problems = ["there is no such file"]
            elif storage.size != end + len(index) or storage.read(end, len(index)) != index:
                problems.append("its index is damaged, which only other programs read")
            said = f"{self.cut.key(shard)}: {'; '.join(problems)}" if problems else ""
            yield 0 if storage is None else storage.size, said

    def close(self) -> None:
        """Give back what is held, and refuse further reads; twice is harmless."""
        with self._lock:
            self._closed = True
            shards, self._shards, self._held = self._shards, {}, []
        for storage in shards.values():
            if storage is not None:
                storage.close()

    def _shard(self, shard: int) -> Storage | None:
        """Return a file, opened on first use."""
        with self._lock:
            if self._closed:
                raise closed_error(self._root)
            if shard not in self._shards:
                try:
                    storage = open_storage(f"{self._root}/{self.cut.key(shard)}", self._options)
                    self._shards[shard] = storage if storage.size and self._is_there() else None
                except FileNotFoundError:
                    self._shards[shard] = None
                if isinstance(found := self._shards[shard], LocalFile):
                    self._held.append(found.mapping())
            return self._shards[shard]

    def _checked(
        self, shard: int, first: int, last: int, *, verify: bool
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Return blocks [first, last) of a file as uint8[n, stride], as many as there are, and which are intact."""
        from xjls.kernels.crc import crc32c

        blocks, body = self._blocks(shard, first, last), self.cut.block_bytes
        state = self._state[first:last]
        state[len(blocks) :] = _DAMAGED
        if verify:
            for i in np.flatnonzero(state[: len(blocks)] == _UNSEEN).tolist():
                told = int(blocks[i, body : body + CRC_BYTES].view("<u4")[0])
                state[i] = _INTACT if crc32c(blocks[i], 0, body) == told else _DAMAGED
        return blocks, np.asarray(state != _DAMAGED)

    def _blocks(self, shard: int, first: int, last: int) -> NDArray[np.uint8]:
        """Return blocks of a file as uint8[n, stride]; fewer where it ends before."""
        stride = self.cut.stride
        start, n_bytes = (first - shard * self.cut.shard_blocks) * stride, (last - first) * stride
        storage = self._shard(shard)
        if storage is None:
            data = np.empty(0, np.uint8)
        elif isinstance(storage, LocalFile):
            data = storage.mapping()[start : start + n_bytes]
        else:
            data = np.frombuffer(storage.read(start, n_bytes), np.uint8)
        return data[: data.size // stride * stride].reshape(-1, stride)


def _by_shard(cut: Cut, first: int, last: int) -> Iterator[tuple[int, int, int]]:
    """Yield each shard that blocks [first, last) are in, and which of them are."""
    for shard in range(first // cut.shard_blocks, -(-last // cut.shard_blocks) if first < last else 0):
        base = shard * cut.shard_blocks
        yield shard, max(first, base), min(last, base + cut.shard_blocks)


def _write(file: int, data: NDArray[np.uint8], offset: int) -> None:
    rest = memoryview(data)  # type: ignore[arg-type]  # arrays are buffers
    while rest.nbytes:
        done = os.pwrite(file, rest, offset)
        rest, offset = rest[done:], offset + done
