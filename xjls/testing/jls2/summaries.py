"""Level arithmetic: samples to entries, entries to entries, as the library computes them (format section 8.3).

The library adds one number after the other in float64 and rounds what it stores. The same order is kept here, so that
the bytes come out equal; NumPy's own sum adds pairwise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def reduce_samples(samples: NDArray[Any], factor: int, dtype: np.dtype[Any], *, ddof: int = 0) -> NDArray[Any]:
    """Return the level-1 entries of consecutive samples; a rest of fewer than ``factor`` samples is left out.

    Only finite samples count; where there are none, all four numbers are NaN.

    Parameters
    ----------
    samples
        Shape ``(n,)``.
    factor
        Samples of an entry.
    dtype
        Type of the stored numbers.
    ddof
        1 for the standard deviation of a sample, else that of the population.

    Returns
    -------
    ndarray
        Shape ``(n // factor, 4)``: mean, std, min, max.

    Examples
    --------
    >>> reduce_samples(np.array([1.0, 2, 3, np.nan, 7, 8, 9]), 3, np.dtype("<f4")).round(3)
    array([[2.   , 0.816, 1.   , 3.   ],
           [7.5  , 0.5  , 7.   , 8.   ]], dtype=float32)
    """
    count = len(samples) // factor
    columns = np.ascontiguousarray(samples[: count * factor].reshape(count, factor).T, np.float64)
    finite = np.isfinite(columns)
    n = np.add.reduce(finite, axis=0, dtype=np.int64)
    mean = _mean(columns, finite, n)
    with np.errstate(over="ignore", invalid="ignore"):
        var = _sum(np.where(finite, columns - mean, 0.0) ** 2) / np.maximum(n - ddof, 1)
    low = np.where(finite, columns, np.inf).min(axis=0, initial=np.inf)
    high = np.where(finite, columns, -np.inf).max(axis=0, initial=-np.inf)
    return _stored(n, (mean, var, low, high), dtype)


def reduce_entries(entries: NDArray[Any], factor: int) -> NDArray[Any]:
    """Return the next level's entries of stored entries; a rest of fewer than ``factor`` entries is left out.

    Entries with a finite mean count, all with the same weight. The library forgets to skip the others in its sum of
    squares: one NaN among ``factor`` entries makes the standard deviation NaN and leaves mean, min and max finite.

    Examples
    --------
    >>> entries = np.array([[1, 0, 1, 1], [3, 0, 3, 3], [5, 1, 4, 6], [np.nan] * 4], np.float32)
    >>> reduce_entries(entries, 2)
    array([[ 2.,  1.,  1.,  3.],
           [ 5., nan,  4.,  6.]], dtype=float32)
    """
    count = len(entries) // factor
    grouped = entries[: count * factor].reshape(count, factor, 4).transpose(2, 1, 0)
    means, stds, lows, highs = np.ascontiguousarray(grouped, np.float64)
    finite = np.isfinite(means)
    n = np.add.reduce(finite, axis=0, dtype=np.int64)
    mean = _mean(means, finite, n)
    with np.errstate(over="ignore", invalid="ignore"):
        var = _sum(stds**2 + (means - mean) ** 2) / np.maximum(n, 1)
    low = np.where(finite, lows, np.inf).min(axis=0, initial=np.inf)
    high = np.where(finite, highs, -np.inf).max(axis=0, initial=-np.inf)
    return _stored(n, (mean, var, low, high), entries.dtype)


def _mean(values: Floats, finite: NDArray[np.bool_], n: NDArray[np.int64]) -> Floats:
    with np.errstate(over="ignore"):
        return _sum(np.where(finite, values, 0.0)) / np.maximum(n, 1)


def _sum(values: Floats) -> Floats:
    """Add row after row."""
    total = np.zeros(values.shape[1])
    for row in values:
        total += row
    return total


def _stored(n: NDArray[np.int64], numbers: tuple[Floats, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    mean, var, low, high = numbers
    table = np.stack([mean, np.sqrt(var), low, high], axis=1)
    table[n == 0] = np.nan
    with np.errstate(over="ignore", under="ignore"):
        return table.astype(dtype)
