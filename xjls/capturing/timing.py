"""What time it is, for whoever captures: the machine's clocks, which tests replace; and ties from arrivals."""

from __future__ import annotations

import time
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

from xjls.errors import SelectionError
from xjls.model.annotation import Tie

if TYPE_CHECKING:
    from threading import Event

NS = 10**9
FIRST_S = Fraction(1)
"""Seconds of samples before the first tie that is chosen among arrivals."""
EVERY_S = Fraction(10)
"""Seconds of samples from one tie to the next."""


class Timing(Protocol):
    """Clocks, and a way to wait; called from any thread."""

    def now_ns(self) -> int:
        """Return UTC, in nanoseconds since 1970."""
        ...

    def elapsed_s(self) -> float:
        """Return seconds from some moment on, which never run backwards."""
        ...

    def wait(self, event: Event, seconds: float) -> bool:
        """Wait until an event is set, at most so long; return whether it is."""
        ...


class SystemTiming:
    """The clocks of the machine."""

    def now_ns(self) -> int:
        """Return UTC; see `Timing`."""
        return time.time_ns()

    def elapsed_s(self) -> float:
        """Return seconds; see `Timing`."""
        return time.monotonic()

    def wait(self, event: Event, seconds: float) -> bool:
        """Wait; see `Timing`."""
        return event.wait(seconds)


def speed_of(told: Any) -> Fraction | None:
    """Return how many seconds of samples come in one; None for ``"max"``, as fast as they are taken.

    Raises
    ------
    SelectionError
        It is neither, or not above 0.

    Examples
    --------
    >>> speed_of("2.5"), speed_of("max")
    (Fraction(5, 2), None)
    """
    if told == "max":
        return None
    try:
        speed = Fraction(str(told))
    except (ValueError, ZeroDivisionError):
        speed = Fraction(0)
    if speed <= 0:
        raise SelectionError(f"speed={told!r} is none", "Give a number above 0, 1 for real time, or max.")
    return speed


@dataclass(slots=True, eq=False)
class Arrivals:
    """Ties of a device that counts samples but knows no time: from when blocks arrive.

    A block arrives some time after its last sample was taken, never before. So of the arrivals of each `EVERY_S` the
    one that came soonest, by the nominal rate, makes the tie; the first is chosen among those of `FIRST_S`.

    Parameters
    ----------
    rate_hz
        Nominal rate.

    Examples
    --------
    >>> arrivals = Arrivals(Fraction(1000))
    >>> late_ns = [5_000_000, 2_000_000, 9_000_000]
    >>> for i, late in enumerate(late_ns, 1):
    ...     print(arrivals.arrived(i * 500, i * 500_000_000 + late))
    None
    None
    Tie(sample_id=1000, time_ns=1002000000)
    """

    rate_hz: Fraction
    _soonest: Tie | None = None
    _begin: int | None = None
    _due: Fraction = FIRST_S

    def arrived(self, stop: int, now_ns: int) -> Tie | None:
        """Take down that the samples before ``stop`` arrived at a time; return a tie where it is time for one."""
        if self._begin is None:
            self._begin = stop
        tie = None
        if self._soonest is not None and stop - self._begin >= self._due * self.rate_hz:
            tie, self._soonest = self._soonest, None
            self._begin, self._due = stop, EVERY_S
        arrival = Tie(sample_id=stop, time_ns=now_ns)
        if self._soonest is None or self._lateness(arrival) < self._lateness(self._soonest):
            self._soonest = arrival
        return tie

    def last(self) -> Tie | None:
        """Return the tie of what has arrived since the last one; at the end of a stream."""
        tie, self._soonest = self._soonest, None
        return tie

    def _lateness(self, arrival: Tie) -> Fraction:
        return arrival.time_ns - arrival.sample_id * NS / self.rate_hz
