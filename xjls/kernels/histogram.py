"""Samples -> counts in bins of equal width, in one pass.

A sample belongs to the bin whose edges are around it by comparison in float64, the left edge included and, in the last
bin, the right one too: exactly as in `numpy.histogram` of float64 samples, whose edges are those of `numpy.linspace`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xjls.kernels.jit import kernel, part
from xjls.kernels.memory import address
from xjls.kernels.moments import plain_samples
from xjls.kernels.passes import view

__all__ = ["OUTSIDE", "count_in_bins"]

OUTSIDE = ("below", "above", "not_finite")
"""What becomes of samples that are in no bin; so `count_in_bins` counts them."""

_BELOW, _ABOVE, _NOT_FINITE = range(len(OUTSIDE))
_TABLES = 4
"""Counted in turns, for neighbours are often in one bin, and to add to a number that was just added to is slow."""
_BLOCK = 1024
"""Samples whose bins are found in one vectorised loop, to be counted in the next."""
_MOST_BINS = 1 << 20


def count_in_bins(
    values: NDArray[Any], low: float, high: float, counts: NDArray[np.int64], outside: NDArray[np.int64]
) -> None:
    """Add the samples to the counts of bins of equal width.

    Parameters
    ----------
    values
        Shape (time,), bool, integers or floats.
    low, high
        The first bin's left and the last one's right edge, finite; low < high.
    counts
        int64[bin], added to.
    outside
        int64[3], added to: samples below the first edge, above the last one, and those that are NaN or infinite.

    Raises
    ------
    ValueError
        The edges are not in order or too close to each other, there is no bin or more than 2²⁰, or `outside` has
        another shape.

    Examples
    --------
    >>> counts, outside = np.zeros(2, "i8"), np.zeros(3, "i8")
    >>> count_in_bins(np.array([0.1, 1, 1.9, 2, 2.1, np.nan]), 0, 2, counts, outside)
    >>> counts, outside
    (array([1, 3]), array([0, 1, 1]))
    """
    if not 0 < len(counts) <= _MOST_BINS or outside.shape != (len(OUTSIDE),):
        raise ValueError(f"counts must be from 1 to {_MOST_BINS}, outside {len(OUTSIDE)}")
    if not low < high or not math.isfinite(high - low) or not math.isfinite(len(counts) / float(high - low)):
        raise ValueError(f"{len(counts)} bins from {low} to {high} have no width")
    _count(plain_samples(values), float(low), float(high), counts, outside)


@part
def _place(samples: NDArray[Any], low: float, high: float, bins: int, places: NDArray[np.int32]) -> None:
    """Store the bin of each sample, or behind the bins what it is instead, as `OUTSIDE` lists it; vectorised."""
    width, per_width = (high - low) / bins, bins / (high - low)
    last = np.int32(bins - 1)
    for i in range(samples.size):
        x = np.float64(samples[i])
        inside = low <= x <= high
        place = min(np.int32((x - low) * per_width if inside else 0.0), last)
        # The product may be off by one; to look the edges up would keep the loop from being vectorised
        place -= x < place * width + low
        place += place < last and x >= (place + 1) * width + low
        other = (_BELOW if x < low else _ABOVE) if math.isfinite(x) else _NOT_FINITE
        places[i] = place if inside else bins + other


@kernel
def _count(
    values: NDArray[Any], low: float, high: float, counts: NDArray[np.int64], outside: NDArray[np.int64]
) -> None:
    bins = counts.size
    tables = np.zeros((_TABLES, bins + outside.size), np.int64)
    places = np.empty(_BLOCK, np.int32)
    for start in range(0, values.size, _BLOCK):
        block = view(values, address(values) + start * values.itemsize, min(_BLOCK, values.size - start))
        _place(block, low, high, bins, places)
        for i in range(block.size):
            tables[i % _TABLES, places[i]] += 1
    for table in range(_TABLES):
        counts += tables[table, :bins]
        outside += tables[table, bins:]
