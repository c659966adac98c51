"""One signal's samples and levels: where they are in the file, and who reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import LostSamplesError
from xjls.formats.jls2.layout import OMITTED
from xjls.formats.jls2.levels import Levels, Request
from xjls.formats.jls2.samples import LEFT_OUT, Samples
from xjls.model.window import Gap, Window, merge_gaps
from xjls.storage.pool import pool

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.jls2.datatypes import DataType
    from xjls.formats.jls2.layout import Blocks, Layout
    from xjls.model.recording import OnDamage
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
    ) -> None:
        self.name = name
        self.id = signal_id
        self.kind = kind
        self.layout = layout
        self.blocks = blocks
        self._path = storage.path
        self._lost = lost
        self._levels = Levels(storage, signal_id, kind, blocks, self._finite, note)
        self._samples = Samples(storage, signal_id, kind, blocks, self._levels.chunk_means)

    @property
    def window(self) -> Window:
        """The sample ids that exist."""
        return Window(self.layout.first_id, self.layout.first_id + self.layout.length)

    def read(
        self, window: Window, out: NDArray[Any] | None, on_damage: OnDamage, verify: bool
    ) -> tuple[NDArray[Any], tuple[Gap, ...]]:
        """Read a window of sample ids; see `xjls.model.recording.Reader.read`."""
        first = self.layout.first_id
        return self._read(window.start - first, window.stop - first, out, on_damage, verify)

    def read_level(self, level: int, entries: Window, on_damage: OnDamage, verify: bool) -> NDArray[Any]:
        """Read entries of a level; see `xjls.model.recording.Reader.read_level`."""
        if not entries.length:
            return np.empty((0, 4), self.kind.entry_dtype)
        return self._levels.read(Request(self.layout, on_damage, verify), level, entries.start, entries.stop)

    def gaps(self) -> tuple[Gap, ...]:
        """Return the gaps that the layout alone tells: nothing is read of the samples themselves."""
        size, found = self.blocks.chunk, []
        n_chunks = -(-self.layout.length // size)
        for first in range(0, n_chunks, SCAN_CHUNKS):
            offsets = self.layout.data(first, min(first + SCAN_CHUNKS, n_chunks))
            for i in np.flatnonzero(offsets < 0).tolist():
                omitted = offsets[i] == OMITTED
                if omitted and self.kind.bits <= 8:  # a constant, which its summary tells
                    continue
                start = self.window.start + (first + i) * size
                gap = Window(start, start + size) & self.window
                found.append(Gap(gap, LEFT_OUT if omitted else "there is no such chunk"))
        return self._noted(merge_gaps(found))

    def _read(
        self, start: int, stop: int, out: NDArray[Any] | None, on_damage: OnDamage, verify: bool
    ) -> tuple[NDArray[Any], tuple[Gap, ...]]:
        out = self._target(out, stop - start)
        if start == stop:
            return out, ()
        gaps = self._samples.read(self.layout, start, stop, out, verify=verify)
        if gaps and on_damage == "raise":
            raise self._loss(self._noted(gaps)[0])
        return out, self._noted(gaps)

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

    def _target(self, out: NDArray[Any] | None, length: int) -> NDArray[Any]:
        dtype = self.kind.dtype
        if out is None:
            return pool.empty(length, dtype)
        if out.shape != (length,) or out.dtype != dtype or not out.flags.c_contiguous or not out.flags.writeable:
            raise ValueError(
                f"out is {out.dtype}{list(out.shape)}, needed is a writable, contiguous {dtype}[{length}]. "
                f"Make it with np.empty({length}, {dtype.name!r})"
            )
        return out

    def _loss(self, gap: Gap) -> LostSamplesError:
        return LostSamplesError(
            f"samples {gap.window} of {self.name!r} are lost: {gap.reason}",
            self._path,
            gap.offset,
            'Open with on_damage="gap" to read the rest.',
        )
