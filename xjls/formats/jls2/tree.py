"""The index tree of one signal, read on demand: where its chunks are.

Chunks are looked up by segments, all that one INDEX chunk of level 2 leads to, and kept. An INDEX chunk that turns out
to be damaged costs a walk over the bytes between its predecessor and itself: what it lists stands there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xjls.errors import CorruptError, TruncatedError
from xjls.formats.jls2.edge import RightEdge
from xjls.formats.jls2.layout import ABSENT, OMITTED
from xjls.formats.jls2.nodes import ENTRY_BYTES, Nodes
from xjls.formats.jls2.survey import Survey
from xjls.formats.jls2.wire import CHUNK_HEADER, PAYLOAD_HEADER, padded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.jls2.chunks import ChunkFile
    from xjls.formats.jls2.layout import Blocks
    from xjls.formats.jls2.survey import SurveyedTrack
    from xjls.formats.jls2.wire import Chunk

KEEP_SEGMENTS = 1 << 11
SEGMENT_CHUNKS = 1 << 12
"""A segment has no more chunks, whatever the definition says."""
PREPARE_BYTES = 1 << 20
"""Of samples: a window that looks up as many is worth bringing its segment into memory in one stream."""
MOST_INDEX_BYTES = 1 << 12
"""Of an INDEX chunk, by any usual definition."""


class Segment(NamedTuple):
    """Neighbouring DATA chunks of one signal."""

    offsets: NDArray[np.int64]
    unknown: set[int]
    """Numbers of the INDEX chunks of level 1 that were not looked up yet."""


class IndexTree:
    """The layout of one signal, from the file's own index; see `layout.Layout`.

    Parameters
    ----------
    chunks
        The file.
    signal_id, blocks
        Whose track, and how it is cut.
    heads
        The 16 offsets of the track's HEAD.
    closed
        Whether the writer closed the file.
    report
        Called with the error where an INDEX chunk turns out to be damaged later.

    Raises
    ------
    CorruptError, TruncatedError
        The right edge of the tree is damaged, so that the length of the signal is not known.
    """

    def __init__(
        self,
        chunks: ChunkFile,
        signal_id: int,
        blocks: Blocks,
        heads: tuple[int, ...],
        *,
        closed: bool,
        report: Callable[[CorruptError | TruncatedError], None],
    ) -> None:
        self._chunks = chunks
        self._id = signal_id
        self._blocks = blocks
        self._closed = closed
        self._report = report
        self._nodes = Nodes(chunks, signal_id, blocks)
        self.edge = RightEdge(chunks, self._nodes, signal_id, blocks, heads, closed=closed)
        """Where each level ends."""
        self._segment_blocks = max(1, min(blocks.step, SEGMENT_CHUNKS // blocks.children(1)))
        self._per_block = blocks.children(1)
        self._per_segment = self._per_block * self._segment_blocks
        self._segments: dict[int, Segment] = {}
        self._stored: dict[int, int] = {}
        """By level: entries in its SUMMARY chunks, where that was asked for."""
        self._walked: tuple[tuple[int, int], SurveyedTrack] | None = None

    @property
    def first_id(self) -> int:
        """Sample id of the first sample."""
        return self.edge.first_id

    @property
    def length(self) -> int:
        """Samples."""
        return self.edge.length

    @property
    def last_data(self) -> int:
        """Offset of the last DATA chunk; 0 when there is none."""
        return self.edge.last_data

    def append(self, found: Chunk) -> None:
        """Add a DATA chunk that was written but not linked before the writer died, if it is the next one."""
        self.edge.append(found)
        self._segments.clear()

    def stored_entries(self, level: int) -> int:
        """Return how many entries of a level the file claims to hold; reads the last SUMMARY chunk's header once."""
        if not self.edge.has_level(level):
            return 0
        if level not in self._stored:
            try:
                self._stored[level] = self.edge.stored_entries(level)
            except (CorruptError, TruncatedError) as error:
                if self._closed:
                    self._report(error)
                self._stored[level] = self.edge.full_entries(level)
        return self._stored[level]

    def data(self, start: int, stop: int) -> NDArray[np.int64]:
        """Return the offsets of DATA chunks ``[start, stop)``; see `Layout`."""
        per_segment = self._per_segment
        first, last = start // per_segment, (stop - 1) // per_segment
        if first == last:
            return self._segment(first, start, stop)
        joined = np.empty(stop - start, np.int64)
        for number in range(first, last + 1):
            lo, hi = max(start, number * per_segment), min(stop, (number + 1) * per_segment)
            joined[lo - start : hi - start] = self._segment(number, lo, hi)
        return joined

    def data_at(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the offsets of DATA chunks by their numbers; see `Layout`."""
        if not len(numbers):
            return np.empty(0, np.int64)
        first, last = int(numbers[0]), int(numbers[-1])
        if last - first < self._per_segment:
            return self.data(first, last + 1)[numbers - first]
        offsets = np.full(len(numbers), ABSENT, np.int64)
        blocks, places = np.divmod(numbers, self._per_block)
        inside = int(np.searchsorted(blocks, self.edge.count(1)))
        if inside:
            wanted = np.unique(blocks[:inside])
            offsets[:inside] = self._listed_data(wanted)[np.searchsorted(wanted, blocks[:inside]), places[:inside]]
        for i in np.flatnonzero(offsets == ABSENT).tolist():
            offsets[i] = self.edge.tail_data.get(int(numbers[i]), ABSENT)
        return offsets

    def missing(self) -> Iterator[tuple[int, int]]:
        """Yield the numbers of DATA chunks that are not in the file; see `Layout`.

        Needs no kernel: who only wants to know what a file holds does not wait for numba.
        """
        n_chunks = -(-self.length // self._blocks.chunk)
        listed = 0
        for block in range(self.edge.count(1)):
            listed = block * self._per_block
            try:
                offsets = self._nodes.at(self.edge.node_offset(1, block), 1).children
            except (CorruptError, TruncatedError):
                offsets = self._walked_data(block)
            for i in np.flatnonzero(offsets <= 0).tolist():
                yield listed + i, OMITTED if offsets[i] in (0, OMITTED) else ABSENT
            listed += len(offsets)
        for number in range(listed, n_chunks):
            if number not in self.edge.tail_data:
                yield number, ABSENT

    def summaries(self, level: int, start: int, stop: int) -> NDArray[np.int64]:
        """Return the offsets of SUMMARY chunks ``[start, stop)``; see `Layout`."""
        return self.summaries_at(level, np.arange(start, stop, dtype=np.int64))

    def summaries_at(self, level: int, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the offsets of SUMMARY chunks by their numbers: each stands right behind its INDEX chunk."""
        count = self.edge.count(level)
        full = CHUNK_HEADER.size + padded(PAYLOAD_HEADER.size + self._blocks.children(level) * ENTRY_BYTES)
        offsets = np.full(len(numbers), ABSENT, np.int64)
        nodes = self._known_offsets(level, numbers[numbers < count])
        offsets[: len(nodes)] = np.where(nodes != ABSENT, nodes + full, ABSENT)
        if len(nodes) and numbers[len(nodes) - 1] == count - 1 and nodes[-1] != ABSENT:
            offsets[len(nodes) - 1] = self._stop_of(int(nodes[-1]))
        return offsets

    def _segment(self, number: int, start: int, stop: int) -> NDArray[np.int64]:
        """Return the offsets of DATA chunks ``[start, stop)`` of one segment; look up those that are not known yet."""
        segment = self._segments.get(number)
        if segment is None:
            segment = self._new_segment(number)
        if segment.unknown:
            asked = range(start // self._per_block, (stop - 1) // self._per_block + 1)
            if not segment.unknown.isdisjoint(asked):
                self._look_up(segment, number, asked)
        base = number * self._per_segment
        return segment.offsets[start - base : stop - base]

    def _new_segment(self, number: int) -> Segment:
        start = number * self._per_segment
        stop = min(start + self._per_segment, -(-self.length // self._blocks.chunk))
        offsets = np.full(max(stop - start, 0), ABSENT, np.int64)
        for chunk, offset in self.edge.tail_data.items():
            if start <= chunk < stop:
                offsets[chunk - start] = offset
        first = number * self._segment_blocks
        unknown = set(range(first, min(first + self._segment_blocks, self.edge.count(1))))
        if len(self._segments) >= KEEP_SEGMENTS:
            self._segments.clear()
        segment = self._segments[number] = Segment(offsets, unknown)
        return segment

    def _look_up(self, segment: Segment, number: int, asked: range) -> None:
        """Fill in the offsets that INDEX chunks of level 1 list."""
        blocks = range(asked.start, min(asked.stop, self.edge.count(1)))
        if len(blocks) * self._per_block * self._blocks.chunk * self._blocks.bits >= PREPARE_BYTES * 8:
            self._prepare(number)
        listed = self._listed_data(np.arange(blocks.start, blocks.stop, dtype=np.int64)).reshape(-1)
        at = blocks.start * self._per_block - number * self._per_segment
        room = segment.offsets[at : at + len(listed)]
        np.copyto(room, listed[: len(room)], where=listed[: len(room)] != ABSENT)
        # Only now: another thread may look meanwhile
        segment.unknown.difference_update(blocks)

    def _prepare(self, number: int) -> None:
        """Expect that most of a segment is read: its INDEX chunks stand among its samples and at their end."""
        if self._segment_blocks == self._blocks.step and number < self.edge.count(2):
            before = self._known_offset(2, number - 1) if number else self.edge.first_data
            last = self._known_offset(2, number)
            if ABSENT not in (before, last):
                self._chunks.storage.prepare(before, last + MOST_INDEX_BYTES)

    def _listed_data(self, blocks: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the offsets of the DATA chunks that INDEX chunks of level 1 list, by their numbers, a row each."""
        from xjls.kernels.index import index_offsets

        nodes = self._known_offsets(1, blocks)
        children = self._per_block
        n_bytes = CHUNK_HEADER.size + padded(PAYLOAD_HEADER.size + children * ENTRY_BYTES)
        buffer, positions = self._chunks.storage.spans(nodes, n_bytes)
        listed = np.empty((len(nodes), children), np.int64)
        fault = np.empty(len(nodes), np.uint8)
        index_offsets(buffer, positions, 1 << 12 | self._id, children, listed.reshape(-1), True, fault)
        listed[listed == 0] = OMITTED
        for i in np.flatnonzero(fault).tolist():
            listed[i] = self._walked_data(int(blocks[i]))
        return listed

    def _stop_of(self, offset: int) -> int:
        """Return where the chunk at ``offset`` ends, ABSENT where it is damaged."""
        try:
            return self._chunks.header(offset).stop
        except (CorruptError, TruncatedError) as error:
            self._report(error)
            return ABSENT

    def _known_offset(self, level: int, block: int) -> int:
        """Return the offset of an INDEX chunk, ABSENT where the chunk that lists it is damaged."""
        try:
            return self.edge.node_offset(level, block)
        except (CorruptError, TruncatedError) as error:
            self._report(error)
            return ABSENT

    def _known_offsets(self, level: int, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the offsets of INDEX chunks of a level by their numbers; see `_known_offset`."""
        try:
            return self.edge.node_offsets(level, numbers)
        except (CorruptError, TruncatedError):
            return np.array([self._known_offset(level, number) for number in numbers.tolist()], np.int64)

    def _walked_data(self, block: int) -> NDArray[np.int64]:
        """Return the offsets of the DATA chunks that a damaged INDEX chunk lists, from a walk over their bytes."""
        try:
            self._nodes.at(self.edge.node_offset(1, block), 1)
        except (CorruptError, TruncatedError) as error:
            self._report(error)
        first = block * self._per_block
        return self._walk_span(*self._span(1, block)).data(first, first + self._per_block)

    def _span(self, level: int, block: int) -> tuple[int, int]:
        """Return the bytes that hold what INDEX chunk ``block`` lists: those between its predecessor and itself."""
        try:
            stop = self.edge.node_offset(level, block)
            return self.edge.node_offset(level, block - 1) if block else self.edge.first_data, stop
        except (CorruptError, TruncatedError):
            if not self.edge.has_level(level + 1):
                raise
            return self._span(level + 1, block // self._blocks.step)

    def _walk_span(self, start: int, stop: int) -> SurveyedTrack:
        """Return what a walk over some bytes finds of this signal; the last one is kept, for neighbours share it."""
        if self._walked is None or self._walked[0] != (start, stop):
            survey = Survey(self._chunks, start, stop)
            self._walked = ((start, stop), survey.track(self._id, self._blocks, self.edge.first_id))
        return self._walked[1]
