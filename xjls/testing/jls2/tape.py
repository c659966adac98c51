"""Chunks in file order, linked into their lists as they are appended (format section 4)."""

from __future__ import annotations

from collections.abc import Hashable

from xjls.testing.jls2.records import (
    HEADER_BYTES,
    LEVELS,
    Header,
    Kind,
    Tag,
    Track,
    encode_body,
    encode_file_header,
    encode_head,
    track_tag,
)
from xjls.testing.jls2.releases import Release


class Tape:
    """A growing file in memory: every chunk appended is linked with its predecessor in the same list.

    Examples
    --------
    >>> tape = Tape(Release())
    >>> tape.append(Tag.USER_DATA, 0, b""), tape.append(Tag.USER_DATA, 0x2001, b"hi")
    (32, 64)
    >>> len(tape.finish(closed=True))
    136
    """

    def __init__(self, release: Release) -> None:
        self._release = release
        self._data = bytearray(encode_file_header(0, release.version))
        self._last: dict[Hashable, tuple[int, Header]] = {}
        self._prev_length = 0

    def append(self, tag: int, meta: int, payload: bytes) -> int:
        """Append a chunk and return its offset."""
        offset = len(self._data)
        key = _list_of(tag, meta)
        previous, header = self._last.get(key, (0, None))
        if header is not None:
            self._patch(previous, header._replace(item_next=offset))
        added = Header(0, previous, tag, meta, len(payload), self._prev_length)
        self._last[key] = offset, added
        self._data += added.encode()
        self._data += encode_body(payload)
        if payload or not self._release.stale_lengths:
            self._prev_length = len(payload)
        return offset

    def replace_payload(self, offset: int, payload: bytes) -> None:
        """Rewrite the payload of a chunk with one of the same length."""
        body = encode_body(payload)
        self._data[offset + HEADER_BYTES : offset + HEADER_BYTES + len(body)] = body

    def finish(self, *, closed: bool) -> bytearray:
        """Return the file: with END and its length, or as it stands when the writer dies."""
        if closed:
            self._data += Header(0, 0, Tag.END, 0, 0, self._prev_length).encode()
            self._data[:HEADER_BYTES] = encode_file_header(len(self._data), self._release.version)
        return self._data

    def _patch(self, offset: int, header: Header) -> None:
        if header.tag == Tag.SOURCE_DEF and self._release.stale_lengths:
            header = header._replace(prev_length=0)
        self._data[offset : offset + HEADER_BYTES] = header.encode()


def _list_of(tag: int, meta: int) -> Hashable:
    if tag in (Tag.USER_DATA, Tag.SOURCE_DEF, Tag.END):
        return tag
    if tag == Tag.SIGNAL_DEF or tag & 7 in (Kind.DEF, Kind.HEAD):
        return "definitions"
    return tag, meta


class TrackChunks:
    """One track of one signal on the tape: its DEF, its HEAD, and chunks that keep HEAD right."""

    def __init__(self, tape: Tape, signal_id: int, track: Track) -> None:
        self._tape = tape
        self._signal_id = signal_id
        self._track = track
        self._offsets = [0] * LEVELS
        tape.append(track_tag(track, Kind.DEF), signal_id, b"")
        self._head = tape.append(track_tag(track, Kind.HEAD), signal_id, encode_head(self._offsets))

    def has_level(self, level: int) -> bool:
        """Tell whether a chunk of ``level`` was written."""
        return self._offsets[level] != 0

    def append(self, kind: Kind, level: int, payload: bytes) -> int:
        """Append a DATA, INDEX or SUMMARY chunk and return its offset."""
        offset = self._tape.append(track_tag(self._track, kind), self._signal_id | level << 12, payload)
        if kind != Kind.SUMMARY and not self._offsets[level]:
            self._offsets[level] = offset
            self._tape.replace_payload(self._head, encode_head(self._offsets))
        return offset
