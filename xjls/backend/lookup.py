"""Labels to positions: the searches behind `sel`, exact and without making a label.

Of point samples a slice takes those inside it. Of cells (the entries of a level) it takes those that it touches: a cell
reaches from its label to the next one.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xjls.backend.clock_array import ClockArray
from xjls.backend.labels import Interval, LabelError, parse_labels, parse_scalar, parse_tolerance, show
from xjls.errors import SelectionError

__all__ = ["Lookup"]

_RESOLUTIONS_NS = (86_400 * 10**9, 3600 * 10**9, 60 * 10**9, 10**9, 10**6, 10**3)


@dataclass(frozen=True, slots=True)
class Lookup:
    """The searches in one coordinate's labels.

    Examples
    --------
    >>> from xjls.model.clock import Clock
    >>> lookup = Lookup(ClockArray(Clock.nominal(10), 1000, "seconds"), "time", cells=False)
    >>> lookup.find_slice(slice(1, 2)), lookup.find_scalar(1.5), lookup.find_scalar(1.56, "nearest")
    (slice(10, 21, None), 15, 16)
    """

    labels: ClockArray
    name: Hashable
    """The coordinate, for messages."""
    cells: bool

    def __post_init__(self) -> None:
        if not self.labels.clock.is_increasing:
            raise SelectionError(
                f"the times of {self.name!r} run backwards, so that a time does not name one position",
                'Select by position with isel, or open the recording with time="seconds".',
            )

    def find_slice(self, label: slice) -> slice:
        """Return the positions of a slice of labels, both ends included; the whole period at either end."""
        step = label.step
        if step is not None and (not isinstance(step, int | np.integer) or step < 1):
            raise SelectionError(f"a slice of times has a step of at least 1 position, not {step!r}", "Sort with isel.")
        unit = self.labels.unit
        start = None if label.start is None else parse_scalar(_scalar(label.start), unit).first
        last = None if label.stop is None else parse_scalar(_scalar(label.stop), unit).last
        return slice(*self._bounds(start, last), None if step is None else int(step))

    def find_scalar(self, label: Any, method: str | None = None, tolerance: Any = None) -> int | slice:
        """Return the position of one label; a slice where it names a period or several equal labels."""
        interval = parse_scalar(label, self.labels.unit)
        if method is not None or tolerance is not None:
            return int(self.find(np.asarray(interval.first), method, tolerance))
        # Cells hold times beside their labels: a period is never one of them alone
        if not interval.is_instant and (self.cells or interval.last - interval.first >= self._resolution_ns()):
            return self._find_period(label, interval)
        first, stop = (int(self.labels.searchsorted(interval.first, side)) for side in ("left", "right"))
        if stop == first:
            raise self._missing(interval.first)
        return first if stop == first + 1 else slice(first, stop)

    def find_array(self, labels: NDArray[Any], method: str | None = None, tolerance: Any = None) -> NDArray[np.int64]:
        """Return the positions of labels, in their shape."""
        return self.find(parse_labels(labels, self.labels.unit), method, tolerance)

    def find(self, numbers: NDArray[Any], method: str | None = None, tolerance: Any = None) -> NDArray[np.int64]:
        """Return the positions of times in the unit's numbers, in their shape. Raises LabelError if one has none."""
        positions = self.search(numbers, method, tolerance)
        if np.any(positions < 0):
            raise self._missing(numbers[positions < 0].flat[0], method)
        return positions

    def search(self, numbers: NDArray[Any], method: str | None = None, tolerance: Any = None) -> NDArray[np.int64]:
        """Return the positions of times in the unit's numbers, in their shape; -1 where there is none."""
        if method not in _SEARCHES:
            raise ValueError(f"method is nearest, pad or backfill, not {method!r}")
        if tolerance is not None and method is None:
            raise ValueError("a tolerance needs method=nearest, pad or backfill")
        if self.labels.size == 0:
            return np.full(np.shape(numbers), -1)
        positions: NDArray[np.int64] = _SEARCHES[method](self, numbers)
        if tolerance is not None:
            far = self._distances(numbers, positions) > parse_tolerance(tolerance, self.labels.unit)
            positions = np.where(far, -1, positions)
        return positions

    def _bounds(self, start: Any, last: Any) -> tuple[int, int]:
        first = 0 if start is None else int(self.labels.searchsorted(start))
        stop = self.labels.size if last is None else int(self.labels.searchsorted(last, "right"))
        if self.cells and start is not None and (last is None or start <= last):
            containing = int(self.labels.searchsorted(start, "right")) - 1
            first = containing if containing >= 0 and start < self._end() else first
        return first, max(first, stop)

    def _find_period(self, label: Any, interval: Interval) -> slice:
        first, stop = self._bounds(*interval)
        size = self.labels.size
        if first == stop and (size == 0 or stop == 0 or first == size):
            raise self._missing(label)
        return slice(first, stop)

    def _find_exact(self, numbers: NDArray[Any]) -> NDArray[np.int64]:
        positions = self.labels.searchsorted(numbers)
        inside = np.minimum(positions, self.labels.size - 1)
        return np.where((positions == inside) & (self.labels.numbers(inside) == numbers), positions, -1)

    def _find_pad(self, numbers: NDArray[Any]) -> NDArray[np.int64]:
        return np.asarray(self.labels.searchsorted(numbers, "right") - 1)

    def _find_backfill(self, numbers: NDArray[Any]) -> NDArray[np.int64]:
        positions = self.labels.searchsorted(numbers)
        return np.where(positions < self.labels.size, positions, -1)

    def _find_nearest(self, numbers: NDArray[Any]) -> NDArray[np.int64]:
        before = np.maximum(self._find_pad(numbers), 0)
        if self.cells:
            return before
        after = np.minimum(self.labels.searchsorted(numbers), self.labels.size - 1)
        is_before = numbers - self.labels.numbers(before) < self.labels.numbers(after) - numbers
        is_past = numbers > self.labels.numbers(after)
        return np.where((is_before & (before != after)) | is_past, before, after)

    def _distances(self, numbers: NDArray[Any], positions: NDArray[np.int64]) -> NDArray[Any]:
        labels = self.labels.numbers(np.maximum(positions, 0))
        if not self.cells:
            return np.asarray(np.abs(numbers - labels))
        is_inside = (numbers >= labels) & (positions == self._find_pad(numbers)) & (numbers < self._end())
        return np.where(is_inside, 0, np.where(numbers < labels, labels - numbers, numbers - self._end()))

    def _end(self) -> Any:
        """Return where the last cell ends, in the unit's numbers."""
        return self.labels.numbers(self.labels.size)

    def _resolution_ns(self) -> int:
        """Return the largest of day, hour … nanosecond that divides all labels, as pandas has it of an index."""
        divisor = self.labels.clock.divisor(self.labels.size)
        return next((length for length in _RESOLUTIONS_NS if divisor % length == 0), 1)

    def _missing(self, label: Any, method: str | None = None) -> LabelError:
        unit = self.labels.unit
        text = label if isinstance(label, str) else show(label, unit) if np.isreal(label) else repr(label)
        if self.labels.size == 0:
            return LabelError(f"no time {text} in {self.name!r}, which is empty")
        first, last = (show(end, unit) for end in self.labels.numbers([0, self.labels.size - 1]))
        hint = "" if method else ' Labels match exactly unless method="nearest" is given.'
        return LabelError(f"no time {text} in {self.name!r}", f"It runs from {first} to {last}.{hint}")


_SEARCHES = {
    None: Lookup._find_exact,
    "nearest": Lookup._find_nearest,
    "pad": Lookup._find_pad,
    "ffill": Lookup._find_pad,
    "backfill": Lookup._find_backfill,
    "bfill": Lookup._find_backfill,
}


def _scalar(label: Any) -> Any:
    """Return the label inside a zero-dimensional array of any kind."""
    if np.ndim(label) != 0:
        raise ValueError(f"the ends of a slice are single times, not {label!r}")
    values = getattr(label, "values", label)
    return values[()] if isinstance(values, np.ndarray) else values
