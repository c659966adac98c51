"""Where something happens next: an edge, a level that is crossed, the busiest stretch; found by levels first.

A search goes down the pyramid: columns whose smallest and largest sample rule the event out are passed over whole, the
others are looked at more closely, down to samples. What it costs follows the number of events, not the samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from xjls.errors import SelectionError
from xjls.model.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from xjls.query.answer import Columns
    from xjls.widget.view.track import Track

Event: TypeAlias = Literal["edge", "rise", "fall"]

_PARTS = 64
"""Columns that a window is cut into."""
_READ_SAMPLES = 1 << 14
"""A window of so few samples is read."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found."""

    sample_id: int
    """The first sample behind the event."""
    value: float
    """Of that sample, in the signal's units."""


def find_next(track: Track, time: float, direction: int, event: Event, level: float = 0.0) -> Found | None:
    """Return the next sample, or the one before, that differs from its predecessor, or crosses a level.

    Parameters
    ----------
    track
        Whose first signal is searched.
    time
        From which on; an event at the sample that is there is not found again.
    direction
        1 forward, −1 backward.
    event
        ``"edge"``: any change; ``"rise"``: from below ``level`` to it or above, ``"fall"``: from it or above to below.
    level
        In the signal's units.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> from xjls.widget.view.lane import Source, lanes_of
    >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=1))
    >>> (track,) = lanes_of([Source(recording, ("gpi[0]",))])[1][0].tracks
    >>> found = find_next(track, 0, 1, "edge")
    >>> recording.read("gpi[0]", (found.sample_id - 1, found.sample_id + 1)).tolist()
    [False, True]
    """
    happens = _EVENTS.get(event)
    if happens is None:
        raise SelectionError(f"there is no search for {event!r}", f"Choose one of {', '.join(map(repr, _EVENTS))}.")
    at, samples = track.first_at_or_after(time), track.samples
    if direction > 0:
        window = Window(min(max(at, samples.start), samples.stop), samples.stop)
    else:
        window = Window(samples.start, min(max(at, samples.start), samples.stop))
    return _within(track, window, direction, _Asked(happens, level))


@dataclass(frozen=True, slots=True)
class _Asked:
    happens: Callable[[NDArray[np.float64], float], NDArray[np.bool_]]
    level: float


def _edge(values: NDArray[np.float64], _level: float) -> NDArray[np.bool_]:
    both = np.isfinite(values[1:]) & np.isfinite(values[:-1])
    return np.asarray(both & (values[1:] != values[:-1]))


def _rise(values: NDArray[np.float64], level: float) -> NDArray[np.bool_]:
    return (values[:-1] < level) & (values[1:] >= level)


def _fall(values: NDArray[np.float64], level: float) -> NDArray[np.bool_]:
    return (values[:-1] >= level) & (values[1:] < level)


_EVENTS: dict[str, Callable[[NDArray[np.float64], float], NDArray[np.bool_]]] = {
    "edge": _edge, "rise": _rise, "fall": _fall,
}  # fmt: skip


def _within(track: Track, window: Window, direction: int, asked: _Asked) -> Found | None:
    """Return the first event of a window, in the direction; events lie between two samples of it."""
    if window.length < 2:
        return None
    if window.length <= _READ_SAMPLES:
        return _read(track, window, direction, asked)
    # A part has one sample more than its column: the event may lie between two of them
    columns = track.recording.columns(track.signals[0], window, _PARTS, nans="trust")
    for i in range(len(columns))[:: 1 if direction > 0 else -1]:
        part = Window(int(columns.edges[i]), min(int(columns.edges[i + 1]) + 1, window.stop))
        if _may_happen(columns, i, asked) and (found := _within(track, part, direction, asked)) is not None:
            return found
    return None


def _may_happen(columns: Columns, i: int, asked: _Asked) -> bool:
    """Whether the extremes of a column, and the next one's, leave room for the event."""
    near = slice(i, i + 2)
    low, high = np.fmin.reduce(columns.min[near]), np.fmax.reduce(columns.max[near])
    if asked.happens is _edge:
        return bool(low < high)
    return bool(low < asked.level <= high)


def _read(track: Track, window: Window, direction: int, asked: _Asked) -> Found | None:
    name = track.signals[0]
    raw, gaps = track.recording.read_with_gaps(name, window)
    values = track.recording.signal(name).physical(raw).astype(np.float64)
    for gap in gaps:
        there = gap.window & window
        values[there.start - window.start : there.stop - window.start] = np.nan
    values[~np.isfinite(values)] = np.nan  # as in columns
    at = np.flatnonzero(asked.happens(values, asked.level)) + 1
    if not len(at):
        return None
    first = int(at[0] if direction > 0 else at[-1])
    return Found(window.start + first, float(values[first]))


def find_extreme(track: Track, start: float, stop: float, width_ns: float, *, largest: bool = True) -> Window | None:
    """Return the stretch of a given length with the largest, or smallest, mean between two times.

    The best of all stretches that begin at a multiple of a sixteenth of the length; those of which half the samples are
    missing do not count. None where the span is shorter than the stretch, or no stretch counts.

    Raises
    ------
    SelectionError
        The stretch is so short that more than four million would have to be compared.
    """
    window = track.window(start, stop)
    length = max(round(width_ns * float(track.signal.rate_hz) / 1e9), 1)
    if length > window.length:
        return None
    step = max(length // _SUBDIVISIONS, 1)
    if window.length // step > _MOST_STEPS:
        raise SelectionError(
            f"{window.length // step:,} stretches would have to be compared, of {length:,} samples each",
            "Zoom in, or look for a longer one.",
        )
    columns = track.recording.columns(track.signals[0], window, increment=step, nans="trust")
    means = _means(columns, length // step)
    if not np.isfinite(means).any():
        return None
    begin = int(columns.edges[int(np.nanargmax(means) if largest else np.nanargmin(means))])
    return Window(begin, min(begin + length, window.stop))


def _means(columns: Columns, per: int) -> NDArray[np.float64]:
    """Return the mean of each ``per`` columns in a row; NaN where half of their samples are missing."""
    counts = np.concatenate([[0.0], np.cumsum(columns.count)])
    sums = np.concatenate([[0.0], np.cumsum(np.where(columns.count > 0, columns.mean * columns.count, 0.0))])
    lengths = columns.edges[per:] - columns.edges[:-per]
    n = counts[per:] - counts[:-per]
    enough = 2 * n >= lengths
    return np.asarray(np.divide(sums[per:] - sums[:-per], n, out=np.full(len(n), np.nan), where=enough & (n > 0)))


_SUBDIVISIONS = 16
_MOST_STEPS = 1 << 22
