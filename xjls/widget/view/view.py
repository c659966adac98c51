"""A view of recordings: what a screen asks, answered in plain values; no Jupyter, and safe in any thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from xjls.errors import SelectionError
from xjls.widget.view.cache import StripCache
from xjls.widget.view.lane import Lane, lanes_of
from xjls.widget.view.measuring import measure, sample_at
from xjls.widget.view.missing import knowledge
from xjls.widget.view.moments import FARTHEST_NS
from xjls.widget.view.strip import strip_of
from xjls.widget.view.wire import encode_axis, encode_lanes, encode_strips, number

if TYPE_CHECKING:
    from xjls.model.recording import Recording
    from xjls.plot.timing import TimeUnit
    from xjls.widget.view.lane import Axis, Source
    from xjls.widget.view.missing import Knowledge
    from xjls.widget.view.strip import Strip

Answer = TypeVar("Answer")


class View:
    """Lanes over one axis of time, and what can be asked of them.

    Parameters
    ----------
    sources
        Recordings, the first of them what all others are laid over; lost samples are gaps in it, whatever a recording's
        own ``on_damage`` says.
    time
        ``"utc"``, ``"seconds"``, or ``"auto"``: UTC where all of them know it.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> from xjls.widget.view.lane import Source
    >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1))
    >>> view = View([Source(recording)])
    >>> [lane.key for lane in view.lanes]
    ['current', 'voltage', 'power', 'current_range', 'gpi[0]']
    >>> tile, data = view.tile(*view.extent, 500, lanes=["current"])
    >>> tile["strips"][0]["n"], tile["strips"][0]["per"], len(data) > 521 * (4 * 4 + 1)
    (521, 96, True)
    """

    def __init__(self, sources: Iterable[Source], time: TimeUnit = "auto") -> None:
        self.sources = tuple(replace(s, recording=s.recording.with_gaps()) for s in sources)
        self._time = time
        self._cache = StripCache()
        self._lock = RLock()
        self._shifts = {i: source.shift_ns for i, source in enumerate(self.sources)}
        self.axis, self._lanes = lanes_of(self.sources, time)
        self._seen = self._readers()

    @property
    def recording(self) -> Recording:
        """The first one."""
        return self.sources[0].recording

    @property
    def title(self) -> str:
        """What is looked at."""
        return " + ".join(source.title for source in self.sources)

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """From top to bottom, as they are now."""
        return self._lanes

    def lane(self, key: str) -> Lane:
        """Return a lane; the error lists those that there are."""
        found = next((lane for lane in self._lanes if lane.key == key), None)
        if found is None:
            keys = ", ".join(lane.key for lane in self._lanes)
            raise SelectionError(f"there is no lane {key!r}", f"Lanes: {keys}.")
        return found

    @property
    def extent(self) -> tuple[float, float]:
        """The times that any track has samples in, in the axis' nanoseconds."""
        tracks = [track for lane in self._lanes for track in lane.tracks]
        ends = [track.extent for track in tracks if track.samples.length] or [(0.0, 0.0)]
        start = min(start for start, _ in ends)
        return start, max(start + 1, *(stop for _, stop in ends))

    @property
    def grows(self) -> bool:
        """Whether somebody may still write one of the recordings."""
        return any(not source.recording.was_closed for source in self.sources)

    def strips(
        self, start: float, stop: float, columns: int, lanes: Sequence[str] | None = None
    ) -> list[tuple[str, int, Strip]]:
        """Return the columns of all tracks, or of those of some lanes, with the lane's key and the track's number."""
        chosen = self._lanes if lanes is None else [self.lane(key) for key in lanes]
        return [
            (lane.key, i, strip_of(track, start, stop, columns, self._cache))
            for lane in chosen
            for i, track in enumerate(lane.tracks)
        ]

    def tile(
        self, start: float, stop: float, columns: int, lanes: Sequence[str] | None = None
    ) -> tuple[dict[str, Any], bytes]:
        """Return the same as the browser gets it: see docs/explanation/wire.md."""
        told, data = encode_strips(self.strips(start, stop, columns, lanes))
        return {"x0": start, "x1": stop, "strips": told}, data

    def measure(self, start: float, stop: float | None) -> dict[str, dict[str, Any]]:
        """Return the exact numbers of a span, or the samples at a moment, by lane.

        They are of the lane's first track; those of the others, where it has some, are in its ``others``.
        """
        return {lane.key: _of_tracks(lane, start, stop) for lane in self._lanes}

    def measured(self, spans: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
        """Return the numbers of several spans, each with a ``key``, ``x0`` and ``x1``, by key and lane."""
        return {str(span["key"]): self.measure(span["x0"], span["x1"]) for span in spans}

    def facts(self) -> dict[str, Any]:
        """Return what lanes, axis and extent are, as the browser gets it."""
        lanes = encode_lanes(self._lanes)
        for lane, told in zip(self._lanes, lanes, strict=True):
            told["reach"] = [number(end) for end in _reach(lane)]
        return {
            **encode_axis(self.axis), "extent": list(self.extent), "grows": self.grows, "lanes": lanes,
            "title": self.title, "format": self.recording.format,
        }  # fmt: skip

    def settled(self, ask: Callable[[], Answer]) -> Answer:
        """Return what a question is answered with, asked again where it came upon missing samples unknown before.

        So all parts of an answer know the same: columns that were made before the numbers that met the damage, too.
        """
        known, found = self._knowledge(), ask()
        return found if self._knowledge() == known else ask()

    def _knowledge(self) -> list[Knowledge]:
        return [knowledge(track) for lane in self._lanes for track in lane.tracks]

    def refresh(self) -> bool:
        """Look again at recordings that grow; return whether one did, or was closed."""
        with self._lock:
            for source in self.sources:
                if not source.recording.was_closed:
                    source.recording.refresh()
            now = self._readers()
            if now == self._seen:  # others may have refreshed a recording, too
                return False
            self._follow()
            self._seen = now
            return True

    def _readers(self) -> list[tuple[int, bool]]:
        """Return what tells whether recordings are as they were seen last."""
        return [(id(source.recording.reader), source.recording.was_closed) for source in self.sources]

    def _follow(self) -> None:
        _, lanes = lanes_of(self.sources, self._time)
        self._lanes = tuple(_as_before(lane, self._shifts, self.axis) for lane in lanes)
        # A column at the end may have more samples now, and ids of other samples where a recording began anew
        self._cache.forget()

    def close(self) -> None:
        """Close the recordings that nobody else has; twice is harmless."""
        for source in self.sources:
            if source.is_owned:
                source.recording.close()

    def shift(self, source: int, shift_ns: float) -> None:
        """Move one of the recordings to the right from where it was recorded, in all lanes."""
        if not 0 <= source < len(self.sources):
            raise SelectionError(f"there is no recording {source}", f"There are {len(self.sources)}, the first is 0.")
        if not abs(shift_ns) < FARTHEST_NS:
            raise SelectionError(f"a recording cannot be moved by {shift_ns} ns", "Give a finite number.")
        with self._lock:
            self._shifts[source] = shift_ns
            self._lanes = tuple(
                replace(lane, tracks=tuple(t.moved(shift_ns) if t.source == source else t for t in lane.tracks))
                for lane in self._lanes
            )

    def align_starts(self) -> None:
        """Move all recordings so that they begin where the first one does."""
        tracks = [track for lane in self._lanes for track in lane.tracks]
        starts = [
            min(t.clock.time(t.samples.start) - t.zero_ns for t in tracks if t.source == i)
            for i in range(len(self.sources))
        ]  # fmt: skip
        for i, start in enumerate(starts):
            self.shift(i, starts[0] - start)


def _of_tracks(lane: Lane, start: float, stop: float | None) -> dict[str, Any]:
    first, *others = (
        sample_at(track, start) if stop is None else measure(track, start, stop).to_dict() for track in lane.tracks
    )
    return {**first, "others": others} if others else first


def _reach(lane: Lane) -> tuple[float, float]:
    """Return the smallest and the largest sample of all tracks; NaN among them does not matter."""
    found = [
        track.recording.statistics(name, track.samples, nans="trust") for track in lane.tracks for name in track.signals
    ]
    return float(np.fmin.reduce([one.min for one in found])), float(np.fmax.reduce([one.max for one in found]))


def _as_before(lane: Lane, shifts: Mapping[int, float], axis: Axis) -> Lane:
    """Return a lane as it is now, on the axis and with the shifts that its recordings had."""
    return replace(
        lane,
        tracks=tuple(
            replace(t, zero_ns=axis.origin_ns if axis.utc else t.zero_ns, shift_ns=shifts.get(t.source, 0.0))
            for t in lane.tracks
        ),
    )
