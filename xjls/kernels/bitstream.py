"""A stream of bits -> where a pattern of 32 of them stands; fixed lengths behind any bit -> bytes.

Bits are counted as they came over the wire, the highest of each byte first: bit 8 * i + k is the k-th of byte i. A
pattern may begin at each of the 8 phases of a byte; it then fills 3 bytes or more, and parts of one or two others. The
exact search looks for two of these whole bytes, of all phases together, in vectors of 16-bit words; where a block has
such a pair, and where errors are forgiven, the bits that differ are counted for each byte and phase.
"""

from __future__ import annotations

from enum import IntFlag
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numpy.typing import NDArray

from xjls.kernels.jit import INTEGERS, READ_BYTES, READ_INTEGERS, instruction, kernel_for, part
from xjls.kernels.memory import I8, I32, I64, address, call, load_u8, pointer
from xjls.kernels.stream import BLOCK_BYTES, VECTOR_BYTES

__all__ = ["PATTERN_BITS", "Reversal", "find_preambles", "take_slices"]

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

PATTERN_BITS = 32
I16 = ir.IntType(16)
_PHASES = 8
_SPANNED = 5
"""Bytes that the pattern may have a part in."""
_GROUP = 4
"""Bytes that are turned together."""
_SHORT = 16
"""Bytes a step where a vector is too long."""


class Reversal(IntFlag):
    """How a sender turned each group of 4 bytes; doing it again undoes it.

    Examples
    --------
    >>> turned = np.empty((1, 4), np.uint8)
    >>> for way in (Reversal.BITS, Reversal.BYTES, Reversal.BITS | Reversal.BYTES):
    ...     _ = take_slices(np.array([1, 2, 4, 8], np.uint8), np.array([0]), turned, way)
    ...     print(turned.tolist())
    [[16, 32, 64, 128]]
    [[8, 4, 2, 1]]
    [[128, 64, 32, 16]]
    """

    NONE = 0
    BITS = 1
    """All 32 bits are reversed: those of each byte, and so the order of the bytes."""
    BYTES = 2
    """The order of the bytes; with `BITS`, only the bits of each byte are left reversed."""


def find_preambles(data: Bytes, pattern: int, out: Ints, first_bit: int = 0, tolerance: int = 0) -> int:
    """Write the bits at which a pattern begins, in ascending order; return how many there are.

    Overlapping ones are found as well. Where `out` is full the search stops: go on from ``out[-1] + 1``.

    Of a stream in parts, bits up to ``8 * len(data) - 32`` can be told. Those from ``b = max(first_bit, 8 * len(data) -
    31)`` on need the next part: put the bytes from ``b // 8`` on, four at most, in front of it, and search from bit
    ``b % 8``.

    Parameters
    ----------
    data
        u8[byte].
    pattern
        32 bits as they stand on the wire, the first of them highest.
    out
        i64[place].
    first_bit
        Where the search begins.
    tolerance
        Bits that may differ; at most 31.

    Examples
    --------
    >>> places = np.empty(9, np.int64)
    >>> find_preambles(np.frombuffer(bytes.fromhex("f1e6a2c481e6a2c480"), np.uint8), 0x1E6A2C48, places)
    2
    >>> places[:2]
    array([ 4, 36])
    """
    if not 0 <= pattern < 1 << PATTERN_BITS or not 0 <= tolerance < PATTERN_BITS or first_bit < 0:
        raise ValueError(
            f"pattern {pattern:#x} of 32 bits, tolerance {tolerance} of 0 to 31, first bit {first_bit} of 0 on"
        )
    return int(_find(data, pattern, out, first_bit, tolerance))


def take_slices(
    data: Bytes, bit_offsets: Ints, out: Bytes, header: Reversal = Reversal.NONE, *, header_bytes: int | None = None,
    payload: Reversal = Reversal.NONE,
) -> Ints:  # fmt: skip
    """Write the bytes behind each bit, turned, to a row of `out`; return the bits that each row has, i64[slice].

    Rows are filled with zeros behind the end of the data, ahead of being turned.

    Parameters
    ----------
    data
        u8[byte].
    bit_offsets
        i64[slice]: where each begins; in any order, and it may be behind the end.
    out
        u8[slice, byte]; a row is a multiple of 4 bytes.
    header, payload
        How the first `header_bytes` of a row were turned, and the others.
    header_bytes
        A multiple of 4; all unless said.

    Examples
    --------
    >>> rows = np.empty((2, 8), np.uint8)
    >>> data = np.frombuffer(bytes.fromhex("f12345678001122330"), np.uint8)
    >>> take_slices(data, np.array([4, 44]), rows, Reversal.BYTES, header_bytes=4)
    array([64, 28])
    >>> [row.tobytes().hex() for row in rows]
    ['7856341200112233', '0033221100000000']
    """
    size = out.shape[1]
    split = size if header_bytes is None else header_bytes
    if size % _GROUP or split % _GROUP or not 0 <= split <= size:
        raise ValueError(f"{split} of {size} bytes are not whole groups of {_GROUP}")
    if len(bit_offsets) != len(out) or (bit_offsets < 0).any():
        raise ValueError(f"{len(bit_offsets)} places, none of them negative, must be as many as the {len(out)} rows")
    valid = np.empty(len(out), np.int64)
    _take(data, bit_offsets, out, split, int(header), int(payload), valid)
    return valid


