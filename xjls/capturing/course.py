"""How far one signal of a capture is: what of it is captured at all, what was written, and what is missing."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from xjls.capturing.counts import SignalCounts
from xjls.model.annotation import Tie
from xjls.model.window import Window

if TYPE_CHECKING:
    from xjls.model.signal import Signal

LATE_S = 5
"""Seconds of its samples for which a signal that is complete waits for others: one that is silent ends nothing."""
NS = 10**9


class Course:
    """How far one signal is.

    Parameters
    ----------
    signal
        Its rate counts, and whether its ids are moments: see `xjls.capturing.courses` for those of an axis.
    length
        Samples that are captured at most, gaps included; None for any number.

    Examples
    --------
    >>> import numpy as np
    >>> from xjls.model.signal import Signal, Source
    >>> course = Course(Signal(id=1, name="current", units="A", dtype=np.dtype("f4"), rate_hz=Fraction(1000),
    ...                        source=Source(id=1, name="bench")), length=50)
    >>> course.inside(Window(100, 140)), course.take(Window(100, 140)), course.inside(Window(145, 190))
    (Window(start=100, stop=140), None, Window(start=145, stop=150))
    >>> course.take(Window(145, 150))
    >>> course.is_complete, course.counts.samples, course.counts.lost
    (True, 45, 5)
    """

    def __init__(self, signal: Signal, length: int | None) -> None:
        self.rate_hz = signal.rate_hz
        self.axis = signal.axis
        self.begin: int | None = None
        self.next = 0
        self.counts = SignalCounts()
        self.over_until: int | None = None
        """Sample id before which no other annotation says that it is over range."""
        self.tie: Tie | None = None
        """The last one that was told."""
        self._length = length
        self._stop: float | None = None

    def begin_at(self, sample_id: int) -> None:
        """Capture from a sample on; what comes before it is none of it."""
        self.begin = self.next = sample_id

    def end_at(self, sample_id: int) -> None:
        """Capture up to a sample, if it does not end before."""
        self._stop = sample_id

    def end_before_all(self) -> None:
        """Capture nothing, whatever comes: for one that has not begun."""
        self._stop = -math.inf

    @property
    def end(self) -> float:
        """One past the last sample that is captured; infinite where there is none."""
        last = math.inf if self._length is None or self.begin is None else self.begin + self._length
        return last if self._stop is None else min(last, self._stop)

    def inside(self, window: Window) -> Window:
        """Return what of a window is captured."""
        begin = window.start if self.begin is None else self.begin
        if self.begin is None:
            self.begin_at(begin)
        start = max(window.start, begin)
        return Window(start, int(max(start, min(window.stop, self.end))))

    def take(self, window: Window) -> None:
        """Count samples that are written, and what is missing before them."""
        self.lose(Window(self.next, window.start))
        self.counts = replace(self.counts, samples=self.counts.samples + window.length)
        self.next = window.stop

    def lose(self, window: Window, *, left_out: bool = False) -> None:
        """Count samples that are known to be missing; ``left_out`` are those that found no room in the ring."""
        if (lost := window.stop - self.next) > 0:
            counts = self.counts
            self.counts = replace(
                counts, lost=counts.lost + lost, gaps=counts.gaps + 1, left_out=counts.left_out + lost * left_out
            )
            self.next = window.stop

    def is_beyond(self, sample_id: int) -> bool:
        """Whether a sample comes after all that is captured."""
        return self.begin is not None and sample_id >= self.end

    @property
    def has_begun(self) -> bool:
        """Whether its first sample is there, or known to be missing."""
        return self.begin is not None and self.next > self.begin

    @property
    def is_complete(self) -> bool:
        """Whether it has all that was asked for."""
        return self._stop == -math.inf or (self.begin is not None and self.next >= self.end)

    def is_overdue(self, sample_id: int) -> bool:
        """Whether a sample comes so long after all that is captured that others should have come, too.

        Ids of an axis do not tell: `xjls.capturing.courses.Courses.is_overdue` does, by the clock.
        """
        return not self.axis and self.is_beyond(sample_id - math.ceil(LATE_S * self.rate_hz))

    @property
    def recorded_s(self) -> Fraction:
        """Seconds of samples, gaps included; none of an axis, whose ids are no moments."""
        return Fraction(0) if self.begin is None or self.axis else (self.next - self.begin) / self.rate_hz

    @property
    def next_tie(self) -> Tie | None:
        """When the next sample is taken, by the last tie and the nominal rate; None where nothing tells."""
        if self.tie is None or self.axis:
            return None
        late = (self.next - self.tie.sample_id) * NS / self.rate_hz
        return Tie(sample_id=self.next, time_ns=self.tie.time_ns + round(late))
