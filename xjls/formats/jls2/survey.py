"""A walk over a file, or a part of it, for when its links or index are damaged.

It trusts nothing but checksums: every chunk is placed by its own tag and timestamp, INDEX chunks by what they list.
It reads headers only, so it costs some microseconds a chunk. The whole file is walked once, where opening meets damage;
an INDEX chunk that is damaged in the middle costs a walk over the bytes between its neighbours.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from xjls.errors import CorruptError, TruncatedError
from xjls.formats.jls2.chunks import Hole
from xjls.formats.jls2.layout import ABSENT, OMITTED
from xjls.formats.jls2.wire import CHUNK_HEADER, FIRST_CHUNK, PAYLOAD_HEADER, Tag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.jls2.chunks import ChunkFile
    from xjls.formats.jls2.layout import Blocks
    from xjls.formats.jls2.wire import Chunk

logger = logging.getLogger(__name__)


class Survey:
    """Every intact chunk of a file or of a span of its bytes, by what it is.

    Parameters
    ----------
    chunks
        The file.
    start, stop
        The bytes to walk; a chunk begins at ``start``. None: to the end of the file.
    """

    def __init__(self, chunks: ChunkFile, start: int = FIRST_CHUNK, stop: int | None = None) -> None:
        logger.info("walking the chunks of %s from byte %d on", chunks.storage.path, start)
        self._chunks = chunks
        self._found: dict[tuple[int, int], list[Chunk]] = defaultdict(list)
        self.holes: list[Hole] = []
        ended = False
        for item in chunks.walk(start, stop):
            if isinstance(item, Hole):
                if not ended:
                    self.holes.append(item)
            else:
                ended = ended or item.tag == Tag.END
                self._found[item.tag, item.meta].append(item)

    def chunks_of(self, tag: int, meta: int | None = None) -> list[Chunk]:
        """Return the chunks of a tag, of one meta or of all, in file order."""
        if meta is not None:
            return self._found.get((tag, meta), [])
        return sorted(chunk for (t, _), found in self._found.items() if t == tag for chunk in found)

    def track(self, signal_id: int, blocks: Blocks, first_id: int | None = None) -> SurveyedTrack:
        """Return the layout of one signal's samples and levels; give the first sample id if it is known."""
        return SurveyedTrack(self._chunks, self, signal_id, blocks, first_id)