# ---- search --------------------------------------------------------------------------------------------------------


def _vector(element: Any, size: int = VECTOR_BYTES) -> Any:
    return ir.VectorType(element, size * 8 // element.width)


def _constant(value: int, vector: Any) -> Any:
    return ir.Constant(vector, [value] * vector.count)


def _everywhere(builder: Any, value: Any, vector: Any) -> Any:
    """Build a vector of equal elements."""
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), value, I32(0))
    return builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(I32, vector.count), None))


def _load(builder: Any, place: Any, offset: int, vector: Any) -> Any:
    return builder.load(pointer(builder, builder.add(place, I64(offset)), vector), align=1)


def _spanned(builder: Any, pattern: Any, phase: int, first: int, element: Any) -> Any:
    """Build an element of the bytes from number `first` on, of those that the pattern of this phase spans."""
    shifted = builder.shl(pattern, I64(_PHASES - phase))
    return builder.trunc(builder.lshr(shifted, I64(8 * (_SPANNED - first) - element.width)), element)


def _covered(phase: int, number: int) -> int:
    """Return which bits of a byte the pattern of this phase covers."""
    return (1 << PATTERN_BITS) - 1 << _PHASES - phase >> 8 * (_SPANNED - 1 - number) & 0xFF


@instruction(types.boolean, types.int64, types.int64)
def _has_pair(builder: Any, place: Any, pattern: Any) -> Any:
    """Tell whether the second and third byte that the pattern spans, in any phase, begin in 256 bytes at `place`."""
    words = _vector(I16)
    pairs = []
    for phase in range(_PHASES):
        pair = call(builder, "llvm.bswap.i16", I16, _spanned(builder, pattern, phase, 1, I16))
        pairs.append(_everywhere(builder, pair, words))
    nearest = [_constant(0xFFFF, words)] * 2
    for offset in range(0, BLOCK_BYTES, VECTOR_BYTES):
        for odd in (0, 1):
            found = _load(builder, place, offset + odd, words)
            for pair in pairs:
                difference = builder.xor(found, pair)
                nearest[odd] = call(builder, f"llvm.umin.v{words.count}i16", words, nearest[odd], difference)
    both = call(builder, f"llvm.umin.v{words.count}i16", words, *nearest)
    least = call(builder, f"llvm.vector.reduce.umin.v{words.count}i16", I16, both)
    return builder.icmp_unsigned("==", least, I16(0))


@instruction(types.int64, types.int64, types.int64, types.int64)
def _bytes_near(builder: Any, place: Any, pattern: Any, tolerance: Any) -> Any:
    """Tell in which of 64 bytes, one bit each, something begins that differs from the pattern in few bits."""
    lanes = _vector(I8)
    count = f"v{lanes.count}i8"
    spanned = [_load(builder, place, number, lanes) for number in range(_SPANNED)]
    nearest = _constant(0xFF, lanes)
    for phase in range(_PHASES):
        differing = _constant(0, lanes)
        for number, found in enumerate(spanned):
            wanted = _everywhere(builder, _spanned(builder, pattern, phase, number, I8), lanes)
            bits = builder.and_(builder.xor(found, wanted), _constant(_covered(phase, number), lanes))
            differing = builder.add(differing, call(builder, f"llvm.ctpop.{count}", lanes, bits))
        nearest = call(builder, f"llvm.umin.{count}", lanes, nearest, differing)
    limit = _everywhere(builder, builder.trunc(tolerance, I8), lanes)
    return builder.bitcast(builder.icmp_unsigned("<=", nearest, limit), I64)


@instruction(types.int64, types.int64)
def _ones(builder: Any, value: Any) -> Any:
    """Count the ones of an int64."""
    return call(builder, "llvm.ctpop.i64", I64, value)


@instruction(types.int64, types.int64)
def _first_one(builder: Any, value: Any) -> Any:
    """Return the lowest bit that is set, of an int64 that is not 0."""
    signature = ir.FunctionType(I64, [I64, ir.IntType(1)])
    counted = cgutils.get_or_insert_function(builder.module, signature, "llvm.cttz.i64")
    return builder.call(counted, [value, ir.IntType(1)(1)])


@part
def _take_phases(data: Bytes, at: int, pattern: int, tolerance: int, first_bit: int, out: Ints, count: int) -> int:
    """Write the places at byte `at` behind `count` others; return how many there are now."""
    window = 0
    for i in range(at, at + _SPANNED):
        window = window << 8 | (load_u8(address(data) + i) if i < data.size else 0)
    for phase in range(_PHASES):
        bit = 8 * at + phase
        if bit < first_bit or bit + PATTERN_BITS > 8 * data.size or count == out.size:
            continue
        if _ones(window >> (_PHASES - phase) & ((1 << PATTERN_BITS) - 1) ^ pattern) <= tolerance:
            out[count] = bit
            count += 1
    return count


