"""Samples of one signal as they are written: chunks, and the levels above them.

A block of a level is written as soon as it is full, and hands one offset and its merged entries to the level above.
What is left when the writer closes is written bottom-up; a level of which no entry is whole is closed with an empty
SUMMARY, so that no index leaves out what it should list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.formats.jls2.wire import LEVELS, encode_payload_header
from xjls.kernels.packing import packed
from xjls.model.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from xjls.formats.jls2.datatypes import DataType
    from xjls.formats.jls2.heads import TrackChunks
    from xjls.formats.jls2.layout import Blocks


class _Level:
    """The block of one level that is being filled."""

    def __init__(self, first_id: int, capacity: int, dtype: np.dtype[Any]) -> None:
        self.first_id = first_id
        """Sample id of its first sample."""
        self.offsets: list[int] = []
        """Of the chunks below it."""
        self.entries = np.empty((capacity, 4), dtype)
        self.count = 0
        """Entries so far."""


class SampleTrack:
    """Write one signal's samples; the first ones that arrive tell its first sample id.

    Parameters
    ----------
    chunks
        Where to.
    kind, blocks
        Its type, and how it is cut.
    """

    def __init__(self, chunks: TrackChunks, kind: DataType, blocks: Blocks) -> None:
        from xjls.kernels.reduce import summarize

        self._chunks = chunks
        self._entries_of = summarize
        self._kind = kind
        self._blocks = blocks
        self._levels: dict[int, _Level] = {}
        self._rest = np.empty(blocks.chunk, kind.dtype)
        """Samples that do not fill a chunk yet."""
        self._n_rest = 0
        self._rest_at = 0
        """Offset of the chunk that holds just these, if there is one already."""
        self._next_id: int | None = None
        self._skipped: list[Window] = []
        """Filling other than NaN that is in no entry yet."""

    @property
    def next_id(self) -> int | None:
        """Sample id of the next sample; None before the first."""
        return None if self._next_id is None else self._next_id + self._n_rest

    def write(self, first_id: int, samples: NDArray[Any]) -> None:
        """Append samples that continue what was written; what the disk refuses leaves those behind that are taken."""
        self._chunks.drain()
        if self._next_id is None:
            self._next_id = first_id
        self._rest_at = 0
        if self._n_rest:
            taken = min(self._blocks.chunk - self._n_rest, len(samples))
            self._rest[self._n_rest : self._n_rest + taken] = samples[:taken]
            self._n_rest += taken
            samples = samples[taken:]
            if self._n_rest < self._blocks.chunk:
                return
            self._n_rest = 0
            self._write_chunks(self._rest)
        whole = len(samples) // self._blocks.chunk * self._blocks.chunk
        self._write_whole(samples[:whole])
        self._n_rest = len(samples) - whole
        self._rest[: self._n_rest] = samples[whole:]

    def skip(self, first_id: int, filling: NDArray[Any]) -> None:
        """Append filling that continues what was written, and that no entry counts."""
        if not self._kind.floating:
            self._skipped.append(Window(first_id, first_id + len(filling)))
        self.write(first_id, filling)

    def restore(
        self, first_id: int, offsets: NDArray[np.int64], entries: NDArray[Any], rest: NDArray[Any], rest_at: int,
        skipped: Iterable[Window],
    ) -> None:  # fmt: skip
        """Take what the file has and no block of level 1 lists, after all blocks.

        Parameters
        ----------
        first_id
            Where that begins.
        offsets, entries
            Of whole chunks, 0 for one that was left out, and the entries of level 1 of their samples.
        rest, rest_at
            Samples behind these, and the offset of the chunk that holds them; 0 where there is none.
        skipped
            Filling among the samples.
        """
        per_chunk, per_block = self._blocks.chunk // self._blocks.entry, self._blocks.children(1)
        for at in range(0, len(offsets), per_block):
            level, part = self._level(1, first_id + at * self._blocks.chunk), offsets[at : at + per_block]
            level.offsets += part.tolist()
            level.count = len(part) * per_chunk
            level.entries[: level.count] = entries[at * per_chunk :][: level.count]
            if level.count == self._blocks.capacity:
                self._write_block(1)
        self._next_id = first_id + len(offsets) * self._blocks.chunk
        self._skipped = [] if self._kind.floating else list(skipped)
        self._n_rest, self._rest_at = len(rest), rest_at
        self._rest[: self._n_rest] = rest

    def show(self) -> None:
        """Append a chunk of the samples that fill none: for who reads meanwhile, and until more of them are there.

        No list leads to it any more when those are written; its bytes stay.
        """
        if self._n_rest and not self._rest_at:
            self._rest_at = self._chunks.append_tentative(self._chunk_of(self._rest[: self._n_rest]))

    def close(self) -> None:
        """Write the last samples and every block that has begun."""
        if self._n_rest and self._next_id is not None:
            samples, self._n_rest = self._rest[: self._n_rest], 0
            if self._rest_at:
                self._chunks.keep_data(self._rest_at)
            else:
                self._rest_at = self._chunks.append_data(self._chunk_of(samples))
            self._summarize(samples, [self._rest_at])
        for level in range(1, LEVELS):
            pending = self._levels.get(level)
            if pending and (pending.count or (pending.offsets and self._chunks.has_level(level))):
                self._write_block(level)

    def _write_whole(self, samples: NDArray[Any]) -> None:
        """Write whole chunks, as many at a time as the block of level 1 has room for."""
        size, per_block = self._blocks.chunk, self._blocks.children(1)
        at, n = 0, len(samples) // size
        while at < n:
            self._chunks.drain()
            pending = self._levels.get(1)
            take = min(n - at, per_block - (len(pending.offsets) if pending else 0))
            self._write_chunks(samples[at * size : (at + take) * size])
            at += take

    def _write_chunks(self, samples: NDArray[Any]) -> None:
        """Append whole chunks, no more than the block of level 1 has room for."""
        assert self._next_id is not None, "chunks have sample ids"  # noqa: S101 - an invariant, not input
        data = _bytes_of(samples, self._kind)
        self._summarize(samples, self._chunks.append_samples(data, self._blocks.chunk, self._kind.bits, self._next_id))

    def _chunk_of(self, samples: NDArray[Any]) -> bytes:
        """Return the payload of the next chunk."""
        assert self._next_id is not None, "chunks have sample ids"  # noqa: S101 - an invariant, not input
        header = encode_payload_header(self._next_id, len(samples), self._kind.bits)
        return header + _bytes_of(samples, self._kind).tobytes()

    def _summarize(self, samples: NDArray[Any], offsets: Iterable[int]) -> None:
        """Hand chunks that were written, and the entries of their samples, to level 1."""
        assert self._next_id is not None, "chunks have sample ids"  # noqa: S101 - an invariant, not input
        first_id, self._next_id = self._next_id, self._next_id + len(samples)
        level, n = self._level(1, first_id), len(samples) // self._blocks.entry
        level.offsets += offsets
        counted = self._counted(first_id, samples) if self._skipped else samples
        self._entries_of(counted, self._blocks.entry, level.entries[level.count : level.count + n])
        level.count += n
        if level.count >= self._blocks.capacity:
            self._write_block(1)

    def _counted(self, first_id: int, samples: NDArray[Any]) -> NDArray[Any]:
        """Return samples as entries count them: filling is NaN, whatever the type."""
        window = Window(first_id, first_id + len(samples))
        filled = [inside for skipped in self._skipped if (inside := skipped & window).length]
        self._skipped = [skipped for skipped in self._skipped if skipped.stop > window.stop]
        if filled:
            samples = samples.astype(np.float64)
            for inside in filled:
                samples[inside.start - first_id : inside.stop - first_id] = np.nan
        return samples

    def _level(self, level: int, first_id: int) -> _Level:
        """Return the block of a level that takes what begins at ``first_id``."""
        pending = self._levels.get(level)
        if pending is None:
            pending = self._levels[level] = _Level(first_id, self._blocks.capacity, self._kind.entry_dtype)
        if not pending.offsets:
            pending.first_id = first_id
        return pending

    def _write_block(self, level: int) -> None:
        """Write a block, and hand it to the level above."""
        pending = self._levels[level]
        first_id, entries = pending.first_id, pending.entries[: pending.count]
        offsets = np.array(pending.offsets, "<u8")
        index = encode_payload_header(first_id, len(offsets), 64) + offsets.tobytes()
        summary = encode_payload_header(first_id, len(entries), self._kind.entry_bits) + entries.tobytes()
        offset = self._chunks.append_block(level, index, summary)
        pending.offsets, pending.count = [], 0
        self.hand_up(level, first_id, offset, entries)

    def hand_up(self, level: int, first_id: int, offset: int, entries: NDArray[Any]) -> None:
        """Hand a block's offset and its entries, merged, to the level above.

        Of a block that was just written, or of one that the file has and that no block above it lists: these before
        `restore`, the levels from the top down.
        """
        from xjls.kernels.reduce import merge

        if level + 1 == LEVELS:
            return
        above, n = self._level(level + 1, first_id), len(entries) // self._blocks.step
        merged = above.entries[above.count : above.count + n]
        merge(entries, self._blocks.step, merged)
        empty = ~np.isfinite(entries[: n * self._blocks.step, 0]).reshape(n, self._blocks.step)
        if empty.any():
            # The mark of a run of NaN below, which readers of coarse levels go by: the library leaves it, too
            merged[empty.any(axis=1), 1] = np.nan
        above.offsets.append(offset)
        above.count += n
        if above.count >= self._blocks.capacity:
            self._write_block(level + 1)


def _bytes_of(samples: NDArray[Any], kind: DataType) -> NDArray[np.uint8]:
    """Return samples as the bytes of a chunk."""
    stored: NDArray[np.uint8] = np.ascontiguousarray(packed(samples, kind.bits)).view(np.uint8)
    return stored
