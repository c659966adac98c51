"""Which moments have a row: sample ids of one signal's axis, and the samples of other signals that belong to them.

A table has one axis. Signals of one source and rate share its sample ids; others are placed on it by time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Protocol

import numpy as np

from xjls.errors import SelectionError
from xjls.query.edges import equal_edges

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.model.clock import Clock
    from xjls.model.window import Window

_FLOORED_NS = 2
"""How far two times may be apart, for they are whole nanoseconds, where the moments are one."""


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """Some rows of a table, one after the other."""

    row: int
    """The number of the first of them."""
    edges: NDArray[np.int64]
    """Sample ids of the axis, shape (row + 1,): where each row begins, and where the last one ends."""

    @property
    def ids(self) -> NDArray[np.int64]:
        """Where each row begins."""
        return self.edges[:-1]

    def __len__(self) -> int:
        return len(self.edges) - 1


class Rows(Protocol):
    """A run of rows."""

    def __len__(self) -> int: ...

    def edges(self, first: int, last: int) -> NDArray[np.int64]:
        """Return where rows [first, last) begin, and where the last of them ends."""
        ...


@dataclass(frozen=True, slots=True)
class Even:
    """A row for every so many samples of a window; the last one has what is left.

    Examples
    --------
    >>> from xjls.model.window import Window
    >>> rows = Even(Window(5, 12), 3)
    >>> len(rows), rows.edges(0, 3)
    (3, array([ 5,  8, 11, 12]))
    """

    window: Window
    every: int

    def __len__(self) -> int:
        return (self.window.length + self.every - 1) // self.every

    def edges(self, first: int, last: int) -> NDArray[np.int64]:
        """Return where rows begin and the last one ends."""
        starts = self.window.start + np.arange(first, last + 1, dtype=np.int64) * self.every
        starts[-1] = min(starts[-1], self.window.stop)
        return starts


class Equal:
    """So many rows of a window, as equal as whole samples can be.

    Examples
    --------
    >>> from xjls.model.window import Window
    >>> Equal(Window(5, 12), 2).edges(0, 2)
    array([ 5,  8, 12])
    """

    def __init__(self, window: Window, columns: int) -> None:
        self._edges = equal_edges(window.start, window.stop, columns)

    def __len__(self) -> int:
        return len(self._edges) - 1

    def edges(self, first: int, last: int) -> NDArray[np.int64]:
        """Return where rows begin and the last one ends."""
        return self._edges[first : last + 1]


def iter_spans(runs: Iterable[Rows], size: int) -> Iterator[Span]:
    """Yield all rows of runs in spans of at most ``size`` rows; none reaches from one run into the next."""
    runs = list(runs)
    for run, start in zip(runs, accumulate((len(run) for run in runs), initial=0), strict=False):
        for first, last in pairwise([*range(0, len(run), size), len(run)]):
            yield Span(start + first, run.edges(first, last))


class Placing(Protocol):
    """How one signal's samples belong to rows."""

    aligned: bool
    """Whether its sample ids are the axis's own."""

    def ids(self, span: Span) -> NDArray[np.int64]:
        """Return the sample id that each row shows; the signal may have no such sample."""
        ...

    def edges(self, span: Span) -> NDArray[np.int64]:
        """Return the sample ids between which each row's samples lie, within the signal."""
        ...


@dataclass(frozen=True, slots=True)
class ById:
    """Of a signal that shares the axis's sample ids."""

    window: Window
    aligned = True

    def ids(self, span: Span) -> NDArray[np.int64]:
        """Return the rows' own ids."""
        return span.ids

    def edges(self, span: Span) -> NDArray[np.int64]:
        """Return the rows' own edges, as far as the signal goes."""
        return span.edges.clip(self.window.start, self.window.stop)


@dataclass(frozen=True, slots=True)
class ByTime:
    """Of a signal with sample ids of its own: the sample nearest to the row's time; halfway, the earlier one."""

    window: Window
    clock: Clock
    """Of the signal."""
    axis: Clock
    """Of the rows, in the same time."""
    aligned = False

    def ids(self, span: Span) -> NDArray[np.int64]:
        """Return the ids nearest to the rows' times."""
        times = self.axis.times(span.ids)
        after = self.clock.first_at_or_after(times).clip(self.window.start, self.window.stop)
        to_next, to_last = self.clock.times(after) - times, times - self.clock.times(after - 1)
        return after - (to_last <= to_next + _FLOORED_NS)

    def edges(self, span: Span) -> NDArray[np.int64]:
        """Return the edges between samples: each is in the row in which its time lies."""
        found = self.clock.first_at_or_after(self.axis.times(span.edges))
        return found.clip(self.window.start, self.window.stop)


def check_every(every: int | None, columns: int | None) -> None:
    """Refuse two ways of making rows at once, and rows without samples."""
    if every is not None and columns is not None:
        raise SelectionError("rows of so many samples, and so many rows, are two things", "Give one of them.")
    if every is not None and every < 1:
        raise SelectionError(f"rows of {every} samples have none", "Give at least one sample a row.")
