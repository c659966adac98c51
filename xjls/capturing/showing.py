"""The line that a capture shows while it runs: how far it is, what is lost, and the last numbers."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from xjls.errors import XjlsError
from xjls.model.amounts import counted, duration, quantity

if TYPE_CHECKING:
    from xjls.capturing.counts import Counts
    from xjls.capturing.session import Session
    from xjls.capturing.until import Until
    from xjls.model.recording import Recording

Show: TypeAlias = "Callable[[Session | None], None]"
"""Shows how far a session is; None takes the line away."""
MOST_NUMBERS = 3
"""Signals whose last numbers are shown."""
MINUTE_S = 60
USUAL_COLUMNS = 200
"""Of a line where nobody knows how long they are."""


def shown(until: Until, progress: bool | None) -> Show | None:
    """Return what shows a session on the error stream; None where nobody looks, or it is not to."""
    if progress is False or (progress is None and not sys.stderr.isatty()):
        return None

    def show(session: Session | None) -> None:
        text = "" if session is None else line(session.counts, until, session.recording, width=_columns() - 1)
        with contextlib.suppress(OSError):  # the terminal is gone: the capture goes on
            sys.stderr.write(f"\r\033[K{text}")
            sys.stderr.flush()

    return show


def line(counts: Counts, until: Until, live: Recording | None = None, *, width: int = USUAL_COLUMNS) -> str:
    """Return the line: as much of it as finds room, what matters most first.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from xjls.capturing.counts import Counts, SignalCounts
    >>> from xjls.capturing.until import Until
    >>> counts = Counts(recorded_s=Fraction(5), elapsed_s=5.0, n_bytes=40_000_000, lag_s=0.004, queued=0.02,
    ...                 signals={"current": SignalCounts(samples=10_000_000)})
    >>> line(counts, Until.of(duration="10s"))
    ' 50% 5.0 s of 10 s | nothing lost | 40.0 MB, 8.0 MB/s | lag 4 ms, queue 2%'
    """
    rate = counts.n_bytes / counts.elapsed_s / 1e6 if counts.elapsed_s else 0.0
    parts = [
        _progress(counts, until),
        lost_text(counts),
        *(["over range"] if counts.over_range else []),
        f"{counts.n_bytes / 1e6:.1f} MB, {rate:.1f} MB/s",
        *numbers(live),
        f"lag {counts.lag_s * 1e3:.0f} ms, queue {counts.queued:.0%}",
    ]
    found = parts[0]
    for part in parts[1:]:
        if len(found) + len(f" | {part}") > width:
            break
        found += f" | {part}"
    return found[: max(width, 0)]


def numbers(live: Recording | None) -> list[str]:
    """Return the mean of the last second of the first signals."""
    if live is None:
        return []
    live.refresh()
    told = []
    for name, signal in list(live.signals.items())[:MOST_NUMBERS]:
        start = max(signal.first_id, signal.window.stop - round(signal.rate_hz))
        if start < signal.window.stop:
            try:
                found = live.statistics(name, (start, None), nans="trust")  # by entries: it is asked again and again
            except XjlsError:  # what is asked for was overwritten just then
                continue
            mean = float(f"{found.mean:.4g}")
            told.append(f"{name} {quantity(mean, signal.units) if signal.units else f'{mean:g}'}")
    return told


def lost_text(counts: Counts) -> str:
    """Return what is lost so far, in few words: of frames as such, and what the device counts beside.

    Examples
    --------
    >>> from xjls.capturing.counts import Counts, SignalCounts
    >>> lost_text(Counts(signals={"image": SignalCounts(samples=9, lost=2, gaps=1)}, axes={"frame": ("image",)},
    ...                  tallies={"duplicate buffers": 3, "late buffers": 0}))
    '2 frames lost in 1 gap, 3 duplicate buffers'
    """
    by_axis = [(axis, counts.each[axis]) for axis in counts.axes]
    in_time = [one for name, one in counts.each.items() if name not in counts.axes]
    lost, gaps = sum(one.lost for one in in_time), sum(one.gaps for one in in_time)
    parts = [f"{counted(one.lost, axis)} lost in {counted(one.gaps, 'gap')}" for axis, one in by_axis if one.lost]
    parts += [f"{lost:,} samples lost in {counted(gaps, 'gap')}"] if lost else []
    beside = (f"{n:,} {what}" for what, n in counts.tallies.items() if n)
    return ", ".join([*(parts or [counts.nothing_lost.replace(" is lost", " lost")]), *beside])


def _progress(counts: Counts, until: Until) -> str:
    """Return how much there is, and of how much, where that is known."""
    recorded_s = float(counts.recorded_s)
    text = f"{recorded_s:.1f} s" if recorded_s < MINUTE_S else duration(recorded_s)
    if until.duration_s is not None:
        text += f" of {duration(float(until.duration_s))}"
    done = part_done(counts, until)
    return text if done is None else f"{done:4.0%} {text}"


def part_done(counts: Counts, until: Until) -> float | None:
    """Return how far it is towards the nearest end that is known, from 0 to 1; None where none is known.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from xjls.capturing.counts import Counts
    >>> from xjls.capturing.until import Until
    >>> part_done(Counts(recorded_s=Fraction(6)), Until.of(duration="1min")), part_done(Counts(), Until())
    (0.1, None)
    """
    ends = ((counts.recorded_s, until.duration_s), (counts.length, until.samples), (counts.n_bytes, until.n_bytes))
    return max((min(float(there / end), 1.0) for there, end in ends if end is not None), default=None)


def _columns() -> int:
    """Return how many letters a line of the terminal has."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or USUAL_COLUMNS
    except (OSError, ValueError):  # a notebook, for one
        return USUAL_COLUMNS
