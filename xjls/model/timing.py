"""When a recording's samples were taken: its ties, the clocks through them, and where its seconds begin."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xjls.errors import SelectionError
from xjls.model.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xjls.model.annotation import Annotation, Tie
    from xjls.model.reader import Reader
    from xjls.model.signal import Signal


class Timing:
    """What `xjls.Recording` can tell of time."""

    _reader: Reader
    _notes: dict[str, None]
    _ties: dict[str, tuple[Tie, ...]]
    _clocks: dict[tuple[str, ...], Clock]

    @property
    def signals(self) -> Mapping[str, Signal]:
        """The signals by name."""
        raise NotImplementedError

    def signal(self, name: str) -> Signal:
        """Return a signal's facts."""
        raise NotImplementedError

    def clock(self, *names: str) -> Clock:
        """Return the map between sample ids and time of one signal, or of several that share their sample ids.

        Several give one clock through the ties of all. Without ties it is nominal, and counts from `origin_id`.
        Read once, on first use.
        """
        clocks = self._clocks
        if (kept := clocks.get(names)) is not None:
            return kept
        first = self.signal(names[0])
        if not first.has_samples:
            raise SelectionError(
                f"{first.name!r} has no samples, only annotations, and so no clock",
                "Its annotations carry their own times.",
            )
        tied = (self.ties(name) for name in names)
        clock = Clock.through(tied, rate_hz=first.rate_hz, first_id=self.origin_id(first.name))
        self._note_clock(clock, names)
        clocks[names] = clock
        return clock

    def origin_id(self, name: str) -> int:
        """Return the sample id from which seconds count: what the signal says, else the first of its source and rate.

        Those share their sample ids, so that a moment has the same seconds on each of them, whichever are opened.
        """
        signal = self.signal(name)
        if signal.origin_id is not None:
            return signal.origin_id
        key = signal.source.id, signal.rate_hz, signal.axis
        kin = (s for s in self.signals.values() if (s.source.id, s.rate_hz, s.axis) == key)
        return min((s.first_id for s in kin if s.length), default=signal.first_id)

    def ties(self, name: str) -> tuple[Tie, ...]:
        """Return a signal's ties as they were written; read once, on first use."""
        kept, reader = self._ties, self._reader  # of one moment: `refresh` puts others in their places
        if name not in kept:
            kept[name] = reader.ties(self.signal(name))
        return kept[name]

    def _note_clock(self, clock: Clock, names: tuple[str, ...]) -> None:
        """Report what a clock had to leave out, and time that runs backwards: neither is hidden."""
        whose = ", ".join(names)
        if clock.ties is not None and (ignored := len(clock.ties.ignored)):
            self._notes[f"{whose}: {ignored} ties out of order or long before the first sample are not used"] = None
        if not clock.is_increasing:
            self._notes[f"{whose}: UTC runs backwards between some ties; select by position there"] = None

    def _dated(self, note: Annotation) -> Annotation:
        """Return an annotation with its time, where a clock tells."""
        if note.sample_id is None or note.time_ns is not None or not (clock := self.clock(note.signal)).utc:
            return note
        return replace(note, time_ns=clock.time(note.sample_id))
