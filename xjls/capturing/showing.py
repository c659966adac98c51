"""The line that a capture shows while it runs: how far it is, what is lost, and the last numbers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from xjls.errors import XjlsError

if TYPE_CHECKING:
    from xjls.capturing.counts import Counts
    from xjls.capturing.session import Session
    from xjls.capturing.until import Until
    from xjls.model.recording import Recording

Show: TypeAlias = "Callable[[Session | None], None]"
"""Shows how far a session is; None takes the line away."""
MOST_NUMBERS = 3
"""Signals whose last numbers find room."""


def shown(until: Until, progress: bool | None) -> Show | None:
    """Return what shows a session on the error stream; None where nobody looks, or it is not to."""
    if progress is False or (progress is None and not sys.stderr.isatty()):
        return None

    def show(session: Session | None) -> None:
        text = "" if session is None else line(session.counts, until, session.recording)
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()

    return show


def line(counts: Counts, until: Until, live: Recording | None = None) -> str:
    """Return the line.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from xjls.capturing.counts import Counts, SignalCounts
    >>> from xjls.capturing.until import Until
    >>> counts = Counts(recorded_s=Fraction(5), elapsed_s=5.0, n_bytes=40_000_000, lag_s=0.004, queued=0.02,
    ...                 signals={"current": SignalCounts(samples=10_000_000)})
    >>> line(counts, Until.of(duration="10s"))
    ' 50% 5.0 s of 10 s | 40.0 MB, 8.0 MB/s | lag 4 ms, queue 2% | nothing lost'
    """
    recorded_s = float(counts.recorded_s)
    parts = [f"{recorded_s:.1f} s"]
    if until.duration_s is not None:
        whole_s = float(until.duration_s)
        parts = [f"{min(recorded_s / whole_s, 1):4.0%} {recorded_s:.1f} s of {whole_s:g} s"]
    rate = counts.n_bytes / counts.elapsed_s / 1e6 if counts.elapsed_s else 0.0
    parts.append(f"{counts.n_bytes / 1e6:.1f} MB, {rate:.1f} MB/s")
    parts.append(f"lag {counts.lag_s * 1e3:.0f} ms, queue {counts.queued:.0%}")
    parts.append(f"{counts.lost:,} samples lost in {counts.gaps}" if counts.lost else "nothing lost")
    if counts.over_range:
        parts.append("over range")
    return " | ".join([*parts, *numbers(live)])


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
                told.append(f"{name} {live.statistics(name, (start, None)).mean:.5g} {signal.units}".rstrip())
            except XjlsError:  # what is asked for was overwritten just then
                continue
    return told
