"""Samples of 1 and of 4 bits -> one byte each.

The first sample stands in the lowest bits of its byte. Both kernels take 128 samples a step, once the first ones have
brought them to the beginning of a source byte.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numpy.typing import NDArray

from xjls.kernels.jit import instruction, kernel, part
from xjls.kernels.memory import I8, I32, address, load_u8, pointer, store_u8

__all__ = ["unpack_bits", "unpack_nibbles", "unpack_u1", "unpack_u4"]

_STEP = 128
"""Samples a step: two registers of 64 bytes, where there are such, hide the cost of the loop."""

_BYTES = ir.VectorType(I8, _STEP)


@instruction(types.void, types.int64, types.int64)
def _spread_bits(builder: Any, source: Any, destination: Any) -> None:
    """Store the bits of one step at `source` as bytes of 0 or 1: every byte eight times, a bit picked from each."""
    packed = builder.load(pointer(builder, source, ir.VectorType(I8, _STEP // 8)), align=1)
    eight_times = ir.Constant(ir.VectorType(I32, _STEP), [place // 8 for place in range(_STEP)])
    picked = builder.and_(
        builder.shuffle_vector(packed, packed, eight_times),
        ir.Constant(_BYTES, [1 << place % 8 for place in range(_STEP)]),
    )
    spread = builder.zext(builder.icmp_unsigned("!=", picked, ir.Constant(_BYTES, None)), _BYTES)
    builder.store(spread, pointer(builder, destination, _BYTES), align=1)


@instruction(types.void, types.int64, types.int64, types.int64)
def _spread_nibbles(builder: Any, source: Any, destination: Any, sign: Any) -> None:
    """Store the nibbles of one step at `source` as bytes, (nibble ^ sign) - sign each.

    A source byte with nibbles H and L, widened to 16 bits and combined with itself four bits higher, is 0x0H?L.
    """
    count = _STEP // 2
    packed = builder.load(pointer(builder, source, ir.VectorType(I8, count)), align=1)
    pairs = builder.zext(packed, ir.VectorType(ir.IntType(16), count))
    doubled = builder.or_(pairs, builder.shl(pairs, ir.Constant(pairs.type, [4] * count)))
    nibbles = builder.and_(doubled, ir.Constant(pairs.type, [0x0F0F] * count))
    signs = _in_every_byte(builder, builder.trunc(sign, I8))
    spread = builder.sub(builder.xor(builder.bitcast(nibbles, _BYTES), signs), signs)
    builder.store(spread, pointer(builder, destination, _BYTES), align=1)


def _in_every_byte(builder: Any, byte: Any) -> Any:
    """Build a step's vector of the same byte."""
    first = builder.insert_element(ir.Constant(_BYTES, None), byte, I32(0))
    return builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(I32, _STEP), None))


@part
def unpack_bits(source: int, skip: int, take: int, destination: int) -> None:
    """Store bits [skip, skip + take) at address `source` as bytes of 0 or 1 at address `destination`."""
    done = min(-skip & 7, take)
    for bit in range(skip, skip + done):
        store_u8(destination + bit - skip, (load_u8(source + (bit >> 3)) >> (bit & 7)) & 1)
    while done + _STEP <= take:
        _spread_bits(source + ((skip + done) >> 3), destination + done)
        done += _STEP
    for bit in range(skip + done, skip + take):
        store_u8(destination + bit - skip, (load_u8(source + (bit >> 3)) >> (bit & 7)) & 1)


@part
def unpack_nibbles(source: int, skip: int, take: int, signed: bool, destination: int) -> None:
    """Store nibbles [skip, skip + take) at address `source` as bytes at `destination`; two's complement if `signed`."""
    sign = 8 if signed else 0
    done = min(skip & 1, take)
    if done:
        store_u8(destination, ((load_u8(source + (skip >> 1)) >> 4) ^ sign) - sign)
    while done + _STEP <= take:
        _spread_nibbles(source + ((skip + done) >> 1), destination + done, sign)
        done += _STEP
    for nibble in range(skip + done, skip + take):
        value = (load_u8(source + (nibble >> 1)) >> (4 * (nibble & 1))) & 0x0F
        store_u8(destination + nibble - skip, (value ^ sign) - sign)


@part
def _require(packed: NDArray[np.uint8], per_byte: int, skip: int, take: int, out: NDArray[np.uint8]) -> None:
    """Raise unless samples [skip, skip + take) of `packed` exist and fit in `out`."""
    available = packed.size * per_byte
    if skip < 0 or skip > available or take < 0 or take > available - skip or take > out.size:
        raise ValueError("the samples asked for must lie within packed and fit in out")


@kernel
def unpack_u1(packed: NDArray[np.uint8], skip: int, take: int, out: NDArray[np.uint8]) -> None:
    """Store samples [skip, skip + take) of `packed`, eight a byte, in `out[:take]`, as 0 or 1."""
    _require(packed, 8, skip, take, out)
    unpack_bits(address(packed), skip, take, address(out))


@kernel
def unpack_u4(packed: NDArray[np.uint8], skip: int, take: int, signed: bool, out: NDArray[np.uint8]) -> None:
    """Store samples [skip, skip + take) of `packed`, two a byte, in `out[:take]`; two's complement if `signed`."""
    _require(packed, 2, skip, take, out)
    unpack_nibbles(address(packed), skip, take, signed, address(out))
