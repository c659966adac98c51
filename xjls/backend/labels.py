"""What a person writes for a time, as numbers: int64 nanoseconds of UTC, or float64 seconds.

A label is an instant, or a period such as "2026-03-01T10:00" (the whole minute). Labels without a time zone are UTC.
"""

from __future__ import annotations

import datetime as dt
import re
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xjls.backend.clock_array import Unit
from xjls.errors import SelectionError

__all__ = ["Interval", "LabelError", "parse_labels", "parse_scalar", "parse_tolerance", "show"]

_REALS = (int, float, np.integer, np.floating, Fraction)
_ZONE = re.compile(r"(?:Z|[+-]\d{2}:?(?:\d{2})?)$", re.IGNORECASE)
_CLOCK_TIME = re.compile(r"\d[T ]\d{2}", re.IGNORECASE)
_NAMES: dict[Unit, str] = {"utc": "UTC in nanoseconds", "seconds": "seconds"}
_REMEDIES: dict[Unit, str] = {
    "utc": 'Use a datetime64, a datetime or a text such as "2026-03-01T10:00"; isel selects by position.',
    "seconds": 'Use seconds as numbers or a timedelta64, or open with time="utc"; isel selects by position.',
}


class LabelError(SelectionError, KeyError):
    """There is no such time; a KeyError as well, which is what users of xarray expect of `sel`.

    Examples
    --------
    >>> print(LabelError("no time 5.0", "Try isel."))
    no time 5.0. Try isel.
    """

    def __str__(self) -> str:
        return SelectionError.__str__(self)


class Interval(NamedTuple):
    """The closed interval of times that a label names, in its unit's numbers."""

    first: Any
    last: Any

    @property
    def is_instant(self) -> bool:
        """Whether it is a single time."""
        return bool(self.first == self.last)


def parse_scalar(label: Any, unit: Unit) -> Interval:
    """Return the interval that one label names. Raises LabelError for what is not a time.

    Examples
    --------
    >>> parse_scalar("1970-01-01T00:01", "utc")
    Interval(first=60000000000, last=119999999999)
    >>> parse_scalar(np.timedelta64(5, "ms"), "seconds")
    Interval(first=0.005, last=0.005)
    """
    try:
        interval = None if pd.isna(label) else _utc_interval(label) if unit == "utc" else _seconds_interval(label)
    except (ValueError, OverflowError):
        interval = None
    if interval is None:
        raise LabelError(f"{label!r} is not a time that {_NAMES[unit]} can tell", _REMEDIES[unit])
    return interval


def parse_labels(labels: NDArray[Any], unit: Unit) -> NDArray[Any]:
    """Return labels of any shape as int64 nanoseconds or float64 seconds; a period counts as its start.

    Examples
    --------
    >>> parse_labels(np.array(["1970-01-01T00:01", "1970-01-01T00:00:00.5"]), "utc")
    array([60000000000,   500000000])
    """
    kind = labels.dtype.kind
    if kind in "mM" and np.any(np.isnat(labels)):
        raise LabelError("NaT is not a time", _REMEDIES[unit])
    if unit == "utc" and kind == "M" and labels.dtype == np.dtype("M8[ns]"):
        return labels.view(np.int64)
    if unit == "seconds" and kind in "iuf":
        if np.any(np.isnan(labels)):
            raise LabelError("NaN is not a time", _REMEDIES[unit])
        return labels.astype(np.float64)
    numbers = [parse_scalar(label, unit).first for label in _items(labels)]
    return np.array(numbers, np.int64 if unit == "utc" else np.float64).reshape(labels.shape)


def parse_tolerance(tolerance: Any, unit: Unit) -> Any:
    """Return a tolerance in the unit's numbers: whole nanoseconds, or seconds; scalar or array.

    Examples
    --------
    >>> print(parse_tolerance("5ms", "utc"), parse_tolerance(0.5, "seconds"))
    5000000 0.5
    """
    values = np.asarray(tolerance)
    if unit == "seconds" and values.dtype.kind in "iuf":
        return values.astype(np.float64)[()]
    if values.dtype.kind in "iuf":
        raise LabelError(f"a tolerance of {tolerance!r} has no unit", 'Use a timedelta64 or a text such as "5ms".')
    lengths = [pd.Timedelta(value).as_unit("ns").value for value in _items(values)]
    numbers = np.array(lengths, np.int64).reshape(values.shape)
    return numbers[()] if unit == "utc" else (numbers / 1e9)[()]


def show(number: Any, unit: Unit) -> str:
    """Return a time as people write it.

    Examples
    --------
    >>> show(60_000_000_000, "utc"), show(1.5, "seconds")
    ('1970-01-01T00:01:00.000000000', '1.5 s')
    """
    return str(np.datetime64(int(number), "ns")) if unit == "utc" else f"{float(number)!r} s"


def _items(values: NDArray[Any]) -> list[Any]:
    """Return the elements as scalars that pandas takes: datetime64 as they are, not as NumPy's own conversion."""
    return list(values.ravel()) if values.dtype.kind in "mM" else list(values.ravel().tolist())


def _utc_interval(label: Any) -> Interval | None:
    if isinstance(label, str):
        return _text_interval(label)
    if isinstance(label, pd.Period):
        return _period_interval(label)
    if not isinstance(label, dt.date | np.datetime64):
        return None
    return _instant(_nanoseconds(pd.Timestamp(label)))


def _text_interval(label: str) -> Interval:
    text = label.strip()
    zone = _ZONE.search(text) if _CLOCK_TIME.search(text) else None
    if zone is None:
        return _period_interval(pd.Period(text))
    interval = _period_interval(pd.Period(text[: zone.start()]))
    shift = _nanoseconds(pd.Timestamp(text)) - interval.first
    return Interval(interval.first + shift, interval.last + shift)


def _period_interval(period: pd.Period) -> Interval:
    # not period.end_time, which pandas 3 rounds to microseconds
    return Interval(_nanoseconds(period.start_time), _nanoseconds((period + 1).start_time) - 1)


def _nanoseconds(time: pd.Timestamp) -> int:
    utc = time.tz_convert("UTC") if time.tzinfo else time
    return int(utc.as_unit("ns").value)


def _seconds_interval(label: Any) -> Interval | None:
    if isinstance(label, np.timedelta64 | dt.timedelta):
        return _instant(pd.Timedelta(label).as_unit("ns").value / 1e9)
    return _instant(float(label)) if isinstance(label, _REALS) and not isinstance(label, bool) else None


def _instant(number: Any) -> Interval:
    return Interval(number, number)
