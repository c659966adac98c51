"""Windows of one signal's summary levels, made right where the file's are wrong or missing.

An entry is taken from the file where it can be trusted and recomputed from the level below, finally from samples, where
it cannot: halves that were never written, levels of NaN, sample standard deviations, damaged and missing chunks.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.formats.jls2.layout import ABSENT
from xjls.formats.jls2.wire import CHUNK_HEADER, PAYLOAD_HEADER, SAMPLE_BODY, Tag, padded
from xjls.model.window import runs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.jls2.datatypes import DataType
    from xjls.formats.jls2.gaps import Skipped
    from xjls.formats.jls2.layout import Blocks, Layout
    from xjls.model.reader import OnDamage
    from xjls.storage import Storage

STEP_SAMPLES = 1 << 22
"""Samples that are held at a time while entries are recomputed from them."""
STEP_ENTRIES = 1 << 20
"""Entries of the level below that are held at a time."""
_SUMMARY = int(Tag.FSR_SUMMARY)
"""A plain number: numba takes thirty times as long to look at an enumeration's."""
SURE_TIMESTAMPS = 2
"""The highest level whose SUMMARY chunks say truly, in every release, where they begin."""
PROBES = 16
"""Entries that are looked at, at most, to tell which release wrote a signal."""
ENOUGH = 5
"""Entries whose samples vary that tell it: the median of so many is not led astray by one with NaN in it."""


@dataclass(frozen=True, slots=True)
class Request:
    """How one read of a level wants its entries."""

    layout: Layout
    """Where the signal's chunks are."""
    on_damage: OnDamage
    """What to do where entries must be recomputed from samples that are lost."""
    verify: bool
    """Whether to check the checksums of what is read."""
    samples: Callable[[Request, int, int], NDArray[Any]]
    """(request, start, stop) → samples, counted from the first one; lost ones NaN."""


