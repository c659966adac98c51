"""One run: all lanes turned on, their messages into an outlet, and why it ended.

Messages come on the driver's thread, and whatever goes wrong there is kept for the thread that waits. A lock lets one
of them into the outlet at a time; no call of the driver is made while it is held.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

from xjls.capturing.device import STOPPED, UNPLUGGED
from xjls.capturing.shortfall import Shortfall, shortfall_text
from xjls.capturing.timing import NS
from xjls.errors import DeviceError
from xjls.model.annotation import text_at

if TYPE_CHECKING:
    from threading import Event

    from xjls.capturing.device import Outlet
    from xjls.capturing.devices.jsdrv.instrument import Instrument
    from xjls.capturing.devices.jsdrv.lane import Lane
    from xjls.capturing.timing import Timing

STARTED_OVER = "its sample counter began anew"
LOOK_S = 0.1
QUIET_S = 2.0
"""Without a message of a signal, after which it is told."""
MUTE_S = 10.0
"""Without any message, after which it is at its end."""


@dataclass(slots=True, eq=False)
class Streaming:
    """A run of an instrument into an outlet."""

    instrument: Instrument
    lanes: Sequence[Lane]
    outlet: Outlet
    timing: Timing
    _ended: str = ""
    """Why it ended on its own."""
    _error: Exception | None = None
    """What went wrong on the driver's thread."""
    _late_ns: int = 0
    """What a `Shortfall` has found: samples are that much later than the driver believes."""
    _callbacks: dict[str, Any] = field(default_factory=dict)
    """By topic: the driver forgets a callback only if it is given the same object."""
    _lock: Lock = field(default_factory=Lock)
    _shortfall: Shortfall | None = None
    _begun_s: float = 0.0

    def run(self, stop: Event) -> str:
        """Stream until ``stop`` is set or the instrument ends; return why."""
        removed = self._on_removed
        self.instrument.watch(removed)
        try:
            self._start()
            self._wait(stop)
        finally:
            self._stop()
            self.instrument.unwatch(removed)
        with self._lock:
            for lane in self.lanes:
                if (tie := lane.last_tie()) is not None:
                    self.outlet.tie(lane.signal.name, tie)
        if self._error is not None:
            raise self._error
        return self._ended or STOPPED

    # -- the thread that waits ---------------------------------------------------------------------------------------

    def _start(self) -> None:
        if not self.instrument.model.counts_losses:
            self._shortfall = Shortfall(self.lanes[0].signal.rate_hz)
        for lane in self.lanes:
            callback = self._callback(lane)
            self.instrument.subscribe(lane.data_topic, callback)
            self._callbacks[lane.data_topic] = callback
        self._begun_s = self.timing.elapsed_s()
        for lane in self.lanes:
            self.instrument.publish(lane.ctrl_topic, 1, "Plug it in again; it may not have this signal.")

    def _wait(self, stop: Event) -> None:
        while not (self._ended or self._error) and not self.timing.wait(stop, LOOK_S):
            with self._lock:
                self._listen(self.timing.elapsed_s())

    def _stop(self) -> None:
        """Turn everything off: what was measured before that still comes."""
        for lane in self.lanes:
            if lane.data_topic in self._callbacks and self.instrument.is_there:
                with contextlib.suppress(DeviceError):
                    self.instrument.publish(lane.ctrl_topic, 0)
        for topic, callback in self._callbacks.items():
            self.instrument.unsubscribe(topic, callback)

    def _listen(self, now_s: float) -> None:
        """Tell of signals of which nothing comes."""
        quiet_s = [now_s - (self._begun_s if lane.arrived_s is None else lane.arrived_s) for lane in self.lanes]
        for lane, lasting_s in zip(self.lanes, quiet_s, strict=True):
            if lasting_s > _patience_s(lane, QUIET_S) and not lane.is_quiet:
                lane.is_quiet = True
                self._tell(f"nothing has come of {lane.signal.name} for {lasting_s:.1f} s")
        if all(lasting_s > _patience_s(lane, MUTE_S) for lane, lasting_s in zip(self.lanes, quiet_s, strict=True)):
            if all(lane.arrived_s is None for lane in self.lanes):
                raise DeviceError(
                    f"nothing came of it in {MUTE_S:g} s", self.instrument.where,
                    "Plug it in again, and close other programs that use it.",
                )  # fmt: skip
            self._ended = f"nothing came of it any more for {MUTE_S:g} s"

    # -- the driver's thread -----------------------------------------------------------------------------------------

    def _on_removed(self, _topic: str, path: str) -> None:
        if path == self.instrument.path:
            self.instrument.is_there = False
            self._ended = self._ended or UNPLUGGED

    def _callback(self, lane: Lane) -> Any:
        def arrived(_topic: str, message: Mapping[str, Any]) -> None:
            with self._lock, self._kept():
                if not (self._ended == STARTED_OVER or self._error):
                    self._take(lane, message)

        return arrived

    @contextlib.contextmanager
    def _kept(self) -> Iterator[None]:
        """Keep what is raised for the thread that waits: the driver would only log it."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - see above
            self._error = error

    def _take(self, lane: Lane, message: Mapping[str, Any]) -> None:
        """Deliver what a message brings."""
        lane.arrived_s, lane.is_quiet = self.timing.elapsed_s(), False
        first_id = lane.first_id(message)
        if lane.starts_over(first_id):
            self._ended = STARTED_OVER
            return
        if (tie := lane.tie(message, first_id, self._late_ns)) is not None:
            self.outlet.tie(lane.signal.name, tie)
        for begin, samples in lane.blocks(message, first_id):
            self.outlet.write(lane.signal.name, begin, samples)
        if self._shortfall is not None and lane is self.lanes[0] and lane.next_id is not None:
            self._compare(self._shortfall.arrived(lane.next_id, lane.arrived_s))

    def _compare(self, more_s: float) -> None:
        """Tell of samples that went missing without a trace, and tie what follows to when it is."""
        if not more_s:
            return
        self._late_ns += round(more_s * NS)
        for lane in self.lanes:
            lane.tie_anew()
        self._tell(shortfall_text(more_s))

    def _tell(self, text: str) -> None:
        self.outlet.annotate(text_at("", None, text, time_ns=self.timing.now_ns()))


def _patience_s(lane: Lane, least_s: float) -> float:
    """Return how long nothing may come: slow signals come a sample at a time."""
    return max(least_s, float(4 / lane.signal.rate_hz))
