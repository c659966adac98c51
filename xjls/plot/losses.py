"""From frames to traces over time: the share of buffers that did not arrive, and what their headers measured.

All of it is reduced to columns piece by piece: frames of a day cost what a picture is wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xjls.errors import SelectionError
from xjls.model.window import Window
from xjls.plot.trace import Trace, spans_of
from xjls.query.frames import PIECE, PRESENT
from xjls.query.rising import starts_again, times_at
from xjls.query.series import REMEDY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from xjls.model.signal import Signal
    from xjls.model.window import Gap
    from xjls.query.frames import Frames

SHARE = "missing buffers"
_LOOKED_AT = 1 << 14
"""Times, at most, that tell whether the device's clock began anew."""
_MEASURED = {"V": "V", "degC": "°C"}
"""Units of what is drawn where nobody asks for more, and how a picture has them."""


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Frames of a window, cut into columns."""

    edges: NDArray[np.int64]
    """Frame numbers, i64[column + 1]."""
    at: NDArray[np.float64]
    """Of the edges, f64[column + 1]: seconds of the device's clock, or frame numbers where it told none or anew."""
    is_time: bool
    missing: NDArray[np.float64]
    """Share of the buffers that did not arrive, f64[column]: 0 to 1; NaN where nothing tells of buffers."""
    empty: NDArray[np.float64]
    """Share of the frames of which nothing is there, f64[column]."""
    damaged: NDArray[np.bool_]
    """Whether the recording lost frames that it had, bool[column]."""

    def __len__(self) -> int:
        return len(self.edges) - 1


