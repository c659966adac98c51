"""The last seconds of every signal, in memory of one size, fed like any sink; at a lower rate where that is asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, Any

from xjls.capturing.buffer.decimate import Decimator
from xjls.errors import SelectionError
from xjls.formats.memory.sink import MemorySink
from xjls.formats.memory.track import Track
from xjls.model.amounts import hertz_of, seconds_of
from xjls.model.sink import require_series
from xjls.model.window import Gap, Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.model.amounts import Amount
    from xjls.model.annotation import Annotation, Tie
    from xjls.model.signal import Signal, Source

RECORDS = 4096
"""Annotations, and records of applications, that are kept: the last ones."""
SPARE = Fraction(1, 4)
"""Of the seconds that are kept: as much may arrive while somebody reads what was there."""
LEAST_SPARE_S = Fraction(1, 4)
"""So much more is kept at least."""
PIECES = 4
"""Into how many pieces what is written is cut at least, where it would fill a ring at once."""


class Rings(MemorySink):
    """Keep the last seconds of every signal; see `xjls.capturing.buffer.stream.StreamBuffer`.

    Parameters
    ----------
    signals
        What is to be kept.
    seconds
        How much is kept at least.
    rate
        Samples a second that are kept at most; None keeps every sample.
    """

    kind = "buffer"
    takes_axes = False
    """Whether it may be given samples of signals on an axis, as frames; a session shows it the others only."""

    def __init__(self, signals: Iterable[Signal] = (), *, seconds: Amount, rate: Amount | None = None) -> None:
        super().__init__()
        self.seconds = seconds_of(seconds)
        """How much is kept at least."""
        self._rate_hz = None if rate is None else hertz_of(rate)
        self._annotations = deque(maxlen=RECORDS)
        self._user_data = deque(maxlen=RECORDS)
        self._decimators: dict[str, Decimator] = {}
        self._inputs: dict[str, Signal] = {}
        """The signals as they are written, whatever rate is kept of them."""
        for signal in signals:
            self.add_source(signal.source)
            self.add_signal(signal)

    def add_source(self, source: Source) -> None:
        """Define an instrument; one that is known already is kept; see `Sink`."""
        if self._sources.get(source.id) != source:
            super().add_source(source)

    def add_signal(self, signal: Signal) -> None:
        """Define a signal, and take memory for it; one that is known already is kept; see `Sink`."""
        require_series(signal, "a buffer of the last seconds")
        known = self._inputs.get(signal.name)
        if known is not None and (known.id, known.rate_hz, known.source) == (signal.id, signal.rate_hz, signal.source):
            return
        factor = self._factor(signal)
        super().add_signal(signal if factor == 1 else replace(signal, rate_hz=signal.rate_hz / factor))
        self._inputs[signal.name] = signal
        if factor > 1:
            self._decimators[signal.name] = Decimator(factor, self._tracks[signal.name].stored_type)

    def write(self, name: str, first_id: int, samples: NDArray[Any]) -> None:
        """Append samples, which are filtered where a lower rate is kept; see `Sink`."""
        decimator = self._decimators.get(name)
        piece = max((self._sampled(name).least or 0) // PIECES, 1) * (1 if decimator is None else decimator.factor)
        for start in range(0, max(len(samples), 1), piece):
            self._write(name, first_id + start, samples[start : start + piece])
            self._added()

    def skip(self, name: str, gap: Gap) -> None:
        """Count samples that nobody delivered; see `Sink`."""
        if (decimator := self._decimators.get(name)) is None:
            super().skip(name, gap)
        else:
            for at, out in decimator.finish():
                super().write(name, at, out)
            decimator.skip(gap.window.stop)
            begin = decimator.begin_of(gap.window.start)
            start = max(self._sampled(name).next_id or begin, begin)
            stop = decimator.begin_of(gap.window.stop)
            if start < stop:
                super().skip(name, replace(gap, window=Window(start, stop)))
        self._added()

    def tie(self, name: str, tie: Tie) -> None:
        """Say when a sample was taken; see `Sink`."""
        if (decimator := self._decimators.get(name)) is not None:
            tie = decimator.tie(tie, self._inputs[name].rate_hz)
        super().tie(name, tie)

    def annotate(self, note: Annotation) -> None:
        """Write an annotation; the last ones are kept; see `Sink`."""
        if note.sample_id is not None and (decimator := self._decimators.get(note.signal)) is not None:
            note = replace(note, sample_id=note.sample_id // decimator.factor)
        super().annotate(note)

    def close(self) -> None:
        """Take what filters still hold, and say that it is complete; see `Sink`."""
        if self._open:
            for name, decimator in self._decimators.items():
                for at, out in decimator.finish():
                    super().write(name, at, out)
            self._added()
        super().close()

    @property
    def n_bytes(self) -> int:
        """Bytes of memory that samples and levels have: constant from when the signals are known."""
        return sum(track.n_bytes for track in self._tracks.values())

    def _write(self, name: str, first_id: int, samples: NDArray[Any]) -> None:
        decimator = self._decimators.get(name)
        if decimator is None or samples.dtype != self._sampled(name).dtype or samples.ndim != 1:
            super().write(name, first_id, samples)
        else:
            for at, out in decimator.write(first_id, samples):
                super().write(name, at, out)

    def _added(self) -> None:
        """Do nothing; called after each call that adds samples, without the lock."""

    def _factor(self, signal: Signal) -> int:
        if self._rate_hz is None or signal.rate_hz <= self._rate_hz:
            return 1
        factor = signal.rate_hz / self._rate_hz
        if factor.denominator != 1:
            raise SelectionError(
                f"{signal.name!r} has {signal.rate_hz} samples a second, which is no multiple of {self._rate_hz}",
                "Choose a rate that divides those of all signals.",
            )
        return factor.numerator

    def _track(self, signal: Signal) -> Track:
        least = max(ceil(self.seconds * signal.rate_hz), 1)
        spare = ceil(max(self.seconds * SPARE, LEAST_SPARE_S) * signal.rate_hz)
        return Track(signal, self._lock, least, spare)
