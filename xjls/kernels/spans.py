"""Statistics of spans of a signal, exactly: whole entries of the coarsest levels in the middle, samples at the ends.

The signal is cut into blocks, of samples (level 0) and of entries (levels 1 to ``top``), each somewhere in memory:
mapped from a file, or made when a file's own entries cannot be used. A table holds the address of every block; where
one is not known yet, the kernel notes its place in the table and the caller brings it there and asks again.

where
    Int64, shape (blocks of all levels,): address of a block, 8-byte aligned; `UNKNOWN` where nobody has looked yet,
    `LOST` where the samples do not exist. An odd number is the address of `ROW_BYTES` long rows, plus one: count,
    lost, mean, sum of squared distances from the mean, minimum and maximum of each item. At other addresses are
    samples as a file stores them, or entries of mean, population standard deviation, minimum and maximum, each of
    which has as many finite samples as it covers.
facts
    Int64, what `make_facts` returns.

Positions are samples counted from the signal's first one. Nothing is checked against the bytes: who fills the table
has verified that its blocks are whole and stay where they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numpy.typing import NDArray

from xjls.kernels.jit import INTEGERS, READ_BYTES, READ_INTEGERS, inlined, instruction, kernel, kernel_for, part
from xjls.kernels.lanes import entry_sums, sample_sums
from xjls.kernels.memory import I64, address, call, load_i64, load_u8, pointer, store_i64

__all__ = [
    "KNOWN",
    "LOST",
    "ROW_BYTES",
    "TYPES",
    "UNKNOWN",
    "count_not_finite",
    "make_facts",
    "summarize_span",
    "summarize_spans",
]

UNKNOWN, LOST = 0, -1
KNOWN = 2
"""In ``looked``, the bit of a block whose samples are known to be finite or not, each of them."""
ROW_BYTES = 48
_EIGHT_KNOWN = KNOWN * 0x0101_0101_0101_0101

TYPES = ("f32", "f64", "u1", "u4", "i4", "u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64")
"""Sample types as files store them; the code of one is its place here."""
_F32, _F64, _U1, _U4, _I4, _U8, _I8, _U16, _I16, _U32, _I32, _U64, _I64 = range(len(TYPES))

_CODE, _TOP, _SAMPLES, _ENTRIES, _WIDE, _FIXED = range(6)
_BASE, _FACTOR, _PER_LEVEL = 0, 1, 2

Ints = NDArray[np.int64]
Rows = NDArray[np.float64]
Sums = tuple[int, int, float, float, float, float, float]
"""Finite and lost samples; a shift; the sums of the distances from it and of their squares; minimum and maximum."""
AddItems = Callable[[int, int, int, Sums], Sums]
"""Address, first and last item, sums -> sums with these items."""


class Asked(NamedTuple):
    """What a question is answered from, by addresses: arrays cost more than short loops do."""

    where: int
    facts: int
    missing: int
    """Where unknown blocks are noted."""
    room: int
    """How many."""


_NOTHING = (0, 0, 0.0, 0.0, 0.0, math.inf, -math.inf)


def make_facts(
    stored_type: str, length: int, factors: Sequence[int], block_samples: int, block_entries: int, *, wide: bool
) -> Ints:
    """Return what a kernel must know of a signal beside its blocks; the last number is that of all blocks.

    Parameters
    ----------
    stored_type
        One of `TYPES`.
    length
        Samples.
    factors
        Samples an entry of each level covers, from fine to coarse, each a multiple of the one before.
    block_samples, block_entries
        Samples and entries of a block.
    wide
        Whether entries are float64, not float32.

    Examples
    --------
    >>> facts = make_facts("f32", 100_000, (128, 2560), 8192, 640, wide=False)
    >>> facts[-1].item()  # 13 of samples, 2 of level 1, 1 of level 2
    16
    """
    facts = [TYPES.index(stored_type), len(factors), block_samples, block_entries, int(wide)]
    base = 0
    for level, factor in enumerate((1, *factors)):
        facts += [base, factor]
        base += -(-(length // factor) // (block_entries if level else block_samples))
    return np.array([*facts, base], np.int64)


# -- numbers at addresses ----------------------------------------------------------------------------------------------


def _loader(width: int, kind: str) -> Any:
    """Make the instruction that loads a number of `width` bytes, of NumPy's `kind`, as float64."""
    double = ir.DoubleType()

    def load(builder: Any, place: Any) -> Any:
        stored = {4: ir.FloatType(), 8: double}[width] if kind == "f" else ir.IntType(8 * width)
        value = builder.load(pointer(builder, place, stored), align=1)
        if kind == "f":
            return value if width == 8 else builder.fpext(value, double)
        return builder.sitofp(value, double) if kind == "i" else builder.uitofp(value, double)

    return instruction(types.float64, types.int64)(load)