def columns_of(frames: Frames, window: Window, n: int) -> Columns:
    """Cut the frames of a window into at most ``n`` columns, and count what is missing of each.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.query.frames import require_frames
    >>> from xjls.testing.miniscope.scenarios.cards import card_with_frame_lost
    >>> recording = xjls.open_recording(card_with_frame_lost(tempfile.mkdtemp()).path, format="miniscope")
    >>> frames = require_frames(recording)
    >>> columns_of(frames, frames.image.window, 3).missing.tolist()
    [0.0, 0.5, 0.0]
    """
    n = min(n, window.length)
    edges = window.start + np.arange(n + 1) * window.length // n
    lengths = np.diff(edges)
    missing, seconds, first_id = np.zeros(n), np.full(n + 1, np.nan), np.zeros(n + 1, np.int64)
    step, looked_at = -(-window.length // _LOOKED_AT), [np.zeros(0)]
    for piece in frames.pieces(window):
        ids = np.arange(piece.start, piece.stop)
        column = np.searchsorted(edges, ids, "right") - 1
        missing += np.bincount(column, frames.missing(piece).sum(axis=1), minlength=n)
        times = frames.times(piece)
        _first_times(times, ids, column, seconds, first_id)
        looked_at.append(times[np.isfinite(times)][::step])
    known = np.flatnonzero(np.isfinite(seconds))
    at = edges.astype(np.float64)
    is_time = known.size > 0 and not starts_again(np.concatenate(looked_at))
    if is_time:
        known = known[np.unique(first_id[known], return_index=True)[1]]
        at = times_at(edges, first_id[known], seconds[known], 1 / float(frames.image.rate_hz))
    share = missing / (lengths * frames.n_slots) if frames.n_slots else np.full(n, np.nan)
    empty, damaged = _lost(frames, edges)
    return Columns(edges, at, is_time, share, empty / lengths, damaged)


def _first_times(
    times: NDArray[np.float64], ids: NDArray[np.int64], column: NDArray[np.int64], seconds: NDArray[np.float64],
    first_id: NDArray[np.int64],
) -> None:  # fmt: skip
    """Note the first time that each column knows, and behind them all the last one."""
    known = np.flatnonzero(np.isfinite(times))
    if not known.size:
        return
    columns, places = np.unique(column[known], return_index=True)
    is_new = np.isnan(seconds[columns])
    chosen = known[places[is_new]]
    seconds[columns[is_new]], first_id[columns[is_new]] = times[chosen], ids[chosen]
    seconds[-1], first_id[-1] = times[known[-1]], ids[known[-1]]


def _lost(frames: Frames, edges: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return how many frames of each column are not there, and in which columns any were lost by damage."""
    gaps = frames.gaps()
    lost = within(gaps, edges)
    return lost, within([gap for gap in gaps if not gap.skipped], edges) > 0


def within(gaps: Sequence[Gap], edges: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how many positions of each column lie in gaps, of which some may overlap."""
    ends = np.array(sorted((gap.window.start, gap.window.stop) for gap in gaps), np.int64).reshape(-1, 2)
    stops = np.maximum.accumulate(ends[:, 1])
    starts = np.minimum(np.maximum(ends[:, 0], np.concatenate([ends[:1, 0], stops[:-1]])), stops)
    before = np.concatenate([[0], np.cumsum(stops - starts)])
    begun = np.searchsorted(starts, edges, "right")
    last = np.concatenate([edges[:1], stops])[begun]
    return np.diff(before[begun] - np.maximum(last - edges, 0)).astype(np.float64)


def share_trace(columns: Columns) -> Trace:
    """Return the share of missing buffers, in percent, as a trace."""
    share = 100 * (columns.empty if np.isnan(columns.missing).all() else columns.missing)
    gaps = spans_of(columns.at, columns.empty == 1, columns.empty == 1, columns.damaged)
    return Trace(
        name=SHARE, units="%", time=columns.at, mean=share, min=np.zeros(len(share)), max=share, gaps=gaps,
        samples_per_column=float(np.diff(columns.edges).mean()),
    )  # fmt: skip


def measured_of(frames: Frames) -> list[Signal]:
    """Return what headers measured, in units that a picture shows unasked: voltages and temperatures."""
    signals = [s for s in frames.recording.signals.values() if s.axis and not s.sample_shape and s.dtype.kind == "f"]
    placed = {axis for axis in {s.axis for s in signals} if axis == frames.image.axis or frames.numbers_of(axis)}
    return [s for s in signals if s.axis in placed and s.units in _MEASURED]


def measured_trace(frames: Frames, name: str, columns: Columns) -> Trace | None:
    """Return what a signal of frames or of buffers was in each column; None where it is not known of any.

    Raises
    ------
    SelectionError
        It is no number along an axis whose frames are known.
    """
    signal = frames.recording.signal(name)
    n = len(columns)
    count, total = np.zeros(n), np.zeros(n)
    low, high = np.full(n, np.inf), np.full(n, -np.inf)
    for ids, values in _values(frames, signal, columns):
        inside = np.isfinite(values) & (ids >= columns.edges[0]) & (ids < columns.edges[-1])
        column, kept = np.searchsorted(columns.edges, ids[inside], "right") - 1, values[inside]
        count += np.bincount(column, minlength=n)
        total += np.bincount(column, kept, minlength=n)
        np.minimum.at(low, column, kept)
        np.maximum.at(high, column, kept)
    if not count.any():
        return None
    there = count > 0
    low, high = np.where(there, low, np.nan), np.where(there, high, np.nan)
    mean = np.divide(total, count, out=np.full(n, np.nan), where=there)
    gaps = spans_of(columns.at, columns.empty == 1, columns.empty == 1, columns.damaged)
    units = _MEASURED.get(signal.units, signal.units)
    return Trace(
        name=name.replace("_", " "), units=units, time=columns.at, mean=mean, min=low, max=high, gaps=gaps,
        samples_per_column=float(count.sum() / n),
    )  # fmt: skip


def _values(
    frames: Frames, signal: Signal, columns: Columns
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Yield the frame that each number of a signal is of, and the number, piece by piece; -1 where nobody can tell."""
    recording = frames.recording
    numbers = frames.numbers_of(signal.axis) if signal.axis else None
    is_of_frames = signal.axis == frames.image.axis
    if signal.sample_shape or signal.dtype.kind not in "biuf" or not (is_of_frames or numbers is not None):
        raise SelectionError(f"{signal.name!r} is no number of frames or of their buffers, to draw over time", REMEDY)
    window = Window(int(columns.edges[0]), int(columns.edges[-1])) if is_of_frames else signal.window
    for start in range(window.start, window.stop, PIECE):
        ends = start, min(start + PIECE, window.stop)
        values = np.asarray(signal.physical(recording.read_with_gaps(signal.name, ends)[0]), np.float64)
        if numbers is None or is_of_frames:
            yield np.arange(*ends), values
        else:
            yield np.asarray(recording.read_with_gaps(numbers.name, ends)[0], np.int64), values


def lanes_asked(frames: Frames, names: Sequence[str] | None) -> list[str]:
    """Return the signals to draw below the frames: those asked for, or what headers measured."""
    if names is None:
        return [signal.name for signal in measured_of(frames)]
    return [name for name in names if name not in (frames.image.name, PRESENT)]
