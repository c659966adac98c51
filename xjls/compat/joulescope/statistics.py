"""Statistics under Joulescope's names: records that merge, and what is told of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from xjls.capturing.buffer.fields import STATS_FIELD_COUNT
from xjls.capturing.buffer.statistics import STATS_DTYPE, fill_stats, told_statistic
from xjls.capturing.buffer.statistics import stats_to_api as _to_api

if TYPE_CHECKING:
    from numpy.typing import NDArray

SOURCE = "stream_buffer"


def stats_to_api(stats: NDArray[Any], t_start: float, t_stop: float) -> dict[str, Any]:
    """Return six statistics as a dictionary with units; see `xjls.capturing.buffer.stats_to_api`.

    Examples
    --------
    >>> told = stats_to_api(stats_factory(), 0.0, 1.0)
    >>> told["source"], told["signals"]["voltage"]["σ2"]["units"]
    ('stream_buffer', 'V²')
    """
    return _to_api(stats, t_start, t_stop) | {"source": SOURCE}


def single_stat_to_api(v_mean: float, v_var: float, v_min: float, v_max: float, units: str) -> dict[str, Any]:
    """Return one statistic as a dictionary with units; ``v_var`` is a variance, not a sum of squares.

    Examples
    --------
    >>> single_stat_to_api(2.0, 1.0, 1.0, 3.0, "A")["σ2"]
    {'value': 1.0, 'units': 'A²'}
    """
    return told_statistic(v_mean, v_var, v_min, v_max, units)


def stats_factory() -> NDArray[Any]:
    """Return records of nothing, one a field.

    Examples
    --------
    >>> stats_factory().shape
    (6,)
    """
    return np.zeros(STATS_FIELD_COUNT, STATS_DTYPE)


def stats_array_factory(length: int) -> NDArray[Any]:
    """Return so many rows of records of nothing.

    Examples
    --------
    >>> stats_array_factory(2)[0, 0].item()
    (0, 0.0, 0.0, 0.0, 0.0)
    """
    return np.zeros((length, STATS_FIELD_COUNT), STATS_DTYPE)


def stats_invalidate(stats: NDArray[Any]) -> None:
    """Make records of no sample of them, of any shape.

    Examples
    --------
    >>> stats = stats_factory()
    >>> stats_invalidate(stats)
    >>> stats[0].item()
    (0, nan, nan, nan, nan)
    """
    stats["length"] = 0
    for name in ("mean", "variance", "min", "max"):
        stats[name] = np.nan


def stats_compute(values: NDArray[Any], out: NDArray[Any]) -> None:
    """Fill a record, shape (1,), from the finite ones of some values.

    Examples
    --------
    >>> stats = stats_array_factory(1)
    >>> stats_compute(np.arange(3.0), stats[0, :1])
    >>> stats[0, 0].item()
    (3, 1.0, 2.0, 0.0, 2.0)
    """
    from xjls.kernels.moments import moments

    fill_stats(moments(np.asarray(values))[np.newaxis], out)


def combined(*stats: NDArray[Any]) -> NDArray[Any]:
    """Return the records of the samples of several, which are all of one shape; those of nothing change nothing.

    Examples
    --------
    >>> one, other = np.array([(1, 1, 0, 1, 1)], STATS_DTYPE), np.array([(1, 3, 0, 3, 3)], STATS_DTYPE)
    >>> combined(one, other)[0].item()
    (2, 2.0, 2.0, 1.0, 3.0)
    """
    from xjls.kernels.moments import merge_rows

    stacked = np.stack(stats)
    rows = np.zeros((*stacked.shape, 6))
    for i, name in ((0, "length"), (2, "mean"), (3, "variance"), (4, "min"), (5, "max")):
        rows[..., i] = stacked[name]
    merged = merge_rows(rows)
    out = np.empty(stacked.shape[1:], STATS_DTYPE)
    fill_stats(merged.reshape(-1, 6), out.reshape(-1))
    return out


class Statistics:
    """Records of all fields, to which others are added.

    Examples
    --------
    >>> one = np.array([(1, 1, 0, 1, 1)] * 6, STATS_DTYPE)
    >>> found = Statistics(one).combine(Statistics(one))
    >>> len(found), found.value[0].item()
    (2, (2, 1.0, 0.0, 1.0, 1.0))
    """

    def __init__(self, stats: NDArray[Any] | None = None) -> None:
        self.value = stats_factory() if stats is None else stats.copy()

    def __len__(self) -> int:
        return int(self.value[0]["length"])

    def combine(self, other: Statistics) -> Self:
        """Add another's samples to these; return this."""
        if len(other):
            self.value = combined(self.value, other.value)
        return self


class RunningStatistics:
    """Statistics of numbers that come one by one.

    Examples
    --------
    >>> found = RunningStatistics()
    >>> for x in range(3):
    ...     found.add(x)
    >>> len(found), found.mean, found.var, found.std
    (3, 1.0, 1.0, 1.0)
    """

    def __init__(self) -> None:
        self.clear()

    def __len__(self) -> int:
        return self._count

    @property
    def mean(self) -> float:
        """Arithmetic mean; 0 without any."""
        return self._mean

    @property
    def var(self) -> float:
        """Variance of a sample of a population; 0 for fewer than two."""
        return self._squares / (self._count - 1) if self._count > 1 else 0.0 * self._squares

    @property
    def std(self) -> float:
        """Root of `var`."""
        return math.sqrt(self.var)

    @property
    def min(self) -> float:
        """Smallest; infinite without any."""
        return self._min

    @property
    def max(self) -> float:
        """Largest; minus infinite without any."""
        return self._max

    def clear(self) -> None:
        """Forget all."""
        self._count, self._mean, self._squares, self._min, self._max = 0, 0.0, 0.0, math.inf, -math.inf

    def invalid(self) -> None:
        """Be of nothing that is known."""
        self._count, self._mean, self._squares, self._min, self._max = 0, math.nan, math.nan, math.nan, math.nan

    def copy(self, other: RunningStatistics) -> None:
        """Become what another is."""
        vars(self).update(vars(other))

    def add(self, x: float) -> None:
        """Add a number; the mean is updated as by Welford ("Note on a Method for Calculating …", 1962)."""
        x = float(x)
        self._count += 1
        before = x - self._mean
        self._mean += before / self._count
        self._squares += before * (x - self._mean)
        self._min, self._max = min(self._min, x), max(self._max, x)

    def combine(self, other: RunningStatistics) -> RunningStatistics:
        """Return the statistics of these numbers and another's."""
        found = RunningStatistics()
        if not self._count or not other._count:
            found.copy(self if self._count else other)
            return found
        found._count = self._count + other._count
        distance, share = other._mean - self._mean, other._count / found._count
        found._mean = self._mean + distance * share
        found._squares = self._squares + other._squares + distance**2 * self._count * share
        found._min, found._max = min(self._min, other._min), max(self._max, other._max)
        return found
