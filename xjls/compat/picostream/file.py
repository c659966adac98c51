"""An open file: its counts where they lie, its settings, and both anew when its writer has gone on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from xjls.formats.picostream.file import File
from xjls.formats.picostream.places import LOST
from xjls.storage import absolute_path

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.picostream.attributes import Settings
    from xjls.formats.picostream.container import Container

_AT_ONCE = 1 << 22
"""Values that are read at a time where they cannot be used in place."""


class PicoFile:
    """Open a file; give it back with `close`.

    Examples
    --------
    >>> import tempfile
    >>> from xjls.testing.picostream import write_picostream
    >>> file = PicoFile(write_picostream(tempfile.mkdtemp() + "/run.hdf5", np.arange(10, dtype="i2"), block=5))
    >>> file.length, [piece.tolist() for piece in file.pieces(3, 6)]
    (10, [[3, 4, 5]])
    >>> file.close()
    """

    def __init__(self, path: str) -> None:
        self.path = absolute_path(path)
        self._file = File(self.path)

    @property
    def container(self) -> Container:
        """What the file says of itself."""
        return self._file.container

    @property
    def settings(self) -> Settings:
        """How it was captured."""
        return self._file.settings

    @property
    def length(self) -> int:
        """Values that were written, of pairs both."""
        return self.container.length

    def refresh(self) -> None:
        """Look at a file again that has changed, or is being written."""
        if self._file.may_have_changed:
            before, self._file = self._file, File(self.path)
            before.close()

    def require_kept(self) -> None:
        """Raise where the writer has emptied the file since it was looked at: what was read may be of two epochs."""
        self._file.require_kept()

    def pieces(self, start: int, stop: int) -> Iterator[NDArray[np.int16]]:
        """Yield values [start, stop) in turn, where they lie if they can be used there; `LOST` where there are none."""
        if self._file.counts.in_place and self._is_whole(start, stop):
            yield from self._file.counts.pieces(start, stop)
            return
        for lo in range(start, stop, _AT_ONCE):
            values, missing, _ = self._file.counts.read(lo, min(lo + _AT_ONCE, stop))
            for first, end in missing:
                values[first - lo : end - lo] = LOST
            yield values

    def filled_pieces(self, start: int, stop: int) -> Iterator[NDArray[np.int16]]:
        """Yield values [start, stop) in turn as HDF5 has them: 0 where there are none."""
        return self._file.counts.pieces(start, stop)

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def _is_whole(self, start: int, stop: int) -> bool:
        """Return whether all values were written."""
        runs = self.container.runs
        written = np.minimum(runs.stops, stop) - np.maximum(runs.starts, start)
        return int(written[written > 0].sum()) == stop - start
