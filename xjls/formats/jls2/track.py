"""One signal's samples and levels: its layout in the file, and who reads it.

The layout comes from the file's index. When a read finds that index damaged, a survey of the whole file takes its
place, once, and the read is made again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from xjls.errors import CorruptError, LostSamplesError, TruncatedError
from xjls.formats.jls2.layout import OMITTED, Blocks
from xjls.formats.jls2.levels import Levels, Request
from xjls.formats.jls2.samples import LEFT_OUT, Samples
from xjls.model.window import Gap, Window, merge_gaps
from xjls.storage.pool import pool

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.jls2.datatypes import DataType
    from xjls.formats.jls2.layout import Layout
    from xjls.formats.jls2.wire import SignalDef
    from xjls.model.recording import OnDamage
    from xjls.storage import Storage

T = TypeVar("T")


class Track:
    """Read one signal.

    Parameters
    ----------
    storage
        Where the bytes are.
    definition, kind
        The signal, and its sample type.
    layout
        Where its chunks are, as the file's index says.
    survey
        Returns the layout that a survey of the whole file finds; called with the error that made it necessary.
    log
        Called with a sentence for the recording's notes.
    """

    def __init__(
        self,
        storage: Storage,
        definition: SignalDef,
        kind: DataType,
        layout: Layout,
        survey: Callable[[CorruptError | TruncatedError], Layout],
        log: Callable[[str], None],
    ) -> None:
        self.definition = definition
        self.kind = kind
        self.blocks = Blocks.of(definition, kind)
        self.layout = layout
        self.first_id = layout.first_id
        self.length = layout.length
        self._path = storage.path
        self._survey = survey
        self._samples = Samples(storage, definition.id, kind, self.blocks, self._chunk_means)
        self._levels = Levels(
            storage,
            definition.id,
            kind,
            self.blocks,
            self._read_samples,
            lambda text: log(f"{definition.name}: {text}"),
        )

    def read(
        self, window: Window, out: NDArray[Any] | None, on_damage: OnDamage, verify: bool
    ) -> tuple[NDArray[Any], tuple[Gap, ...]]:
        """Read a window of sample ids; see `xjls.model.recording.Reader.read`."""
        start, stop = window.start - self.first_id, window.stop - self.first_id
        out = self._target(out, stop - start)
        if start == stop:
            return out, ()
        layout = self.layout
        try:
            gaps = self._samples.read(layout, start, stop, out, verify=verify)
        except (CorruptError, TruncatedError) as error:
            gaps = self._samples.read(self._surveyed(layout, error), start, stop, out, verify=verify)
        if gaps and on_damage == "raise":
            raise self._loss(gaps[0])
        return out, gaps

    def read_level(self, level: int, entries: Window, on_damage: OnDamage, verify: bool) -> NDArray[Any]:
        """Read entries of a level; see `xjls.model.recording.Reader.read_level`."""
        if not entries.length:
            return np.empty((0, 4), self.kind.entry_dtype)
        return self._or_surveyed(
            lambda layout: self._levels.read(
                Request(layout, on_damage, verify), level.index, entries.start, entries.stop
            )
        )

    def lost(self) -> tuple[Gap, ...]:
        """Return the gaps that the layout alone tells: nothing is read of the samples themselves."""
        size = self.blocks.chunk
        gaps = []
        for first in range(0, -(-self.length // size), 1 << 16):
            last = min(first + (1 << 16), -(-self.length // size))
            offsets = self._or_surveyed(lambda layout, a=first, b=last: layout.data(a, b))  # type: ignore[misc]
            for i in np.flatnonzero(offsets < 0).tolist():
                if offsets[i] == OMITTED and self.kind.bits <= 8:
                    continue
                start = self.first_id + (first + i) * size
                stop = min(start + size, self.first_id + self.length)
                gaps.append(Gap(Window(start, stop), LEFT_OUT if offsets[i] == OMITTED else "there is no such chunk"))
        return merge_gaps(gaps)

    def _or_surveyed(self, action: Callable[[Layout], T]) -> T:
        """Run an action on the layout; when the index that it follows is damaged, run it again on a survey's."""
        layout = self.layout
        try:
            return action(layout)
        except (CorruptError, TruncatedError) as error:
            return action(self._surveyed(layout, error))

    def _surveyed(self, broken: Layout, error: CorruptError | TruncatedError) -> Layout:
        """Return a survey's layout in the place of a broken one; raises the error where that is one already."""
        if self.layout is broken:
            found = self._survey(error)
            if isinstance(broken, type(found)):
                raise error
            self.layout = found
        return self.layout

    def _target(self, out: NDArray[Any] | None, length: int) -> NDArray[Any]:
        dtype = self.kind.dtype
        if out is None:
            return pool.empty(length, dtype)
        if out.shape != (length,) or out.dtype != dtype or not out.flags.c_contiguous or not out.flags.writeable:
            raise ValueError(
                f"out is {out.dtype}{list(out.shape)}, needed is a writable, contiguous {dtype}[{length}]. Make it with "
                f"np.empty({length}, {dtype.name!r})"
            )
        return out

    def _read_samples(self, layout: Layout, start: int, stop: int, on_damage: OnDamage, verify: bool) -> NDArray[Any]:
        out = self._target(None, stop - start)
        gaps = self._samples.read(layout, start, stop, out, verify=verify)
        if gaps and on_damage == "raise":
            raise self._loss(gaps[0])
        return out

    def _chunk_means(self, layout: Layout, number: int) -> NDArray[Any] | None:
        return self._levels.chunk_means(layout, number)

    def _loss(self, gap: Gap) -> LostSamplesError:
        return LostSamplesError(
            f"samples {gap.window} of {self.definition.name!r} are lost: {gap.reason}", self._path, gap.offset,
            'Open with on_damage="gap" to read the rest.',
        )  # fmt: skip
