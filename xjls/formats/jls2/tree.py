"""The index tree of one signal, read on demand.

A level's INDEX chunks form a list; those that the level above lists are reached through it, the others (the tail that
a closing or killed writer left) by following the list from the last one that is listed. Opening therefore reads one
path down the right edge of the tree, whatever the length of the recording.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xjls.errors import CorruptError, TruncatedError
from xjls.formats.jls2.layout import ABSENT, OMITTED
from xjls.formats.jls2.survey import Survey
from xjls.formats.jls2.wire import CHUNK_HEADER, LEVELS, PAYLOAD_HEADER, Tag, new_tuple, padded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.jls2.chunks import ChunkFile
    from xjls.formats.jls2.layout import Blocks
    from xjls.formats.jls2.survey import SurveyedTrack
    from xjls.formats.jls2.wire import Chunk

KEEP_NODES = 1 << 12
KEEP_SEGMENTS = 1 << 11
SEGMENT_CHUNKS = 1 << 12
_ENTRY_BYTES = 8
_INDEX = int(Tag.FSR_INDEX)


class Node(NamedTuple):
    """An INDEX chunk."""

    item_next: int
    timestamp: int
    """Sample id of the first sample below it; above level 2 of old files right for the first one only."""
    children: NDArray[np.int64]
    """Offsets of the chunks that it lists; 0 for one that was left out."""


class IndexTree:
    """The INDEX chunks of one signal, and what they list.

    Parameters
    ----------
    chunks
        The file.
    signal_id
        Whose track.
    blocks
        How the signal is cut.
    heads
        The 16 offsets of the track's HEAD.
    closed
        Whether the writer closed the file. If not, a list may end at chunks that are no longer, or not yet, there.
    report
        Called with the error where an INDEX chunk turns out to be damaged later; the chunks that it lists are then
        found by a walk over the bytes that can hold them.

    Raises
    ------
    CorruptError, TruncatedError
        The right edge of the tree is damaged.
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
        self._first_data = heads[0]
        self._walked: tuple[tuple[int, int], SurveyedTrack] | None = None
        # Chunks are looked up by segments: usually those below one INDEX chunk of level 2, and never very many
        self._segment_blocks = max(1, min(blocks.step, SEGMENT_CHUNKS // blocks.children(1)))
        self._per_segment = blocks.children(1) * self._segment_blocks
        self._nodes: dict[int, Node] = {}
        self._segments: dict[int, NDArray[np.int64]] = {}
        self._tails: dict[int, list[int]] = {}
        """By level: offsets of the INDEX chunks that the level above does not list."""
        self._listed: dict[int, int] = {}
        """By level: how many chunks the level above lists."""
        self._last_index: dict[int, int] = {}
        """By level: offset of its last INDEX chunk."""
        self._stored: dict[int, int] = {}
        """By level: entries in its SUMMARY chunks, where that was asked for."""
        self._tail_data: dict[int, int] = {}
        """Number → offset of the DATA chunks that no INDEX lists."""
        self.first_id, self.length, self.last_data = 0, 0, 0
        if heads[0]:
            self._walk_edge(heads)

    def stored_entries(self, level: int) -> int:
        """Return how many entries of a level the file claims to hold; reads the last SUMMARY chunk's header once."""
        if level not in self._last_index:
            return 0
        if level not in self._stored:
            self._stored[level] = self._count_entries(level)
        return self._stored[level]

    def data(self, start: int, stop: int) -> NDArray[np.int64]:
        """Return the offsets of DATA chunks ``[start, stop)``; see `Layout`."""
        per_segment = self._per_segment
        first, last = start // per_segment, (stop - 1) // per_segment
        if first == last:
            return self._segment(first)[start - first * per_segment : stop - first * per_segment]
        joined = np.concatenate([self._segment(i) for i in range(first, last + 1)])
        return joined[start - first * per_segment : stop - first * per_segment]

    def summaries(self, level: int, start: int, stop: int) -> NDArray[np.int64]:
        """Return the offsets of SUMMARY chunks ``[start, stop)``: each stands right behind its INDEX chunk."""
        count = self._count(level)
        full = CHUNK_HEADER.size + padded(PAYLOAD_HEADER.size + self._blocks.children(level) * _ENTRY_BYTES)
        offsets = np.full(stop - start, ABSENT, np.int64)
        for block in range(start, min(stop, count)):
            node = self._known_offset(level, block)
            if node != ABSENT:
                offsets[block - start] = node + full if block < count - 1 else self._stop_of(node)
        return offsets

    # -- opening -----------------------------------------------------------------------------------------------------

    def append(self, found: Chunk) -> None:
        """Add a DATA chunk that was written but not linked before the writer died, if it is the next one."""
        _, timestamp, count = self._extent(found.offset)
        number, off = divmod(timestamp - self.first_id, self._blocks.chunk)
        if off == 0 and number * self._blocks.chunk == self.length:
            self._tail_data[number] = found.offset
            self.length += count
            self.last_data = max(self.last_data, found.offset)
            self._segments.clear()

    def _walk_edge(self, heads: tuple[int, ...]) -> None:
        first, self.first_id, _ = self._chunks.extent(heads[0])
        self._chunks.expect(first, Tag.FSR_DATA, self._id)
        top = self._top(heads)
        if (top and self._node(heads[top], top).timestamp != self.first_id) or not top:
            # All sample ids rest on this timestamp: the first INDEX chunk repeats it, else its own CRC must prove it
            self._chunks.record(heads[0])
        following = heads[top]
        for level in range(top, 0, -1):
            following = self._walk_level(level, following)
        self._walk_data(following or heads[0])

    def _top(self, heads: tuple[int, ...]) -> int:
        """Return the highest level whose HEAD leads to an INDEX chunk; a cut file has lost those above."""
        for level in range(LEVELS - 1, 0, -1):
            if heads[level]:
                try:
                    self._node(heads[level], level)
                except TruncatedError:
                    if self._closed:
                        raise
                else:
                    return level
        return 0

    def _walk_level(self, level: int, start: int) -> int:
        """Find a level's unlisted INDEX chunks from its last listed one; return the last chunk of the level below."""
        tail = self._index_list(start, level)
        listed = self._listed.get(level, 0)
        self._tails[level] = tail[1:] if listed else tail
        self._last_index[level] = tail[-1]
        children = self._nodes[tail[-1]].children
        full = listed + len(self._tails[level]) - 1
        if full and self._blocks.children(level) * _ENTRY_BYTES > self._chunks.storage.size:
            raise CorruptError("INDEX chunks would be larger than the file", self._chunks.storage.path, tail[-1])
        below = full * self._blocks.children(level)
        self._listed[level - 1] = below + len(children)
        return int(children[-1]) or self._last_present(level, below, children)

    def _last_present(self, level: int, below: int, children: NDArray[np.int64]) -> int:
        """Return the last DATA chunk that is there, when the last ones were left out."""
        if level > 1:
            raise CorruptError("an INDEX chunk lists nothing", self._chunks.storage.path, self._tails[level][-1])
        block = below // self._blocks.children(1)
        while not children.any() and block > 0:
            block -= 1
            children = self._node(self._node_offset(1, block), 1).children
        return int(children[np.flatnonzero(children)[-1]]) if children.any() else 0

    def _walk_data(self, start: int) -> None:
        listed = self._listed.get(0, 0)
        for chunk, timestamp, count in self._data_list(start):
            number, off = divmod(timestamp - self.first_id, self._blocks.chunk)
            if off or not 0 <= number <= listed + self._blocks.children(1):
                raise CorruptError(
                    f"a DATA chunk starts at sample {timestamp:_}, where none can be", self._chunks.storage.path,
                    chunk.offset,
                )  # fmt: skip
            if number >= listed:
                self._tail_data[number] = chunk.offset
            self.length = max(self.length, timestamp - self.first_id + count)
            self.last_data = chunk.offset
        if listed and self.length <= (listed - 1) * self._blocks.chunk:
            # Constant chunks that were left out at the end are known by their entries only
            self.length = max(self.length, self.stored_entries(1) * self._blocks.entry)

    def _count_entries(self, level: int) -> int:
        """Return the entries in all SUMMARY chunks of a level; the last one may be short or, in a cut file, missing."""
        full = (self._count(level) - 1) * self._blocks.capacity
        try:
            return full + self._last_summary(level)
        except (CorruptError, TruncatedError) as error:
            if self._closed:
                self._report(error)
            return full

    def _last_summary(self, level: int) -> int:
        """Return the entries in the last SUMMARY chunk of a level."""
        chunk, _, count = self._chunks.extent(self._chunks.header(self._last_index[level]).stop)
        self._chunks.expect(chunk, Tag.FSR_SUMMARY, level << 12 | self._id)
        if not self._blocks.summary_fits(count, chunk.payload_length):
            raise CorruptError(f"a SUMMARY claims {count:_} entries", self._chunks.storage.path, chunk.offset)
        return count

    def _extent(self, offset: int) -> tuple[Chunk, int, int]:
        """Return a DATA chunk of the right edge, its timestamp and its samples: they decide the signal's length.

        The header's checksum covers the payload's size, and with it the count of whole bytes of samples. Where samples
        are bits, or the file was not closed and its last chunk may be torn, the payload's own checksum decides.
        """
        chunk, timestamp, count = self._chunks.extent(offset)
        self._chunks.expect(chunk, Tag.FSR_DATA, self._id)
        if self._blocks.bits < 8 or not self._closed:
            self._chunks.record(offset)
        if not self._blocks.data_fits(count, chunk.payload_length):
            raise CorruptError(f"a DATA chunk claims {count:_} samples", self._chunks.storage.path, offset)
        return chunk, timestamp, count

    def _index_list(self, start: int, level: int) -> list[int]:
        """Follow a list of INDEX chunks; a file that was cut off or never closed may end before the list does."""
        found: list[int] = []
        offset = start
        try:
            while offset:
                item_next = self._node(offset, level).item_next
                found.append(offset)
                offset = self._chunks.forward(offset, item_next) if item_next else 0
        except TruncatedError:
            if self._closed or not found:
                raise
        return found

    def _data_list(self, start: int) -> list[tuple[Chunk, int, int]]:
        """Follow the list of DATA chunks with their timestamps and samples; see `_index_list`."""
        found: list[tuple[Chunk, int, int]] = []
        offset = start
        try:
            while offset:
                found.append(self._extent(offset))
                offset = self._chunks.forward(offset, found[-1][0].item_next)
        except TruncatedError:
            if self._closed or not found:
                raise
        return found

    # -- navigation --------------------------------------------------------------------------------------------------

    def _segment(self, number: int) -> NDArray[np.int64]:
        """Return the offsets of one segment's DATA chunks, shorter at the end of the signal."""
        if (kept := self._segments.get(number)) is not None:
            return kept
        start = number * self._per_segment
        stop = min(start + self._per_segment, -(-self.length // self._blocks.chunk))
        segment = np.full(max(stop - start, 0), ABSENT, np.int64)
        listed = self._listed_data(number * self._segment_blocks)[: len(segment)]
        segment[: len(listed)] = listed
        for chunk, offset in self._tail_data.items():
            if start <= chunk < stop:
                segment[chunk - start] = offset
        if len(self._segments) >= KEEP_SEGMENTS:
            self._segments.clear()
        self._segments[number] = segment
        return segment

    def _listed_data(self, first: int) -> NDArray[np.int64]:
        """Return the offsets of the DATA chunks that one segment's INDEX chunks list, the first of them ``first``."""
        from xjls.kernels.index import index_offsets

        last = min(first + self._segment_blocks, self._count(1))
        nodes = np.array([self._known_offset(1, block) for block in range(first, last)], np.int64)
        if not len(nodes):
            return nodes
        children = self._blocks.children(1)
        n_bytes = CHUNK_HEADER.size + padded(PAYLOAD_HEADER.size + children * _ENTRY_BYTES)
        buffer, positions = self._chunks.storage.spans(nodes, n_bytes)
        listed = np.empty((len(nodes), children), np.int64)
        fault = np.empty(len(nodes), np.uint8)
        index_offsets(buffer, positions, 1 << 12 | self._id, children, listed.reshape(-1), True, fault)
        listed[listed == 0] = OMITTED
        for i in np.flatnonzero(fault).tolist():
            listed[i] = self._walked_data(first + i)
        return listed.reshape(-1)

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
            return self._node_offset(level, block)
        except (CorruptError, TruncatedError) as error:
            self._report(error)
            return ABSENT

    def _walked_data(self, block: int) -> NDArray[np.int64]:
        """Return the offsets of the DATA chunks that a damaged INDEX chunk lists, from a walk over their bytes."""
        try:
            self._node(self._node_offset(1, block), 1)
        except (CorruptError, TruncatedError) as error:
            self._report(error)
        first = block * self._blocks.children(1)
        return self._walk_span(*self._span(1, block)).data(first, first + self._blocks.children(1))

    def _span(self, level: int, block: int) -> tuple[int, int]:
        """Return the bytes that hold what INDEX chunk ``block`` lists: those between its predecessor and itself."""
        try:
            stop = self._node_offset(level, block)
            return self._node_offset(level, block - 1) if block else self._first_data, stop
        except (CorruptError, TruncatedError):
            if level + 1 not in self._tails:
                raise
            return self._span(level + 1, block // self._blocks.step)

    def _walk_span(self, start: int, stop: int) -> SurveyedTrack:
        """Return what a walk over some bytes finds of this signal; the last one is kept, for neighbours share it."""
        if self._walked is None or self._walked[0] != (start, stop):
            survey = Survey(self._chunks, start, stop)
            self._walked = ((start, stop), survey.track(self._id, self._blocks, self.first_id))
        return self._walked[1]

    def _count(self, level: int) -> int:
        """Return the number of INDEX chunks of a level."""
        return self._listed.get(level, 0) + len(self._tails.get(level, ()))

    def _node_offset(self, level: int, block: int) -> int:
        """Return the offset of INDEX chunk ``block`` of a level, by its place in the list."""
        listed = self._listed.get(level, 0)
        if block >= listed:
            return self._tails[level][block - listed]
        parent, child = divmod(block, self._blocks.step)
        children = self._node(self._node_offset(level + 1, parent), level + 1).children
        if child >= len(children):
            raise CorruptError("an INDEX chunk in the middle is not full", self._chunks.storage.path)
        return int(children[child])

    def _node(self, offset: int, level: int) -> Node:
        """Return the INDEX chunk at ``offset``, read once and kept."""
        if (kept := self._nodes.get(offset)) is not None:
            return kept
        chunk, payload = self._chunks.record(offset)
        _, item_next, tag, meta, length = chunk
        if tag != _INDEX or meta != level << 12 | self._id:
            self._chunks.expect(chunk, Tag.FSR_INDEX, level << 12 | self._id)
        timestamp, count, _, _ = PAYLOAD_HEADER.unpack_from(payload) if length >= PAYLOAD_HEADER.size else (0, 0, 0, 0)
        if not 0 < count <= self._blocks.children(level) or length < PAYLOAD_HEADER.size + count * _ENTRY_BYTES:
            raise CorruptError(f"an INDEX chunk claims {count} entries", self._chunks.storage.path, offset)
        if len(self._nodes) >= KEEP_NODES:
            self._nodes.clear()
        node = new_tuple(Node, (item_next, timestamp, np.frombuffer(payload, "<i8", count, PAYLOAD_HEADER.size)))
        self._nodes[offset] = node
        return node
