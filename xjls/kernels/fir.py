"""Fewer samples from many: by a filter of finite length, or what most of them are.

A sample that is not finite has no weight: the others of a filter's length share it, as long as they have half of it.
So a few missing samples spread nowhere, and an output is NaN only where the middle of its span is missing.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from xjls.kernels.jit import kernel, part

__all__ = ["filter_down", "most_frequent"]

Floats = NDArray[np.float64]

LEAST_WEIGHT = 0.5
"""Of the finite samples of a filter's length, for an output that is not NaN."""


def filter_down(values: Floats, taps: Floats, factor: int) -> Floats:
    """Filter, and keep each ``factor``-th output.

    Parameters
    ----------
    values
        Shape (time,).
    taps
        Weights, which sum up to 1.
    factor
        Samples from one output to the next, at least 1.

    Returns
    -------
    ndarray
        float64[m]: output k is of ``values[k * factor : k * factor + len(taps)]``; as many as are whole.

    Examples
    --------
    >>> filter_down(np.array([1.0, 3, 5, np.nan, 9, 9]), np.array([0.5, 0.5]), 2)
    array([2., 5., 9.])
    """
    out = np.empty(max((len(values) - len(taps)) // factor + 1, 0))
    _filter_down(np.ascontiguousarray(values), taps, factor, out)
    return out


def most_frequent(states: NDArray[Any], factor: int) -> NDArray[Any]:
    """Return of each ``factor`` states the one that most of them are; of equals the lowest.

    Parameters
    ----------
    states
        Shape (time,), bool or uint8.
    factor
        At least 1.

    Examples
    --------
    >>> most_frequent(np.array([7, 7, 2, 1, 4, 1, 9], "u1"), 3)
    array([7, 1], dtype=uint8)
    """
    out = np.empty(len(states) // factor, np.uint8)
    _most_frequent(np.ascontiguousarray(states).view(np.uint8), factor, out)
    return out.view(states.dtype)


@numba.njit(nogil=True, fastmath={"reassoc", "nsz", "contract"})  # type: ignore[untyped-decorator,unused-ignore]  # numba has no types
def _weighted(values: Floats, start: int, taps: Floats) -> float:
    total = 0.0
    for i in range(taps.size):
        total += taps[i] * values[start + i]
    return total


@part
def _weighted_finite(values: Floats, start: int, taps: Floats) -> float:
    total, weight = 0.0, 0.0
    for i in range(taps.size):
        x = values[start + i]
        if math.isfinite(x):
            total += taps[i] * x
            weight += taps[i]
    return total / weight if weight >= LEAST_WEIGHT else math.nan


@kernel
def _filter_down(values: Floats, taps: Floats, factor: int, out: Floats) -> None:
    for k in range(out.size):
        found = _weighted(values, k * factor, taps)
        out[k] = found if math.isfinite(found) else _weighted_finite(values, k * factor, taps)


@kernel
def _most_frequent(states: NDArray[np.uint8], factor: int, out: NDArray[np.uint8]) -> None:
    counts = np.zeros(256, np.int64)
    for k in range(out.size):
        span = states[k * factor : (k + 1) * factor]
        for state in span:
            counts[state] += 1
        best = span[0]
        for state in span:
            if counts[state] > counts[best] or (counts[state] == counts[best] and state < best):
                best = state
        out[k] = best
        for state in span:
            counts[state] = 0
