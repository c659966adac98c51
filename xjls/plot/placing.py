"""Where words go so that none covers another: boxes in pixels, placed one after the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

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
    covers: Callable[[Box], bool] = lambda _: False
    """Whether words there would lie on a trace: they do so only where there is no other room."""
    apart: float = 3
    """Pixels between a point and its words."""

    def place(self, x: float, y: float, width: float, height: float) -> Box | None:
        """Return where words go beside a point: above or below, right or left of it; None where there is no room."""
        away = self.apart
        lefts, bottoms = (x + away, x - away - width), (y + away, y - away - height)
        boxes = [Box(left, bottom, left + width, bottom + height) for left in lefts for bottom in bottoms]
        return next((box for box in sorted(boxes, key=self.covers) if self.claim(box)), None)

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
