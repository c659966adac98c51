"""The container of JLS v1, bytes to records and back: tag, length, value, checksum, one behind the other.

All numbers are little endian. Every record starts at a multiple of eight; its CRC-32 covers all of it that is before.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from struct import Struct
from typing import NamedTuple

from xjls.errors import CorruptError, NotRecognizedError, TruncatedError, UnsupportedError

MAGIC = b"\xd3tagfmt \r\n \n  \x1a\x1c"
FILE_HEADER = Struct("<16sQ3xB")
VERSION = 1
FIRST_RECORD = 32
SMALLEST_RECORD = 16
HEADER = Struct("<qIIHHI16s")
DEFLATED, ENCRYPTED = 0x80, 0x40
MOST_INFLATED = 1 << 26
"""Bytes that a deflated value may have: far more than any writer puts into one."""
HEAD = Struct("<3sBI")
"""Of a record: tag, flags, bytes of the value as it is stored."""


class Tag:
    """What a record is."""

    HEADER = b"HDR"
    META_JSON = b"MJS"
    DATA_JSON = b"AJS"
    DATA = b"ABN"
    USER_JSON = b"UJS"
    USER_DATA = b"UBN"
    START = b"CLS"
    """Of a collection; `STOP` is its end."""
    STOP = b"CLE"
    SUBFILE = b"SUB"
    SIGNATURE_START = b"SGS"
    SIGNATURE = b"SGE"
    ENCRYPTION = b"ENC"
    OLD_CALIBRATION = b"CJS"
    """What `DATA_JSON` was called in calibrations once."""
    END = b"END"


class Record(NamedTuple):
    """A record, and where it begins."""

    offset: int
    tag: bytes
    value: bytes
    """Inflated, where it was deflated."""


class Header(NamedTuple):
    """The value of a `Tag.HEADER` record: what a calibration or firmware is for."""

    timestamp: int
    """2⁻³⁰ s since 2018-01-01 UTC."""
    version: int
    """Major << 24 | minor << 16 | patch."""
    product: int
    vendor: int
    subtype: int
    hardware: int
    """Revisions that it is for, one bit each; 0 says nothing."""
    serial: bytes
    """16 bytes; zeros say nothing."""


def decode_file_header(data: bytes, path: str = "") -> int:
    """Return the bytes of a container by its first 32; 0 while it is written.

    Raises
    ------
    NotRecognizedError
        It is no such container.
    TruncatedError, CorruptError, UnsupportedError
        It is one that cannot be read.

    Examples
    --------
    >>> decode_file_header(encode_file_header(48))
    48
    """
    if data[:16] != MAGIC[: len(data[:16])] or not data:
        raise NotRecognizedError("the first 16 bytes are not those of a JLS v1 container", path, 0)
    if len(data) < FIRST_RECORD:
        raise TruncatedError(f"the header has {len(data)} bytes, expected {FIRST_RECORD}", path, 0)
    _, length, version = FILE_HEADER.unpack_from(data)
    _check(data[:FIRST_RECORD], 0, path, "the header")
    if version != VERSION:
        raise UnsupportedError(f"the container has version {version}, and xjls reads version {VERSION}", path, 27)
    return int(length)


def encode_file_header(length: int) -> bytes:
    """Return the first 32 bytes of a container; a length of 0 says that the writer is still at work."""
    return _checked(FILE_HEADER.pack(MAGIC, length, VERSION))


def iter_records(data: bytes, path: str = "") -> Iterator[Record]:
    r"""Yield the records of a whole container, up to its end, whose checksums all hold.

    Raises
    ------
    FormatError
        As soon as something is not as it should be.

    Examples
    --------
    >>> list(iter_records(encode_datafile([(Tag.DATA, b"\x00\x01")])))
    [Record(offset=32, tag=b'ABN', value=b'\x00\x01')]
    """
    length = decode_file_header(data, path) or len(data)
    if length > len(data):
        raise TruncatedError(f"{len(data):_} of {length:_} bytes are there", path, len(data))
    if length < len(data):
        raise CorruptError(f"{len(data) - length:_} bytes follow the container's end", path, length)
    offset = FIRST_RECORD
    while True:
        record, size = _decode_record(data, offset, path)
        offset += size
        if record.tag == Tag.END:
            break
        yield record
    if offset != length:
        raise CorruptError(f"{length - offset:_} bytes follow the last record", path, offset)


def encode_record(tag: bytes, value: bytes = b"", flags: int = 0) -> bytes:
    """Return a record: a value, as it is stored, between head and checksum.

    Examples
    --------
    >>> encode_record(Tag.END).hex(" ", 4)
    '454e4400 00000000 00000000 bc937ac0'
    """
    head = HEAD.pack(tag, flags, len(value))
    return _checked(head + value + bytes(-(len(value) + 4) % 8))


def encode_datafile(records: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return a whole container of (tag, value) pairs; its end comes of itself."""
    body = b"".join([encode_record(tag, value) for tag, value in (*records, (Tag.END, b""))])
    return encode_file_header(FIRST_RECORD + len(body)) + body


