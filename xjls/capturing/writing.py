"""The writer of a session: takes what a device delivered out of the ring, counts it, and hands it to all targets.

What a target refuses is tried again for a while: meanwhile the ring fills, and beyond that samples are left out and
become a gap. A target that goes on refusing is given up; the others go on.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from threading import Event
from typing import TYPE_CHECKING, Any

from xjls.capturing.counts import Counts, SignalCounts
from xjls.capturing.joining import joined
from xjls.errors import XjlsError
from xjls.model.annotation import text_at
from xjls.model.sink import NOT_DELIVERED
from xjls.model.window import Gap, Window

if TYPE_CHECKING:
    from xjls.capturing.ring import Ring
    from xjls.capturing.target import Target
    from xjls.capturing.timing import Timing
    from xjls.model.annotation import Annotation, Tie, UserData
    from xjls.model.signal import Signal
    from xjls.model.sink import Sink

OVER_RANGE = "over range"
"""The annotation of samples that were beyond the input's range."""
RETRY_S = 0.2
LATE_S = 5
"""Seconds of its samples for which a signal that is complete waits for others: one that is silent ends nothing."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often what is done; in seconds."""

    flush_s: float = 0.4
    """Between two flushes: what is lost at most when the process is killed is what came since, and is on its way."""
    sync_s: float = 30.0
    """Between two moments at which the disk is waited for: what is lost at most when the machine fails."""
    gather_s: float = 0.1
    """For which samples gather in the ring before they are written."""
    tick_s: float = 0.1
    """Between two looks at conditions."""
    patience_s: float = 10.0
    """How long a target may refuse to write before it is given up."""


class _Course:
    """How far one signal is."""

    def __init__(self, signal: Signal, length: int | None) -> None:
        self.rate_hz = signal.rate_hz
        self.begin: int | None = None
        self.next = 0
        self.counts = SignalCounts()
        self.over_until: int | None = None
        """Sample id before which no other annotation says that it is over range."""
        self._length = length

    def inside(self, window: Window) -> Window:
        """Return what of a window is captured."""
        if self.begin is None:
            self.begin = self.next = window.start
        stop = math.inf if self._length is None else self.begin + self._length
        return Window(window.start, max(window.start, int(min(window.stop, stop))))

    def take(self, window: Window) -> None:
        """Count samples that are written, and what is missing before them."""
        self._lose(window.start)
        self.counts = replace(self.counts, samples=self.counts.samples + window.length)
        self.next = window.stop

    def lose(self, window: Window) -> None:
        """Count samples that are known to be missing."""
        self._lose(window.stop)

    def is_beyond(self, sample_id: int) -> bool:
        """Whether a sample comes after all that is captured."""
        return self._length is not None and self.begin is not None and sample_id >= self.begin + self._length

    @property
    def is_complete(self) -> bool:
        """Whether it has all that was asked for."""
        return self._length is not None and self.begin is not None and self.next >= self.begin + self._length

    def is_overdue(self, sample_id: int) -> bool:
        """Whether a sample comes so long after all that is captured that others should have come, too."""
        return self.is_beyond(sample_id - math.ceil(LATE_S * self.rate_hz))

    @property
    def recorded_s(self) -> Fraction:
        """Seconds of samples, gaps included."""
        return Fraction(0) if self.begin is None else (self.next - self.begin) / self.rate_hz

    def _lose(self, stop: int) -> None:
        if (lost := stop - self.next) > 0:
            self.counts = replace(self.counts, lost=self.counts.lost + lost, gaps=self.counts.gaps + 1)
            self.next = stop


