"""Find and follow chunks: by offset, by list, and by walking the file.

Every header and payload that is returned has passed its checksum. Links may only lead forwards, so that no list goes in
circles whatever its bytes say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from google_crc32c import value as crc32c

from xjls.errors import CorruptError, TruncatedError
from xjls.formats.jls2.wire import (
    CHUNK_HEADER,
    FIRST_CHUNK,
    PAYLOAD_HEADER,
    TAGS,
    Chunk,
    decode_chunk,
    new_tuple,
    padded,
)

if TYPE_CHECKING:
    from xjls.storage import Storage

PAYLOAD_LIMIT = 1 << 30
"""Bytes of a record that is read into memory as a whole; sample chunks never pass here."""
MOST_ID = 1 << 60
"""Sample ids are nearer to 0: at 2 MHz that is 18 000 years, and sums of two stay within 64 bits."""
GUESS = 256
"""Bytes read with a header: most records end within them."""
_NO_HEADER = "no chunk header with a valid checksum"
FIRST_RESYNC_BYTES, RESYNC_BYTES = 1 << 16, 1 << 22
"""How much is searched at a time for the next intact header: first, and at most."""


class Hole(NamedTuple):
    """A span of bytes that holds no intact chunk."""

    offset: int
    stop: int


class ChunkFile:
    """The chunks of one JLS v2 file.

    Parameters
    ----------
    storage
        Where the bytes are.
    """

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def header(self, offset: int) -> Chunk:
        """Return the chunk at ``offset``.

        Raises
        ------
        TruncatedError
            The file ends before the chunk does.
        CorruptError
            The bytes there are no chunk header.
        """
        return self._decode(self.storage.read(offset, CHUNK_HEADER.size), offset)

    def record(self, offset: int) -> tuple[Chunk, bytes]:
        """Return a chunk and its payload, both checked."""
        # Opening passes here some seventy times: one read and no further call where all is well
        data = self.storage.read(offset, GUESS)
        if len(data) < CHUNK_HEADER.size:
            raise self._truncated(offset)
        item_next, tag, meta, length, crc = CHUNK_HEADER.unpack_from(data)
        if crc32c(data[:28]) != crc:
            raise CorruptError(_NO_HEADER, self.storage.path, offset)
        chunk = new_tuple(Chunk, (offset, item_next, tag, meta, length))
        if not length:
            return chunk, b""
        stop = CHUNK_HEADER.size + (length + 11 & ~7)
        if stop > len(data):
            data = self._whole(offset, length, stop)
        payload = data[32 : 32 + length]
        found = crc32c(payload)
        if data[stop - 4 : stop] != found.to_bytes(4, "little"):
            stored = int.from_bytes(data[stop - 4 : stop], "little")
            problem = f"payload CRC-32C is {found:#010x}, expected {stored:#010x} in the chunk"
            raise CorruptError(problem, self.storage.path, offset)
        return chunk, payload

    def extent(self, offset: int) -> tuple[Chunk, int, int]:
        """Return a track's chunk with its timestamp and entry count, which only the payload's own CRC would prove."""
        data = self.storage.read(offset, CHUNK_HEADER.size + PAYLOAD_HEADER.size)
        chunk = self._decode(data, offset)
        if chunk.payload_length < PAYLOAD_HEADER.size:
            raise CorruptError("a track's chunk is too short for its payload header", self.storage.path, offset)
        timestamp, count, _, _ = PAYLOAD_HEADER.unpack_from(data, CHUNK_HEADER.size)
        if not -MOST_ID < timestamp < MOST_ID:
            raise CorruptError(
                f"a chunk starts at sample {timestamp:_}, beyond any recording", self.storage.path, offset
            )
        return chunk, timestamp, count

    def forward(self, offset: int, item_next: int) -> int:
        """Return where a list goes on from ``offset``, 0 at its end; only forwards, so that it cannot go in circles.

        A list that leads behind what was the end when the file was opened was gone on with since, and ends there.
        """
        if item_next >= self.storage.size and self.storage.has_grown():
            return 0
        if item_next and item_next <= offset:
            raise CorruptError(f"a list leads back to byte {item_next:_}", self.storage.path, offset)
        return item_next

    def records(self, offset: int) -> Iterator[tuple[Chunk, bytes]]:
        """Yield the chunks of a list with their payloads."""
        while offset:
            chunk, payload = self.record(offset)
            yield chunk, payload
            offset = self.forward(offset, chunk.item_next)

    def headers(self, offset: int) -> Iterator[Chunk]:
        """Yield the chunks of a list, without looking at their payloads."""
        while offset:
            chunk = self.header(offset)
            yield chunk
            offset = self.forward(offset, chunk.item_next)

    def walk(self, start: int = FIRST_CHUNK, stop: int | None = None) -> Iterator[Chunk | Hole]:
        """Yield all chunks in file order, and the holes between them, of the bytes ``[start, stop)``."""
        size, offset = self.storage.size, start
        stop = size if stop is None else min(stop, size)
        while offset + CHUNK_HEADER.size <= stop:
            chunk = decode_chunk(self.storage.read(offset, CHUNK_HEADER.size), offset)
            if chunk and chunk.stop <= size:
                yield chunk
                offset = chunk.stop
                continue
            found = self._resynchronise(offset + 8, stop)
            yield Hole(offset, found)
            offset = found
        if offset < stop:
            yield Hole(offset, stop)

    def next_chunk(self, offset: int) -> int:
        """Return where the first intact header at ``offset`` or behind it is, or the end of the file."""
        return FIRST_CHUNK if offset <= FIRST_CHUNK else self._resynchronise(offset, self.storage.size)

    def expect(self, chunk: Chunk, tag: int, meta: int) -> None:
        """Raise CorruptError unless a chunk is what the link that led to it promised."""
        if chunk.tag != tag or chunk.meta != meta:
            raise CorruptError(
                f"chunk is tag {chunk.tag:#04x} meta {chunk.meta:#06x}, its link says tag {tag:#04x} meta {meta:#06x}",
                self.storage.path, chunk.offset,
            )  # fmt: skip

    def _decode(self, data: bytes, offset: int) -> Chunk:
        chunk = decode_chunk(data, offset)
        if chunk is None:
            if len(data) < CHUNK_HEADER.size:
                raise self._truncated(offset)
            raise CorruptError(_NO_HEADER, self.storage.path, offset)
        if offset + CHUNK_HEADER.size + padded(chunk.payload_length) > self.storage.size:
            raise self._truncated(offset)
        return chunk

    def _whole(self, offset: int, length: int, stop: int) -> bytes:
        """Read all bytes of a chunk that is longer than most."""
        if offset + stop > self.storage.size:
            raise self._truncated(offset)
        if length > PAYLOAD_LIMIT:
            problem = f"a record of {length:_} bytes is larger than any writer makes"
            raise CorruptError(problem, self.storage.path, offset)
        return self.storage.read(offset, stop)

    def _truncated(self, offset: int) -> TruncatedError:
        return TruncatedError(f"the file ends at byte {self.storage.size:_}, inside a chunk", self.storage.path, offset)

    def _resynchronise(self, offset: int, stop: int) -> int:
        """Return the next 8-byte-aligned offset with an intact chunk header, or ``stop``."""
        size, offset, step = self.storage.size, offset + -offset % 8, FIRST_RESYNC_BYTES
        while offset + CHUNK_HEADER.size <= stop:
            data = self.storage.read(offset, step + CHUNK_HEADER.size)
            for at in _candidates(data):
                chunk = decode_chunk(data, offset + at, at)
                if chunk and chunk.stop <= size:
                    return offset + at
            offset, step = offset + step, min(2 * step, RESYNC_BYTES)
        return stop


def _candidates(data: bytes) -> list[int]:
    """Return aligned positions whose tag and reserved byte could be a chunk header's: one in some 3000 of noise."""
    words = np.frombuffer(data, "<u8", count=len(data) // 8)[2:]
    tags = np.zeros(256, np.bool_)
    tags[list(TAGS)] = True
    hits = np.flatnonzero(tags[words & 0xFF] & (words >> 8 & 0xFF == 0)) * 8
    positions: list[int] = hits[hits + CHUNK_HEADER.size <= len(data)].tolist()
    return positions
