"""The tracks of a signal: what arrives, how it is blocked, and when a block of a level is written.

A block is written as soon as it is full and hands one entry of its INDEX to the level above. What is left when the
writer closes is written bottom-up.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xjls.testing.jls2.definitions import Annotation, Fsr
from xjls.testing.jls2.records import (
    LEVELS,
    Kind,
    Track,
    encode_annotation,
    encode_annotation_entry,
    encode_entries,
    encode_offsets,
    encode_pairs,
    encode_payload_header,
    encode_samples,
    encode_tie,
)
from xjls.testing.jls2.releases import Release
from xjls.testing.jls2.sample_types import Blocks
from xjls.testing.jls2.summaries import reduce_entries, reduce_samples
from xjls.testing.jls2.tape import Tape, TrackChunks


class _Level:
    """The block of one FSR level that is being filled."""

    def __init__(self, timestamp: int, dtype: np.dtype[Any]) -> None:
        self.timestamp = timestamp
        self.offsets: list[int] = []
        self._parts: list[NDArray[Any]] = [np.empty((0, 4), dtype)]

    @property
    def entries(self) -> NDArray[Any]:
        """The block's entries so far, shape ``(n, 4)``."""
        return np.concatenate(self._parts)

    @property
    def count(self) -> int:
        """How many entries there are so far."""
        return sum(map(len, self._parts))

    def add(self, offset: int, entries: NDArray[Any]) -> None:
        """Take a child's offset and the entries made of it."""
        self.offsets.append(offset)
        self._parts.append(entries)

    def clear(self) -> None:
        """Start the next block."""
        self.offsets = []
        self._parts = self._parts[:1]


class FsrTrack:
    """Samples and their levels (format section 8)."""

    def __init__(self, tape: Tape, signal: Fsr, release: Release) -> None:
        self._chunks = TrackChunks(tape, signal.signal_id or 0, Track.FSR)
        self._signal = signal
        self._release = release
        self._blocks = blocks_of(signal, release)
        self._levels: dict[int, _Level] = {}
        self._written = 0
        self._arrived = 0

    def write(self, stop: int) -> None:
        """Take the samples up to position ``stop`` and write every data chunk that they fill."""
        self._arrived = stop
        while self._written + self._blocks.samples_per_data <= stop:
            self._write_data(self._written + self._blocks.samples_per_data, closing=False)

    def close(self) -> None:
        """Write the last data chunk and every block that has begun."""
        if self._written < self._arrived:
            self._write_data(self._arrived, closing=True)
        for level in range(1, LEVELS):
            if level in self._levels and self._closes(level):
                self._write_block(level)

    def _closes(self, level: int) -> bool:
        pending = self._levels[level]
        if pending.count or self._release.orphan_tails:
            return pending.count > 0
        return bool(pending.offsets) and self._chunks.has_level(level)

    def _write_data(self, stop: int, *, closing: bool) -> None:
        signal = self._signal
        samples = signal.array[self._written : stop]
        timestamp = signal.first_id + self._written
        offset = 0
        if not omits(signal, samples, first=self._written == 0, closing=closing):
            payload = encode_samples(timestamp, samples, signal.kind)
            offset = self._chunks.append(Kind.DATA, 0, payload)
        ddof = self._release.std_ddof
        entries = reduce_samples(samples, self._blocks.sample_decimate, signal.kind.entry_dtype, ddof=ddof)
        self._written = stop
        self._push(1, timestamp, offset, entries)

    def _push(self, level: int, timestamp: int, offset: int, entries: NDArray[Any]) -> None:
        pending = self._levels.get(level)
        if pending is None:
            pending = self._levels[level] = _Level(self._signal.first_id, entries.dtype)
        if not pending.offsets and not self._release.wrong_timestamps:
            pending.timestamp = timestamp
        pending.add(offset, entries)
        if pending.count >= self._blocks.entries_per_summary:
            self._write_block(level)

    def _write_block(self, level: int) -> None:
        pending = self._levels[level]
        entries, timestamp = pending.entries, pending.timestamp
        index = self._chunks.append(Kind.INDEX, level, encode_offsets(timestamp, pending.offsets))
        half = self._release.half_summaries and entries.dtype.itemsize == 8
        self._chunks.append(Kind.SUMMARY, level, encode_entries(timestamp, entries, half=half))
        pending.clear()
        pending.timestamp += self._wrong_stride(level)
        above = reduce_entries(entries, self._blocks.summary_decimate)
        if self._release.nan_levels:
            above[:] = np.nan
        self._push(level + 1, timestamp, index, above)

    def _wrong_stride(self, level: int) -> int:
        blocks = self._blocks
        stride = blocks.entries_per_summary * blocks.sample_decimate
        return stride * blocks.summary_decimate if level > 1 else stride


