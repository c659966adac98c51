"""Bytes to records, one function a record; nothing here knows files or follows links.

All numbers are little endian. A chunk is a 32-byte header, then, when the payload is not empty, the payload, zeros up
to a multiple of eight and the payload's CRC-32C.
"""

from __future__ import annotations

import json
from enum import IntEnum
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from google_crc32c import value as crc32c

if TYPE_CHECKING:
    from xjls.model.annotation import Json

MAGIC = b"jlsfmt\r\n \n \x1a  \xb2\x1c"
FILE_HEADER = Struct("<16sQII")
CHUNK_HEADER = Struct("<Q8xBxHI4xI")
"""item_next, tag, chunk_meta, payload_length, crc32; left out are item_prev, which nothing here needs, a reserved byte,
and the previous payload's length, which no release writes reliably."""
PAYLOAD_HEADER = Struct("<qIHH")
SIGNAL_DEF = Struct("<HBx8I")
HEAD = Struct("<16Q")
ANNOTATION = Struct("<qIHHBBBBfI")
FIRST_CHUNK = 32
new_tuple = tuple.__new__
"""Opening decodes a hundred chunks: this is twice as quick as a NamedTuple's own constructor."""
LEVELS = 16
SAMPLE_BODY = CHUNK_HEADER.size + PAYLOAD_HEADER.size
"""Bytes from a chunk's start to its entries."""


class Tag(IntEnum):
    """What a chunk is; a track's tags are ``0x20 | track << 3 | kind``."""

    SOURCE_DEF = 0x01
    SIGNAL_DEF = 0x02
    FSR_DEF, FSR_HEAD, FSR_DATA, FSR_INDEX, FSR_SUMMARY = range(0x20, 0x25)
    VSR_DEF, VSR_HEAD, VSR_DATA, VSR_INDEX, VSR_SUMMARY = range(0x28, 0x2D)
    ANNOTATION_DEF, ANNOTATION_HEAD, ANNOTATION_DATA, ANNOTATION_INDEX, ANNOTATION_SUMMARY = range(0x30, 0x35)
    UTC_DEF, UTC_HEAD, UTC_DATA, UTC_INDEX, UTC_SUMMARY = range(0x38, 0x3D)
    USER_DATA = 0x40
    END = 0xFF


TAGS = frozenset(int(tag) for tag in Tag)
TRACK_HEADS = frozenset({Tag.FSR_HEAD, Tag.VSR_HEAD, Tag.ANNOTATION_HEAD, Tag.UTC_HEAD})


class FileHeader(NamedTuple):
    """The first 32 bytes."""

    length: int
    """Of the file, in bytes; 0 until it is closed."""
    version: tuple[int, int, int]
    """Major, minor, patch of the format."""
    intact: bool
    """Whether its checksum holds."""


class Chunk(NamedTuple):
    """A chunk's header and its place."""

    offset: int
    item_next: int
    """Offset of the next chunk of its list; 0 at the end."""
    tag: int
    meta: int
    """Bits 7:0 signal or source id; 15:12 level."""
    payload_length: int

    @property
    def stop(self) -> int:
        """Offset of the next chunk in the file."""
        return self.offset + CHUNK_HEADER.size + padded(self.payload_length)


class SignalDef(NamedTuple):
    """A SIGNAL_DEF payload."""

    id: int
    source_id: int
    signal_type: int
    """0 fixed rate, 1 variable rate."""
    data_type: int
    rate_hz: int
    samples_per_data: int
    sample_decimate: int
    """Samples an entry of level 1."""
    entries_per_summary: int
    summary_decimate: int
    """Entries an entry of the next level."""
    annotation_decimate: int
    utc_decimate: int
    name: str
    units: str


class SourceDef(NamedTuple):
    """A SOURCE_DEF payload."""

    id: int
    name: str
    vendor: str
    model: str
    version: str
    serial_number: str


