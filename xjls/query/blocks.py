"""One signal as a pyramid of blocks in memory: what is needed of it is brought there, and asked by one kernel.

A question goes to the kernel at once; it answers, or names the blocks that nobody has looked at yet. These are used
where they lie in the mapped file when they are whole and can be believed. All others are made: read from storage that
is not mapped, or computed from the level below, finally from samples, as rows that carry their own counts.

**NaN.** Entries of levels do not count the finite samples that they summarise. One that covers NaN only is NaN, and
poisons the deviation of those above it: such entries and their neighbours, in which the run of NaN may begin or end,
are made anew. Single NaN in an entry leave no trace. So a float signal's samples are looked at once, block by block,
before its entries are believed: by default where a question needs `LOOK_SAMPLES` new ones at most. Beyond that entries
are taken at their word, and the answer says that it is not exact.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.kernels.packing import packed
from xjls.kernels.spans import KNOWN, LOST, count_not_finite, make_facts, summarize_spans
from xjls.model.window import Gap, Window, merge_gaps, runs
from xjls.query.answer import LOOK_SAMPLES, ROW
from xjls.query.rows import beside, lost_counts, rows_of, rows_of_entries

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.model.reader import Places, Reader
    from xjls.model.signal import Signal
    from xjls.query.answer import Nans

LOOK_SAMPLES_AFAR = 1 << 20
"""As `LOOK_SAMPLES`, for storage that is not mapped."""
LOOK_STEP = 1 << 20
"""Samples looked at together: few enough to stay in a cache."""
KEEP_BYTES = 1 << 28
"""Of blocks that were made; with more of them all are forgotten, and made again when they are needed."""
STEP_SAMPLES = 1 << 22
"""Samples that are held at a time."""
MISSING = 1 << 14
"""Blocks that one look names at most."""

_UNSEEN, _UNKNOWABLE, _CLEAN, _HOLED = 0, 1, KNOWN, KNOWN + 1
"""What is known of the samples below a block of level 1: nothing; not all of them exist; all are finite; not all."""


@dataclass(slots=True)
class Table:
    """Where blocks are. Replaced as a whole, so that a kernel under way keeps the memory that it looks at."""

    where: NDArray[np.int64]
    kept: list[NDArray[Any]] = field(default_factory=list)
    n_bytes: int = 0

    def keep(self, block: NDArray[Any]) -> int:
        """Keep a block as long as the table lives; return its address."""
        self.kept.append(block)
        self.n_bytes += block.nbytes
        return block.ctypes.data


class Blocks:
    """The samples and entries of one signal, by blocks that are brought into memory when a kernel asks for them.

    Parameters
    ----------
    reader, signal
        Whose samples and entries.
    verify
        As of the recording.

    Notes
    -----
    Thread-safe: questions run side by side, blocks are made by one thread at a time.
    """

    def __init__(self, reader: Reader, signal: Signal, *, verify: bool) -> None:
        self.signal = signal
        self._reader = reader
        self._verify = verify
        self.length = signal.length
        self.first_id = signal.first_id
        self.floating = signal.dtype.kind == "f"
        self.places: Places = reader.places(signal, verify)
        self.factors = (1, *(level.factor for level in signal.levels))
        self.facts = make_facts(
            signal.stored_type, signal.length, self.factors[1:], self.places.block_samples,
            self.places.block_entries, wide=signal.level_dtype.itemsize == 8,
        )  # fmt: skip
        self.top = len(self.factors) - 1
        self.table = Table(np.zeros(self.facts[-1], np.int64))
        in_question = self.floating and self.top and not self.places.counts_samples
        self.looked = np.zeros(self._n_blocks(1) if in_question else 0, np.uint8)
        self._suspects: dict[int, NDArray[np.bool_]] = {}
        """By level above 1: entries whose samples were seen not to be all finite."""
        self.losses: tuple[Gap, ...] = ()
        """What was seen to be damaged or missing."""
        self.skips = False
        """Whether samples were seen that nobody delivered."""
        most = LOOK_SAMPLES if self.places.in_place else LOOK_SAMPLES_AFAR
        self.most_looked_at = most // (self.factors[1] * self.places.block_entries) if self.top else 0
        """Blocks of level 1 whose samples a question may look at unasked."""
        self._looked_at_once = max(LOOK_STEP // (self.factors[1] * self.places.block_entries), 1) if self.top else 1
        self._lock = threading.RLock()

    def uses_entries(self, edges: NDArray[np.int64]) -> bool:
        """Whether any of the spans between neighbours of ``edges`` covers a whole entry."""
        if not self.top:
            return False
        factor = self.factors[1]
        if edges[-1] - edges[0] >= 2 * factor * (len(edges) - 1) > 0:
            return True  # the longest span is no shorter than the mean of all
        return bool((edges[1:] // factor > (edges[:-1] + (factor - 1)) // factor).any())

    def rows_of_samples(self, edges: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return a row for the samples between each two neighbours of ``edges``, read for it and not kept."""
        values, gaps = self.read(int(edges[0]), int(edges[-1]))
        return rows_of(values, edges - edges[0], lost_counts(gaps, self.first_id + edges))

    def solve(self, edges: NDArray[np.int64], top: int) -> NDArray[np.float64]:
        """Return a row for the samples between each two neighbours of ``edges``, from levels up to ``top``."""
        if top == self.top and self.table.n_bytes > KEEP_BYTES:
            with self._lock:
                self.table = Table(np.zeros_like(self.table.where))
        rows = np.empty((len(edges) - 1, len(ROW)))
        missing = np.empty(MISSING, np.int64)
        while True:
            table = self.table
            n = summarize_spans(table.where, self.facts, edges, top, rows, missing)
            if not n:
                return rows
            with self._lock:
                self._place(np.unique(missing[: min(n, MISSING)]))

    # -- blocks ------------------------------------------------------------------------------------------------------

    def _place(self, places: NDArray[np.int64]) -> None:
        """Bring blocks into the table, by their places in it."""
        for level in range(self.top + 1):
            base = self._base(level)
            numbers = places[(places >= base) & (places < base + self._n_blocks(level))] - base
            if len(numbers):
                self.table.where[base + numbers] = self._found(level, numbers)

    def _found(self, level: int, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the addresses of blocks of a level, made where the file's own cannot be used."""
        if level == 0:
            addresses = self.places.samples(numbers)
        else:
            addresses = self.places.entries(level, numbers)
            addresses[self._in_doubt(level, numbers)] = 0
            if self.floating and numbers[-1] == self._n_blocks(level) - 1 and self._ends_in_nan(level):
                addresses[-1] = 0
        for i in np.flatnonzero(addresses == 0).tolist():
            number = int(numbers[i])
            addresses[i] = self._made_entries(level, number) if level else self._made_samples(number)
        return addresses

    def _in_doubt(self, level: int, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether samples below each block of entries are known not to be all finite, or not to exist."""
        if level == 1 and len(self.looked):
            return np.isin(self.looked[numbers], (_UNKNOWABLE, _HOLED))
        if (suspects := self._suspects.get(level)) is not None:
            size = self.places.block_entries
            return np.array([suspects[n * size : (n + 1) * size].any() for n in numbers.tolist()])
        return np.zeros(len(numbers), np.bool_)

    def _made_samples(self, number: int) -> int:
        """Return the address of a block of samples that was read: as stored, or as rows where some are lost."""
        start = number * self.places.block_samples
        stop = min(start + self.places.block_samples, self.length)
        values, gaps = self.read(start, stop)
        if not gaps:
            return self.table.keep(packed(values, int(self.signal.stored_type[1:])))
        edges = np.arange(stop - start + 1, dtype=np.int64)
        lost = lost_counts(gaps, self.first_id + start + edges)
        return LOST if lost.all() else self.table.keep(rows_of(values, edges, lost)) | 1

    def _made_entries(self, level: int, number: int) -> int:
        """Return the address of a block of entries as rows: the file's where they can be believed, else made anew."""
        size, items = self.places.block_entries, self.length // self.factors[level]
        start, stop = number * size, min(number * size + size, items)
        low, high = max(start - 1, 0), min(stop + 1, items)
        entries, known = self.places.stored(level, low, high)
        empty = known & np.isnan(entries[:, 0])
        doubt = ~known
        if self.floating:
            doubt |= beside(empty | doubt) & ~empty
            doubt[-1] |= high == items and not empty[-1] and self._ends_in_nan(level)
        inner = slice(start - low, stop - low)
        entries, known, empty, doubt = entries[inner], known[inner], empty[inner], doubt[inner]
        if level == 1:
            doubt = doubt | self._in_doubt(1, np.array([number]))
        elif level in self._suspects:
            doubt = doubt | self._suspects[level][start:stop]
        rows = rows_of_entries(entries, empty, self.factors[level])
        for lo, hi in runs(doubt):
            anew = self._from_below(level, start + lo, start + hi)
            # What an entry of the file says of samples that are gone is all that is left of them
            told = (anew[:, 1] > 0) & known[lo:hi] & ~empty[lo:hi]
            rows[lo:hi] = np.where(told[:, None], rows[lo:hi], anew)
        return self.table.keep(rows) | 1

    def _ends_in_nan(self, level: int) -> bool:
        """Return whether a run of NaN may begin in a level's last entry: what finer levels have beyond is NaN."""
        for below in range(level - 1, 0, -1):
            after = self.length // self.factors[level] * (self.factors[level] // self.factors[below])
            if after < self.length // self.factors[below]:
                entries, known = self.places.stored(below, after, after + 1)
                return not known[0] or bool(np.isnan(entries[0, 0]))
        return False

    def _from_below(self, level: int, start: int, stop: int) -> NDArray[np.float64]:
        """Return rows of entries [start, stop) of a level, from the level below it, or from samples."""
        factor = self.factors[level]
        if level > 2:
            return self.solve(np.arange(start, stop + 1, dtype=np.int64) * factor, level - 1)
        most = max(STEP_SAMPLES // factor, 1)
        cuts = [*range(start, stop, most), stop]
        return np.concatenate([self.rows_of_samples(np.arange(lo, hi + 1) * factor) for lo, hi in pairwise(cuts)])

    def read(self, start: int, stop: int) -> tuple[NDArray[Any], tuple[Gap, ...]]:
        """Read samples, lost ones as NaN whatever the type; remember which are lost."""
        window = Window(self.first_id + start, self.first_id + stop)
        values, gaps = self._reader.read(self.signal, window, None, "gap", self._verify)
        if self.floating:
            # What nobody delivered is NaN here, as it is in the levels
            gaps = tuple(gap for gap in gaps if not gap.skipped)
        if gaps:
            self.skips |= any(gap.skipped for gap in gaps)
            self.losses = merge_gaps((*self.losses, *(gap for gap in gaps if not gap.skipped)))
            if not self.floating:
                values = values.astype(np.float64)
            for gap in gaps:
                values[gap.window.start - window.start : gap.window.stop - window.start] = np.nan
        return values, gaps

    # -- NaN ---------------------------------------------------------------------------------------------------------

    def look(self, start: int, stop: int, nans: Nans) -> bool:
        """Look for NaN among samples nobody has looked at, as far as is asked; return whether all are known."""
        size = self.factors[1] * self.places.block_entries
        first, last = start // size, min(-(-stop // size), len(self.looked))
        looked = self.looked[first:last]
        if (known := bool((looked >= KNOWN).all())) or nans == "trust":
            return known
        if nans == "count" or np.count_nonzero(looked == _UNSEEN) <= self.most_looked_at:
            with self._lock:
                for lo, hi in runs(looked == _UNSEEN):
                    for at in range(first + lo, first + hi, self._looked_at_once):
                        self._look_along(at, min(at + self._looked_at_once, first + hi))
        return bool((looked >= KNOWN).all())

    def _look_along(self, first: int, last: int) -> None:
        """Look at the samples below blocks [first, last) of level 1: at once, and one by one only if some are holed."""
        factor, size = self.factors[1], self.places.block_entries
        values, gaps = self.read(first * size * factor, min(last * size, self.length // factor) * factor)
        if np.isfinite(values).all():
            self.looked[first:last] = _CLEAN
        else:
            for block in range(first, last):
                at = (block - first) * size * factor
                self._look_at(block, values[at : at + size * factor], gaps)

    def _look_at(self, block: int, values: NDArray[Any], gaps: tuple[Gap, ...]) -> None:
        """Look at the samples below a block of level 1, and mark the entries of all levels that are not finite."""
        factor, size = self.factors[1], self.places.block_entries
        items = len(values) // factor
        begin = self.first_id + block * size * factor
        inside = Window(begin, begin + len(values))
        counts = np.empty(items, np.int64)
        if not count_not_finite(values, factor, counts):
            self.looked[block] = _CLEAN
            return
        self.table.where[self._base(1) + block] = 0
        holed = np.flatnonzero(counts) + block * size
        for level in range(2, self.top + 1):
            items = self.length // self.factors[level]
            above = np.unique(holed * factor // self.factors[level])
            above = above[above < items]
            self._suspects.setdefault(level, np.zeros(items, np.bool_))[above] = True
            self.table.where[self._base(level) + np.unique(above // size)] = 0
        # Last: who sees it known, without the lock, must find the entries gone
        self.looked[block] = _UNKNOWABLE if any((gap.window & inside).length for gap in gaps) else _HOLED

    def _base(self, level: int) -> int:
        return int(self.facts[5 + 2 * level])

    def _n_blocks(self, level: int) -> int:
        size = self.places.block_entries if level else self.places.block_samples
        return -(-(self.length // self.factors[level]) // size)
