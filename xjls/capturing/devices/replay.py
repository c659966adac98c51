"""A recording as a device: what it holds is delivered again, in real time or faster, with its own ids and times."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from xjls.capturing.device import STOPPED, Device, Found, Request, Setting
from xjls.capturing.timing import SystemTiming, speed_of
from xjls.errors import SelectionError
from xjls.formats import open_recording
from xjls.model.amounts import seconds_of
from xjls.model.totals import without_totals
from xjls.model.window import Window

if TYPE_CHECKING:
    from fractions import Fraction
    from threading import Event

    from xjls.capturing.device import Outlet
    from xjls.capturing.timing import Timing
    from xjls.model.annotation import Annotation, Json, Tie
    from xjls.model.recording import Recording
    from xjls.model.signal import Signal

Told = TypeVar("Told", bound="Annotation | Tie")

SETTINGS = (
    Setting(name="speed", default=1, meaning="seconds of the recording a second; max for as fast as they are taken"),
    Setting(name="block_s", default=0.05, meaning="seconds that are delivered at a time"),
)
ENDED = "the recording ends"


def find_devices() -> Iterable[Found]:
    """Return none: any recording is one."""
    return ()


def open_device(request: Request) -> Device:
    """Open a recording; see `xjls.capturing.registry.open_device`."""
    if not request.address:
        raise SelectionError("replay needs a recording", "Give one, as in replay:run.jls.")
    return Replay(request)


class Replay:
    """Deliver what a recording holds; fulfils `xjls.capturing.device.Device`.

    Parameters
    ----------
    request
        What is asked for; its address is the recording's.
    timing
        Clocks.

    Notes
    -----
    Samples that the recording does not hold are skipped, for the reason that it gives.
    """

    def __init__(self, request: Request, timing: Timing | None = None) -> None:
        speed, step_s = speed_of(request.settings["speed"]), seconds_of(request.settings["block_s"])
        self._recording = open_recording(request.address, on_damage="gap")
        try:
            self._kept = _chosen(self._recording, request)
        except SelectionError:
            self._recording.close()
            raise
        self.signals = tuple(
            replace(signal, window=Window(0, 0), level_factors=(), facts=without_totals(signal.facts))
            for signal in self._kept
        )
        self.source = self._kept[0].source
        self.is_live = speed is not None
        self._speed = math.inf if speed is None else float(speed)
        self._step_s = step_s
        self.settings: Mapping[str, Json] = {"recording": request.address, **request.settings}
        self._timing = timing or SystemTiming()

    def run(self, outlet: Outlet, stop: Event) -> str:
        """Deliver it to its end; see `Device`."""
        begun_s = self._timing.elapsed_s()
        ties = {signal.name: deque(self._recording.ties(signal.name)) for signal in self._kept}
        notes = {name: _in_order(self._recording.annotations, name) for name in ("", *ties)}
        for note in notes[""]:
            outlet.annotate(note)
        for at_s, windows in self._steps():
            while (early := float(at_s) / self._speed - (self._timing.elapsed_s() - begun_s)) > 0:
                if self._timing.wait(stop, min(early, 0.05)):
                    return STOPPED
            if stop.is_set():
                return STOPPED
            for signal, window in windows:
                # The first ties before the first samples
                for tie in _before(window.stop, ties[signal.name]):
                    outlet.tie(signal.name, tie)
                self._deliver(outlet, signal, window)
                for note in _before(window.stop, notes[signal.name]):
                    outlet.annotate(replace(note, time_ns=None) if note.sample_id is not None else note)
        return ENDED

    def close(self) -> None:
        """Close the recording."""
        self._recording.close()

    def _steps(self) -> Iterator[tuple[Fraction, list[tuple[Signal, Window]]]]:
        """Yield what is delivered together, and when that has been measured, in seconds from the beginning."""
        origins = {signal.name: self._recording.origin_id(signal.name) for signal in self._kept}
        ends_s = [(signal.window.stop - origins[signal.name]) / signal.rate_hz for signal in self._kept]
        starts_s = [(signal.window.start - origins[signal.name]) / signal.rate_hz for signal in self._kept]
        at_s, begin_s, end_s = min(starts_s), min(starts_s), max(ends_s)
        while at_s < end_s:
            until_s = at_s + self._step_s
            windows = []
            for signal in self._kept:
                lo, hi = (origins[signal.name] + math.ceil(t * signal.rate_hz) for t in (at_s, until_s))
                windows.append((signal, Window(lo, hi) & signal.window))
            yield until_s - begin_s, windows
            at_s = until_s

    def _deliver(self, outlet: Outlet, signal: Signal, window: Window) -> None:
        if not window.length:  # of none, ids may be beyond the signal's
            return
        samples, gaps = self._recording.read_with_gaps(signal.name, window)
        at = window.start
        for gap in gaps:
            if gap.window.start > at:
                outlet.write(signal.name, at, samples[at - window.start : gap.window.start - window.start])
            outlet.skip(signal.name, gap)
            at = gap.window.stop
        if at < window.stop:
            outlet.write(signal.name, at, samples[at - window.start :])


def _chosen(recording: Recording, request: Request) -> list[Signal]:
    """Return the signals that are delivered: of one instrument, with samples."""
    there = {name: signal for name, signal in recording.signals.items() if signal.length}
    if request.signals is not None and not request.signals:
        raise SelectionError("no signals were asked for", f"Signals: {', '.join(there)}.")
    if unknown := [name for name in request.signals or () if name not in there]:
        raise SelectionError(f"{recording.path} has no samples of {unknown[0]!r}", f"Signals: {', '.join(there)}.")
    kept = [signal for name, signal in there.items() if request.signals is None or name in request.signals]
    if not kept:
        raise SelectionError(f"{recording.path} has no samples", "Choose another recording.")
    if request.rate_hz is not None and any(signal.rate_hz != request.rate_hz for signal in kept):
        raise SelectionError(f"{recording.path} has another rate than {float(request.rate_hz):g} Hz", "Leave it out.")
    sources = {signal.source for signal in kept}
    if len(sources) > 1:
        raise SelectionError(
            f"{recording.path} is of {len(sources)} instruments, and a device is one", "Choose signals of one of them."
        )
    return [replace(signal, source=replace(signal.source, id=1)) for signal in kept]


def _in_order(notes: Iterable[Annotation], name: str) -> deque[Annotation]:
    """Return the annotations of a signal by where they are; those without a place first."""
    mine = (note for note in notes if note.signal == name)
    return deque(sorted(mine, key=lambda note: -math.inf if note.sample_id is None else note.sample_id))


def _before(stop: int, waiting: deque[Told]) -> Iterator[Told]:
    """Take out what is at samples before one."""
    while waiting and (waiting[0].sample_id is None or waiting[0].sample_id < stop):
        yield waiting.popleft()
