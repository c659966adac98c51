"""How far all signals of a capture are, and where they end together.

A signal in time ends after so many of its samples, which is exact. Signals of an axis (frames, the buffers that these
came in) have no steady rate: they end together, with the position that the first of them has then reached. Where a
number of samples is asked for, that counts positions of the axis with the largest samples, frames, gaps included. A
duration of a live device counts by the session's clock: from the arrival of the first sample on an axis, what arrives
for so long. Of one that waits to be asked (a file that is played as fast as it can be) no clock tells anything: there a
duration is as many frames as it has at the nominal rate.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from xjls.capturing.aligning import ids_now
from xjls.capturing.axes import axes_of, leading
from xjls.capturing.course import LATE_S, NS, Course

if TYPE_CHECKING:
    from xjls.capturing.until import Until
    from xjls.model.signal import Signal


class Courses(Mapping[str, Course]):
    """The course of each signal, by name; for the writer's thread, others look.

    Parameters
    ----------
    signals
        What is delivered.
    until
        When to end: its duration and samples count.
    is_live
        Whether the device's samples come when they were taken.

    Examples
    --------
    >>> import numpy as np
    >>> from xjls.capturing.until import Until
    >>> from xjls.model.signal import Signal, Source
    >>> from xjls.model.window import Window
    >>> told = {"units": "", "dtype": np.dtype("u1"), "source": Source(id=1, name="scope"), "rate_hz": Fraction(20)}
    >>> courses = Courses([Signal(id=1, name="image", axis="frame", sample_shape=(4, 4), **told),
    ...                    Signal(id=2, name="battery", axis="buffer", **told)], Until.of(samples=3))
    >>> for name, first_id, stop in (("battery", 0, 9), ("image", 70, 75)):
    ...     window = courses.at(name, first_id).inside(Window(first_id, stop))
    ...     courses[name].take(window)
    ...     courses.took(name)
    >>> courses["image"].counts.samples, courses["battery"].end, courses.are_complete
    (3, 9, True)
    """

    def __init__(self, signals: Sequence[Signal], until: Until, *, is_live: bool = True) -> None:
        lengths = until.lengths(signals)
        self._signals = tuple(signals)
        self._courses = {signal.name: Course(signal, lengths.get(signal.name)) for signal in signals}
        first = leading(signals)
        self.axes: Mapping[str, tuple[str, ...]] = axes_of(signals)
        """Names of signals by their axis."""
        self.counted = "" if first is None else first.name
        """The signal whose samples a limit counts; ``""`` where that is those of the highest rate."""
        self._counted_axis = self.axes[first.axis] if first is not None else ()
        self._by_clock = is_live
        self._samples, self._duration_s = until.samples, until.duration_s
        if first is not None and not is_live and until.duration_s is not None:
            by_rate = math.ceil(until.duration_s * first.rate_hz)
            self._samples, self._duration_s = min(by_rate, until.samples or by_rate), None
        self._ends: set[str] = set()
        """Axes that are known to end with a position."""
        self._now_s = -math.inf
        self._begun_s: float | None = None
        """When the first sample on an axis arrived, by the session's clock."""
        self._last_s = 0.0
        """When the last one did."""
        self._counted_s: float | None = None
        """When that which is counted was complete."""
        self._ended_s: float | None = None
        """When it was known where all axes end."""

    def __getitem__(self, name: str) -> Course:
        return self._courses[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._courses)

    def __len__(self) -> int:
        return len(self._courses)

    @property
    def nexts(self) -> dict[str, int]:
        """The sample that comes next, of each signal that has begun."""
        return {name: course.next for name, course in self.items() if course.begin is not None}

    @property
    def now(self) -> dict[str, int]:
        """The sample of each signal with which what comes from now on begins: see `aligning.ids_now`."""
        return ids_now(self.nexts, self._signals)

    @property
    def recorded_s(self) -> Fraction:
        """Seconds of samples, gaps included, of the signal that has most; of frames by the clock, if there is one."""
        found = max((course.recorded_s for course in self.values()), default=Fraction(0))
        if self.counted and not self._by_clock:
            course = self[self.counted]
            return max(found, Fraction(0) if course.begin is None else (course.next - course.begin) / course.rate_hz)
        by_clock_s = 0.0 if self._begun_s is None else self._last_s - self._begun_s
        return max(found, Fraction(round(by_clock_s * NS), NS))

    @property
    def are_complete(self) -> bool:
        """Whether all have what was asked for."""
        return all(course.is_complete for course in self.values())

    @property
    def is_overdue(self) -> bool:
        """Whether axes have ended for so long that what is missing of them should have come."""
        return self._ended_s is not None and self._now_s > self._ended_s + LATE_S

    # -- what comes --------------------------------------------------------------------------------------------------

    def arrive(self, now_s: float) -> None:
        """Take down that all which arrived before a time is written."""
        self._now_s = max(self._now_s, now_s)
        if self._ended_s is not None:
            return
        if self._counted_s is not None and self._now_s > self._counted_s + LATE_S:
            self.end(self._counted_s)
        elif self._begun_s is not None and self._duration_s is not None:
            end_s = self._begun_s + float(self._duration_s)
            if self._now_s >= end_s:
                self._last_s = end_s  # so long was looked, whenever the last frame came
                self.end(self._now_s)

    def at(self, name: str, first_id: int) -> Course:
        """Return the course of a signal that comes from a sample on; where it is the first of its axis, that begins."""
        course = self[name]
        if course.axis and name in self._counted_axis and course.axis not in self._ends and self._samples is not None:
            begin = first_id if course.begin is None else course.begin
            for each in self._counted_axis:
                self[each].end_at(begin + self._samples)
            self._ends.add(course.axis)
        return course

    def took(self, name: str) -> None:
        """Take down that something of a signal was written, or is known to be missing."""
        if not self[name].axis:
            return
        self._begun_s = self._now_s if self._begun_s is None else self._begun_s
        if self._ended_s is None:
            self._last_s = max(self._last_s, self._now_s)
        if name in self._counted_axis and self._ended_s is None:
            if self._counted_s is None and self[self.counted].is_complete:
                self._counted_s = self._now_s
            if all(self[each].is_complete for each in self._counted_axis):
                self.end(self._now_s)

    def end(self, now_s: float | None = None) -> None:
        """Have all signals that have no end yet end where the first of their axis is now: if none is, with nothing."""
        now = self.now
        for name, course in self.items():
            if name in now and math.isinf(course.end):
                course.end_at(now[name])
            elif name not in now and course.axis:
                course.end_before_all()
        if self.axes and self._ended_s is None:
            self._ended_s = self._now_s if now_s is None else now_s
