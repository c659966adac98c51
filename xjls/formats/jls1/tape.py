"""A JLS v1 container as it is written: records in file order, collections that are told where they end, and the end.

What was appended is never changed but for two places, each after what it points to: a collection's start is rewritten
with the place of its end, and the file's header with its length. A file that is killed at any byte holds a prefix of
its records.
"""

from __future__ import annotations

import errno
import os
import zlib
from dataclasses import dataclass
from struct import Struct
from typing import Any, Protocol

from xjls.errors import SelectionError
from xjls.formats.jls1.datafile import HEAD, Tag, encode_file_header, encode_record

COLLECTION = Struct("<QHBx")
"""Of a collection's start: where its end is, its id, its type; then bytes of the application."""


class Writable(Protocol):
    """What a container is written to: a binary file, or an object that is like one. It may have ``flush`` too."""

    def write(self, data: memoryview, /) -> int | None:
        """Write bytes; return how many. None stands for all."""

    def seek(self, offset: int, whence: int = ..., /) -> int:
        """Go to a byte."""

    def tell(self) -> int:
        """Return at which byte it is."""


@dataclass(slots=True)
class _Collection:
    """One that is open."""

    start: int
    """Byte offset of its start."""
    number: int
    about: bytes
    stop: int = 0
    """Byte offset of its end; 0 as long as there is none."""

    def record(self) -> bytes:
        return encode_record(Tag.START, COLLECTION.pack(self.stop, self.number, 0) + self.about)


class Tape:
    r"""Append records to a container.

    Parameters
    ----------
    file
        Where to: it is at its first byte, and what was in it goes. Its owner closes it.

    Raises
    ------
    SelectionError
        The file is at another byte.
    OSError
        As the file says, here and from every call that writes. What was written before stays readable, and a record
        that was not written whole is written over by the next one.

    Examples
    --------
    >>> from io import BytesIO
    >>> from xjls.formats.jls1.datafile import iter_records
    >>> file = BytesIO()
    >>> tape = Tape(file)
    >>> tape.start(1)
    >>> tape.append(Tag.DATA, b"\x00\x01")
    56
    >>> tape.stop()
    >>> tape.finish()
    >>> [(record.offset, record.tag) for record in iter_records(file.getvalue())]
    [(32, b'CLS'), (56, b'ABN'), (72, b'CLE')]
    """

    def __init__(self, file: Writable) -> None:
        self._file = file
        self._at = file.tell()
        """Byte that the file is at; -1 where that is not known."""
        self._end = 0
        """Offset of the next record."""
        self._open: list[_Collection] = []
        if self._at:
            raise SelectionError(
                f"a recording begins at byte 0, and the file is at {self._at:_}", "Give one of its own."
            )
        self._cut()
        self._put(0, encode_file_header(0))
        self._end = self._at

    @property
    def depth(self) -> int:
        """Collections that are open."""
        return len(self._open)

    def append(self, tag: bytes, value: bytes | memoryview = b"") -> int:
        """Append a record and return its offset; a memoryview is of bytes, and not copied."""
        offset, view = self._end, memoryview(value)
        head, padding = HEAD.pack(tag, 0, len(view)), bytes(-(len(view) + 4) % 8)
        checksum = zlib.crc32(padding, zlib.crc32(view, zlib.crc32(head)))
        self._put(offset, head, view, padding + checksum.to_bytes(4, "little"))
        self._end = self._at
        return offset

    def start(self, number: int, about: bytes = b"") -> None:
        """Begin a collection, inside those that are open."""
        collection = _Collection(self._end, number, about)
        self._put(self._end, collection.record())
        self._end = self._at
        self._open.append(collection)

    def stop(self, value: bytes = b"") -> None:
        """End the last collection that is open; what failed is gone on with by another call."""
        collection = self._open[-1]
        if not collection.stop:
            collection.stop = self.append(Tag.STOP, value)
        self._put(collection.start, collection.record())
        self._open.pop()

    def flush(self) -> None:
        """Have the file hand all to the system, if it keeps some back."""
        flush: Any = getattr(self._file, "flush", None)
        if flush is not None:
            flush()

    def finish(self) -> None:
        """End all collections and the container, and write into its header how long it is."""
        while self._open:
            self.stop()
        self.append(Tag.END)
        self._cut()
        self.flush()
        self._put(0, encode_file_header(self._end))
        self._go(self._end)
        self.flush()

    def _put(self, offset: int, *parts: bytes | memoryview) -> None:
        """Write parts behind each other, from an offset on."""
        if self._at != offset:
            self._go(offset)
        at, self._at = self._at, -1
        for part in parts:
            at += self._write(memoryview(part))
        self._at = at

    def _write(self, data: memoryview) -> int:
        """Write all of it, however many calls that takes; return its length."""
        left = data
        while len(left):
            done = self._file.write(left)
            if done == 0:
                raise OSError(errno.EIO, f"the file takes nothing more of {len(left):_} bytes")
            left = left[len(left) if done is None else done :]
        return len(data)

    def _go(self, offset: int) -> None:
        self._file.seek(offset)
        self._at = offset

    def _cut(self) -> None:
        """Remove what is behind the end: of another file, or of a record that was not written whole."""
        self._file.seek(0, os.SEEK_END)
        self._at = self._file.tell()
        if self._at > self._end:
            truncate: Any = getattr(self._file, "truncate", None)
            if truncate is not None:
                truncate(self._end)
            self._at = -1
