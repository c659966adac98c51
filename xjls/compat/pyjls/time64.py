"""JLS times: 64-bit integers that count 2⁻³⁰ s since 2018-01-01 UTC.

Conversions are exact up to one rounding, to the nearest, at the end: none goes through float seconds on the way.
"""

from __future__ import annotations

import datetime
import time as _time
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np

from xjls.formats.jls2.wire import ns_to_jls_time

Time: TypeAlias = "int | float | str | datetime.datetime | np.integer[Any]"
"""A JLS time as an integer; seconds since 1970 as a float; a datetime, or one in ISO 8601, without a zone local."""

_ZERO = datetime.datetime(2018, 1, 1, tzinfo=datetime.UTC)
_ZERO_S = int(_ZERO.timestamp())
_MICROSECOND = datetime.timedelta(microseconds=1)

EPOCH = float(_ZERO_S)
"""Seconds from 1970 to the zero of JLS times."""
SCALE = 1 << 30
SECOND = SCALE
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
YEAR = 365 * DAY
"""Of 365 days."""
GREGORIAN_YEAR = 31_556_952 * SECOND
"""Of 365.2425 days."""
MILLISECOND = SCALE // 1_000
"""Rounded down, as the next ones: for durations that need not be exact."""
MICROSECOND = SCALE // 1_000_000
NANOSECOND = SCALE // 1_000_000_000

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def now() -> int:
    """Return the present."""
    return ns_to_jls_time(_time.time_ns())


def as_time64(t: Time) -> int:
    """Return any time as a JLS time.

    Examples
    --------
    >>> as_time64("2018-01-01T00:01:00Z") == MINUTE, as_time64(EPOCH + 1.0) == SECOND, as_time64(5)
    (True, True, 5)
    """
    if isinstance(t, (int, np.integer)):
        return int(t)
    if isinstance(t, str):
        t = datetime.datetime.fromisoformat(t)
    if isinstance(t, datetime.datetime):
        return _rounded((t.astimezone(datetime.UTC) - _ZERO) // _MICROSECOND * SCALE, 1_000_000)
    return utc_to_jls(t)


def as_timestamp(t: Time) -> float:
    """Return any time as seconds since 1970.

    Examples
    --------
    >>> as_timestamp(SECOND // 2)
    1514764800.5
    """
    return float(jls_to_utc(as_time64(t)))


def as_datetime(t: Time) -> datetime.datetime:
    """Return any time as a datetime in UTC, to the microsecond.

    Examples
    --------
    >>> as_datetime(3 * MILLISECOND).isoformat()
    '2018-01-01T00:00:00.003000+00:00'
    """
    return _ZERO + _rounded(as_time64(t) * 1_000_000, SCALE) * _MICROSECOND


def as_isostr(t: Time) -> str:
    """Return any time in ISO 8601, to the microsecond.

    Examples
    --------
    >>> as_isostr(YEAR)
    '2019-01-01T00:00:00.000000Z'
    """
    return as_datetime(t).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def filename(extension: str | None = None, t: Time | None = None) -> str:
    """Return the name of a file that begins at a time, by default now.

    Examples
    --------
    >>> filename(t=DAY), filename(".png", t=DAY)
    ('20180102_000000.jls', '20180102_000000.png')
    """
    start = as_datetime(now() if t is None else t)
    return f"{start:%Y%m%d_%H%M%S}{'.jls' if extension is None else extension}"


def duration_to_seconds(d: str | float | None) -> float:
    """Return a duration in seconds, given in seconds or as text with a unit: s, m, h or d.

    Examples
    --------
    >>> duration_to_seconds("1.5m"), duration_to_seconds("3"), duration_to_seconds(2)
    (90.0, 3.0, 2.0)
    """
    if d is None or d == "":
        raise ValueError(f"{d!r} is no duration. Give seconds, or a number with s, m, h or d.")
    if isinstance(d, str) and d[-1] in _UNITS_S:
        return _UNITS_S[d[-1]] * float(d[:-1])
    return float(d)


def utc_to_jls(utc: float) -> int:
    """Return seconds since 1970 as a JLS time.

    Examples
    --------
    >>> utc_to_jls(1_514_764_800.25) == SECOND // 4
    True
    """
    exact = (Fraction(utc) - _ZERO_S) * SCALE
    return _rounded(exact.numerator, exact.denominator)


def jls_to_utc(timestamp: Any) -> Any:
    """Return a JLS time, or an array of them, as seconds since 1970, rounded once.

    A float tells 0.2 µs apart, a JLS time a nanosecond: differences are exact before they are converted only.

    Examples
    --------
    >>> jls_to_utc(0), jls_to_utc(np.array([0, SECOND]))
    (1514764800.0, array([1.5147648e+09, 1.5147648e+09]))
    """
    return (timestamp + _ZERO_S * SCALE) / SCALE


def _rounded(numerator: int, denominator: int) -> int:
    """Return the integer nearest to a quotient; of two the greater."""
    return (2 * numerator + denominator) // (2 * denominator)
