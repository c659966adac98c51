"""Windows as people type them: UTC, seconds from the first sample, or sample ids; into sample ids."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING

from xjls.cli.text import moment
from xjls.errors import SelectionError
from xjls.model.amounts import SECONDS, quantity
from xjls.model.bounds import quantities
from xjls.query.series import require_in_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xjls.model.clock import Clock
    from xjls.model.recording import Recording

ACCEPTED = (
    "Give UTC as in 2026-03-01T10:00:00.5, a time from the beginning as in 1.5, 20ms or 2h, "
    "or a sample id as in #12345."
)
_DURATION = re.compile(r"([+-]?[\d._]+(?:[eE][+-]?\d+)?)\s*([a-zµμ]*)")
_MOMENT = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)(?:[T ](?P<time>\d\d:\d\d(?::\d\d)?)(?:\.(?P<fraction>\d{1,9}))?)?"
    r"\s*(?P<zone>Z|[+-]\d\d:\d\d)?"
)


def window_of(recording: Recording, name: str, start: str | None, stop: str | None) -> tuple[int, int]:
    """Return the sample ids from one moment up to another, as far as the signal has them.

    Parameters
    ----------
    recording, name
        Whose clock tells; seconds count from the first sample of all signals of the same source and rate.
    start, stop
        UTC (``"2026-03-01T10:00:00.5"``, with an offset such as ``+01:00`` where it is meant), a time from the first
        sample (``"1.5"``, ``"20ms"``, ``"2h"``), or a sample id (``"#12345"``); None is the signal's first or last.

    Returns
    -------
    tuple of int
        Half-open: the sample at ``stop`` is not in it.

    Raises
    ------
    SelectionError
        The text is none of these, UTC is not known, or no sample lies there.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1))
    >>> window_of(recording, "current", "20ms", "#12_000")
    (10000, 12000)
    >>> window_of(recording, "current", None, "2026-03-01T10:00:00.01Z")
    (0, 5000)
    """
    whole = recording.signal(name).window
    first = whole.start if start is None else _sample_id(recording, name, start)
    last = whole.stop if stop is None else _sample_id(recording, name, stop)
    clipped = max(first, whole.start), min(last, whole.stop)
    if clipped[0] >= clipped[1]:
        asked = " ".join(f"{word} {text}" for word, text in (("from", start), ("to", stop)) if text is not None)
        raise SelectionError(f"{name!r} has no sample {asked}".rstrip(), _extent(recording, name))
    return clipped


def _sample_id(recording: Recording, name: str, text: str) -> int:
    """Return the first sample at or after what a text names."""
    text = text.strip()
    if text.startswith("#"):
        return _id(text)
    clock = recording.clock(name)
    if found := _MOMENT.fullmatch(text):
        return _at_utc(clock, name, text, found)
    return clock.first_at_or_after_seconds(seconds_typed(text, ACCEPTED))


def _id(text: str) -> int:
    try:
        return int(text[1:])
    except ValueError:
        raise SelectionError(f"{text!r} is no sample id", ACCEPTED) from None


def _at_utc(clock: Clock, name: str, text: str, found: re.Match[str]) -> int:
    if not clock.utc:
        raise SelectionError(f"no UTC is known for {name!r}", "Give seconds from the beginning, as in 1.5 or 20ms.")
    try:
        zone = found["zone"] or "Z"
        whole = datetime.fromisoformat(f"{found['day']}T{found['time'] or '00:00'}{zone}").astimezone(UTC)
    except ValueError as error:
        raise SelectionError(f"{text!r} is no time: {str(error).rstrip('.')}", ACCEPTED) from None
    fraction_ns = int((found["fraction"] or "0").ljust(9, "0"))
    return clock.first_at_or_after(round(whole.timestamp()) * 10**9 + fraction_ns)


def seconds_typed(text: str, accepted: str) -> float:
    """Return a length of time in seconds, rounded once; the error says what is accepted.

    >>> seconds_typed("20ms", ACCEPTED), seconds_typed("2h", ACCEPTED)
    (0.02, 7200.0)
    """
    found = _DURATION.fullmatch(text)
    unit = SECONDS.get(found[2]) if found else None
    try:
        seconds = float(Fraction(found[1]) * unit) if found and unit else math.nan
    except (ValueError, OverflowError):
        seconds = math.nan
    if not math.isfinite(seconds):
        raise SelectionError(f"{text!r} names no moment", accepted)
    return seconds


def _extent(recording: Recording, name: str) -> str:
    """Say where the samples of a signal are."""
    window, clock = recording.signal(name).window, recording.clock(name)
    if not window.length:
        return "It has none at all."
    ends = window.start, window.stop - 1
    seconds = " to ".join(quantity(float(clock.seconds(i)), "s") for i in ends)
    utc = " to ".join(moment(clock.time(i)) for i in ends) + ", " if clock.utc else ""
    return f"It has samples from {utc}{seconds}, #{ends[0]} to #{ends[1]}."


def windows_of(
    recording: Recording, signals: Sequence[str], start: str | None, stop: str | None
) -> dict[str, tuple[int, int]]:
    """Return the window of each signal asked for; of all those that have samples there if none is named.

    Raises
    ------
    SelectionError
        As `window_of`; or what is asked for counts frames or buffers, and is no series in time.
    """
    require_in_time(recording, signals or None)
    if signals:
        named = (signal.name for quantity in quantities(recording, signals) for signal in quantity.signals)
        return {name: window_of(recording, name, start, stop) for name in named}
    windows, refused = {}, None
    for signal in recording.signals.values():
        if signal.is_series and signal.length:
            try:
                windows[signal.name] = window_of(recording, signal.name, start, stop)
            except SelectionError as error:
                refused = refused or error
    if not windows:
        raise refused or SelectionError(f"no signal of {recording.path} has samples", "See xjls info.")
    return windows
