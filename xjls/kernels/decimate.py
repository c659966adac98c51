"""Counts of a converter -> millivolts and seconds: each count, or a group of them at a time, in one pass.

Counts are int16: one a timestep, or ``paired``, a minimum and a maximum a timestep, interleaved. A group is ``factor``
timesteps from a multiple of that on; the ends of a window may cut groups off. A group becomes its minimum and maximum,
or its mean; of pairs, the minimum of the minima and the maximum of the maxima, or the mean of either. Its time is that
of its first timestep in the window.

`LOST` stands for a sample that nobody delivered, and counts in no group; what holds nothing else is NaN. It is the
smallest int16: the minimum of a group tells whether to look closer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from xjls.kernels.groups import LOST, ROOM, extremes_of_groups, sums_of_groups
from xjls.kernels.jit import INTEGERS, kernel_for, part
from xjls.kernels.memory import address
from xjls.kernels.passes import view

__all__ = ["LOST", "Conversion", "convert", "decimate"]

Counts = NDArray[np.int16]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_BLOCK = 512
"""Groups that are reduced before they are converted: what that needs stays in the first cache."""
_RUN = 4096
"""Counts that are converted by one loop, whose positions are int32."""
_LOW, _HIGH, _TOTAL, _COUNT = range(4)
_NOTHING = (-LOST, LOST, 0, 0)
"""What is known of a group so far: a row for either value of a pair, or one row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What counts mean.

    Examples
    --------
    >>> Conversion(scale_mv=0.5, offset_mv=0.0, step=16, steps_per_s=10**9, paired=True).outputs(0, 10, 2, "mean")
    6
    """

    scale_mv: float
    """Millivolts = count × this + ``offset_mv``."""
    offset_mv: float
    step: int
    """Timestep i is at i × ``step`` / ``steps_per_s`` seconds: correctly rounded, while the product is below 2⁵³."""
    steps_per_s: int
    paired: bool
    marked: bool = True
    """Whether `LOST` is no count."""

    def outputs(self, start: int, stop: int, factor: int, mode: str) -> int:
        """Return how many millivolts `decimate` makes of counts [start, stop), two a group unless means of one each."""
        size = factor * (2 if self.paired else 1)
        groups = -(-stop // size) - start // size if start < stop else 0
        return groups * (2 if self.paired or mode == "min_max" else 1)

    def _numbers(self) -> Floats:
        return np.array([self.scale_mv, self.offset_mv, self.step, self.steps_per_s], np.float64)


def convert(pieces: Iterable[Counts], start: int, conversion: Conversion, times: Floats, mv: Floats) -> None:
    """Convert every count.

    Parameters
    ----------
    pieces
        Consecutive counts, int16; both values of a pair have one time.
    start
        Place of the first one, from the file's first on.
    conversion
        What they mean.
    times, mv
        float64[time], filled: seconds from place 0 on, and millivolts.

    Raises
    ------
    ValueError
        The pieces hold more or fewer counts than that.

    Examples
    --------
    >>> meaning = Conversion(scale_mv=0.5, offset_mv=1.0, step=1, steps_per_s=4, paired=False)
    >>> times, mv = np.empty(3), np.empty(3)
    >>> convert([np.array([2, -4], "i2"), np.array([-32768], "i2")], 6, meaning, times, mv)
    >>> times, mv
    (array([1.5 , 1.75, 2.  ]), array([ 2., -1., nan]))
    """
    at, numbers = start, conversion._numbers()
    stop = start + _same_length(times, mv)
    for values in pieces:
        _require_room(len(values), at, stop)
        done = slice(at - start, at - start + len(values))
        _convert(_plain(values), at, conversion.paired, conversion.marked, numbers, times[done], mv[done])
        at += len(values)
    _require_all(at, stop)


def decimate(
    pieces: Iterable[Counts], window: tuple[int, int], factor: int, mode: str, conversion: Conversion, times: Floats,
    mv: Floats,
) -> None:  # fmt: skip
    """Reduce groups of timesteps.

    Parameters
    ----------
    pieces
        Consecutive counts, int16; a group or a pair may lie in several.
    window
        Places of the first one and behind the last one, from the file's first on. Of pairs both must be even.
    factor
        Timesteps of a group, at least 1.
    mode
        ``"min_max"``, two numbers a group, or ``"mean"``: one, or two of pairs.
    conversion
        What counts mean.
    times, mv
        float64[`Conversion.outputs`], filled: seconds from place 0 on, and millivolts.

    Raises
    ------
    ValueError
        The pieces hold more or fewer counts than the window, or the arrays have another length.

    Examples
    --------
    >>> meaning = Conversion(scale_mv=1.0, offset_mv=0.0, step=1, steps_per_s=4, paired=False)
    >>> times, mv = np.empty(4), np.empty(4)
    >>> decimate([np.array([1, 2], "i2"), np.array([9, 4, 5], "i2")], (0, 5), 4, "min_max", meaning, times, mv)
    >>> times, mv
    (array([0., 0., 1., 1.]), array([1., 9., 5., 5.]))
    """
    start, stop = window
    if _same_length(times, mv) != (needed := conversion.outputs(start, stop, factor, mode)):
        raise ValueError(f"times and mv must have {needed} elements, not {len(times)}")
    # Whatever is longer than the file is one group, and need not fit an int64
    facts = np.array(
        [min(factor, max(stop, 1)), conversion.paired, mode == "min_max", conversion.marked, start, stop], np.int64
    )
    numbers, tally = conversion._numbers(), np.array([_NOTHING] * 2, np.int64)
    at, done = start, 0
    for values in pieces:
        _require_room(len(values), at, stop)
        done = _decimate(_plain(values), at, facts, numbers, tally, done, times, mv)
        at += len(values)
    _require_all(at, stop)


def _plain(values: Counts) -> Counts:
    """Return counts as the kernels take them: contiguous, aligned and read-only."""
    plain = np.require(values, np.int16, ["C", "A"]).view()
    plain.flags.writeable = False
    return plain


def _same_length(times: Floats, mv: Floats) -> int:
    if times.shape != mv.shape:
        raise ValueError(f"times and mv must have the same length, not {times.shape} and {mv.shape}")
    return len(times)


def _require_room(count: int, at: int, stop: int) -> None:
    if count > stop - at:
        raise ValueError(f"the pieces hold {count - (stop - at)} counts more than the window")


def _require_all(at: int, stop: int) -> None:
    if at < stop:
        raise ValueError(f"the pieces hold {stop - at} counts fewer than the window")


class _Meaning(NamedTuple):
    """What ``Conversion._numbers`` holds."""

    scale: float
    offset: float
    step: float
    per_second: float


class _Asked(NamedTuple):
    """What `decimate` is asked for."""

    factor: int
    paired: bool
    extremes: bool
    marked: bool
    start: int
    stop: int


_COUNTS = types.Array(types.int16, 1, "C", readonly=True)
_FLOATS = types.Array(types.float64, 1, "C")
_TALLY = types.Array(types.int64, 2, "C")


@part
def _meaning(numbers: Floats) -> _Meaning:
    return _Meaning(numbers[0], numbers[1], numbers[2], numbers[3])


@part
def _seconds(timestep: float, meaning: _Meaning) -> float:
    return timestep * meaning.step / meaning.per_second


@part
def _millivolts(count: float, meaning: _Meaning) -> float:
    return count * meaning.scale + meaning.offset


@part
def _smallest(marked: bool) -> int:
    """Return the smallest number that is a count."""
    return LOST + 1 if marked else LOST


@part
def _convert_run(values: Counts, at: int, shift: int, least: int, meaning: _Meaning, times: Floats, mv: Floats) -> None:
    first, odd = np.float64(at >> shift), np.int32(at & shift)
    for i in range(values.size):
        # Positions as int32 and smaller: only these become floats in vectors everywhere
        times[i] = _seconds(first + np.float64((np.int32(i) + odd) >> np.int32(shift)), meaning)
        mv[i] = _millivolts(np.float64(values[i]), meaning) if np.int32(values[i]) >= np.int32(least) else math.nan


@kernel_for(_COUNTS, types.int64, types.boolean, types.boolean, _FLOATS, _FLOATS, _FLOATS)
def _convert(values: Counts, at: int, paired: bool, marked: bool, numbers: Floats, times: Floats, mv: Floats) -> None:
    least, meaning = _smallest(marked), _meaning(numbers)
    for i in range(0, values.size, _RUN):
        n = min(_RUN, values.size - i)
        block = view(values, address(values) + 2 * i, n)
        time_run, mv_run = view(times, address(times) + 8 * i, n), view(mv, address(mv) + 8 * i, n)
        _convert_run(block, at + i, 1 if paired else 0, least, meaning, time_run, mv_run)


@part
def _tally(values: Counts, least: int, row: Ints) -> None:
    """Add what counts to a row."""
    low, high, total, count = row[_LOW], row[_HIGH], row[_TOTAL], row[_COUNT]
    for i in range(values.size):
        x = np.int64(values[i])
        counts = x >= least
        low = min(low, x if counts else -LOST)
        high = max(high, x if counts else LOST)
        total += x if counts else 0
        count += counts
    row[_LOW], row[_HIGH], row[_TOTAL], row[_COUNT] = low, high, total, count


@part
def _add(values: Counts, at: int, asked: _Asked, tally: Ints) -> None:
    """Add values of one group, the first of them at place `at`, to its tally."""
    least = _smallest(asked.marked)
    if asked.paired:
        _tally(values[at & 1 :: 2], least, tally[0])
        _tally(values[1 - (at & 1) :: 2], least, tally[1])
    else:
        _tally(values, least, tally[0])


@part
def _put(first: int, asked: _Asked, meaning: _Meaning, tally: Ints, times: Floats, mv: Floats) -> None:
    """Store the group of a tally, whose first timestep is given, and clear the tally."""
    for k in range(times.size):
        row = tally[k if asked.paired else 0]
        if row[_COUNT] == 0:
            mv[k] = math.nan
        elif asked.extremes:
            mv[k] = _millivolts(np.float64(row[_HIGH if k else _LOW]), meaning)
        else:
            mv[k] = _millivolts(row[_TOTAL] / row[_COUNT], meaning)
        times[k] = _seconds(np.float64(first), meaning)
    for row in tally:
        row[_LOW], row[_HIGH], row[_TOTAL], row[_COUNT] = _NOTHING


@part
def _put_extremes(
    lows: Counts, highs: Counts, first: float, step: float, meaning: _Meaning, times: Floats, mv: Floats
) -> bool:
    """Store whole groups; return whether one holds `LOST`."""
    lost = False
    for i in range(lows.size):
        time = _seconds(first + np.float64(np.int32(i)) * step, meaning)
        times[2 * i] = time
        times[2 * i + 1] = time
        mv[2 * i] = _millivolts(np.float64(lows[i]), meaning)
        mv[2 * i + 1] = _millivolts(np.float64(highs[i]), meaning)
        lost |= (lows[i] == LOST) | (highs[i] == LOST)
    return lost


@part
def _put_means(sums: Ints, first: float, step: float, meaning: _Meaning, times: Floats, mv: Floats) -> None:
    """Store whole groups of `step` counts."""
    for i in range(sums.size // 2):
        times[i] = _seconds(first + np.float64(np.int32(i)) * step, meaning)
        mv[i] = _millivolts(np.float64(sums[2 * i] + sums[2 * i + 1]) / step, meaning)


@part
def _put_means_of_pairs(sums: Ints, first: float, step: float, meaning: _Meaning, times: Floats, mv: Floats) -> None:
    """Store whole groups of `step` pairs."""
    for i in range(sums.size // 2):
        time = _seconds(first + np.float64(np.int32(i)) * step, meaning)
        times[2 * i] = time
        times[2 * i + 1] = time
        mv[2 * i] = _millivolts(np.float64(sums[2 * i]) / step, meaning)
        mv[2 * i + 1] = _millivolts(np.float64(sums[2 * i + 1]) / step, meaning)


@part
def _put_block(
    block: Counts, first: int, asked: _Asked, meaning: _Meaning, lows: Counts, highs: Counts, sums: Ints,
    times: Floats, mv: Floats,
) -> bool:  # fmt: skip
    """Store whole groups, the first of which begins with timestep `first`; return whether one holds `LOST`."""
    n, size = lows.size, asked.factor * (2 if asked.paired else 1)
    begin, step = np.float64(first), np.float64(asked.factor)
    if asked.extremes:
        extremes_of_groups(block, size, asked.paired, lows, highs)
        return _put_extremes(lows, highs, begin, step, meaning, times, mv)
    lost = sums_of_groups(block, size, asked.paired, sums[: 2 * n])
    if asked.paired:
        _put_means_of_pairs(sums[: 2 * n], begin, step, meaning, times, mv)
    else:
        _put_means(sums[: 2 * n], begin, step, meaning, times, mv)
    return lost


@part
def _put_whole(
    values: Counts, first: int, count: int, asked: _Asked, meaning: _Meaning, tally: Ints, times: Floats, mv: Floats
) -> None:
    """Store `count` whole groups, the first of which begins with timestep `first` and the first of the values."""
    size, width = asked.factor * (2 if asked.paired else 1), times.size // count
    lows, highs, sums = np.empty(_BLOCK, np.int16), np.empty(_BLOCK, np.int16), np.empty(2 * _BLOCK, np.int64)
    for group in range(0, count, _BLOCK):
        n = min(_BLOCK, count - group)
        block, begin = values[group * size : (group + n) * size], first + group * asked.factor
        t, v = times[group * width : (group + n) * width], mv[group * width : (group + n) * width]
        lost = _put_block(block, begin, asked, meaning, lows[:n], highs[:n], sums, t, v)
        if lost and asked.marked:
            for i in range(n):
                _add(block[i * size : (i + 1) * size], 0, asked, tally)
                one = slice(i * width, (i + 1) * width)
                _put(begin + i * asked.factor, asked, meaning, tally, t[one], v[one])


@kernel_for(_COUNTS, types.int64, INTEGERS, _FLOATS, _TALLY, types.int64, _FLOATS, _FLOATS)
def _decimate(
    values: Counts, at: int, facts: Ints, numbers: Floats, tally: Ints, done: int, times: Floats, mv: Floats
) -> int:
    """Take values from place `at` on, after `done` outputs; return how many there are then."""
    asked = _Asked(facts[0], facts[1] != 0, facts[2] != 0, facts[3] != 0, facts[4], facts[5])
    meaning = _meaning(numbers)
    each = 2 if asked.paired else 1
    size, width = asked.factor * each, 2 if asked.extremes else each
    i = 0
    while i < values.size:
        # Short groups are read together with what follows
        whole = min((values.size - i) // size, (values.size - i - ROOM) // size + 1)
        if (at + i) % size == 0 and whole > 0:
            put = slice(done, done + whole * width)
            _put_whole(values[i:], (at + i) // each, whole, asked, meaning, tally, times[put], mv[put])
            i += whole * size
            done = put.stop
            continue
        n = min(values.size - i, size - (at + i) % size)
        _add(values[i : i + n], at + i, asked, tally)
        i += n
        if (at + i) % size == 0 or at + i == asked.stop:
            first = max((at + i - 1) // size * size, asked.start) // each
            put = slice(done, done + width)
            _put(first, asked, meaning, tally, times[put], mv[put])
            done = put.stop
    return done