@instruction(types.int64, types.int64)
def _ones(builder: Any, value: Any) -> Any:
    """Count the ones of an int64."""
    return call(builder, "llvm.ctpop.i64", I64, value)


load_f32: Any = _loader(4, "f")
load_f64: Any = _loader(8, "f")


@instruction(types.void, types.int64, types.float64)
def store_f64(builder: Any, place: Any, value: Any) -> None:
    """Store a float64."""
    builder.store(value, pointer(builder, place, ir.DoubleType()), align=1)


@instruction(types.int64, types.int64, types.int64)
def _quotient(builder: Any, value: Any, by: Any) -> Any:
    """Divide: neither is negative, and the divisor is not 0. Python's own way minds both, and takes twice as long."""
    return builder.udiv(value, by)


@instruction(types.float64, types.float64, types.float64)
def _smaller(builder: Any, a: Any, b: Any) -> Any:
    """Return the smaller of two numbers, neither of them NaN."""
    return builder.select(builder.fcmp_ordered("<", a, b), a, b)


@instruction(types.float64, types.float64, types.float64)
def _larger(builder: Any, a: Any, b: Any) -> Any:
    """Return the larger of two numbers, neither of them NaN."""
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


# -- items of a block, added to sums ---------------------------------------------------------------------------------
#
# Distances are taken from the first number that is met. It is one of the coarsest entry's, or of few samples', so that
# the squares keep their digits whatever the offset; and no division is needed before the end.


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
    load, sums = _loader(width, kind), sample_sums(width, kind)

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
def _ones_among(place: int, start: int, stop: int) -> int:
    """Count the ones of bits [start, stop), the lowest of each byte first."""
    ones = 0
    while start < stop and start & 7:
        ones += load_u8(place + (start >> 3)) >> (start & 7) & 1
        start += 1
    while start + 64 <= stop:
        ones += _ones(load_i64(place + (start >> 3)))
        start += 64
    while start + 8 <= stop:
        ones += _ones(load_u8(place + (start >> 3)))
        start += 8
    if start < stop:
        ones += _ones(load_u8(place + (start >> 3)) & ((1 << (stop - start)) - 1))
    return ones


@part
def _bits(place: int, start: int, stop: int, found: Sums) -> Sums:
    """Add bits [start, stop) at an address."""
    n, lost, shift, total, squares, low, high = found
    count, ones = stop - start, _ones_among(place, start, stop)
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


# -- spans -----------------------------------------------------------------------------------------------------------


@inlined
def _block_items(facts: int, level: int, place: int, start: int, stop: int, each: int, found: Sums) -> Sums:
    """Add items [start, stop) of a block of a level."""
    if place == LOST:
        return found[0], found[1] + stop - start, found[2], found[3], found[4], found[5], found[6]
    if place & 1:
        return _rows(place - 1, start, stop, found)
    if level == 0:
        code = _fact(facts, _CODE)
        if code == _F32:
            return _floats_f32(place, start, stop, found)
        return _rarer_samples(code, place, start, stop, found)
    if _fact(facts, _WIDE):
        return _entries_f64(place, start, stop, each, found)
    return _entries_f32(place, start, stop, each, found)


@inlined
def _fact(facts: int, which: int) -> int:
    return load_i64(facts + 8 * which)


@inlined
def _factor(facts: int, level: int) -> int:
    return _fact(facts, _FIXED + _PER_LEVEL * level + _FACTOR)


@inlined
def _items(asked: Asked, level: int, start: int, stop: int, n: int, found: Sums) -> tuple[Sums, int]:
    """Add items [start, stop) of a level to sums; note the blocks that are not known from the n-th missing one on.

    Returns the sums, and the number of blocks that were not known so far.
    """
    size = _fact(asked.facts, _SAMPLES if level == 0 else _ENTRIES)
    base, each = _fact(asked.facts, _FIXED + _PER_LEVEL * level + _BASE), _factor(asked.facts, level)
    block = _quotient(start, size)
    while start < stop:
        begin = block * size
        end = min(stop, begin + size)
        place = load_i64(asked.where + 8 * (base + block))
        if place == UNKNOWN:
            if n < asked.room:
                store_i64(asked.missing + 8 * n, base + block)
            n += 1
        else:
            found = _block_items(asked.facts, level, place, start - begin, end - begin, each, found)
        start = end
        block += 1
    return found, n


