"""The values of a file: where they lie in it, in place, without a lock; through HDF5 only where they are packed."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import h5py
import numpy as np

from xjls.formats.picostream.container import Container, open_file
from xjls.formats.picostream.opening import COUNTS
from xjls.storage.local import LocalFile
from xjls.storage.pool import array_to_fill

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.storage import Storage

DTYPE = np.dtype("<i2")
_AT_ONCE = 1 << 23
"""Values that are fetched at a time from where they are not mapped."""
_CACHE_BYTES = 1 << 28
_CACHED = 1 << 17
"""Values that the processor's own cache holds."""


class Counts:
    """Read values of ``adc_counts``, from any thread.

    Parameters
    ----------
    storage, container
        The file, and what it says of itself.

    Examples
    --------
    >>> import tempfile
    >>> from xjls.formats.picostream.container import read_container
    >>> from xjls.storage import open_storage
    >>> path = tempfile.mkdtemp() + "/run.hdf5"
    >>> with h5py.File(path, "w") as file:
    ...     _ = file.create_dataset("adc_counts", data=np.arange(10, dtype="<i2"), chunks=(4,))
    >>> storage = open_storage(path)
    >>> counts = Counts(storage, read_container(storage))
    >>> counts.length, counts.read(3, 7)[0].tolist(), [piece.tolist() for piece in counts.pieces(0, 10)]
    (10, [3, 4, 5, 6], [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]])
    """

    def __init__(self, storage: Storage, container: Container) -> None:
        self.length = container.length
        """Values."""
        self.chunk = container.chunk
        if container.is_growing and isinstance(storage, LocalFile):
            # A writer that keeps the last seconds cuts its file off
            storage = storage.unmapped()
        self.in_place = isinstance(storage, LocalFile) and not container.packed
        """Whether values are used where they lie in the mapped file."""
        self._storage = storage
        self._runs = container.runs
        self._is_packed = container.packed
        self._keeps_open = not container.is_growing
        self._lock = threading.Lock()
        self._open = contextlib.ExitStack()
        self._packed: h5py.Dataset | None = None

    def read(
        self, start: int, stop: int, out: NDArray[np.int16] | None = None, *, step: int = 1, phase: int = 0
    ) -> tuple[NDArray[np.int16], list[tuple[int, int]], int]:
        """Read one of each ``step`` values of [start, stop): the first, or that ``phase`` behind it.

        Returns
        -------
        tuple
            The values; the spans of [start, stop) that are not there, which are 0 and count values whatever the step;
            and the smallest of all values, by which markers show.
        """
        origin = start + phase
        out = array_to_fill(out, len(range(origin, stop, step)), DTYPE)
        missing, lowest = [], 0
        at = start
        for first, piece in self._placed(start, stop):
            if first > at:
                missing.append((at, first))
            at = first + len(piece)
            skipped = (origin - first) % step
            wanted = piece[skipped::step]
            place = (first + skipped - origin) // step
            # While they are in the cache, looking at them costs a third
            for lo in range(0, len(wanted), _CACHED):
                target = out[place + lo : place + min(lo + _CACHED, len(wanted))]
                target[:] = wanted[lo : lo + _CACHED]
                lowest = min(lowest, int(target.min()))
        if at < stop:
            missing.append((at, stop))
        for lo, hi in missing:
            out[-(-(lo - origin) // step) : -(-(hi - origin) // step)] = 0
        return out, missing, lowest

    def pieces(self, start: int, stop: int, nothing: int = 0) -> Iterator[NDArray[np.int16]]:
        """Yield values [start, stop) in turn, where they lie if they can be used there; ``nothing`` where none are.

        Those that lie there are read-only.
        """
        at = start
        for first, piece in self._placed(start, stop):
            yield from _repeated(nothing, first - at)
            at = first + len(piece)
            yield piece
        yield from _repeated(nothing, stop - at)

    def addresses(self, starts: NDArray[np.int64], stops: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where spans of values lie in memory, each of them whole; 0 where one does not."""
        if not self.in_place or not len(self._runs.starts):
            return np.zeros(len(starts), np.int64)
        run = np.searchsorted(self._runs.starts, starts, "right") - 1
        inside = (run >= 0) & (stops <= self._runs.stops[run])
        base = self._mapping().ctypes.data
        return np.where(inside, base + self._runs.offsets[run] + 2 * (starts - self._runs.starts[run]), 0)

    def hold(self) -> object:
        """Return what keeps addresses good; raise where the file was closed, or shrank."""
        return self._storage.hold()

    def close(self) -> None:
        """Give back what is held; twice is harmless."""
        with self._lock:
            self._packed = None
            self._open.close()
        self._storage.close()

    def _placed(self, start: int, stop: int) -> Iterator[tuple[int, NDArray[np.int16]]]:
        """Yield (first value, values) of what the file holds of [start, stop), in order."""
        self._storage.hold()
        runs = self._runs
        first = max(int(np.searchsorted(runs.starts, start, "right")) - 1, 0)
        last = int(np.searchsorted(runs.starts, stop, "left"))
        for run in range(first, last):
            lo, hi = max(start, int(runs.starts[run])), min(stop, int(runs.stops[run]))
            if lo < hi and self._is_packed:
                yield from self._packed_pieces(lo, hi)
            elif lo < hi:
                yield from self._lying(lo, hi, int(runs.offsets[run]) + 2 * (lo - int(runs.starts[run])))

    def _lying(self, start: int, stop: int, offset: int) -> Iterator[tuple[int, NDArray[np.int16]]]:
        """Yield values that lie together in the file: all of them from a mapping, else as they are fetched."""
        if self.in_place:
            self._storage.prepare(offset, offset + 2 * (stop - start))
            yield start, self._mapping()[offset : offset + 2 * (stop - start)].view(DTYPE)
            return
        for lo, hi in pairwise([*range(start, stop, _AT_ONCE), stop]):
            at, n_bytes = offset + 2 * (lo - start), 2 * (hi - lo)
            buffer, places = self._storage.spans(np.array([at]), n_bytes)
            yield lo, buffer[int(places[0]) : int(places[0]) + n_bytes].view(DTYPE)

    def _packed_pieces(self, start: int, stop: int) -> Iterator[tuple[int, NDArray[np.int16]]]:
        """Yield values as HDF5 unpacks them; of a chunk that it cannot unpack, none."""
        for lo, hi in _cut(start, stop, max(_AT_ONCE // self.chunk, 1) * self.chunk):
            try:
                yield lo, self._unpacked(lo, hi)
            except OSError:
                for first, last in _cut(lo, hi, self.chunk):
                    with contextlib.suppress(OSError):
                        yield first, self._unpacked(first, last)

    def _unpacked(self, start: int, stop: int) -> NDArray[np.int16]:
        """Return values as HDF5 unpacks them, by one thread at a time: so does HDF5."""
        with self._lock:
            self._storage.hold()
            if not self._keeps_open:
                with open_file(self._storage) as file:
                    values = file[COUNTS][start:stop]
            else:
                self._packed = self._packed or self._reopened()
                values = self._packed[start:stop]
        unpacked: NDArray[np.int16] = values.astype(DTYPE, copy=False)
        unpacked.flags.writeable = False
        return unpacked

    def _reopened(self) -> h5py.Dataset:
        """Open the file to stay open, with room for two chunks: HDF5 would unpack one anew for every small read."""
        file = self._open.enter_context(open_file(self._storage, locked=True))
        access = h5py.h5p.create(h5py.h5p.DATASET_ACCESS)
        access.set_chunk_cache(521, min(4 * self.chunk + (1 << 20), _CACHE_BYTES), 1.0)
        return h5py.Dataset(h5py.h5d.open(file.id, COUNTS.encode(), access))

    def _mapping(self) -> NDArray[np.uint8]:
        if not isinstance(self._storage, LocalFile):  # pragma: no cover - `in_place` says so
            raise TypeError
        return self._storage.mapping()


def _cut(start: int, stop: int, size: int) -> Iterator[tuple[int, int]]:
    """Return [start, stop) as spans that end at multiples of a size."""
    return pairwise([start, *range(start // size * size + size, stop, size), stop])


def _repeated(value: int, count: int) -> Iterator[NDArray[np.int16]]:
    for lo in range(0, count, _AT_ONCE):
        yield np.full(min(_AT_ONCE, count - lo), value, DTYPE)
