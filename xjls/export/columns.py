"""What stands in the rows of a table: times, samples as physical values, and statistics of them.

A column gives its cells for any span of rows, in any order and more than once; what is missing is marked beside the
values, whatever their type.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy as np

from xjls.model.signal import STATISTICS as ENTRY_STATISTICS
from xjls.model.window import Window, valid_mask
from xjls.query.answer import integral_units

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.export.rows import Placing, Span
    from xjls.model.clock import Clock
    from xjls.model.recording import Recording
    from xjls.query.answer import Columns

Times: TypeAlias = Literal["utc", "seconds", "id"]

READ_SAMPLES = 1 << 22
"""Samples of a signal of another rate that are read at a time."""
STATISTICS = (*ENTRY_STATISTICS, "count", "integral")
"""What a row of many samples can tell of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Values of one column, shape (row,)."""

    values: NDArray[Any]
    missing: NDArray[np.bool_] | None = None
    """Where there is no value, whatever stands there; None where none is missing."""


class Column(Protocol):
    """One column of a table."""

    name: str
    units: str
    dtype: np.dtype[Any]

    def read(self, span: Span) -> Cells:
        """Return the cells of some rows."""
        ...


def free_name(name: str, taken: set[str]) -> str:
    """Return a name that no signal has, as near to the one that is wished as can be.

    >>> free_name("time", {"time", "current"})
    'time_'
    """
    while name in taken:
        name += "_"
    return name


class TimeColumn:
    """When each row begins: UTC or time since the first sample, in whole nanoseconds, or the sample id."""

    def __init__(self, name: str, clock: Clock, told_as: Times) -> None:
        self.name = name
        self.units = "s" if told_as == "seconds" else ""
        self.told_as = told_as
        self.dtype = np.dtype("f8" if told_as == "seconds" else "i8")
        self._clock = clock

    def read(self, span: Span) -> Cells:
        """Return nanoseconds or ids as integers, seconds rounded once to float64."""
        if self.told_as == "seconds":
            return Cells(self._clock.seconds(span.ids))
        return Cells(self.whole(span))

    def whole(self, span: Span) -> NDArray[np.int64]:
        """Return the same as integers: nanoseconds, also of seconds, or ids."""
        if self.told_as == "id":
            return span.ids
        return self._clock.times(span.ids) - (0 if self.told_as == "utc" else self._clock.zero_ns)


class Samples:
    """The samples of one signal: one a row, as physical values."""

    def __init__(self, recording: Recording, name: str, placing: Placing) -> None:
        signal = recording.signal(name)
        self.name = name
        self.units = signal.units
        self.dtype = np.dtype("f8") if signal.is_scaled else signal.dtype
        self._recording, self._signal, self._placing = recording, signal, placing
        self._lost: dict[int, int] = {}

    @property
    def lost(self) -> int:
        """Of the rows that were read, those whose sample the recording counts but does not hold."""
        return sum(self._lost.values())

    def read(self, span: Span) -> Cells:
        """Return the sample of each row."""
        ids, held = self._placing.ids(span), self._signal.window
        there = (ids >= held.start) & (ids < held.stop)
        if there.all():
            values, missing = self._gathered(ids)
        else:
            values, missing = np.zeros(len(ids), self.dtype), ~there
            if there.any():
                values[there], missing[there] = self._gathered(ids[there])
        self._lost[span.row] = int(np.count_nonzero(missing & there))
        return Cells(values, missing if missing.any() else None)

    def _gathered(self, ids: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return the samples of ids that the signal has, and which of them are lost; read in parts if they are far."""
        window = Window(int(ids.min()), int(ids.max()) + 1)
        if window.length > READ_SAMPLES and len(ids) > 1:
            halves = [self._gathered(half) for half in np.array_split(ids, 2)]
            return np.concatenate([half[0] for half in halves]), np.concatenate([half[1] for half in halves])
        values, gaps = self._recording.read_with_gaps(self.name, window)
        lost = ~valid_mask(window, gaps)
        values = self._signal.physical(values)
        if self._placing.aligned:
            return values, lost
        at = ids - window.start
        return values[at], lost[at]


class Answers:
    """The statistics of one signal over spans of rows; the last answer is kept for the columns that share it."""

    def __init__(self, recording: Recording, name: str, placing: Placing) -> None:
        self.signal = recording.signal(name)
        self.exact = True
        self._recording, self._placing = recording, placing
        self._kept: tuple[tuple[int, int], Columns] | None = None
        self._lost: dict[int, int] = {}

    @property
    def lost(self) -> int:
        """Samples that the recording counts but does not hold, in the rows that were read."""
        return sum(self._lost.values())

    def read(self, span: Span) -> Columns:
        """Return the statistics of the samples of each row."""
        key = span.row, len(span)
        if self._kept is None or self._kept[0] != key:
            found = self._recording.columns_between(self.signal.name, self._placing.edges(span))
            self.exact = self.exact and found.exact
            self._lost[span.row] = int(found.lost.sum())
            self._kept = key, found
        return self._kept[1]


class Summary:
    """One statistic of the finite samples of each row."""

    def __init__(self, answers: Answers, statistic: str) -> None:
        self.name = f"{answers.signal.name}_{statistic}"
        self.dtype = np.dtype("i8" if statistic == "count" else "f8")
        if statistic in ("min", "max") and answers.signal.dtype == np.float32 and not answers.signal.is_scaled:
            self.dtype = answers.signal.dtype  # they are samples, whose digits are few
        units = answers.signal.units
        self.units = {"count": "", "integral": integral_units(units)}.get(statistic, units)
        self._answers, self._statistic = answers, statistic

    def read(self, span: Span) -> Cells:
        """Return the statistic of each row; where no sample is finite it is missing, but a count of 0 is a count."""
        answer = self._answers.read(span)
        values: NDArray[Any] = getattr(answer, self._statistic).astype(self.dtype, copy=False)
        if self._statistic == "count":
            return Cells(values)
        empty = answer.count == 0
        return Cells(values, empty if empty.any() else None)
