"""One signal of a store: its samples, and its levels, made right where they are damaged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import LostSamplesError
from xjls.formats.zarr.metadata import fill_of
from xjls.formats.zarr.objects import Fault
from xjls.formats.zarr.tail_object import PATH
from xjls.model.sample_type import level_dtype_of
from xjls.model.signal import STATISTICS
from xjls.model.window import Gap, Gaps, Window, merge_gaps, runs
from xjls.storage.pool import array_to_fill

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xjls.formats.zarr.health import Health
    from xjls.formats.zarr.metadata import ArrayFacts
    from xjls.formats.zarr.objects import Objects
    from xjls.formats.zarr.tail import Part, Tail
    from xjls.formats.zarr.wire import SignalRecord
    from xjls.model.reader import OnDamage

STEP_SAMPLES = 1 << 22
"""Samples that are held at a time while entries are made from them."""
STEP_ENTRIES = 1 << 20
"""Entries of the level below that are held at a time."""


class Track:
    """Read one signal. Positions count from its very first sample, whether that is there or not.

    Parameters
    ----------
    objects
        Where the chunks are.
    record
        What the root says of it.
    samples, levels
        What the metadata say of its arrays, from samples to the coarsest level of which something is stored.
    skipped
        Returns what nobody delivered; called once.
    health
        Where damage is noted.
    tail
        Where the samples are that no shard has yet.
    """

    def __init__(
        self, objects: Objects, record: SignalRecord, samples: ArrayFacts, levels: Sequence[ArrayFacts],
        skipped: Callable[[], Iterable[Gap]], health: Health, tail: Tail,
    ) -> None:  # fmt: skip
        self.name = record.name
        self.samples_facts = samples
        self.levels = tuple(levels)
        factors = tuple(int(level.attributes["samples_per_entry"]) for level in levels)
        self.factors = max(factors, record.factors or (), key=len)
        """Of all levels: of those of which nothing is stored yet, and of those of which all entries were dropped."""
        self.length = samples.shape[0] if record.length is None else record.length
        """Samples with those that are not there any more."""
        self.window = Window(record.first_id + record.dropped, record.first_id + self.length)
        self._tail = tail if record.length is not None else None
        self._origin = record.first_id
        self._dropped = record.dropped
        self._skipped = skipped
        self._objects = objects
        self._array = record.array
        self._health = health
        self._level_dtype = level_dtype_of(record.stored_type)
        self._noun = f"{record.facts['axis']}s" if record.facts.get("axis") else "samples"
        self._floating = samples.dtype.kind == "f"
        self._fill = fill_of(samples.dtype, record.facts.get("missing_value"))

    @cached_property
    def skipped(self) -> Gaps:
        """What nobody delivered."""
        return Gaps(Gaps(self._skipped()).within(self.window))

    # -- samples -----------------------------------------------------------------------------------------------------

    def read(
        self, window: Window, out: NDArray[Any] | None, on_damage: OnDamage, verify: bool
    ) -> tuple[NDArray[Any], tuple[Gap, ...]]:
        """Read a window of sample ids; see `xjls.model.reader.Reader.read`."""
        out = array_to_fill(out, window.length, self.samples_facts.dtype, self.samples_facts.shape[1:])
        rows = out.reshape(window.length, self.samples_facts.row)
        self._objects.require_open()
        first = window.start - self._origin
        skipped = self.skipped.within(window)  # before samples: a store that drops these lets go of its gaps afterwards
        lost = []
        for key, span, chunk, begin in self._parts(0, first, first + window.length, verify=verify):
            target = rows[span.start - first : span.stop - first]
            if isinstance(chunk, Fault):
                target[:] = self._fill
                lost += self._lost(key, span, chunk, begin)
            else:
                target[:] = chunk[span.start - begin : span.stop - begin]
        gaps = merge_gaps(lost)
        self._health.add_gaps(self.name, gaps)
        if gaps and on_damage == "raise":
            raise self._loss(lost[0], lost[0].reason)
        return out, merge_gaps((*gaps, *skipped)) if gaps else skipped

    @property
    def n_bytes(self) -> int:
        """Bytes that `check` looks at, as they are in memory."""
        arrays = enumerate((self.samples_facts, *self.levels))
        return sum(self._span(level).length * facts.row * facts.dtype.itemsize for level, facts in arrays)

    def check(self) -> Iterator[int]:
        """Read all objects of the signal and verify them; note what is damaged. Yield the bytes of each."""
        for level, facts in enumerate((self.samples_facts, *self.levels)):
            width, at = facts.row * facts.dtype.itemsize, self._span(level).start
            for run in self._runs_of_objects(level, facts):
                yield (run.start - at) * width  # which nobody delivered
                for start in range(run.start - run.start % facts.shard, run.stop, facts.shard):
                    part = Window(start, start + facts.shard) & run
                    self._check_object(level, part)
                    yield part.length * width
                at = run.stop

    def _check_object(self, level: int, part: Window) -> None:
        """Verify the chunks that positions of an array are in, and note what is damaged."""
        lost = []
        for key, inside, chunk, begin in self._parts(level, part.start, part.stop, verify=True):
            if isinstance(chunk, Fault) and level:
                self._note_level(level, key, inside, chunk, begin)
            elif isinstance(chunk, Fault):
                lost += self._lost(key, inside, chunk, begin)
        self._health.add_gaps(self.name, merge_gaps(lost))

    def _runs_of_objects(self, level: int, facts: ArrayFacts) -> Iterator[Window]:
        """Yield the positions of an array but for those of whole objects in a gap: a pause of days has a million."""
        span = self._span(level)
        at, size = span.start, facts.shard * (self.factors[level - 1] if level else 1)
        for gap in self.skipped:
            first, stop = -(-(gap.window.start - self._origin) // size), (gap.window.stop - self._origin) // size
            if first < stop and at < first * facts.shard < span.stop:
                yield Window(at, first * facts.shard)
            if first < stop:
                at = max(min(stop * facts.shard, span.stop), at)
        yield Window(at, span.stop)

    def _span(self, level: int) -> Window:
        """Return the positions of an array that objects should have."""
        if not level:
            return Window(self._dropped, self.length)
        stored, first = self.levels[level - 1].shape[0], self._dropped // self.factors[level - 1]
        return Window(min(first, stored), stored)

    def _lost(self, key: str, span: Window, fault: Fault, begin: int) -> list[Gap]:
        """Return the gap that a chunk leaves; none where nobody delivered its samples."""
        if self._is_skipped(span):
            return []
        first, facts = self._origin, self.samples_facts
        window = Window(first + span.start, first + span.stop)
        size = facts.shard if fault.whole else facts.chunk
        all_of_it = Window(first + begin // size * size, first + begin // size * size + size) & self.window
        if key.startswith(PATH):
            all_of_it = window
        self._health.add(key, fault, f"{self._noun} {all_of_it} of {self.name!r} are lost")
        return [Gap(window, f"{key}: {fault.reason}", fault.offset if fault.stop else -1)]

    def _is_skipped(self, span: Window, factor: int = 1) -> bool:
        """Whether nobody delivered a sample of some positions, or of some entries that cover ``factor`` each."""
        window = Window(self._origin + span.start * factor, self._origin + span.stop * factor)
        if window.length and not self.skipped.within(Window(window.start, window.start + 1)):
            return False  # as a rule, and then not all gaps that there may be are looked at
        return sum(gap.window.length for gap in self.skipped.within(window)) == window.length

    def _loss(self, gap: Gap, reason: str) -> LostSamplesError:
        key, _, why = reason.partition(": ")
        return LostSamplesError(
            f"{self._noun} {gap.window} of {self.name!r} are lost: {why}",
            self._objects.path(key),
            gap.offset,
            'Open with on_damage="gap" to read the rest.',
        )

    # -- levels ------------------------------------------------------------------------------------------------------

    def read_level(self, level: int, entries: Window, on_damage: OnDamage, verify: bool) -> NDArray[Any]:
        """Read entries of a level; see `xjls.model.reader.Reader.read_level`."""
        self._objects.require_open()
        found, known = self._stored(level, entries.start, entries.stop, verify=verify)
        for start, stop in self._runs(~known, level):
            span = Window(entries.start + start, entries.start + stop)
            found[start:stop] = self._made(level, span, on_damage, verify)
        return found

    def believed(self, level: int, start: int, stop: int, *, verify: bool) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return entries, and which of them tell all there is to tell; see `xjls.model.reader.Places.stored`.

        One that covers samples that nobody delivered does not tell how many it counts, unless there are none: it is
        NaN then. Of integers that does not tell either whether they are missing.
        """
        entries, known = self._stored(level, start, stop, verify=verify)
        factor = self.factors[level - 1]
        begins = self.window.start + np.arange(start, stop, dtype=np.int64) * factor
        touched = self.skipped.touch(begins, factor)
        return entries, known & ~(touched & np.isfinite(entries[:, 0]) if self._floating else touched)

    def may_be_lost(self, level: int, blocks: NDArray[np.int64], size: int) -> NDArray[np.bool_]:
        """Return which blocks of ``size`` entries have integers that nobody delivered; of floats these are NaN."""
        if self._floating:
            return np.zeros(len(blocks), np.bool_)
        samples = size * self.factors[level - 1]
        return self.skipped.touch(self.window.start + blocks * samples, samples)

    def is_lost(self, level: int, block: int, size: int) -> bool:
        """Whether nobody delivered a sample of all entries of a block."""
        factor, start = self.factors[level - 1], self._dropped
        stop = min((block + 1) * size, self.window.length // factor) * factor
        return self._is_skipped(Window(start + block * size * factor, start + stop))

    def _stored(self, level: int, start: int, stop: int, *, verify: bool) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return entries as the store has them, and which of them it has."""
        entries = np.full((stop - start, len(STATISTICS)), np.nan, self._level_dtype)
        known = np.ones(stop - start, np.bool_)
        shift = self._dropped // self.factors[level - 1] + start
        stored = self.levels[level - 1].shape[0] if level <= len(self.levels) else 0
        known[max(stored - shift, 0) :] = False  # they are made of what is below
        if stored <= shift:
            return entries, known
        for key, span, chunk, begin in self._parts(level, shift, min(shift + stop - start, stored), verify=verify):
            where = slice(span.start - shift, span.stop - shift)
            if not isinstance(chunk, Fault):
                entries[where] = chunk[span.start - begin : span.stop - begin]
            elif self._note_level(level, key, span, chunk, begin):
                known[where] = False
        return entries, known

    def _note_level(self, level: int, key: str, span: Window, fault: Fault, begin: int) -> bool:
        """Note that a chunk of a level is damaged; return False where it is none: nobody delivered its samples."""
        if self._is_skipped(span, self.factors[level - 1]):
            return False
        facts, first = self.levels[level - 1], self._dropped // self.factors[level - 1]
        entries = Window(max(begin - first, 0), max(min(begin + facts.chunk, facts.shape[0]) - first, 0))
        self._health.add(key, fault, f"entries {entries} of level {level} of {self.name!r} are made anew")
        return True

    def _made(self, level: int, entries: Window, on_damage: OnDamage, verify: bool) -> NDArray[Any]:
        """Make entries from the level below, or from samples."""
        from xjls.kernels.reduce import merge, summarize

        out = np.empty((entries.length, len(STATISTICS)), self._level_dtype)
        factor = self.factors[level - 1]
        if level == 1:
            first = self.window.start
            window = Window(first + entries.start * factor, first + entries.stop * factor)
            summarize(self._finite(window, on_damage, verify), factor, out)
        else:
            step = factor // self.factors[level - 2]
            below = self.read_level(level - 1, Window(entries.start * step, entries.stop * step), on_damage, verify)
            merge(below, step, out)
        return out

    def _finite(self, window: Window, on_damage: OnDamage, verify: bool) -> NDArray[Any]:
        """Read samples for entries: what is lost is NaN, whatever the type, and does not count."""
        samples, gaps = self.read(window, None, on_damage, verify)
        if gaps and not self._floating:
            samples = samples.astype(np.float64)
            for gap in gaps:
                samples[gap.window.start - window.start : gap.window.stop - window.start] = np.nan
        return samples

    def _runs(self, wanted: NDArray[np.bool_], level: int) -> Iterator[tuple[int, int]]:
        """Return the runs of True as half-open ranges, cut so that making one holds a bounded amount of memory."""
        below = self.factors[level - 1] // (self.factors[level - 2] if level > 1 else 1)
        return runs(wanted, max((STEP_ENTRIES if level > 1 else STEP_SAMPLES) // below, 1))

    # -- chunks ------------------------------------------------------------------------------------------------------

    def _parts(self, level: int, start: int, stop: int, *, verify: bool) -> Iterator[Part]:
        """Yield the chunks that positions [start, stop) of an array are in, and what of samples is in the tail."""
        facts = self.levels[level - 1] if level else self.samples_facts
        if self._tail is not None or self._dropped:
            _ = (
                self.skipped
            )  # first, as in `read`: what is read now may be gone when gaps are looked for, and they with it
        behind: list[Part] = []
        if not level and self._tail is not None and start < stop:
            facts, behind = self._tail.find(self._array, start, stop, verify=verify)
            stop = min(stop, facts.shape[0])
        for number in range(start // facts.shard, -(-stop // facts.shard) if start < stop else 0):
            key = f"{level}/{self._array}/{facts.key(number)}"
            base = number * facts.shard
            lo, hi = max(start, base), min(stop, base + facts.shard)
            chunks = range((lo - base) // facts.chunk, -(-(hi - base) // facts.chunk))
            for i, chunk in zip(chunks, self._objects.chunks(key, facts, chunks, verify=verify), strict=True):
                begin = base + i * facts.chunk
                yield key, Window(max(lo, begin), min(hi, begin + facts.chunk)), chunk, begin
        yield from behind
