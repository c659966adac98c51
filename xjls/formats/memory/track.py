"""One signal in memory, and what was there of it at one moment: samples, and rows of statistics above them.

Positions count from the first sample that there ever was. One thread adds, under a lock; views copy without it, and ask
under it afterwards whether what they copied was still there.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from xjls.formats.memory.blocks import Blocks
from xjls.formats.memory.ring import Ring
from xjls.formats.memory.summary import COUNT, LOST, MEAN, ROW_LENGTH, SQUARES, Summary
from xjls.model.sample_type import dtype_of, level_dtype_of, level_factors_of, name_of
from xjls.model.signal import STATISTICS
from xjls.model.window import Gap, Gaps, Window

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from xjls.model.annotation import Tie
    from xjls.model.signal import Signal

Store: TypeAlias = Blocks | Ring

BLOCK_SAMPLES = 1 << 16
"""A multiple of the samples of a row of level 1, of every type."""
BLOCK_BYTES = 1 << 20
"""Of a block of samples that are arrays, at most, but for one that is larger itself."""
BLOCK_ROWS = 512
ROWS_IN_RING = 8
"""Rows of a level that a ring has at least: coarser levels would cost it more than they save."""
ROW = np.dtype("f8")
TIES_IN_RING = 256
"""Ties that are kept where samples give way: the last ones."""


class Track:
    """Keep one signal.

    Parameters
    ----------
    signal
        Its type counts.
    lock
        Held by who adds.
    least
        Samples that are kept at least once there are as many; None keeps all.
    spare
        Samples beyond these: as many may arrive while somebody reads what was there.
    """

    def __init__(
        self, signal: Signal, lock: AbstractContextManager[Any], least: int | None = None, spare: int = 0
    ) -> None:
        self.stored_type = signal.stored_type or name_of(signal.dtype)
        self.dtype = dtype_of(self.stored_type)
        self.floating = self.dtype.kind == "f"
        factors = () if signal.axis else level_factors_of(self.stored_type)
        shape = signal.sample_shape
        self.sample_bytes = self.dtype.itemsize * math.prod(shape)
        self.block = max(min(BLOCK_SAMPLES, BLOCK_BYTES // self.sample_bytes), 1) if shape else BLOCK_SAMPLES
        """Samples of a block, where all are kept."""
        self.factors = factors if least is None else tuple(f for f in factors if f * ROWS_IN_RING <= least)
        self.signal = replace(
            signal, dtype=self.dtype, stored_type=self.stored_type, block_length=self.block,
            level_dtype=level_dtype_of(self.stored_type), level_factors=self.factors,
        )  # fmt: skip
        self.lock = lock
        self.least = least
        self.first_id: int | None = None
        self.ties: deque[Tie] = deque(maxlen=None if least is None else TIES_IN_RING)
        self.gaps: deque[Gap] = deque()
        self.align = self.factors[-1] if self.factors and least is not None else 1
        """Samples of the coarsest row: a view of a ring begins on a multiple of them."""
        self.samples: Store
        self.levels: list[Store]
        if least is None:
            self.samples = Blocks(self.block, self.dtype, shape)
            self.levels = [Blocks(BLOCK_ROWS, ROW, (ROW_LENGTH,)) for _ in self.factors]
        else:
            capacity = -(-(least + spare) // self.align + 1) * self.align
            self.samples = Ring(capacity, self.dtype, shape)
            self.levels = [Ring(capacity // factor, ROW, (ROW_LENGTH,)) for factor in self.factors]
        self._summary = Summary(self.factors, self.dtype)

    @property
    def length(self) -> int:
        """Samples so far, those that are gone among them."""
        return self.samples.length

    @property
    def oldest(self) -> int:
        """Position of the oldest sample that is still there."""
        return 0 if self.samples.capacity is None else max(self.length - self.samples.capacity, 0)

    @property
    def next_id(self) -> int | None:
        """Sample id of the next sample; None before the first."""
        return None if self.first_id is None else self.first_id + self.length

    @property
    def n_bytes(self) -> int:
        """Bytes of memory that samples and rows have."""
        return sum(store.n_bytes for store in (self.samples, *self.levels))

    def append(self, first_id: int, samples: NDArray[Any]) -> None:
        """Add samples that continue what is there."""
        if self.first_id is None:
            self.first_id = first_id
        for store, rows in zip(self.levels, self._summary.add(samples), strict=True):
            store.append(rows)
        self.samples.append(samples)

    def skip(self, gap: Gap) -> None:
        """Count samples that nobody delivered, and that continue what is there."""
        if self.first_id is None:
            self.first_id = gap.window.start
        self._note(gap)
        levels = zip(self.levels, self._summary.empty, self._summary.nothing(gap.window.length), strict=True)
        for store, empty, (rows, count) in levels:
            store.append(rows)
            store.fill(empty, count)
        self.samples.fill(np.nan if self.floating else 0, gap.window.length)

    def gap_bytes(self, samples: int) -> int:
        """Return the memory that a gap takes: whole blocks of it are one; nothing in a ring."""
        return 0 if self.least is not None else min(samples, self.block) * self.sample_bytes

    def view(self) -> View:
        """Return what is there now; called with the lock."""
        first_id, stop = self.first_id or 0, self.length
        start = 0 if self.least is None else max(stop - self.least, 0) // self.align * self.align
        window = Window(first_id + start, first_id + stop)
        return View(self, start, window, tuple(self.gaps))

    def _note(self, gap: Gap) -> None:
        """Keep a gap; forget those that are gone with their samples."""
        last = self.gaps[-1] if self.gaps else None
        if last and last.reason == gap.reason and last.window.stop == gap.window.start:
            self.gaps[-1] = replace(last, window=Window(last.window.start, gap.window.stop))
        else:
            self.gaps.append(gap)
        while self.gaps[0].window.stop <= (self.first_id or 0) + self.oldest:
            self.gaps.popleft()


@dataclass(frozen=True, eq=False)
class View:
    """What was there of a signal at one moment."""

    track: Track
    start: int
    """Position of its first sample, from which its own positions count."""
    window: Window
    gaps: tuple[Gap, ...]
    """What nobody delivered of it, and perhaps of what was before."""

    @cached_property
    def skipped(self) -> Gaps:
        """The gaps, in an order to ask about them: made by who asks, not by who adds."""
        return Gaps(self.gaps)

    def describe(self) -> Signal:
        """Return the signal, with its window."""
        return replace(self.track.signal, window=self.window)

    def read(self, start: int, out: NDArray[Any]) -> int:
        """Fill ``out`` with the samples from a position on; return how many of them, the first ones, are gone."""
        self.track.samples.read(self.start + start, out)
        gone = min(max(self.oldest() - self.start - start, 0), len(out))
        out[:gone] = np.nan if self.track.floating else 0
        return gone

    def rows(self, level: int, start: int, stop: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return rows [start, stop) of a level, and which of them are still there."""
        factor = self.track.factors[level - 1]
        begin = self.start // factor + start
        rows = np.empty((stop - start, ROW_LENGTH))
        self.track.levels[level - 1].read(begin, rows)
        return rows, (begin + np.arange(stop - start)) * factor >= self.oldest()

    def entries(self, level: int, start: int, stop: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return entries [start, stop) of a level as float[n, 4], and which of them tell all there is to tell.

        Those that are gone are NaN. One that counts some of its samples only does not tell how many; of integers, one
        that counts none does not tell that they are lost.
        """
        rows, there = self.rows(level, start, stop)
        rows[~there, COUNT] = 0
        counts = rows[:, COUNT]
        entries = np.full((len(rows), len(STATISTICS)), np.nan, self.track.signal.level_dtype)
        some = counts > 0
        entries[some, 0] = rows[some, MEAN]
        entries[some, 1] = np.sqrt(rows[some, SQUARES] / counts[some])
        entries[some, 2:] = rows[some, SQUARES + 1 :]
        whole = counts == self.track.factors[level - 1]
        return entries, there & (whole | ((counts == 0) & (rows[:, LOST] == 0)))

    def gone(self, start: int, count: int) -> tuple[Gap, ...]:
        """Return the gap that samples leave that are gone."""
        first = self.window.start + start
        return (Gap(Window(first, first + count), "newer samples are in their place"),) if count else ()

    def oldest(self) -> int:
        """Return the position in the track of the oldest sample that is still there."""
        with self.track.lock:
            return self.track.oldest
