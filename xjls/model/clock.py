"""The clock of a recording: an exact map from sample ids to nanoseconds of UTC, and back.

Windows, strides and joins of a clock are clocks again, and no rounding adds up: times are computed in integers from a
small table (`xjls.model.segments`), never through a float.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Self, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xjls.errors import SelectionError
from xjls.model.exact import floor_line
from xjls.model.segments import (
    NEVER,
    POSITION,
    TIME,
    checked_table,
    common_divisor,
    first_positions,
    has_jumps,
    holding,
    joined_table,
    line_at,
    line_table,
    never_falls,
    quotient_table,
    slope_ns,
    tied_table,
    usual_slope,
    window_table,
)
from xjls.model.ties import Ties, shared_pairs

if TYPE_CHECKING:
    from xjls.model.annotation import Tie

__all__ = ["NEVER", "Clock"]

IntArray = NDArray[np.int64]

_FAR_S = 2e9
"""Seconds from a clock's zero that no recording reaches: 63 years."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Clock:
    """An exact, piecewise linear map from integer positions to integer nanoseconds.

    Positions of a recording's clock are sample ids, of any size; positions of a `window` count from its start.
    Immutable; safe to share between threads.

    Examples
    --------
    >>> clock = Clock.nominal(44_100).window(10, 10_000_000_000)
    >>> clock.time(0), clock.times(np.array([1, 9_999_999_989]))
    (226757, array([         249433, 226757369591836]))
    >>> clock.first_at_or_after(249_433)
    1
    """

    _table: IntArray
    """Shape (6, segments), see `xjls.model.segments`; read-only."""
    utc: bool
    """Whether times are UTC, in nanoseconds since the Unix epoch; else they count from a zero of the clock's own."""
    zero_ns: int = 0
    """The time that counts as 0 seconds: that of the recording's first sample."""
    ties: Ties | None = None
    """The ties of a recording's clock; None for windows, and where there are none."""
    tied: bool = False
    """Whether times come from ties; else from a rate alone, so that seconds are exact quotients."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_table", checked_table(self._table))

    @classmethod
    def nominal(cls, rate_hz: int | Fraction, *, origin_id: int = 0, origin_ns: int = 0) -> Self:
        """Return the clock of a recording without ties: `origin_ns` at sample `origin_id`, then exactly `rate_hz`.

        Examples
        --------
        >>> Clock.nominal(2_000_000, origin_id=100).times(np.array([100, 101, 2_000_100]))
        array([         0,        500, 1000000000])
        """
        return cls(line_table(origin_id, origin_ns, slope_ns(rate_hz)), utc=False, zero_ns=int(origin_ns))

    @classmethod
    def from_ties(
        cls,
        sample_ids: Sequence[int] | ArrayLike,
        times_ns: Sequence[int] | ArrayLike,
        *,
        rate_hz: int | Fraction,
        first_id: int = 0,
    ) -> Self:
        """Return the clock through (sample id, UTC) pairs, in the order in which they were stored.

        Linear between ties. Outside, the end segment goes on if its rate is within 0.1 % of `rate_hz`, else `rate_hz`
        holds. `clock.ties` says which pairs were left out. UTC that runs backwards is kept: see `is_increasing`.

        Examples
        --------
        >>> clock = Clock.from_ties([0, 0, 1000], [5, 0, 1_000_010_000], rate_hz=1000)
        >>> clock.times(np.array([-1, 1, 999, 2000]))
        array([  -1000010,    1000010,  999009990, 2000020000])
        >>> clock.ties.ignored
        array([0])
        """
        ties = Ties.chosen(sample_ids, times_ns, rate_hz=rate_hz, first_id=first_id)
        table = tied_table(ties, slope_ns(rate_hz))
        return cls(table, utc=True, zero_ns=line_at(table, first_id).whole, ties=ties, tied=True)

    @classmethod
    def through(cls, tied: Iterable[Iterable[Tie]], *, rate_hz: int | Fraction, first_id: int = 0) -> Self:
        """Return the clock of signals that share their sample ids, through the ties of each; nominal without any.

        See `xjls.model.ties.shared_pairs` for what counts of those that differ.

        Examples
        --------
        >>> from xjls.model.annotation import Tie
        >>> one, other = [[Tie(sample_id=at, time_ns=at * 10**6 + 7)] for at in (0, 1000)]
        >>> Clock.through([one, [], other], rate_hz=1000).time(500)
        500000007
        >>> Clock.through([], rate_hz=1000, first_id=500).time(500)
        0
        """
        if not (pairs := shared_pairs(tied)):
            return cls.nominal(rate_hz, origin_id=first_id)
        sample_ids, times_ns = zip(*pairs, strict=True)
        return cls.from_ties(sample_ids, times_ns, rate_hz=rate_hz, first_id=first_id)

    @classmethod
    def concatenated(cls, clocks_with_sizes: Iterable[tuple[Clock, int]]) -> Self:
        """Return the clock whose positions run through the first `size` positions of each clock in turn.

        Parts that continue each other become one segment again; a gap starts a new one. Times stay what they were;
        `zero_ns` is that of the first part.

        Examples
        --------
        >>> whole = Clock.nominal(1000)
        >>> Clock.concatenated([(whole.window(0, 500), 500), (whole.window(500, 900), 400)]) == whole
        True
        """
        parts = list(clocks_with_sizes)
        if not parts:
            raise ValueError("there are no clocks to concatenate")
        first = parts[0][0]
        if any(clock.utc != first.utc for clock, _ in parts):
            raise SelectionError(
                "clocks with and without ties to UTC cannot be concatenated", 'Open both with time="seconds".'
            )
        parts = [part for part in parts if part[1] > 0] or [(first, 1)]
        table = joined_table((clock.window(0, size)._table, size) for clock, size in parts)
        return cls(table, utc=first.utc, zero_ns=first.zero_ns, tied=any(clock.tied for clock, _ in parts))

    def window(self, start: int, stop: int, step: int = 1) -> Clock:
        """Return the clock of positions `start`, `start` + `step` … below `stop`: its position 0 is `start`.

        The table keeps only the segments that the window needs.

        Examples
        --------
        >>> Clock.nominal(1_000_000).window(5, 1_000_000, 10).times(np.arange(3))
        array([ 5000, 15000, 25000])
        """
        if step <= 0:
            raise ValueError(f"a clock's stride is at least 1, not {step}")
        start, size = int(start), len(range(start, stop, step))
        table = window_table(self._table, start, size=size, step=int(step))
        table.setflags(write=False)
        return _derived(table, self)

    def elapsed(self) -> Clock:
        """Return the same clock with times that count from its zero instead of the epoch.

        Examples
        --------
        >>> clock = Clock.from_ties([0], [10**18], rate_hz=1000).elapsed()
        >>> clock.time(3), clock.zero_ns
        (3000000, 0)
        """
        table = self._table.copy()
        table[TIME] -= self.zero_ns
        return Clock(table, utc=False, tied=self.tied)

    def time(self, position: int) -> int:
        """Return the time of one position in nanoseconds, as a Python integer of any size.

        Examples
        --------
        >>> Clock.nominal(3).time(10)
        3333333333
        """
        return line_at(self._table, position).whole

    def times(self, positions: ArrayLike) -> IntArray:
        """Return the times of `positions` in nanoseconds, exactly, in their shape. Raises SelectionError beyond int64.

        Examples
        --------
        >>> Clock.nominal(3).times(np.arange(4))
        array([         0,  333333333,  666666666, 1000000000])
        """
        positions = np.asarray(positions, np.int64)
        if positions.size == 0:
            return np.zeros(positions.shape, np.int64)
        ends = int(positions.min()), int(positions.max())
        if any(abs(self.time(end)) >= 2**63 for end in ends):
            raise SelectionError(
                f"positions {ends[0]:_} to {ends[1]:_} go beyond the years 1677 to 2262 that nanoseconds can tell",
                "Select a shorter window.",
            )
        start, time_ns, step, a, r, d = holding(self._table, positions.ravel())
        n = positions.ravel() - start
        times = n * step
        times += time_ns
        if np.any(a):
            times += floor_line(n, a, r, d)
        return times.reshape(positions.shape)

    def seconds(self, positions: ArrayLike) -> NDArray[np.float64]:
        """Return the seconds of `positions` since the clock's zero, the recording's first sample, in their shape.

        Without ties the exact quotient (of sample count and rate) rounded once, with ties that of whole nanoseconds.
        A sample keeps its seconds in every window and stride of a clock.

        Examples
        --------
        >>> Clock.nominal(3).window(1, 10).seconds(np.arange(3))
        array([0.33333333, 0.66666667, 1.        ])
        """
        positions = np.asarray(positions, np.int64)
        if not self.tied and positions.size:
            start, stop = int(positions.min()), int(positions.max()) + 1
            quotients = quotient_table(self._table, self.zero_ns, start=start, stop=stop)
            if quotients is not None:
                first, a, b, c = holding(quotients, positions.ravel())
                return np.reshape(((positions.ravel() - first) * a + b) / c, positions.shape)
        return np.asarray((self.times(positions) - self.zero_ns) / 1e9, np.float64)

    @overload
    def first_at_or_after(self, time_ns: int) -> int: ...
    @overload
    def first_at_or_after(self, time_ns: IntArray) -> IntArray: ...
    def first_at_or_after(self, time_ns: int | IntArray) -> int | IntArray:
        """Return the smallest position whose time is at least `time_ns`; `NEVER` where there is none.

        A scalar gives an int, an array an array of its shape. Raises SelectionError if the clock runs backwards.

        Examples
        --------
        >>> Clock.nominal(3).first_at_or_after(333_333_334)
        2
        >>> Clock.nominal(3).first_at_or_after(np.array([-1, 0]))
        array([0, 0])
        """
        if not self.is_increasing:
            raise SelectionError(
                "the times of this clock run backwards, so that a time does not name one position",
                'Select by position with isel, or open the recording with time="seconds".',
            )
        times = np.asarray(time_ns, np.int64)
        found = first_positions(self._table, times)
        return found if times.ndim else int(found)

    @overload
    def first_at_or_after_seconds(self, seconds: float) -> int: ...
    @overload
    def first_at_or_after_seconds(self, seconds: NDArray[np.float64]) -> IntArray: ...
    def first_at_or_after_seconds(self, seconds: float | NDArray[np.float64]) -> int | IntArray:
        """Return the smallest position whose `seconds`, as floats, are at least those given; else `first_at_or_after`.

        Examples
        --------
        >>> clock = Clock.nominal(44_100)
        >>> clock.first_at_or_after_seconds(float(clock.seconds(12_345_678_901)))
        12345678901
        """
        wanted = np.asarray(seconds, np.float64)
        near_ns = np.clip(wanted.ravel(), -_FAR_S, _FAR_S) * 1e9
        # start below the answer, by more than all roundings on the way together, and step up
        bound = np.floor(near_ns - np.abs(near_ns) * 2.0**-50 - 2).astype(np.int64) + self.zero_ns
        found = np.where(wanted.ravel() < _FAR_S, self.first_at_or_after(bound), NEVER)
        low = np.flatnonzero(found != NEVER)
        while low.size:
            low = low[self.seconds(found[low]) < wanted.flat[low]]
            found[low] += 1
        return found.reshape(wanted.shape) if wanted.ndim else int(found[0])

    @property
    def is_increasing(self) -> bool:
        """Whether times never run backwards, anywhere on the segments, the last of which has no end."""
        return never_falls(self._table)

    def increasing(self, start: int, stop: int) -> bool:
        """Whether times never run backwards from position `start` to `stop` - 1.

        Examples
        --------
        >>> clock = Clock.from_ties([0, 1000, 2000], [0, 10**9, 10**9 - 1], rate_hz=1000)
        >>> clock.increasing(0, 1001), clock.increasing(0, 1100)
        (True, False)
        """
        return never_falls(self.window(start, stop)._table, stop - start)

    def same_as(self, other: Clock, size: int) -> bool:
        """Whether both clocks give equal times at positions 0 to `size` - 1, whatever their tables.

        Examples
        --------
        >>> Clock.nominal(2_000_000).window(0, 10**10, 1000).same_as(Clock.nominal(2000), 10**7)
        True
        """
        if size <= 0:
            return True
        mine, yours = self.window(0, size)._table, other.window(0, size)._table
        if np.array_equal(mine, yours):
            return True
        cuts = [*np.union1d(mine[POSITION], yours[POSITION]).tolist(), size]
        return all(line_at(mine, a).agrees(line_at(yours, a), b - a) for a, b in pairwise(cuts))

    def divisor(self, size: int) -> int:
        """Return the largest number of nanoseconds that divides the times at 0 to `size` - 1 (0 if all are 0).

        Examples
        --------
        >>> Clock.nominal(2000).divisor(10**10)
        500000
        """
        return common_divisor(window_table(self._table, 0, size=size, step=1), size)

    def usual_step_ns(self, size: int) -> float:
        """Return the nanoseconds from one to the next of most of the positions 0 to `size` - 1; joints do not count.

        Examples
        --------
        >>> whole = Clock.nominal(1000)
        >>> Clock.concatenated([(whole, 500), (whole.window(9000, 9400), 400)]).usual_step_ns(900)
        1000000.0
        """
        return usual_slope(self.window(0, size)._table, size)

    def is_continuous(self, size: int) -> bool:
        """Whether positions 0 to `size` - 1 follow each other as they were recorded: no gap, nothing joined on.

        Examples
        --------
        >>> whole = Clock.nominal(1000)
        >>> Clock.concatenated([(whole, 500), (whole.window(9000, 9400), 400)]).is_continuous(900)
        False
        """
        return not has_jumps(self.window(0, size)._table)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Clock):
            return NotImplemented
        return self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        rate_hz = 1e9 / max(line_at(self._table, 0).slope, 1e-9)
        segments = f", {self._table.shape[1]:_} segments" if self._table.shape[1] > 1 else ""
        return f"<Clock {rate_hz:.10g} Hz{segments}{', UTC' if self.utc else ''}>"

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (*self._key, self.ties)

    def __dask_tokenize__(self) -> tuple[object, ...]:
        return ("xjls.model.clock.Clock", *self._key)

    @property
    def _key(self) -> tuple[bytes, bool, bool, int]:
        return self._table.tobytes(), self.utc, self.tied, self.zero_ns


def _derived(table: IntArray, source: Clock) -> Clock:
    """Return a window's clock; its table was made from a checked one, and every selection makes one."""
    clock = object.__new__(Clock)
    for name, value in (("utc", source.utc), ("zero_ns", source.zero_ns), ("ties", None), ("tied", source.tied)):
        object.__setattr__(clock, name, value)
    object.__setattr__(clock, "_table", table)
    return clock


def _restored(table: bytes, utc: bool, tied: bool, zero_ns: int, ties: Ties | None) -> Clock:
    return Clock(np.frombuffer(table, np.int64).reshape(6, -1), utc, zero_ns, ties, tied)
