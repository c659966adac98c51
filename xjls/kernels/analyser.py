"""Samples of a power analyser's six signals -> records of statistics, in one pass over blocks that lie in the cache.

The signals are current, voltage, power, range, and two inputs. A record is 40 bytes: the number of finite samples as
u64, then as f64 their mean, the sum of the squared distances from it, minimum and maximum, NaN where there is no
sample. A row has one record for each signal. Runs of samples are as long as somebody likes, and go on from block to
block: what is known of the one that has begun is carried.

Ranges and inputs are bytes, of which those with a range of `MISSING` do not count; or they are numbers as the others.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from xjls.kernels.jit import READ_INTEGERS, inlined, kernel_for, part
from xjls.kernels.joulescope import MISSING
from xjls.kernels.memory import address
from xjls.kernels.moments import Moments, join_moments, moments_of, no_moments
from xjls.kernels.passes import squares, sum_and_extremes, view

__all__ = ["RECORD_BYTES", "SIGNALS", "Carry", "merge_runs", "reduce_floats", "reduce_words"]

SIGNALS = 6
RECORD_BYTES = 40
_NUMBERS = RECORD_BYTES // 8
_COUNT, _MEAN, _SQUARES, _LOW, _HIGH = range(_NUMBERS)
_MOST_LOST = 1000.0
"""The sum of squares about the first mean may be this many times that about the mean of all, a loss of ten bits."""
_FLOATS = 3
"""Signals that are never bytes."""

Table = NDArray[np.float64]
Counts = NDArray[np.int64]
Edges = NDArray[np.int64]

_F32 = types.Array(types.float32, 1, "C", readonly=True)
_U8 = types.Array(types.uint8, 1, "C", readonly=True)
_TABLE = types.Array(types.float64, 3, "C")
_COUNTS = types.Array(types.int64, 3, "C")
_READ_TABLE = types.Array(types.float64, 3, "C", readonly=True)
_READ_COUNTS = types.Array(types.int64, 3, "C", readonly=True)


class Carry:
    """Where a pass over runs of samples is.

    Parameters
    ----------
    edges
        int64[run + 1], not falling: run i is of samples [edges[i], edges[i + 1]). The first block begins with the first
        of them.
    records
        Shape (run, 6), of any type of 40 bytes, C-contiguous; filled as runs are complete.

    Raises
    ------
    ValueError
        Shapes do not fit, or edges fall.
    """

    __slots__ = ("at", "counts", "edges", "run", "table")

    def __init__(self, edges: Edges, records: NDArray[Any]) -> None:
        if records.shape != (len(edges) - 1, SIGNALS) or (np.diff(edges) < 0).any():
            raise ValueError(f"{records.shape} records for {len(edges)} edges, which must not fall")
        self.edges = edges
        self.table, self.counts = _numbers(records)
        self.counts[..., _COUNT] = 0
        self.table[..., 1:] = np.nan
        self.run, self.at = 0, int(edges[0]) if len(edges) else 0


def reduce_words(
    carry: Carry, current: NDArray[np.float32], voltage: NDArray[np.float32], power: NDArray[np.float32],
    ranges: NDArray[np.uint8], gpi0: NDArray[np.bool_], gpi1: NDArray[np.bool_],
) -> None:  # fmt: skip
    """Reduce the next samples, arrays of one length, to the records of their runs.

    Examples
    --------
    >>> records = np.empty((2, 6), "u8, 4f8")
    >>> carry = Carry(np.array([0, 2, 3]), records)
    >>> x, bits = np.array([1, 3, 5], "f4"), np.array([True, False, True])
    >>> reduce_words(carry, x, x, x, np.array([4, 4, 8], "u1"), bits, bits)
    >>> records[0, 0].item(), records[0, 4].item(), records[1, 4]["f0"].item()
    ((2, array([2., 2., 1., 3.])), (2, array([0.5, 0.5, 0. , 1. ])), 0)
    """
    _require_one_length(current, voltage, power, ranges, gpi0, gpi1)
    carry.run = _reduce_words(
        current, voltage, power, ranges, gpi0.view(np.uint8), gpi1.view(np.uint8), carry.at, carry.run, carry.edges,
        carry.table, carry.counts,
    )  # fmt: skip
    carry.at += len(current)


def reduce_floats(carry: Carry, fields: list[NDArray[np.float32]]) -> None:
    """Reduce the next samples of all six, where each is NaN if it is none; as `reduce_words`."""
    a, b, c, d, e, f = fields
    _require_one_length(*fields)
    carry.run = _reduce_floats(a, b, c, d, e, f, carry.at, carry.run, carry.edges, carry.table, carry.counts)
    carry.at += len(fields[0])


def _require_one_length(*arrays: NDArray[Any]) -> None:
    if len({len(array) for array in arrays}) != 1:
        raise ValueError(f"arrays of {[len(array) for array in arrays]} samples are not of one length")


def merge_runs(records: NDArray[Any], starts: Edges, stops: Edges, merged: NDArray[Any]) -> None:
    """Merge rows of records: row i of ``merged``, shape (run, 6), is of rows [starts[i], stops[i]).

    Examples
    --------
    >>> records, merged = np.zeros((3, 6), "u8, 4f8"), np.empty((2, 6), "u8, 4f8")
    >>> records["f0"], records["f1"] = 1, np.array([[[5, 0, 5, 5]], [[7, 0, 7, 7]], [[9, 0, 9, 9]]])
    >>> merge_runs(records, np.array([0, 2]), np.array([2, 2]), merged)
    >>> merged[0, 0].item(), merged[1, 0]["f0"].item()
    ((2, array([6., 2., 5., 7.])), 0)
    """
    if starts.size and not (starts.min() >= 0 and (starts <= stops).all() and stops.max() <= len(records)):
        raise ValueError(f"runs reach outside {len(records)} rows")
    table, counts = _numbers(merged)
    if table.shape != (len(starts), SIGNALS, _NUMBERS):
        raise ValueError(f"{table.shape} records for {len(starts)} runs")
    _merge_runs(*_numbers(records), starts, stops, table, counts)


def _numbers(records: NDArray[Any]) -> tuple[Table, Counts]:
    """Return views of records, shape (run, 6): their numbers, and their counts in the first of these."""
    shape = (*records.shape, _NUMBERS)
    return records.view(np.float64).reshape(shape), records.view(np.int64).reshape(shape)


@part
def _store(table: Table, counts: Counts, run: int, signal: int, found: Moments) -> None:
    """Fill a record, of at least one sample."""
    counts[run, signal, _COUNT] = found.number
    table[run, signal, _MEAN], table[run, signal, _SQUARES] = found.mean, found.squares
    table[run, signal, _LOW], table[run, signal, _HIGH] = found.low, found.high


@part
def _add(table: Table, counts: Counts, run: int, signal: int, found: Moments) -> None:
    """Merge more samples into a record."""
    if found.number == 0:
        return
    number = counts[run, signal, _COUNT]
    if number:
        mean, about = table[run, signal, _MEAN], table[run, signal, _SQUARES]
        low, high = table[run, signal, _LOW], table[run, signal, _HIGH]
        found = join_moments(Moments(number, mean, about, low, high), found)
    _store(table, counts, run, signal, found)


@part
def _put(table: Table, counts: Counts, run: int, signal: int, value: Any, counted: bool) -> None:
    """Fill the record of a single sample."""
    x = np.float64(value) if counted else np.float64(math.nan)
    counts[run, signal, _COUNT] = counted
    table[run, signal, _MEAN] = table[run, signal, _LOW] = table[run, signal, _HIGH] = x
    table[run, signal, _SQUARES] = x - x


@part
def _add_floats(
    values: NDArray[np.float32], lo: int, hi: int, table: Table, counts: Counts, run: int, signal: int
) -> None:
    end = address(values) + values.itemsize * values.size
    found = moments_of(values, address(values) + values.itemsize * lo, hi - lo, end, 0)
    _add(table, counts, run, signal, found)


@part
def _is_constant(some: NDArray[np.uint8]) -> bool:
    differences, first = np.uint8(0), some[0]
    for i in range(some.size):
        differences |= np.uint8(some[i] ^ first)
    return bool(differences == 0)


@part
def _has_missing(ranges: NDArray[np.uint8]) -> bool:
    found = np.uint8(0)
    for i in range(ranges.size):
        found |= ranges[i]
    return bool(found >= MISSING)


@part
def _of_ranges(some: NDArray[np.uint8]) -> Moments:
    """Reduce bytes that all count."""
    if _is_constant(some):
        return Moments(some.size, np.float64(some[0]), 0.0, np.float64(some[0]), np.float64(some[0]))
    total, low, high = sum_and_extremes(some)
    mean: Any = total / some.size
    return Moments(some.size, mean, squares(some, mean), np.float64(low), np.float64(high))


@part
def _of_bits(some: NDArray[np.uint8]) -> Moments:
    """Reduce zeros and ones that all count."""
    ones, number = np.uint32(0), some.size
    for i in range(number):
        ones += np.uint32(some[i])
    n = np.float64(ones)
    return Moments(number, n / number, n * (number - n) / number, np.float64(n == number), np.float64(n > 0))


@part
def _of_some(some: NDArray[np.uint8], ranges: NDArray[np.uint8]) -> Moments:
    """Reduce bytes of which those count that are not missing."""
    number, total, about, low, high = 0, 0, 0, 255, 0
    for i in range(some.size):
        if ranges[i] < MISSING:
            x: Any = np.int64(some[i])
            number, total, about = number + 1, total + x, about + x * x
            low, high = min(low, x), max(high, x)
    if number == 0:
        return no_moments()
    mean: Any = np.float64(total) / number
    return Moments(number, mean, np.float64(about * number - total * total) / number, np.float64(low), np.float64(high))


@part
def _cut(values: NDArray[np.uint8], lo: int, hi: int) -> NDArray[np.uint8]:
    return view(values, address(values) + lo, hi - lo)


@part
def _add_bytes(
    ranges: NDArray[np.uint8], gpi0: NDArray[np.uint8], gpi1: NDArray[np.uint8], lo: int, hi: int, table: Table,
    counts: Counts, run: int,
) -> None:  # fmt: skip
    some = _cut(ranges, lo, hi)
    if _has_missing(some):
        _add(table, counts, run, _FLOATS, _of_some(some, some))
        _add(table, counts, run, _FLOATS + 1, _of_some(_cut(gpi0, lo, hi), some))
        _add(table, counts, run, _FLOATS + 2, _of_some(_cut(gpi1, lo, hi), some))
        return
    _add(table, counts, run, _FLOATS, _of_ranges(some))
    _add(table, counts, run, _FLOATS + 1, _of_bits(_cut(gpi0, lo, hi)))
    _add(table, counts, run, _FLOATS + 2, _of_bits(_cut(gpi1, lo, hi)))


@kernel_for(_F32, _F32, _F32, _U8, _U8, _U8, types.int64, types.int64, READ_INTEGERS, _TABLE, _COUNTS)
def _reduce_words(
    current: NDArray[np.float32], voltage: NDArray[np.float32], power: NDArray[np.float32], ranges: NDArray[np.uint8],
    gpi0: NDArray[np.uint8], gpi1: NDArray[np.uint8], at: int, run: int, edges: Edges, table: Table, counts: Counts,
) -> int:  # fmt: skip
    done = 0
    while run < table.shape[0] and done < current.size:
        stop = min(edges[run + 1] - at, current.size)
        if edges[run + 1] - edges[run] == 1:
            counted = ranges[done] < MISSING
            _put(table, counts, run, 0, current[done], math.isfinite(current[done]))
            _put(table, counts, run, 1, voltage[done], math.isfinite(voltage[done]))
            _put(table, counts, run, 2, power[done], math.isfinite(power[done]))
            _put(table, counts, run, _FLOATS, ranges[done], counted)
            _put(table, counts, run, _FLOATS + 1, gpi0[done], counted)
            _put(table, counts, run, _FLOATS + 2, gpi1[done], counted)
            done = stop
        elif stop > done:
            _add_floats(current, done, stop, table, counts, run, 0)
            _add_floats(voltage, done, stop, table, counts, run, 1)
            _add_floats(power, done, stop, table, counts, run, 2)
            _add_bytes(ranges, gpi0, gpi1, done, stop, table, counts, run)
            done = stop
        run += edges[run + 1] - at <= stop
    return run


@kernel_for(_F32, _F32, _F32, _F32, _F32, _F32, types.int64, types.int64, READ_INTEGERS, _TABLE, _COUNTS)
def _reduce_floats(
    a: NDArray[np.float32], b: NDArray[np.float32], c: NDArray[np.float32], d: NDArray[np.float32],
    e: NDArray[np.float32], f: NDArray[np.float32], at: int, run: int, edges: Edges, table: Table, counts: Counts,
) -> int:  # fmt: skip
    done = 0
    while run < table.shape[0] and done < a.size:
        stop = min(edges[run + 1] - at, a.size)
        if stop > done:
            for signal, values in enumerate((a, b, c, d, e, f)):
                if stop - done == edges[run + 1] - edges[run] == 1:
                    _put(table, counts, run, signal, values[done], math.isfinite(values[done]))
                else:
                    _add_floats(values, done, stop, table, counts, run, signal)
            done = stop
        run += edges[run + 1] - at <= stop
    return run


@inlined
def _about(table: Table, counts: Counts, start: int, stop: int, signal: int, origin: float) -> Moments:
    """Merge records whose means are taken as distances from a number, and the sum of squares about that."""
    number, total, about, low, high = 0, 0.0, 0.0, math.inf, -math.inf
    for i in range(start, stop):
        n = counts[i, signal, _COUNT]
        if n:
            distance = table[i, signal, _MEAN] - origin
            number += n
            total += n * distance
            about += table[i, signal, _SQUARES] + n * distance * distance
            low, high = min(low, table[i, signal, _LOW]), max(high, table[i, signal, _HIGH])
    shift = total / max(number, 1)
    squares = about - total * shift
    return Moments(number, shift, max(squares, 0.0), low, high)


@inlined
def _merged(table: Table, counts: Counts, start: int, stop: int, signal: int) -> Moments:
    """Merge records about the mean of the first one, or that of all where too much would be lost to the distance."""
    origin: Any = np.float64(0.0)
    for i in range(start, stop):
        if counts[i, signal, _COUNT]:
            origin = table[i, signal, _MEAN]
            break
    found = _about(table, counts, start, stop, signal, origin)
    if found.squares * _MOST_LOST < found.number * found.mean * found.mean:
        origin += found.mean
        found = _about(table, counts, start, stop, signal, origin)
    return Moments(found.number, origin + found.mean, found.squares, found.low, found.high)


@kernel_for(_READ_TABLE, _READ_COUNTS, READ_INTEGERS, READ_INTEGERS, _TABLE, _COUNTS)
def _merge_runs(
    table: Table, counts: Counts, starts: Edges, stops: Edges, merged: Table, merged_counts: Counts
) -> None:
    for run in range(starts.size):
        for signal in range(SIGNALS):
            merged_counts[run, signal, _COUNT] = 0
            for k in range(1, _NUMBERS):
                merged[run, signal, k] = math.nan
            found = _merged(table, counts, starts[run], stops[run], signal)
            if found.number:
                _store(merged, merged_counts, run, signal, found)
