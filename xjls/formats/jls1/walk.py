"""Records of a large file, one by one: heads without values, values when they are asked for, and the way behind damage.

A head has no checksum of its own: it is taken for one where its tag is known, and its record lies inside the file.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xjls.errors import CorruptError, TruncatedError
from xjls.formats.jls1.datafile import DEFLATED, ENCRYPTED, FIRST_RECORD, HEAD, MOST_INFLATED, Record, Tag, decode_value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.storage import Storage

KNOWN = frozenset(value for name, value in vars(Tag).items() if name.isupper())
_OTHER_FLAGS = 0xFF & ~(DEFLATED | ENCRYPTED)
_FIRST_PIECE, _PIECE = 1 << 12, 1 << 20
"""Bytes that are looked at together, at first and at most: there may be many holes, and a large one."""
_MOST_SUMMED = 1 << 31
"""Bytes whose checksum is taken while the way behind damage is looked for: enough for any recording of ours."""


class Head(NamedTuple):
    """The head of a record."""

    offset: int
    tag: bytes
    flags: int
    length: int
    """Bytes of the value, as it is stored."""

    @property
    def value(self) -> int:
        """Offset of the value."""
        return self.offset + HEAD.size

    @property
    def stop(self) -> int:
        """Offset of what follows the record."""
        return self.offset + (self.length + 19 & ~7)


class Walk:
    """The records of a file.

    Parameters
    ----------
    storage
        The file.
    """

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.size = storage.size
        self._summed = 0

    def head(self, offset: int) -> Head | None:
        """Return the head at an offset; None where no record of the file begins."""
        if not FIRST_RECORD <= offset <= self.size - HEAD.size:
            return None
        found = Head(offset, *HEAD.unpack(self.storage.read(offset, HEAD.size)))
        known = found.tag in KNOWN and not found.flags & _OTHER_FLAGS
        return found if known and found.stop <= self.size else None

    def record(self, head: Head) -> Record:
        """Return a whole record.

        Raises
        ------
        CorruptError, UnsupportedError
            Its checksum differs, it is too long for what is no samples, or it is encrypted.
        """
        path = self.storage.path
        if head.length > MOST_INFLATED:
            raise CorruptError(f"a record of {head.length:_} bytes is too long", path, head.offset)
        data = self.bytes(head.offset, head.stop - head.offset)
        require_sum(data, path, head)
        value = data[HEAD.size : HEAD.size + head.length].tobytes()
        return Record(head.offset, head.tag, decode_value(value, head.tag, head.flags, path, head.offset))

    def bytes(self, offset: int, length: int) -> NDArray[np.uint8]:
        """Return bytes of the file, which stay where they are as long as the array is held."""
        buffer, places = self.storage.spans(np.array([offset], np.int64), length)
        start = int(places[0])
        found: NDArray[np.uint8] = buffer[start : start + length]
        if len(found) < length:
            raise TruncatedError(f"{len(found):_} of {length:_} bytes are there", self.storage.path, offset)
        return found

    def after_damage(self, offset: int, stop: int | None = None) -> Head | None:
        """Return the first intact record from an offset on, up to ``stop``; None where there is none.

        Looks at multiples of eight. A record whose checksum holds is one, if others of its kind have the same tag.
        """
        start = offset + -offset % 8
        stop = self.size if stop is None else min(stop, self.size)
        piece = _FIRST_PIECE
        while start < stop:
            data = self.storage.read(start, min(piece, self.size - start) & ~7)
            piece = min(2 * piece, _PIECE)
            if len(data) < HEAD.size:
                return None
            for at in _places_of_tags(data):
                head = self.head(start + at)
                if head is not None and head.offset < stop and self._holds(head):
                    return head
            start += len(data) & ~7
        return None

    def _holds(self, head: Head) -> bool:
        """Whether the checksum of a record holds; not looked at any more where that has taken too long."""
        self._summed += (size := head.stop - head.offset)
        return self._summed < _MOST_SUMMED and is_whole(self.bytes(head.offset, size))


def is_whole(record: NDArray[np.uint8]) -> bool:
    """Whether the checksum of a record holds.

    Examples
    --------
    >>> from xjls.formats.jls1.datafile import encode_record
    >>> is_whole(np.frombuffer(encode_record(Tag.END), "u1"))
    True
    """
    return zlib.crc32(record[:-4].data) == int.from_bytes(record[-4:].tobytes(), "little")


def require_sum(record: NDArray[np.uint8], path: str, head: Head) -> None:
    """Raise where the checksum of a record does not hold."""
    if not is_whole(record):
        name = head.tag.decode("ascii", "replace")
        raise CorruptError(f"the CRC-32 of record {name!r} differs from what it says", path, head.offset)


def _places_of_tags(data: bytes) -> list[int]:
    """Return the places, multiples of eight, at which some bytes have a known tag."""
    words = np.frombuffer(data, "<u4", len(data) // 8 * 2)[::2] & 0xFFFFFF
    tags = np.array([int.from_bytes(tag, "little") for tag in KNOWN], np.uint32)
    found: list[int] = (8 * np.flatnonzero(np.isin(words, tags))).tolist()
    return found
