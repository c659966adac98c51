"""HDF5's heaps of texts, looked at before HDF5 follows them: in one that is damaged, it turns for ever (2.0.0)."""

from __future__ import annotations

import struct

from xjls.errors import CorruptError

HEAD_BYTES = 1 << 16
"""The texts of attributes lie there: they are written before the first count is."""
_BEGIN = b"GCOL\x01\0\0\0"
_OBJECT = struct.Struct("<HH4xQ")
"""Its number, 0 of what is free; who refers to it; its bytes, of what is free those of this head as well."""


def check_heaps(head: bytes, path: str) -> None:
    """Raise `CorruptError` where a heap among a file's first bytes has free space of no size: HDF5 stays there.

    The layout is that of the HDF5 File Format Specification, III.E.

    Examples
    --------
    >>> check_heaps(b"no HDF5 at all", "run.hdf5")
    """
    at = head.find(_BEGIN)
    while at >= 0:
        (size,) = struct.unpack_from("<Q", head[at + len(_BEGIN) :].ljust(8, b"\0"))
        _walk(head, at, min(at + size, len(head)), path)
        at = head.find(_BEGIN, at + 1)


def _walk(head: bytes, at: int, stop: int, path: str) -> None:
    place = at + len(_BEGIN) + 8
    while place + _OBJECT.size <= stop:
        number, _, size = _OBJECT.unpack_from(head, place)
        if number == size == 0:
            raise CorruptError(
                "a heap of texts is damaged: it has free space of 0 bytes, which HDF5 would never leave", path, place,
                "Look for an intact copy.",
            )  # fmt: skip
        place += _OBJECT.size + -(-size // 8) * 8 if number else size
