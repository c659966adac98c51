"""Where the counts of a file lie in memory, for kernels that use them without a copy."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.formats.picostream.attributes import LOST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.picostream.counts import Counts

BLOCK_SAMPLES = 8_192
BLOCK_ENTRIES = 640
_PASS = 1 << 20
"""Counts that are reduced at a time."""


class Places:
    """Fulfil `xjls.model.reader.Places`: blocks are used where they lie, unless they hold `LOST` or are in pieces.

    Parameters
    ----------
    counts
        The values.
    length
        The signal's samples.
    paired
        Whether every other value is another signal's: then all blocks are read.
    require_kept
        Raises where the file's writer has dropped what was in it.
    """

    counts_samples = False

    def __init__(self, counts: Counts, length: int, *, paired: bool, require_kept: Callable[[], None]) -> None:
        self.in_place = counts.in_place and not paired
        self.block_samples = BLOCK_SAMPLES
        self.block_entries = BLOCK_ENTRIES
        self._counts = counts
        self._length = length
        self._require_kept = require_kept

    def hold(self) -> object:
        """Return what keeps addresses good; raise where the file was closed, or shrank."""
        self._require_kept()
        return self._counts.hold()

    def samples(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the address of each block of samples; 0 where it must be read."""
        from xjls.kernels.markers import mark_blocks_with

        if not self.in_place:
            return np.zeros(len(numbers), np.int64)
        starts = numbers * BLOCK_SAMPLES
        stops = np.minimum(starts + BLOCK_SAMPLES, self._length)
        found = self._counts.addresses(starts, stops)
        found[mark_blocks_with(LOST, found, stops - starts)] = 0
        return found

    def entries(self, level: int, numbers: NDArray[np.int64]) -> NDArray[np.int64]:  # noqa: ARG002 - no levels
        """Return 0 for each: the files have no levels."""
        return np.zeros(len(numbers), np.int64)

    def stored(
        self, level: int, start: int, stop: int  # noqa: ARG002 - no levels
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:  # fmt: skip
        """Return entries that nobody should believe: the files have no levels."""
        return np.full((stop - start, 4), np.nan), np.zeros(stop - start, np.bool_)

    def reduced(self, start: int, stop: int) -> NDArray[np.float64] | None:
        """Return rows that together are samples [start, stop), from one pass; None where some must be left out."""
        from xjls.kernels.moments import ROW_LENGTH, ROW_MIN, moments

        cuts = [*range(start, stop, _PASS), stop]
        if not self.in_place or not all(self._counts.addresses(np.array(cuts[:-1]), np.array(cuts[1:]))):
            return None
        rows = np.empty((len(cuts) - 1, ROW_LENGTH))
        for row, (lo, hi) in zip(rows, pairwise(cuts), strict=True):
            (values,) = self._counts.pieces(lo, hi)
            moments(values, row)
            if row[ROW_MIN] == LOST:
                return None
        return rows
