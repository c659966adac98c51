"""Where a recorder puts the chunks of one f32 signal, by arithmetic: nothing before a chunk need be written to know."""

from __future__ import annotations

from xjls.testing.jls2.records import HEADER_BYTES, LEVELS, body_bytes
from xjls.testing.jls2.sample_types import Blocks


def chunk_bytes(payload_length: int) -> int:
    """Return the bytes of a chunk on disk.

    Examples
    --------
    >>> chunk_bytes(0), chunk_bytes(24)
    (32, 64)
    """
    return HEADER_BYTES + body_bytes(payload_length)


TIE_BYTES = chunk_bytes(24)
"""Bytes of the DATA chunk of a tie."""


class Layout:
    """Where a recorder puts the chunks of one signal; level 0 are the data chunks.

    A full block is written right after its last data chunk and the full blocks below it. At close a tie, the last data
    chunk and, bottom-up, the last, partial block of each level (its tail) follow.
    """

    def __init__(self, base: int, samples: int, blocks: Blocks) -> None:
        self._base = base
        self._blocks = blocks
        self._samples = samples
        self._full_data = samples // self._blocks.samples_per_data
        self._full_data_bytes = self._data_bytes(self._blocks.samples_per_data)
        self._full_blocks = [(self.data_per_block(level), self._full_block_bytes(level)) for level in range(1, LEVELS)]
        self.last_tie = self._full_offset(0, self._full_data)
        self._tails: dict[int, int] = {}
        self._counts: list[int] = []
        self.stop = self._place_tails(self.last_tie + TIE_BYTES)

    @property
    def levels(self) -> range:
        """Levels that have blocks, from 1."""
        return range(1, len(self._counts))

    def offset(self, level: int, number: int) -> int:
        """Return the offset of a data chunk or of a block's INDEX; 0 where there is none."""
        if not 0 <= number < self._counts[level]:
            return 0
        full = number < self._full_data // self.data_per_block(level)
        return self._full_offset(level, number) if full else self._tails[level]

    def entry_window(self, level: int, number: int) -> tuple[int, int]:
        """Return the entries of a block; of level 0, the samples of a data chunk."""
        size = self._blocks.entries_per_summary if level else self._blocks.samples_per_data
        total = self._samples // (self._blocks.step(level) if level else 1)
        return number * size, max(number * size, min((number + 1) * size, total))

    def children(self, level: int, number: int) -> list[int]:
        """Return what a block's INDEX holds."""
        first = number * self._index_capacity(level)
        stop = min(first + self._index_capacity(level), self._counts[level - 1])
        return [self.offset(level - 1, child) for child in range(first, stop)]

    def _full_offset(self, level: int, number: int) -> int:
        if level == 0:
            offset = self._base + number * self._full_data_bytes
            for each, n_bytes in self._full_blocks:
                if each > number:
                    break
                offset += number // each * n_bytes
            return offset
        last = (number + 1) * self.data_per_block(level) - 1
        below = sum(n_bytes for _, n_bytes in self._full_blocks[: level - 1])
        return self._full_offset(0, last) + self._full_data_bytes + below

    def _place_tails(self, offset: int) -> int:
        rest = self._samples % self._blocks.samples_per_data
        self._counts.append(self._full_data + (rest > 0))
        if rest:
            self._tails[0] = offset
            offset += self._data_bytes(rest)
        for level in range(1, LEVELS):
            full = self._full_data // self.data_per_block(level)
            pending = self._counts[level - 1] - full * self._index_capacity(level)
            start, stop = self.entry_window(level, full)
            tail = pending > 0 and (stop > start or full > 0)
            if not tail and not full:
                break
            self._counts.append(full + tail)
            if tail:
                self._tails[level] = offset
                offset += chunk_bytes(16 + 8 * pending) + chunk_bytes(16 + 16 * (stop - start))
        return offset

    def data_per_block(self, level: int) -> int:
        """Return the data chunks below one full block; a data chunk itself at level 0."""
        return self._blocks.data_per_index * int(self._blocks.summary_decimate ** (level - 1)) if level else 1

    def _index_capacity(self, level: int) -> int:
        return self._blocks.data_per_index if level == 1 else self._blocks.summary_decimate

    def _data_bytes(self, samples: int) -> int:
        return chunk_bytes(16 + 4 * samples)

    def _full_block_bytes(self, level: int) -> int:
        summary = chunk_bytes(16 + 16 * self._blocks.entries_per_summary)
        return chunk_bytes(16 + 8 * self._index_capacity(level)) + summary
