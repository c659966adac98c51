"""The bytes of each record of a JLS v2 file, one function per record. Pure: values in, bytes out."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from xjls.testing.jls2.definitions import Annotation, Fsr, Source, UserData, Vsr, storage_of
from xjls.testing.jls2.sample_types import Blocks, SampleType

MAGIC = b"jlsfmt\r\n \n \x1a  \xb2\x1c"
"""Identification at the start of every file."""
HEADER_BYTES = 32
"""Size of the file header and of a chunk's header."""
LEVELS = 16
"""Offsets in a track's HEAD: the samples and 15 levels."""

_ANNOTATION_TYPES = {"user": 0, "text": 1, "vmarker": 2, "hmarker": 3}
_STORAGE_TYPES = {"binary": 1, "string": 2, "json": 3}


class Tag(IntEnum):
    """Chunk tags outside the tracks."""

    SOURCE_DEF = 0x01
    SIGNAL_DEF = 0x02
    USER_DATA = 0x40
    END = 0xFF


class Track(IntEnum):
    """The tracks of a signal."""

    FSR = 0
    VSR = 1
    ANNOTATION = 2
    UTC = 3


class Kind(IntEnum):
    """What a chunk of a track holds."""

    DEF = 0
    HEAD = 1
    DATA = 2
    INDEX = 3
    SUMMARY = 4


class Header(NamedTuple):
    """A chunk header without its checksum."""

    item_next: int
    item_prev: int
    tag: int
    meta: int
    payload_length: int
    prev_length: int

    def encode(self) -> bytes:
        """Return the 32 bytes, checksum included."""
        rest = (self.item_next, self.item_prev, self.tag, 0, self.meta, self.payload_length, self.prev_length)
        return checked(struct.pack("<QQBBHII", *rest))


def track_tag(track: Track, kind: Kind) -> int:
    """Return the tag of a track's chunk.

    Examples
    --------
    >>> hex(track_tag(Track.UTC, Kind.SUMMARY))
    '0x3c'
    """
    return 0x20 | track << 3 | kind


def checked(data: bytes) -> bytes:
    """Return ``data`` followed by its CRC-32C.

    Examples
    --------
    >>> checked(b"123456789")[-4:].hex()
    '839206e3'
    """
    return data + struct.pack("<I", google_crc32c.value(data))


def body_bytes(payload_length: int) -> int:
    """Return the bytes that follow a chunk header on disk: payload, padding and checksum."""
    return 0 if payload_length == 0 else payload_length + -(payload_length + 4) % 8 + 4


def encode_body(payload: bytes) -> bytes:
    """Return payload, padding and checksum; nothing for an empty payload."""
    if not payload:
        return b""
    return b"".join((payload, bytes(-(len(payload) + 4) % 8), struct.pack("<I", google_crc32c.value(payload))))


def encode_file_header(length: int, version: int) -> bytes:
    """Return the 32 bytes at offset 0; a length of 0 says that the writer is still at work."""
    return checked(MAGIC + struct.pack("<QI", length, version))


def encode_text(text: str) -> bytes:
    """Return a string of a definition: UTF-8, NUL, unit separator."""
    return text.encode() + b"\x00\x1f"


def encode_source(source: Source) -> bytes:
    """Return the payload of a SOURCE_DEF (format section 5.2)."""
    texts = (source.name, source.vendor, source.model, source.version, source.serial_number)
    return bytes(64) + b"".join(map(encode_text, texts))


def encode_signal(signal: Fsr | Vsr, data_type: int, blocks: Blocks) -> bytes:
    """Return the payload of a SIGNAL_DEF (format section 5.3)."""
    fixed_rate = isinstance(signal, Fsr)
    rate = signal.rate_hz if isinstance(signal, Fsr) else 0
    utc = (signal.utc_decimate if isinstance(signal, Fsr) else 0) or 100
    head = struct.pack("<HBBII", signal.source, 0 if fixed_rate else 1, 0, data_type, rate)
    parameters = (
        blocks.samples_per_data,
        blocks.sample_decimate,
        blocks.entries_per_summary,
        blocks.summary_decimate,
        signal.annotation_decimate or 100,
        utc,
    )
    return head + struct.pack("<6I", *parameters) + bytes(92) + encode_text(signal.name) + encode_text(signal.units)


