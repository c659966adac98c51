"""Bytes to records and back, one function a record; nothing here knows files or follows links.

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
    from collections.abc import Iterable, Sequence

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
TIE_BYTES = PAYLOAD_HEADER.size + 8
"""Of a UTC_DATA payload."""
BINARY, STRING, JSON = 1, 2, 3
"""How annotations and user data are stored."""
VERSION = 0x01000000
_LENGTH_AND_VERSION = Struct("<QI")
_WHOLE_HEADER = Struct("<QQBBHII")
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


def checked(data: bytes) -> bytes:
    """Return bytes and their CRC-32C behind them."""
    checksum: int = crc32c(data)
    return data + checksum.to_bytes(4, "little")


def encode_body(payload: bytes) -> bytes:
    """Return what stands behind a chunk's header: payload, zeros, checksum; nothing of an empty payload."""
    if not payload:
        return b""
    checksum: int = crc32c(payload)
    return payload + bytes(padded(len(payload)) - len(payload) - 4) + checksum.to_bytes(4, "little")


def encode_file_header(length: int) -> bytes:
    """Return the first 32 bytes; a length of 0 says that the writer is still at work."""
    return checked(MAGIC + _LENGTH_AND_VERSION.pack(length, VERSION))


def decode_file_header(data: bytes) -> FileHeader | None:
    """Decode the first 32 bytes; None when they are not a JLS v2 file's."""
    if len(data) < FILE_HEADER.size or data[:16] != MAGIC:
        return None
    _, length, version, crc = FILE_HEADER.unpack_from(data)
    return FileHeader(length, (version >> 24, version >> 16 & 0xFF, version & 0xFFFF), crc32c(data[:28]) == crc)


def encode_chunk(
    item_next: int, item_prev: int, tag: int, meta: int, payload_length: int, previous_length: int
) -> bytes:
    """Return the 32 bytes of a chunk's header.

    >>> decode_chunk(encode_chunk(64, 0, Tag.USER_DATA, 0x2005, 3, 0), 32)
    Chunk(offset=32, item_next=64, tag=64, meta=8197, payload_length=3)
    """
    return checked(_WHOLE_HEADER.pack(item_next, item_prev, tag, 0, meta, payload_length, previous_length))


def decode_links(data: bytes) -> tuple[int, int]:
    """Return what `Chunk` leaves out of a header: item_prev, and the length that it has of the previous payload.

    >>> decode_links(encode_chunk(64, 40, Tag.USER_DATA, 0x2005, 3, 7))
    (40, 7)
    """
    header = _WHOLE_HEADER.unpack_from(data)
    return header[1], header[6]


def decode_chunk(data: bytes, offset: int, at: int = 0) -> Chunk | None:
    """Decode the chunk header at ``data[at:at + 32]``, found at ``offset`` in the file; None when its CRC fails."""
    if len(data) < at + CHUNK_HEADER.size:
        return None
    item_next, tag, meta, payload_length, crc = CHUNK_HEADER.unpack_from(data, at)
    if crc32c(data[at : at + 28]) != crc:
        return None
    return new_tuple(Chunk, (offset, item_next, tag, meta, payload_length))


def encode_payload_header(first_id: int, count: int, bits: int) -> bytes:
    """Return the 16 bytes before the entries of DATA, INDEX and SUMMARY."""
    return PAYLOAD_HEADER.pack(first_id, count, bits, 0)


def encode_source(source: SourceDef) -> bytes:
    """Return a SOURCE_DEF payload; the id is in the chunk's meta."""
    return bytes(64) + encode_strings(source[1:])


def decode_source(chunk: Chunk, payload: bytes) -> SourceDef:
    """Decode a SOURCE_DEF payload: 64 reserved bytes, five strings."""
    return SourceDef(chunk.meta, *decode_strings(payload, 64, 5))


