"""From sample ids to the time of a picture, and back: one unit of time for all signals of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from xjls.errors import SelectionError
from xjls.model.clock import Clock
from xjls.model.window import Window

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from xjls.model.recording import Recording
    from xjls.model.signal import Signal

TimeUnit: TypeAlias = Literal["auto", "utc", "seconds"]


@dataclass(frozen=True, slots=True)
class Timing:
    """The clock of a signal, and the unit of the picture's time."""

    clock: Clock
    utc: bool
    """Whether time is datetime64[ns] of UTC; else float seconds, as the clock counts them."""

    def times(self, sample_ids: ArrayLike) -> NDArray[Any]:
        """Return the time of each sample id."""
        ids = np.asarray(sample_ids, np.int64)
        return self.clock.times(ids).view("M8[ns]") if self.utc else self.clock.seconds(ids)

    def of_utc(self, time_ns: int) -> np.datetime64 | float | None:
        """Return a moment that was written as UTC; None where the clock knows no UTC."""
        if self.utc:
            return np.datetime64(time_ns, "ns")
        return (time_ns - self.clock.zero_ns) / 1e9 if self.clock.utc else None

    def window(self, start: Any, stop: Any) -> Window:
        """Return the sample ids from one time up to another, as `times` gives them."""
        ids = [self._first_at_or_after(time) for time in (start, stop)]
        return Window(ids[0], max(ids))

    def _first_at_or_after(self, time: Any) -> int:
        if self.utc:
            return self.clock.first_at_or_after(int(np.datetime64(time, "ns").view(np.int64)))
        return self.clock.first_at_or_after_seconds(float(time))


def timings_of(recording: Recording, signals: Sequence[Signal], unit: TimeUnit = "auto") -> dict[str, Timing]:
    """Return the timing of each signal, all in the same unit.

    Signals of one source and rate share their ties, as they share an axis of a Dataset. ``"auto"`` takes UTC where all
    signals have it and it never runs backwards.

    Raises
    ------
    SelectionError
        UTC was asked for and is not known, or runs backwards.
    """
    if unit not in ("auto", "utc", "seconds"):
        raise SelectionError(f"time={unit!r} is no way to label time", 'Choose "auto", "utc" or "seconds".')
    clocks = {signal.name: _clock(recording, signal, signals) for signal in signals}
    untold = [name for name, clock in clocks.items() if not (clock.utc and clock.is_increasing)]
    if unit == "utc" and untold:
        why = "runs backwards in" if clocks[untold[0]].utc else "is not known for"
        raise SelectionError(f"UTC {why} {', '.join(untold)} of {recording.path}", 'Draw with time="seconds".')
    utc = unit != "seconds" and not untold
    return {name: Timing(_rising(recording, name, clock), utc) for name, clock in clocks.items()}


def _clock(recording: Recording, signal: Signal, signals: Sequence[Signal]) -> Clock:
    kin = [s.name for s in signals if (s.source.id, s.rate_hz) == (signal.source.id, signal.rate_hz)]
    return recording.clock(*kin)


def _rising(recording: Recording, name: str, clock: Clock) -> Clock:
    """Return a clock whose times never fall: seconds count on at the nominal rate where UTC runs backwards."""
    if clock.is_increasing:
        return clock
    return Clock.nominal(recording.signal(name).rate_hz, origin_id=recording.origin_id(name))


def windows_of(signals: Sequence[Signal], timings: dict[str, Timing], window: Any) -> dict[str, Window]:
    """Return the part of each signal that lies in a window of the first one's sample ids; None takes all there is.

    Signals that do not overlap it are left out.

    Raises
    ------
    SelectionError
        The window reaches outside the first signal.
    """
    if window is None or not signals:
        return {signal.name: signal.window for signal in signals if signal.length}
    first = signals[0]
    chosen = Window.of(window, first.window)
    if not chosen.length:
        raise SelectionError(f"the window {chosen} of {first.name!r} holds no sample", "Choose a longer one.")
    start, stop = timings[first.name].times([chosen.start, chosen.stop])
    found = {s.name: s.window & _clipped(timings[s.name].window(start, stop), s.window) for s in signals[1:]}
    found[first.name] = chosen
    return {signal.name: found[signal.name] for signal in signals if found[signal.name].length}


def _clipped(window: Window, within: Window) -> Window:
    return Window(min(max(window.start, within.start), within.stop), min(max(window.stop, within.start), within.stop))
