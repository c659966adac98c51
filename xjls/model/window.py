"""Windows: half-open ranges of sample ids, and the gaps in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from operator import index
from typing import SupportsIndex, TypeAlias

import numpy as np
from numpy.typing import NDArray

from xjls.errors import SelectionError


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Half-open range of sample ids ``[start, stop)``.

    Examples
    --------
    >>> Window(10, 30) & Window(20, 40)
    Window(start=20, stop=30)
    >>> Window(10, 30).length
    20
    """

    start: int
    """First sample id."""
    stop: int
    """One past the last sample id; never below ``start``."""

    def __post_init__(self) -> None:
        if self.stop < self.start:
            raise SelectionError(
                f"the window [{self.start:_}, {self.stop:_}) ends before it starts",
                "Give (start, stop) with start <= stop.",
            )

    @classmethod
    def of(cls, value: Window | tuple[SupportsIndex | None, SupportsIndex | None] | None, within: Window) -> Window:
        """Make a window of what a caller gave; None stands for the end of ``within``, and it must lie inside it.

        Raises
        ------
        SelectionError
            The window reaches outside ``within``, or is none.
        """
        if value is None:
            return within
        if not isinstance(value, Window):
            try:
                lo, hi = value
                ends = within.start if lo is None else index(lo), within.stop if hi is None else index(hi)
            except (TypeError, ValueError):
                raise SelectionError(f"{value!r} is no window", "Give (start, stop) in sample ids, or None.") from None
            value = cls(*ends)
        if value.start < within.start or value.stop > within.stop:
            raise SelectionError(
                f"the window [{value.start:_}, {value.stop:_}) reaches outside [{within.start:_}, {within.stop:_})",
                "Choose a window inside them.",
            )
        return value

    @property
    def length(self) -> int:
        """Samples in the window."""
        return self.stop - self.start

    def __and__(self, other: Window) -> Window:
        start = max(self.start, other.start)
        return Window(start, max(start, min(self.stop, other.stop)))

    def __str__(self) -> str:
        return f"{self.start:_}–{self.stop:_}"


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """Sample ids that were counted and whose values the recording does not hold."""

    window: Window
    """Which samples."""
    reason: str
    """Why: ``"checksum differs"``, ``"left out when it was written"`` …"""
    offset: int = -1
    """Byte offset of the chunk that should hold them; -1 where no chunk is left."""
    skipped: bool = field(default=False, repr=False)
    """Whether nobody delivered them, as the writer recorded: no damage, and no reason to refuse the rest."""

    def __and__(self, window: Window) -> Gap:
        return replace(self, window=self.window & window)

    def moved(self, samples: int) -> Gap:
        """Return it so many sample ids later."""
        return replace(self, window=Window(self.window.start + samples, self.window.stop + samples))


WindowLike: TypeAlias = "Window | tuple[int | None, int | None] | None"
"""What stands for a window in calls: None at either end, or for all, takes what there is."""


def valid_mask(window: Window, gaps: Iterable[Gap]) -> NDArray[np.bool_]:
    """Return for each sample of a window whether it lies in none of the gaps.

    Examples
    --------
    >>> valid_mask(Window(10, 15), [Gap(Window(0, 12), "lost")]).tolist()
    [False, False, True, True, True]
    """
    valid = np.ones(window.length, np.bool_)
    for gap in gaps:
        inside = gap.window & window
        valid[inside.start - window.start : inside.stop - window.start] = False
    return valid


def runs(flags: NDArray[np.bool_], most: int | None = None) -> Iterator[tuple[int, int]]:
    """Yield the runs of True as half-open ranges, each cut into such of at most ``most`` where that is given.

    Examples
    --------
    >>> flags = np.array([False, True, True, True, False, True])
    >>> list(runs(flags)), list(runs(flags, 2))
    ([(1, 4), (5, 6)], [(1, 3), (3, 4), (5, 6)])
    """
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False)).tolist()
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        for lo in range(start, stop, most or stop - start):
            yield lo, min(lo + (most or stop), stop)


def merge_gaps(gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    """Order gaps by sample id and join neighbours that have the same reason.

    Examples
    --------
    >>> merge_gaps([Gap(Window(8, 16), "lost", 96), Gap(Window(0, 8), "lost", 32)])
    (Gap(window=Window(start=0, stop=16), reason='lost', offset=32),)
    """
    merged: list[Gap] = []
    # Of numbers: there may be a million, and the order of dataclasses costs twenty times as much
    for gap in sorted(gaps, key=lambda gap: (gap.window.start, gap.window.stop, gap.reason, gap.offset)):
        last = merged[-1] if merged else None
        alike = last and (last.reason, last.skipped) == (gap.reason, gap.skipped)
        if last and alike and gap.window.start <= last.window.stop:
            merged[-1] = replace(last, window=Window(last.window.start, max(last.window.stop, gap.window.stop)))
        else:
            merged.append(gap)
    return tuple(merged)


class Gaps:
    """The gaps of one signal, by sample id: any number of them, asked about without looking at each.

    Parameters
    ----------
    gaps
        In any order; neighbours of one reason become one.

    Examples
    --------
    >>> gaps = Gaps([Gap(Window(90, 100), "unplugged"), Gap(Window(10, 20), "not delivered")])
    >>> [str(gap.window) for gap in gaps], gaps.within(Window(15, 60))
    (['10–20', '90–100'], (Gap(window=Window(start=15, stop=20), reason='not delivered', offset=-1),))
    >>> gaps.touch(np.array([0, 10, 20, 85]), 10).tolist()
    [False, True, False, True]
    """

    __slots__ = ("_all", "_starts", "_stops")

    def __init__(self, gaps: Iterable[Gap] = ()) -> None:
        self._all = merge_gaps(gaps)
        self._starts = np.array([gap.window.start for gap in self._all], np.int64)
        # Of gaps that overlap, as no writer of ours leaves them, the later ones reach at least as far
        stops = np.array([gap.window.stop for gap in self._all], np.int64)
        self._stops: NDArray[np.int64] = np.maximum.accumulate(stops)

    def __iter__(self) -> Iterator[Gap]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def within(self, window: Window) -> tuple[Gap, ...]:
        """Return what of them lies in a window, cut to it."""
        if not self._all:
            return ()
        first = int(np.searchsorted(self._stops, window.start, "right"))
        last = int(np.searchsorted(self._starts, window.stop, "left"))
        return tuple(inside for gap in self._all[first:last] if (inside := gap & window).window.length)

    def touch(self, starts: NDArray[np.int64], length: int) -> NDArray[np.bool_]:
        """Return which of the windows of ``length`` samples from ``starts`` on have a sample in a gap."""
        if not self._all:
            return np.zeros(len(starts), np.bool_)
        first = np.searchsorted(self._stops, starts, "right")
        begins = np.append(self._starts, np.iinfo(np.int64).max)
        touched: NDArray[np.bool_] = begins[first] < starts + length
        return touched
