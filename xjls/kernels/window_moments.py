"""Statistics of a window of samples in one call, straight from the mapped file: nothing is copied out.

``reduce_window = window_reducer(dtype)``, by the dtype that the signal's samples are read as, and then
``reduce_window(buffer, at, facts, first, start, stop, verify, rows, fault) -> int``

buffer, at, facts, first, start, stop, verify, fault
    As of `xjls.kernels.window`. ``facts`` says 1 or 4 bits where samples are packed.
rows
    Float64, shape (n, 6), C-contiguous: receives a row for each chunk, as `xjls.kernels.moments` describes it, of the
    samples that the window has of the chunk. Where the chunk has a fault, all of these count as lost.

Returns the number of chunks with a fault. Raises `ValueError` when the window is not within the chunks, or an array is
too short or of another kind. Releases the GIL.

Each chunk is checked first and reduced at once, while it is in the first cache; meanwhile the next one is asked for.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numba
import numpy as np
from numba import types
from numpy.typing import NDArray

from xjls.kernels import crc32q, fold512, slicing
from xjls.kernels.bits import ones_among
from xjls.kernels.chunk import (
    HEADER_BYTES,
    PAYLOAD_HEADER_BYTES,
    check_entries,
    check_header,
    diagnose,
    payload_agrees,
)
from xjls.kernels.cpu import CrcVariant, crc_variant
from xjls.kernels.crc import Update
from xjls.kernels.faults import Fault
from xjls.kernels.jit import BYTES, READ_BYTES, READ_INTEGERS, kernel_for, part
from xjls.kernels.memory import address
from xjls.kernels.moments import AHEAD_BYTES, Moments, fill_row, join_moments, moments_of, no_moments
from xjls.kernels.unpack import unpack_nibbles

__all__ = ["window_reducer"]

_TAG, _META, _BITS, _SIGNED, _SAMPLES, _FIRST_ID = range(6)
"""Of `xjls.kernels.window.FACTS`."""

_OK = int(Fault.OK)
_PAYLOAD_CRC = int(Fault.PAYLOAD_CRC)

_AHEAD_VERIFIED_BYTES = 1 << 15
"""A usual chunk: what has been checked is in the cache already, so that the next chunk is what to ask for."""
_NIBBLES = 4096
"""Samples of 4 bits unpacked at a time."""

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Rows = NDArray[np.float64]


class _Asked(NamedTuple):
    """What one chunk is to give."""

    position: int
    first_id: int
    skip: int
    take: int
    following: int
    """Address of the next chunk."""


@part
def _of_bits(source: int, skip: int, take: int) -> Moments:
    """Reduce samples of one bit."""
    ones = ones_among(source, skip, skip + take)
    mean = ones / max(take, 1)
    low, high = 1.0 if ones == take else 0.0, 1.0 if ones > 0 else 0.0
    return Moments(take, mean, ones * (1.0 - mean), low, high)


@part
def _of_nibbles(like: NDArray[Any], source: int, skip: int, take: int, signed: bool, unpacked: Bytes) -> Moments:
    """Reduce samples of four bits: unpacked, a part at a time, into the first cache."""
    reduced, place = no_moments(), address(unpacked)
    for start in range(skip, skip + take, unpacked.size):
        count = min(unpacked.size, skip + take - start)
        unpack_nibbles(source, start, count, signed, place)
        reduced = join_moments(reduced, moments_of(like, place, count, place, 0))
    return reduced


@part
def _of_chunk(like: NDArray[Any], base: int, asked: _Asked, facts: Ints, ahead: int, unpacked: Bytes) -> Moments:
    """Reduce samples of a chunk that has been checked."""
    source = base + asked.position + HEADER_BYTES + PAYLOAD_HEADER_BYTES
    if facts[_BITS] == 1:
        return _of_bits(source, asked.skip, asked.take)
    if facts[_BITS] == 4:
        return _of_nibbles(like, source, asked.skip, asked.take, facts[_SIGNED] != 0, unpacked)
    return moments_of(like, source + asked.skip * like.itemsize, asked.take, asked.following, ahead)


@part
def _check(update: Update, buffer: Bytes, asked: _Asked, facts: Ints, verify: bool) -> int:
    """Return the fault of a chunk that is to give the samples asked for."""
    base = address(buffer)
    length = check_header(update, base, buffer.size, asked.position, facts[_TAG], facts[_META], verify)
    if length < 0:
        return -length
    payload = base + asked.position + HEADER_BYTES
    entries = check_entries(payload, length, asked.first_id, asked.skip, asked.take, facts[_BITS])
    if entries < 0:
        return -diagnose(update, payload, length, entries, verify)
    return _OK if not verify or payload_agrees(update, payload, length) else _PAYLOAD_CRC


@part
def _require(like: NDArray[Any], at: Ints, facts: Ints, first: int, start: int, stop: int, room: int) -> None:
    """Raise where the arguments do not fit each other."""
    samples, count, bits = facts[_SAMPLES], at.size, facts[_BITS]
    if count < 1 or start < first * samples or stop < start or stop > (first + count) * samples:
        raise ValueError("the window is not within the chunks")
    if room < count:
        raise ValueError("rows and fault must have a place for each chunk")
    if bits != 8 * like.itemsize and not (like.itemsize == 1 and (bits == 1 or bits == 4)):
        raise ValueError("the samples have another size")


@part
def _reduce(
    update: Update,
    like: NDArray[Any],
    buffer: Bytes,
    at: Ints,
    facts: Ints,
    window: tuple[int, int, int],
    verify: bool,
    rows: Rows,
    fault: Bytes,
) -> int:
    """Reduce one chunk after the other; return the number of faults."""
    first, start, stop = window
    _require(like, at, facts, first, start, stop, min(rows.shape[0], fault.size))
    samples, base, faults = facts[_SAMPLES], address(buffer), 0
    unpacked = np.empty(_NIBBLES if facts[_BITS] == 4 else 0, np.uint8)
    for i in range(at.size):
        begin = (first + i) * samples
        low = max(start - begin, 0)
        take = max(min(stop - begin, samples) - low, 0)
        following = base + at[min(i + 1, at.size - 1)]
        asked = _Asked(at[i], facts[_FIRST_ID] + begin, low, take, following)
        code = _check(update, buffer, asked, facts, verify)
        if code == _OK:
            ahead = _AHEAD_VERIFIED_BYTES if verify else AHEAD_BYTES
            fill_row(rows[i], _of_chunk(like, base, asked, facts, ahead, unpacked), 0)
        else:
            fill_row(rows[i], no_moments(), take)
        fault[i] = code
        faults += code != _OK
    return faults


def _reduce_fold512(
    like: NDArray[Any], buffer: Bytes, at: Ints, facts: Ints, first: int, start: int, stop: int, verify: bool,
    rows: Rows, fault: Bytes,
) -> int:  # fmt: skip
    return _reduce(fold512.update, like, buffer, at, facts, (first, start, stop), verify, rows, fault)


def _reduce_crc32q(
    like: NDArray[Any], buffer: Bytes, at: Ints, facts: Ints, first: int, start: int, stop: int, verify: bool,
    rows: Rows, fault: Bytes,
) -> int:  # fmt: skip
    return _reduce(crc32q.update, like, buffer, at, facts, (first, start, stop), verify, rows, fault)


def _reduce_portable(
    like: NDArray[Any], buffer: Bytes, at: Ints, facts: Ints, first: int, start: int, stop: int, verify: bool,
    rows: Rows, fault: Bytes,
) -> int:  # fmt: skip
    return _reduce(slicing.update, like, buffer, at, facts, (first, start, stop), verify, rows, fault)


_VARIANTS = {
    CrcVariant.FOLD512: _reduce_fold512,
    CrcVariant.CRC32Q: _reduce_crc32q,
    CrcVariant.PORTABLE: _reduce_portable,
}


def window_reducer(dtype: np.dtype[Any], variant: CrcVariant | None = None) -> Callable[..., int]:
    """Return ``reduce_window`` for signals of a dtype: see the module's docstring.

    Compiled on its first call, for this dtype alone. `variant` is this processor's fastest unless one is given; calling
    one that the processor lacks ends the process.
    """
    return _reducer(np.dtype(np.uint8) if dtype == np.bool_ else np.dtype(dtype), variant or crc_variant())


@functools.cache
def _reducer(dtype: np.dtype[Any], variant: CrcVariant) -> Callable[..., int]:
    like = np.empty(0, dtype)
    like.flags.writeable = False
    arguments = (
        types.Array(numba.from_dtype(dtype), 1, "C", readonly=True), READ_BYTES, READ_INTEGERS, READ_INTEGERS,
        types.int64, types.int64, types.int64, types.boolean, types.Array(types.float64, 2, "C"), BYTES,
    )  # fmt: skip
    return functools.partial(kernel_for(*arguments)(_VARIANTS[variant]), like)
