"""The writer of a session: takes what a device delivered out of the ring, counts it, and hands it to all targets.

What a target refuses is tried again for a while: meanwhile the ring fills, and beyond that samples are left out and
become a gap. A target that goes on refusing is given up; the others go on.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Event
from typing import TYPE_CHECKING, Any

from xjls.capturing import records
from xjls.capturing.axes import in_order
from xjls.capturing.counts import Counts
from xjls.capturing.course import LATE_S, Course
from xjls.capturing.courses import Courses
from xjls.capturing.joining import joined
from xjls.capturing.part import COMPLETE, FULL, Part
from xjls.capturing.ring import NO_ROOM
from xjls.errors import XjlsError
from xjls.model.annotation import text_at
from xjls.model.sink import NOT_DELIVERED
from xjls.model.window import Gap, Window

if TYPE_CHECKING:
    from xjls.capturing.ring import Ring
    from xjls.capturing.target import Target
    from xjls.capturing.timing import Timing
    from xjls.capturing.until import Until
    from xjls.model.annotation import Annotation, Tie
    from xjls.model.signal import Signal
    from xjls.model.sink import Sink

OVER_RANGE = "over range"
"""The annotation of samples that were beyond the input's range."""
RETRY_S = 0.2

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


class Writer:
    """Drain a ring into targets, on a thread of its own.

    Parameters
    ----------
    ring
        Where from.
    targets
        Where to; each is defined already.
    signals, until
        What is captured, and how much of it: duration, samples and bytes.
    live
        What shows the last seconds, if anything does: it takes what the targets take, and is never waited for.
    timing, pace
        What time it is, and how often what is done.
    stop
        Called with the reason when no more is wanted.
    tick
        Called now and then, on this thread.
    tallies
        What the device counts beside samples, see `xjls.capturing.device.tallies_of`; called from any thread.
    """

    def __init__(
        self, ring: Ring, targets: Sequence[Target], signals: Sequence[Signal], until: Until, *, live: Sink | None,
        timing: Timing, pace: Pace, stop: Callable[[str], None], tick: Callable[[], None],
        tallies: Callable[[], Mapping[str, int]] = dict,
    ) -> None:  # fmt: skip
        self.failed: dict[str, Exception] = {}
        """Targets that were given up, by their paths, and why."""
        self.not_shown: Exception | None = None
        """Why the last seconds are not shown any more."""
        self._ring = ring
        self._targets: list[Target | Part] = list(targets)
        self._alone = not targets
        """Whether it goes on where there is no target."""
        self._live = live
        # Whoever shows numbers in time (a buffer, or what somebody else made) is not told of frames
        takes_axes = getattr(live, "takes_axes", False)
        self._on_axes = in_order(signals)
        self._hidden = frozenset() if takes_axes else frozenset(self._on_axes)
        self._courses = Courses(signals, until, is_live=ring.is_live)
        self._n_bytes = until.n_bytes
        self._tallies = tallies
        self._timing = timing
        self._pace = pace
        self._stop = stop
        self._tick = tick
        self._begun_s = self._came_s = timing.elapsed_s()
        """When it was made, and when something came last."""
        self._never = Event()
        self._wishes: deque[Callable[[], None]] = deque()
        """What others want to be done between two blocks."""
        self._bytes = 0
        self._lag_s = self._most_lag_s = 0.0

    @property
    def targets(self) -> tuple[Target | Part, ...]:
        """Those that are written now; from any thread."""
        return tuple(self._targets)

    @property
    def counts(self) -> Counts:
        """What was done so far; from any thread."""
        return Counts(
            elapsed_s=self._timing.elapsed_s() - self._begun_s,
            recorded_s=self._courses.recorded_s,
            n_bytes=self._bytes, lag_s=self._lag_s, most_lag_s=self._most_lag_s,
            queued=self._ring.queued_bytes / self._ring.size_bytes,
            most_queued=self._ring.most_bytes / self._ring.size_bytes,
            signals={name: course.counts for name, course in self._courses.items()},
            axes=self._courses.axes, counted=self._courses.counted, tallies=self._tallies(),
        )  # fmt: skip

    def run(self) -> None:
        """Write until the ring is finished and empty, or until nobody takes anything any more."""
        now = self._timing.elapsed_s()
        due_s = {"tick": now + self._pace.tick_s, "flush": now + self._pace.flush_s, "sync": now + self._pace.sync_s}
        while not self._ring.is_drained and (self._alone or self._targets):
            self._grant()
            before_s = self._timing.elapsed_s()
            calls = self._ring.take(self._pace.tick_s)
            if calls:
                self._came_s = self._timing.elapsed_s()
            else:
                self._arrive(before_s)
            self._lag_s = max(self._timing.elapsed_s() - calls[0].arrived_s, 0.0) if calls else 0.0
            self._most_lag_s = max(self._most_lag_s, self._lag_s)
            for call in joined(calls, self._on_axes):
                self._arrive(call.arrived_s)
                getattr(self, f"_{call.verb}")(call.name, *call.arguments)
            self._ring.release(calls)
            self._end_parts()
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

    def finish(self, reason: str) -> None:
        """Leave a last record in all targets, and close them."""
        self._grant()
        for target in tuple(self._targets):
            released = target.released if isinstance(target, Part) else ""
            self._end(target, released or reason)

    # -- what others want, between two blocks ------------------------------------------------------------------------

    def want(self, wish: Callable[[], None]) -> None:
        """Have something done on the writer's thread between two blocks; from any thread."""
        self._wishes.append(wish)

    def join(self, part: Part) -> None:
        """Write what comes from now on to a further recording as well; on the writer's thread."""
        self._targets.append(part)
        part.tally(self._tallies)
        ids, begun = self._courses.now, self._courses.nexts
        ties = {name: course.tie for name, course in self._courses.items()}
        part.begin_at(ids, ties, ids.keys() - begun.keys())

    def leave(self, part: Part, reason: str) -> None:
        """Write no more to a recording than others need to come to the same moment; on the writer's thread."""
        if part in self._targets:
            part.release(reason)
            self._end_parts()

    def mark(self, name: str, note: Callable[[int], Annotation]) -> None:
        """Write an annotation at the newest sample of a signal; on the writer's thread."""
        self._annotate(name, note(max(self._courses[name].next - 1, 0)))

    def _grant(self) -> None:
        while self._wishes:
            self._wishes.popleft()()

    def _end_parts(self) -> None:
        is_quiet = not self._ring.queued_bytes and self._timing.elapsed_s() - self._came_s > LATE_S
        for part in [one for one in self._targets if isinstance(one, Part)]:
            if reason := part.is_over or (part.released if is_quiet else ""):
                self._end(part, reason)

    def _end(self, target: Target | Part, reason: str) -> None:
        """Leave the record of its end in a target, and close it."""
        counts = self.counts
        if isinstance(target, Part):
            target.finish(reason)
            counts = replace(
                target.counts, elapsed_s=counts.elapsed_s, most_lag_s=counts.most_lag_s, most_queued=counts.most_queued
            )
        self._call(target, "add_user_data", records.ended(reason, counts, self._timing.now_ns()))
        self._call(target, "close")
        if target in self._targets:
            self._targets.remove(target)

    # -- one call ----------------------------------------------------------------------------------------------------

    def _arrive(self, now_s: float) -> None:
        """Have everybody know that all which arrived before a time is written: durations of frames go by that."""
        self._courses.arrive(now_s)
        for part in [one for one in self._targets if isinstance(one, Part)]:
            part.arrive(now_s)
        if self._courses.axes:
            self._stop_when_complete()

    def _write(self, name: str, first_id: int, samples: Any) -> None:
        course = self._courses.at(name, first_id)
        window = course.inside(Window(first_id, first_id + len(samples)))
        if not window.length:
            self._lose_before(name, course, first_id)
            self._stop_when_complete(course.is_overdue(first_id))
            return
        samples = samples[: window.length]
        self._show(name, "write", name, first_id, samples)
        self._all("write", name, first_id, samples, self._timing.now_ns())
        course.take(window)
        self._courses.took(name)
        self._bytes += samples.nbytes
        self._stop_when_complete()

    def _skip(self, name: str, gap: Gap) -> None:
        course = self._courses.at(name, gap.window.start)
        self._lose_before(name, course, gap.window.start)
        self._lose(name, course, gap)
        self._stop_when_complete(course.is_overdue(gap.window.start))

    def _lose_before(self, name: str, course: Course, start: int) -> None:
        """Count what the device left out without a word."""
        if course.begin is not None and course.next < start:
            self._lose(name, course, Gap(Window(course.next, start), NOT_DELIVERED, skipped=True))

    def _lose(self, name: str, course: Course, gap: Gap) -> None:
        gap = replace(gap, window=course.inside(gap.window))
        if gap.window.length:
            self._show(name, "skip", name, gap)
            self._all("skip", name, gap, self._timing.now_ns())
            course.lose(gap.window, left_out=gap.reason == NO_ROOM)
            self._courses.took(name)

    def _tie(self, name: str, tie: Tie) -> None:
        if self._courses[name].is_beyond(tie.sample_id):
            return  # of samples that are not captured; who goes on with the recording has others there
        self._courses[name].tie = tie
        self._show(name, "tie", name, tie)
        self._all("tie", name, tie)

    def _annotate(self, name: str, note: Annotation) -> None:
        if name and note.sample_id is not None and self._courses[name].is_beyond(note.sample_id):
            return
        self._show(name, "annotate", note)
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
            self._stop(COMPLETE)
        elif is_overdue or self._courses.is_overdue:
            self._stop(f"{COMPLETE}, but of {', '.join(late)}, of which no more came")
        elif self._n_bytes is not None and self._bytes >= self._n_bytes:
            self._stop(FULL)

    def _show(self, name: str, verb: str, *arguments: Any) -> None:
        """Show what is of a signal, or of all where it is ``""``."""
        if self._live is None or name in self._hidden:
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
            self._call(target, verb, *arguments, **options)

    def _call(self, target: Target | Part, verb: str, *arguments: Any, **options: Any) -> None:
        """Call a target, unless it was given up; give it up if it refuses for too long."""
        if target in self._targets:
            try:
                self._patiently(target, verb, *arguments, **options)
            except Exception as error:  # noqa: BLE001 - whatever one raises, the others go on
                self._give_up(target, error)

    def _patiently(self, target: Target | Part, verb: str, *arguments: Any, **options: Any) -> None:
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

    def _give_up(self, target: Target | Part, error: Exception) -> None:
        self.failed[target.path] = error
        self._targets.remove(target)
        if isinstance(target, Part):
            target.error, target.reason = error, "it took no more"
        try:
            target.abandon()
        except Exception as worse:  # noqa: BLE001 - as above
            error.add_note(f"and it could not be left as it stands: {worse}")
        if not self._targets and not self._alone:
            self._stop("nothing takes its samples any more")
