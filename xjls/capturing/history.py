"""The last minutes of one signal as statistics of short, equal spans; each is made once, as its last sample comes.

That is what a live picture is made of: whoever draws ten times a second asks for the few spans that are new, and how
far back it looks is no matter of the memory that samples would take.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.formats.memory.ring import Ring
from xjls.formats.memory.summary import COUNT, LOST, MEAN, ROW_LENGTH, Summary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.model.signal import Signal

SPAN_S = Fraction(1, 200)
"""Of samples that a span has, or one sample where they are rarer."""
KEPT_S = 600
"""That are kept."""
GROUP = 64
"""Spans whose rows are kept merged, too: what is asked of minutes is answered from these."""


@dataclass(frozen=True, slots=True)
class Total:
    """The sum of all finite samples of a signal since some moment, exact to the sample."""

    start: int
    """Sample id of the first one that counts."""
    stop: int
    """One past the last."""
    count: int
    """Finite samples."""
    sum: float
    """Of them, in the signal's units."""

    @property
    def missing(self) -> int:
        """Samples that nobody delivered, or that are not finite: they add nothing."""
        return self.stop - self.start - self.count


class History:
    """Keep the spans of one signal; one thread adds, any number ask.

    Parameters
    ----------
    signal
        Of which.

    Examples
    --------
    >>> import numpy as np
    >>> from xjls.model.signal import Signal, Source
    >>> history = History(Signal(id=1, name="current", units="A", dtype=np.dtype("f4"), rate_hz=Fraction(400),
    ...                          source=Source(id=1, name="bench")))
    >>> history.add(1000, np.array([1, 2, 3, 4, 5], "f4"))
    >>> history.per, history.spans, history.rows(0, 2)[:, 2].tolist()
    (2, 2, [1.5, 3.5])
    >>> history.total
    Total(start=1000, stop=1005, count=5, sum=15.0)
    >>> history.zero()
    >>> history.add(1005, np.array([6, 7], "f4"))
    >>> history.total.sum, history.statistics(0, 3).tolist()
    (13.0, [6.0, 0.0, 3.5, 17.5, 1.0, 6.0])
    """

    def __init__(self, signal: Signal) -> None:
        self.signal = signal
        self.per = max(round(signal.rate_hz * SPAN_S), 1)
        """Samples of a span."""
        self.first_id: int | None = None
        """Sample id with which the first span begins."""
        self._summary = Summary((self.per, self.per * GROUP), signal.dtype)
        groups = math.ceil(KEPT_S * signal.rate_hz / self.per / GROUP)
        self._ring = Ring(groups * GROUP, np.dtype("f8"), (ROW_LENGTH,))
        self._groups = Ring(groups, np.dtype("f8"), (ROW_LENGTH,))
        self._next = 0
        self._lock = Lock()
        self._start, self._count = 0, 0
        self._sum = self._rest = 0.0
        """Together the sum; the second is what rounding took from the first."""

    # -- who adds ----------------------------------------------------------------------------------------------------

    def add(self, first_id: int, samples: NDArray[Any]) -> None:
        """Take samples; what was left out before them without a word is missing: see `xjls.model.sink.Sink`."""
        from xjls.kernels.moments import moments_of_runs

        row = np.empty((1, ROW_LENGTH))
        moments_of_runs(samples, np.array([0, len(samples)], np.int64), row)
        with self._lock:
            self._begin(first_id)
            self._miss(first_id)
            for ring, made in zip((self._ring, self._groups), self._summary.add(samples), strict=True):
                ring.append(made)
            self._next = first_id + len(samples)
            if row[0, COUNT]:
                self._count += int(row[0, COUNT])
                self._plus(float(row[0, MEAN]) * float(row[0, COUNT]))

    def skip(self, start: int, stop: int) -> None:
        """Count samples that nobody delivered."""
        with self._lock:
            self._begin(start)
            self._miss(stop)

    def _miss(self, stop: int) -> None:
        """Count what is missing before a sample; the caller has the lock."""
        if stop <= self._next:
            return
        empty, made = self._summary.empty, self._summary.nothing(stop - self._next)
        for ring, row, (rows, whole) in zip((self._ring, self._groups), empty, made, strict=True):
            ring.append(rows)
            ring.fill(row, whole)
        self._next = stop

    def _begin(self, first_id: int) -> None:
        if self.first_id is None:
            self.first_id = self._start = self._next = first_id

    def _plus(self, more: float) -> None:
        """Add to the sum, and keep what is too small for it (Neumaier 1974)."""
        total = self._sum + more
        larger, smaller = (self._sum, more) if abs(self._sum) >= abs(more) else (more, self._sum)
        self._rest += (larger - total) + smaller
        self._sum = total

    # -- who asks ----------------------------------------------------------------------------------------------------

    @property
    def spans(self) -> int:
        """That are complete."""
        return self._ring.length

    @property
    def oldest(self) -> int:
        """The first span that is still there."""
        return max(self._ring.length - (self._ring.capacity or 0), 0)

    @property
    def next_id(self) -> int:
        """Sample id of the next sample."""
        return self._next

    def rows(self, start: int, stop: int) -> NDArray[np.float64]:
        """Return spans [start, stop) as float64[n, 6], see `xjls.query.answer.ROW`, as stored; those gone are empty."""
        rows = np.empty((max(stop - start, 0), ROW_LENGTH))
        with self._lock:
            gone = min(max(self.oldest - start, 0), len(rows))
            if gone < len(rows):
                self._ring.read(start + gone, rows[gone:])
        rows[:gone] = np.nan
        rows[:gone, COUNT], rows[:gone, LOST] = 0, self.per
        return rows

    def columns(self, start: int, stop: int, spans: int) -> NDArray[np.float64]:
        """Return columns [start, stop) of so many spans each, merged, as `rows` does."""
        from xjls.kernels.moments import merge_rows

        rows = self.rows(start * spans, stop * spans)
        return merge_rows(rows.reshape(stop - start, spans, ROW_LENGTH).swapaxes(0, 1)) if spans > 1 else rows

    def statistics(self, start: int, stop: int) -> NDArray[np.float64]:
        """Return the row of spans [start, stop) together, of those that are there; exact."""
        from xjls.kernels.moments import merge_rows

        start = max(start, self.oldest)
        first, last = -(-start // GROUP), stop // GROUP
        if first >= last:
            return merge_rows(self.rows(start, stop))
        groups = np.empty((last - first, ROW_LENGTH))
        with self._lock:
            there = first >= self._groups.length - (self._groups.capacity or 0)
            self._groups.read(first, groups)
        if not there:  # they gave way just then
            return merge_rows(self.rows(start, stop))
        return merge_rows(np.concatenate([self.rows(start, first * GROUP), groups, self.rows(last * GROUP, stop)]))

    @property
    def total(self) -> Total:
        """The sum since `zero`, or since the first sample."""
        signal = self.signal
        with self._lock:
            stored = self._sum + self._rest
            return Total(
                self._start, self._next, self._count, stored * signal.scale_factor + signal.add_offset * self._count
            )

    def zero(self) -> None:
        """Begin the sum anew, between two samples."""
        with self._lock:
            self._start, self._count = self._next, 0
            self._sum = self._rest = 0.0