class AnnotationRecord(NamedTuple):
    """An ANNOTATION_DATA payload; ``y`` may be NaN."""

    timestamp: int
    kind: int
    group: int
    y: float
    data: str | bytes | Json


def padded(payload_length: int) -> int:
    """Bytes on disk behind a chunk's header: payload, zeros, checksum.

    >>> padded(0), padded(1), padded(4), padded(5)
    (0, 8, 8, 16)
    """
    return (payload_length + 11) & ~7 if payload_length else 0


def decode_file_header(data: bytes) -> FileHeader | None:
    """Decode the first 32 bytes; None when they are not a JLS v2 file's."""
    if len(data) < FILE_HEADER.size or data[:16] != MAGIC:
        return None
    _, length, version, crc = FILE_HEADER.unpack_from(data)
    return FileHeader(length, (version >> 24, version >> 16 & 0xFF, version & 0xFFFF), crc32c(data[:28]) == crc)


def decode_chunk(data: bytes, offset: int, at: int = 0) -> Chunk | None:
    """Decode the chunk header at ``data[at:at + 32]``, found at ``offset`` in the file; None when its CRC fails."""
    if len(data) < at + CHUNK_HEADER.size:
        return None
    item_next, tag, meta, payload_length, crc = CHUNK_HEADER.unpack_from(data, at)
    if crc32c(data[at : at + 28]) != crc:
        return None
    return new_tuple(Chunk, (offset, item_next, tag, meta, payload_length))


def decode_source(chunk: Chunk, payload: bytes) -> SourceDef:
    """Decode a SOURCE_DEF payload: 64 reserved bytes, five strings."""
    return SourceDef(chunk.meta, *decode_strings(payload, 64, 5))


def decode_signal(chunk: Chunk, payload: bytes) -> SignalDef:
    """Decode a SIGNAL_DEF payload: numbers, 92 reserved bytes, two strings."""
    numbers = SIGNAL_DEF.unpack_from(payload)
    name, units = decode_strings(payload, 128, 2)
    return new_tuple(SignalDef, (chunk.meta, *numbers, name, units))


def decode_strings(payload: bytes, at: int, count: int) -> list[str]:
    r"""Decode strings that end with NUL and, usually, 0x1f; libraries before 0.3.4 left garbage in empty ones.

    >>> decode_strings(b"A\x00\x1f\xff\x00\x1f", 0, 3)
    ['A', '�', '']
    """
    strings = []
    for _ in range(count):
        stop = payload.find(b"\0", at)
        stop = len(payload) if stop < 0 else stop
        strings.append(payload[at:stop].decode(errors="replace"))
        at = stop + (2 if payload[stop + 1 : stop + 2] == b"\x1f" else 1)
    return strings


def decode_annotation(payload: bytes) -> AnnotationRecord:
    """Decode an ANNOTATION_DATA payload."""
    timestamp, _, _, _, kind, storage, group, _, y, size = ANNOTATION.unpack_from(payload)
    return AnnotationRecord(timestamp, kind, group, y, decode_storage(storage, payload[28 : 28 + size]))


def decode_storage(storage: int, data: bytes) -> str | bytes | Json:
    """Decode by storage type: 2 string, 3 JSON, anything else bytes. JSON that does not parse stays a string."""
    if storage not in (2, 3):
        return data
    text = data.removesuffix(b"\0").decode(errors="replace")
    if storage == 3:
        try:
            parsed: Json = json.loads(text)
        except (ValueError, RecursionError):
            return text
        return parsed
    return text


def jls_time_to_ns(time: int) -> int:
    """Convert JLS time, 2⁻³⁰ s since 2018-01-01, to ns since 1970-01-01, rounded once.

    >>> jls_time_to_ns(1 << 30) == (1_514_764_800 + 1) * 10**9
    True
    """
    return (1_514_764_800 + (time >> 30)) * 10**9 + (((time & (1 << 30) - 1) * 10**9 + (1 << 29)) >> 30)
