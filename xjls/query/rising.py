"""Times that rise: where positions of an axis lie on a clock that some of them tell, now and then wrongly."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np

from xjls.model.window import runs

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_WRONG = 3
"""Times in a row that may stick out of the others without their clock having begun anew."""


def rising(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the places of the longest run of values that never falls: what is left without the ones that stick out.

    Examples
    --------
    >>> rising(np.array([1.0, 2.0, 90.0, 3.0, 4.0]))
    array([0, 1, 3, 4])
    """
    lowest: list[float] = []
    last: list[int] = []
    before = np.full(len(values), -1, np.int64)
    for place, value in enumerate(values.tolist()):
        length = bisect_right(lowest, value)
        before[place] = last[length - 1] if length else -1
        lowest[length : length + 1] = [value]
        last[length : length + 1] = [place]
    found = []
    at = last[-1] if last else -1
    while at >= 0:
        found.append(at)
        at = int(before[at])
    return np.array(found[::-1], np.int64)


def starts_again(times: NDArray[np.float64]) -> bool:
    """Return whether times fall for more than a few places: a clock began anew, and no line runs through all of them.

    Examples
    --------
    >>> wrong, anew = np.arange(40.0), np.arange(40.0)
    >>> wrong[[5, 6, 30]], anew[30:] = [900, 2, 0], np.arange(10.0)
    >>> starts_again(wrong), starts_again(anew)
    (False, True)
    """
    sticks_out = np.ones(len(times), np.bool_)
    sticks_out[rising(times)] = False
    return max((stop - start for start, stop in runs(sticks_out)), default=0) > MOST_WRONG


def times_at(
    ids: NDArray[np.int64], known_ids: NDArray[np.int64], known_times: NDArray[np.float64], period_s: float
) -> NDArray[np.float64]:
    """Return the time of each position, s: between known ones on a line, beyond them at their usual distance.

    Parameters
    ----------
    ids
        Positions, i64[position].
    known_ids, known_times
        Positions, which rise, and their times; at least one. Times that fall are left out.
    period_s
        Between two positions, where not even two are known.

    Examples
    --------
    >>> times_at(np.array([9, 10, 11, 14]), np.array([10, 12]), np.array([5.0, 6.0]), 1.0).tolist()
    [4.5, 5.0, 5.5, 7.0]
    """
    kept = rising(known_times)
    x, t = known_ids[kept], known_times[kept]
    if len(x) > 1:
        period_s = float(np.median(np.diff(t) / np.diff(x)))
    found = np.interp(ids, x, t)
    found += np.where(ids < x[0], (ids - x[0]) * period_s, 0.0) + np.where(ids > x[-1], (ids - x[-1]) * period_s, 0.0)
    return found
