"""Packed bits: how many of them are set, without unpacking one."""

from __future__ import annotations

from typing import Any

from numba import types

from xjls.kernels.jit import instruction, part
from xjls.kernels.memory import I64, call, load_i64, load_u8

__all__ = ["ones_among"]


@instruction(types.int64, types.int64)
def _ones(builder: Any, value: Any) -> Any:
    """Count the ones of an int64."""
    return call(builder, "llvm.ctpop.i64", I64, value)


@part
def ones_among(place: int, start: int, stop: int) -> int:
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
