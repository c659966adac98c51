"""When the host received buffers: the CSV that mio writes beside a stream, matched by the count of buffers."""

from __future__ import annotations

import csv
import math
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xjls.errors import CorruptError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["content_token", "matched_times", "read_host_times"]

_COUNT, _TIME = "buffer_count", "buffer_recv_unix_time"
_MODULUS = 1 << 32


def read_host_times(path: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return counts of buffers i64[row] and the times f64[row], s since 1970 UTC, that a file of mio has.

    Rows without a number, as a program leaves them that was killed, are passed over.

    Raises
    ------
    CorruptError
        The file has no such columns.
    OSError
        It cannot be read.
    """
    counts: list[int] = []
    times: list[float] = []
    with Path(path).open(newline="", encoding="utf-8", errors="replace") as file:
        rows = csv.DictReader(file)
        missing = [name for name in (_COUNT, _TIME) if name not in (rows.fieldnames or ())]
        if missing:
            raise CorruptError(
                f"the file has no column {', '.join(missing)}", path, 0, "Give the CSV that mio wrote with the stream."
            )
        for row in rows:
            with suppress(TypeError, ValueError):
                count, time = int(float(row[_COUNT])), float(row[_TIME])
                if math.isfinite(time) and time >= 0:
                    counts.append(count % _MODULUS)
                    times.append(time)
    return np.array(counts, np.int64), np.array(times, np.float64)


def content_token(path: str) -> tuple[object, ...]:
    """Return what tells the content of a file from another: path, size in bytes, modification time in ns."""
    stat = Path(path).stat()
    return path, stat.st_size, stat.st_mtime_ns


def matched_times(
    buffer_count: NDArray[np.int64], counts: NDArray[np.int64], times: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the time of each buffer, f64[buffer]; NaN of those that no row is of. Of several rows the last counts.

    Examples
    --------
    >>> matched_times(np.array([7, 9, 8]), np.array([7, 8, 8]), np.array([1.0, 2.0, 2.5]))
    array([1. , nan, 2.5])
    """
    order = np.argsort(counts, kind="stable")
    ordered = counts[order]
    at = np.searchsorted(ordered, buffer_count % _MODULUS, side="right") - 1
    found = np.full(len(buffer_count), np.nan)
    there = at >= 0
    there[there] = ordered[at[there]] == buffer_count[there] % _MODULUS
    found[there] = times[order][at[there]]
    return found
