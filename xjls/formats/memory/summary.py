"""Samples to rows of all levels, as they come: each row is made once, when its last sample is there.

A row is float64[6], see `xjls.query.answer.ROW`: it counts the finite samples that it is of, and those lost.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROW_LENGTH = 6
COUNT, LOST, MEAN, SQUARES = range(4)
PIECE_ROWS = 4096
"""Rows of level 1 that are made at a time."""


class Summary:
    """Make the rows of one signal's levels.

    Parameters
    ----------
    factors
        Samples a row of each level covers, from fine to coarse, each a multiple of the one before.
    dtype
        Of the samples.

    Examples
    --------
    >>> summary = Summary((2, 4), np.dtype("i2"))
    >>> [rows[:, 2].tolist() for rows in summary.add(np.array([1, 3, 5], "i2"))]
    [[2.0], []]
    >>> [rows[:, 2].tolist() for rows in summary.add(np.array([7, 9], "i2"))]
    [[6.0], [4.0]]
    >>> [(len(rows), n) for rows, n in summary.nothing(11)]
    [(1, 5), (1, 2)]
    """

    def __init__(self, factors: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._floating = dtype.kind == "f"
        self._absent = dtype if self._floating else np.dtype("f8")
        """In which what nobody delivered is NaN."""
        self.empty = [_row_of_nothing(0 if self._floating else factor) for factor in factors]
        """Of each level, the row of what nobody delivered; of integers it is lost, of floats NaN."""
        self._factor = factors[0] if factors else 0
        self._steps = [above // below for below, above in pairwise(factors)]
        self._tail: NDArray[Any] = np.empty(0, "f4")
        """Samples that are in no row yet."""
        self._unmerged = [np.empty((0, ROW_LENGTH)) for _ in self._steps]
        self._edges = np.arange(PIECE_ROWS + 1, dtype=np.int64) * self._factor

    def add(self, samples: NDArray[Any]) -> list[NDArray[np.float64]]:
        """Take samples in their order; return the rows of each level that they complete."""
        if not self._factor:
            return []
        levels = [self._finest(samples)]
        for i, step in enumerate(self._steps):
            levels.append(self._merged(i, step, levels[-1]))
        return levels

    def nothing(self, count: int) -> list[tuple[NDArray[np.float64], int]]:
        """Count samples that nobody delivered, any number at no cost.

        Return of each level the rows that samples from before are in, and how many rows of `empty` follow them.
        """
        if not self._factor:
            return []
        head = min(-len(self._tail) % self._factor, count)
        made = self._finest(np.full(head, np.nan, self._absent))
        whole, rest = divmod(count - head, self._factor)
        if rest:
            self._tail = np.full(rest, np.nan, self._absent)
        levels = [(made, whole)]
        for i, step in enumerate(self._steps):
            levels.append(self._merged_nothing(i, step, *levels[-1]))
        return levels

    def _merged_nothing(
        self, level: int, step: int, rows: NDArray[np.float64], empty: int
    ) -> tuple[NDArray[np.float64], int]:
        head = min(-(len(self._unmerged[level]) + len(rows)) % step, empty)
        made = self._merged(level, step, np.concatenate([rows, np.tile(self.empty[level], (head, 1))]))
        whole, rest = divmod(empty - head, step)
        if rest:
            self._unmerged[level] = np.tile(self.empty[level], (rest, 1))
        return made, whole

    def _finest(self, samples: NDArray[Any]) -> NDArray[np.float64]:
        made = []
        if len(self._tail):
            take = self._factor - len(self._tail)
            self._tail = np.concatenate([self._tail, samples[:take]])
            samples = samples[take:]
            if len(self._tail) < self._factor:
                return np.empty((0, ROW_LENGTH))
            made.append(self._rows(self._tail))
        whole = len(samples) // self._factor * self._factor
        self._tail = samples[whole:].copy()
        cuts = [*range(0, whole, PIECE_ROWS * self._factor), whole]
        made += [self._rows(samples[start:stop]) for start, stop in pairwise(cuts)]
        return np.concatenate(made) if made else np.empty((0, ROW_LENGTH))

    def _rows(self, samples: NDArray[Any]) -> NDArray[np.float64]:
        from xjls.kernels.moments import moments_of_runs

        n = len(samples) // self._factor
        rows = np.empty((n, ROW_LENGTH))
        moments_of_runs(samples, self._edges[: n + 1], rows)
        if not self._floating:
            rows[:, LOST] = self._factor - rows[:, COUNT]
        return rows

    def _merged(self, level: int, step: int, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        from xjls.kernels.moments import merge_rows

        if not len(rows):
            return rows
        below = np.concatenate([self._unmerged[level], rows])
        n = len(below) // step
        self._unmerged[level] = below[n * step :]
        return merge_rows(below[: n * step].reshape(n, step, ROW_LENGTH).swapaxes(0, 1)) if n else below[:0]


def _row_of_nothing(lost: int) -> NDArray[np.float64]:
    row = np.full(ROW_LENGTH, np.nan)
    row[COUNT], row[LOST] = 0, lost
    return row
