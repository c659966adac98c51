"""Bytes that a JS110 streams to runs of words: what is whole and consecutive, and how much is missing between.

A packet is 256 numbers of 16 bits, little endian: type and status, length and voltage range, its own number, that of
the USB frame, then 126 words of current and voltage.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xjls.capturing.devices.js110.wire import INDEXES, PACKET_BYTES, RAW_SAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_KIND, _LENGTH, _INDEX, _WORDS = 0, 1, 2, 4


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Packets that follow each other."""

    index: int
    """Number of the first one."""
    missing: int
    """Packets that the instrument counted before it, and that did not come."""
    bad: int
    """Packets that came before it without samples."""
    words: NDArray[np.uint16]
    """u16[packet, time, 2]: a copy."""
    voltage_ranges: NDArray[np.uint8]
    """Of each packet."""
    statuses: NDArray[np.uint8]
    """Of each packet; 0 for good."""


class Packets:
    """Room for the packets of one read, and the number of the one that comes next.

    Parameters
    ----------
    count
        Of packets that there is room for.
    """

    def __init__(self, count: int) -> None:
        self.buffer = array("B", bytes(count * PACKET_BYTES))
        """What a read fills."""
        self._all: NDArray[np.uint16] = np.frombuffer(self.buffer, "<u2").reshape(count, PACKET_BYTES // 2)
        self._next: int | None = None
        self._bad = 0

    def clear(self) -> None:
        """Forget what is in the buffer, so that `arrived` knows."""
        self._all[:, _KIND] = 0

    def arrived(self) -> int:
        """Return how many packets are in the buffer since it was cleared, where a read failed and cannot tell."""
        return int(np.argmin([*self._hold_samples(len(self._all)), False]))

    def runs(self, count: int) -> Iterator[Run]:
        """Yield what the first packets of the buffer hold."""
        rows = np.flatnonzero(self._hold_samples(count))
        indexes = self._all[rows, _INDEX].astype(np.int64)
        if len(rows):
            before = int(indexes[0]) - 1 if self._next is None else self._next - 1
            missing = (np.diff(indexes, prepend=before) - 1) % INDEXES
            starts = [0, *(int(at) for at in np.flatnonzero(missing) if at)]
            for start, stop in zip(starts, [*starts[1:], len(rows)], strict=True):
                bad = int(rows[start] - rows[start - 1]) - 1 if start else int(rows[0]) + self._bad
                yield self._run(rows[start:stop], int(missing[start]), bad)
            self._next = int(indexes[-1] + 1) % INDEXES
        self._bad = count - 1 - int(rows[-1]) if len(rows) else self._bad + count

    def _hold_samples(self, count: int) -> NDArray[np.bool_]:
        kinds, lengths = self._all[:count, _KIND] & 0xFF, self._all[:count, _LENGTH] & 0x7FFF
        found: NDArray[np.bool_] = (kinds == RAW_SAMPLES) & (lengths == PACKET_BYTES)
        return found

    def _run(self, rows: NDArray[np.intp], missing: int, bad: int) -> Run:
        # All of them, mostly: what lies together is copied ten times as fast
        where = slice(rows[0], rows[-1] + 1) if rows[-1] - rows[0] == len(rows) - 1 else rows
        heads = self._all[where, :_WORDS]
        return Run(
            index=int(heads[0, _INDEX]), missing=missing, bad=bad,
            words=self._all[where, _WORDS:].copy().reshape(len(rows), -1, 2),
            voltage_ranges=(heads[:, _LENGTH] >> 15).astype(np.uint8),
            statuses=(heads[:, _KIND] >> 8).astype(np.uint8),
        )  # fmt: skip
