"""Moments as people write them on a panel: a time of day, the next one there is, or a date and a time."""

from __future__ import annotations

from datetime import datetime, timedelta

from xjls.errors import SelectionError


def moment_of(text: str | datetime, now: datetime) -> datetime:
    """Return a moment, in the zone of ``now`` where none is said.

    Raises
    ------
    SelectionError
        It is none, or is over.

    Examples
    --------
    >>> now = datetime.fromisoformat("2026-03-01T18:00+01:00")
    >>> moment_of("17:30", now).isoformat(), moment_of("2026-03-01 18:30", now).isoformat()
    ('2026-03-02T17:30:00+01:00', '2026-03-01T18:30:00+01:00')
    """
    is_time = isinstance(text, str) and len(text.strip()) <= len("17:30:00")
    try:
        found = text if isinstance(text, datetime) else _parsed(text.strip(), now, is_time=is_time)
    except ValueError:
        raise SelectionError(f"{text!r} is no moment", 'Give one as "17:30", or "2026-03-01 17:30".') from None
    found = found.replace(tzinfo=now.tzinfo) if found.tzinfo is None else found
    if found <= now and is_time:
        found += timedelta(days=1)
    if found <= now:
        raise SelectionError(f"{text} is over", "Give a moment to come.")
    return found


def _parsed(text: str, now: datetime, *, is_time: bool) -> datetime:
    return datetime.fromisoformat(f"{now:%Y-%m-%d} {text:0>5}" if is_time else text)
