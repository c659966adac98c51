"""A local file: small records by ``pread``, bulk reads from one read-only mapping.

The mapping is made on the first bulk read and shared by all threads; nothing here keeps a file position, so no lock is
needed. A file that shrinks under a mapping would kill the process on the first touch of a vanished page, so its size is
looked at before every bulk read. One whose writer cuts it off as a rule is read without a mapping: `UnmappedFile`.
"""

from __future__ import annotations

import mmap
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from xjls.errors import TruncatedError
from xjls.storage.residency import SMALL_BYTES, Residency

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEAD_BYTES = 1 << 16
"""Bytes read at once on opening: the definitions of a usual recording fit."""


SPARSEST = 8
"""Ranges that lie this many times as far apart as they are long are left to page faults."""
_MAKING = threading.Lock()
"""Held while a mapping is made: a file has one, and places in it stay good until that is gone."""


def closed_error(path: str) -> ValueError:
    """Return the error of a read after closing."""
    return ValueError(f"{path} is closed. Open the recording again")


class _Descriptor:
    """An open file's number, closed when its last user is gone.

    A number that is closed may be another file's at once: a read that has begun keeps it, whatever other threads close.
    """

    __slots__ = ("number",)

    def __init__(self, path: str) -> None:
        self.number = -1
        self.number = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0))

    def __del__(self) -> None:
        if self.number >= 0:
            os.close(self.number)


