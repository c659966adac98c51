"""A view of recordings: what a screen asks, answered in plain values; no Jupyter, and safe in any thread."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from threading import RLock
from typing import TYPE_CHECKING, Any

from xjls.errors import SelectionError
from xjls.widget.view.cache import StripCache
from xjls.widget.view.lane import Lane, lanes_of
from xjls.widget.view.measuring import measure, sample_at
from xjls.widget.view.strip import strip_of
from xjls.widget.view.wire import encode_axis, encode_lanes, encode_strips, number

if TYPE_CHECKING:
    from xjls.model.recording import Recording
    from xjls.plot.timing import TimeUnit
    from xjls.widget.view.lane import Axis, Source
    from xjls.widget.view.strip import Strip
    from xjls.widget.view.track import Track

Span = tuple[str, float, float | None]
"""Key, start and stop of what is measured; without a stop it is a moment."""


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
        self.axis, self._lanes = lanes_of(self.sources, time)

    @property
    def recording(self) -> Recording:
        """The first one."""
        return self.sources[0].recording

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
        ends = [track.extent for lane in self._lanes for track in lane.tracks]
        return min(start for start, _ in ends), max(stop for _, stop in ends)

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
        """Return the exact numbers of a span, or the samples at a moment, by lane, of the first track of each."""
        if stop is None:
            return {lane.key: sample_at(lane.tracks[0], start) for lane in self._lanes}
        return {lane.key: measure(lane.tracks[0], start, stop).to_dict() for lane in self._lanes}

    def measured(self, spans: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
        """Return the numbers of several spans, each with a ``key``, ``x0`` and ``x1``, by key and lane."""
        return {str(span["key"]): self.measure(span["x0"], span["x1"]) for span in spans}

    def facts(self) -> dict[str, Any]:
        """Return what lanes, axis and extent are, as the browser gets it."""
        lanes = encode_lanes(self._lanes)
        for lane, told in zip(self._lanes, lanes, strict=True):
            told["reach"] = [number(end) for end in self._reach(lane)]
        return {
            **encode_axis(self.axis), "extent": list(self.extent), "grows": self.grows, "lanes": lanes,
            "title": " + ".join(source.title for source in self.sources), "format": self.recording.format,
        }  # fmt: skip

    def _reach(self, lane: Lane) -> tuple[float, float]:
        found = [measure(track, *track.extent) for track in lane.tracks]
        return min(one.min for one in found), max(one.max for one in found)

    def refresh(self) -> bool:
        """Look again at recordings that grow; return whether one did, or was closed."""
        with self._lock:
            if not self.grows:
                return False
            changed = [source.recording.refresh() for source in self.sources if not source.recording.was_closed]
            if not any(changed):
                return False
            self._follow()
            return True

    def _follow(self) -> None:
        _, lanes = lanes_of(self.sources, self._time)
        kept = {(lane.key, i): track for lane in self._lanes for i, track in enumerate(lane.tracks)}
        self._lanes = tuple(_as_before(lane, kept, self.axis) for lane in lanes)
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
        with self._lock:
            self._lanes = tuple(
                replace(lane, tracks=tuple(t.moved(shift_ns) if t.source == source else t for t in lane.tracks))
                for lane in self._lanes
            )

    def align_starts(self) -> None:
        """Move all recordings so that they begin where the first one does."""
        tracks = [track for lane in self._lanes for track in lane.tracks]
        starts = [
            min(t.moved(0.0).extent[0] for t in tracks if t.source == i) for i in range(len(self.sources))
        ]  # fmt: skip
        for i, start in enumerate(starts):
            self.shift(i, starts[0] - start)


def _as_before(lane: Lane, kept: Mapping[tuple[str, int], Track], axis: Axis) -> Lane:
    """Return a lane as it is now, on the axis and with the shifts that it had."""
    tracks = []
    for i, track in enumerate(lane.tracks):
        before = kept.get((lane.key, i))
        zero = axis.origin_ns if axis.utc else track.zero_ns
        tracks.append(replace(track, zero_ns=zero, shift_ns=before.shift_ns if before else 0.0))
    return replace(lane, tracks=tuple(tracks))