@inlined
def _whole(facts: int, level: int, start: int, stop: int) -> tuple[int, int]:
    """Return the range of items of a level that lie in samples [start, stop)."""
    factor = _factor(facts, level)
    return _quotient(start + factor - 1, factor), _quotient(stop, factor)


@inlined
def _span(asked: Asked, start: int, stop: int, top: int, n: int) -> tuple[Sums, int]:
    """Return the sums of samples [start, stop), and the number of blocks that were not known so far.

    The coarsest entries come first: those that fit between the ends are one range, and what every level below adds
    to it on either side are few.
    """
    facts = asked.facts
    level = top
    while level > 0 and _factor(facts, level) > stop - start:
        level -= 1
    first, last = _whole(facts, level, start, stop)
    while first >= last:
        level -= 1
        first, last = _whole(facts, level, start, stop)
    found: Sums = _NOTHING
    # What is left and right of the items of the level above; there is none at first
    inner, outer = last, last
    while True:
        begin, end = first, inner
        # One place for both sides: what adds items is long, and is put there
        for _ in range(2):
            if begin < end:
                found, n = _items(asked, level, begin, end, n, found)
            begin, end = outer, last
        factor = _factor(facts, level)
        if first * factor <= start and last * factor >= stop:
            return found, n
        level -= 1
        step = _quotient(factor, _factor(facts, level))
        inner, outer = first * step, last * step
        first, last = _whole(facts, level, start, stop)


@inlined
def _store(found: Sums, row: int) -> None:
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


@part
def _trusted_blocks(facts: int, looked: NDArray[np.uint8], most: int, start: int, stop: int) -> int:
    """Count the blocks of level 1 that have entries in samples [start, stop) and are not `KNOWN`, to `most` and one."""
    trusted = 0
    if looked.size:
        first, last = _whole(facts, 1, start, stop)
        if first < last:
            size = _fact(facts, _ENTRIES)
            place, end = address(looked) + _quotient(first, size), address(looked) + _quotient(last - 1, size)
            while place <= end and trusted <= most:
                if place + 7 <= end and load_i64(place) & _EIGHT_KNOWN == _EIGHT_KNOWN:
                    place += 8
                else:
                    trusted += load_u8(place) & KNOWN == 0
                    place += 1
    return trusted


_ROW = types.Array(types.float64, 1, "C")
_TABLE = types.Array(types.float64, 2, "C")


@kernel_for(INTEGERS, READ_INTEGERS, READ_BYTES, types.int64, types.int64, types.int64, _ROW)
def summarize_span(
    where: Ints, facts: Ints, looked: NDArray[np.uint8], most: int, start: int, stop: int, row: Rows
) -> int:
    """Summarise samples [start, stop), at least one; return how many blocks were not known: then the row is void.

    ``row`` is float64[7]: receives a row, and behind it the number of blocks of level 1 of which ``looked`` (uint8, a
    number for each such block, or none at all) lacks `KNOWN` and whose entries were taken at their word: counted to one
    more than ``most``, so that a long window costs no more than a short one.
    """
    # First: what is looked at while entries are added is not known yet
    row[6] = _trusted_blocks(address(facts), looked, most, start, stop)
    # There is no room in the list of unknown blocks: nothing is noted
    found, n = _span(Asked(address(where), address(facts), 0, 0), start, stop, facts[_TOP], 0)
    _store(found, address(row))
    return n


@kernel_for(INTEGERS, READ_INTEGERS, READ_INTEGERS, types.int64, _TABLE, INTEGERS)
def summarize_spans(where: Ints, facts: Ints, edges: Ints, top: int, rows: Rows, missing: Ints) -> int:
    """Summarise samples [edges[i], edges[i + 1]) in rows[i] (float64[n, 6]), with levels up to ``top`` only.

    Returns how many blocks were not known: then all rows are void, and ``missing`` begins with the places of these
    blocks in the table, as many as it has room for; some may be there repeatedly.
    """
    n = 0
    asked = Asked(address(where), address(facts), address(missing), missing.size)
    for i in range(edges.size - 1):
        found: Sums = _NOTHING
        if edges[i] < edges[i + 1]:
            found, n = _span(asked, edges[i], edges[i + 1], top, n)
        _store(found, address(rows) + ROW_BYTES * i)
    return n


@kernel
def count_not_finite(values: NDArray[Any], each: int, out: NDArray[np.int64]) -> int:
    """Count the values that are NaN or infinite in each run of `each`; return the sum. The last run may be shorter."""
    in_all = 0
    for i in range(out.size):
        n = 0
        for x in values[i * each : min((i + 1) * each, values.size)]:
            n += not math.isfinite(x)
        out[i] = n
        in_all += n
    return in_all
