"""Arrays in the value of a record, bytes to arrays and back: samples of float files, and reductions.

A head of 16 bytes, eight for each array, and the arrays, each from a multiple of eight on. All is little endian.
"""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from xjls.errors import CorruptError, SelectionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

PREFIX = b"ARRY"
HEAD = Struct("<4sIII")
"""Prefix; bytes in all; where the first array begins; how many arrays << 24 | samples."""
ENTRY = Struct("<II")
"""Id << 8 | type; bytes of the array."""
MOST_SAMPLES = 1 << 24
MOST_IDS = 1 << 8
_TYPES = {
    0x02: "<f4", 0x03: "<f8", 0x08: "u1", 0x09: "<u2", 0x0A: "<u4", 0x0B: "<u8", 0x0C: "i1", 0x0D: "<i2", 0x0E: "<i4",
    0x0F: "<i8",
}  # fmt: skip
_CODES = {np.dtype(dtype): code for code, dtype in _TYPES.items()}


class Place(NamedTuple):
    """Where an array lies in a value."""

    dtype: np.dtype[Any]
    offset: int
    """First byte, from the value's first."""
    length: int
    """Numbers."""


def encode_arrays(arrays: Mapping[int, NDArray[Any]], samples: int | None = None) -> bytes:
    """Return a value that holds arrays by their ids, 0 to 255, in their order.

    Parameters
    ----------
    arrays
        Of one dimension each.
    samples
        What is said to be the length of all; None takes that of the longest.

    Examples
    --------
    >>> encode_arrays({1: np.array([7, 8, 9], "u1")}).hex(" ", 4)
    '41525259 20000000 18000000 03000001 08010000 03000000 07080900 00000000'
    """
    contiguous = {number: np.ascontiguousarray(array) for number, array in arrays.items()}
    length = max([len(array) for array in contiguous.values()], default=0) if samples is None else samples
    if length >= MOST_SAMPLES or len(arrays) >= MOST_IDS or not all(0 <= number < MOST_IDS for number in arrays):
        raise SelectionError(
            f"{len(arrays)} arrays of {length:_} samples do not fit into one record",
            f"Give ids below {MOST_IDS}, and fewer than {MOST_SAMPLES:_} samples at a time.",
        )
    entries = b"".join(ENTRY.pack(number << 8 | _code(a.dtype), a.nbytes) for number, a in contiguous.items())
    body = b"".join(array.tobytes() + bytes(-array.nbytes % 8) for array in contiguous.values())
    begin = HEAD.size + len(entries)
    return HEAD.pack(PREFIX, begin + len(body), begin, len(arrays) << 24 | length) + entries + body


def decode_places(value: bytes, n_bytes: int, path: str = "", offset: int = -1) -> dict[int, Place]:
    """Return where the arrays of a value lie, by id.

    Parameters
    ----------
    value
        At least the heads of it.
    n_bytes
        How long all of it is.
    path, offset
        Of the record, for messages.

    Raises
    ------
    CorruptError
        It is no such value, or an array reaches outside it.
    """
    if len(value) < HEAD.size:
        raise CorruptError(f"a value of {len(value)} bytes holds no arrays", path, offset)
    prefix, total, begin, counts = HEAD.unpack_from(value)
    n_arrays = counts >> 24
    if prefix != PREFIX or total != n_bytes or begin != HEAD.size + ENTRY.size * n_arrays or begin > len(value):
        raise CorruptError(
            f"the head of arrays says {prefix!r}, {total:_} bytes and {n_arrays} arrays from byte {begin:_}, "
            f"in {n_bytes:_} bytes", path, offset,
        )  # fmt: skip
    places, at = {}, begin
    for i in range(n_arrays):
        code, length = ENTRY.unpack_from(value, HEAD.size + ENTRY.size * i)
        dtype = np.dtype(_TYPES.get(code & 0xFF, "V"))
        if dtype.kind == "V" or code >> 16 or length > n_bytes - at or length % dtype.itemsize:
            problem = f"array {i} of {n_arrays} is of type 0x{code:x} and has {length:_} bytes from byte {at:_} on"
            raise CorruptError(problem, path, offset)
        places[code >> 8] = Place(dtype, at, length // dtype.itemsize)
        at += length + -length % 8
    return places


def decode_arrays(value: bytes, path: str = "", offset: int = -1) -> dict[int, NDArray[Any]]:
    """Return the arrays of a whole value, by id; they share its memory.

    Examples
    --------
    >>> decode_arrays(encode_arrays({1: np.array([7, 8], "<u2"), 4: np.array([1.5])}))
    {1: array([7, 8], dtype=uint16), 4: array([1.5])}
    """
    places = decode_places(value, len(value), path, offset)
    return {number: np.frombuffer(value, place.dtype, place.length, place.offset) for number, place in places.items()}


def _code(dtype: np.dtype[Any]) -> int:
    found = _CODES.get(dtype.newbyteorder("<"))
    if found is None:
        raise SelectionError(f"no record holds numbers of type {dtype}", "Convert them first.")
    return found
