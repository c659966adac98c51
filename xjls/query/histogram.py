"""Bins of equal width, and the samples that fall into them: counted a piece at a time, and added up."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import SelectionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["OUTSIDE", "Bins", "choose_bins", "count"]

OUTSIDE = ("below", "above", "not_finite", "lost")
"""What samples in no bin are: outside the range, NaN or infinite, or not held by the recording."""

DEFAULT_BINS = 256
MOST_BINS = 1 << 20
"""More of them are no histogram."""
MOST_VALUES = 1024
"""Integers that span no more values get a bin for each of them."""


@dataclass(frozen=True, slots=True)
class Bins:
    """``number`` bins of equal width from ``low`` to ``high``.

    Examples
    --------
    >>> bins = Bins(0, 2, 4)
    >>> bins.edges.tolist(), bins.centres.tolist(), bins.width
    ([0.0, 0.5, 1.0, 1.5, 2.0], [0.25, 0.75, 1.25, 1.75], 0.5)
    """

    low: float
    high: float
    number: int

    def __post_init__(self) -> None:
        if not isinstance(self.number, int | np.integer):
            raise SelectionError(
                f"bins={self.number!r} is no number of bins", "Give an integer, and range=(low, high)."
            )
        if self.number < 1:
            raise SelectionError(f"{self.number} bins are none", "Ask for at least one.")
        if self.number > MOST_BINS:
            raise SelectionError(f"{self.number:_} bins are too many", f"Ask for at most {MOST_BINS:_}.")
        if not (math.isfinite(self.high - self.low) and self.low < self.high):
            raise SelectionError(
                f"there is no finite range from {self.low} to {self.high}", "Give range=(low, high) with low < high."
            )

    @property
    def edges(self) -> NDArray[np.float64]:
        """Shape (bin + 1,): the first bin's left edge to the last one's right edge."""
        return np.linspace(self.low, self.high, self.number + 1)

    @property
    def centres(self) -> NDArray[np.float64]:
        """Shape (bin,)."""
        edges = self.edges
        return edges[:-1] + np.diff(edges) / 2

    @property
    def width(self) -> float:
        """Of a bin."""
        return (self.high - self.low) / self.number


def choose_bins(dtype: np.dtype[Any], low: float, high: float, number: int | None = None) -> Bins:
    """Return bins that suit samples between `low` and `high`, both NaN where there is none.

    Integers that span at most 1024 values get a bin for each value, its centre, unless a `number` is given; others get
    256 bins. A single value gets a range of one around it.

    Examples
    --------
    >>> choose_bins(np.dtype("?"), 0, 1).centres.tolist(), choose_bins(np.dtype("f4"), 2, 2, 4)
    ([0.0, 1.0], Bins(low=1.5, high=2.5, number=4))
    """
    if math.isnan(low) or math.isnan(high):
        low, high = 0.0, 1.0
    if dtype.kind == "b":
        low, high = 0.0, 1.0
    if number is None and dtype.kind in "biu" and high - low < MOST_VALUES:
        return Bins(low - 0.5, high + 0.5, int(high - low) + 1)
    if low == high:
        low, high = low - 0.5, high + 0.5
    return Bins(float(low), float(high), DEFAULT_BINS if number is None else number)


def count(pieces: Iterable[tuple[NDArray[Any], NDArray[np.bool_] | None]], bins: Bins) -> NDArray[np.int64]:
    """Count samples.

    Parameters
    ----------
    pieces
        Samples of any shape, and which of them along the first axis are valid; None: all.
    bins
        Where they may fall.

    Returns
    -------
    ndarray
        int64[bin + 4]: the samples of each bin, and those that are in none, as `OUTSIDE` names them. Counts of
        different pieces add up.

    Examples
    --------
    >>> count([(np.array([0.5, 3, np.nan]), None), (np.array([1.5, -9.9]), np.array([True, False]))], Bins(0, 2, 2))
    array([1, 1, 0, 1, 1, 1])
    """
    from xjls.kernels.histogram import count_in_bins

    counted = np.zeros(bins.number + len(OUTSIDE), np.int64)
    for values, valid in pieces:
        kept = values
        if valid is not None and not valid.all():
            kept = values[valid]
            counted[-1] += values.size - kept.size
        count_in_bins(kept.ravel(), bins.low, bins.high, counted[: bins.number], counted[bins.number : -1])
    return counted
