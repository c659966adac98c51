"""Who is told of statistics as time goes on: when, and of what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xjls.capturing.buffer.statistics import Accumulators, told_statistics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from fractions import Fraction

    from numpy.typing import NDArray


class Updates:
    """One who is told each time that ``increment`` samples are complete.

    Parameters
    ----------
    increment
        Samples of an update.
    callback
        Is given the statistics.
    rate_hz
        Of the samples.
    first_id
        Sample id with which the first update begins; None for the first one that there will be.
    """

    def __init__(
        self, increment: int, callback: Callable[[dict[str, Any]], object], rate_hz: Fraction, first_id: int | None
    ) -> None:
        self.increment = increment
        self.callback = callback
        self._rate_hz = rate_hz
        self._first = first_id
        self._next = first_id or 0
        self._sums = Accumulators(rate_hz)

    def due(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Yield the windows that are complete when ids [start, stop) are there; those that were missed are not told."""
        if self._first is None:
            if start == stop:
                return
            self._first = self._next = start
        if self._next < start:
            self._next += -(-(start - self._next) // self.increment) * self.increment
        while self._next + self.increment <= stop:
            begin, self._next = self._next, self._next + self.increment
            yield begin, self._next

    def told(self, stats: NDArray[Any], units: Mapping[str, str], start: int, stop: int) -> dict[str, Any]:
        """Return what is told of a window, and count its charge and energy; ``units`` are those of each field."""
        self._sums.add(dict(zip(units, stats["mean"].tolist(), strict=True)), stop - start)
        begin, end = (float((at - (self._first or 0)) / self._rate_hz) for at in (start, stop))
        told = told_statistics(stats, units, begin, end)
        told["time"]["sample_range"] = {"value": [start, stop], "units": "input_samples"}
        return told | {"accumulators": self._sums.told(), "source": "stream_buffer"}
