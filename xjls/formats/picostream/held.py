"""What is held back of a file while it is written, and the record by which it is written all or not at all.

HDF5 changes its structures here and there, in place. So the changes of a flush are gathered in memory, told at the end
of the file in one record, and done then: who finds that record reads the file as if they were done, killed or not.
"""

from __future__ import annotations

import struct
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xjls.storage import Storage

_CHANGE = struct.Struct("<QQ")
"""Where, and how many bytes, which follow."""
_MAGIC = b"xjls redo\r\n\x1a\n\0\xa6\x5d"
_END = struct.Struct(f"<{len(_MAGIC)}sQI")
"""At the very end of the file: the bytes of the changes, and their CRC-32."""


class Held:
    r"""Bytes by their places in a file; of those that overlap, the latest hold.

    Examples
    --------
    >>> held = Held()
    >>> held.add(4, b"abcd"), held.add(6, b"XYZ"), held.add(100, b"end")
    (None, None, None)
    >>> [(at, bytes(part)) for at, part in held]
    [(4, b'abXYZ'), (100, b'end')]
    >>> read = bytearray(8)
    >>> held.lay_over(2, memoryview(read))
    >>> bytes(read)
    b'\x00\x00abXYZ\x00'
    """

    __slots__ = ("_parts", "_starts")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._parts: list[bytearray] = []

    def __iter__(self) -> Iterator[tuple[int, bytearray]]:
        return zip(self._starts, self._parts, strict=True)

    def __len__(self) -> int:
        return len(self._starts)

    def add(self, at: int, data: bytes | memoryview) -> None:
        """Hold bytes."""
        first, last = self._touched(at, at + len(data))
        starts, parts = [at, *self._starts[first:last]], [data, *self._parts[first:last]]
        begin = min(starts)
        whole = bytearray(max(start + len(part) for start, part in zip(starts, parts, strict=True)) - begin)
        for start, part in zip(reversed(starts), reversed(parts), strict=True):
            whole[start - begin : start - begin + len(part)] = part
        self._starts[first:last], self._parts[first:last] = [begin], [whole]

    def lay_over(self, at: int, read: memoryview) -> None:
        """Put what is held over bytes that were read from the file."""
        stop = at + len(read)
        for i in range(*self._touched(at, stop)):
            start, part = self._starts[i], self._parts[i]
            lo, hi = max(at, start), min(stop, start + len(part))
            read[lo - at : hi - at] = memoryview(part)[lo - start : hi - start]

    def _touched(self, start: int, stop: int) -> tuple[int, int]:
        """Return which parts, [first, last), have bytes of a span."""
        first = bisect_right(self._starts, start)
        if first and self._starts[first - 1] + len(self._parts[first - 1]) > start:
            first -= 1
        return first, max(bisect_left(self._starts, stop), first)


def encode_redo(held: Held) -> bytes:
    """Return the record of changes, which ends a file; `read_redo` undoes it.

    Examples
    --------
    >>> held = Held()
    >>> held.add(2, b"YY")
    >>> file = b"xxxx" + encode_redo(held)
    >>> found = read_redo(lambda at, length: file[at : at + length], len(file))
    >>> [(at, bytes(part)) for at, part in found.held], found.size
    ([(2, b'YY')], 4)
    """
    body = b"".join(_CHANGE.pack(at, len(part)) + bytes(part) for at, part in held)
    return body + _END.pack(_MAGIC, len(body), zlib.crc32(body))


@dataclass(frozen=True, slots=True)
class Redo:
    """What a writer was about to do."""

    held: Held
    size: int
    """Bytes of the file without the record."""


def read_redo(read: Callable[[int, int], bytes], size: int) -> Redo | None:
    """Return the changes with whose record a file of ``size`` bytes ends; None where it ends with none.

    ``read`` returns bytes from a place on, as many as are wanted.
    """
    if size < _END.size:
        return None
    magic, n_bytes, crc = _END.unpack(read(size - _END.size, _END.size).ljust(_END.size, b"\0"))
    begin = size - _END.size - n_bytes
    if magic != _MAGIC or begin < 0:
        return None
    body = read(begin, n_bytes)
    if len(body) != n_bytes or zlib.crc32(body) != crc:
        return None  # it was being written: nothing was changed yet
    held, at = Held(), 0
    while at < n_bytes:
        start, length = _CHANGE.unpack_from(body, at)
        held.add(start, body[at + _CHANGE.size : at + _CHANGE.size + length])
        at += _CHANGE.size + length
    return Redo(held, begin)


class Redone:
    """A file as its writer was about to leave it: what reads attributes and places reads this.

    Parameters
    ----------
    storage
        The file.
    redo
        What its writer had not done, as far as that is known.
    """

    def __init__(self, storage: Storage, redo: Redo) -> None:
        self.path = storage.path
        self.size = redo.size
        self._storage = storage
        self._held = redo.held

    def read(self, offset: int, length: int) -> bytes:
        """Return up to so many bytes."""
        read = bytearray(self._storage.read(offset, max(min(length, self.size - offset), 0)))
        self._held.lay_over(offset, memoryview(read))
        return bytes(read)
