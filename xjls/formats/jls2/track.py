"""One signal's samples and levels: where they are in the file, and who reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import LostSamplesError
from xjls.formats.jls2.gaps import Skipped
from xjls.formats.jls2.layout import OMITTED
from xjls.formats.jls2.levels import Levels, Request
from xjls.formats.jls2.places import Places
from xjls.formats.jls2.samples import LEFT_OUT, Samples
from xjls.model.window import Gap, Window, merge_gaps
from xjls.storage.pool import array_to_fill

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.jls2.datatypes import DataType
    from xjls.formats.jls2.layout import Blocks, Layout
    from xjls.model.reader import OnDamage
    from xjls.model.status import Damage
    from xjls.storage import Storage

SCAN_CHUNKS = 1 << 16
"""Chunks that are looked up at a time when gaps are searched."""


class Track:
    """Read one signal.

    Parameters
    ----------
    storage
        Where the bytes are.
    name
        Of the signal in the recording.
    signal_id, kind, blocks
        Its number in the file, its sample type, and how it is cut.
    layout
        Where its chunks are.
    lost
        Called with the gaps that a read has met.
    note
        Called with a sentence for the recording's notes.
    skipped
        Returns the gaps that the writer recorded; called once.
    """

    def __init__(
        self,
        storage: Storage,
        name: str,
        signal_id: int,
        kind: DataType,
        blocks: Blocks,
        layout: Layout,
        lost: Callable[[tuple[Gap, ...]], None],
        note: Callable[[str], None],
        skipped: Callable[[], tuple[Gap, ...]],
    ) -> None:
        self.name = name
        self.id = signal_id
        self.kind = kind
        self.layout = layout
        self.blocks = blocks
        self._storage = storage
        self._lost = lost
        self.skipped = Skipped(layout, skipped, floating=kind.floating)
        self._levels = Levels(storage, signal_id, kind, blocks, note, self.skipped)
        self._samples = Samples(storage, signal_id, kind, blocks, self._levels.chunk_means)

    @property
    def window(self) -> Window:
        """The sample ids that exist."""
        return Window(self.layout.first_id, self.layout.first_id + self.layout.length)

    def read(
        self, window: Window, out: NDArray[Any] | None, on_damage: OnDamage, verify: bool
    ) -> tuple[NDArray[Any], tuple[Gap, ...]]:
        """Read a window of sample ids; see `xjls.model.reader.Reader.read`."""
        first = self.layout.first_id
        return self._read(window.start - first, window.stop - first, out, on_damage, verify)

    def read_level(self, level: int, entries: Window, on_damage: OnDamage, verify: bool) -> NDArray[Any]:
        """Read entries of a level; see `xjls.model.reader.Reader.read_level`."""
        if not entries.length:
            return np.empty((0, 4), self.kind.entry_dtype)
        return self._levels.read(
            Request(self.layout, on_damage, verify, self._finite), level, entries.start, entries.stop
        )

    def entries_as_stored(self, level: int, entries: Window) -> NDArray[Any]:
        """Read entries as the file has them, marks of NaN below them included; made anew where it has not."""
        return self._levels.as_written(self._request(), level, entries.start, entries.stop)

    def has_levels_of_today(self) -> bool:
        """Whether all levels mean what xjls writes: those of libraries before 0.7 may not."""
        return self._levels.of_today(self._request())

    def places(self, verify: bool) -> Places:
        """Return where the track's blocks lie; see `xjls.model.reader.Reader.places`."""
        request = self._request(verify)
        return Places(
            self._storage, self.layout, self.id, self.kind, self.blocks, self._levels, self._samples, request,
            self.skipped,
        )  # fmt: skip

    def _request(self, verify: bool = True) -> Request:
        return Request(self.layout, "gap", verify, self._finite)

    def gaps(self) -> tuple[Gap, ...]:
        """Return the gaps that the layout alone tells: nothing is read of the samples themselves."""
        found = []
        for number, what in self.layout.missing():
            if what != OMITTED or self.kind.bits > 8:  # constants of fewer bits are told by their summary
                reason = LEFT_OUT if what == OMITTED else "there is no such chunk"
                found.append(Gap(self._chunk_window(number), reason))
        return merge_gaps((*self._noted(merge_gaps(found)), *self.skipped.gaps))

    def name_losses(self, damage: list[Damage]) -> list[Damage]:
        """Return spans of damaged bytes, those that hold samples of this signal with the samples that they cost.

        The samples are noted as lost, too. Looks at the index only.
        """
        spans = sorted((item.offset, item.stop, i) for i, item in enumerate(damage))
        starts = np.array([start for start, _, _ in spans], np.int64)
        stops = np.array([stop for _, stop, _ in spans], np.int64)
        costs: dict[int, list[Gap]] = {}
        for first, offsets in self._all_offsets() if spans else ():
            at = np.searchsorted(starts, offsets, "right") - 1
            hit = (at >= 0) & (offsets >= 0) & (offsets < stops[at])
            for i in np.flatnonzero(hit).tolist():
                which = spans[at[i]][2]
                gap = Gap(self._chunk_window(first + i), "its chunk is damaged", int(offsets[i]))
                costs.setdefault(which, []).append(gap)
        named = list(damage)
        for which, gaps in costs.items():
            lost = ", ".join(str(gap.window) for gap in self._noted(merge_gaps(gaps)))
            before = f"{named[which].consequence}; " if named[which].consequence else ""
            named[which] = replace(named[which], consequence=f"{before}samples {lost} of {self.name!r} are lost")
        return named

    def _all_offsets(self) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """Yield the offsets of all DATA chunks, some at a time, with the number of the first of them."""
        n_chunks = -(-self.layout.length // self.blocks.chunk)
        for first in range(0, n_chunks, SCAN_CHUNKS):
            yield first, self.layout.data(first, min(first + SCAN_CHUNKS, n_chunks))

    def _chunk_window(self, number: int) -> Window:
        start = self.window.start + number * self.blocks.chunk
        return Window(start, start + self.blocks.chunk) & self.window

    def _read(
        self, start: int, stop: int, out: NDArray[Any] | None, on_damage: OnDamage, verify: bool
    ) -> tuple[NDArray[Any], tuple[Gap, ...]]:
        out = array_to_fill(out, stop - start, self.kind.dtype)
        if start == stop:
            return out, ()
        gaps = self._samples.read(self.layout, start, stop, out, verify=verify)
        if gaps and on_damage == "raise":
            raise self._loss(self._noted(gaps)[0])
        self._noted(gaps)
        if skipped := self.skipped.gaps.within(Window(self.window.start + start, self.window.start + stop)):
            gaps = merge_gaps((*gaps, *skipped))
        return out, gaps

    def _finite(self, request: Request, start: int, stop: int) -> NDArray[Any]:
        """Read samples for entries that must be recomputed: lost ones are NaN, whatever the type, and do not count."""
        samples, gaps = self._read(start, stop, None, request.on_damage, request.verify)
        if gaps and not self.kind.floating:
            samples = samples.astype(np.float64)
            for gap in gaps:
                first = gap.window.start - self.layout.first_id - start
                samples[first : first + gap.window.length] = np.nan
        return samples

    def _noted(self, gaps: tuple[Gap, ...]) -> tuple[Gap, ...]:
        if gaps:
            self._lost(gaps)
        return gaps

    def _loss(self, gap: Gap) -> LostSamplesError:
        return LostSamplesError(
            f"samples {gap.window} of {self.name!r} are lost: {gap.reason}",
            self._storage.path,
            gap.offset,
            'Open with on_damage="gap" to read the rest.',
        )
