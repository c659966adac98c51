"""One track as columns over a span of time: whole summary entries, so that no sample is read for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xjls.model.window import Window
from xjls.plot.trace import Span, spans_of
from xjls.plot.traces import lost_columns
from xjls.widget.view.missing import knowledge, missing_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xjls.query.answer import Columns
    from xjls.widget.view.cache import StripCache
    from xjls.widget.view.track import Track

_MULTIPLES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96)
"""Entries a column, so that there are seldom more than half as many columns again as were asked for."""
_OFFSET_RATIO = 2
"""Values that lie so many times farther from 0 than they spread are sent as distances from their middle: that saves two
of the bits that tell them apart, of which a page has eleven and a tile twenty-four; nearer ones save less."""
MOST_COLUMNS = 1 << 16
"""Of a strip, whatever is asked for; so of a page, whose pieces are strips."""


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """The columns of one track; those without a sample are NaN.

    All arrays have the shape (column,), but `edges`, (column + 1,), in the axis' nanoseconds.
    """

    track: Track
    window: Window
    """Sample ids that it covers."""
    step: int
    """Samples a column; the last one may have fewer, where the samples end."""
    edges: NDArray[np.float64]
    mean: NDArray[np.float64]
    std: NDArray[np.float64] | None
    min: NDArray[np.float64]
    max: NDArray[np.float64]
    fill: NDArray[np.float64]
    """Share of the samples of each column that its numbers are of, from 0 to 1."""
    missing: NDArray[np.int64]
    """Samples of each column that have no value to read; entries may answer for some, which are in `fill` as well."""
    spans: tuple[Span, ...]
    """Where samples are missing."""

    def __len__(self) -> int:
        return len(self.mean)

    @property
    def is_samples(self) -> bool:
        """Whether every column is one sample."""
        return self.step == 1 and len(self.track.signals) == 1

    @property
    def offset(self) -> float:
        """What to take from values before they are float32."""
        return offset_of(self.min, self.max)

    @property
    def period_ns(self) -> float | None:
        """Length of a column in time; None where they are not alike, to a twentieth of one."""
        if len(self) < 2 or (self.window.length % self.step and len(self) < 3):
            return None
        whole = len(self) - (self.window.length % self.step > 0)
        period = (self.edges[whole] - self.edges[0]) / whole
        even = self.edges[0] + period * np.arange(len(self.edges))
        even[-1] = self.edges[-1] if whole < len(self) else even[-1]
        return float(period) if np.abs(self.edges - even).max() <= period / 20 else None


def offset_of(low: NDArray[np.float64], high: NDArray[np.float64]) -> float:
    """Return what to take from values so that few bits tell them apart: 0 unless they lie far from it, side by side.

    Parameters
    ----------
    low, high
        Extremes of columns, shape (column,); NaN where there are none.

    Examples
    --------
    >>> offset_of(np.array([3.0, np.nan]), np.array([3.5, np.nan])), offset_of(np.array([-1.0]), np.array([3.0]))
    (3.25, 0.0)
    """
    there = np.isfinite(low) & np.isfinite(high)
    if not there.any():
        return 0.0
    bottom, top = float(low[there].min()), float(high[there].max())
    middle = bottom / 2 + top / 2  # their sum may be beyond what float64 holds
    return middle if abs(middle) / _OFFSET_RATIO > 2 * (top / 2 - bottom / 2) else 0.0


def step_for(samples_per_column: float, factors: Sequence[int]) -> int:
    """Return the samples of a column: a small multiple of a level's factor, at most what is asked for.

    Examples
    --------
    >>> [step_for(n, (128, 2560)) for n in (0.3, 1.5, 5, 127, 700, 3000, 1e7)]
    [1, 1, 4, 96, 512, 2560, 7864320]
    """
    factor = max((f for f in factors if f <= samples_per_column), default=1)
    times = samples_per_column / factor
    while times >= 2 * _MULTIPLES[-2]:
        factor, times = factor * 2, times / 2
    return factor * max((m for m in _MULTIPLES if m <= times), default=1)


def strip_of(track: Track, start: float, stop: float, columns: int, cache: StripCache) -> Strip:
    """Return the columns of a track from one time to another.

    Parameters
    ----------
    track
        Of a recording in which lost samples are gaps.
    start, stop
        In the axis' nanoseconds, half-open.
    columns
        At least so many for the span, where there are so many samples; at most twice as many, mostly less than one and
        a half times as many.
    cache
        Where strips are kept.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> from xjls.widget.view.cache import StripCache
    >>> from xjls.widget.view.lane import Source, lanes_of
    >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=1))
    >>> (track,) = lanes_of([Source(recording, ("current",))])[1][0].tracks
    >>> strip = strip_of(track, *track.extent, 1000, StripCache())
    >>> strip.step, len(strip), bool(strip.max[3] == recording.read("current", (3 * 384, 4 * 384)).max())
    (384, 1303, True)
    """
    samples, ends = track.samples, [track.first_at_or_after(time) for time in (start, stop)]
    per_column = max(ends[1] - ends[0], 1) / min(max(columns, 1), MOST_COLUMNS)
    step = step_for(per_column, track.signal.level_factors)
    window = _whole_columns(track, samples, ends[0], ends[1], step)
    key = (id(track.recording), track.signals, track.shift_ns, window, step, knowledge(track))
    return cache.strip(key, lambda: _strip(track, window, step))


def _whole_columns(track: Track, samples: Window, start: int, stop: int, step: int) -> Window:
    """Return the window that whole columns around some samples cover; they count from the signal's first sample."""
    first = track.signal.first_id
    low = first + (min(max(start, samples.start), samples.stop) - first) // step * step
    high = first - (first - min(max(stop, samples.start), samples.stop)) // step * step
    low, high = max(low, samples.start), min(high, samples.stop)
    return Window(low, max(low, high))


def column_edges(first_id: int, window: Window, step: int) -> NDArray[np.int64]:
    """Return the sample ids between the columns of a window: whole multiples from the first sample, and its ends."""
    start = first_id - (first_id - window.start - 1) // step * step
    inner = np.arange(start, window.stop, step, dtype=np.int64)
    return np.concatenate([[window.start], inner, [window.stop]]) if window.length else np.array([window.start])


def _strip(track: Track, window: Window, step: int) -> Strip:
    ids = column_edges(track.signal.first_id, window, step)
    # By entries, also where NaN may hide in them: numbers are asked for with more care than pictures
    tables: list[Columns] = [track.recording.columns_between(name, ids, nans="trust") for name in track.signals]
    edges, first = track.times(ids), tables[0]
    lengths = np.diff(ids)
    count = np.min([table.count for table in tables], axis=0)
    each = zip(track.signals, tables, strict=True)
    missing = np.max([missing_in(track.recording, name, ids, table) for name, table in each], axis=0)
    damaged = np.any([lost_columns(track.recording, name, ids)[0] for name in track.signals], axis=0)
    spans = spans_of(edges, missing > 0, count == 0, damaged) if len(lengths) else ()
    is_one, plain = len(tables) == 1, track.shape == "analog"
    return Strip(
        track, window, step, edges, first.mean if is_one else np.mean([t.mean for t in tables], axis=0),
        first.std if is_one and plain and step > 1 else None,
        first.min if is_one else np.fmin.reduce([t.min for t in tables]),
        first.max if is_one else np.fmax.reduce([t.max for t in tables]),
        count / np.maximum(lengths, 1), missing, spans,
    )  # fmt: skip
