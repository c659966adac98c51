"""Loads, stores and copies at an address, whatever its alignment.

Chunks carry fields of many widths at 8-byte aligned offsets, destinations start at any entry, and slicing arrays in
short loops costs numba up to half of its speed; so parts of kernels pass addresses as int64. Nothing here checks a
bound: the caller has proved that the bytes are there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from xjls.kernels.jit import instruction

__all__ = [
    "I64",
    "address",
    "call",
    "copy",
    "load_f32",
    "load_f64",
    "load_i64",
    "load_u8",
    "load_u16",
    "load_u32",
    "number_loader",
    "pointer",
    "store_f64",
    "store_i64",
    "store_u8",
    "store_u32",
]

I8, I32, I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)


def pointer(builder: Any, place: Any, pointee: Any) -> Any:
    """Return the int64 value `place` as a pointer to `pointee`."""
    return builder.inttoptr(place, pointee.as_pointer())


def call(builder: Any, name: str, result: Any, *values: Any) -> Any:
    """Build a call of LLVM's intrinsic `name`."""
    signature = ir.FunctionType(result, [value.type for value in values])
    return builder.call(cgutils.get_or_insert_function(builder.module, signature, name), values)


def _address(_typing: Any, array: Any) -> Any:
    """Address of the first byte of a contiguous array, as int64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        struct = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.ptrtoint(struct.data, I64)

    return types.int64(array), generate


address = cast("Callable[[Any], int]", intrinsic(_address))


def _loader(bits: int) -> Any:
    """Make the instruction that loads a little-endian integer of `bits`, zero-extended to int64."""
    width = ir.IntType(bits)

    def load(builder: Any, place: Any) -> Any:
        value = builder.load(pointer(builder, place, width), align=1)
        return builder.zext(value, I64) if bits < I64.width else value

    return instruction(types.int64, types.int64)(load)


def _storer(bits: int) -> Any:
    """Make the instruction that stores the low `bits` of an int64."""
    width = ir.IntType(bits)

    def store(builder: Any, place: Any, value: Any) -> None:
        narrow = builder.trunc(value, width) if bits < I64.width else value
        builder.store(narrow, pointer(builder, place, width), align=1)

    return instruction(types.void, types.int64, types.int64)(store)


load_u8: Callable[[int], int] = _loader(8)
load_u16: Callable[[int], int] = _loader(16)
load_u32: Callable[[int], int] = _loader(32)
load_i64: Callable[[int], int] = _loader(64)
store_u8: Callable[[int, int], None] = _storer(8)
store_u32: Callable[[int, int], None] = _storer(32)
store_i64: Callable[[int, int], None] = _storer(64)


def number_loader(width: int, kind: str) -> Any:
    """Make the instruction that loads a number of `width` bytes, of NumPy's `kind`, as float64."""
    double = ir.DoubleType()

    def load(builder: Any, place: Any) -> Any:
        stored = {4: ir.FloatType(), 8: double}[width] if kind == "f" else ir.IntType(8 * width)
        value = builder.load(pointer(builder, place, stored), align=1)
        if kind == "f":
            return value if width == 8 else builder.fpext(value, double)
        return builder.sitofp(value, double) if kind == "i" else builder.uitofp(value, double)

    return instruction(types.float64, types.int64)(load)


load_f32: Callable[[int], float] = number_loader(4, "f")
load_f64: Callable[[int], float] = number_loader(8, "f")


@instruction(types.void, types.int64, types.float64)
def store_f64(builder: Any, place: Any, value: Any) -> None:
    """Store a float64."""
    builder.store(value, pointer(builder, place, ir.DoubleType()), align=1)


@instruction(types.void, types.int64, types.int64, types.int64)
def copy(builder: Any, destination: Any, source: Any, count: Any) -> None:
    """Copy `count` bytes between places that do not overlap (C's memcpy)."""
    cgutils.raw_memcpy(builder, pointer(builder, destination, I8), pointer(builder, source, I8), count, 1)