@part
def _take_vector(data: Bytes, at: int, pattern: int, tolerance: int, first_bit: int, out: Ints, count: int) -> int:
    """As `_take_phases`, for the 64 bytes from `at` on."""
    near = _bytes_near(address(data) + at, pattern, tolerance)
    while near:
        count = _take_phases(data, at + _first_one(near), pattern, tolerance, first_bit, out, count)
        near &= near - 1
    return count


@kernel_for(READ_BYTES, types.int64, INTEGERS, types.int64, types.int64)
def _find(data: Bytes, pattern: int, out: Ints, first_bit: int, tolerance: int) -> int:
    at, count = first_bit >> 3, 0
    while at < data.size and count < out.size:
        left = data.size - at - _SPANNED
        if left < VECTOR_BYTES:
            count = _take_phases(data, at, pattern, tolerance, first_bit, out, count)
            at += 1
        elif tolerance == 0 and left >= BLOCK_BYTES and not _has_pair(address(data) + at + 1, pattern):
            at += BLOCK_BYTES
        else:
            stop = at + min(left, BLOCK_BYTES) // VECTOR_BYTES * VECTOR_BYTES
            while at < stop:
                count = _take_vector(data, at, pattern, tolerance, first_bit, out, count)
                at += VECTOR_BYTES
    return count


# ---- slices --------------------------------------------------------------------------------------------------------


def _turner(size: int) -> Any:
    """Make the instruction that stores `size` bytes from a bit on, turned as `Reversal` says."""
    lanes = _vector(I8, size)
    swapping = ir.Constant(ir.VectorType(I32, size), [i ^ _GROUP - 1 for i in range(size)])

    def turn(builder: Any, source: Any, phase: Any, way: Any, destination: Any) -> None:
        shift = builder.trunc(phase, I8)
        high = builder.shl(_load(builder, source, 0, lanes), _everywhere(builder, shift, lanes))
        # By 1 and by 7 - phase: a shift by all 8 bits of phase 0 is undefined
        low = builder.lshr(_load(builder, source, 1, lanes), _constant(1, lanes))
        low = builder.lshr(low, _everywhere(builder, builder.sub(I8(7), shift), lanes))
        straight = builder.or_(high, low)
        mirrored = call(builder, f"llvm.bitreverse.v{size}i8", lanes, straight)
        bits = builder.icmp_unsigned("!=", builder.and_(way, I64(Reversal.BITS)), I64(0))
        kept = builder.select(bits, mirrored, straight)
        is_one = builder.icmp_unsigned("==", call(builder, "llvm.ctpop.i64", I64, way), I64(1))
        turned = builder.select(is_one, builder.shuffle_vector(kept, kept, swapping), kept)
        builder.store(turned, pointer(builder, destination, lanes), align=1)

    return instruction(types.void, types.int64, types.int64, types.int64, types.int64)(turn)


_turn_vector, _turn_short, _turn_group = (_turner(size) for size in (VECTOR_BYTES, _SHORT, _GROUP))


@part
def _turn(data: Bytes, at: int, phase: int, way: int, destination: int, size: int) -> None:
    """Store bytes from a bit on; all of them, and one more, are there."""
    source, done = address(data) + at, 0
    while done + VECTOR_BYTES <= size:
        _turn_vector(source + done, phase, way, destination + done)
        done += VECTOR_BYTES
    while done + _SHORT <= size:
        _turn_short(source + done, phase, way, destination + done)
        done += _SHORT
    while done < size:
        _turn_group(source + done, phase, way, destination + done)
        done += _GROUP


@part
def _turn_ending(data: Bytes, at: int, phase: int, way: int, destination: int, size: int, spare: Bytes) -> None:
    """As `_turn`, where data end: one group after the other, with zeros for what is not there."""
    for done in range(0, size, _GROUP):
        for i in range(_GROUP + 1):
            byte = at + done + i
            spare[i] = data[byte] if byte < data.size else 0
        _turn_group(address(spare), phase, way, destination + done)


@kernel_for(
    READ_BYTES, READ_INTEGERS, types.Array(types.uint8, 2, "C"), types.int64, types.int64, types.int64, INTEGERS
)
def _take(
    data: Bytes, bit_offsets: Ints, out: Bytes, header_bytes: int, header: int, payload: int, valid: Ints
) -> None:  # fmt: skip
    spare = np.empty(_GROUP + 1, np.uint8)
    size = out.shape[1]
    for row in range(bit_offsets.size):
        bit = bit_offsets[row]
        valid[row] = min(max(8 * data.size - bit, 0), 8 * size)
        for start, stop, way in ((0, header_bytes, header), (header_bytes, size, payload)):
            at, place = (bit >> 3) + start, address(out) + row * size + start
            there = min(max(data.size - 1 - at, 0), stop - start) // _GROUP * _GROUP
            _turn(data, at, bit & 7, way, place, there)
            _turn_ending(data, at + there, bit & 7, way, place + there, stop - start - there, spare)