def blocks_of(signal: Fsr, release: Release) -> Blocks:
    """Return the block parameters that ``release`` uses for ``signal``."""
    if not release.exact_parameters:
        return signal.blocks
    asked = signal.asked_blocks
    if min(asked.sample_decimate, asked.summary_decimate, asked.entries_per_summary) < 2:
        raise ValueError(f"exact parameters have no defaults: give all four block parameters, got {asked}")
    if asked.samples_per_data < asked.sample_decimate:
        raise ValueError(f"a data chunk holds at least one entry's samples, got {asked}")
    return asked


def omits(signal: Fsr, samples: NDArray[Any], *, first: bool, closing: bool) -> bool:
    """Tell whether a data chunk is left out (format section 8.7); ``closing``: the partial one at close."""
    if first or signal.omit == "none":
        return False
    narrow = signal.kind.bits <= 8
    if signal.omit == "lossy" and not narrow:
        return True
    constant = narrow and bool((samples == samples[0]).all())
    return constant and not (closing and signal.omit == "constant")


class _PairLevel:
    """The block of one level of ties or annotations that is being filled."""

    def __init__(self) -> None:
        self.index: list[tuple[int, int]] = []
        self.summary: list[bytes] = []


class PairTrack:
    """Ties or annotations and the levels above them (format sections 9 and 10)."""

    def __init__(self, tape: Tape, signal_id: int, track: Track, decimate: int) -> None:
        self._chunks = TrackChunks(tape, signal_id, track)
        self._decimate = decimate or 100
        self._levels: dict[int, _PairLevel] = {}

    def write_tie(self, sample_id: int, time: int) -> None:
        """Write one tie."""
        offset = self._chunks.append(Kind.DATA, 0, encode_tie(sample_id, time))
        self._add(sample_id, offset, struct.pack("<qq", sample_id, time))

    def write_annotation(self, annotation: Annotation) -> None:
        """Write one annotation."""
        offset = self._chunks.append(Kind.DATA, 0, encode_annotation(annotation))
        self._add(annotation.timestamp, offset, encode_annotation_entry(annotation))

    def close(self) -> None:
        """Write every block that has begun."""
        for level in self._pending_levels():
            self._write_block(level, closing=True)

    def _pending_levels(self) -> Iterator[int]:
        for level in range(1, LEVELS):
            if level in self._levels and self._levels[level].index:
                yield level

    def _add(self, timestamp: int, offset: int, entry: bytes) -> None:
        pending = self._levels.setdefault(1, _PairLevel())
        pending.index.append((timestamp, offset))
        pending.summary.append(entry)
        if len(pending.index) >= self._decimate:
            self._write_block(1, closing=False)

    def _write_block(self, level: int, *, closing: bool) -> None:
        """Write a block; at close the level above takes the child's offset but not its first entry."""
        pending = self._levels[level]
        above = self._levels.get(level + 1) if closing else self._levels.setdefault(level + 1, _PairLevel())
        timestamp = pending.index[0][0]
        index = self._chunks.append(Kind.INDEX, level, encode_pairs(pending.index))
        header = encode_payload_header(timestamp, len(pending.summary), 128)
        self._chunks.append(Kind.SUMMARY, level, header + b"".join(pending.summary))
        if above is not None:
            above.index.append((timestamp, index))
            above.summary += [] if closing else pending.summary[:1]
        pending.index, pending.summary = [], []
        if above is not None and len(above.index) >= self._decimate:
            self._write_block(level + 1, closing=closing)