class SurveyedTrack:
    """The layout of one signal, from the chunks that a survey found; see `layout.Layout`.

    Parameters
    ----------
    chunks, survey
        The file, and what was found in it.
    signal_id, blocks
        Whose track, and how it is cut.
    first_id
        Sample id of the first sample, where it is known; else the lowest timestamp that can be trusted.
    """

    def __init__(
        self, chunks: ChunkFile, survey: Survey, signal_id: int, blocks: Blocks, first_id: int | None = None
    ) -> None:
        self._chunks = chunks
        self._blocks = blocks
        self._index = {
            level: survey.chunks_of(Tag.FSR_INDEX, level << 12 | signal_id) for level in range(1, 16)
        }  # fmt: skip
        found = survey.chunks_of(Tag.FSR_DATA, signal_id)
        extents = self._supported([extent for chunk in found if (extent := self._extent(chunk))])
        starts = [start for start, _, _ in extents] + self._index_starts()
        self.first_id = min(starts, default=0) if first_id is None else first_id
        self._numbers, self._offsets, data_stop = self._place(extents)
        self._summaries: dict[int, dict[int, int]] = {}
        """By level: number of the SUMMARY chunk → its offset."""
        self._stored: dict[int, int] = {}
        self._omitted: set[int] = set()
        if blocks.regular:
            self._place_levels()
        self.length = max(data_stop, self._stored.get(1, 0) * blocks.entry)

    def stored_entries(self, level: int) -> int:
        """Return how many entries of a level lie before the end of its last intact SUMMARY chunk."""
        return self._stored.get(level, 0)

    def data(self, start: int, stop: int) -> NDArray[np.int64]:
        """Return the offsets of DATA chunks ``[start, stop)``; see `Layout`."""
        offsets = np.full(stop - start, ABSENT, np.int64)
        lo, hi = np.searchsorted(self._numbers, (start, stop))
        offsets[self._numbers[lo:hi] - start] = self._offsets[lo:hi]
        for number in self._omitted:
            if start <= number < stop and offsets[number - start] == ABSENT:
                offsets[number - start] = OMITTED
        return offsets

    def data_at(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the offsets of DATA chunks by their numbers; see `Layout`."""
        found = [self.data(number, number + 1) for number in numbers.tolist()]
        return np.concatenate([np.empty(0, np.int64), *found])

    def missing(self) -> Iterator[tuple[int, int]]:
        """Yield the numbers of DATA chunks that were not found; see `Layout`."""
        n_chunks, step = -(-self.length // self._blocks.chunk), 1 << 16
        for first in range(0, n_chunks, step):
            offsets = self.data(first, min(first + step, n_chunks))
            for i in np.flatnonzero(offsets < 0).tolist():
                yield first + i, int(offsets[i])

    def summaries(self, level: int, start: int, stop: int) -> NDArray[np.int64]:
        """Return the offsets of SUMMARY chunks ``[start, stop)`` of a level; ABSENT where none is."""
        return self.summaries_at(level, np.arange(start, stop, dtype=np.int64))

    def summaries_at(self, level: int, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the offsets of SUMMARY chunks of a level by their numbers; ABSENT where none is."""
        known = self._summaries.get(level, {})
        return np.array([known.get(number, ABSENT) for number in numbers.tolist()], np.int64)

    def _extent(self, chunk: Chunk) -> tuple[int, int, int] | None:
        """Return start, samples and offset of a DATA chunk; None where its payload header cannot be true."""
        try:
            _, timestamp, count = self._chunks.extent(chunk.offset)
        except CorruptError:
            return None
        return (timestamp, count, chunk.offset) if self._blocks.data_fits(count, chunk.payload_length) else None

    def _supported(self, extents: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
        """Keep the chunks that continue their predecessor, or whose payload's checksum proves the timestamp."""
        kept: list[tuple[int, int, int]] = []
        for extent in extents:
            follows = bool(kept) and extent[0] == kept[-1][0] + self._blocks.chunk
            # Where samples are bits, the size of the payload proves the count of a full chunk only
            proven = self._blocks.bits >= 8 or extent[1] == self._blocks.chunk
            if (follows and proven) or self._intact(extent[2]):
                kept.append(extent)
        return kept

    def _intact(self, offset: int) -> bool:
        try:
            self._chunks.record(offset)
        except (CorruptError, TruncatedError):
            return False
        return True

    def _index_starts(self) -> list[int]:
        """Return the timestamp of the first level-1 INDEX chunk: the first DATA chunk itself may be lost."""
        first = next(iter(self._index[1]), None)
        if first is None or self._payload(first) is None:
            return []
        try:
            return [self._chunks.extent(first.offset)[1]]
        except CorruptError:
            return []

    def _place(self, extents: list[tuple[int, int, int]]) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
        """Place DATA chunks by their timestamps; return numbers, offsets and the end.

        Of several the longest wins, and the first of these: who appends writes the last chunk again when it is full.
        """
        placed: dict[int, int] = {}
        counts: dict[int, int] = {}
        stop = 0
        for timestamp, count, offset in extents:
            number, off = divmod(timestamp - self.first_id, self._blocks.chunk)
            if off == 0 and number >= 0 and count > counts.get(number, 0):
                placed[number], counts[number] = offset, count
                stop = max(stop, timestamp - self.first_id + count)
        numbers = np.array(sorted(placed), np.int64)
        return numbers, np.array([placed[number] for number in numbers.tolist()], np.int64), stop

    def _place_levels(self) -> None:
        """Place INDEX chunks by the first chunk that each lists, for timestamps of old releases are wrong.

        Of several the last wins: who appends writes what was not full when the file was closed again.
        """
        below = dict(zip(self._offsets.tolist(), self._numbers.tolist(), strict=True))
        for level in range(1, 16):
            placed: dict[int, int] = {}
            children = self._blocks.children(level)
            for chunk in self._index[level]:
                block = self._place_index(chunk, children, below)
                if block is not None:
                    placed[block] = chunk.offset
                    if level == 1:
                        self._note_omitted(chunk, block * children)
                    self._place_summary(chunk, level, block)
            below = {offset: block for block, offset in placed.items()}

    def _place_index(self, chunk: Chunk, children: int, below: dict[int, int]) -> int | None:
        payload = self._payload(chunk)
        if payload is None:
            return None
        for at, offset in enumerate(np.frombuffer(payload, "<i8", -1, PAYLOAD_HEADER.size).tolist()):
            if (number := below.get(offset)) is not None:
                block, place = divmod(number, children)
                return block if place == at else None
        return None

    def _note_omitted(self, chunk: Chunk, first: int) -> None:
        payload = self._payload(chunk)
        if payload is not None:
            children = np.frombuffer(payload, "<i8", -1, PAYLOAD_HEADER.size)
            self._omitted.update((first + np.flatnonzero(children == 0)).tolist())

    def _place_summary(self, index: Chunk, level: int, block: int) -> None:
        """Note the SUMMARY chunk behind an INDEX chunk, if it is intact as far as its header says."""
        try:
            chunk = self._chunks.header(index.stop)
        except (CorruptError, TruncatedError):
            return
        data = self._chunks.storage.read(chunk.offset + CHUNK_HEADER.size, PAYLOAD_HEADER.size)
        if chunk.tag != Tag.FSR_SUMMARY or chunk.meta != index.meta or len(data) < PAYLOAD_HEADER.size:
            return
        count = PAYLOAD_HEADER.unpack(data)[1]
        if self._blocks.summary_fits(count, chunk.payload_length):
            self._summaries.setdefault(level, {})[block] = chunk.offset
            self._stored[level] = max(self._stored.get(level, 0), block * self._blocks.capacity + count)

    def _payload(self, chunk: Chunk) -> bytes | None:
        try:
            payload = self._chunks.record(chunk.offset)[1]
        except (CorruptError, TruncatedError):
            return None
        return (
            payload if len(payload) >= PAYLOAD_HEADER.size and (len(payload) - PAYLOAD_HEADER.size) % 8 == 0 else None
        )
