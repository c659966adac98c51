"""Where rows of a signal lie in memory, for kernels; samples lie nowhere: they are made of words as they are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.jls1.levels import Levels

ARE_ROWS = 1
"""What is added to the address of a block of rows, where a kernel takes entries."""


class Places:
    """Fulfil `xjls.model.reader.Places`.

    Parameters
    ----------
    levels
        Returns those of the signal, made on first use.
    hold
        Raises once the recording is closed.
    """

    in_place = False
    counts_samples = True
    block_samples = 1 << 15
    block_entries = 512

    def __init__(self, levels: Callable[[], Levels], hold: Callable[[], object]) -> None:
        self._levels = levels
        self._hold = hold

    def hold(self) -> object:
        """Return what keeps rows where they are; raise where the file was closed, or shrank."""
        return self._hold(), self._levels

    def samples(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return 0 for each: all must be read."""
        return np.zeros(len(numbers), np.int64)

    def entries(self, level: int, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the address of each block of rows; 0 where one of them is not believed."""
        levels, found = self._levels(), np.zeros(len(numbers), np.int64)
        for i, number in enumerate(numbers.tolist()):
            start = number * self.block_entries
            place = levels.address(level, start, start + self.block_entries)
            found[i] = place + ARE_ROWS if place else 0
        return found

    def stored(self, level: int, start: int, stop: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return entries of a level, and which of them can be believed: those that count what they cover, or none."""
        entries, known = self._levels().entries(level, start, stop)
        return entries, known & self._levels().whole(level, start, stop)

    def reduced(self, start: int, stop: int) -> NDArray[np.float64] | None:  # noqa: ARG002 - the protocol's
        """Return None: samples are read, which is a copy."""
        return None
