"""Tables of segments, the stuff of clocks: built from rates and ties, cut, strided and joined without rounding.

Segment k starts at position P and says, for positions p from there to the next segment,

    t(p) = T + (p - P) * S + floor(((p - P) * A + R) / D)        0 <= A < D,  0 <= R < D

in int64: T is the time at P, S the whole nanoseconds per position and A / D the rest. R carries the fraction of a
nanosecond at P; it is what closes tables under all of this. The first segment also reaches back before its P, and the
last one goes on without end.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from numbers import Rational

import numpy as np
from numpy.typing import NDArray

from xjls.errors import SelectionError
from xjls.model.exact import MAX_DENOMINATOR, Line, floor_line
from xjls.model.ties import Ties

__all__ = [
    "NEVER",
    "POSITION",
    "TIME",
    "checked_table",
    "common_divisor",
    "first_positions",
    "has_jumps",
    "holding",
    "joined_table",
    "line_at",
    "line_table",
    "never_falls",
    "quotient_table",
    "segment_at",
    "slope_ns",
    "tied_table",
    "usual_slope",
    "window_table",
]

Table = NDArray[np.int64]
"""Shape (6, segments): rows P, T, S, A, R, D of the formula, P strictly increasing."""

POSITION, TIME, _STEP, _A, _R, _D = range(6)

NEVER = 2**63 - 1
"""The position that searches give for times that are never reached."""

_FEW = 16
_RATE_TOLERANCE = Fraction(1, 1000)


def checked_table(values: Table) -> Table:
    """Return a read-only copy of a table, or raise ValueError."""
    table = np.array(values, np.int64, order="C")
    if table.ndim != 2 or table.shape[0] != 6 or table.shape[1] == 0:
        raise ValueError(f"a clock's table has 6 rows and at least 1 segment, not shape {table.shape}")
    if np.any(table[POSITION, 1:] <= table[POSITION, :-1]):
        raise ValueError("positions of a clock's segments must increase")
    if np.any(table[_D] <= 0) or np.any(table[_D] >= MAX_DENOMINATOR):
        raise ValueError(f"denominators of a clock are at least 1 and below {MAX_DENOMINATOR}")
    if np.any(table[[_A, _R]] < 0) or np.any(table[[_A, _R]] >= table[_D]):
        raise ValueError("remainders of a clock are at least 0 and below their denominators")
    table.setflags(write=False)
    return table


def slope_ns(rate_hz: int | Fraction) -> Fraction:
    """Nanoseconds per sample at a rate, exactly; rates are integers or fractions above 0.

    Examples
    --------
    >>> slope_ns(44_100)
    Fraction(10000000, 441)
    """
    if not isinstance(rate_hz, Rational):
        raise TypeError(f"a clock's rate is an int or a Fraction, to be exact, not {type(rate_hz).__name__}")
    if rate_hz <= 0:
        raise ValueError(f"a clock's rate is above 0 Hz, not {rate_hz}")
    return Fraction(10**9 * int(rate_hz.denominator), int(rate_hz.numerator))


def line_table(position: int, time_ns: int, slope: Fraction) -> Table:
    """Return the table of one line: `time_ns` at `position`, then `slope` nanoseconds per position."""
    return _columns([(position, time_ns, slope)])


def tied_table(ties: Ties, slope: Fraction) -> Table:
    """Return the table through all ties, and beyond them on the end segments or, where these are odd, at `slope`.

    Odd is an end segment whose rate differs from the nominal `slope` by more than 0.1 %.
    """
    ids, times = ties.sample_ids.tolist(), ties.times_ns.tolist()
    slopes = [
        Fraction(times[k + 1] - times[k], ids[k + 1] - ids[k]) for k in range(len(ids) - 1)
    ]  # fmt: skip
    is_odd = [_is_odd(s, slope) for s in (slopes[0], slopes[-1])] if slopes else [True, True]
    # Ties on one line are one segment, as they are when its parts are joined again
    bends = [k for k, s in enumerate(slopes) if k == 0 or s != slopes[k - 1]]
    table = _columns((ids[k], times[k], slopes[k]) for k in bends)
    if is_odd[1]:
        table = np.concatenate([table, line_table(ids[-1], times[-1], slope)], axis=1)
    if is_odd[0] and slopes:
        before = line_at(line_table(ids[0], times[0], slope), ids[0] - 1)
        table = np.concatenate([_column(ids[0] - 1, before), table], axis=1)
    return table


def segment_at(table: Table, position: int) -> int:
    """Return the number of the segment that holds `position`."""
    return max(int(np.searchsorted(table[POSITION], position, side="right")) - 1, 0)


def holding(table: Table, positions: NDArray[np.int64]) -> list[int] | Table:
    """Return the rows of `table` that hold at `positions` (not empty): integers if one segment holds at all of them."""
    first, last = segment_at(table, int(positions.min())), segment_at(table, int(positions.max()))
    if first == last:
        column: list[int] = table[:, first].tolist()
        return column
    segments = np.searchsorted(table[POSITION], positions, side="right") - 1
    return table[:, np.maximum(segments, 0)]


def line_at(table: Table, position: int) -> Line:
    """Return the line that holds at `position`, with its origin there."""
    column = table[:, segment_at(table, position)].tolist()
    return _line(column).moved(int(position) - column[POSITION])


def window_table(table: Table, start: int, *, size: int, step: int) -> Table:
    """Return the table of `size` positions from `start` on, each `step`: only the segments that these need."""
    last = start + max(size - 1, 0) * step
    table = table[:, segment_at(table, start) : segment_at(table, last) + 1]
    if table.shape[1] == 1 and (line := _window_line(table[:, 0].tolist(), start, step)) is not None:
        return line
    if max(abs(int(table[_STEP].min())), abs(int(table[_STEP].max()))) * step >= 2**63:
        if size > 1:
            raise SelectionError(f"a stride of {step} positions is longer than int64 nanoseconds")
        step = 1
    # the first of the new positions in each segment, and how far behind the segment's own start it lies
    positions = np.maximum(-((start - table[POSITION]) // step), 0)
    positions[0] = 0
    is_used = np.append(positions[:-1] < positions[1:], True)
    table, positions = table[:, is_used], positions[is_used]
    n = start + positions * step - table[POSITION]
    a, r, d = table[[_A, _R, _D]]
    whole, whole_step = floor_line(n, a, r, d), floor_line(np.full_like(d, step), a, np.zeros_like(d), d)
    # products may wrap: the differences are right modulo 2**64, and fit
    return np.stack(
        [
            positions,
            table[TIME] + n * table[_STEP] + whole,
            table[_STEP] * step + whole_step,
            a * step - whole_step * d,
            n * a + r - whole * d,
            d,
        ]
    )


def _window_line(line: list[int], start: int, step: int) -> Table | None:
    """Return the table of a window that needs one segment only; None where its numbers need more than 63 bits.

    Nearly every window is such a one, and Python's integers are ten times as quick here as arrays of one element.
    """
    position, time, stride, a, r, d = line
    n = start - position
    (whole, rest), (whole_step, rest_step) = divmod(n * a + r, d), divmod(a * step, d)
    new = [0, time + n * stride + whole, stride * step + whole_step, rest_step, rest, d]
    if max(map(abs, new)) >= 2**63:
        return None
    return np.array(new, np.int64).reshape(6, 1)


def joined_table(tables_with_sizes: Iterable[tuple[Table, int]]) -> Table:
    """Return the table that runs through windows in turn; parts on one line become one segment again."""
    parts: list[Table] = []
    end = 0
    for table, size in tables_with_sizes:
        if size == 0:
            continue
        part = table.copy()
        part[POSITION] += end
        end += size
        if parts and line_at(parts[-1], int(part[POSITION, 0])).overlies(_line(part[:, 0].tolist())):
            parts[-1] = np.concatenate([parts[-1], part[:, 1:]], axis=1)
        else:
            parts.append(part)
    return np.concatenate(parts, axis=1)


def never_falls(table: Table, size: int | None = None) -> bool:
    """Whether times never run backwards, in the first `size` positions or, without `size`, anywhere on the segments."""
    starts, times, steps, a, r, d = table
    ends = starts[1:] - 1
    n = ends - starts[:-1]
    last_times = times[:-1] + n * steps[:-1] + floor_line(n, a[:-1], r[:-1], d[:-1])
    is_falling = steps < 0
    is_falling[:-1] &= n > 0
    is_falling[-1] &= size is None or size - 1 > int(starts[-1])
    return not (np.any(is_falling) or np.any(last_times > times[1:]))


def usual_slope(table: Table, size: int) -> float:
    """Return the slope, in nanoseconds, that half of the first `size` positions are not above."""
    slopes = table[_STEP] + table[_A] / table[_D]
    lengths = np.diff(table[POSITION].clip(0), append=size)
    order = np.argsort(slopes, kind="stable")
    middle = int(np.searchsorted(np.cumsum(lengths[order]), size / 2))
    return float(slopes[order[min(middle, len(order) - 1)]])


def has_jumps(table: Table) -> bool:
    """Whether a segment begins elsewhere than where the one before it leads, by more than half a step."""
    starts, times, steps, a, r, d = table
    n = np.diff(starts)
    led = times[:-1] + n * steps[:-1] + floor_line(n, a[:-1], r[:-1], d[:-1])
    return bool((np.abs(times[1:] - led) > np.abs(steps[:-1]) // 2 + 1).any())


def quotient_table(table: Table, zero_ns: int, *, start: int, stop: int) -> Table | None:
    """Return rows P, a, b, c with ``((p - P) * a + b) / c`` the exact seconds since `zero_ns`.

    For positions from `start` to `stop` - 1. None if a number in it would not fit int64.
    """
    columns = []
    for segment in range(segment_at(table, start), segment_at(table, stop - 1) + 1):
        column = table[:, segment].tolist()
        line = _line(column)
        a, b, c = line.a, (line.whole - zero_ns) * line.d + line.r, line.d * 10**9
        common = math.gcd(a, b, c)
        columns.append((column[POSITION], a // common, b // common, c // common))
    if any(max(abs(a) * (stop - start + abs(start - p)) + abs(b), c) >= 2**63 for p, a, b, c in columns):
        return None
    return np.array(columns, np.int64).T


def first_positions(table: Table, times_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the smallest positions whose times are at least `times_ns`, of a table that never falls; else NEVER."""
    segments = np.maximum(np.searchsorted(table[TIME], times_ns, side="left") - 1, 0)
    ends = np.append(table[POSITION, 1:], NEVER)[segments]
    found = _rounded_up(table, segments, times_ns) if times_ns.size >= _FEW else None
    if found is None:
        pairs = zip(segments.ravel().tolist(), times_ns.ravel().tolist(), strict=True)
        one_by_one = [_first_position(table[:, segment].tolist(), time_ns) for segment, time_ns in pairs]
        found = np.array(one_by_one, np.int64).reshape(times_ns.shape)
    return np.asarray(np.minimum(found, ends), np.int64)


