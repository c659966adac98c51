"""Samples -> summary entries -> coarser entries. An entry is mean, standard deviation, minimum, maximum.

The standard deviation is that of the population (divided by the count), in two passes, in float64. Samples that are
NaN or infinite do not count; an entry without a finite sample is NaN throughout.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xjls.kernels.jit import kernel, part
from xjls.kernels.passes import squares, sum_and_extremes

__all__ = ["merge", "summarize"]

Entries = NDArray[np.float32] | NDArray[np.float64]


def summarize(samples: NDArray[Any], factor: int, out: Entries) -> None:
    """Summarise each `factor` samples in one entry.

    Parameters
    ----------
    samples
        Shape (time,), bool, integers or floats.
    factor
        Samples an entry, at least 1.
    out
        Shape (n, statistic = 4), float32 or float64, C-contiguous: entry i is that of
        samples[i * factor : (i + 1) * factor].

    Raises
    ------
    ValueError
        There are fewer than n * factor samples, or `out` has another shape.

    Examples
    --------
    >>> entries = np.empty((2, 4))
    >>> summarize(np.array([1, 3, 5, 5], "i2"), 2, entries)
    >>> entries
    array([[2., 1., 1., 3.],
           [5., 0., 5., 5.]])
    """
    _require(out, samples.size, factor)
    samples = np.ascontiguousarray(samples).view(np.uint8 if samples.dtype == np.bool_ else samples.dtype)
    _summarize(_read_only(samples), factor, out)


def merge(entries: Entries, factor: int, out: Entries) -> None:
    """Merge each `factor` consecutive entries into one, with equal weights.

    The variance is that of the samples: the mean of std² plus the variance of the means. Entries whose mean is not
    finite do not count; one with a finite mean and a std of NaN makes the std NaN, as in files written by the JLS
    library.

    Parameters
    ----------
    entries
        Shape (m, statistic = 4), float32 or float64.
    factor
        Entries merged into one, at least 1.
    out
        Shape (n, statistic = 4), float32 or float64, C-contiguous.

    Raises
    ------
    ValueError
        There are fewer than n * factor entries, or a shape is another.

    Examples
    --------
    >>> coarser = np.empty((1, 4))
    >>> merge(np.array([[2.0, 1.0, 1.0, 3.0], [5.0, 0.0, 5.0, 5.0]]), 2, coarser)
    >>> coarser.round(4)
    array([[3.5   , 1.6583, 1.    , 5.    ]])
    """
    if entries.ndim != 2 or entries.shape[1] != 4:
        raise ValueError(f"entries must have the shape (m, 4), not {entries.shape}")
    _require(out, len(entries), factor)
    _merge(_read_only(np.ascontiguousarray(entries)), factor, out)


def _require(out: Entries, available: int, factor: int) -> None:
    if factor < 1:
        raise ValueError(f"factor must be at least 1, not {factor}")
    if out.ndim != 2 or out.shape[1] != 4 or not out.flags.c_contiguous:
        raise ValueError(f"out must be C-contiguous and have the shape (n, 4), not {out.shape}")
    if available < len(out) * factor:
        raise ValueError(f"{len(out)} entries of {factor} need {len(out) * factor}, there are {available}")


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """View `array` read-only: to numba that is a type of its own, and one of the two is enough."""
    view = array.view()
    view.flags.writeable = False
    return view


@part
def _finite_entry(samples: NDArray[Any], entry: Entries) -> None:
    """Fill `entry` from the finite ones of the samples."""
    count, total, low, high = 0, 0.0, math.inf, -math.inf
    for x in samples:
        if math.isfinite(x):
            count += 1
            total += x
            low, high = min(low, np.float64(x)), max(high, np.float64(x))
    if count == 0:
        entry[:] = math.nan
        return
    mean = total / count
    squares = 0.0
    for x in samples:
        if math.isfinite(x):
            squares += (x - mean) ** 2
    entry[0], entry[1], entry[2], entry[3] = mean, math.sqrt(squares / count), low, high


@kernel
def _summarize(samples: NDArray[Any], factor: int, out: Entries) -> None:
    """See `summarize`. A sum is finite only if all its samples are: the others take the slow way."""
    for i in range(out.shape[0]):
        block = samples[i * factor : (i + 1) * factor]
        total, low, high = sum_and_extremes(block)
        if math.isfinite(total):
            mean = total / factor
            out[i, 0] = mean
            out[i, 1] = math.sqrt(squares(block, mean) / factor)
            out[i, 2] = low
            out[i, 3] = high
        else:
            _finite_entry(block, out[i])


@part
def _merge_one(entries: Entries, out: Entries) -> None:
    """Fill the entry `out` from `entries`, at least one."""
    count, total, low, high = 0, 0.0, np.inf, -np.inf
    for i in range(entries.shape[0]):
        mean = np.float64(entries[i, 0])
        if math.isfinite(mean):
            count += 1
            total += mean
            low = min(low, np.float64(entries[i, 2]))
            high = max(high, np.float64(entries[i, 3]))
    if count == 0:
        out[:] = math.nan
        return
    centre = total / count
    variance = 0.0
    for i in range(entries.shape[0]):
        if math.isfinite(entries[i, 0]):
            variance += np.float64(entries[i, 1]) ** 2 + (np.float64(entries[i, 0]) - centre) ** 2
    out[0], out[1] = centre, math.sqrt(variance / count)
    out[2] = low if low < np.inf else np.nan
    out[3] = high if high > -np.inf else np.nan


@kernel
def _merge(entries: Entries, factor: int, out: Entries) -> None:
    for i in range(out.shape[0]):
        _merge_one(entries[i * factor : (i + 1) * factor], out[i])
