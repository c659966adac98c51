"""Exact numbers of a span of time, and the sample at a moment, of each lane."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.model.window import Window
from xjls.widget.view.missing import held_as_nan, missing_in
from xjls.widget.view.wire import number

if TYPE_CHECKING:
    from xjls.query.answer import Statistics
    from xjls.widget.view.track import Track


@dataclass(frozen=True, slots=True)
class Measure:
    """Statistics of a track over a span of time, as of `xjls.Statistics`: equal to NumPy on the same samples."""

    track: Track
    window: Window
    """Sample ids."""
    parts: tuple[Statistics, ...]
    """Of each signal of the track: one, or those of minimum and maximum."""
    lost: int
    """Samples without a value to read: damaged, left out, never delivered, NaN or infinite; see `missing`.

    Entries may still answer for some of them: these are in `count` as well."""
    nan: int
    """Those of `lost` that the recording holds, as NaN or infinite."""

    @property
    def mean(self) -> float:
        """In the lane's units; of two extremes the middle between their means."""
        return sum(part.mean for part in self.parts) / len(self.parts)

    @property
    def std(self) -> float:
        """Standard deviation; NaN where there are two extremes."""
        return self.parts[0].std if len(self.parts) == 1 else math.nan

    @property
    def rms(self) -> float:
        """Root of the mean of the squares; NaN where there are two extremes."""
        return math.hypot(self.mean, self.std)

    @property
    def min(self) -> float:
        """Smallest sample."""
        return self.parts[0].min

    @property
    def max(self) -> float:
        """Largest sample."""
        return self.parts[-1].max

    @property
    def integral(self) -> float:
        """Over time, in the units that `facts` tells."""
        return sum(part.integral for part in self.parts) / len(self.parts)

    @property
    def count(self) -> int:
        """Finite samples: those that the other numbers are of."""
        return min(part.count for part in self.parts)

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as the browser gets them; None where there is none."""
        x0, x1 = self.track.times([self.window.start, self.window.stop]).tolist()
        numbers = {name: number(getattr(self, name)) for name in ("mean", "std", "rms", "min", "max", "integral")}
        return {
            **numbers, "pp": number(self.max - self.min), "n": self.count, "lost": self.lost, "nan": self.nan,
            "exact": all(part.exact for part in self.parts), "duration_s": self.parts[0].duration_s, "x0": x0, "x1": x1,
        }  # fmt: skip


def measure(track: Track, start: float, stop: float) -> Measure:
    """Return the statistics of the samples whose time is in ``[start, stop)``.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> from xjls.widget.view.lane import Source, lanes_of
    >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1))
    >>> (track,) = lanes_of([Source(recording, ("voltage",))])[1][0].tracks
    >>> found, samples = measure(track, 1e6, 5e7), recording.read("voltage").astype("f8")
    >>> samples = samples[found.window.start : found.window.stop]
    >>> found.min == float(samples.min()), abs(found.mean - float(samples.mean())) < 1e-6, found.to_dict()["n"]
    (True, True, 24500)
    """
    window = track.window(min(start, stop), max(start, stop))
    return measure_ids(track, window)


def sample_at(track: Track, time: float) -> dict[str, Any]:
    """Return the sample at or before a moment, as the browser gets it; ``value`` is None where there is none."""
    samples, at = track.samples, track.first_at_or_after(time)
    if at == samples.stop or float(track.times(at)) > time:
        at -= 1
    if not samples.start <= at < samples.stop:
        return {"value": None, "x0": None, "per": 1}
    found = measure_ids(track, Window(at, at + 1))
    return {"value": number(found.mean), "x0": float(track.times(at)), "per": 1}


def measure_ids(track: Track, window: Window) -> Measure:
    """Return the statistics of sample ids."""
    recording, edges = track.recording, np.array([window.start, window.stop], np.int64)
    parts = tuple(recording.statistics(name, window) for name in track.signals)
    lost, nan = (
        max(int(count(recording, part.signal.name, edges, part)[0]) for part in parts)
        for count in (missing_in, held_as_nan)
    )
    return Measure(track, window, parts, lost, nan)
