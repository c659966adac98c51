"""Statistics of spans of a signal that lies in a ring, with rows of its levels in rings beside it.

Position p lies at ``p % capacity``, and the row of a level that begins at p at ``p // factor % (capacity // factor)``;
the capacity is a multiple of every factor, so that rows and samples give way together. Rows are those of `moments`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xjls.kernels.jit import kernel, part
from xjls.kernels.memory import address
from xjls.kernels.moments import (
    ROW_LENGTH,
    Moments,
    fill_row,
    join_moments,
    moments_of,
    no_moments,
    plain_samples,
)
from xjls.kernels.passes import view

__all__ = ["summarize_ring"]

Rows = NDArray[np.float64]

_ROW_BYTES = 8 * ROW_LENGTH
_FACTOR, _PLACE = 0, 1


def summarize_ring(
    samples: NDArray[Any], levels: Sequence[tuple[int, Rows]], edges: NDArray[np.int64], rows: Rows
) -> None:
    """Reduce the samples between each two neighbours of ``edges`` to a row each.

    Parameters
    ----------
    samples
        Shape (capacity,), bool, integers or floats; contiguous.
    levels
        Factor, and rows float64[capacity // factor, 6], of each level from fine to coarse.
    edges
        int64[span + 1], positions that do not fall, all of samples that are there.
    rows
        float64[span, 6], C-contiguous; filled.

    Examples
    --------
    >>> samples, pairs = np.array([8, 9, 6, 7], "i2"), np.array([[2, 0, 8.5, 0.5, 8, 9], [2, 0, 6.5, 0.5, 6, 7]])
    >>> rows = np.empty((2, 6))
    >>> summarize_ring(samples, [(2, pairs)], np.array([7, 9, 10]), rows)
    >>> rows[:, 2].tolist()
    [7.5, 9.0]
    """
    if (
        rows.shape != (len(edges) - 1, ROW_LENGTH)
        or not samples.flags.c_contiguous
        or not all(len(made) * factor == samples.size and made.flags.c_contiguous for factor, made in levels)
    ):
        raise ValueError("the arrays of a ring do not fit each other")
    table = np.array([(factor, made.ctypes.data) for factor, made in levels], np.int64).reshape(len(levels), 2)
    _summarize_ring(plain_samples(samples), table, np.ascontiguousarray(edges, np.int64), rows)


@part
def _coarsest(levels: NDArray[np.int64], at: int, stop: int) -> int:
    """Return the coarsest level of which a row begins at a position and ends before another; -1 for none."""
    level = levels.shape[0] - 1
    while level >= 0 and (at % levels[level, _FACTOR] != 0 or at + levels[level, _FACTOR] > stop):
        level -= 1
    return int(level)


@part
def _joined(found: Moments, more: Moments) -> Moments:
    if more.number == 0:
        return found
    return more if found.number == 0 else join_moments(found, more)


@kernel
def _summarize_ring(samples: NDArray[Any], levels: NDArray[np.int64], edges: NDArray[np.int64], rows: Rows) -> None:
    capacity = samples.size
    end = address(samples) + capacity * samples.itemsize
    for i in range(rows.shape[0]):
        at, stop, lost, found = edges[i], edges[i + 1], 0, no_moments()
        while at < stop:
            level = _coarsest(levels, at, stop)
            if level >= 0:
                factor = levels[level, _FACTOR]
                row = view(
                    rows[0], levels[level, _PLACE] + at // factor % (capacity // factor) * _ROW_BYTES, ROW_LENGTH
                )
                found = _joined(found, Moments(int(row[0]), row[2], row[3], row[4], row[5]))
                lost += int(row[1])
                at += factor
            else:
                until = min(stop, (at // capacity + 1) * capacity)
                if levels.shape[0] > 0:
                    until = min(until, (at // levels[0, _FACTOR] + 1) * levels[0, _FACTOR])
                source = address(samples) + at % capacity * samples.itemsize
                found = _joined(found, moments_of(samples, source, until - at, end, 0))
                at = until
        fill_row(rows[i], found, lost)
