"""A recording that is written to memory, in the order of the calls, and read while it is written."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING, Any

from xjls.errors import SelectionError
from xjls.formats.memory.reader import Moment, Opener
from xjls.formats.memory.track import Track
from xjls.model.facts import encode_facts
from xjls.model.recording import Recording
from xjls.model.sink import NOT_DELIVERED, ClosedByWith, require_shape, require_type, rest_of
from xjls.model.window import Gap, Window

if TYPE_CHECKING:
    from collections.abc import MutableSequence

    from numpy.typing import NDArray

    from xjls.model.annotation import Annotation, Tie, UserData
    from xjls.model.signal import Signal, Source

_numbers = itertools.count(1)


class MemorySink(ClosedByWith):
    """Write a recording to memory; fulfils `xjls.model.sink.Sink`.

    Notes
    -----
    One thread writes; any number read `recording`, of which what was written is found at once. A ``with`` block that
    raises abandons it: it says that it was not closed.

    Examples
    --------
    >>> import numpy as np, xjls
    >>> from fractions import Fraction
    >>> bench = xjls.Source(id=1, name="bench")
    >>> with MemorySink() as sink:
    ...     sink.add_source(bench)
    ...     sink.add_signal(xjls.Signal(id=1, name="current", units="A", dtype=np.dtype("f4"),
    ...                                 rate_hz=Fraction(1000), source=bench, stored_type="f32"))
    ...     sink.write("current", 0, np.arange(5, dtype="f4"))
    ...     sink.recording.statistics("current").mean
    2.0
    """

    kind = "memory"

    def __init__(self) -> None:
        self.name = f"{self.kind}:{next(_numbers)}"
        """What its recordings have for a path."""
        self._lock = threading.Lock()
        self._changes = 0
        self._sources: dict[int, Source] = {}
        self._signals: dict[str, Signal] = {}
        self._tracks: dict[str, Track] = {}
        self._annotations: MutableSequence[Annotation] = []
        self._user_data: MutableSequence[UserData] = []
        self._open = True
        self._complete = False

    @property
    def recording(self) -> Recording:
        """What was written so far, as a recording: ``refresh`` and ``follow`` tell what is added.

        It keeps the memory as long as it is in use, and does not pickle: no other process can read it.
        """
        return Recording(self.name, Opener(self))

    def add_source(self, source: Source) -> None:
        """Define an instrument; see `Sink`."""
        self._require_open()
        if source.id in self._sources:
            raise SelectionError(f"source {source.id} is defined already", "Give it another number.")
        with self._lock:
            self._sources[source.id] = source
            self._changes += 1

    def add_signal(self, signal: Signal) -> None:
        """Define a signal; see `Sink`."""
        self._require_open()
        if signal.source.id not in self._sources:
            raise SelectionError(f"source {signal.source.id} of {signal.name!r} is not defined", "Define it first.")
        if signal.name in self._signals or signal.id in {one.id for one in self._signals.values()}:
            raise SelectionError(
                f"signal {signal.id}, {signal.name!r}, is defined already", "Give it another number and name."
            )
        encode_facts(signal)  # what no store can say is refused here as well
        require_shape(signal)
        track = self._track(signal) if signal.has_samples else None
        with self._lock:
            if track is not None:
                self._tracks[signal.name] = track
            self._signals[signal.name] = signal if track is None else track.signal
            self._changes += 1

    def write(self, name: str, first_id: int, samples: NDArray[Any]) -> None:
        """Append samples; see `Sink`."""
        track = self._sampled(name)
        require_type(name, track.dtype, samples, track.signal.sample_shape)
        next_id = first_id if track.next_id is None else track.next_id
        samples = samples[max(next_id - first_id, 0) :]
        if len(samples):
            with self._lock:
                if first_id > next_id:
                    track.skip(Gap(Window(next_id, first_id), NOT_DELIVERED, skipped=True))
                track.append(first_id, samples)
                self._changes += 1

    def skip(self, name: str, gap: Gap) -> None:
        """Count samples that nobody delivered; see `Sink`."""
        track = self._sampled(name)
        rest = rest_of(gap, name, track.next_id)
        if rest.window.length:
            with self._lock:
                track.skip(rest)
                self._changes += 1

    def tie(self, name: str, tie: Tie) -> None:
        """Say when a sample was taken; see `Sink`."""
        track = self._sampled(name)
        with self._lock:
            track.ties.append(tie)
            self._changes += 1

    def annotate(self, note: Annotation) -> None:
        """Write an annotation; see `Sink`."""
        self._require_open()
        if note.signal:
            self._require_signal(note.signal)
        with self._lock:
            self._annotations.append(note)
            self._changes += 1

    def add_user_data(self, record: UserData) -> None:
        """Keep a record of an application's own; see `Sink`."""
        self._require_open()
        with self._lock:
            self._user_data.append(record)
            self._changes += 1

    def gap_bytes(self, name: str, samples: int) -> int:
        """Return the memory that a gap takes beyond what is there; see `Sink`."""
        return self._sampled(name).gap_bytes(samples)

    def settle(self) -> None:
        """Do nothing: there is no disk."""

    def flush(self, *, sync: bool = False) -> None:  # noqa: ARG002 - the protocol's: there is no disk
        """Do nothing: what was written is found at once; see `Sink`."""
        self._require_open()

    def close(self) -> None:
        """Say that it is complete; see `Sink`."""
        if self._open:
            self._open, self._complete = False, True

    def abandon(self) -> None:
        """Leave it as it stands; see `Sink`."""
        self._open = False

    def moment(self) -> Moment:
        """Return what is there now; called from any thread."""
        with self._lock:
            views = {name: track.view() for name, track in self._tracks.items()}
            signals = {name: views[name].describe() if name in views else one for name, one in self._signals.items()}
            return Moment(
                changes=self._changes, closed=self._complete,
                sources=tuple(source for _, source in sorted(self._sources.items())),
                signals=dict(sorted(signals.items(), key=lambda item: item[1].id)),
                views=views,
                ties={name: tuple(track.ties) for name, track in self._tracks.items()},
                annotations=tuple(self._annotations), user_data=tuple(self._user_data),
                n_bytes=sum(track.n_bytes for track in self._tracks.values()),
            )  # fmt: skip

    def _track(self, signal: Signal) -> Track:
        return Track(signal, self._lock)

    def _sampled(self, name: str) -> Track:
        self._require_signal(name)
        if name not in self._tracks:
            raise SelectionError(f"{name!r} has annotations only", "Define it with a rate.")
        return self._tracks[name]

    def _require_signal(self, name: str) -> None:
        self._require_open()
        if name not in self._signals:
            names = ", ".join(self._signals) or "none"
            raise SelectionError(f"no signal {name!r} is being written", f"Signals: {names}.")

    def _require_open(self) -> None:
        if not self._open:
            raise ValueError("the sink is closed. Make another one")
