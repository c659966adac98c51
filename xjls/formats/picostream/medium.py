"""A file as HDF5 writes it: HDF5 hears of no failure, since the process does not survive one (2.0.0).

What HDF5 writes is held in memory until `Medium.commit`, which writes it all or not at all, as far as anybody sees who
reads the file or finds it after the writer was killed. Counts are no business of HDF5's: it tells where there is room
for them, and they go there at once. Nobody looks at them before the structures in the file say that they are there.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.formats.picostream.held import Held, encode_redo, read_redo
from xjls.storage.locks import lock

if TYPE_CHECKING:
    import h5py
    from numpy.typing import NDArray

_ATTEMPTS, _PAUSE_S = 20, 0.01
"""How often to ask for the lock: who looks whether a file is being written holds it for a moment."""


class Medium(io.RawIOBase):
    """Make a file, or open one, with the lock that HDF5 takes to write.

    Parameters
    ----------
    path
        A file that does not exist yet.
    exists
        It does, and is to be written to: what its writer was killed at is done first.

    Examples
    --------
    >>> import tempfile, h5py
    >>> path = tempfile.mkdtemp() + "/run.hdf5"
    >>> with Medium(path) as medium:
    ...     with h5py.File(medium, "w") as file:
    ...         file.attrs["max_adc"] = 32767
    ...     medium.commit()
    >>> h5py.File(path).attrs["max_adc"].item()
    32767
    """

    def __init__(self, path: str, *, exists: bool = False) -> None:
        self.path = path
        self.committed = 0
        """Bytes of the file, as of the last commit; what lies beyond them is of no use to anybody yet."""
        self.commits = 0
        self._at = 0
        self._held = Held()
        self._doing = Held()
        """What is told at the end of the file, and not all done."""
        self._blank: NDArray[np.uint8] | None = None
        self._blank_at = 0
        self._free: list[tuple[int, int]] = []
        """Spans of bytes that nothing in the file refers to, as of the last commit; some of them."""
        how = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | (0 if exists else os.O_CREAT | os.O_EXCL)
        self._file = os.open(path, how, 0o666)
        try:
            _take(self._file, path, patient=exists)
            self._size = self._recovered() if exists else 0
        except BaseException:
            os.close(self._file)
            raise

    # -- what HDF5 calls ---------------------------------------------------------------------------------------------

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
        self._at = offset + (0, self._at, self._size if whence == os.SEEK_END else 0)[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read what was written; zeros where nothing was."""
        into = memoryview(buffer).cast("B")
        done = os.preadv(self._file, [into], self._at)
        into[done:] = bytes(len(into) - done)
        self._held.lay_over(self._at, into)
        self._at += len(into)
        return len(into)

    def write(self, data: Any) -> int:
        """Hold it back; of what is blank, take down where it goes."""
        view = memoryview(data).cast("B")
        if self._blank is not None and _address(view) == self._blank.ctypes.data:
            self._blank_at = self._at
        else:
            self._held.add(self._at, view)
        self._at += len(view)
        self._size = max(self._size, self._at)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        """Take down how long the file is to be."""
        self._size = self._at if size is None else size
        return self._size

    # -- counts ------------------------------------------------------------------------------------------------------

    def room_for(self, chunk: h5py.h5d.DatasetID, first: int, blank: NDArray[np.uint8]) -> tuple[int, bool]:
        """Make room for a chunk of a dataset, at its value ``first``; ``blank`` is as long, and is not looked at.

        Returns
        -------
        tuple
            The chunk's place in the file, and whether something else was there when it was last committed.
        """
        self._blank = blank
        try:
            chunk.write_direct_chunk((first,), blank)
        finally:
            self._blank = None
        lo, hi = self._blank_at, self._blank_at + blank.nbytes
        return lo, lo < self.committed and not any(start <= lo and hi <= stop for start, stop in self._free)

    def put(self, at: int, values: NDArray[np.int16], *, held: bool) -> None:
        """Write counts to their place; ``held`` until the next commit where they might be over something else.

        Raises
        ------
        OSError
            What the system says; all of it may be put again.
        """
        self._do()
        data = values.view(np.uint8).data
        if held:
            self._held.add(at, data)
        else:
            self._write(at, data)
        self._size = max(self._size, at + len(data))

    def freed(self, spans: Iterable[tuple[int, int]]) -> None:
        """Take down spans of bytes that nothing refers to, since the last commit or before."""
        merged: list[tuple[int, int]] = []
        for start, stop in sorted([*self._free, *spans]):
            if merged and start <= merged[-1][1]:
                merged[-1] = merged[-1][0], max(stop, merged[-1][1])
            else:
                merged.append((start, stop))
        self._free = merged

    # -- what is seen of it ------------------------------------------------------------------------------------------

    def commit(self, *, sync: bool = False) -> None:
        """Write what was held back; with ``sync`` wait for the disk.

        Raises
        ------
        OSError
            What the system says; nothing is lost, and it may be tried again.
        """
        if self.closed:
            return
        self._do()
        if len(self._held):
            if self.committed:
                end = max(self._size, self.committed)  # what was dropped at the end is there until it is done
                self._write(end, record := encode_redo(self._held))
                self._cut(end + len(record))
                if sync:
                    self._sync()  # of what follows, nothing may be on the disk before that
            self._doing, self._held = self._held, Held()
            self._do()
        if sync:
            self._sync()

    def close(self) -> None:
        """Give the file back as of the last commit; twice is harmless."""
        if not self.closed:
            super().close()
            with contextlib.suppress(OSError):
                if not len(self._doing):
                    os.ftruncate(self._file, self.committed)
            os.close(self._file)

    def _do(self) -> None:
        """Do what was told: of a new file, what it begins with at last, as it is none before."""
        if not len(self._doing):
            return
        parts = list(self._doing)
        if not self.committed:
            self._cut(self._size)
            parts.reverse()
        for at, part in parts:
            self._write(at, part)
        self._cut(self._size)
        self._doing, self.committed = Held(), self._size
        self.commits += 1

    def _write(self, at: int, data: Any) -> None:
        rest = memoryview(data)
        with self._named():
            while rest:
                done = os.pwrite(self._file, rest, at)
                rest, at = rest[done:], at + done

    def _cut(self, size: int) -> None:
        with self._named():
            os.ftruncate(self._file, size)

    def _sync(self) -> None:
        with self._named():
            os.fsync(self._file)

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        """Name the file in what the system says."""
        try:
            yield
        except OSError as error:
            raise OSError(error.errno, error.strerror, self.path) from error

    def _recovered(self) -> int:
        """Do what the file's writer was killed at, and return how long it is."""
        size = os.fstat(self._file).st_size
        redo = read_redo(lambda at, length: os.pread(self._file, length, at), size)
        self._size = self.committed = size if redo is None else redo.size
        if redo is not None:
            self._doing = redo.held
            self._do()
        return self._size


def _take(file: int, path: str, *, patient: bool) -> None:
    """Take the lock of a file: of a new one, where there are locks; HDF5 writes without one as well."""
    for left in reversed(range(_ATTEMPTS)):
        try:
            lock(file)
        except BlockingIOError:
            if not patient or not left:
                problem = "Another program has it open to read or to write it. Close it there first"
                raise BlockingIOError(errno.EWOULDBLOCK, problem, path) from None
            time.sleep(_PAUSE_S)
        except OSError:
            return
        else:
            return


def _address(view: memoryview) -> int:
    """Return where bytes are in memory."""
    return np.frombuffer(view, np.uint8).ctypes.data