class Levels:
    """Read windows of one signal's levels.

    Parameters
    ----------
    storage
        Where the bytes are.
    signal_id, kind, blocks
        Whose levels, of what type, and how they are cut.
    note
        Called once with a sentence when the file's levels are found to lie.
    skipped
        What the writer filled, and is no sample.
    """

    def __init__(
        self, storage: Storage, signal_id: int, kind: DataType, blocks: Blocks,
        note: Callable[[str], None], skipped: Skipped,
    ) -> None:  # fmt: skip
        self._storage = storage
        self._id = signal_id
        self._kind = kind
        self._blocks = blocks
        self._note = note
        self._skipped = skipped
        self._sample_std: bool | None = None
        """Whether level 1 holds the sample deviation (n - 1: library 0.4.0 – 0.6.0); None until an entry tells."""
        self._seen_nan: bool | None = None
        """Whether NaN was seen there; None where nothing tells."""
        self._nan_levels: bool | None = None
        """Whether levels above 1 hold NaN (library 0.6.1); None until it was looked at."""
        self._lock = threading.RLock()

    def read(self, request: Request, level: int, start: int, stop: int) -> NDArray[Any]:
        """Return entries ``[start, stop)`` of a level as float[n, 4]."""
        self._learn(request)
        return self._read(request, level, start, stop)

    def trusted(self, request: Request, level: int, start: int, stop: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return entries as the file has them, made right where the release is known, and which of them to trust.

        One that is not to be trusted holds anything. NaN in one that is: none of its samples is finite.
        """
        self._learn(request)
        return self._trusted(request, level, start, stop)

    def as_stored(self, request: Request, level: int) -> bool:
        """Whether entries of a level mean what they say, in the release that wrote them; see `deviations_known`."""
        self._learn(request)
        return not self._sample_std and not (level > 1 and self._nan_levels)

    def of_today(self, request: Request) -> bool:
        """Whether entries and timestamps of all levels are what libraries since 0.7 write."""
        self._learn(request)
        return not self._sample_std and not self._seen_nan and self._has_true_timestamps(request.layout)

    def as_written(self, request: Request, level: int, start: int, stop: int) -> NDArray[Any]:
        """Return entries as the file has them, whatever they mean; recomputed where it has not."""
        entries, known = self._stored(request.layout, level, start, stop, verify=True)
        if not known.all():
            entries[~known] = self._read(request, level, start, stop)[~known]
        return entries

    @property
    def deviations_known(self) -> bool:
        """Whether some entry has told what deviations mean; if not, only those that are 0 can be trusted."""
        return self._sample_std is not None

    def chunk_means(self, layout: Layout, number: int) -> NDArray[Any] | None:
        """Return the stored means of the level-1 entries of DATA chunk ``number``; None where they are not known."""
        per_chunk = self._blocks.chunk // self._blocks.entry
        start = number * per_chunk
        stop = min(start + per_chunk, layout.stored_entries(1))
        if stop <= start:
            return None
        entries, known = self._stored(layout, 1, start, stop, verify=True)
        means: NDArray[Any] = entries[: int(np.argmin(known)) if not known.all() else len(known), 0]
        return means if np.isfinite(means).all() else None

    def _read(self, request: Request, level: int, start: int, stop: int) -> NDArray[Any]:
        entries, known = self._trusted(request, level, start, stop)
        for lo, hi in self._runs(~known, level):
            entries[lo:hi] = self._recompute(request, level, start + lo, start + hi)
        return entries

    def _trusted(self, request: Request, level: int, start: int, stop: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        entries, known = self._stored(request.layout, level, start, stop, verify=request.verify)
        if level == 1 and self._sample_std is None:
            self._learn_std(request, self._varying(start, entries, known))
        if level > 1 and (self._nan_levels or self._sample_std):
            known[:] = False
        elif self._sample_std and self._kind.floating:
            # Of how many samples, less one, only they can tell: NaN among them do not count
            known &= ~(entries[:, 1] > 0)
        elif self._sample_std:
            entries[:, 1] *= math.sqrt((self._blocks.entry - 1) / self._blocks.entry)
        elif self._sample_std is None:
            # No entry of level 1 has told what its deviation means: those that vary are not to be trusted
            known &= ~(entries[:, 1] > 0)
        # A finite mean with a NaN deviation: an entry below it was all NaN, and poisoned the sum
        known &= np.isnan(entries[:, 0]) | ~np.isnan(entries[:, 1])
        factor = self._blocks.factor(level)
        known &= ~self._skipped.fills(np.arange(start, stop, dtype=np.int64) * factor, factor)
        return entries, known

    def _recompute(self, request: Request, level: int, start: int, stop: int) -> NDArray[Any]:
        from xjls.kernels.reduce import merge, summarize

        out = np.empty((stop - start, 4), self._kind.entry_dtype)
        if level == 1:
            factor = self._blocks.entry
            summarize(request.samples(request, start * factor, stop * factor), factor, out)
        else:
            step = self._blocks.step
            merge(self._read(request, level - 1, start * step, stop * step), step, out)
        return out

    def _runs(self, wanted: NDArray[np.bool_], level: int) -> Iterator[tuple[int, int]]:
        """Return the runs of True as half-open ranges, cut so that recomputing one holds a bounded amount of memory."""
        most = STEP_SAMPLES // self._blocks.entry if level == 1 else STEP_ENTRIES // self._blocks.step
        return runs(wanted, max(most, 1))

    # -- what the file holds -----------------------------------------------------------------------------------------

    def _stored(
        self, layout: Layout, level: int, start: int, stop: int, *, verify: bool
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return entries as the file has them, and which of them it has."""
        from xjls.kernels.gather import ANY_ID, gather

        entries = np.full((stop - start, 4), np.nan, self._kind.entry_dtype)
        known = np.zeros(stop - start, np.bool_)
        end = min(stop, layout.stored_entries(level)) if self._blocks.regular else start
        if end <= start:
            return entries, known
        size = self._blocks.capacity
        first, last = start // size, (end - 1) // size + 1
        offsets = layout.summaries(level, first, last)
        begin = np.arange(first, last, dtype=np.int64) * size
        lo = np.maximum(begin, start)
        hi = np.minimum(np.minimum(begin + size, end), begin + self._usable(offsets, size))
        plan = np.empty((last - first, 5), np.int64)
        # Timestamps of higher levels are wrong in files of library < 0.7.0
        plan[:, 1] = layout.first_id + begin * self._blocks.factor(level) if level <= SURE_TIMESTAMPS else ANY_ID
        plan[:, 2] = lo - begin
        plan[:, 3] = np.maximum(hi - lo, 0)
        plan[:, 4] = lo - start
        body = size * self._kind.entry_bits // 8 + PAYLOAD_HEADER.size
        buffer, plan[:, 0] = self._storage.spans(offsets, CHUNK_HEADER.size + padded(body))
        fault = np.empty(last - first, np.uint8)
        gather(
            buffer, plan, _SUMMARY, level << 12 | self._id, self._kind.entry_bits, False, verify,
            entries.view(np.uint8).reshape(-1), fault,
        )  # fmt: skip
        for row, failed in zip(plan[:, 3:].tolist(), fault.tolist(), strict=True):
            take, dest = row
            known[dest : dest + take] = not failed
        entries[~known] = np.nan
        return entries, known

    def _usable(self, offsets: NDArray[np.int64], size: int) -> NDArray[np.int64] | int:
        """Return how many entries each SUMMARY chunk really holds: of 256-bit entries, usually half."""
        if self._kind.entry_dtype.itemsize == 4:
            return size
        usable = np.zeros(len(offsets), np.int64)
        for i, offset in enumerate(offsets.tolist()):
            if offset != ABSENT:
                header = self._storage.read(offset, SAMPLE_BODY)
                body = int.from_bytes(header[20:24], "little") - PAYLOAD_HEADER.size
                usable[i] = max(0, body * 8 // self._kind.entry_bits)
        return usable

    # -- which release wrote it --------------------------------------------------------------------------------------

    def _learn(self, request: Request) -> None:
        """Look at entries from all over the signal, once, for what their release did wrong."""
        if self._nan_levels is not None:
            return
        with self._lock:
            if self._nan_levels is None:
                if self._sample_std is None:
                    self._learn_std(request, self._telling_entries(request.layout))
                self._seen_nan = self._has_nan_levels(request.layout)
                # Where nothing tells, to recompute is right either way
                if nan_levels := self._seen_nan is not False:
                    self._note("levels above 1 hold NaN (library 0.6.1); recomputed from level 1")
                self._nan_levels = nan_levels

    def _learn_std(self, request: Request, entries: Iterable[tuple[int, float]]) -> None:
        """Compare stored deviations of level 1 with those of the samples: n - 1 and n differ by sqrt(n / (n - 1))."""
        from xjls.kernels.reduce import summarize

        factor = self._blocks.entry
        true = np.empty((1, 4), np.float64)
        asked = replace(request, on_damage="gap", verify=True)
        excess = []
        for entry, std in entries:
            summarize(request.samples(asked, entry * factor, (entry + 1) * factor), factor, true)
            if 0 < (deviation := float(true[0, 1])) < math.inf:
                excess.append(std / deviation - 1)
            if len(excess) == ENOUGH:
                break
        if excess and factor > 1:
            self._sample_std = float(np.median(excess)) > (math.sqrt(factor / (factor - 1)) - 1) / 2
            if self._sample_std:
                self._note(
                    "levels hold the sample standard deviation (library 0.4.0 – 0.6.0); read as the population's"
                )

    def _telling_entries(self, layout: Layout) -> Iterator[tuple[int, float]]:
        """Yield one entry of level 1 whose samples vary from each of some blocks, with its stored deviation."""
        n, size = min(layout.stored_entries(1), layout.length // self._blocks.entry), self._blocks.capacity
        for block in _spread(-(-n // size)):
            start = block * size
            stored, known = self._stored(layout, 1, start, min(start + size, n), verify=True)
            yield from islice(self._varying(start, stored, known), 1)

    def _varying(self, start: int, entries: NDArray[Any], known: NDArray[np.bool_]) -> Iterator[tuple[int, float]]:
        """Yield some entries whose samples vary, with their stored deviations: they tell how these were made."""
        varying = np.flatnonzero(known & (entries[:, 1] > np.abs(entries[:, 0]) * 1e-5))
        for i in varying[:PROBES].tolist():
            yield start + i, float(entries[i, 1])

    def _has_nan_levels(self, layout: Layout) -> bool | None:
        """Look for entries of level 2 that are NaN over finite ones; a single finite one says that all is well.

        None where there are entries, and not one of them tells.
        """
        n, step = layout.stored_entries(2), self._blocks.step
        for entry in _spread(n):
            above, known = self._stored(layout, 2, entry, entry + 1, verify=True)
            if known[0] and np.isfinite(above[0, 0]):
                return False
            below, _ = self._stored(layout, 1, entry * step, (entry + 1) * step, verify=True)
            if known[0] and np.isfinite(below[:, 0]).any():
                return True
        return None if n else False

    def _has_true_timestamps(self, layout: Layout) -> bool:
        """Look at the second SUMMARY chunk of level 3, which libraries before 0.7 place wrongly."""
        level, size = SURE_TIMESTAMPS + 1, self._blocks.capacity
        if layout.stored_entries(level) <= size:
            return True
        header = self._storage.read(int(layout.summaries(level, 1, 2)[0]), SAMPLE_BODY)
        timestamp: int = PAYLOAD_HEADER.unpack_from(header, CHUNK_HEADER.size)[0]
        return timestamp == layout.first_id + size * self._blocks.factor(level)


def _spread(n: int) -> list[int]:
    """Return at most `PROBES` numbers from 0 to n - 1, evenly spread."""
    return [round(i * (n - 1) / max(min(PROBES, n) - 1, 1)) for i in range(min(PROBES, n))]
