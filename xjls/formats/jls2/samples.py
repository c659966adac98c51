"""Windows of one signal's samples: chunks to fetch, values to put in place, losses to name.

The flow of one read: window → chunk numbers → offsets (`layout`) → bytes (`storage`) → one kernel that checks and
copies → what the chunks could not give: constants that the writer left out are put back, the rest is a gap.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.formats.jls2.layout import OMITTED
from xjls.formats.jls2.wire import CHUNK_HEADER, PAYLOAD_HEADER, Tag, padded
from xjls.model.window import Gap, Window, merge_gaps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.jls2.datatypes import DataType
    from xjls.formats.jls2.layout import Blocks, Layout
    from xjls.storage import Storage

PIECE_BYTES = 64 << 20
"""File bytes that are brought into memory and copied in one step: a long window streams through the cache."""

LEFT_OUT = "left out when it was written; the values were not kept"


class Samples:
    """Read windows of one signal's samples.

    Parameters
    ----------
    storage
        Where the bytes are.
    signal_id, kind, blocks
        Whose samples, of what type, and how they are cut.
    mean_of
        Returns the mean of each of a chunk's level-1 entries; it stands for constant chunks that were left out.
    """

    def __init__(
        self,
        storage: Storage,
        signal_id: int,
        kind: DataType,
        blocks: Blocks,
        mean_of: Callable[[Layout, int], NDArray[Any] | None],
    ) -> None:
        self._storage = storage
        self._id = signal_id
        self._kind = kind
        self._blocks = blocks
        self._mean_of = mean_of
        self._chunk_bytes = CHUNK_HEADER.size + padded(PAYLOAD_HEADER.size + -(-blocks.chunk * blocks.bits // 8))
        self._piece = blocks.chunk * max(1, PIECE_BYTES // self._chunk_bytes)
        self._facts = self._facts_from(0)
        self._kernel: Callable[..., int] | None = None

    def read(self, layout: Layout, start: int, stop: int, out: NDArray[Any], *, verify: bool) -> tuple[Gap, ...]:
        """Fill ``out`` with samples ``[start, stop)``, counted from the first one; return what is lost.

        Lost samples are NaN, or 0 in signals that are not floating. Gaps are in sample ids.
        """
        if stop - start <= self._piece:
            gaps = self._read_piece(layout, start, stop, out, verify)
        else:
            edges = [start, *range((start // self._piece + 1) * self._piece, stop, self._piece), stop]
            gaps = []
            for lo, hi in pairwise(edges):
                gaps += self._read_piece(layout, lo, hi, out[lo - start : hi - start], verify)
        for gap in gaps:
            first = gap.window.start - layout.first_id - start
            out[first : first + gap.window.length] = np.nan if self._kind.floating else 0
        return merge_gaps(gaps) if gaps else ()

    def reduce(self, layout: Layout, start: int, stop: int, *, verify: bool) -> NDArray[np.float64] | None:
        """Reduce samples ``[start, stop)`` where they lie, in one pass: a row a chunk, as of `xjls.kernels.moments`.

        None where a chunk is damaged or was left out: then they must be read.
        """
        from xjls.kernels.window_moments import window_reducer

        kernel, size, rows = window_reducer(self._kind.dtype), self._blocks.chunk, []
        facts = self._facts if layout.first_id == self._facts[-1] else self._facts_from(layout.first_id)
        for lo in range(start // self._piece * self._piece, stop, self._piece):
            begin, end = max(lo, start), min(lo + self._piece, stop)
            first, last = begin // size, (end - 1) // size + 1
            buffer, positions = self._storage.spans(layout.data(first, last), self._chunk_bytes)
            part, fault = np.empty((last - first, 6)), np.empty(last - first, np.uint8)
            if kernel(buffer, positions, facts, first, begin, end, verify, part, fault):
                return None
            rows.append(part)
        return np.concatenate(rows) if rows else np.empty((0, 6))

    def _read_piece(self, layout: Layout, start: int, stop: int, out: NDArray[Any], verify: bool) -> list[Gap]:
        size = self._blocks.chunk
        first, last = start // size, (stop - 1) // size + 1
        offsets = layout.data(first, last)
        buffer, positions = self._storage.spans(offsets, self._chunk_bytes)
        facts = self._facts if layout.first_id == self._facts[-1] else self._facts_from(layout.first_id)
        fault = np.empty(last - first, np.uint8)
        if self._kernel is None:
            self._kernel = _load_kernel()
        if self._kernel(buffer, positions, facts, first, start, stop, verify, out.view(np.uint8), fault):
            return self._mend(layout, first, start, stop, offsets, fault, out)
        return []

    def _facts_from(self, first_id: int) -> NDArray[np.int64]:
        """Return what stays the same from one window to the next, as `xjls.kernels.window.FACTS` lists it."""
        kind = self._kind
        facts = (int(Tag.FSR_DATA), self._id, kind.bits, kind.signed_nibbles, self._blocks.chunk, first_id)
        self._facts = np.array(facts, np.int64)
        return self._facts

    def _mend(
        self,
        layout: Layout,
        first: int,
        start: int,
        stop: int,
        offsets: NDArray[np.int64],
        fault: NDArray[np.uint8],
        out: NDArray[Any],
    ) -> list[Gap]:
        """Put back constants that the writer left out; return the other chunks that gave nothing as gaps."""
        from xjls.kernels.faults import MEANING, Fault

        gaps = []
        size = self._blocks.chunk
        for i in np.flatnonzero(fault).tolist():
            begin = (first + i) * size
            lo, hi = max(start, begin), min(stop, begin + size)
            omitted = offsets[i] == OMITTED
            if omitted and self._put_back(layout, first + i, lo - begin, out[lo - start : hi - start]):
                continue
            reason = LEFT_OUT if omitted else MEANING[Fault(fault[i])]
            window = Window(layout.first_id + lo, layout.first_id + hi)
            gaps.append(Gap(window, reason, int(offsets[i]) if offsets[i] >= 0 else -1))
        return gaps

    def _put_back(self, layout: Layout, number: int, skip: int, out: NDArray[Any]) -> bool:
        """Fill in a constant chunk of at most 8 bits a sample from its summary; False where that is not known."""
        if self._kind.bits > 8:
            return False
        means = self._mean_of(layout, number)
        if means is None or not len(means):
            return False
        entry = self._blocks.entry
        # The last entry also stands for samples behind it that fill no entry
        which = np.minimum(np.arange(skip, skip + len(out)) // entry, len(means) - 1)
        out[:] = np.rint(means[which]).astype(self._kind.dtype)
        return True


@functools.cache
def _load_kernel() -> Callable[..., int]:
    """Import the kernel on the first read: opening and looking must not wait for numba."""
    from xjls.kernels.window import read_window

    return read_window
