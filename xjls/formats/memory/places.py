"""Where samples and rows of a signal lie in memory: in their blocks, or nowhere, if they may give way to others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.formats.memory.blocks import Blocks
from xjls.formats.memory.track import BLOCK_ROWS, BLOCK_SAMPLES
from xjls.model.sample_type import bits_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from xjls.formats.memory.track import View

ARE_ROWS = 1
"""What is added to the address of a block of rows, where a kernel takes entries."""


class Places:
    """Fulfil `xjls.model.reader.Places`.

    Parameters
    ----------
    view
        Of a signal.
    hold
        Raises once its recording is closed.
    """

    in_place = True
    counts_samples = False
    block_samples = BLOCK_SAMPLES
    block_entries = BLOCK_ROWS

    def __init__(self, view: View, hold: Callable[[], None]) -> None:
        self._view = view
        self._hold = hold
        self._stays = isinstance(view.track.samples, Blocks)
        self._plain = bits_of(view.track.stored_type) >= 8

    def hold(self) -> object:
        """Return what keeps the blocks where they are."""
        self._hold()
        return self._view

    def samples(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the address of each block of samples; 0 where they may give way, are packed, or partly lost."""
        return self._addresses(self._view.track.samples, numbers, self.block_samples, stays=self._plain)

    def entries(self, level: int, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the address of each block of rows, which carry their own counts; 0 where `stored` must tell."""
        length = self.block_entries * self._view.track.factors[level - 1]
        found = self._addresses(self._view.track.levels[level - 1], numbers, length)
        return np.where(found, found + ARE_ROWS, 0)

    def stored(self, level: int, start: int, stop: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return entries of a level, and which of them can be believed."""
        return self._view.entries(level, start, stop)

    def reduced(self, start: int, stop: int) -> NDArray[np.float64] | None:  # noqa: ARG002 - the protocol's
        """Return None: samples are read, which is a copy."""
        return None

    def _addresses(self, store: Any, numbers: NDArray[np.int64], length: int, *, stays: bool = True) -> NDArray[Any]:
        """Return where blocks lie that cover ``length`` samples each."""
        if not (stays and self._stays):
            return np.zeros(len(numbers), np.int64)
        found = np.array([store.address(number) for number in numbers.tolist()], np.int64)
        if not self._view.track.floating:
            found[self._view.skipped.touch(self._view.window.start + numbers * length, length)] = 0
        return found
