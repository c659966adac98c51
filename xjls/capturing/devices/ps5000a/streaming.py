"""One run: the driver is polled, its callback puts what is new into an outlet, and why it ended.

Sample ids count what the driver delivers, from 0. What it loses it does not count: that ends the run, unless the user
wants it to go on; then it is told where it was, and the clock is tied anew behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xjls.capturing.device import STOPPED, UNPLUGGED
from xjls.capturing.devices.ps5000a.words import BUFFER_STALL, GONE, NOTHING_NEW, QUESTIONS, status_text
from xjls.capturing.shortfall import Shortfall, shortfall_text
from xjls.capturing.timing import Arrivals
from xjls.model.annotation import text_at
from xjls.model.window import Window

if TYPE_CHECKING:
    from threading import Event

    import numpy as np
    from numpy.typing import NDArray

    from xjls.capturing.device import Outlet
    from xjls.capturing.devices.ps5000a.scope import Scope
    from xjls.capturing.timing import Timing
    from xjls.model.annotation import Tie
    from xjls.model.signal import Signal

POLL_S = 0.002
STALLED = "the driver's buffer stalled, and an unknown number of samples was lost"
_POLLS = 2
"""At a time: one brings what there is up to the end of the buffer, one what is behind that."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Where the driver writes the samples of a signal."""

    signal: Signal
    buffer: NDArray[np.int16]
    over_range_bit: int


@dataclass(slots=True, eq=False)
class Streaming:
    """A run of a scope into an outlet; ``goes_on`` after a stall or not."""

    scope: Scope
    streams: Sequence[Stream]
    outlet: Outlet
    timing: Timing
    goes_on: bool
    _arrivals: Arrivals
    _shortfall: Shortfall
    next_id: int = 0
    """Behind the last sample that came."""
    _stalled_at: int = -1
    """Where a stall was told of: several in a row are one."""
    _error: Exception | None = None
    """What went wrong in the callback, from where nothing can be raised."""

    @classmethod
    def of(cls, scope: Scope, streams: Sequence[Stream], outlet: Outlet, timing: Timing, *, goes_on: bool) -> Streaming:
        """Return a run that has not begun."""
        rate_hz = streams[0].signal.rate_hz
        return cls(scope, streams, outlet, timing, goes_on, Arrivals(rate_hz), Shortfall(rate_hz))

    def run(self, stop: Event) -> str:
        """Poll until ``stop`` is set or the scope ends; return why. It streams already."""
        ready = self.scope.callback(self._ready)
        is_last, reason = False, ""
        while not (is_last or reason):
            is_last = self.timing.wait(stop, POLL_S)
            reason = self._fetch(ready)
        self._tie(self._arrivals.last())
        return reason or STOPPED

    def _fetch(self, ready: Any) -> str:
        """Take all that is new; return why it is the end, or nothing."""
        for _ in range(_POLLS):
            before = self.next_id
            status = self.scope.poll(ready)
            if self._error is not None:
                raise self._error
            if status not in NOTHING_NEW:
                if reason := self._trouble(status):
                    return reason
            elif self.next_id == before:
                break
        return ""

    def _trouble(self, status: int) -> str:
        """Return why a status is the end, or nothing where it is not."""
        if status in GONE:
            return UNPLUGGED
        if status in QUESTIONS:
            self.scope.agree(status)
            return f"{status_text(status)}, which ends its stream"
        if status != BUFFER_STALL:
            return status_text(status)
        if not self.goes_on:
            self._tell(f"{STALLED}; nothing follows")
            return STALLED
        if self._stalled_at != self.next_id:
            self._stalled_at = self.next_id
            self._tell(f"{STALLED}: sample ids do not count them")
            self._tie(self._arrivals.last())
            self._arrivals = Arrivals(self._arrivals.rate_hz)
        return ""

    def _ready(self, _handle: int, n: int, start: int, over_range: int, *_: Any) -> None:
        """Take what is new; called by the driver, which nothing may be raised into."""
        try:
            if n > 0 and self._error is None:
                self._take(n, start, over_range)
        except Exception as error:  # noqa: BLE001 - see above: `_poll` raises it
            self._error = error

    def _take(self, n: int, start: int, over_range: int) -> None:
        now_ns, now_s = self.timing.now_ns(), self.timing.elapsed_s()
        window = Window(self.next_id, self.next_id + n)
        self.next_id = window.stop
        for stream in self.streams:
            self.outlet.write(stream.signal.name, window.start, stream.buffer[start : start + n])
            if over_range & stream.over_range_bit:
                self.outlet.over_range(stream.signal.name, window)
        self._tie(self._arrivals.arrived(window.stop, now_ns))
        if more_s := self._shortfall.arrived(window.stop, now_s):
            self._tell(shortfall_text(more_s))

    def _tie(self, tie: Tie | None) -> None:
        if tie is not None:
            for stream in self.streams:
                self.outlet.tie(stream.signal.name, tie)

    def _tell(self, text: str) -> None:
        name = self.streams[0].signal.name
        self.outlet.annotate(text_at(name, self.next_id, text, time_ns=self.timing.now_ns()))