def _rounded_up(table: Table, segments: NDArray[np.int64], times_ns: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Solve the formula for the position in all segments at once, rounding up; None where a number would not fit."""
    start, first_ns, step, a, r, d = table[:, segments]
    tops = [int(row.max()) for row in (step, d)]
    if int(step.min()) < 1 or tops[0] * tops[1] + tops[1] >= MAX_DENOMINATOR:
        return None
    # n * slope / d + r / d >= wanted, so n is (wanted * d - r) / slope rounded up; steps of 1 ns and more bound it
    slope, wanted = step * d + a, times_ns - first_ns
    whole, rest = np.divmod(slope - 1 - r, slope)
    return np.asarray(start + whole + floor_line(wanted, d, rest, slope), np.int64)


def common_divisor(table: Table, size: int) -> int:
    """Return the largest number of nanoseconds that divides the times of the first `size` positions (at least 1)."""
    starts, times, steps, a, r, d = table
    strides = np.diff(starts, append=size) - 1
    # every step rises by the whole step or by one more: both occur, or only one
    extra = floor_line(strides, a, r, d)
    steps = steps + (extra == strides) * (strides > 0)
    steps = np.where((extra > 0) & (extra < strides), 1, np.where(strides > 0, steps, 0))
    return int(np.gcd.reduce(np.concatenate([times, steps])))


def _first_position(column: list[int], time_ns: int) -> int:
    line = _line(column)
    if line.a <= 0:
        return column[POSITION] if time_ns <= line.whole else NEVER
    return min(column[POSITION] + line.first_at_or_above(time_ns), NEVER)


def _is_odd(slope: Fraction, nominal: Fraction) -> bool:
    # rates, not slopes: |1 / slope - 1 / nominal| > tolerance / nominal
    return slope <= 0 or abs(nominal - slope) > _RATE_TOLERANCE * slope


def _columns(points: Iterable[tuple[int, int, Fraction]]) -> Table:
    return np.array(list(_iter_columns(points)), np.int64).reshape(-1, 6).T


def _iter_columns(points: Iterable[tuple[int, int, Fraction]]) -> Iterator[tuple[int, ...]]:
    for position, time_ns, slope in points:
        step, a = divmod(slope.numerator, slope.denominator)
        yield position, time_ns, step, a, 0, slope.denominator


def _column(position: int, line: Line) -> Table:
    step, a = divmod(line.a, line.d)
    return np.array([[position], [line.whole], [step], [a], [line.r], [line.d]], np.int64)


def _line(column: list[int]) -> Line:
    _, time_ns, step, a, r, d = column
    return Line(time_ns, step * d + a, r, d)
