"""CRC-32C by carry-less products of 512-bit registers, in one pass with the copy.

A CRC is the remainder of the message, read as a polynomial over GF(2), by Castagnoli's polynomial P. Bits that stand D
bits before the end may be replaced by their product with x^D mod P without changing the remainder ("folding": Gopal et
al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel 2009). Four registers of 64 bytes
take turns, so that each block of 256 bytes is added to the 256 bytes before it, folded by 2048 bits. What is left at
the end is a message of 64 bytes with the same remainder, which the crc32 instruction finishes.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from xjls.kernels import crc32q
from xjls.kernels.jit import instruction, part
from xjls.kernels.memory import I8, I64, call
from xjls.kernels.stream import BLOCK_BYTES, VECTOR, VECTOR_BYTES, Span, loop, take_block, whole_blocks

__all__ = ["fold_constants", "update", "update_copy"]

POLYNOMIAL = 0x11EDC6F41
"""Castagnoli's, with x³²; bit k stands for x^k."""


def fold_constants(bits: int) -> tuple[int, int]:
    """Return what the low and the high half of a 128-bit lane are multiplied by to move them `bits` onwards.

    The low half holds the older bits, which stand 64 further from the end. CRC-32C counts bits from the least
    significant, so the factors are bit-reversed; the product of two reversed 64-bit numbers is the reversed product
    times x, hence the exponents are one less.

    Examples
    --------
    >>> hex(fold_constants(1)[1])  # x⁰
    '0x8000000000000000'
    """
    return _reversed_power(bits + 64 - 1), _reversed_power(bits - 1)


def _reversed_power(exponent: int) -> int:
    """x^exponent mod P as a 64-bit number with its bits reversed."""
    power = 1
    for _ in range(exponent):
        power <<= 1
        if power >> 32:
            power ^= POLYNOMIAL
    return int(f"{power:064b}"[::-1], 2)


def _fold(builder: Any, register: Any, bits: int, block: Any) -> Any:
    """Build `block` plus `register` moved `bits` onwards."""
    factors = ir.Constant(VECTOR, list(fold_constants(bits)) * 4)
    low_by_low, high_by_high = I8(0x00), I8(0x11)
    older = call(builder, "llvm.x86.pclmulqdq.512", VECTOR, register, factors, low_by_low)
    newer = call(builder, "llvm.x86.pclmulqdq.512", VECTOR, register, factors, high_by_high)
    return builder.xor(builder.xor(older, newer), block)


def _fold_span(builder: Any, state: Any, span: Span) -> Any:
    """Build the CRC register after the bytes of `span`, at least 256."""
    first, *others = take_block(builder, span, I64(0))
    first = builder.xor(first, builder.insert_element(ir.Constant(VECTOR, None), state, I64(0)))

    def body(offset: Any, registers: list[Any]) -> list[Any]:
        blocks = take_block(builder, span, offset)
        return [
            _fold(builder, register, 8 * BLOCK_BYTES, block) for register, block in zip(registers, blocks, strict=True)
        ]

    return _finish(builder, loop(builder, BLOCK_BYTES, span.size, [first, *others], body))


def _finish(builder: Any, registers: list[Any]) -> Any:
    """Build the CRC register for the 256 bytes in `registers`: fold them into the last, then eight words by crc32."""
    *older, last = registers
    for place, register in enumerate(older):
        last = _fold(builder, register, 8 * VECTOR_BYTES * (len(older) - place), last)
    state = I64(0)  # the register's initial value was added to the first block
    for word in range(8):
        state = crc32q.crc32q(builder, state, builder.extract_element(last, I64(word)))
    return state


@instruction(types.int64, types.int64, types.int64, types.int64)
def _fold_blocks(builder: Any, state: Any, source: Any, size: Any) -> Any:
    """CRC register after `size` more bytes, a positive multiple of 256."""
    return _fold_span(builder, state, Span(source, None, size, source))


@instruction(types.int64, types.int64, types.int64, types.int64, types.int64, types.int64)
def _fold_copy_blocks(builder: Any, state: Any, source: Any, destination: Any, size: Any, following: Any) -> Any:
    """As `_fold_blocks`, and copy the bytes."""
    return _fold_span(builder, state, Span(source, destination, size, following))


@part
def update(state: int, source: int, count: int) -> int:
    """Return the CRC register after `count` more bytes at address `source`. No inversion at either end."""
    whole = whole_blocks(count)
    if whole > 0:
        state = _fold_blocks(state, source, whole)
    return crc32q.update(state, source + whole, count - whole)


@part
def update_copy(state: int, source: int, destination: int, count: int, following: int) -> int:
    """As `update`, and copy the bytes to address `destination`; those at address `following` are read next."""
    whole = whole_blocks(count)
    if whole > 0:
        state = _fold_copy_blocks(state, source, destination, whole, following)
    return crc32q.update_copy(state, source + whole, destination + whole, count - whole, following)
