"""Consecutive short groups of int16 -> minimum and maximum, or sum, of each: what a loop of numba's does one by one.

A group of up to 64 values is taken as two vectors, its first and its last values: where they overlap, extremes do not
mind, and sums count one of them. Groups shorter than a vector are read together with what follows, `ROOM` values in
all. Longer groups are plain loops.

Values may be pairs, interleaved: then minima are those of the first, maxima those of the second values, and a group has
two sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numpy.typing import NDArray

from xjls.kernels.jit import instruction, part
from xjls.kernels.memory import I32, I64, address, call, pointer
from xjls.kernels.passes import view

__all__ = ["LOST", "ROOM", "extremes_of_groups", "sums_of_groups"]

Counts = NDArray[np.int16]

LOST = -32768
"""The smallest int16: a sample that nobody delivered."""
ROOM = 8
"""Values that the shortest groups are read as."""
_LARGEST = 32767
_I1, _I16 = ir.IntType(1), ir.IntType(16)


def _repeated(kind: Any, values: Sequence[int], lanes: int) -> Any:
    """Return the constant of some values by turns."""
    return ir.Constant(ir.VectorType(kind, lanes), [values[lane % len(values)] for lane in range(lanes)])


def _splat(builder: Any, value: Any, lanes: int) -> Any:
    vector = builder.insert_element(ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined), value, I32(0))
    return builder.shuffle_vector(vector, vector, _repeated(I32, [0], lanes))


def _numbered(builder: Any, comparison: str, limit: Any, lanes: int) -> Any:
    """Build the mask of lanes whose number compares to the int64 `limit`."""
    numbers = ir.Constant(ir.VectorType(_I16, lanes), list(range(lanes)))
    return builder.icmp_signed(comparison, numbers, _splat(builder, builder.trunc(limit, _I16), lanes))


def _ends(builder: Any, place: Any, count: Any, lanes: int) -> tuple[Any, Any]:
    """Build the loads of the first and of the last values of a group."""
    vector = ir.VectorType(_I16, lanes)
    behind = builder.sub(count, I64(lanes))
    behind = builder.select(builder.icmp_signed(">", behind, I64(0)), behind, I64(0))
    last = builder.add(place, builder.shl(behind, I64(1)))
    return tuple(builder.load(pointer(builder, at, vector), align=1) for at in (place, last))


def _extremes_of_one(lanes: int) -> Any:
    """Make the instruction that stores minimum and maximum of a group at two places."""
    vector = ir.VectorType(_I16, lanes)

    def build(builder: Any, place: Any, count: Any, paired: Any, low: Any, high: Any) -> None:
        first, last = _ends(builder, place, count, lanes)
        inside, each = _numbered(builder, "<", count, lanes), _repeated(_I1, [1], lanes)
        for name, own, neutral, out in (("smin", (1, 0), _LARGEST, low), ("smax", (0, 1), LOST, high)):
            chosen = builder.and_(inside, builder.select(paired, _repeated(_I1, own, lanes), each))
            of_both = call(builder, f"llvm.{name}.v{lanes}i16", vector, first, last)
            counted = builder.select(chosen, of_both, _repeated(_I16, [neutral], lanes))
            found = call(builder, f"llvm.vector.reduce.{name}.v{lanes}i16", _I16, counted)
            builder.store(found, pointer(builder, out, _I16), align=1)

    return instruction(types.void, types.int64, types.int64, types.boolean, types.int64, types.int64)(build)


def _sums_of_one(lanes: int) -> Any:
    """Make the instruction that stores the two sums of a group as int64, and tells whether any value is `LOST`."""
    wide = ir.VectorType(I32, lanes)
    nothing, lost = _repeated(I32, [0], lanes), _repeated(_I16, [LOST], lanes)

    def build(builder: Any, place: Any, count: Any, sums: Any) -> Any:
        limits = (("<", count), (">=", builder.sub(I64(2 * lanes), count)))
        total, any_lost = nothing, _repeated(_I1, [0], lanes)
        for vector, limit in zip(_ends(builder, place, count, lanes), limits, strict=True):
            counted = _numbered(builder, *limit, lanes)
            total = builder.add(total, builder.select(counted, builder.sext(vector, wide), nothing))
            any_lost = builder.or_(any_lost, builder.and_(counted, builder.icmp_signed("==", vector, lost)))
        halves = builder.sext(_halved(builder, total, lanes), ir.VectorType(I64, 2))
        builder.store(halves, pointer(builder, sums, halves.type), align=1)
        return builder.zext(call(builder, f"llvm.vector.reduce.or.v{lanes}i1", _I1, any_lost), I64)

    return instruction(types.int64, types.int64, types.int64, types.int64)(build)


def _halved(builder: Any, total: Any, lanes: int) -> Any:
    """Build the sums of the even and of the odd lanes."""
    while lanes > 2:
        lanes //= 2
        halves = (
            builder.shuffle_vector(total, total, ir.Constant(ir.VectorType(I32, lanes), list(range(at, at + lanes))))
            for at in (0, lanes)
        )
        total = builder.add(*halves)
    return total


_extremes_8, _extremes_16, _extremes_32 = map(_extremes_of_one, (8, 16, 32))
_sums_8, _sums_16, _sums_32 = map(_sums_of_one, (8, 16, 32))


@part
def _extremes(values: Counts) -> tuple[np.int16, np.int16]:
    low, high = values[0], values[0]
    for i in range(values.size):
        x = values[i]
        low = min(low, x)
        high = max(high, x)
    return low, high


@part
def _extremes_of_pairs(values: Counts) -> tuple[np.int16, np.int16]:
    low, high = values[0], values[1]
    for i in range(values.size // 2):
        a, b = values[2 * i], values[2 * i + 1]
        low = min(low, a)
        high = max(high, b)
    return low, high


@part
def extremes_of_groups(values: Counts, size: int, paired: bool, lows: Counts, highs: Counts) -> None:
    """Store the extremes of consecutive groups of `size` values; of groups below `ROOM`, as many values follow."""
    place, low, high = address(values), address(lows), address(highs)
    for i in range(lows.size):
        group = place + 2 * size * i
        if size <= 16:
            _extremes_8(group, size, paired, low + 2 * i, high + 2 * i)
        elif size <= 32:
            _extremes_16(group, size, paired, low + 2 * i, high + 2 * i)
        elif size <= 64:
            _extremes_32(group, size, paired, low + 2 * i, high + 2 * i)
        elif paired:
            lows[i], highs[i] = _extremes_of_pairs(view(values, group, size))
        else:
            lows[i], highs[i] = _extremes(view(values, group, size))


@part
def _sum(values: Counts, sums: NDArray[np.int64]) -> int:
    """Store the sum of a long group, and 0; return 1 if any value is `LOST`."""
    total, lost = 0, False
    for i in range(values.size):
        total += values[i]
        lost |= values[i] == LOST
    sums[0], sums[1] = total, 0
    return 1 if lost else 0


@part
def _sums_of_pairs(values: Counts, sums: NDArray[np.int64]) -> int:
    """Store the two sums of a long group; return 1 if any value is `LOST`."""
    even, odd, lost = 0, 0, False
    for i in range(values.size // 2):
        a, b = values[2 * i], values[2 * i + 1]
        even += a
        odd += b
        lost |= (a == LOST) | (b == LOST)
    sums[0], sums[1] = even, odd
    return 1 if lost else 0


@part
def sums_of_groups(values: Counts, size: int, paired: bool, sums: NDArray[np.int64]) -> bool:
    """Store the sums (int64, two a group) of consecutive groups of `size` values; return whether any value is `LOST`.

    Of pairs they are those of the first and of the second values; else both together are the sum. Of groups below
    `ROOM`, as many values follow.
    """
    place, out, lost = address(values), address(sums), 0
    for i in range(sums.size // 2):
        group = place + 2 * size * i
        if size <= 16:
            lost |= _sums_8(group, size, out + 16 * i)
        elif size <= 32:
            lost |= _sums_16(group, size, out + 16 * i)
        elif size <= 64:
            lost |= _sums_32(group, size, out + 16 * i)
        elif paired:
            lost |= _sums_of_pairs(view(values, group, size), sums[2 * i : 2 * i + 2])
        else:
            lost |= _sum(view(values, group, size), sums[2 * i : 2 * i + 2])
    return lost != 0
