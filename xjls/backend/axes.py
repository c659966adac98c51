"""Which signals share an axis, and which part of it: decided from facts, before any array is made.

Sample ids align the signals of one source at one rate. They start and end a few blocks apart in real files: ``join``
says what becomes of the edges.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import lcm
from typing import TYPE_CHECKING, Literal, TypeAlias

from xjls.errors import SelectionError
from xjls.model.clock import Clock
from xjls.model.window import Window

if TYPE_CHECKING:
    from xjls.model.bounds import Quantity
    from xjls.model.recording import Recording
    from xjls.model.signal import Level, Signal

Join: TypeAlias = Literal["inner", "outer", "none"]
TimeUnit: TypeAlias = Literal["auto", "utc", "seconds"]

CHUNK_SAMPLES = 8_192_000
"""About 32 MiB of f32, and a multiple of the default blocks and level factors of every type."""
MOST_CHUNKS = 20_000
CHUNK_ENTRIES = 1 << 20
WARN_FRACTION = 0.01
WARN_S = 1


@dataclass(frozen=True)
class Axis:
    """One time axis, and the signals on it."""

    dim: str
    """Of the samples; a level's is ``<dim>_x<factor>``."""
    quantities: tuple[Quantity, ...]
    """What becomes a variable each."""
    window: Window
    """Sample ids along the axis."""
    recording: Recording
    unit: TimeUnit
    """As it was asked for; see `time_unit`."""
    join: Join = "inner"
    """How the signals' extents became one window."""

    @cached_property
    def signals(self) -> tuple[Signal, ...]:
        """All signals on the axis."""
        return tuple({s.name: s for quantity in self.quantities for s in quantity.signals}.values())

    @cached_property
    def clock(self) -> Clock:
        """The map of sample ids to times, from the ties of all signals on the axis."""
        return self.recording.clock(*(signal.name for signal in self.signals))

    @cached_property
    def labelling_clock(self) -> Clock:
        """The clock behind the labels: seconds count on at the nominal rate where UTC runs backwards."""
        if self.time_unit == "utc" or self.clock.is_increasing:
            return self.clock
        return Clock.nominal(self.signals[0].rate_hz, origin_id=self.recording.origin_id(self.signals[0].name))

    @cached_property
    def time_unit(self) -> Literal["utc", "seconds"]:
        """What the labels are: UTC where a tie says so, else seconds from the first sample.

        Raises
        ------
        SelectionError
            UTC was asked for, and no signal has a tie.
        """
        if self.unit == "utc" and not self.clock.utc:
            names = ", ".join(signal.name for signal in self.signals)
            raise SelectionError(f"no UTC is known for {names} of {self.recording.path}", 'Open with time="seconds".')
        return "utc" if self.unit != "seconds" and self.clock.utc else "seconds"

    @cached_property
    def chunk(self) -> int:
        """Samples in a dask chunk: a common multiple of file blocks and entries where that is not too long."""
        unit = 1
        for size in sorted({s.block_length for s in self.signals}.union(*(s.level_factors for s in self.signals))):
            if lcm(unit, size) <= CHUNK_SAMPLES:
                unit = lcm(unit, size)
        least = max(CHUNK_SAMPLES, -(-self.window.length // MOST_CHUNKS))
        return max(round(least / unit), 1) * unit


@dataclass(frozen=True, slots=True)
class LevelAxis:
    """The coarsened axis of one level, and the signals on it."""

    dim: str
    factor: int
    start_id: int
    """Sample id at which the first entry begins."""
    length: int
    members: Mapping[str, tuple[Signal, Level, Window]]
    """By name, each signal with its level and the entries on the axis; with an outer join, some that it has not."""
    axis: Axis

    @property
    def chunk(self) -> int:
        """Entries in a dask chunk: 16 MiB of f32."""
        return max(CHUNK_ENTRIES, -(-self.length // MOST_CHUNKS))


def sample_axes(recording: Recording, chosen: Iterable[Quantity], join: Join, unit: TimeUnit) -> list[Axis]:
    """Group quantities by source and rate; cut or extend each group to one window.

    Parameters
    ----------
    recording, chosen
        Whose signals, and which of them; they have samples.
    join
        ``"inner"``: the common window, with a warning that names what is cut when that is more than a second or 1 %;
        ``"outer"``: all that any signal has; ``"none"``: every quantity an axis of its own.
    unit
        Of the labels.
    """
    if join not in ("inner", "outer", "none"):
        raise SelectionError(f"join={join!r} is no way to join", 'Choose "inner", "outer" or "none".')
    groups: dict[object, list[Quantity]] = {}
    for quantity in chosen:
        # A signal without a single sample has no place on an axis that others fill
        first, alone = quantity.signals[0], join == "none" or _is_empty(quantity)
        groups.setdefault(quantity.name if alone else (first.source.id, first.rate_hz), []).append(quantity)
    axes = []
    for i, members in enumerate(sorted(groups.values(), key=lambda members: _is_empty(members[0]))):
        dim = "time" if i == 0 and join != "none" else f"time_{members[0].name}"
        window = joined([signal for quantity in members for signal in quantity.signals], join, recording.path)
        axes.append(Axis(dim, tuple(members), window, recording, unit, join))
    return axes


def _is_empty(quantity: Quantity) -> bool:
    return not all(signal.length for signal in quantity.signals)


def level_axes(axis: Axis, wanted: Sequence[int] | None, most_entries: int | None) -> list[LevelAxis]:
    """Return the coarsened axes of an axis's signals; signals with the same factor and phase share one.

    Parameters
    ----------
    axis
        Of the samples; an entry belongs to the levels if its cell touches the axis's window.
    wanted
        Indices of levels; None takes all.
    most_entries
        Leave out levels with more entries; None takes all.
    """
    shared: dict[tuple[int, int], list[tuple[Signal, Level, Window]]] = {}
    for signal in axis.signals:
        for level in signal.levels:
            entries = _cells(signal, level, axis.window)
            if not entries.length or (wanted is not None and level.index not in wanted):
                continue
            if most_entries is None or entries.length <= most_entries:
                phase = signal.first_id % level.factor
                shared.setdefault((level.factor, phase), []).append((signal, level, entries))
    taken: set[str] = set()
    axes = []
    for (factor, _), members in sorted(shared.items(), key=lambda item: item[0][0]):
        dim = f"{axis.dim}_x{factor}"
        if dim in taken:
            dim = f"time_{members[0][0].name}_x{factor}"
        taken.add(dim)
        if (made := _level_axis(dim, factor, members, axis)) is not None:
            axes.append(made)
    return axes


def _level_axis(dim: str, factor: int, members: list[tuple[Signal, Level, Window]], axis: Axis) -> LevelAxis | None:
    """Cut the members' entries to those that all have or, with an outer join, extend them to those that any has."""
    starts = [s.first_id + factor * entries.start for s, _, entries in members]
    stops = [s.first_id + factor * entries.stop for s, _, entries in members]
    start, stop = (min(starts), max(stops)) if axis.join == "outer" else (max(starts), min(stops))
    if stop <= start:
        return None
    cut = {
        s.name: (s, level, Window((start - s.first_id) // factor, (stop - s.first_id) // factor))
        for s, level, _ in members
    }
    return LevelAxis(dim, factor, start, (stop - start) // factor, cut, axis)


def _cells(signal: Signal, level: Level, window: Window) -> Window:
    """Return the entries whose cells touch a window."""
    start = max((window.start - signal.first_id) // level.factor, 0)
    stop = min(-((signal.first_id - window.stop) // level.factor), level.length)
    return Window(min(start, stop), max(stop, 0)) if stop > 0 else Window(0, 0)


def joined(signals: list[Signal], join: Join, path: str) -> Window:
    """Return the window that signals of one axis are shown in; warn of what is cut."""
    windows = [signal.window for signal in signals]
    if join == "outer":
        return Window(min(w.start for w in windows), max(w.stop for w in windows))
    start = max(w.start for w in windows)
    common = Window(start, max(start, min(w.stop for w in windows)))
    _warn_of_cuts(signals, common, path)
    return common


def _warn_of_cuts(signals: list[Signal], common: Window, path: str) -> None:
    cuts = []
    for signal in signals:
        lost = signal.length - common.length
        if signal.length and (lost > WARN_FRACTION * signal.length or lost > WARN_S * signal.rate_hz):
            cuts.append(f"{signal.name} {signal.window} ({lost:_} samples cut)")
    if cuts:
        warnings.warn(
            f"signals of {path} have different extents; the common window is {common}: {', '.join(cuts)}. "
            'Open with join="outer" or join="none" to keep all.',
            UserWarning, stacklevel=2,
        )  # fmt: skip
