"""A new file as HDF5 writes it: HDF5 hears of no failure, since the process does not survive one (2.0.0).

A disk that is full, or is gone, makes HDF5 keep what it cannot write, try it again when the file is closed, and touch
what it has given back. So the first failure is kept here, and all that follows is passed over; whoever writes asks.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from typing import Any

from xjls.storage.locks import lock


class Medium(io.RawIOBase):
    """Make a file, with the lock that HDF5 takes to write one.

    Parameters
    ----------
    path
        A file that does not exist yet.

    Examples
    --------
    >>> import tempfile, h5py
    >>> path = tempfile.mkdtemp() + "/run.hdf5"
    >>> with Medium(path) as medium, h5py.File(medium, "w") as file:
    ...     file.attrs["max_adc"] = 32767
    >>> medium.require_written()
    >>> h5py.File(path).attrs["max_adc"].item()
    32767
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._error: OSError | None = None
        self._at = 0
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o666)
        with contextlib.suppress(OSError):  # where there are no locks, HDF5 writes without one as well
            lock(self._file)

    def require_written(self, *, sync: bool = False) -> None:
        """Raise what kept anything from being written so far; with ``sync``, wait for the disk."""
        if self._error is None and sync:
            os.fsync(self._file)
        if self._error is not None:
            raise OSError(self._error.errno, self._error.strerror, self.path) from self._error

    def readable(self) -> bool:
        """Return True."""
        return True

    def writable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the place."""
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place, and return it."""
        self._at = offset + (0, self._at, os.fstat(self._file).st_size if whence == os.SEEK_END else 0)[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read what was written; 0 where that failed."""
        into = memoryview(buffer).cast("B")
        done = os.preadv(self._file, [into], self._at)
        into[done:] = bytes(len(into) - done)
        self._at += len(into)
        return len(into)

    def write(self, data: Any) -> int:
        """Write all of it, unless anything failed before."""
        rest = memoryview(data).cast("B")
        count, place = len(rest), self._at
        self._at += count
        with self._kept():
            while rest and self._error is None:
                done = os.pwrite(self._file, rest, place)
                rest, place = rest[done:], place + done
        return count

    def truncate(self, size: int | None = None) -> int:
        """Cut the file off, or lengthen it, unless anything failed before."""
        size = self._at if size is None else size
        with self._kept():
            if self._error is None:
                os.ftruncate(self._file, size)
        return size

    def close(self) -> None:
        """Give the file back; twice is harmless."""
        if not self.closed:
            super().close()
            os.close(self._file)

    @contextlib.contextmanager
    def _kept(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._error = error
