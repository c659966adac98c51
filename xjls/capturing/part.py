"""A recording that begins in the middle of a session, and may end before it: what of the session is in it, and counts.

What was delivered before it began is no gap of it. All its signals begin at one moment, the first that none of them
has passed, and end at another: see `aligning`, also for frames. What another such recording leaves out in one store is
a gap of that store, as a pause between two captures is: see `target`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from xjls.capturing.counts import Counts
from xjls.capturing.course import LATE_S
from xjls.capturing.courses import Courses
from xjls.capturing.ring import NO_ROOM
from xjls.capturing.until import Until
from xjls.model.sink import NOT_DELIVERED
from xjls.model.window import Gap, Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.capturing.course import Course
    from xjls.capturing.target import Target
    from xjls.model.annotation import Annotation, Tie, UserData
    from xjls.model.signal import Signal

COMPLETE = "it has what was asked for"
FULL = "it has as many bytes as were asked for"


class Part:
    """Write a part of a session to a target, which has begun; made by `Session.record`.

    Parameters
    ----------
    target
        Where to.
    signals
        What is delivered.
    until
        When it ends on its own: its duration, samples and size count, from its first sample on.
    is_live
        Of the device: see `xjls.capturing.courses`.

    Notes
    -----
    The writer's thread calls what a `Target` has; others look at `counts`, `error` and `reason`, and wait for `ended`.
    Then nothing is left of the target but its path, and how it is opened.
    """

    def __init__(
        self, target: Target, signals: Sequence[Signal], until: Until | None = None, *, is_live: bool = True
    ) -> None:
        self.until = until or Until()
        self.ended = Event()
        """Set when it is closed, or was given up."""
        self.error: Exception | None = None
        """Why it was given up."""
        self.reason = ""
        """Why it ended."""
        self.released = ""
        """Why it is to end, once all signals are where the first of them was when that was said; ``""`` before."""
        self.path = target.path
        """Of the recording."""
        self.open = target.open
        """Opens the recording, as far as it is flushed."""
        self._target = target
        self._courses = Courses(signals, self.until, is_live=is_live)
        self._tallies: Callable[[], Mapping[str, int]] = dict
        """What the device counted since it began."""
        self._bytes = 0
        self._early: list[Annotation] = []
        """Those of signals of which nothing came yet."""
        self._waiting: set[str] = set()
        """Signals of which it is known with which sample they begin, and that have not."""
        self._unsure: set[str] = set()
        """Those of them of which the session had nothing yet: they may turn out to count from elsewhere."""
        self._left: set[str] = set()
        """Signals that are not waited for, as nothing came for too long."""
        self._is_overdue = False
        """Whether a signal has been complete for so long that others should have come, too."""
        self._closing = Lock()
        self._flushed: Counts = self._now
        self._given_up: Counts | None = None

    @property
    def counts(self) -> Counts:
        """What it holds so far; of times, the recorded one only. If it was given up: what was flushed before."""
        return self._given_up or self._now

    @property
    def _now(self) -> Counts:
        return Counts(
            recorded_s=self._courses.recorded_s, n_bytes=self._bytes,
            signals={name: course.counts for name, course in self._courses.items()},
            axes=self._courses.axes, counted=self._courses.counted, tallies=self._tallies(),
        )  # fmt: skip

    @property
    def is_over(self) -> str:
        """Why it has what was asked for; ``""`` as long as it has not."""
        late = [name for name, course in self._courses.items() if not (course.is_complete or name in self._left)]
        if not late:
            return self.released or COMPLETE
        if self._is_overdue or self._courses.is_overdue:
            return f"{self.released or COMPLETE}, but of {', '.join(late)}, of which no more came"
        return ""

    # -- what the writer calls ---------------------------------------------------------------------------------------

    def begin_at(self, ids: Mapping[str, int], ties: Mapping[str, Tie | None], unsure: set[str]) -> None:
        """Begin with these samples of signals, and the last ties before them; ``unsure`` of which nothing came yet."""
        for name, sample_id in ids.items():
            course = self._courses[name]
            course.begin_at(sample_id)
            course.tie = ties[name]
        self._waiting, self._unsure = set(ids), unsure & set(ids)

    def tally(self, tallies: Callable[[], Mapping[str, int]]) -> None:
        """Count from now on what the device counts beside samples: see `xjls.capturing.device.tallies_of`."""
        before = tallies()
        self._tallies = lambda: {what: n - before.get(what, 0) for what, n in tallies().items()}

    def finish(self, reason: str) -> None:
        """Take down why it ends; what the device counts from now on is none of it."""
        self.reason, last = reason, self._tallies()
        self._tallies = lambda: last

    def release(self, reason: str) -> None:
        """End where the signal that is furthest is now; once, the first reason counts."""
        if self.released:
            return
        self.released = reason
        ids = self._courses.now
        recorded_s = self._now.recorded_s
        for name, course in self._courses.items():
            behind_s = recorded_s if course.begin is None else (ids[name] - course.next) / course.rate_hz
            if name not in ids or behind_s > LATE_S:
                self._left.add(name)
            if name in ids:
                course.end_at(ids[name])
        self._courses.end()

    def arrive(self, now_s: float) -> None:
        """Take down that all which arrived before a time is written, by the session's clock."""
        self._courses.arrive(now_s)

    def write(self, name: str, first_id: int, samples: NDArray[Any], now_ns: int) -> None:
        """Append what of it belongs here; see `Target`."""
        self._find_begin(name, first_id)
        course = self._courses.at(name, first_id)
        window = course.inside(Window(first_id, first_id + len(samples)))
        if window.length:
            samples = samples[window.start - first_id : window.stop - first_id]
            self._lead_in(name, window.start, now_ns)
            self._target.write(name, window.start, samples, now_ns)
            self._catch_up(name)
            course.take(window)  # last: a call that was refused is made again
            self._courses.took(name)
            self._bytes += samples.nbytes
            self._release_when_full()
        else:
            self._lose_rest(name, first_id, now_ns)
        self._is_overdue |= course.is_overdue(first_id)

    def skip(self, name: str, gap: Gap, now_ns: int) -> None:
        """Count what of it belongs here; see `Target`."""
        self._find_begin(name, gap.window.start)
        course = self._courses.at(name, gap.window.start)
        window = course.inside(gap.window)
        if window.length:
            self._lead_in(name, window.start, now_ns)
            self._target.skip(name, replace(gap, window=window), now_ns)
            self._catch_up(name)
            course.lose(window, left_out=gap.reason == NO_ROOM)
            self._courses.took(name)
        else:
            self._lose_rest(name, gap.window.start, now_ns)
        self._is_overdue |= course.is_overdue(gap.window.start)

    def tie(self, name: str, tie: Tie) -> None:
        """Say when a sample was taken; see `Target`. Of those before the first sample the last one is enough."""
        course = self._courses[name]
        if course.is_beyond(tie.sample_id):
            return
        if name in self._waiting and course.begin is not None and tie.sample_id <= course.begin:
            course.tie = tie
            return
        self._tell_tie(name)
        self._target.tie(name, tie)

    def annotate(self, note: Annotation) -> None:
        """Write an annotation, no earlier than the first sample that is here; see `Target`."""
        course = self._courses.get(note.signal)
        if course is None or note.sample_id is None:
            self._target.annotate(note)
        elif not course.has_begun:
            self._early.append(note)
        elif not course.is_beyond(note.sample_id):
            self._annotate(note, course)

    def add_user_data(self, record: UserData) -> None:
        """Keep a record; see `Target`."""
        self._target.add_user_data(record)

    def settle(self) -> None:
        """Wait for the disk, unless it is closed; see `Target`."""
        with self._closing:
            if not self.ended.is_set():
                self._target.settle()

    def flush(self, *, sync: bool = False) -> None:
        """Make what was written visible to others; see `Target`."""
        self._target.flush(sync=sync)
        self._flushed = self._now

    def close(self) -> None:
        """Write what is left, of signals as well of which nothing came; see `Target`."""
        while self._early:  # what the medium refuses is tried again
            self._target.annotate(self._early[0])
            self._early.pop(0)
        with self._closing:
            self._target.close()
            self._end()

    def abandon(self) -> None:
        """Leave what was written as it stands; see `Target`."""
        with self._closing:
            self._given_up = self._flushed
            try:
                self._target.abandon()
            finally:
                self._end()

    def discard(self) -> None:
        """Give up what has not begun; see `Target`."""
        with self._closing:
            try:
                self._target.discard()
            finally:
                self._end()

    def _end(self) -> None:
        """Let go of the target, and of what it has in memory."""
        del self._target
        self._early.clear()
        self.ended.set()

    def _find_begin(self, name: str, first_id: int) -> None:
        """Take a signal whose ids turn out to count from elsewhere as it comes."""
        course = self._courses[name]
        if name in self._unsure and course.begin is not None:
            self._unsure.discard(name)
            if course.axis:
                return  # ids of one axis are the same
            if abs(first_id - course.begin) > LATE_S * course.rate_hz:
                course.begin_at(first_id)

    def _lead_in(self, name: str, first_id: int, now_ns: int) -> None:
        """Write what comes before the first samples: when they were taken, and what the device left out."""
        if name not in self._waiting:
            return
        self._tell_tie(name)
        course = self._courses[name]
        if course.next < first_id:
            left_out = Window(course.next, first_id)
            self._target.skip(name, Gap(left_out, NOT_DELIVERED, skipped=True), now_ns)
            course.lose(left_out)
        self._waiting.discard(name)

    def _lose_rest(self, name: str, first_id: int, now_ns: int) -> None:
        """Count what the device left out without a word, up to the end, before a sample that is beyond it."""
        course = self._courses[name]
        if course.begin is None or first_id <= course.next:
            return
        rest = course.inside(Window(course.next, first_id))
        if rest.length:
            self._lead_in(name, rest.start, now_ns)
            self._target.skip(name, Gap(rest, NOT_DELIVERED, skipped=True), now_ns)
            self._catch_up(name)
            course.lose(rest)

    def _tell_tie(self, name: str) -> None:
        """Write once when the first sample was taken, as the last tie before it tells."""
        course = self._courses[name]
        if name in self._waiting and (tie := course.next_tie) is not None:
            self._target.tie(name, tie)
            course.tie = None

    def _catch_up(self, name: str) -> None:
        """Write what was told of a signal before its first samples; what the medium refuses is tried again."""
        for note in [one for one in self._early if one.signal == name]:
            self._annotate(note, self._courses[name])
            self._early.remove(note)

    def _annotate(self, note: Annotation, course: Course) -> None:
        sample_id = max(note.sample_id or 0, course.begin or 0)
        self._target.annotate(replace(note, sample_id=sample_id))

    def _release_when_full(self) -> None:
        if self.until.n_bytes is not None and self._bytes >= self.until.n_bytes:
            self.release(FULL)
