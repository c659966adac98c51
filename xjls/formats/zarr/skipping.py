"""The gaps of a signal that is being written: each continues what was written, so that they are in order."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import replace

from xjls.model.window import Gap, Window


class GrowingGaps:
    """Gaps to which more are added at the end only; neighbours of one reason become one.

    Examples
    --------
    >>> gaps = GrowingGaps()
    >>> for start, stop in ((5, 8), (8, 10), (20, 30)):
    ...     gaps.append(Gap(Window(start, stop), "off", skipped=True))
    >>> [str(gap.window) for gap in gaps], [str(gap.window) for gap in gaps.within(Window(9, 25))]
    (['5–10', '20–30'], ['9–10', '20–25'])
    """

    __slots__ = ("_all", "_forgotten")

    def __init__(self, gaps: Iterable[Gap] = (), forgotten: int = 0) -> None:
        self._all: list[Gap] = list(gaps)
        self._forgotten = forgotten

    def append(self, gap: Gap) -> None:
        """Add one that begins where the last ends, or later."""
        last = self._all[-1] if self._all else None
        if last and last.reason == gap.reason and last.window.stop == gap.window.start:
            self._all[-1] = replace(last, window=Window(last.window.start, gap.window.stop))
        else:
            self._all.append(gap)

    def within(self, window: Window) -> list[Gap]:
        """Return what of them lies in a window, cut to it."""
        first = self._first_beyond(window.start)
        last = bisect_left(self._all, window.stop, first, key=lambda gap: gap.window.start)
        return [gap & window for gap in self._all[first:last]]

    def covers(self, window: Window) -> bool:
        """Whether a window lies in gaps from its first to its last sample."""
        return self.end(window.start, window.stop) >= window.stop

    def end(self, sample_id: int, stop: int) -> int:
        """Return the first sample from one on that is in no gap; ``stop`` or a later one where none before it is."""
        for i in range(self._first_beyond(sample_id), len(self._all)):
            if self._all[i].window.start > sample_id or sample_id >= stop:
                break
            sample_id = self._all[i].window.stop
        return sample_id

    def _first_beyond(self, sample_id: int) -> int:
        """Return the number of the first gap that ends behind a sample."""
        return bisect_right(self._all, sample_id, key=lambda gap: gap.window.stop)

    def forget(self, sample_id: int) -> None:
        """Let go of those that end before a sample, but for the last one of all; their numbers stay taken."""
        count = min(self._first_beyond(sample_id), max(len(self._all) - 1, 0))
        del self._all[:count]
        self._forgotten += count

    def since(self, number: int) -> list[Gap]:
        """Return those from a number on, counted from the very first one."""
        return self._all[max(number - self._forgotten, 0) :]

    def __iter__(self) -> Iterator[Gap]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)
