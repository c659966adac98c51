"""One level as it is written: entries gathered to chunks, and merged to those of the next level."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.formats.zarr.codecs import encode_chunk, padded
from xjls.model.signal import STATISTICS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.zarr.series import Series


class LevelStream:
    """Write one level's entries; those that do not fill an entry of the next level yet are kept for it.

    Parameters
    ----------
    series
        Where chunks are put.
    dtype
        Of the entries.
    step
        Entries merged into one of the next level; 0 where there is none.
    chunk
        Entries of a chunk.
    is_blank
        Tells whether nobody delivered a sample of entries [start, stop): then their chunk is left out.
    """

    def __init__(
        self, series: Series, dtype: np.dtype[Any], step: int, chunk: int, is_blank: Callable[[int, int], bool]
    ) -> None:
        self.series = series
        self.dtype = dtype
        self.length = 0
        """Entries so far."""
        self.stored = 0
        """Those of them that are in chunks that were put, or left out."""
        self.chunk = chunk
        self._step = step
        self._is_blank = is_blank
        self._entries = np.empty((self.chunk, len(STATISTICS)), dtype)
        self._unmerged = self._entries[:0].copy()
        self._full: list[tuple[int, NDArray[Any]]] = []
        """Chunks that are to be written, by their numbers."""

    @property
    def path(self) -> str:
        """Path of the array."""
        return self.series.path

    @property
    def n_bytes(self) -> int:
        """Bytes of all that was put."""
        return self.series.n_bytes

    def append(self, entries: NDArray[Any], blank: int = 0) -> tuple[NDArray[Any], int]:
        """Append entries, and so many behind them of which nobody delivered a sample. Writes nothing.

        Return what they complete of the next level, likewise.
        """
        # What is begun must be filled one by one; all that is blank behind it is only counted
        head = min(blank, -(len(self._unmerged) + len(entries)) % self._step) if self._step else 0
        if head:
            entries = np.concatenate([entries, self._blanks(head)])
        self._gather(entries)
        above, blank = self._merged(entries), blank - head
        self._pass(blank)
        if not blank or not self._step:
            return above, 0
        self._unmerged = self._blanks(blank % self._step)
        return above, blank // self._step

    def resume(self, stored: int, first: int, entries: NDArray[Any]) -> None:
        """Go on behind entries [0, stored) that are there.

        Parameters
        ----------
        stored
            Entries that chunks have.
        first, entries
            Entries from a number on, to the last one: those of a chunk that is not full, and of an entry of the next
            level that is not whole, are among them.
        """
        self.length = stored // self.chunk * self.chunk
        self._gather(entries[self.length - first :])
        self.stored = stored
        if self._step:
            self._unmerged = entries[len(entries) - self.length % self._step :].copy()

    def needed_from(self, stored: int, length: int) -> int:
        """Return the first entry that `resume` needs, of so many: of the last chunk, and of the last group of them."""
        return min(stored // self.chunk * self.chunk, length - (length % self._step if self._step else 0))

    def drain(self) -> None:
        """Write the chunks that are full."""
        while self._full:
            self._put(*self._full[0])
            del self._full[0]
        self.stored = max(self.stored, self.length // self.chunk * self.chunk)

    def flush(self) -> None:
        """Write all that there is."""
        self.drain()
        if self.stored < self.length:
            self._put(self.length // self.chunk, self._entries[: self.length % self.chunk])
            self.stored = self.length

    def cut(self) -> None:
        """Make the only chunk as long as what there is."""
        self.chunk = max(self.length, 1)
        self._full = [(0, self._entries[: self.length])] if self.length else []

    def _gather(self, entries: NDArray[Any]) -> None:
        """Keep entries until a chunk is full."""
        at = 0
        while at < len(entries):
            filled = self.length % self.chunk
            take = min(len(entries) - at, self.chunk - filled)
            self._entries[filled : filled + take] = entries[at : at + take]
            self.length += take
            at += take
            if filled + take == self.chunk:
                self._full.append((self.length // self.chunk - 1, self._entries))
                self._entries = np.empty_like(self._entries)

    def _pass(self, count: int) -> None:
        """Count entries of which nobody delivered a sample: whole chunks of them do not exist."""
        lead = min(count, -self.length % self.chunk)
        whole = (count - lead) // self.chunk * self.chunk
        self._gather(self._blanks(lead))
        self.length += whole
        self._gather(self._blanks(count - lead - whole))

    def _put(self, number: int, entries: NDArray[Any]) -> None:
        start = number * self.chunk
        if self._is_blank(start, start + len(entries)):
            self.series.leave_out(number)
        else:
            self.series.put(number, encode_chunk(padded(entries, self.chunk, np.nan), None))

    def _merged(self, entries: NDArray[Any]) -> NDArray[Any]:
        from xjls.kernels.reduce import merge

        if not self._step:
            return entries[:0]
        below = np.concatenate([self._unmerged, entries])
        n = len(below) // self._step
        above = np.empty((n, len(STATISTICS)), entries.dtype)
        merge(below, self._step, above)
        self._unmerged = below[n * self._step :]
        return above

    def _blanks(self, count: int) -> NDArray[Any]:
        return np.full((count, len(STATISTICS)), np.nan, self._entries.dtype)
