"""The right edge of one signal's index tree: where each level ends, and so how long the signal is.

A level's INDEX chunks form a list; those that the level above lists are reached through it, the others (the tail that
a closing or killed writer left) by following the list from the last one that is listed. Opening therefore reads one
path down the right edge, whatever the length of the recording.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from xjls.errors import CorruptError, TruncatedError
from xjls.formats.jls2.nodes import ENTRY_BYTES
from xjls.formats.jls2.wire import LEVELS, Tag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.jls2.chunks import ChunkFile
    from xjls.formats.jls2.layout import Blocks
    from xjls.formats.jls2.nodes import Nodes
    from xjls.formats.jls2.wire import Chunk


class RightEdge:
    """The ends of all levels of one signal; from them, the offset of any INDEX chunk.

    Parameters
    ----------
    chunks, nodes
        The file, and the signal's INDEX chunks.
    signal_id, blocks
        Whose track, and how it is cut.
    heads
        The 16 offsets of the track's HEAD.
    closed
        Whether the writer closed the file. If not, a list may end at chunks that are no longer, or not yet, there.

    Raises
    ------
    CorruptError, TruncatedError
        It is damaged.
    """

    def __init__(
        self, chunks: ChunkFile, nodes: Nodes, signal_id: int, blocks: Blocks, heads: tuple[int, ...], *, closed: bool
    ) -> None:
        self._chunks = chunks
        self._nodes = nodes
        self._id = signal_id
        self._blocks = blocks
        self._closed = closed
        self._tails: dict[int, list[int]] = {}
        """By level: offsets of the INDEX chunks that the level above does not list."""
        self._listed: dict[int, int] = {}
        """By level: how many chunks the level above lists."""
        self._last_index: dict[int, int] = {}
        """By level: offset of its last INDEX chunk."""
        self.first_data = heads[0]
        """Offset of the first DATA chunk; 0 when there is none."""
        self.tail_data: dict[int, int] = {}
        """Number → offset of the DATA chunks that no INDEX lists."""
        self.first_id = 0
        """Timestamp of the first DATA chunk."""
        self.length = 0
        """Samples."""
        self.last_data = 0
        """Offset of the last DATA chunk."""
        if heads[0]:
            self._walk(heads)

    def count(self, level: int) -> int:
        """Return the number of INDEX chunks of a level."""
        return self._listed.get(level, 0) + len(self._tails.get(level, ()))

    def has_level(self, level: int) -> bool:
        """Whether there are INDEX chunks of a level."""
        return level in self._last_index

    def node_offset(self, level: int, block: int) -> int:
        """Return the offset of INDEX chunk ``block`` of a level, by its place in the list."""
        listed = self._listed.get(level, 0)
        if block >= listed:
            return self._tails[level][block - listed]
        parent, child = divmod(block, self._blocks.step)
        children = self._nodes.at(self.node_offset(level + 1, parent), level + 1).children
        if child >= len(children):
            raise CorruptError("an INDEX chunk in the middle is not full", self._chunks.storage.path)
        return int(children[child])

    def node_offsets(self, level: int, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the offsets of INDEX chunks of a level, by their places in the list, which rise; see `node_offset`."""
        listed = self._listed.get(level, 0)
        cut = int(np.searchsorted(numbers, listed))
        parents, places = np.divmod(numbers[:cut], self._blocks.step)
        offsets = np.empty(len(numbers), np.int64)
        for lo, hi in pairwise([0, *(np.flatnonzero(np.diff(parents)) + 1).tolist(), cut] if cut else []):
            children = self._nodes.at(self.node_offset(level + 1, int(parents[lo])), level + 1).children
            if places[hi - 1] >= len(children):
                raise CorruptError("an INDEX chunk in the middle is not full", self._chunks.storage.path)
            offsets[lo:hi] = children[places[lo:hi]]
        offsets[cut:] = [self._tails[level][number - listed] for number in numbers[cut:].tolist()]
        return offsets

    def append(self, found: Chunk) -> None:
        """Add a DATA chunk that was written but not linked before the writer died, if it is the next one.

        Or the last one again, with more samples in it.
        """
        _, timestamp, count = self._chunks.extent(found.offset)
        number, off = divmod(timestamp - self.first_id if self.first_data else 0, self._blocks.chunk)
        start = number * self._blocks.chunk
        # A writer that appends replaces the last chunk, where that is not full
        replaces = start < self.length < start + count and self.length - start < self._blocks.chunk
        if off == 0 and (start == self.length or replaces):
            self._extent(found.offset)
            if not self.first_data:
                self.first_data, self.first_id = found.offset, timestamp
            self.tail_data[number] = found.offset
            self.length = start + count
            self.last_data = max(self.last_data, found.offset)

    def stored_entries(self, level: int) -> int:
        """Return how many entries the SUMMARY chunks of a level hold, from the header of the last one.

        Raises
        ------
        CorruptError, TruncatedError
            It is damaged, or cut off: `full_entries` are there all the same.
        """
        chunk, _, count = self._chunks.extent(self._chunks.header(self._last_index[level]).stop)
        self._chunks.expect(chunk, Tag.FSR_SUMMARY, level << 12 | self._id)
        if not self._blocks.summary_fits(count, chunk.payload_length):
            raise CorruptError(f"a SUMMARY claims {count:_} entries", self._chunks.storage.path, chunk.offset)
        return self.full_entries(level) + count

    def last_children(self, level: int) -> int:
        """Return how many chunks the last INDEX chunk of a level lists."""
        return len(self._nodes.at(self._last_index[level], level).children)

    def full_entries(self, level: int) -> int:
        """Return how many entries the SUMMARY chunks of a level hold, but for the last one."""
        return (self.count(level) - 1) * self._blocks.capacity

    def _walk(self, heads: tuple[int, ...]) -> None:
        first, self.first_id, _ = self._chunks.extent(heads[0])
        self._chunks.expect(first, Tag.FSR_DATA, self._id)
        top = self._top(heads)
        # All sample ids rest on the first timestamp: the first INDEX chunk repeats it, else its own CRC must prove it
        if not top:
            self._chunks.record(heads[0])
        elif (told := self._nodes.at(heads[top], top).timestamp) != self.first_id:
            problem = f"the first DATA chunk starts at sample {self.first_id:_}, its index at {told:_}"
            raise CorruptError(problem, self._chunks.storage.path, heads[0])
        following = heads[top]
        for level in range(top, 0, -1):
            following = self._walk_level(level, following)
        self._walk_data(following or heads[0])

    def _top(self, heads: tuple[int, ...]) -> int:
        """Return the highest level whose HEAD leads to an INDEX chunk; a cut file has lost those above."""
        for level in range(LEVELS - 1, 0, -1):
            if heads[level]:
                try:
                    self._nodes.at(heads[level], level)
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
        children = self._nodes.at(tail[-1], level).children
        full = listed + len(self._tails[level]) - 1
        if full and self._blocks.children(level) * ENTRY_BYTES > self._chunks.storage.size:
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
            children = self._nodes.at(self.node_offset(1, block), 1).children
        return int(children[np.flatnonzero(children)[-1]]) if children.any() else 0

    def _walk_data(self, start: int) -> None:
        listed = self._listed.get(0, 0)
        for chunk, timestamp, count in self._data_list(start):
            number, off = divmod(timestamp - self.first_id, self._blocks.chunk)
            # As many may follow the last INDEX as the next one lists, and more where that was cut off; none far away
            if off or not 0 <= number <= listed + self._blocks.children(1) + len(self.tail_data):
                raise CorruptError(
                    f"a DATA chunk starts at sample {timestamp:_}, where none can be", self._chunks.storage.path,
                    chunk.offset,
                )  # fmt: skip
            if number >= listed:
                self.tail_data[number] = chunk.offset
            self.length = max(self.length, timestamp - self.first_id + count)
            self.last_data = chunk.offset
        if listed and self.length <= (listed - 1) * self._blocks.chunk:
            # Constant chunks that were left out at the end are known by their entries only
            self.length = max(self.length, self.stored_entries(1) * self._blocks.entry)

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
                item_next = self._nodes.at(offset, level).item_next
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