class Writer:
    """Drain a ring into targets, on a thread of its own.

    Parameters
    ----------
    ring
        Where from.
    targets
        Where to; each is defined already.
    signals, lengths
        What is captured, and how many samples at most.
    n_bytes
        Of samples, at most; None for any number.
    live
        What shows the last seconds, if anything does: it takes what the targets take, and is never waited for.
    timing, pace
        What time it is, and how often what is done.
    stop
        Called with the reason when no more is wanted.
    tick
        Called now and then, on this thread.
    """

    def __init__(
        self, ring: Ring, targets: Sequence[Target], signals: Sequence[Signal], lengths: Mapping[str, int],
        n_bytes: int | None, *, live: Sink | None, timing: Timing, pace: Pace, stop: Callable[[str], None],
        tick: Callable[[], None],
    ) -> None:  # fmt: skip
        self.failed: dict[str, Exception] = {}
        """Targets that were given up, by their paths, and why."""
        self.not_shown: Exception | None = None
        """Why the last seconds are not shown any more."""
        self._ring = ring
        self._targets = list(targets)
        self._live = live
        self._courses = {signal.name: _Course(signal, lengths.get(signal.name)) for signal in signals}
        self._n_bytes = n_bytes
        self._timing = timing
        self._pace = pace
        self._stop = stop
        self._tick = tick
        self._begun_s = timing.elapsed_s()
        self._never = Event()
        self._bytes = 0
        self._lag_s = self._most_lag_s = 0.0

    @property
    def counts(self) -> Counts:
        """What was done so far; from any thread."""
        return Counts(
            elapsed_s=self._timing.elapsed_s() - self._begun_s,
            recorded_s=max((course.recorded_s for course in self._courses.values()), default=Fraction(0)),
            n_bytes=self._bytes, lag_s=self._lag_s, most_lag_s=self._most_lag_s,
            queued=self._ring.queued_bytes / self._ring.size_bytes,
            most_queued=self._ring.most_bytes / self._ring.size_bytes,
            signals={name: course.counts for name, course in self._courses.items()},
        )  # fmt: skip

    def run(self) -> None:
        """Write until the ring is finished and empty, or until nobody takes anything any more."""
        now = self._timing.elapsed_s()
        due_s = {"tick": now + self._pace.tick_s, "flush": now + self._pace.flush_s, "sync": now + self._pace.sync_s}
        alone = not self._targets
        while not self._ring.is_drained and (alone or self._targets):
            calls = self._ring.take(self._pace.tick_s)
            self._lag_s = max(self._timing.elapsed_s() - calls[0].arrived_s, 0.0) if calls else 0.0
            self._most_lag_s = max(self._most_lag_s, self._lag_s)
            for call in joined(calls):
                getattr(self, f"_{call.verb}")(call.name, *call.arguments)
            self._ring.release(calls)
            if self._ring.is_live and self._ring.queued_bytes < self._ring.size_bytes // 8:
                # A few large pieces cost less than many small ones
                self._timing.wait(self._never, self._pace.gather_s)
            now = self._timing.elapsed_s()
            if now >= due_s["tick"]:
                due_s["tick"] = now + self._pace.tick_s
                self._tick()
            if now >= due_s["flush"]:
                sync = now >= due_s["sync"]
                self._all("flush", sync=sync)
                due_s["flush"] = self._timing.elapsed_s() + self._pace.flush_s
                due_s["sync"] = now + self._pace.sync_s if sync else due_s["sync"]

    def finish(self, record: UserData) -> None:
        """Leave a last record in all targets, and close them."""
        self._all("add_user_data", record)
        self._all("close")

    # -- one call ----------------------------------------------------------------------------------------------------

    def _write(self, name: str, first_id: int, samples: Any) -> None:
        course = self._courses[name]
        window = course.inside(Window(first_id, first_id + len(samples)))
        if not window.length:
            self._lose_before(name, course, first_id)
            self._stop_when_complete(course.is_overdue(first_id))
            return
        samples = samples[: window.length]
        self._show("write", name, first_id, samples)
        self._all("write", name, first_id, samples, self._timing.now_ns())
        course.take(window)
        self._bytes += samples.nbytes
        self._stop_when_complete()

    def _skip(self, name: str, gap: Gap) -> None:
        course = self._courses[name]
        self._lose_before(name, course, gap.window.start)
        self._lose(name, course, gap)
        self._stop_when_complete(course.is_overdue(gap.window.start))

    def _lose_before(self, name: str, course: _Course, start: int) -> None:
        """Count what the device left out without a word."""
        if course.begin is not None and course.next < start:
            self._lose(name, course, Gap(Window(course.next, start), NOT_DELIVERED, skipped=True))

    def _lose(self, name: str, course: _Course, gap: Gap) -> None:
        gap = replace(gap, window=course.inside(gap.window))
        if gap.window.length:
            self._show("skip", name, gap)
            self._all("skip", name, gap, self._timing.now_ns())
            course.lose(gap.window)

    def _tie(self, name: str, tie: Tie) -> None:
        if self._courses[name].is_beyond(tie.sample_id):
            return  # of samples that are not captured; who goes on with the recording has others there
        self._show("tie", name, tie)
        self._all("tie", name, tie)

    def _annotate(self, name: str, note: Annotation) -> None:
        if name and note.sample_id is not None and self._courses[name].is_beyond(note.sample_id):
            return
        self._show("annotate", note)
        self._all("annotate", note)

    def _over_range(self, name: str, window: Window) -> None:
        course = self._courses[name]
        if course.is_beyond(window.start):
            return
        course.counts = replace(course.counts, over_range=course.counts.over_range + 1)
        if course.over_until is None or window.start >= course.over_until:
            self._annotate(name, text_at(name, window.start, OVER_RANGE))
        course.over_until = window.stop + math.ceil(course.rate_hz)

    def _stop_when_complete(self, is_overdue: bool = False) -> None:
        late = [name for name, course in self._courses.items() if not course.is_complete]
        if not late:
            self._stop("it has what was asked for")
        elif is_overdue:
            self._stop(f"it has what was asked for, but of {', '.join(late)}, of which no more came")
        elif self._n_bytes is not None and self._bytes >= self._n_bytes:
            self._stop("it has as many bytes as were asked for")

    def _show(self, verb: str, *arguments: Any) -> None:
        if self._live is None:
            return
        try:
            getattr(self._live, verb)(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever it is: recordings are worth more than what shows them
            _log.exception("the last seconds are not shown any more")
            self._live, self.not_shown = None, error

    # -- targets -----------------------------------------------------------------------------------------------------

    def _all(self, verb: str, *arguments: Any, **options: Any) -> None:
        """Call all targets; give up those that refuse for too long."""
        for target in tuple(self._targets):
            try:
                self._patiently(target, verb, *arguments, **options)
            except Exception as error:  # noqa: BLE001 - whatever one raises, the others go on
                self._give_up(target, error)

    def _patiently(self, target: Target, verb: str, *arguments: Any, **options: Any) -> None:
        """Call a target, again and again while its medium refuses: a call that was half done goes on where it was."""
        until_s: float | None = None
        while True:
            try:
                getattr(target, verb)(*arguments, **options)
            except OSError as error:
                now = self._timing.elapsed_s()
                until_s = now + self._pace.patience_s if until_s is None else until_s
                if isinstance(error, XjlsError) or now >= until_s:
                    raise
                self._timing.wait(self._never, RETRY_S)
            else:
                return

    def _give_up(self, target: Target, error: Exception) -> None:
        self.failed[target.path] = error
        self._targets.remove(target)
        try:
            target.abandon()
        except Exception as worse:  # noqa: BLE001 - as above
            error.add_note(f"and it could not be left as it stands: {worse}")
        if not self._targets:
            self._stop("nothing takes its samples any more")
