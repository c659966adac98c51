"""Seconds since 1970 as times: what a host wrote down as numbers becomes datetime64[ns], a piece at a time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.backend.arrays import RecordingArray

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.backend.arrays import SamplesArray

__all__ = ["UNIX_SECONDS", "UtcArray", "are_utc", "as_seconds", "as_utc"]

UNIX_SECONDS = "seconds since 1970-01-01T00:00:00Z"
"""Units of what becomes times."""

_SINCE_1970 = re.compile(r"seconds since 1970-01-01([T ]00:00(:00(\.0+)?)?( ?(Z|UTC|[+-]00:?00))?)?")


def are_utc(units: str) -> bool:
    """Whether numbers of these units, as CF writes them, are seconds of UTC since 1970.

    >>> are_utc("seconds since 1970-01-01T00:00:00Z"), are_utc("seconds since 2026-01-01"), are_utc("s")
    (True, False, False)
    """
    return _SINCE_1970.fullmatch(units) is not None


def as_utc(seconds: NDArray[Any]) -> NDArray[np.datetime64]:
    """Return seconds since 1970 as datetime64[ns], each rounded once; NaT where there is no finite number.

    >>> as_utc(np.array([1.5, np.nan]))
    array(['1970-01-01T00:00:01.500000000',                           'NaT'],
          dtype='datetime64[ns]')
    """
    known = np.isfinite(seconds)
    whole = np.floor(np.where(known, seconds, 0))
    # Apart, as nanoseconds since 1970 are more than a float64 counts
    ns = whole.astype(np.int64) * 10**9 + np.rint((np.where(known, seconds, 0) - whole) * 1e9).astype(np.int64)
    return np.where(known, ns.view("M8[ns]"), np.datetime64("NaT", "ns"))


def as_seconds(times: NDArray[Any]) -> NDArray[np.float64]:
    """Return datetime64 as seconds since 1970, as near as float64 can say; NaN where there is no time.

    >>> as_seconds(as_utc(np.array([1.5, np.nan])))
    array([1.5, nan])
    """
    ns = times.astype("M8[ns]")
    return np.where(np.isnat(ns), np.nan, ns.view(np.int64) / 1e9)


class UtcArray(RecordingArray):
    """Times of a signal of seconds since 1970.

    Parameters
    ----------
    seconds
        Where the numbers are.
    """

    def __init__(self, seconds: SamplesArray) -> None:
        self.seconds = seconds
        self.dtype = np.dtype("M8[ns]")
        self.shape = seconds.shape

    def __repr__(self) -> str:
        return f"<UtcArray of {self.seconds!r}>"

    def __dask_tokenize__(self) -> tuple[object, ...]:
        return ("UtcArray", *self.seconds.__dask_tokenize__())

    def _get(self, key: tuple[Any, ...]) -> NDArray[Any]:
        return as_utc(np.asarray(self.seconds._get(key), np.float64))
