"""Where words go so that none covers another: boxes in pixels, placed one after the other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_TRIED = 240
"""Of thousands of texts, so many are tried, evenly spread: more than fit into any picture."""


class Box(NamedTuple):
    """A rectangle in pixels."""

    left: float
    bottom: float
    right: float
    top: float

    def overlaps(self, other: Box) -> bool:
        """Whether both have a pixel in common."""
        apart = self.right <= other.left or other.right <= self.left
        return not (apart or self.top <= other.bottom or other.top <= self.bottom)

    def within(self, other: Box) -> bool:
        """Whether no part of it is outside the other."""
        across = other.left <= self.left and self.right <= other.right
        return across and other.bottom <= self.bottom and self.top <= other.top


class Ribbon(NamedTuple):
    """A trace in pixels: the range of each of its columns.

    Examples
    --------
    >>> ribbon = Ribbon(np.array([0.0, 10, 20]), np.array([5.0, 50]), np.array([8.0, 60]))
    >>> ribbon.overlaps(Box(2, 0, 8, 10)), ribbon.overlaps(Box(12, 0, 18, 10))
    (True, False)
    """

    edges: NDArray[np.float64]
    """Of the columns, shape (column + 1,); rising."""
    bottoms: NDArray[np.float64]
    """Shape (column,), as `tops`; NaN where there is no sample."""
    tops: NDArray[np.float64]

    def overlaps(self, box: Box) -> bool:
        """Whether a column has a pixel in common with a box."""
        first, stop = np.searchsorted(self.edges, [box.left, box.right])
        part = slice(max(first - 1, 0), stop)
        return bool(((self.bottoms[part] < box.top) & (self.tops[part] > box.bottom)).any())


@dataclass(slots=True)
class Layout:
    """What has been placed so far.

    Examples
    --------
    >>> layout = Layout(Box(0, 0, 100, 100))
    >>> layout.place(10, 20, 30, 12), layout.place(95, 95, 30, 12)
    (Box(left=13, bottom=23, right=43, top=35), Box(left=62, bottom=80, right=92, top=92))
    >>> layout.place(10, 20, 30, 12), layout.place(10, 20, 30, 12)
    (Box(left=13, bottom=5, right=43, top=17), None)
    """

    bounds: Box
    taken: list[Box] = field(default_factory=list)
    ribbons: Sequence[Ribbon] = ()
    """Traces that words lie on only where there is no other room."""
    apart: float = 3
    """Pixels between a point and its words."""

    def place(self, x: float, y: float, width: float, height: float) -> Box | None:
        """Return where words go beside a point: above or below, right or left of it; None where there is no room."""
        away = self.apart
        lefts, bottoms = (x + away, x - away - width), (y + away, y - away - height)
        boxes = [Box(left, bottom, left + width, bottom + height) for left in lefts for bottom in bottoms]
        boxes.sort(key=lambda box: any(ribbon.overlaps(box) for ribbon in self.ribbons))
        return next((box for box in boxes if self.claim(box)), None)

    def claim(self, box: Box) -> bool:
        """Take a box if it is free."""
        free = box.within(self.bounds) and not any(box.overlaps(other) for other in self.taken)
        if free:
            self.taken.append(box)
        return free


def rows_of(spans: Iterable[tuple[float, float]], count: int) -> list[int | None]:
    """Give spans along a line, ordered by their start, the first of some rows that is free; None where all are taken.

    Examples
    --------
    >>> rows_of([(0, 10), (5, 15), (7, 9), (11, 20)], 2)
    [0, 1, None, 0]
    """
    ends = [-math.inf] * count
    found: list[int | None] = []
    for start, stop in spans:
        row = next((row for row, end in enumerate(ends) if start >= end), None)
        if row is not None:
            ends[row] = stop
        found.append(row)
    return found


def spread(count: int, most: int = MOST_TRIED) -> Sequence[int]:
    """Return at most so many of ``count`` places, evenly spread.

    Examples
    --------
    >>> spread(3, 5), spread(100, 5)
    ([0, 1, 2], [0, 25, 50, 74, 99])
    """
    return [round(i * (count - 1) / (most - 1)) for i in range(most)] if count > most > 1 else list(range(count))
