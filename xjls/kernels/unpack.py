"""Samples of 1 and of 4 bits -> one byte each.

The first sample stands in the lowest bits of its byte. Both kernels work on 64 samples at a time, once the first ones
have brought them to the beginning of a source byte.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numpy.typing import NDArray

from xjls.kernels.jit import instruction, kernel, part
from xjls.kernels.memory import I8, I32, I64, address, load_u8, pointer, store_u8

__all__ = ["unpack_bits", "unpack_nibbles", "unpack_u1", "unpack_u4"]

_BIT = ir.IntType(1)


@instruction(types.void, types.int64, types.int64)
def _spread_64_bits(builder: Any, source: Any, destination: Any) -> None:
    """Store the 64 bits at `source` as 64 bytes of 0 or 1. A vector of bits has bit 0 first, as the file has."""
    word = builder.load(pointer(builder, source, I64), align=1)
    spread = builder.zext(builder.bitcast(word, ir.VectorType(_BIT, 64)), ir.VectorType(I8, 64))
    builder.store(spread, pointer(builder, destination, spread.type), align=1)


@instruction(types.void, types.int64, types.int64, types.int64)
def _spread_64_nibbles(builder: Any, source: Any, destination: Any, sign: Any) -> None:
    """Store the 64 nibbles at `source` as 64 bytes, (nibble ^ sign) - sign each.

    A source byte with nibbles H and L, widened to 16 bits and combined with itself four bits higher, is 0x0H?L.
    """
    packed = builder.load(pointer(builder, source, ir.VectorType(I8, 32)), align=1)
    pairs = builder.zext(packed, ir.VectorType(ir.IntType(16), 32))
    doubled = builder.or_(pairs, builder.shl(pairs, ir.Constant(pairs.type, [4] * 32)))
    nibbles = builder.and_(doubled, ir.Constant(pairs.type, [0x0F0F] * 32))
    spread = builder.bitcast(nibbles, ir.VectorType(I8, 64))
    signs = _all_64(builder, builder.trunc(sign, I8))
    spread = builder.sub(builder.xor(spread, signs), signs)
    builder.store(spread, pointer(builder, destination, spread.type), align=1)


def _all_64(builder: Any, byte: Any) -> Any:
    """Build 64 times the same byte."""
    first = builder.insert_element(ir.Constant(ir.VectorType(I8, 64), None), byte, I32(0))
    return builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(I32, 64), None))


@part
def unpack_bits(source: int, skip: int, take: int, destination: int) -> None:
    """Store bits [skip, skip + take) at address `source` as bytes of 0 or 1 at address `destination`."""
    done = min(-skip & 7, take)
    for bit in range(skip, skip + done):
        store_u8(destination + bit - skip, (load_u8(source + (bit >> 3)) >> (bit & 7)) & 1)
    while done + 64 <= take:
        _spread_64_bits(source + ((skip + done) >> 3), destination + done)
        done += 64
    for bit in range(skip + done, skip + take):
        store_u8(destination + bit - skip, (load_u8(source + (bit >> 3)) >> (bit & 7)) & 1)


@part
def unpack_nibbles(source: int, skip: int, take: int, signed: bool, destination: int) -> None:
    """Store nibbles [skip, skip + take) at address `source` as bytes at `destination`; two's complement if `signed`."""
    sign = 8 if signed else 0
    done = min(skip & 1, take)
    if done:
        store_u8(destination, ((load_u8(source + (skip >> 1)) >> 4) ^ sign) - sign)
    while done + 64 <= take:
        _spread_64_nibbles(source + ((skip + done) >> 1), destination + done, sign)
        done += 64
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
