"""From a recording to traces: which signals, which part of each, and how many columns; the reading is the query's."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import SelectionError
from xjls.model.bounds import quantities
from xjls.plot.health import LEFT_OUT
from xjls.plot.timing import TimeUnit, Timing, timings_of, windows_of
from xjls.plot.trace import FIRST_SAMPLE, Trace, bounded, shape_of, spans_of
from xjls.query.series import require_in_time

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.model.bounds import Quantity
    from xjls.model.recording import Recording
    from xjls.model.window import Window


def traces_of(
    recording: Recording,
    names: Iterable[str] | None = None,
    window: Any = None,
    *,
    columns: int = 1000,
    time: TimeUnit = "auto",
) -> list[Trace]:
    """Read what a picture of a recording needs.

    Parameters
    ----------
    recording
        What to draw.
    names
        Of signals, or of quantities; None takes all that have samples.
    window
        Sample ids ``(start, stop)`` of the first signal, half-open; the others are cut to the same time.
    columns
        Of a trace that is as long as the picture; shorter ones take their share, and none more than it has samples.
    time
        ``"utc"``, ``"seconds"`` from the beginning, or ``"auto"``: UTC where all signals have it.

    Returns
    -------
    list of Trace
        Of the signals that overlap the window, in their order; one of the two extremes of a quantity.

    Raises
    ------
    SelectionError
        No such signal, or none of them has samples there.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1))
    >>> [(trace.name, len(trace)) for trace in traces_of(recording, ["current", "gpi[0]"], columns=500)]
    [('current', 500), ('gpi[0]', 500)]
    """
    if columns < 1:
        raise SelectionError(f"columns={columns} draws nothing", "Choose at least 1, about one a pixel.")
    chosen = chosen_quantities(recording, names)
    signals = [signal for quantity in chosen for signal in quantity.signals]
    timings = timings_of(recording, signals, time)
    windows = windows_of(signals, timings, window)
    if not windows:
        raise SelectionError(f"no signal of {recording.path} has samples to draw", "Choose others, or a longer window.")
    spans = {name: _seconds(timings[name], window) for name, window in windows.items()}
    whole = max(stop for _, stop in spans.values()) - min(start for start, _ in spans.values())
    made = {
        name: _trace(recording, name, windows[name], timings[name], math.ceil(columns * (stop - start) / whole) or 1)
        for name, (start, stop) in spans.items()
    }
    found: list[Trace] = []
    for quantity in chosen:
        parts = [made[signal.name] for signal in quantity.signals if signal.name in made]
        alike = len(parts) > 1 and len({windows[part.name] for part in parts}) == 1
        found += [bounded(quantity.name, parts)] if alike else parts
    return found


def chosen_quantities(recording: Recording, names: Iterable[str] | None) -> list[Quantity]:
    """Return what is shown under these names, or all that has samples."""
    if names is None:
        there = (one for one in quantities(recording) if all(signal.is_series for signal in one.signals))
        chosen = [one for one in there if any(signal.length for signal in one.signals)]
        if not chosen:
            require_in_time(recording)
        return chosen
    names = [names] if isinstance(names, str) else list(names)
    require_in_time(recording, names)
    chosen = quantities(recording, names)
    if empty := [signal.name for one in chosen for signal in one.signals if not signal.has_samples]:
        raise SelectionError(f"{empty[0]!r} has no samples, only annotations", "Leave it out: they are drawn anyway.")
    return chosen


def _seconds(timing: Timing, window: Window) -> tuple[float, float]:
    start, stop = timing.times([window.start, window.stop])
    if timing.utc:
        return float(start.view(np.int64)) / 1e9, float(stop.view(np.int64)) / 1e9
    return float(start), float(stop)


def _trace(recording: Recording, name: str, window: Window, timing: Timing, columns: int) -> Trace:
    found = recording.columns(name, (window.start, window.stop), n=min(columns, window.length))
    signal = recording.signal(name)
    times, (damaged, left_out) = timing.times(found.edges), lost_columns(recording, name, found.edges)
    missing = (found.lengths > found.count) | damaged | left_out
    return Trace(
        name=name, units=signal.units, time=times, mean=found.mean, min=found.min, max=found.max, std=found.std,
        shape=shape_of(signal.dtype, signal.units), is_samples=len(found) == window.length,
        gaps=spans_of(times, missing, found.count == 0, damaged),
        samples_per_column=window.length / len(found),
        since=FIRST_SAMPLE if signal.origin_id is None else "the capture began",
    )  # fmt: skip


def lost_columns(
    recording: Recording, name: str, edges: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return in which columns samples are known to be damaged, and in which they were left out by the writer.

    Known from what has been read so far: call it after the columns were read. A level's entries may still answer for
    samples that are lost, so that such a column is no hole in the trace.
    """
    damaged, left_out = np.zeros((2, len(edges) - 1), np.bool_)
    for gap in recording.status.gaps.get(name, ()):
        first, last = np.searchsorted(edges, [gap.window.start, gap.window.stop - 1], "right") - 1
        mask = left_out if gap.reason.startswith(LEFT_OUT) else damaged
        mask[max(first, 0) : max(last + 1, 0)] = True
    return damaged, left_out & ~damaged
