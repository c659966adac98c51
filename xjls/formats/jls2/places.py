"""Where one signal's samples and entries lie in the mapped file, for kernels that use them without a copy.

A chunk is looked at once: what is found to be whole is used where it lies from then on, and its checksums are not
computed again while the recording is open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.formats.jls2.wire import CHUNK_HEADER, PAYLOAD_HEADER, SAMPLE_BODY, Tag, padded
from xjls.storage.local import LocalFile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.jls2.datatypes import DataType
    from xjls.formats.jls2.gaps import Skipped
    from xjls.formats.jls2.layout import Blocks, Layout
    from xjls.formats.jls2.levels import Levels, Request
    from xjls.formats.jls2.samples import Samples
    from xjls.storage import Storage

_DATA, _SUMMARY = int(Tag.FSR_DATA), int(Tag.FSR_SUMMARY)


class Places:
    """Fulfil `xjls.model.reader.Places` for one signal of a JLS v2 file.

    Parameters
    ----------
    storage, layout
        Where the bytes are, and which of them are the signal's.
    signal_id, kind, blocks
        Its number in the file, its sample type, and how it is cut.
    levels, samples
        Who reads its entries and its samples.
    request
        How entries are read: damage must not raise.
    skipped
        What the writer filled, and is no sample.
    """

    counts_samples = False

    def __init__(
        self, storage: Storage, layout: Layout, signal_id: int, kind: DataType, blocks: Blocks, levels: Levels,
        samples: Samples, request: Request, skipped: Skipped,
    ) -> None:  # fmt: skip
        self.in_place = isinstance(storage, LocalFile)
        self.block_samples = blocks.chunk
        self.block_entries = blocks.capacity
        self._storage = storage
        self._mapping = storage.mapping if isinstance(storage, LocalFile) else _no_mapping
        self._layout = layout
        self._id = signal_id
        self._kind = kind
        self._blocks = blocks
        self._levels = levels
        self._samples = samples
        self._request = request
        self._skipped = skipped

    def hold(self) -> object:
        """Return what keeps addresses good; raise where the file was closed, or shrank."""
        return self._storage.hold()

    def samples(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the address of each block of samples, 0 where it must be read; see `xjls.model.reader.Places`."""
        if not self.in_place:
            return np.zeros(len(numbers), np.int64)
        size = self._blocks.chunk
        counts = np.minimum(size, self._layout.length - numbers * size)
        offsets = self._layout.data_at(numbers)
        body = PAYLOAD_HEADER.size + -(-size * self._blocks.bits // 8)
        ids = self._layout.first_id + numbers * size
        found = self._whole(offsets, counts, ids, body, _DATA, self._id, self._blocks.bits)
        found[self._skipped.fills(numbers * size, size)] = 0
        return found

    def entries(self, level: int, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the address of each block of entries, 0 where it cannot be used as it is; see `samples`."""
        if not self.in_place or not self._blocks.regular or not self._levels.as_stored(self._request, level):
            return np.zeros(len(numbers), np.int64)
        last = -(-(self._layout.length // self._blocks.factor(level)) // self._blocks.capacity) - 1
        if not self._kind.floating:
            found, _ = self._entry_blocks(level, numbers)
            samples = self._blocks.capacity * self._blocks.factor(level)
            found[self._skipped.fills(numbers * samples, samples)] = 0
            return found
        # A run of NaN that begins in a neighbour may end in this block, unseen: its entries say nothing of a few
        from xjls.kernels.entries import ANY, FIRST, LAST

        around = np.unique(np.concatenate([numbers, np.maximum(numbers - 1, 0), np.minimum(numbers + 1, last)]))
        found, marks = self._entry_blocks(level, around)
        marks[found == 0] = ANY | FIRST | LAST  # whatever a block may hold that is damaged, or not there
        clean = (marks & ANY) == 0
        before = np.where(np.diff(around, prepend=-2) == 1, np.roll(marks, 1) & LAST, 0)
        behind = np.where(np.diff(around, append=last + 2) == 1, np.roll(marks, -1) & FIRST, 0)
        found[~clean | (before > 0) | (behind > 0)] = 0
        return found[np.searchsorted(around, numbers)]

    def stored(self, level: int, start: int, stop: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return entries as the file has them, made right where a release is known to be wrong, and which to trust."""
        return self._levels.trusted(self._request, level, start, stop)

    def reduced(self, start: int, stop: int) -> NDArray[np.float64] | None:
        """Return rows that together are samples [start, stop), in one pass over them where they lie; else None."""
        if not self.in_place or self._skipped.fills(np.array([start]), stop - start)[0]:
            return None
        return self._samples.reduce(self._layout, start, stop, verify=self._request.verify)

    def _entry_blocks(self, level: int, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Return the address of each whole block of a level, else 0, and its marks."""
        from xjls.kernels.entries import VARIES, mark_blocks
        from xjls.kernels.gather import ANY_ID

        factor, size = self._blocks.factor(level), self._blocks.capacity
        counts = np.minimum(size, self._layout.length // factor - numbers * size)
        offsets = self._layout.summaries_at(level, numbers)
        body = PAYLOAD_HEADER.size + size * self._kind.entry_bits // 8
        ids = self._layout.first_id + numbers * size * factor if level <= 2 else np.full(len(numbers), ANY_ID)
        meta = level << 12 | self._id
        places = self._whole(offsets, counts, ids, body, _SUMMARY, meta, self._kind.entry_bits)
        buffer = self._mapping()
        marks = np.empty(len(numbers), np.uint8)
        base = buffer.ctypes.data
        mark_blocks(buffer, np.where(places > 0, places - base, -1), counts, self._kind.entry_bits == 256, marks)
        if not self._levels.deviations_known:
            places[(marks & VARIES) > 0] = 0
        return places, marks

    def _whole(
        self, offsets: NDArray[np.int64], counts: NDArray[np.int64], ids: NDArray[np.int64], body: int, tag: int,
        meta: int, bits: int,
    ) -> NDArray[np.int64]:  # fmt: skip
        """Return the address of each chunk's body, 0 where the chunk does not hold ``counts`` items or is damaged."""
        from xjls.kernels.gather import gather

        buffer, positions = self._storage.spans(offsets, CHUNK_HEADER.size + padded(body))
        plan = np.zeros((len(offsets), 5), np.int64)
        plan[:, 0], plan[:, 1], plan[:, 2] = positions, ids, counts
        fault = np.empty(len(offsets), np.uint8)
        gather(buffer, plan, tag, meta, bits, False, self._request.verify, np.empty(0, np.uint8), fault)
        return np.where(fault == 0, buffer.ctypes.data + positions + SAMPLE_BODY, 0)


def _no_mapping() -> NDArray[np.uint8]:
    """Return nothing, in the place of a mapping: storage that is read in ranges has none, and cannot lose it."""
    return np.empty(0, np.uint8)
