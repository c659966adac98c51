"""Counts on their way into the file: HDF5 makes room for a chunk of them, and they go there past it, without a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h5py
import numpy as np

from xjls.formats.picostream.counts import DTYPE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.picostream.medium import Medium

_WIDTH = DTYPE.itemsize


class Values:
    """A dataset of counts that grows.

    Parameters
    ----------
    medium
        The file that the dataset is in.
    dataset
        In chunks, as they lie in memory.
    length
        Values in it that count; what it has beyond them is written over.

    Examples
    --------
    >>> import tempfile
    >>> from xjls.formats.picostream.medium import Medium
    >>> path = tempfile.mkdtemp() + "/run.hdf5"
    >>> with Medium(path) as medium:
    ...     with h5py.File(medium, "w") as file:
    ...         values = Values.create(medium, file, "adc_counts", 4)
    ...         values.append(np.arange(6, dtype="i2"))
    ...         values.settle()
    ...     medium.commit()
    >>> h5py.File(path)["adc_counts"][:].tolist()
    [0, 1, 2, 3, 4, 5]
    """

    dropped = 0
    """Values that came before those, and are gone."""

    def __init__(self, medium: Medium, dataset: h5py.Dataset, length: int = 0) -> None:
        self.length = length
        self.chunk = int(dataset.chunks[0])
        """Values of a chunk."""
        self._medium = medium
        self._dataset = dataset
        self._blank = np.zeros(_WIDTH * self.chunk, np.uint8)  # nobody touches it, so that it takes no memory
        self._number = -1
        """Of the chunk that was last written to."""
        self._place = 0
        self._held_until = 0
        """Commits of the medium from which on that is this chunk's own."""

    @classmethod
    def create(cls, medium: Medium, file: h5py.File, name: str, chunk: int) -> Values:
        """Make a new dataset."""
        # HDF5 would fill every chunk
        how = {"maxshape": (None,), "chunks": (chunk,), "fill_time": "never"}
        return cls(medium, file.create_dataset(name, (0,), DTYPE, **how))

    def append(self, values: NDArray[np.int16]) -> None:
        """Put values behind the others; when it raises OSError, they count as far as they are there."""
        while len(values):
            done = self._put(self.length, values)
            self.length, values = self.length + done, values[done:]

    def put(self, values: NDArray[np.int16]) -> None:
        """Put values behind the others, where they do not count until `length` says so."""
        at = self.length
        while len(values):
            done = self._put(at, values)
            at, values = at + done, values[done:]

    def settle(self) -> None:
        """Say in the dataset how many values there are; of what could not be put, no room is kept."""
        declared = self._dataset.shape[0]
        # Cut off inside a chunk, HDF5 would read and fill that; nothing of ours is ever there
        if declared < self.length or (declared > self.length and self.length % self.chunk == 0):
            self._dataset.resize((self.length,))
        if self._number * self.chunk >= self.length:
            self._number = -1

    def take_freed(self) -> list[tuple[int, int]]:
        """Return nothing: all values stay; see `Rolling.take_freed`."""
        return []

    def end(self) -> None:
        """Do nothing: there is nothing else; see `Rolling.end`."""

    def spans(self) -> list[tuple[int, int]]:
        """Return where its chunks lie in the file: first byte, and one past the last."""
        found: list[tuple[int, int]] = []
        self._dataset.id.chunk_iter(lambda one: found.append((one.byte_offset, one.byte_offset + one.size)))
        return found

    def _put(self, at: int, values: NDArray[np.int16]) -> int:
        """Put the first of some values, as many as their chunk takes; return how many."""
        number, inside = divmod(at, self.chunk)
        if number != self._number:
            self._go_to(number)
        piece = values[: self.chunk - inside]
        held = self._medium.commits < self._held_until
        self._medium.put(self._place + _WIDTH * inside, piece, held=held)
        return len(piece)

    def _go_to(self, number: int) -> None:
        """Find a chunk, or make room for it."""
        first = number * self.chunk
        self._number = -1
        if first < self.length:
            self._place, is_taken = self._dataset.id.get_chunk_info_by_coord((first,)).byte_offset, False
        else:
            if self._dataset.shape[0] <= first:
                self._dataset.resize((first + 1,))
            self._place, is_taken = self._medium.room_for(self._dataset.id, first, self._blank)
        self._held_until = self._medium.commits + is_taken
        self._number = number
