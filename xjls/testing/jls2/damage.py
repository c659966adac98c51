"""Damage on purpose, and an independent walk over chunks to aim it."""

from __future__ import annotations

import struct
from typing import NamedTuple

import google_crc32c

from xjls.testing.jls2.records import HEADER_BYTES, body_bytes


class Chunk(NamedTuple):
    """Where one chunk of a file lies and what its header says."""

    offset: int
    tag: int
    meta: int
    payload: slice
    """Span of the payload in the file."""
    item_next: int
    item_prev: int

    @property
    def signal_id(self) -> int:
        """The signal of a track's chunk."""
        return self.meta & 0xFF

    @property
    def level(self) -> int:
        """The level of a track's INDEX or SUMMARY."""
        return self.meta >> 12

    @property
    def stop(self) -> int:
        """Offset of the next chunk in file order."""
        length = self.payload.stop - self.payload.start
        return self.offset + HEADER_BYTES + body_bytes(length)


def chunks_of(data: bytes) -> list[Chunk]:
    """List the chunks of a file in file order, up to the first that is cut or whose checksums disagree.

    Examples
    --------
    >>> from xjls.testing.jls2 import Fsr, Source, encode
    >>> chunks = chunks_of(encode([Source()], [Fsr("current", [1.0])]))
    >>> [hex(chunk.tag) for chunk in chunks][-3:], chunks[-2].level
    (['0x39', '0x22', '0xff'], 0)
    """
    chunks = []
    offset = HEADER_BYTES
    while (chunk := _chunk_at(data, offset)) is not None:
        chunks.append(chunk)
        offset = chunk.stop
    return chunks


def _chunk_at(data: bytes, offset: int) -> Chunk | None:
    header = data[offset : offset + HEADER_BYTES]
    if len(header) < HEADER_BYTES or not _holds(header):
        return None
    item_next, item_prev, tag, _, meta, length = struct.unpack_from("<QQBBHI", header)
    start = offset + HEADER_BYTES
    chunk = Chunk(offset, tag, meta, slice(start, start + length), item_next, item_prev)
    payload = data[start : start + length]
    return chunk if not length or _holds(payload + data[chunk.stop - 4 : chunk.stop]) else None


def _holds(data: bytes) -> bool:
    return bool(google_crc32c.value(data[:-4]) == int.from_bytes(data[-4:], "little"))


def truncate(data: bytes, length: int) -> bytes:
    """Return the first ``length`` bytes; a negative length counts from the end.

    Examples
    --------
    >>> truncate(b"jlsfmt", 3), truncate(b"jlsfmt", -1)
    (b'jls', b'jlsfm')
    """
    return data[:length]


def flip(data: bytes, offset: int, bit: int = 0) -> bytes:
    """Return ``data`` with one bit of the byte at ``offset`` inverted.

    Examples
    --------
    >>> flip(b"abc", 1, bit=5)
    b'aBc'
    """
    broken = bytearray(data)
    broken[offset] ^= 1 << bit
    return bytes(broken)


def zero(data: bytes, start: int, stop: int) -> bytes:
    r"""Return ``data`` with the bytes ``[start, stop)`` set to zero; the length stays.

    Examples
    --------
    >>> zero(b"abcd", 1, 3)
    b'a\x00\x00d'
    """
    stop = min(stop, len(data))
    return data[:start] + bytes(max(0, stop - start)) + data[max(start, stop) :]
