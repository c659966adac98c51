"""A JLS v2 file as it is written: chunks in file order, each linked into its list.

What is appended is gathered and written in pieces of megabytes. A link into a chunk that is not written yet is set in
memory; one into a chunk on disk is written after all that was appended before it, so that a file that is killed at any
byte holds a prefix of its chunks, and every link leads to a whole one.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xjls.formats.jls2.wire import (
    CHUNK_HEADER,
    LEVELS,
    SAMPLE_BODY,
    TRACK_HEADS,
    Tag,
    encode_body,
    encode_chunk,
    encode_file_header,
    encode_head,
    padded,
)

if TYPE_CHECKING:
    from collections.abc import Hashable
    from types import TracebackType

    from numpy.typing import NDArray

PIECE_BYTES = 2 << 20
"""Appended bytes that are worth writing."""
_DEFINITIONS = frozenset({Tag.SIGNAL_DEF, Tag.FSR_DEF, Tag.VSR_DEF, Tag.ANNOTATION_DEF, Tag.UTC_DEF, *TRACK_HEADS})
_WHOLE = frozenset({Tag.USER_DATA, Tag.SOURCE_DEF})


class _Last(NamedTuple):
    """The last chunk of a list: where it is, and what its header holds beside the link that is still to come."""

    offset: int
    item_prev: int
    meta: int
    tag: int
    length: int
    previous_length: int

    def header(self, item_next: int) -> bytes:
        """Return its header, linked to the next chunk."""
        # As the JLS library does it: nobody relies on this length, and files come out equal
        behind = 0 if item_next and self.tag == Tag.SOURCE_DEF else self.previous_length
        return encode_chunk(item_next, self.item_prev, self.tag, self.meta, self.length, behind)


class Tape:
    """Append chunks to a new file.

    Parameters
    ----------
    path
        A file that does not exist yet.

    Raises
    ------
    OSError
        As the operating system says, here and from every call that writes. What was written before stays readable, and
        what was not is tried again by the next call.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        self._file = os.open(path, flags, 0o666)
        self._buffer = np.empty(2 * PIECE_BYTES, np.uint8)
        """What was appended and is not written yet, at its beginning; kept, so that its pages are there already."""
        self._n = 0
        self._written = 0
        """Bytes of the file that are written; those in the buffer follow."""
        self._patches: dict[int, bytes] = {}
        self._last: dict[Hashable, _Last] = {}
        self._previous_length = 0
        self._add(encode_file_header(0))

    @property
    def end(self) -> int:
        """Offset of the next chunk."""
        return self._written + self._n

    def append(self, tag: int, meta: int, payload: bytes) -> int:
        """Append a chunk to its list and return its offset."""
        offset, key = self.end, _list_of(tag, meta)
        previous = self._link(key, offset)
        last = self._last[key] = _Last(offset, previous, meta, tag, len(payload), self._previous_length)
        self._add(last.header(0) + encode_body(payload))
        if payload:
            self._previous_length = len(payload)
        return offset

    def append_samples(
        self, samples: NDArray[np.uint8], count: int, bits: int, first_id: int, meta: int
    ) -> NDArray[np.int64]:
        """Append DATA chunks of ``count`` samples each, of samples as the file holds them; return their offsets."""
        from xjls.kernels.pack import pack_chunks

        length = SAMPLE_BODY - CHUNK_HEADER.size + count * bits // 8
        size, n = CHUNK_HEADER.size + padded(length), samples.size * 8 // (count * bits)
        offset, key = self.end, _list_of(Tag.FSR_DATA, meta)
        previous = self._link(key, offset)
        room = self._room(n * size)
        pack_chunks(samples, count, bits, first_id, meta, offset, previous, self._previous_length, room)
        offsets = offset + size * np.arange(n, dtype=np.int64)
        before = int(offsets[-2]) if n > 1 else previous
        behind = length if n > 1 else self._previous_length
        self._last[key] = _Last(int(offsets[-1]), before, meta, int(Tag.FSR_DATA), length, behind)
        self._previous_length = length
        return offsets

    def replace_payload(self, offset: int, payload: bytes) -> None:
        """Rewrite the payload of a chunk with one of the same length."""
        self._set(offset + CHUNK_HEADER.size, encode_body(payload))

    def require(self, n_bytes: int) -> None:
        """Raise OSError where the disk has no room for more bytes, before it is filled in vain."""
        disk = os.fstatvfs(self._file)
        if n_bytes > (free := disk.f_bavail * disk.f_frsize):
            problem = f"{os.strerror(errno.ENOSPC)}: a gap needs {n_bytes:,} bytes of filling, {free:,} are free"
            raise OSError(errno.ENOSPC, problem, self.path)

    def write(self, *, sync: bool = False) -> None:
        """Write what was appended, and then the links to it; with ``sync`` wait until the disk has it."""
        if self._n:
            done = _write_at(self._file, self._buffer[: self._n].data, self._written)
            self._written, self._n = self._written + done, 0
        for offset, data in list(self._patches.items()):
            _write_at(self._file, data, offset)
            del self._patches[offset]
        if sync:
            os.fsync(self._file)

    def finish(self) -> None:
        """Append END, write all, and say in the file's header that it is whole; then close it."""
        self._add(encode_chunk(0, 0, Tag.END, 0, 0, self._previous_length))
        self.write()
        _write_at(self._file, encode_file_header(self._written), 0)
        self.close()

    def close(self) -> None:
        """Close the file as it stands; twice is harmless."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def __enter__(self) -> Tape:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _link(self, key: Hashable, offset: int) -> int:
        """Link the last chunk of a list to the one that comes at ``offset``; return where the last one is, or 0."""
        if (last := self._last.get(key)) is None:
            return 0
        self._set(last.offset, last.header(offset))
        return last.offset

    def _set(self, offset: int, data: bytes) -> None:
        at = offset - self._written
        if at >= 0:
            self._buffer[at : at + len(data)] = np.frombuffer(data, np.uint8)
        else:
            self._patches[offset] = data

    def _add(self, data: bytes) -> None:
        """Append bytes."""
        self._room(len(data))[:] = np.frombuffer(data, np.uint8)

    def _room(self, n_bytes: int) -> NDArray[np.uint8]:
        """Return the place of the next bytes; what is gathered is written first where they would be too many."""
        if self._n >= PIECE_BYTES:
            self.write()
        if self._n + n_bytes > len(self._buffer):
            self._buffer = np.concatenate([self._buffer, np.empty(n_bytes, np.uint8)])
        begin, self._n = self._n, self._n + n_bytes
        return self._buffer[begin : self._n]


class TrackChunks:
    """One track of one signal on a tape: its DEF, its HEAD, and chunks that keep the HEAD right."""

    def __init__(self, tape: Tape, signal_id: int, definition: Tag) -> None:
        self._tape = tape
        self._id = signal_id
        self._definition = definition
        self._heads = [0] * LEVELS
        tape.append(definition, signal_id, b"")
        self._head = tape.append(definition + 1, signal_id, encode_head(self._heads))

    def has_level(self, level: int) -> bool:
        """Whether a block of the level was written."""
        return self._heads[level] != 0

    def append_data(self, payload: bytes) -> int:
        """Append a DATA chunk and return its offset."""
        return self._noted(0, self._tape.append(self._definition + 2, self._id, payload))

    def append_samples(self, samples: NDArray[np.uint8], count: int, bits: int, first_id: int) -> NDArray[np.int64]:
        """Append whole DATA chunks of samples; return their offsets."""
        offsets = self._tape.append_samples(samples, count, bits, first_id, self._id)
        self._noted(0, int(offsets[0]))
        return offsets

    def append_block(self, level: int, index: bytes, summary: bytes) -> int:
        """Append INDEX and SUMMARY of a level; return the offset of the former."""
        meta = level << 12 | self._id
        offset = self._noted(level, self._tape.append(self._definition + 3, meta, index))
        self._tape.append(self._definition + 4, meta, summary)
        return offset

    def _noted(self, level: int, offset: int) -> int:
        """Note the first chunk of a level in the HEAD."""
        if not self._heads[level]:
            self._heads[level] = offset
            self._tape.replace_payload(self._head, encode_head(self._heads))
        return offset


def _write_at(file: int, data: bytes | memoryview, offset: int) -> int:
    """Write all of it, however many calls that takes; return its length."""
    view, done = memoryview(data), 0
    while done < len(view):
        done += os.pwrite(file, view[done:], offset + done)
    return done


def _list_of(tag: int, meta: int) -> Hashable:
    """Return which list a chunk belongs to: one of all definitions, one a signal, track and level of all others."""
    if tag in _WHOLE:
        return tag
    return "definitions" if tag in _DEFINITIONS else (tag, meta)
