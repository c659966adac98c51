"""Ties and annotations of one signal as they are written: a chunk each, and the levels that list them."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

import numpy as np

from xjls.formats.jls2.tape import TrackChunks
from xjls.formats.jls2.wire import LEVELS, Tag, encode_annotation, encode_payload_header

if TYPE_CHECKING:
    from xjls.formats.jls2.tape import Tape
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
    tape, signal_id
        Where to, and the signal's number there.
    definition
        The track's DEF tag: ``UTC_DEF`` or ``ANNOTATION_DEF``.
    decimate
        Entries of a block.
    """

    def __init__(self, tape: Tape, signal_id: int, definition: Tag, decimate: int) -> None:
        self._chunks = TrackChunks(tape, signal_id, definition)
        self._decimate = decimate
        self._levels: dict[int, _Level] = {}

    def tie(self, sample_id: int, time: int) -> None:
        """Write a tie; the time is JLS time."""
        offset = self._chunks.append_data(encode_payload_header(sample_id, 1, 64) + _TIME.pack(time))
        self._add(sample_id, offset, _TIE.pack(sample_id, time))

    def annotate(self, note: AnnotationRecord) -> None:
        """Write an annotation."""
        offset = self._chunks.append_data(encode_annotation(note))
        self._add(note.timestamp, offset, _NOTE.pack(note.timestamp, note.kind, note.group, note.y))

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
        above = self._levels.get(level + 1) if closing else self._levels.setdefault(level + 1, _Level())
        timestamp = pending.index[0][0]
        index = encode_payload_header(timestamp, len(pending.index), PAIR_BITS)
        summary = encode_payload_header(timestamp, len(pending.summary), PAIR_BITS) + b"".join(pending.summary)
        offset = self._chunks.append_block(level, index + np.array(pending.index, "<i8").tobytes(), summary)
        if above is not None:
            above.index.append((timestamp, offset))
            above.summary += [] if closing else pending.summary[:1]
        pending.index, pending.summary = [], []
        if above is not None and len(above.index) >= self._decimate:
            self._write_block(level + 1, closing=closing)
