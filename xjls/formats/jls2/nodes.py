"""INDEX chunks of one signal: read once, checked, and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xjls.errors import CorruptError
from xjls.formats.jls2.wire import PAYLOAD_HEADER, Tag, new_tuple

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.jls2.chunks import ChunkFile
    from xjls.formats.jls2.layout import Blocks

KEEP = 1 << 12
ENTRY_BYTES = 8
_INDEX = int(Tag.FSR_INDEX)


class Node(NamedTuple):
    """An INDEX chunk."""

    item_next: int
    timestamp: int
    """Sample id of the first sample below it; above level 2 of old files right for the first one only."""
    children: NDArray[np.int64]
    """Offsets of the chunks that it lists; 0 for one that was left out."""


class Nodes:
    """The INDEX chunks of one signal, by their offsets.

    Parameters
    ----------
    chunks, signal_id, blocks
        The file, whose INDEX chunks, and how the signal is cut.
    """

    def __init__(self, chunks: ChunkFile, signal_id: int, blocks: Blocks) -> None:
        self._chunks = chunks
        self._id = signal_id
        self._blocks = blocks
        # Plain dict operations, so that threads need no lock; a full cache starts over
        self._kept: dict[int, Node] = {}

    def at(self, offset: int, level: int) -> Node:
        """Return the INDEX chunk of a level at ``offset``.

        Raises
        ------
        CorruptError, TruncatedError
            There is none, or it is damaged.
        """
        if (kept := self._kept.get(offset)) is not None:
            return kept
        chunk, payload = self._chunks.record(offset)
        _, item_next, tag, meta, length = chunk
        if tag != _INDEX or meta != level << 12 | self._id:
            self._chunks.expect(chunk, Tag.FSR_INDEX, level << 12 | self._id)
        timestamp, count, _, _ = PAYLOAD_HEADER.unpack_from(payload) if length >= PAYLOAD_HEADER.size else (0, 0, 0, 0)
        if not 0 < count <= self._blocks.children(level) or length < PAYLOAD_HEADER.size + count * ENTRY_BYTES:
            raise CorruptError(f"an INDEX chunk claims {count} entries", self._chunks.storage.path, offset)
        if len(self._kept) >= KEEP:
            self._kept.clear()
        node = new_tuple(Node, (item_next, timestamp, np.frombuffer(payload, "<i8", count, PAYLOAD_HEADER.size)))
        self._kept[offset] = node
        return node