def decode_header(record: Record, path: str = "") -> Header:
    """Decode the value of a `Tag.HEADER` record.

    Examples
    --------
    >>> header = Header(0, 0x01000000, 1, 1, 1, 0, bytes(16))
    >>> decode_header(Record(32, Tag.HEADER, encode_header(header))) == header
    True
    """
    if len(record.value) != HEADER.size:
        raise CorruptError(f"HDR has {len(record.value)} bytes, expected {HEADER.size}", path, record.offset)
    return Header(*HEADER.unpack(record.value))


def encode_header(header: Header) -> bytes:
    """Return the value of a `Tag.HEADER` record."""
    return HEADER.pack(*header)


def _decode_record(data: bytes, offset: int, path: str) -> tuple[Record, int]:
    """Return the record at an offset, and its size."""
    if len(data) - offset < SMALLEST_RECORD:
        raise TruncatedError("there is no END record", path, offset)
    tag, flags, stored = HEAD.unpack_from(data, offset)
    size = stored + 19 & ~7
    name = tag.decode("ascii", "replace")
    if size > len(data) - offset:
        raise TruncatedError(f"record {name!r} has {len(data) - offset:_} of {size:_} bytes", path, offset)
    _check(data[offset : offset + size], offset, path, f"record {name!r}")
    value = data[offset + HEAD.size : offset + HEAD.size + stored]
    return Record(offset, tag, decode_value(value, tag, flags, path, offset)), size


def decode_value(value: bytes, tag: bytes, flags: int, path: str = "", offset: int = -1) -> bytes:
    """Return a value as it was before it was stored, by the flags of its record."""
    if flags & ENCRYPTED:
        raise UnsupportedError(f"record {tag.decode('ascii', 'replace')!r} is encrypted", path, offset)
    return _inflated(value, offset, path) if flags & DEFLATED else value


def _inflated(value: bytes, offset: int, path: str) -> bytes:
    inflater = zlib.decompressobj()
    try:
        found = inflater.decompress(value, MOST_INFLATED)
    except zlib.error as error:
        raise CorruptError(f"a deflated value cannot be inflated ({error})", path, offset) from None
    if not inflater.eof:
        raise CorruptError(f"a deflated value has no end within {MOST_INFLATED:_} bytes", path, offset)
    return found


def _checked(data: bytes) -> bytes:
    return data + zlib.crc32(data).to_bytes(4, "little")


def _check(data: bytes, offset: int, path: str, what: str) -> None:
    found, stored = zlib.crc32(data[:-4]), int.from_bytes(data[-4:], "little")
    if found != stored:
        raise CorruptError(f"the CRC-32 of {what} is 0x{found:08x}, expected 0x{stored:08x}", path, offset)
