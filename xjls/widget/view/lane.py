"""Lanes: what stands one above the other over one axis of time, and which tracks each of them shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from xjls.errors import SelectionError
from xjls.plot.timing import TimeUnit, timings_of
from xjls.plot.trace import FIRST_SAMPLE, shape_of
from xjls.plot.traces import chosen_quantities
from xjls.widget.view.track import Track

if TYPE_CHECKING:
    from xjls.model.bounds import Quantity
    from xjls.model.recording import Recording
    from xjls.model.window import Window
    from xjls.plot.timing import Timing
    from xjls.plot.trace import Shape


@dataclass(frozen=True, slots=True)
class Axis:
    """What time counts from."""

    origin_ns: int
    """UTC of the axis' 0, in nanoseconds since 1970; 0 where no UTC is known."""
    utc: bool
    since: str = FIRST_SAMPLE
    """What time counts from where it is not UTC."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One strip of the screen."""

    key: str
    """Unique in a view: the name of its quantity."""
    tracks: tuple[Track, ...]
    """Of one unit and shape; the first is what numbers are told of."""

    @property
    def shape(self) -> Shape:
        """How it is drawn."""
        return self.tracks[0].shape

    @property
    def units(self) -> str:
        """Of its values."""
        return self.tracks[0].signal.units


@dataclass(frozen=True, slots=True)
class Source:
    """A recording, and what of it is to be seen."""

    recording: Recording
    names: tuple[str, ...] | None = None
    """Of signals or quantities; None for all that have samples."""
    windows: Mapping[str, Window] | None = None
    """Sample ids, by the name of a signal, that it is limited to."""
    label: str = ""
    shown: Mapping[str, str] = field(default_factory=dict)
    """What some quantities are called, where that is not their name."""
    shift_ns: float = 0.0
    """By how much it is moved to the right."""
    is_owned: bool = False
    """Whether the view closes the recording, as nobody else has it."""

    @property
    def title(self) -> str:
        """What it is called."""
        return self.label or PurePath(self.recording.path.rstrip("/")).name


def lanes_of(sources: Iterable[Source], time: TimeUnit = "auto") -> tuple[Axis, tuple[Lane, ...]]:
    """Return the axis and the lanes of recordings that are laid over each other.

    Tracks of one name, unit and shape share a lane. All are placed by UTC where every recording knows it; else each
    begins at 0.

    Raises
    ------
    SelectionError
        There is no recording, or nothing in one of them has samples; UTC was asked for and is not known.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1))
    >>> axis, lanes = lanes_of([Source(recording, ("current", "gpi[0]"))])
    >>> axis.utc, [(lane.key, lane.shape, lane.units) for lane in lanes]
    (True, [('current', 'analog', 'A'), ('gpi[0]', 'logic', '')])
    """
    sources = tuple(sources)
    if not sources:
        raise SelectionError("there is no recording to look at", "Give one, or a path.")
    chosen = [_chosen(source) for source in sources]
    timings = [_timings(source, found, time) for source, found in zip(sources, chosen, strict=True)]
    utc = all(timing.utc for mine in timings for timing in mine.values())
    tracks = [
        replace(
            _track(source, quantity, mine, utc),
            source=i,
            label=source.title if len(sources) > 1 else "",
            shift_ns=source.shift_ns,
        )
        for i, (source, found, mine) in enumerate(zip(sources, chosen, timings, strict=True))
        for quantity in found
    ]
    axis = _axis(tracks, utc)
    return axis, _lanes(track if not utc else replace(track, zero_ns=axis.origin_ns) for track in tracks)


def _chosen(source: Source) -> list[Quantity]:
    names = source.names if source.names is None else list(source.names)
    found = chosen_quantities(source.recording, names)
    if not found:
        raise SelectionError(f"no signal of {source.recording.path} has samples to look at", "Choose others.")
    return found


def _timings(source: Source, found: list[Quantity], time: TimeUnit) -> dict[str, Timing]:
    return timings_of(source.recording, [signal for quantity in found for signal in quantity.signals], time)


def _track(source: Source, quantity: Quantity, timings: Mapping[str, Timing], utc: bool) -> Track:
    first = quantity.signals[0]
    clock = timings[first.name].clock
    within = (source.windows or {}).get(first.name)
    name, signals = source.shown.get(quantity.name, quantity.name), tuple(signal.name for signal in quantity.signals)
    return Track(
        name, source.recording, signals, clock,
        0 if utc else clock.zero_ns, shape_of(first.dtype, first.units), within=within,
    )  # fmt: skip


def _axis(tracks: list[Track], utc: bool) -> Axis:
    if utc:
        there = [track for track in tracks if track.samples.length] or tracks
        return Axis(min(track.clock.time(track.samples.start) for track in there), True)
    told = any(track.signal.origin_id is not None for track in tracks)
    return Axis(0, False, "the capture began" if told else FIRST_SAMPLE)


def _lanes(tracks: Iterable[Track]) -> tuple[Lane, ...]:
    """Join tracks that belong together; analog lanes come first, then stepped ones, then logic."""
    groups: dict[tuple[str, str, Shape], list[Track]] = {}
    for track in tracks:
        groups.setdefault((track.name, track.signal.units, track.shape), []).append(track)
    taken: set[str] = set()
    lanes = []
    for (name, units, _), members in groups.items():
        key = name if name not in taken else f"{name} ({units or members[0].shape})"
        taken.add(key)
        lanes.append(Lane(key, tuple(members)))
    order = {"analog": 0, "steps": 1, "logic": 2}
    return tuple(sorted(lanes, key=lambda lane: order[lane.shape]))
