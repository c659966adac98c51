"""What a recording looks like at a glance: facts, and a few columns of each signal from its coarse entries.

What this reads is bounded, whatever the length: for each of the first signals a thousand entries, or a short signal's
samples; and none once its time is over. Damage never raises here: what cannot be told is left out.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xjls.errors import XjlsError
from xjls.model.window import Window, valid_mask
from xjls.storage import local_path

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.model.recording import Recording
    from xjls.model.signal import Level, Signal
    from xjls.model.status import Status

MOST_SIGNALS = 16
"""That are looked at; of the others there are only the names."""
COLUMNS = 120
FEW = 1024
"""Entries or samples that fill the columns well enough."""
MANY = 1 << 16
"""Entries that are read where there is no coarser level; more are not."""
_MOST_INDEXED = 1 << 30
"""Samples of a signal whose index is looked at for what is missing: some milliseconds."""
_MEAN, _MIN, _MAX = 0, 2, 3
_FAILURES = (XjlsError, ValueError, OSError)
"""What a damaged, closed or vanished recording raises."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Columns:
    """A signal in a few columns, in its units; NaN where a column has no sample."""

    mean: NDArray[np.float64]
    """Shape (column,), as the others."""
    min: NDArray[np.float64]
    max: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Line:
    """What is told of one signal."""

    signal: Signal
    began_ns: int | None
    """UTC of the first sample; None where it is not known."""
    missing: int
    """Samples that the recording is known not to hold."""
    columns: Columns | None
    """None where nothing coarse enough is there, or no time was left."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Glance:
    """What is told of a recording."""

    lines: tuple[Line, ...]
    others: tuple[str, ...]
    """Names of the signals that were not looked at, and of those that only describe positions of an axis."""
    annotations: int
    status: Status | None
    """None where it cannot be told any more."""
    problem: str = ""
    """Why signals are missing here, in words of the error."""


def glance(recording: Recording, *, seconds: float = 1.0, now: Callable[[], float] = time.monotonic) -> Glance:
    """Look at a recording; neither damage nor a closed file raises.

    Parameters
    ----------
    recording
        Of any length, on any storage.
    seconds
        After so long no more columns are read; at most one signal's reading is under way then.
    now
        Seconds on a clock that never goes back.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> seen = glance(xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1)))
    >>> seen.lines[0].signal.name, seen.lines[0].missing, len(seen.lines[0].columns.mean)
    ('current', 0, 120)
    """
    end = now() + seconds
    names = tuple(recording.reader.names)
    try:
        shown = [one for name in names[:MOST_SIGNALS] if not (one := recording.signal(name)).describes_axis]
        lines = tuple(_line(recording, signal, now() < end) for signal in shown)
        told = {signal.name for signal in shown}
        others, problem = tuple(name for name in names if name not in told), ""
    except _FAILURES as error:
        lines, others, problem = (), names, str(error)
    return Glance(
        lines=lines, others=others, annotations=_annotations(recording), status=_status(recording), problem=problem
    )


def _line(recording: Recording, signal: Signal, in_time: bool) -> Line:
    columns = _columns(recording, signal) if in_time and signal.is_series else None
    return Line(
        signal=signal, began_ns=_began_ns(recording, signal), missing=_missing(recording, signal), columns=columns
    )


def _began_ns(recording: Recording, signal: Signal) -> int | None:
    if not signal.is_series or not signal.length:
        return None
    try:
        clock = recording.clock(signal.name)
        return clock.time(signal.first_id) if clock.utc else None
    except _FAILURES:
        return None


def _missing(recording: Recording, signal: Signal) -> int:
    """Return how many samples are known to be missing; nobody delivered them, or they are lost."""
    if not signal.length:
        return 0
    try:
        if signal.length <= _MOST_INDEXED and local_path(recording.path) is not None:
            recording.gaps(signal.name)
        gaps = {gap.window for gap in recording.skipped(signal.name)}
        return sum(window.length for window in gaps | set(_known(recording, signal.name)))
    except _FAILURES:
        return 0


def _known(recording: Recording, name: str) -> list[Window]:
    return [gap.window for gap in recording.status.gaps.get(name, ())]


def _annotations(recording: Recording) -> int:
    try:
        return len(recording.annotations)
    except _FAILURES:
        return 0


def _status(recording: Recording) -> Status | None:
    try:
        return recording.status
    except _FAILURES:
        return None


# ---- columns -------------------------------------------------------------------------------------------------------


def _columns(recording: Recording, signal: Signal) -> Columns | None:
    try:
        rows = _rows(recording, signal)
    except _FAILURES:
        return None
    if rows is None or not len(rows):
        return None
    return fold(signal.physical(rows) if signal.is_scaled else rows)


def _rows(recording: Recording, signal: Signal) -> NDArray[np.float64] | None:
    """Return a few entries over all of a signal, float64[row, 4], or None where there are only too many."""
    if (level := _chosen(signal.levels)) is not None:
        span = Window(0, level.length)
        read = recording.reader.read_level(signal, level, span, "gap", recording.verify)
        return np.asarray(read, np.float64)
    if signal.levels or signal.length > FEW:
        return None
    values, gaps = recording.read_with_gaps(signal.name)
    single = np.where(valid_mask(signal.window, gaps), values.astype(np.float64), np.nan)
    return np.repeat(single[:, None], 4, axis=1)


def _chosen(levels: tuple[Level, ...]) -> Level | None:
    """Return the finest level of few entries, or the coarsest of not too many."""
    few = (level for level in levels if level.length <= FEW)
    return next(few, levels[-1] if levels and levels[-1].length <= MANY else None)


def fold(rows: NDArray[np.float64], columns: int = COLUMNS) -> Columns:
    """Return entries, float64[row, 4], as at most so many columns.

    Means weigh alike, as entries of a level do; rows that are NaN are left out.

    Examples
    --------
    >>> rows = np.array([[1, 0, 0, 2], [3, 0, 2, 4], [np.nan] * 4, [np.nan] * 4], "f8")
    >>> folded = fold(rows, 2)
    >>> folded.mean.tolist(), folded.min.tolist(), folded.max.tolist()
    ([2.0, nan], [0.0, nan], [4.0, nan])
    """
    n = min(columns, len(rows))
    starts = np.arange(n) * len(rows) // n
    there = np.isfinite(rows[:, _MEAN])
    count = np.add.reduceat(there.astype(np.float64), starts)
    total = np.add.reduceat(np.where(there, rows[:, _MEAN], 0.0), starts)
    mean = np.divide(total, count, out=np.full(n, np.nan), where=count > 0)
    low, high = np.sort(rows[:, [_MIN, _MAX]], axis=1).T  # a negative scale turns them around
    return Columns(mean=mean, min=np.fmin.reduceat(low, starts), max=np.fmax.reduceat(high, starts))
