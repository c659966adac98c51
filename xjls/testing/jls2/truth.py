"""What a perfect reader finds in a recording: the samples that survive its release's habits and its writer's death."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from xjls.testing.jls2.definitions import Annotation, Definition, Fsr, UserData, Vsr, numbered_signals
from xjls.testing.jls2.tracks import blocks_of, omits

Window = tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class SignalTruth:
    """What a perfect reader finds of one signal."""

    signal_id: int
    name: str
    units: str
    rate_hz: int
    """0 for a VSR signal."""
    first_id: int
    """Raw sample id of the first sample; 0 for a signal without samples."""
    samples: NDArray[Any] | None
    """Shape ``(n,)``, unscaled; in lost windows what was measured, not what is stored. ``None`` for a VSR signal."""
    lost: tuple[Window, ...]
    """Half-open windows of positions (from 0) that were counted but cannot be read."""
    ties: tuple[tuple[int, int], ...]
    """(raw sample id, JLS time) in the order of the calls."""
    annotations: tuple[Annotation, ...]
    """In the order of the calls."""


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What a perfect reader finds in a recording."""

    signals: dict[str, SignalTruth]
    """By name."""
    user_data: tuple[UserData, ...]
    """In the order of the calls, without the empty one that starts every file."""


def truth_of(definition: Definition) -> Truth:
    """Return what a perfect reader finds in the recording that ``definition`` makes.

    Examples
    --------
    >>> signal = Fsr("gpi", [1] * 20_000, dtype="u8", samples_per_data=1024, omit="all-constant")
    >>> found = truth_of(Definition([signal])).signals["gpi"]
    >>> len(found.samples), found.lost
    (19456, ())
    """
    signals = [_truth_of_signal(signal, definition) for signal in numbered_signals(definition.signals)]
    return Truth({signal.name: signal for signal in signals}, tuple(definition.user_data))


def _truth_of_signal(signal: Fsr | Vsr, definition: Definition) -> SignalTruth:
    key, notes = signal.signal_id or 0, tuple(signal.annotations)
    if isinstance(signal, Vsr):
        return SignalTruth(key, signal.name, signal.units, 0, 0, None, (), (), notes)
    stop, lost = _readable(signal, definition)
    samples = signal.array[:stop]
    first_id = signal.first_id if stop else 0
    ties = tuple(signal.ties)
    return SignalTruth(key, signal.name, signal.units, signal.rate_hz, first_id, samples, lost, ties, notes)


def _readable(signal: Fsr, definition: Definition) -> tuple[int, tuple[Window, ...]]:
    """Return how many samples can be counted and which of them are lost."""
    blocks = blocks_of(signal, definition.release)
    step, size = blocks.samples_per_data, len(signal.array)
    if not definition.closed:
        size -= size % step
    indexed = size if definition.closed else size - size % (step * blocks.data_per_index)
    counted, lost = 0, list[Window]()
    for start, stop, omitted in _data_chunks(signal, step, size):
        if not omitted:
            counted = stop
            continue
        entries_stop = stop - (stop - start) % blocks.sample_decimate
        if stop <= indexed:
            counted = max(counted, entries_stop)
        if signal.kind.bits > 8 or stop > indexed:
            lost.append((start, stop))
    return counted, _merged(lost, counted)


def _data_chunks(signal: Fsr, step: int, size: int) -> Iterator[tuple[int, int, bool]]:
    for start in range(0, size, step):
        stop = min(start + step, size)
        closing = stop - start < step
        yield start, stop, omits(signal, signal.array[start:stop], first=start == 0, closing=closing)


def _merged(windows: list[Window], limit: int) -> tuple[Window, ...]:
    merged: list[Window] = []
    for start, stop in ((start, min(stop, limit)) for start, stop in windows if start < limit):
        if merged and merged[-1][1] == start:
            start, _ = merged.pop()  # noqa: PLW2901  # the window before it goes on
        merged.append((start, stop))
    return tuple(merged)
