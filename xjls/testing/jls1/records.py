"""Bytes of the container and what is in it: records, arrays, the header; and an independent walk to aim damage."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

MAGIC = bytes.fromhex("d3 74 61 67 66 6d 74 20 0d 0a 20 0a 20 20 1a 1c")
HEADER_BYTES = 32
DEFLATED = 0x80
_CODES = {"f4": 0x02, "f8": 0x03, "u1": 0x08, "u2": 0x09, "u4": 0x0A, "u8": 0x0B}


class RecordSpan(NamedTuple):
    """Where one record of a file lies, and what it is."""

    offset: int
    tag: str
    size: int
    """Bytes as stored, without head, padding and checksum."""

    @property
    def value(self) -> slice:
        """Span of the value in the file."""
        return slice(self.offset + 8, self.offset + 8 + self.size)

    @property
    def stop(self) -> int:
        """Offset of the next record."""
        return self.offset + -(-(self.size + 12) // 8) * 8


def file_header(length: int) -> bytes:
    """Return the first bytes of a container; a length of 0 is that of one that is still open.

    Examples
    --------
    >>> file_header(128)[16:].hex()
    '800000000000000000000001c192a304'
    """
    return with_crc(MAGIC + struct.pack("<Q3xB", length, 1))


def record(tag: str, value: bytes = b"", *, deflated: bool = False) -> bytes:
    r"""Return one record, whose size is a multiple of eight.

    Examples
    --------
    >>> record("ABN", bytes(range(10))).hex(" ", 8)
    '41424e000a000000 0001020304050607 08090000c90c7db5'
    """
    if deflated:
        value = zlib.compress(value, 1)
    head = tag.encode() + struct.pack("<BI", DEFLATED if deflated else 0, len(value))
    return with_crc(head + value + bytes(-(len(value) + 4) % 8))


def with_crc(data: bytes) -> bytes:
    """Return bytes and their CRC-32."""
    return data + struct.pack("<I", zlib.crc32(data))


def arrays(by_id: dict[int, Any], count: int | None = None) -> bytes:
    """Return an ``ARRY`` blob: arrays by number, each a multiple of eight bytes long.

    Parameters
    ----------
    by_id
        1-D arrays of float32, float64 or unsigned integers.
    count
        Samples that the head says; unless given, those of the longest array.

    Examples
    --------
    >>> arrays({1: np.array([1.0], "f4")}).hex(" ", 4)
    '41525259 20000000 18000000 01000001 02010000 04000000 0000803f 00000000'
    """
    values = {number: np.ascontiguousarray(array) for number, array in by_id.items()}
    count = max((len(array) for array in values.values()), default=0) if count is None else count
    first = -(-(16 + 8 * len(values)) // 8) * 8
    table = b"".join(
        struct.pack("<II", number << 8 | _CODES[array.dtype.str[1:]], array.nbytes) for number, array in values.items()
    )
    body = b"".join(array.tobytes() + bytes(-array.nbytes % 8) for array in values.values())
    return struct.pack("<4sIII", b"ARRY", first + len(body), first, len(values) << 24 | count) + table + body


def container(records: Sequence[bytes]) -> bytes:
    """Return a whole closed container; its end comes of itself."""
    body = b"".join(records) + record("END")
    return file_header(HEADER_BYTES + len(body)) + body


def records_of(data: bytes) -> list[RecordSpan]:
    """List the records of a file in order, up to the first that is cut or whose checksum disagrees.

    Examples
    --------
    >>> [span.tag for span in records_of(container([record("ABN", b"abc")]))]
    ['ABN', 'END']
    """
    found, offset = [], HEADER_BYTES
    while offset + 16 <= len(data):
        tag, _, size = struct.unpack_from("<3sBI", data, offset)
        span = RecordSpan(offset, tag.decode("latin-1"), size)
        whole = data[offset : span.stop]
        if len(whole) < span.stop - offset or with_crc(whole[:-4]) != whole:
            break
        found.append(span)
        offset = span.stop
    return found
