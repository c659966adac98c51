"""Counts of which the last ones are kept: when there are twice as many as are wanted, the first half goes.

What stays when it goes has been written twice: to the dataset, and to a second one that takes its name then. So there
are enough at any time, and no moment at which a kill costs any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xjls.formats.picostream.opening import COUNTS
from xjls.formats.picostream.values import Values

if TYPE_CHECKING:
    import h5py
    import numpy as np
    from numpy.typing import NDArray

    from xjls.formats.picostream.medium import Medium

NEXT = "xjls_next"
"""The second dataset, which no other program knows."""


class Rolling:
    """The counts of a file that keeps the last ones; as `Values`, whose words it has.

    Parameters
    ----------
    medium, file
        The file.
    values
        The counts that there are.
    keep
        Values that are there at any time, once there were so many.
    dropped
        Values that came before those that there are.

    Examples
    --------
    >>> import h5py, tempfile, numpy as np
    >>> from xjls.formats.picostream.medium import Medium
    >>> with Medium(tempfile.mkdtemp() + "/run.hdf5") as medium, h5py.File(medium, "w") as file:
    ...     values = Rolling(medium, file, Values.create(medium, file, "adc_counts", 4), 10, 0)
    ...     for at in range(0, 25, 5):
    ...         values.append(np.arange(at, at + 5, dtype="i2"))
    ...         if values.is_due:
    ...             values.roll()
    ...     values.dropped, values.length
    (10, 15)
    """

    def __init__(self, medium: Medium, file: h5py.File, values: Values, keep: int, dropped: int) -> None:
        self.dropped = dropped
        self.keep = keep
        self._medium = medium
        self._file = file
        self._now = values
        self._next: Values | None = None
        self._freed: list[tuple[int, int]] = []
        """What was dropped, and is in the file until the next commit."""
        if NEXT in file:
            # Its writer was killed. Nobody reads these, so that others may be written over them at once
            medium.freed(Values(medium, file[NEXT]).spans())
            self.end()

    @property
    def length(self) -> int:
        """Values in the file."""
        return self._now.length

    @property
    def chunk(self) -> int:
        """Values of a chunk."""
        return self._now.chunk

    @property
    def is_due(self) -> bool:
        """Whether it is time to `roll`."""
        return self._next is not None and self._next.length >= self.keep

    def append(self, values: NDArray[np.int16]) -> None:
        """Put values behind the others; see `Values.append`."""
        if self._next is None and self.length >= self.keep:
            self._next = Values.create(self._medium, self._file, NEXT, self.chunk)
        if self._next is not None:
            self._next.put(values)
        before = self.length
        try:
            self._now.append(values)
        finally:
            if self._next is not None:
                self._next.length += self.length - before

    def roll(self) -> None:
        """Drop the first values; the medium is to commit that before anything is appended."""
        if self._next is not None:
            self._freed += self._now.spans()
            self.dropped += self._now.length - self._next.length
            del self._file[COUNTS]
            self._file.move(NEXT, COUNTS)
            self._now, self._next = self._next, None

    def settle(self) -> None:
        """Say how many values there are; see `Values.settle`."""
        self._now.settle()

    def take_freed(self) -> list[tuple[int, int]]:
        """Return, once, which bytes are of no use any more, now that the file does not say so."""
        freed, self._freed = self._freed, []
        return freed

    def end(self) -> None:
        """Give up the second dataset: no more values come."""
        self._next = None
        if NEXT in self._file:
            del self._file[NEXT]