class LocalFile:
    """Read a local file at any offset, from any thread.

    Parameters
    ----------
    path
        The file; it is opened read-only and never written.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "a.bin"); _ = path.write_bytes(b"jlsfmt")
    >>> with LocalFile(str(path)) as file:
    ...     file.size, file.read(3, 100)
    (6, b'fmt')
    """

    is_local = True

    def __init__(self, path: str) -> None:
        self.path = path
        self._descriptor: _Descriptor | None = (descriptor := _Descriptor(path))
        stat = os.fstat(descriptor.number)
        self.size: int = stat.st_size
        """Bytes, as of opening; a file that grows is read up to here."""
        self.token: tuple[object, ...] = (path, stat.st_size, stat.st_mtime_ns)
        """What tells this content from another: path, size in bytes, modification time in ns."""
        self._head = os.pread(descriptor.number, HEAD_BYTES, 0)
        self._in_head = len(self._head)
        self._map: NDArray[np.uint8] | None = None
        self._resident: Callable[[int, int], None] = _nothing_resident

    def read(self, offset: int, length: int) -> bytes:
        """Read up to ``length`` bytes from ``offset``; fewer where the file ends."""
        if 0 <= offset <= self._in_head - length:
            return self._head[offset : offset + length]
        if offset < 0 or length <= 0 or offset >= self.size:
            return b""
        if (descriptor := self._descriptor) is None:
            raise closed_error(self.path)
        return os.pread(descriptor.number, min(length, self.size - offset), offset)

    def spans(self, starts: NDArray[np.int64], n_bytes: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Make byte ranges addressable for a kernel.

        Parameters
        ----------
        starts
            int64[n], first bytes of the ranges; negative ones are passed through (there is no such range).
        n_bytes
            Length of each range at most; the file may end earlier.

        Returns
        -------
        tuple
            A uint8 buffer, and int64[n] positions of the ranges' first bytes in it.
        """
        buffer = self.mapping()
        if len(starts) * n_bytes >= SMALL_BYTES:
            present = starts[starts >= 0]
            if len(present):
                begin, end = int(present.min()), int(present.max()) + n_bytes
                # A thousand small ranges all over a file are no reason to read all of it
                if end - begin <= SPARSEST * len(present) * n_bytes:
                    self._resident(begin, end)
        return buffer, starts

    def prepare(self, start: int, stop: int) -> None:
        """Bring bytes ``[start, stop)`` into memory in one stream, for reads that will touch many places among them."""
        self.mapping()
        self._resident(start, stop)

    def mapping(self) -> NDArray[np.uint8]:
        """Return the whole file as a read-only uint8[size] array, checked to be as long as it was."""
        # Both before anything that lets other threads run: after a close between them there must be no second mapping,
        # or addresses in the first one would outlive those who hold it
        descriptor, mapped = self._descriptor, self._map
        if descriptor is None:
            raise closed_error(self.path)
        # No read uses the file's position, and asking for the end of it is a third of the price of fstat
        if (size := os.lseek(descriptor.number, 0, os.SEEK_END)) < self.size:
            raise TruncatedError(
                f"the file shrank from {self.size:_} to {size:_} bytes while it was open",
                self.path,
                remedy="Open it again to read what is left.",
            )
        return self._made(descriptor) if mapped is None else mapped

    def hold(self) -> object:
        """Return the mapping; whoever keeps it may use addresses in it, whatever other threads close."""
        return self.mapping()

    def has_grown(self) -> bool:
        """Return whether the file is longer by now."""
        descriptor = self._descriptor
        return descriptor is not None and os.fstat(descriptor.number).st_size > self.size

    def unmapped(self) -> UnmappedFile:
        """Return the same file for reading without a mapping."""
        if (descriptor := self._descriptor) is None:
            raise closed_error(self.path)
        return UnmappedFile(self, descriptor)

    def _made(self, descriptor: _Descriptor) -> NDArray[np.uint8]:
        """Map the file, once for all threads, unless it was closed meanwhile."""
        with _MAKING:
            if (mapped := self._map) is None:
                if self._descriptor is None:
                    raise closed_error(self.path)
                mapped = np.frombuffer(mmap.mmap(descriptor.number, self.size, access=mmap.ACCESS_READ), dtype=np.uint8)
                self._resident = Residency(descriptor, mapped).ensure
                self._map = mapped
        return mapped

    def close(self) -> None:
        """Give the file back; a second call does nothing. A read under way in another thread ends as it began."""
        self._descriptor = self._map = None
        self._resident = _nothing_resident

    def __enter__(self) -> LocalFile:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class UnmappedFile:
    """Read a local file that its writer may cut off at any moment: a mapping would kill the process then.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "a.bin"); _ = path.write_bytes(b"jlsfmt")
    >>> with LocalFile(str(path)).unmapped() as file:
    ...     buffer, places = file.spans(np.array([3, 1]), 2)
    >>> buffer.tobytes(), places.tolist()
    (b'fmls', [0, 2])
    """

    is_local = True

    def __init__(self, file: LocalFile, descriptor: _Descriptor) -> None:
        self.path, self.size, self.token = file.path, file.size, file.token
        self._descriptor: _Descriptor | None = descriptor

    def read(self, offset: int, length: int) -> bytes:
        """Read up to ``length`` bytes from ``offset``, as they are now; fewer where the file ends."""
        return os.pread(self._opened().number, max(min(length, self.size - offset), 0), offset)

    def spans(self, starts: NDArray[np.int64], n_bytes: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Read byte ranges, which are the caller's own; see `LocalFile.spans`."""
        descriptor = self._opened()
        buffer = np.empty((len(starts), n_bytes), np.uint8)
        for row, start in zip(buffer, starts.tolist(), strict=True):
            self._fill(descriptor, row[: max(self.size - start, 0)], start)
        return buffer.reshape(-1), np.arange(len(starts), dtype=np.int64) * n_bytes

    def prepare(self, start: int, stop: int) -> None:
        """Do nothing: what is read is read at once."""

    def hold(self) -> object:
        """Return nothing that must be kept; raise where the file was closed."""
        self._opened()
        return None

    def has_grown(self) -> bool:
        """Return whether the file is longer by now."""
        return self._descriptor is not None and os.fstat(self._descriptor.number).st_size > self.size

    def close(self) -> None:
        """Give the file back; a second call does nothing. A read under way in another thread ends as it began."""
        self._descriptor = None

    def __enter__(self) -> UnmappedFile:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _opened(self) -> _Descriptor:
        if (descriptor := self._descriptor) is None:
            raise closed_error(self.path)
        return descriptor

    def _fill(self, descriptor: _Descriptor, rest: NDArray[np.uint8], offset: int) -> None:
        while rest.size:
            if not (done := os.preadv(descriptor.number, [rest], offset)):  # type: ignore[list-item]  # arrays are buffers
                raise TruncatedError(
                    "the file shrank while it was open", self.path, offset, "Open it again to read what is left."
                )
            rest, offset = rest[done:], offset + done


def _nothing_resident(start: int, stop: int) -> None:
    """Do nothing, in the place of a closed file's residency."""
