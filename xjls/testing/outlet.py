"""The other side of a device in tests: an outlet that keeps all that it is handed, and clocks that move when told."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.model.window import Gap, Window, merge_gaps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.capturing.device import Device, Outlet
    from xjls.capturing.timing import Timing
    from xjls.model.annotation import Annotation, Tie

NS = 10**9
BEGIN_NS = 1_772_359_200 * NS
"""2026-03-01T10:00:00Z: when these clocks begin."""
LONG_S = 30.0
"""What takes longer has failed."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What arrived of one signal."""

    window: Window
    """From the first sample to the last."""
    samples: NDArray[Any]
    """Those that arrived, one after the other; those in gaps are left out."""
    gaps: tuple[Gap, ...]


@dataclass(slots=True, eq=False)
class ListOutlet:
    """An outlet that copies everything into lists, and refuses two threads at once.

    Examples
    --------
    >>> outlet = ListOutlet()
    >>> outlet.write("a", 10, np.arange(3))
    >>> outlet.write("a", 12, np.arange(4))
    >>> outlet.write("a", 20, np.arange(2))
    >>> found = outlet.of("a")
    >>> str(found.window), found.samples.tolist(), [str(gap.window) for gap in found.gaps]
    ('10–22', [0, 1, 2, 1, 2, 3, 0, 1], ['16–20'])
    """

    writes: dict[str, list[tuple[int, NDArray[Any]]]] = field(default_factory=dict)
    """First sample id and samples of each delivery, by signal."""
    skips: dict[str, list[Gap]] = field(default_factory=dict)
    ties: dict[str, list[Tie]] = field(default_factory=dict)
    over_ranges: dict[str, list[Window]] = field(default_factory=dict)
    notes: list[Annotation] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    """What was called, and of which signal, in order."""
    fails_at: int | None = None
    """The number of the call that raises OSError, as a session's own fault would; None for no such."""
    _lock: Lock = field(default_factory=Lock)

    def write(self, name: str, first_id: int, samples: NDArray[Any]) -> None:
        """Deliver samples; see `Outlet`."""
        with self._called("write", name):
            self.writes.setdefault(name, []).append((first_id, samples.copy()))

    def skip(self, name: str, gap: Gap) -> None:
        """Count samples that are lost; see `Outlet`."""
        with self._called("skip", name):
            self.skips.setdefault(name, []).append(gap)

    def tie(self, name: str, tie: Tie) -> None:
        """Say when a sample was taken; see `Outlet`."""
        with self._called("tie", name):
            self.ties.setdefault(name, []).append(tie)

    def over_range(self, name: str, window: Window) -> None:
        """Say that the input was beyond its range; see `Outlet`."""
        with self._called("over_range", name):
            self.over_ranges.setdefault(name, []).append(window)

    def annotate(self, note: Annotation) -> None:
        """Tell of something; see `Outlet`."""
        with self._called("annotate", note.signal):
            self.notes.append(note)

    @property
    def told(self) -> list[str]:
        """The texts of the annotations."""
        return [str(note.data) for note in self.notes]

    def of(self, name: str) -> Delivered:
        """Return what arrived of a signal, as a recording of it would have it."""
        blocks, gaps = [], list(self.skips.get(name, ()))
        begin = stop = None
        for first_id, samples in self.writes[name]:
            if begin is None or stop is None:
                begin = stop = first_id
            if first_id > stop:
                gaps.append(Gap(Window(stop, first_id), "not delivered", skipped=True))
            blocks.append(samples[max(stop - first_id, 0) :])
            stop = max(stop, first_id + len(samples))
        return Delivered(Window(begin or 0, stop or 0), np.concatenate(blocks), merge_gaps(gaps))

    @contextlib.contextmanager
    def _called(self, what: str, name: str) -> Iterator[None]:
        if not self._lock.acquire(blocking=False):
            raise AssertionError(f"{what} was called while another thread was in the outlet")
        try:
            if len(self.calls) == self.fails_at:
                raise OSError("the outlet was told to fail")
            self.calls.append((what, name))
            yield
        finally:
            self._lock.release()


@dataclass(slots=True, eq=False)
class SteppedTiming:
    """Clocks that move when somebody waits, and at once.

    Examples
    --------
    >>> timing = SteppedTiming()
    >>> timing.wait(Event(), 2.5), timing.elapsed_s(), timing.now_ns() - BEGIN_NS
    (False, 2.5, 2500000000)
    """

    begin_ns: int = BEGIN_NS
    followers: list[Callable[[], None]] = field(default_factory=list)
    """Called after each step: what happens as time goes on."""
    stop_at_s: float = float("inf")
    """When the event that is waited for is set: the end of a test."""
    sleeps: dict[float, float] = field(default_factory=dict)
    """How long the machine sleeps, by when it falls asleep."""
    _elapsed_ns: int = 0

    def now_ns(self) -> int:
        """Return UTC; see `Timing`."""
        return self.begin_ns + self._elapsed_ns

    def elapsed_s(self) -> float:
        """Return seconds; see `Timing`."""
        return self._elapsed_ns / NS

    def wait(self, event: Event, seconds: float) -> bool:
        """Let the time pass, unless the event is set; see `Timing`."""
        if not event.is_set():
            self._elapsed_ns += round(seconds * NS)
            for begin_s in [begin_s for begin_s in self.sleeps if begin_s <= self.elapsed_s()]:
                self._elapsed_ns += round(self.sleeps.pop(begin_s) * NS)
            for follower in self.followers:
                follower()
            if self.elapsed_s() >= self.stop_at_s:
                event.set()
        return event.is_set()


@dataclass(slots=True, eq=False)
class Run:
    """A device that delivers into an outlet on a thread of its own, as in a session.

    A ``with`` block starts it, stops it and waits.
    """

    device: Device
    outlet: Outlet
    stop: Event = field(default_factory=Event)
    reason: str = ""
    """Why it ended."""
    error: BaseException | None = None
    _thread: Thread | None = None

    def __enter__(self) -> Run:
        self._thread = Thread(target=self._run, name="device under test")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.wait()

    def wait(self) -> str:
        """Wait until it has ended; return why."""
        if self._thread is not None:
            self._thread.join(LONG_S)
            assert not self._thread.is_alive(), "the device does not stop"
        return self.reason

    def _run(self) -> None:
        try:
            self.reason = self.device.run(self.outlet, self.stop)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test must see it
            self.error = error


if TYPE_CHECKING:

    def _conforms(outlet: ListOutlet, timing: SteppedTiming) -> tuple[Outlet, Timing]:
        return outlet, timing
