"""A reader whose signals have the levels of a sidecar; all else is as the recording's own reader says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.formats.levels.places import Places
from xjls.formats.levels.summary import READ_SAMPLES, Summarizer
from xjls.model.sample_type import STEP
from xjls.model.window import Window, merge_gaps, runs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.levels.sidecar import Sidecar
    from xjls.model.reader import OnDamage, Reader
    from xjls.model.reader import Places as PlacesProtocol
    from xjls.model.signal import Level, Signal
    from xjls.model.status import Status
    from xjls.model.window import Gap


class LevelledReader:
    """Fulfil `xjls.model.reader.Reader` for a recording with a sidecar.

    Parameters
    ----------
    reader
        The recording's own.
    sidecar
        Of which it was found that it fits.
    """

    def __init__(self, reader: Reader, sidecar: Sidecar) -> None:
        self.format = reader.format
        self.token = (*reader.token, "levels", sidecar.token)
        self.was_closed = reader.was_closed
        self.restarts = reader.restarts
        self.sources = reader.sources
        self.names = reader.names
        self.read = reader.read
        self.ties = reader.ties
        self.annotations = reader.annotations
        self.user_data = reader.user_data
        self.check = reader.check
        self._reader = reader
        self._sidecar = sidecar
        # By signal: there may be a million of them, and whoever asks asks again
        self._gaps: dict[str, tuple[Gap, ...]] = {}
        self._skipped: dict[str, tuple[Gap, ...]] = {}

    def describe(self, name: str) -> Signal:
        """Return a signal's facts, levels among them; see `Reader`."""
        signal = self._reader.describe(name)
        if (mine := self._sidecar.signals.get(name)) is None:
            return signal
        return replace(signal, level_factors=mine.record.all_factors, level_dtype=mine.record.dtype)

    def read_level(
        self, signal: Signal, level: Level, entries: Window, on_damage: OnDamage, verify: bool
    ) -> NDArray[Any]:
        """Read entries of a level, made anew where the sidecar's are damaged; see `Reader`."""
        if (mine := self._sidecar.signals.get(signal.name)) is None:
            return self._reader.read_level(signal, level, entries, on_damage, verify)
        found, known = mine.levels[level.index - 1].read(entries.start, entries.stop, verify=verify)
        for lo, hi in runs(~known, max(READ_SAMPLES // level.factor, STEP)):
            span = Window(entries.start + lo, entries.start + hi)
            found[lo:hi] = self._made(signal, level, span, on_damage, verify)
        return found

    def places(self, signal: Signal, verify: bool) -> PlacesProtocol:
        """Return where a signal's blocks lie; see `Reader`."""
        samples = self._reader.places(signal, verify)
        if (mine := self._sidecar.signals.get(signal.name)) is None:
            return samples
        return Places(samples, mine, floating=signal.dtype.kind == "f", verify=verify)

    def gaps(self, signal: Signal) -> tuple[Gap, ...]:
        """Return what the recording knows to be lost, and what was seen to be when its levels were built."""
        if signal.name not in self._gaps:
            self._gaps[signal.name] = _together(self._reader.gaps(signal), self._seen(signal))
        return self._gaps[signal.name]

    def skipped(self, signal: Signal) -> tuple[Gap, ...]:
        """Return what nobody delivered, as the recording says or shows; see `Reader`."""
        if signal.name not in self._skipped:
            seen = tuple(gap for gap in self._seen(signal) if gap.skipped)
            self._skipped[signal.name] = _together(self._reader.skipped(signal), seen)
        return self._skipped[signal.name]

    def status(self) -> Status:
        """Return the recording's health, and what was found to be damaged of the sidecar; see `Reader`."""
        status = self._reader.status()
        damage = [f"{self._sidecar.place}: {one}" for mine in self._sidecar.signals.values() for one in mine.damage]
        return replace(status, notes=(*status.notes, *damage)) if damage else status

    def close(self) -> None:
        """Give back what is held; see `Reader`."""
        self._reader.close()
        self._sidecar.close()

    def _seen(self, signal: Signal) -> tuple[Gap, ...]:
        mine = self._sidecar.signals.get(signal.name)
        return () if mine is None else tuple(mine.gaps)

    def _made(
        self, signal: Signal, level: Level, entries: Window, on_damage: OnDamage, verify: bool
    ) -> NDArray[np.float64]:
        """Make entries from the level below, or from samples."""
        if level.index == 1:
            made = Summarizer(self._reader, signal, level.factor, on_damage=on_damage, verify=verify)
            return made.entries(entries.start, entries.stop)[0]
        from xjls.kernels.reduce import merge

        span = Window(entries.start * STEP, entries.stop * STEP)
        below = self.read_level(signal, signal.levels[level.index - 2], span, on_damage, verify)
        above = np.empty((entries.length, below.shape[1]))
        merge(below, STEP, above)
        return above


def _together(told: tuple[Gap, ...], seen: tuple[Gap, ...]) -> tuple[Gap, ...]:
    """Return the gaps that a recording tells of, and those that its sidecar does, which it may tell of too."""
    return merge_gaps({*told, *seen}) if told and seen else told or seen
