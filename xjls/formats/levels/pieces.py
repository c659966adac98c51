"""One signal's levels as they are built: pieces by threads, in any order; what is above them in turn.

A piece writes its entries of the finest levels itself, and hands on those of the next one in float64, 4 KB of them,
which wait in memory until it is their turn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, wait
from contextlib import ExitStack, closing
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from xjls.formats.levels.journal import Piece
from xjls.formats.levels.shards import LevelWriter
from xjls.formats.levels.summary import Summarizer
from xjls.model.sample_type import STEP
from xjls.model.signal import STATISTICS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.levels.journal import Journal
    from xjls.formats.levels.layout import SidecarSignal
    from xjls.model.reader import Reader
    from xjls.model.signal import Signal
    from xjls.model.window import Gap

T = TypeVar("T")

FINE_LEVELS = 2
"""Levels that a piece writes."""


class SignalBuild:
    """Build the levels of one signal.

    Parameters
    ----------
    reader, signal
        Whose samples.
    record, number
        What the sidecar says of it, and its place in the journal.
    journal
        What is done already, and where the levels go.
    """

    def __init__(self, reader: Reader, signal: Signal, record: SidecarSignal, number: int, journal: Journal) -> None:
        self._record = record
        self._number = number
        self._journal = journal
        self._n_entries = record.cuts[0].length
        self._step = record.piece_entries
        self._summarizer = Summarizer(reader, signal, record.factors[0], reader.places(signal, verify=True))

    def run(self, pool: Executor, ahead: int, done: Callable[[int], None]) -> list[Gap]:
        """Build all levels; return the gaps that were seen.

        ``ahead`` pieces are begun before it is their turn. ``done`` is called with more samples that are done.
        """
        gaps: list[Gap] = []
        with ExitStack() as stack:
            levels = [stack.enter_context(closing(LevelWriter(self._journal.folder, cut))) for cut in self._record.cuts]
            coarse = [_CoarseLevel(level) for level in levels[FINE_LEVELS:]]
            numbers = range(-(-self._n_entries // self._step))
            calls = (partial(self._piece, levels[:FINE_LEVELS], number) for number in numbers)
            for number, piece in zip(numbers, in_turn(pool, calls, ahead), strict=True):
                gaps += piece.gaps
                rows = piece.rows
                for level in coarse:
                    rows = level.append(rows)
                done((self._stop(number) - number * self._step) * self._record.factors[0])
            rows = np.empty((0, len(STATISTICS)))
            for level in coarse:
                rows = level.close(rows)
            for writer in levels:
                writer.finish()
        return [*gaps, *self._summarizer.gaps_behind(self._n_entries)]

    def _piece(self, levels: Sequence[LevelWriter], number: int) -> Piece:
        """Return a piece: one that is done as it was told of, if it is still there."""
        kept = self._journal.find(self._number, number)
        if kept is not None and self._is_written(levels, number, kept):
            return kept
        piece = self._made(levels, number)
        self._journal.add(self._number, number, piece)
        return piece

    def _made(self, levels: Sequence[LevelWriter], number: int) -> Piece:
        start = number * self._step
        entries, gaps = self._summarizer.entries(start, self._stop(number))
        digests = []
        for level in levels:
            digests.append(level.put(start, entries))
            start, entries = start // STEP, merged(entries)
        return Piece(tuple(digests), entries, tuple(gaps))

    def _is_written(self, levels: Sequence[LevelWriter], number: int, piece: Piece) -> bool:
        start = number * self._step
        count, found = self._stop(number) - start, []
        for level in levels:
            found.append(level.digest(start, count))
            start, count = start // STEP, count // STEP
        return tuple(found) == piece.digests

    def _stop(self, number: int) -> int:
        return min((number + 1) * self._step, self._n_entries)


class _CoarseLevel:
    """Write the entries of a level as they come, and merge whole blocks of them for the next one."""

    def __init__(self, writer: LevelWriter) -> None:
        self._writer = writer
        self._written = 0
        self._rest = np.empty((0, len(STATISTICS)))
        """Entries that do not fill a block yet."""

    def append(self, entries: NDArray[np.float64]) -> NDArray[np.float64]:
        """Take more entries; return those of the next level that they complete, by whole blocks."""
        rest = np.concatenate([self._rest, entries])
        size = self._writer.cut.block_entries
        whole = len(rest) // size * size
        self._rest = rest[whole:]
        return self._put(rest[:whole])

    def close(self, entries: NDArray[np.float64]) -> NDArray[np.float64]:
        """Take the last entries, and write all that is left; return those of the next level."""
        above = self.append(entries)
        return np.concatenate([above, self._put(self._rest)])

    def _put(self, entries: NDArray[np.float64]) -> NDArray[np.float64]:
        self._writer.put(self._written, entries)
        self._written += len(entries)
        return merged(entries)


def merged(entries: NDArray[Any]) -> NDArray[np.float64]:
    """Return the whole entries of the next level."""
    from xjls.kernels.reduce import merge

    above = np.empty((len(entries) // STEP, len(STATISTICS)))
    merge(entries, STEP, above)
    return above


def in_turn(pool: Executor, calls: Iterable[Callable[[], T]], ahead: int) -> Iterator[T]:
    """Yield what calls return, in their order; so many are begun ahead. None is under way any more when it ends.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor(2) as pool:
    ...     list(in_turn(pool, (partial(pow, 2, i) for i in range(5)), 3))
    [1, 2, 4, 8, 16]
    """
    begun: deque[Future[T]] = deque()
    try:
        for call in calls:
            begun.append(pool.submit(call))
            if len(begun) > ahead:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        for future in begun:
            future.cancel()
        wait(begun)
