"""Windows of one signal's samples: chunks to fetch, values to put in place, losses to name.

The flow of one read: window → chunk numbers → offsets (`layout`) → bytes (`storage`) → one kernel that checks and
copies → what the chunks could not give: constants that the writer left out are put back, the rest is a gap.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.formats.jls2.layout import OMITTED
from xjls.formats.jls2.wire import CHUNK_HEADER, SAMPLE_BODY, Tag, padded
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
        self._chunk_bytes = SAMPLE_BODY + padded(-(-blocks.chunk * blocks.bits // 8))

    def read(
        self, layout: Layout, start: int, stop: int, out: NDArray[Any], *, verify: bool
    ) -> tuple[Gap, ...]:
        """Fill ``out`` with samples ``[start, stop)``, counted from the first one; return what is lost.

        Lost samples are NaN, or 0 in signals that are not floating. Gaps are in sample ids.
        """
        gaps: list[Gap] = []
        for lo, hi in self._pieces(start, stop):
            gaps += self._read_piece(layout, lo, hi, out[lo - start : hi - start], verify)
        for gap in gaps:
            first = gap.window.start - layout.first_id - start
            out[first : first + gap.window.length] = np.nan if self._kind.floating else 0
        return merge_gaps(gaps) if gaps else ()

    def _pieces(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Cut a window at chunk borders into pieces of bounded size on disk."""
        step = self._blocks.chunk * max(1, PIECE_BYTES // self._chunk_bytes)
        if stop - start <= step:
            return [(start, stop)]
        edges = [start, *range((start // step + 1) * step, stop, step), stop]
        return list(zip(edges, edges[1:], strict=False))

    def _read_piece(self, layout: Layout, start: int, stop: int, out: NDArray[Any], verify: bool) -> list[Gap]:
        from xjls.kernels.gather import gather

        size = self._blocks.chunk
        first, last = start // size, (stop - 1) // size + 1
        offsets = layout.data(first, last)
        plan = self._plan(layout.first_id, first, start, stop, offsets)
        buffer, plan[:, 0] = self._storage.spans(*self._ranges(offsets))
        fault = np.empty(last - first, np.uint8)
        packed = out.view(np.uint8)
        n_faults = gather(
            buffer, plan, Tag.FSR_DATA, self._id, self._kind.bits, self._kind.signed_nibbles, verify, packed, fault
        )
        return self._mend(layout, first, offsets, plan, fault, out) if n_faults else []

    def _plan(
        self, first_id: int, first: int, start: int, stop: int, offsets: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return one row a chunk: (position), expected timestamp, entries to skip, to take, and their place in the result."""
        size, n = self._blocks.chunk, len(offsets)
        plan = np.empty((n, 5), np.int64)
        begin = np.arange(first, first + n, dtype=np.int64) * size
        plan[:, 1] = begin + first_id
        plan[:, 2] = 0
        plan[:, 3] = size
        plan[:, 4] = begin - start
        plan[0, 2], plan[0, 4] = start - first * size, 0
        plan[0, 3] = size - plan[0, 2]
        plan[-1, 3] -= (first + n) * size - stop
        return plan

    def _ranges(self, offsets: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the chunks' byte ranges; those that are not in the file start at -1."""
        starts = np.where(offsets > OMITTED, offsets, -1)
        return starts, starts + self._chunk_bytes

    def _mend(
        self, layout: Layout, first: int, offsets: NDArray[np.int64], plan: NDArray[np.int64], fault: NDArray[np.uint8],
        out: NDArray[Any],
    ) -> list[Gap]:  # fmt: skip
        """Put back constants that the writer left out; return the other chunks that gave nothing as gaps."""
        from xjls.kernels.faults import MEANING, Fault

        gaps = []
        for i in np.flatnonzero(fault).tolist():
            _, first_id, skip, take, dest = plan[i].tolist()
            if offsets[i] == OMITTED and self._put_back(layout, first + i, skip, out[dest : dest + take]):
                continue
            reason = LEFT_OUT if offsets[i] == OMITTED else MEANING[Fault(fault[i])]
            window = Window(first_id + skip, first_id + skip + take)
            gaps.append(Gap(window, reason, max(int(offsets[i]), -1) or -1))
        return gaps

    def _put_back(self, layout: Layout, number: int, skip: int, out: NDArray[Any]) -> bool:
        """Fill in a constant chunk of at most 8 bits a sample from its summary; False where that is not known."""
        if self._kind.bits > 8:  # noqa: PLR2004 - wider types were left out with loss
            return False
        means = self._mean_of(layout, number)
        if means is None or not len(means):
            return False
        entry = self._blocks.entry
        # The last entry also stands for samples behind it that fill no entry
        which = np.minimum(np.arange(skip, skip + len(out)) // entry, len(means) - 1)
        out[:] = np.rint(means[which]).astype(self._kind.dtype)
        return True


def chunk_stops(offsets: NDArray[np.int64], n_bytes: int) -> NDArray[np.int64]:
    """Return where chunks of at most ``n_bytes`` behind their header end."""
    stops: NDArray[np.int64] = offsets + CHUNK_HEADER.size + padded(n_bytes)
    return stops
