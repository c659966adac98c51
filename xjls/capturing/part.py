"""A recording that begins in the middle of a session, and may end before it: what of the session is in it, and counts.

What was delivered before it began is no gap of it: it begins with the first sample that comes afterwards. What another
such recording leaves out in one store is a gap of that store, as a pause between two captures is: see `target`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from xjls.capturing.counts import Counts
from xjls.capturing.course import Course
from xjls.capturing.ring import NO_ROOM
from xjls.capturing.until import Until
from xjls.model.window import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.capturing.target import Target
    from xjls.model.annotation import Annotation, Tie, UserData
    from xjls.model.signal import Signal
    from xjls.model.window import Gap

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

    Notes
    -----
    The writer's thread calls what a `Target` has; others look at `counts`, `error` and `reason`, and wait for `ended`.
    Then nothing is left of the target but its path, and how it is opened.
    """

    def __init__(self, target: Target, signals: Sequence[Signal], until: Until | None = None) -> None:
        self.until = until or Until()
        self.ended = Event()
        """Set when it is closed, or was given up."""
        self.error: Exception | None = None
        """Why it was given up."""
        self.reason = ""
        """Why it ended."""
        self.path = target.path
        """Of the recording."""
        self.open = target.open
        """Opens the recording, as far as it is flushed."""
        self._target = target
        lengths = self.until.lengths(signals)
        self._courses = {signal.name: Course(signal, lengths.get(signal.name)) for signal in signals}
        self._bytes = 0
        self._early: list[Annotation] = []
        """Those of signals of which nothing came yet."""
        self._is_overdue = False
        """Whether a signal has been complete for so long that others should have come, too."""
        self._closing = Lock()

    @property
    def counts(self) -> Counts:
        """What it holds so far; of times, the recorded one only."""
        return Counts(
            recorded_s=max((course.recorded_s for course in self._courses.values()), default=Fraction(0)),
            n_bytes=self._bytes, signals={name: course.counts for name, course in self._courses.items()},
        )  # fmt: skip

    @property
    def is_over(self) -> str:
        """Why it has what was asked for; ``""`` as long as it has not."""
        if all(course.is_complete for course in self._courses.values()):
            return COMPLETE
        if self._is_overdue:
            late = [name for name, course in self._courses.items() if not course.is_complete]
            return f"{COMPLETE}, but of {', '.join(late)}, of which no more came"
        n_bytes = self.until.n_bytes
        return FULL if n_bytes is not None and self._bytes >= n_bytes else ""

    # -- what the writer calls ---------------------------------------------------------------------------------------

    def write(self, name: str, first_id: int, samples: NDArray[Any], now_ns: int) -> None:
        """Append what of it belongs here; see `Target`."""
        course = self._courses[name]
        window = course.inside(Window(first_id, first_id + len(samples)))
        if window.length:
            samples = samples[: window.length]
            self._target.write(name, first_id, samples, now_ns)
            self._catch_up()
            course.take(window)  # last: a call that was refused is made again
            self._bytes += samples.nbytes
        self._is_overdue |= course.is_overdue(first_id)

    def skip(self, name: str, gap: Gap, now_ns: int) -> None:
        """Count what of it belongs here; see `Target`."""
        course = self._courses[name]
        window = course.inside(gap.window)
        if window.length:
            self._target.skip(name, replace(gap, window=window), now_ns)
            course.lose(window, left_out=gap.reason == NO_ROOM)
        self._is_overdue |= course.is_overdue(gap.window.start)

    def tie(self, name: str, tie: Tie) -> None:
        """Say when a sample was taken; see `Target`."""
        if not self._courses[name].is_beyond(tie.sample_id):
            self._target.tie(name, tie)

    def annotate(self, note: Annotation) -> None:
        """Write an annotation, no earlier than the first sample that is here; see `Target`."""
        course = self._courses.get(note.signal)
        if course is None or note.sample_id is None:
            self._target.annotate(note)
        elif course.begin is None:
            self._early.append(note)
        elif not course.is_beyond(note.sample_id):
            self._target.annotate(replace(note, sample_id=max(note.sample_id, course.begin)))

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

    def _catch_up(self) -> None:
        """Write what was told of signals before their first samples; what the medium refuses is tried again."""
        ready = [note for note in self._early if self._courses[note.signal].begin is not None]
        for note in ready:
            self.annotate(note)
            self._early.remove(note)
