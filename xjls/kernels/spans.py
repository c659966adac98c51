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
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from xjls.kernels.items import (
    ENTRIES_F32,
    ENTRIES_F64,
    LOST,
    NOTHING,
    ROW_BYTES,
    TYPES,
    Sums,
    add_items,
    store_row,
)
from xjls.kernels.jit import INTEGERS, READ_BYTES, READ_INTEGERS, inlined, instruction, kernel, kernel_for, part
from xjls.kernels.memory import address, load_i64, load_u8, store_i64

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

UNKNOWN = 0
KNOWN = 2
"""In ``looked``, the bit of a block whose samples are known to be finite or not, each of them."""
_EIGHT_KNOWN = KNOWN * 0x0101_0101_0101_0101

_SAMPLE_KIND, _TOP, _SAMPLES, _ENTRIES, _ENTRY_KIND, _FIXED = range(6)
_BASE, _FACTOR, _PER_LEVEL = 0, 1, 2

Ints = NDArray[np.int64]
Rows = NDArray[np.float64]


class Asked(NamedTuple):
    """What a question is answered from, by addresses: arrays cost more than short loops do."""

    where: int
    facts: int
    missing: int
    """Where unknown blocks are noted."""
    room: int
    """How many."""


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
    entry_kind = ENTRIES_F64 if wide else ENTRIES_F32
    facts = [TYPES.index(stored_type), len(factors), block_samples, block_entries, entry_kind]
    base = 0
    for level, factor in enumerate((1, *factors)):
        facts += [base, factor]
        base += -(-(length // factor) // (block_entries if level else block_samples))
    return np.array([*facts, base], np.int64)


@instruction(types.int64, types.int64, types.int64)
def _quotient(builder: Any, value: Any, by: Any) -> Any:
    """Divide: neither is negative, and the divisor is not 0. Python's own way minds both, and takes twice as long."""
    return builder.udiv(value, by)


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
    kind = _fact(asked.facts, _SAMPLE_KIND if level == 0 else _ENTRY_KIND)
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
            found = add_items(kind, place, start - begin, end - begin, each, found)
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
    found: Sums = NOTHING
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
    store_row(found, address(row))
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
        found: Sums = NOTHING
        if edges[i] < edges[i + 1]:
            found, n = _span(asked, edges[i], edges[i + 1], top, n)
        store_row(found, address(rows) + ROW_BYTES * i)
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
