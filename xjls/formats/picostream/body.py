"""The file under a sink: counts, attributes, and what is beside them; nobody sees any of it before it is committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h5py
import numpy as np

from xjls.formats.picostream.attributes import totals
from xjls.formats.picostream.beside import Beside
from xjls.formats.picostream.extras import plain_extras
from xjls.formats.picostream.medium import Medium
from xjls.formats.picostream.opening import COUNTS
from xjls.formats.picostream.past import read_past
from xjls.formats.picostream.rolling import Rolling
from xjls.formats.picostream.values import Values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.picostream.extras import Extras
    from xjls.formats.picostream.past import Past
    from xjls.formats.picostream.telling import Told

TOTAL = "total_samples"
"""The attribute that counts values in all, where the first ones are dropped."""


class Body:
    """Make a file, or open one to go on with it.

    Parameters
    ----------
    path
        Of the file.
    exists
        Whether it is there.

    Notes
    -----
    For one thread. What the system refuses is raised as OSError; the same call may be made again.
    """

    def __init__(self, path: str, *, exists: bool) -> None:
        self.path = path
        self.begun = False
        """Whether it is a file of PicoStream already, and is being written to."""
        self.past: Past | None
        """What is there to go on with; None in a new file."""
        self._medium = Medium(path, exists=exists)
        try:
            self.past = read_past(path) if exists else None
            self._file = h5py.File(self._medium, "r+" if exists else "w")
        except BaseException:
            self._medium.close()
            raise
        self._told: Told
        self._values: Values | Rolling
        self._beside: Beside
        self._uncounted: int | None = None
        """Values that the file's attribute counts, and that were not counted here; None where it counts none."""
        self._is_unsafe = False
        """Whether values were dropped, and the file still has them: nothing may take their place."""

    @property
    def is_open(self) -> bool:
        """Whether there may be more."""
        return bool(self._file)

    @property
    def length(self) -> int:
        """Values in the file."""
        return self._values.length if self.begun else 0

    @property
    def count(self) -> int:
        """Values that were ever there, as far as that is known."""
        return self._values.dropped + self._values.length if self.begun else 0

    def begin(self, told: Told, chunk: int, *, paired: bool, keep: int | None) -> None:
        """Make the dataset of counts first, by whose name files are told, and the attributes."""
        self._told = told
        if keep is not None:
            told.root[TOTAL] = 0
        values = Values.create(self._medium, self._file, COUNTS, chunk)
        self._file.attrs.update(told.root)
        for name, attributes in told.groups.items():
            self._file.create_group(name).attrs.update(attributes)
        self._hold(values, Beside(self._file, None, plain_extras(paired=paired)), keep, 0)
        self._uncounted = None if keep is None else 0

    def resume(self, past: Past, *, keep: int | None) -> None:
        """Go on with what there is."""
        self._told = past.told
        values = Values(self._medium, self._file[COUNTS], past.length)
        values.settle()
        beside = Beside(
            self._file, past.extras if past.has_extras else None, plain_extras(paired=len(past.signals) > 1)
        )
        self._hold(values, beside, keep, max((past.total or 0) - past.length, 0))
        self._uncounted = None if past.total is None else past.total - self.count

    def append(self, values: NDArray[np.int16]) -> None:
        """Put values behind the others; when it raises OSError, they count as far as they are there."""
        if self._is_unsafe:
            self.commit()
        self._values.append(values)

    @property
    def is_due(self) -> bool:
        """Whether it is time to drop the first values, by `roll`."""
        return self.begun and isinstance(self._values, Rolling) and self._values.is_due

    def roll(self) -> None:
        """Drop the first values; to be said and committed before there are others."""
        if isinstance(self._values, Rolling):
            self._values.roll()
            self._is_unsafe = True

    def place(self) -> tuple[int, int | None]:
        """Bring attributes up to date, and return what they say of the first sample; see `Told.place`."""
        if self._uncounted is not None:
            for name in totals(self._told.root):
                self._file.attrs.modify(name, self._uncounted + self.count)
                self._told.root[name] = int(self._file.attrs[name])
        return self._told.place(self.length)

    def say(self, extras: Extras) -> None:
        """Say what there is beside the counts."""
        self._beside.say(extras, anew=self._is_unsafe)

    def commit(self, *, sync: bool = False) -> None:
        """Make all of it visible; with ``sync`` wait for the disk."""
        if self.begun:
            self._values.settle()
        self._file.flush()
        self._medium.commit(sync=sync)
        if self._is_unsafe:
            self._is_unsafe = False
            self._medium.freed(self._values.take_freed())

    def end(self) -> None:
        """Leave nothing in it that only its writer has a use for, and close it; may be called again after OSError."""
        if self._file:
            self._values.end()
            self.commit()
            self._file.close()
        self._medium.commit()
        self._medium.close()

    def close(self) -> None:
        """Give it back as of the last commit; twice is harmless."""
        try:
            self._file.close()
        finally:
            self._medium.close()

    def _hold(self, values: Values, beside: Beside, keep: int | None, dropped: int) -> None:
        """Take down the dataset of counts; of which the last ones are kept, if it is to be so."""
        self._values = values if keep is None else Rolling(self._medium, self._file, values, keep, dropped)
        self._beside = beside
        self.begun = True