def encode_head(offsets: Sequence[int]) -> bytes:
    """Return the payload of a track's HEAD: first chunk of each level, 0 for none."""
    return struct.pack(f"<{LEVELS}Q", *offsets)


def encode_payload_header(timestamp: int, count: int, entry_bits: int) -> bytes:
    """Return the 16 bytes before the body of DATA, INDEX and SUMMARY (format section 7)."""
    return struct.pack("<qIHH", timestamp, count, entry_bits, 0)


def encode_samples(timestamp: int, samples: NDArray[Any], kind: SampleType) -> bytes:
    """Return the payload of an FSR DATA chunk."""
    return encode_payload_header(timestamp, len(samples), kind.bits) + pack_samples(samples, kind)


def pack_samples(samples: NDArray[Any], kind: SampleType) -> bytes:
    """Return samples as the format lays them out: little endian, the first sample in the low bits.

    Examples
    --------
    >>> from xjls.testing.jls2 import SAMPLE_TYPES
    >>> pack_samples(np.array([1, -1, 2], np.int8), SAMPLE_TYPES["i4"]).hex()
    'f102'
    """
    if kind.bits == 1:
        return np.packbits(samples, bitorder="little").tobytes()
    if kind.bits == 4:
        nibbles = np.zeros(len(samples) + len(samples) % 2, np.uint8)
        nibbles[: len(samples)] = samples.astype(np.uint8) & 15
        return bytes((nibbles[0::2] | nibbles[1::2] << 4).data)
    return samples.tobytes()


def encode_offsets(timestamp: int, offsets: Sequence[int]) -> bytes:
    """Return the payload of an FSR INDEX chunk."""
    return encode_payload_header(timestamp, len(offsets), 64) + struct.pack(f"<{len(offsets)}Q", *offsets)


def encode_entries(timestamp: int, entries: NDArray[Any], *, half: bool) -> bytes:
    """Return the payload of an FSR SUMMARY chunk.

    Parameters
    ----------
    timestamp
        Raw sample id of the first sample covered.
    entries
        Shape ``(n, 4)``: mean, std, min, max.
    half
        Cut entries of 64-bit numbers after 16 bytes each, as every release does.
    """
    body = entries.tobytes()
    if half:
        body = body[: 16 * len(entries)]
    return encode_payload_header(timestamp, len(entries), 32 * entries.dtype.itemsize) + body


def encode_tie(sample_id: int, time: int) -> bytes:
    """Return the payload of a UTC DATA chunk; ``time`` is JLS time, 2**30 ticks a second since 2018."""
    return encode_payload_header(sample_id, 1, 64) + struct.pack("<q", time)


def encode_pairs(pairs: Sequence[tuple[int, int]]) -> bytes:
    """Return the payload of an INDEX of ties or annotations, or of a SUMMARY of ties."""
    first = pairs[0][0] if pairs else 0
    return encode_payload_header(first, len(pairs), 128) + np.array(pairs, "<i8").tobytes()


def encode_annotation(annotation: Annotation) -> bytes:
    """Return the payload of an ANNOTATION DATA chunk (format section 10)."""
    storage = annotation.storage or "binary"
    data = _encode_data(annotation.data, storage)
    y = float("nan") if annotation.y is None else annotation.y
    kind = _ANNOTATION_TYPES[annotation.type]
    head = struct.pack("<qIHHBBBBfI", annotation.timestamp, 1, 0, 0, kind, _STORAGE_TYPES[storage], annotation.group,
                       0, y, len(data))  # fmt: skip
    return head + data + (b"" if storage == "binary" else b"\x1f")


def encode_annotation_entry(annotation: Annotation) -> bytes:
    """Return the 16 bytes of an annotation in a SUMMARY."""
    y = float("nan") if annotation.y is None else annotation.y
    return struct.pack("<qBBBBf", annotation.timestamp, _ANNOTATION_TYPES[annotation.type], annotation.group, 0, 0, y)


def encode_user_data(user_data: UserData) -> tuple[int, bytes]:
    """Return chunk meta and payload of a USER_DATA chunk (format section 11)."""
    data = b"" if user_data.data is None else user_data.data
    storage = storage_of(data)
    return _STORAGE_TYPES[storage] << 12 | user_data.meta, _encode_data(data, storage)


def _encode_data(data: Any, storage: str) -> bytes:
    if storage == "binary":
        return bytes(data)
    text = data if storage == "string" else json.dumps(data)
    return str(text).encode() + b"\x00"
