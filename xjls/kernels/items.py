"""Items of a block, samples or entries or rows, added to sums: what every span is made of.

Distances are taken from the first number that is met. It is one of the coarsest entry's, or of few samples', so that
the squares keep their digits whatever the offset; and no division is needed before the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from numba import types

from xjls.kernels.bits import ones_among
from xjls.kernels.jit import inlined, instruction, part
from xjls.kernels.lanes import entry_sums, larger, sample_sums, smaller
from xjls.kernels.memory import load_f32, load_f64, load_u8, number_loader, store_f64

__all__ = ["ENTRIES_F32", "ENTRIES_F64", "LOST", "NOTHING", "ROW_BYTES", "TYPES", "Sums", "add_items", "store_row"]

LOST = -1
"""Stands for the address of a block whose samples do not exist."""
ROW_BYTES = 48

TYPES = ("f32", "f64", "u1", "u4", "i4", "u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64")
"""Sample types as files store them; the code of one is its place here."""
_F32, _F64, _U1, _U4, _I4, _U8, _I8, _U16, _I16, _U32, _I32, _U64, _I64 = range(len(TYPES))
ENTRIES_F32, ENTRIES_F64 = len(TYPES), len(TYPES) + 1
"""What a block of entries is called beside the types of samples."""

Sums = tuple[int, int, float, float, float, float, float]
"""Finite and lost samples; a shift; the sums of the distances from it and of their squares; minimum and maximum."""
AddItems = Callable[[int, int, int, Sums], Sums]
"""Address, first and last item, sums -> sums with these items."""
NOTHING = (0, 0, 0.0, 0.0, 0.0, math.inf, -math.inf)


_smaller: Any = instruction(types.float64, types.float64, types.float64)(smaller)
_larger: Any = instruction(types.float64, types.float64, types.float64)(larger)


def _floats_of(load: Any, width: int) -> AddItems:
    """Make the part that adds the finite ones of floats [start, stop) at an address."""
    sums = sample_sums(width, "f")

    @part
    def finite_ones(place: int, start: int, stop: int, found: Sums) -> Sums:
        n, lost, shift, total, squares, low, high = found
        for i in range(start, stop):
            x = load(place + width * i)
            if math.isfinite(x):
                if n == 0:
                    shift = x
                distance = x - shift
                n += 1
                total += distance
                squares += distance * distance
                low, high = _smaller(x, low), _larger(x, high)
        return n, lost, shift, total, squares, low, high

    @inlined
    def floats(place: int, start: int, stop: int, found: Sums) -> Sums:
        n, lost, shift, total, squares, low, high = found
        if n == 0:
            shift = load(place + width * start)
        more, more_squares, lowest, highest = sums(place + width * start, stop - start, shift)
        if not math.isfinite(more):
            return finite_ones(place, start, stop, found)
        low, high = _smaller(lowest, low), _larger(highest, high)
        return n + stop - start, lost, shift, total + more, squares + more_squares, low, high

    return floats


def _integers_of(width: int, kind: str) -> AddItems:
    """Make the part that adds integers [start, stop) at an address."""
    load, sums = number_loader(width, kind), sample_sums(width, kind)

    @part
    def integers(place: int, start: int, stop: int, found: Sums) -> Sums:
        n, lost, shift, total, squares, low, high = found
        if n == 0:
            shift = load(place + width * start)
        more, more_squares, lowest, highest = sums(place + width * start, stop - start, shift)
        low, high = _smaller(lowest, low), _larger(highest, high)
        return n + stop - start, lost, shift, total + more, squares + more_squares, low, high

    return integers


_floats_f32, _floats_f64 = _floats_of(load_f32, 4), _floats_of(load_f64, 8)
_integers_u8, _integers_i8 = _integers_of(1, "u"), _integers_of(1, "i")
_integers_u16, _integers_i16 = _integers_of(2, "u"), _integers_of(2, "i")
_integers_u32, _integers_i32 = _integers_of(4, "u"), _integers_of(4, "i")
_integers_u64, _integers_i64 = _integers_of(8, "u"), _integers_of(8, "i")


@part
def _bits(place: int, start: int, stop: int, found: Sums) -> Sums:
    """Add bits [start, stop) at an address."""
    n, lost, shift, total, squares, low, high = found
    count, ones = stop - start, ones_among(place, start, stop)
    zeros = count - ones
    total += ones * (1.0 - shift) - zeros * shift
    squares += ones * (1.0 - shift) ** 2 + zeros * shift * shift
    low, high = _smaller(1.0 if ones == count else 0.0, low), _larger(1.0 if ones else 0.0, high)
    return n + count, lost, shift, total, squares, low, high


@part
def _nibbles(place: int, start: int, stop: int, signed: bool, found: Sums) -> Sums:
    """Add nibbles [start, stop) at an address, the lower of each byte first."""
    n, lost, shift, total, squares, low, high = found
    for i in range(start, stop):
        number = load_u8(place + (i >> 1)) >> ((i & 1) << 2) & 15
        x = float(number - 16 if signed and number > 7 else number)
        distance = x - shift
        total += distance
        squares += distance * distance
        low, high = _smaller(x, low), _larger(x, high)
    return n + stop - start, lost, shift, total, squares, low, high


@part
def _rarer_samples(code: int, place: int, start: int, stop: int, found: Sums) -> Sums:  # noqa: C901 - numba has no table
    """Add samples [start, stop) of the block at `place`, of any type but f32."""
    if code == _F64:
        return _floats_f64(place, start, stop, found)
    if code == _U1:
        return _bits(place, start, stop, found)
    if code in (_U4, _I4):
        return _nibbles(place, start, stop, code == _I4, found)
    if code == _U8:
        return _integers_u8(place, start, stop, found)
    if code == _I8:
        return _integers_i8(place, start, stop, found)
    if code == _U16:
        return _integers_u16(place, start, stop, found)
    if code == _I16:
        return _integers_i16(place, start, stop, found)
    if code == _U32:
        return _integers_u32(place, start, stop, found)
    if code == _I32:
        return _integers_i32(place, start, stop, found)
    if code == _U64:
        return _integers_u64(place, start, stop, found)
    return _integers_i64(place, start, stop, found)


def _entries_of(load: Any, width: int) -> Callable[[int, int, int, int, Sums], Sums]:
    """Make the part that adds entries [start, stop) at an address, of `each` samples."""
    sums = entry_sums(width)

    @inlined
    def entries(place: int, start: int, stop: int, each: int, found: Sums) -> Sums:
        n, lost, shift, total, squares, low, high = found
        place += 4 * width * start
        if n == 0:
            shift = load(place)
        if stop - start == 1:
            distance, std = load(place) - shift, load(place + width)
            more, more_squares = distance, distance * distance + std * std
            lowest, highest = load(place + 2 * width), load(place + 3 * width)
        else:
            more, more_squares, lowest, highest = sums(place, stop - start, shift)
        low, high = _smaller(lowest, low), _larger(highest, high)
        return n + (stop - start) * each, lost, shift, total + each * more, squares + each * more_squares, low, high

    return entries


_entries_f32, _entries_f64 = _entries_of(load_f32, 4), _entries_of(load_f64, 8)


@part
def _rows(place: int, start: int, stop: int, found: Sums) -> Sums:
    """Add rows [start, stop) at an address."""
    n, lost, shift, total, squares, low, high = found
    for i in range(start, stop):
        row = place + ROW_BYTES * i
        count = load_f64(row)
        lost += int(load_f64(row + 8))
        if count > 0:
            if n == 0:
                shift = load_f64(row + 16)
            distance = load_f64(row + 16) - shift
            n += int(count)
            total += count * distance
            squares += load_f64(row + 24) + count * distance * distance
            low, high = _smaller(load_f64(row + 32), low), _larger(load_f64(row + 40), high)
    return n, lost, shift, total, squares, low, high


@inlined
def add_items(kind: int, place: int, start: int, stop: int, each: int, found: Sums) -> Sums:
    """Add items [start, stop) of the block at `place`: samples of a type of `TYPES`, entries of `each`, or rows."""
    if place == LOST:
        return found[0], found[1] + stop - start, found[2], found[3], found[4], found[5], found[6]
    if place & 1:
        return _rows(place - 1, start, stop, found)
    if kind == ENTRIES_F32:
        return _entries_f32(place, start, stop, each, found)
    if kind == _F32:
        return _floats_f32(place, start, stop, found)
    if kind == ENTRIES_F64:
        return _entries_f64(place, start, stop, each, found)
    return _rarer_samples(kind, place, start, stop, found)


@inlined
def store_row(found: Sums, row: int) -> None:
    """Store sums as a row at an address."""
    n, lost, shift, total, squares, low, high = found
    mean, about, share = math.nan, math.nan, 0.0
    if n:
        share = total / n
        mean, about = shift + share, max(squares - total * share, 0.0)
    else:
        low, high = math.nan, math.nan
    store_f64(row, float(n))
    store_f64(row + 8, float(lost))
    store_f64(row + 16, mean)
    store_f64(row + 24, about)
    store_f64(row + 32, low)
    store_f64(row + 40, high)
