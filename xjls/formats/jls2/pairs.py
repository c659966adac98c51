"""Ties and annotations of one signal as they are written: a chunk each, and the levels that list them."""

from __future__ import annotations

from collections import deque
from struct import Struct
from typing import TYPE_CHECKING

import numpy as np

from xjls.formats.jls2.wire import LEVELS, encode_annotation, encode_payload_header

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from xjls.formats.jls2.heads import TrackChunks
    from xjls.formats.jls2.wire import AnnotationRecord

_TIME = Struct("<q")
_TIE = Struct("<qq")
_NOTE = Struct("<qBBxxf")
PAIR_BITS = 128


class _Level:
    """The block of one level that is being filled."""

    def __init__(self) -> None:
        self.index: list[tuple[int, int]] = []
        """Timestamps of the chunks below it, and their offsets."""
        self.summary: list[bytes] = []


class PairTrack:
    """Write one signal's ties, or its annotations.

    Parameters
    ----------
    chunks
        Where to: a track of ties, or of annotations.
    decimate
        Entries of a block.
    """

    def __init__(self, chunks: TrackChunks, decimate: int) -> None:
        self._chunks = chunks
        self._decimate = decimate
        self._levels: dict[int, _Level] = {}
        self._kept: dict[int, deque[int]] = {}
        """By level: offsets of full INDEX chunks that the file has and that come up again in `restore`."""

    def tie(self, sample_id: int, time: int) -> None:
        """Write a tie; the time is JLS time."""
        self._chunks.drain()
        offset = self._chunks.append_data(encode_payload_header(sample_id, 1, 64) + _TIME.pack(time))
        self._add(sample_id, offset, encode_tie(sample_id, time))

    def annotate(self, note: AnnotationRecord) -> None:
        """Write an annotation."""
        self._chunks.drain()
        offset = self._chunks.append_data(encode_annotation(note))
        self._add(note.timestamp, offset, encode_note(note))

    def restore(self, records: Iterable[tuple[int, int, bytes]], kept: Mapping[int, Sequence[int]]) -> None:
        """Take what the file has.

        Parameters
        ----------
        records
            Timestamp, offset and SUMMARY entry of every DATA chunk.
        kept
            By level: offsets of the INDEX chunks that are full, from the first on.
        """
        self._kept = {level: deque(offsets) for level, offsets in kept.items()}
        for timestamp, offset, entry in records:
            self._add(timestamp, offset, entry)

    def close(self) -> None:
        """Write every block that has begun, bottom-up."""
        for level in range(1, LEVELS):
            if level in self._levels and self._levels[level].index:
                self._write_block(level, closing=True)

    def _add(self, timestamp: int, offset: int, entry: bytes) -> None:
        pending = self._levels.setdefault(1, _Level())
        pending.index.append((timestamp, offset))
        pending.summary.append(entry)
        if len(pending.index) >= self._decimate:
            self._write_block(1, closing=False)

    def _write_block(self, level: int, *, closing: bool) -> None:
        """Write a block and hand its offset to the level above: with its first entry, but not at the end.

        So the JLS library does it, whose readers expect no more.
        """
        pending = self._levels[level]
        above = self._levels.get(level + 1)
        if above is None and not closing and level + 1 < LEVELS:
            above = self._levels[level + 1] = _Level()
        timestamp = pending.index[0][0]
        offset = kept.popleft() if (kept := self._kept.get(level)) else self._append(level, pending)
        if above is not None:
            above.index.append((timestamp, offset))
            above.summary += [] if closing else pending.summary[:1]
        pending.index, pending.summary = [], []
        if above is not None and len(above.index) >= self._decimate:
            self._write_block(level + 1, closing=closing)

    def _append(self, level: int, pending: _Level) -> int:
        """Append a block as it is; return its offset."""
        timestamp = pending.index[0][0]
        index = encode_payload_header(timestamp, len(pending.index), PAIR_BITS)
        summary = encode_payload_header(timestamp, len(pending.summary), PAIR_BITS) + b"".join(pending.summary)
        return self._chunks.append_block(level, index + np.array(pending.index, "<i8").tobytes(), summary)


def encode_tie(sample_id: int, time: int) -> bytes:
    """Return a tie as SUMMARY chunks list it; the time is JLS time."""
    return _TIE.pack(sample_id, time)


def encode_note(note: AnnotationRecord) -> bytes:
    """Return an annotation as SUMMARY chunks list it."""
    return _NOTE.pack(note.timestamp, note.kind, note.group, note.y)
