"""A file that somebody has opened: its bytes, however it gives them. The caller keeps it, and closes it.

A `io.BytesIO` is taken as it is now, an ordinary file is mapped, and any other that can seek is read behind a lock.
"""

from __future__ import annotations

import io
import mmap
import os
import threading
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from xjls.errors import SelectionError, TruncatedError
from xjls.storage.local import closed_error

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Seekable(Protocol):
    """What is needed of a file."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place."""

    def read(self, size: int = -1, /) -> bytes:
        """Return bytes from there."""


class FileObject:
    """Read an open binary file from its first byte on, from any thread; fulfils `xjls.storage.Storage`.

    Parameters
    ----------
    file
        It can seek. Where it stands is of no importance, and is changed.

    Raises
    ------
    SelectionError
        It gives text, or it cannot seek.
    OSError, ValueError
        As the file says: it is closed, for example.

    Examples
    --------
    >>> with FileObject(io.BytesIO(b"jlsfmt")) as storage:
    ...     storage.size, storage.read(3, 100)
    (6, b'fmt')
    """

    is_local = True

    def __init__(self, file: Seekable) -> None:
        self.path = name_of(file)
        self._lock = threading.Lock()
        self._file: Seekable | None = file
        self.size = _size(file, self.path)
        """Bytes, as of opening."""
        self.token: tuple[object, ...] = (self.path, self.size, id(file))
        self._bytes = _in_memory(file, self.size)

    def read(self, offset: int, length: int) -> bytes:
        """Read up to ``length`` bytes from ``offset``; fewer where the file ends."""
        file = self._opened()
        stop = min(offset + length, self.size)
        if offset < 0 or stop <= offset:
            return b""
        if self._bytes is not None:
            return self._bytes[offset:stop].tobytes()
        with self._lock:
            file.seek(offset)
            return _read_all(file, stop - offset)

    def spans(self, starts: NDArray[np.int64], n_bytes: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Make byte ranges addressable for a kernel; see `xjls.storage.local.LocalFile.spans`."""
        self.hold()
        if (kept := self._bytes) is not None:  # taken once: another thread may close it
            return kept, starts
        buffer = np.zeros((len(starts), n_bytes), np.uint8)
        for row, start in zip(buffer, starts.tolist(), strict=True):
            found = np.frombuffer(self.read(start, n_bytes), np.uint8)
            row[: len(found)] = found
        return buffer.reshape(-1), np.arange(len(starts), dtype=np.int64) * n_bytes

    def prepare(self, start: int, stop: int) -> None:
        """Do nothing: what is read is read at once."""

    def hold(self) -> object:
        """Return what keeps the bytes where they are; raise where the file was closed, or shrank."""
        number = _ordinary(self._opened())
        if number >= 0 and (size := os.fstat(number).st_size) < self.size:
            raise TruncatedError(
                f"the file shrank from {self.size:_} to {size:_} bytes while it was open", self.path,
                remedy="Open it again to read what is left.",
            )  # fmt: skip
        return self._bytes

    def has_grown(self) -> bool:
        """Return whether the file is longer by now."""
        if self._file is None:
            return False
        with self._lock:
            return self._file.seek(0, os.SEEK_END) > self.size

    def close(self) -> None:
        """Let go of the file, which stays open; a second call does nothing."""
        self._file = self._bytes = None

    def __enter__(self) -> FileObject:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _opened(self) -> Seekable:
        if (file := self._file) is None or getattr(file, "closed", False):
            raise closed_error(self.path)
        return file


def name_of(file: object) -> str:
    """Return what a file is called in messages.

    Examples
    --------
    >>> name_of(io.BytesIO())
    '<BytesIO>'
    """
    name = getattr(file, "name", None)
    return name if isinstance(name, str) and name else f"<{type(file).__name__}>"


def _size(file: Any, path: str) -> int:
    """Return how long a file is."""
    if isinstance(file, io.TextIOBase) or not all(hasattr(file, name) for name in ("seek", "read")):
        raise SelectionError(f"{path} is no binary file", 'Open it with mode "rb", or give its path.')
    try:
        return int(file.seek(0, os.SEEK_END))
    except io.UnsupportedOperation:
        raise SelectionError(f"{path} cannot seek", "Copy it into an io.BytesIO, or a file.") from None


def _in_memory(file: Seekable, size: int) -> NDArray[np.uint8] | None:
    """Return all bytes of a file that lie in memory, or can be mapped; None of another."""
    if isinstance(file, io.BytesIO):
        return np.frombuffer(file.getvalue(), np.uint8)
    number = _ordinary(file)
    if number < 0 or not size:
        return None
    return np.frombuffer(mmap.mmap(number, size, access=mmap.ACCESS_READ), np.uint8)


def _ordinary(file: object) -> int:
    """Return the number of a file that gives what the system's file holds; -1 of others, as of a compressed one's."""
    raw = getattr(file, "raw", file) if isinstance(file, io.BufferedReader | io.BufferedRandom) else file
    return raw.fileno() if type(raw) is io.FileIO else -1


def _read_all(file: Seekable, length: int) -> bytes:
    """Read so many bytes, in as many pieces as it takes."""
    found = file.read(length)
    while found and len(found) < length and (more := file.read(length - len(found))):
        found += more
    return found