def encode_signal(signal: SignalDef) -> bytes:
    """Return a SIGNAL_DEF payload; the id is in the chunk's meta.

    >>> signal = SignalDef(3, 1, 0, 0x2004, 1000, 8192, 128, 640, 20, 100, 100, "current", "A")
    >>> decode_signal(Chunk(0, 0, Tag.SIGNAL_DEF, 3, 0), encode_signal(signal)) == signal
    True
    """
    return SIGNAL_DEF.pack(*signal[1:11]) + bytes(92) + encode_strings(signal[11:])


def decode_signal(chunk: Chunk, payload: bytes) -> SignalDef:
    """Decode a SIGNAL_DEF payload: numbers, 92 reserved bytes, two strings."""
    numbers = SIGNAL_DEF.unpack_from(payload)
    name, units = decode_strings(payload, 128, 2)
    return new_tuple(SignalDef, (chunk.meta, *numbers, name, units))


def encode_strings(texts: Iterable[str]) -> bytes:
    """Return strings as definitions hold them: each ends with NUL and 0x1f; what follows a NUL in one is cut off."""
    return b"".join(text.partition("\0")[0].encode() + b"\0\x1f" for text in texts)


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


def encode_annotation(annotation: AnnotationRecord) -> bytes:
    """Return an ANNOTATION_DATA payload.

    >>> note = AnnotationRecord(7, 1, 2, 0.5, "hello")
    >>> decode_annotation(encode_annotation(note)) == note
    True
    """
    storage, data = encode_storage(annotation.data)
    timestamp, kind, group, y, _ = annotation
    head = ANNOTATION.pack(timestamp, 1, 0, 0, kind, storage, group, 0, y, len(data))
    return head + data + (b"" if storage == BINARY else b"\x1f")


def decode_tie(payload: bytes) -> tuple[int, int]:
    """Decode a UTC_DATA payload: the sample id is the payload header's timestamp, the body is a JLS time."""
    return PAYLOAD_HEADER.unpack_from(payload)[0], int.from_bytes(payload[16:24], "little", signed=True)


def encode_head(offsets: Sequence[int]) -> bytes:
    """Return the payload of a track's HEAD: the first chunk of each level, 0 for none."""
    return HEAD.pack(*offsets)


def decode_annotation(payload: bytes) -> AnnotationRecord:
    """Decode an ANNOTATION_DATA payload."""
    timestamp, _, _, _, kind, storage, group, _, y, size = ANNOTATION.unpack_from(payload)
    return AnnotationRecord(timestamp, kind, group, y, decode_storage(storage, payload[28 : 28 + size]))


def encode_storage(data: str | bytes | Json) -> tuple[int, bytes]:
    r"""Return storage type and bytes of what people leave in a file: bytes, text, or what JSON can say.

    >>> encode_storage("hi"), encode_storage({"k": 1})
    ((2, b'hi\x00'), (3, b'{"k": 1}\x00'))
    """
    if isinstance(data, bytes):
        return BINARY, data
    text = data if isinstance(data, str) else json.dumps(data)
    return (STRING if isinstance(data, str) else JSON), text.encode() + b"\0"


def decode_storage(storage: int, data: bytes) -> str | bytes | Json:
    """Decode by storage type: 2 string, 3 JSON, anything else bytes. JSON that does not parse stays a string."""
    if storage not in (STRING, JSON):
        return data
    text = data.removesuffix(b"\0").decode(errors="replace")
    if storage == JSON:
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


def ns_to_jls_time(time_ns: int) -> int:
    """Convert ns since 1970-01-01 to JLS time, rounded once: the nearest, of two the later.

    >>> jls_time_to_ns(ns_to_jls_time(1_772_359_200_000_000_001))
    1772359200000000001
    """
    seconds, ns = divmod(time_ns - 1_514_764_800 * 10**9, 10**9)
    return (seconds << 30) + ((ns << 31) + 10**9) // (2 * 10**9)
