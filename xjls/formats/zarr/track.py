"""One signal of a store: its samples, and its levels, made right where they are damaged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from xjls.errors import LostSamplesError
from xjls.formats.zarr.metadata import fill_of
from xjls.formats.zarr.objects import Fault
from xjls.model.signal import STATISTICS
from xjls.model.window import Gap, Gaps, Window, merge_gaps, runs
from xjls.storage.pool import array_to_fill

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xjls.formats.zarr.health import Health
    from xjls.formats.zarr.metadata import ArrayFacts
    from xjls.formats.zarr.objects import Chunk, Objects
    from xjls.model.reader import OnDamage

STEP_SAMPLES = 1 << 22
"""Samples that are held at a time while entries are made from them."""
STEP_ENTRIES = 1 << 20
"""Entries of the level below that are held at a time."""

Part: TypeAlias = "tuple[str, Window, Chunk, int]"
"""Key of an object; positions of the first axis; a chunk's values, or why there are none; its first position."""


class Track:
    """Read one signal.

    Parameters
    ----------
    objects
        Where the chunks are.
    name, array
        Of the signal, and of its arrays.
    first_id
        Sample id of its first sample.
    samples, levels
        What the metadata say of its arrays, from samples to the coarsest level.
    skipped
        Returns what nobody delivered; called once.
    health
        Where damage is noted.
    missing
        What integers are where there is none; None for 0.
    """

    def __init__(
        self, objects: Objects, name: str, array: str, first_id: int, samples: ArrayFacts, levels: Sequence[ArrayFacts],
        skipped: Callable[[], Iterable[Gap]], health: Health, missing: int | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self.samples_facts = samples
        self.levels = tuple(levels)
        self.factors = tuple(int(level.attributes["samples_per_entry"]) for level in levels)
        self.window = Window(first_id, first_id + samples.shape[0])
        self._skipped = skipped
        self._objects = objects
        self._array = array
        self._health = health
        self._floating = samples.dtype.kind == "f"
        self._fill = fill_of(samples.dtype, missing)

    @cached_property
    def skipped(self) -> Gaps:
        """What nobody delivered."""
        return Gaps(Gaps(self._skipped()).within(self.window))

    # -- samples -----------------------------------------------------------------------------------------------------

    def read(
        self, window: Window, out: NDArray[Any] | None, on_damage: OnDamage, verify: bool
    ) -> tuple[NDArray[Any], tuple[Gap, ...]]:
        """Read a window of sample ids; see `xjls.model.reader.Reader.read`."""
        out = array_to_fill(out, window.length, self.samples_facts.dtype)
        self._objects.require_open()
        first = window.start - self.window.start
        lost = []
        for key, span, chunk, begin in self._parts(0, first, first + window.length, verify=verify):
            target = out[span.start - first : span.stop - first]
            if isinstance(chunk, Fault):
                target[:] = self._fill
                lost += self._lost(key, span, chunk, begin)
            else:
                target[:] = chunk[span.start - begin : span.stop - begin, 0]
        gaps = merge_gaps(lost)
        self._health.add_gaps(self.name, gaps)
        if gaps and on_damage == "raise":
            raise self._loss(lost[0], lost[0].reason)
        skipped = self.skipped.within(window)
        return out, merge_gaps((*gaps, *skipped)) if gaps else skipped

    def check(self) -> Iterator[int]:
        """Read all objects of the signal and verify them; note what is damaged. Yield the bytes of each."""
        for level, facts in enumerate((self.samples_facts, *self.levels)):
            for start in range(0, facts.shape[0], facts.shard):
                stop = min(start + facts.shard, facts.shape[0])
                lost = []
                for key, span, chunk, begin in self._parts(level, start, stop, verify=True):
                    if isinstance(chunk, Fault) and level:
                        self._health.add(key, chunk, self._made_anew(level, begin))
                    elif isinstance(chunk, Fault):
                        lost += self._lost(key, span, chunk, begin)
                self._health.add_gaps(self.name, merge_gaps(lost))
                yield (stop - start) * facts.row * facts.dtype.itemsize

    def _lost(self, key: str, span: Window, fault: Fault, begin: int) -> list[Gap]:
        """Return the gap that a chunk leaves; none where nobody delivered its samples."""
        first, facts = self.window.start, self.samples_facts
        window = Window(first + span.start, first + span.stop)
        if sum(gap.window.length for gap in self.skipped.within(window)) == window.length:
            return []
        size = facts.shard if fault.whole else facts.chunk
        all_of_it = Window(first + begin // size * size, first + begin // size * size + size) & self.window
        self._health.add(key, fault, f"samples {all_of_it} of {self.name!r} are lost")
        return [Gap(window, f"{key}: {fault.reason}", fault.offset if fault.stop else -1)]

    def _loss(self, gap: Gap, reason: str) -> LostSamplesError:
        key, _, why = reason.partition(": ")
        return LostSamplesError(
            f"samples {gap.window} of {self.name!r} are lost: {why}",
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

    def _stored(self, level: int, start: int, stop: int, *, verify: bool) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return entries as the store has them, and which of them it has."""
        entries = np.full((stop - start, len(STATISTICS)), np.nan, self.levels[level - 1].dtype)
        known = np.ones(stop - start, np.bool_)
        for key, span, chunk, begin in self._parts(level, start, stop, verify=verify):
            where = slice(span.start - start, span.stop - start)
            if isinstance(chunk, Fault):
                known[where] = False
                self._health.add(key, chunk, self._made_anew(level, begin))
            else:
                entries[where] = chunk[span.start - begin : span.stop - begin]
        return entries, known

    def _made_anew(self, level: int, begin: int) -> str:
        """Return what it costs that the chunk of a level is damaged that begins at an entry."""
        facts = self.levels[level - 1]
        span = Window(begin, min(begin + facts.chunk, facts.shape[0]))
        return f"entries {span} of level {level} of {self.name!r} are made anew"

    def _made(self, level: int, entries: Window, on_damage: OnDamage, verify: bool) -> NDArray[Any]:
        """Make entries from the level below, or from samples."""
        from xjls.kernels.reduce import merge, summarize

        out = np.empty((entries.length, len(STATISTICS)), self.levels[level - 1].dtype)
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
        """Yield the chunks that positions [start, stop) of an array are in."""
        facts = self.levels[level - 1] if level else self.samples_facts
        for number in range(start // facts.shard, -(-stop // facts.shard) if start < stop else 0):
            key = f"{level}/{self._array}/{facts.key(number)}"
            base = number * facts.shard
            lo, hi = max(start, base), min(stop, base + facts.shard)
            chunks = range((lo - base) // facts.chunk, -(-(hi - base) // facts.chunk))
            for i, chunk in zip(chunks, self._objects.chunks(key, facts, chunks, verify=verify), strict=True):
                begin = base + i * facts.chunk
                yield key, Window(max(lo, begin), min(hi, begin + facts.chunk)), chunk, begin
