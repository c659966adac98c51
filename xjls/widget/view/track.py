"""One signal, or the two extremes of a quantity, on the axis of a view: sample ids to times of the axis, and back."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from xjls.model.window import Window

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from xjls.model.clock import Clock
    from xjls.model.recording import Recording
    from xjls.model.signal import Signal
    from xjls.plot.trace import Shape


@dataclass(frozen=True, slots=True)
class Track:
    """What is drawn as one line and band.

    Times are nanoseconds since the axis' origin, float64: exact below 2⁵³, a hundred days.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1))
    >>> clock = recording.clock("current")
    >>> track = Track("current", recording, ("current",), clock, clock.time(0), "analog")
    >>> track.times([0, 500]).tolist(), str(track.window(0.5, 1e6))
    ([0.0, 1000003.0], '1–500')
    """

    name: str
    """Of the quantity."""
    recording: Recording
    """Where it comes from; lost samples are gaps in it."""
    signals: tuple[str, ...]
    """One; or two, the minimum and the maximum of each moment."""
    clock: Clock
    """Never runs backwards."""
    zero_ns: int
    """The clock's time at the axis' origin."""
    shape: Shape
    label: str = ""
    """Of its recording, where several are laid over each other."""
    within: Window | None = None
    """The sample ids that it is limited to; None for all, also those that are still to come."""
    shift_ns: float = 0.0
    """By how much it was moved to the right; an integer where recordings are years apart."""
    source: int = 0
    """Which of the recordings it comes from."""

    @property
    def signal(self) -> Signal:
        """The facts of now: a growing recording has other ones later."""
        return self.recording.signal(self.signals[0])

    @property
    def samples(self) -> Window:
        """The sample ids that there are."""
        windows = [self.recording.signal(name).window for name in self.signals]
        there = windows[0] if len(windows) == 1 else windows[0] & windows[1]
        return there if self.within is None else there & self.within

    @property
    def extent(self) -> tuple[float, float]:
        """Times of its first sample, and of the end of its last one."""
        samples = self.samples
        start, stop = self.times([samples.start, samples.stop]).tolist()
        return start, stop

    def times(self, sample_ids: ArrayLike) -> NDArray[np.float64]:
        """Return the times of sample ids, in their shape."""
        whole = math.floor(self.shift_ns)  # added before rounding: recordings may be years apart
        found = (self.clock.times(sample_ids) - (self.zero_ns - whole)).astype(np.float64)
        return found + (self.shift_ns - whole) if self.shift_ns != whole else found

    def first_at_or_after(self, time: float) -> int:
        """Return the sample id at or after a time, whether there is such a sample or not."""
        whole = math.floor(self.shift_ns)
        return self.clock.first_at_or_after(math.ceil(time - (self.shift_ns - whole)) + self.zero_ns - whole)

    def window(self, start: float, stop: float) -> Window:
        """Return the sample ids of ``[start, stop)``, those that there are."""
        samples = self.samples
        ends = (min(max(self.first_at_or_after(t), samples.start), samples.stop) for t in (start, stop))
        first, last = ends
        return Window(first, max(first, last))

    def moved(self, shift_ns: float) -> Track:
        """Return it, moved to the right by so much from where it was recorded."""
        return replace(self, shift_ns=shift_ns)
