"""What stands between a device and its writer: a preallocated ring of samples, and the calls that they came with.

A device puts in and goes on. Where it cannot be made to wait and there is no room, samples are left out, and what is
put in their place is the gap: nothing that was counted is missing from both.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.capturing.axes import sample_bytes
from xjls.errors import CaptureError
from xjls.model.window import Gap, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from xjls.model.annotation import Annotation, Tie
    from xjls.model.signal import Signal

NO_ROOM = "the writer did not keep up"
"""Why samples are missing that the ring had no room for."""
ALIGN_BYTES = 64
PIECES = 8
"""Into how many pieces the ring can be divided at least: larger blocks are cut, down to one sample."""
WAIT_S = 0.1
"""Seconds between two looks for room, in case nobody says that there is some."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a device said: a method of `xjls.model.sink.Sink`, or ``over_range``, and its arguments."""

    verb: str
    name: str
    """Of the signal; ``""`` of an annotation of all."""
    arguments: tuple[Any, ...]
    arrived_s: float
    """When it did, in seconds of the session's clock."""
    end: int = -1
    """Place in the ring behind its samples, which are there until it is released; -1 without any."""


class Ring:
    """Take what a device delivers, and give it to one writer in the same order; fulfils `xjls.capturing.device.Outlet`.

    Parameters
    ----------
    n_bytes
        Memory for samples; it is taken, and touched, now. It is more where two of the largest samples need more.
    waits
        Whether a device waits for room. Else samples that find none become a gap.
    elapsed_s
        The clock.
    signals
        What may be delivered, and of which type; none if that is not looked at.

    Notes
    -----
    One thread puts in at a time, one takes out. What a device should not say is refused on its own thread.

    Signals of one axis are left out each for itself: of a frame that found no room, what else is known of it may have
    found some, and is kept. Ids tell what belongs together, so that no row ever moves against another.

    Examples
    --------
    >>> ring = Ring(1 << 16, waits=False)
    >>> ring.write("current", 100, np.arange(3, dtype="f4"))
    >>> [call] = ring.take(0)
    >>> call.verb, call.name, call.arguments[0], call.arguments[1].tolist()
    ('write', 'current', 100, [0.0, 1.0, 2.0])
    >>> ring.release([call])
    """

    def __init__(
        self, n_bytes: int, *, waits: bool, elapsed_s: Callable[[], float] = lambda: 0.0,
        signals: Sequence[Signal] = (),
    ) -> None:  # fmt: skip
        # Samples lie in one piece: the end of the ring may have no room for one, and its beginning must have it then
        largest = 2 * max((_aligned(sample_bytes(signal)) for signal in signals), default=0)
        size = max(n_bytes, PIECES * ALIGN_BYTES, largest) // ALIGN_BYTES * ALIGN_BYTES
        self._bytes = np.empty(size, np.uint8)
        self._bytes.fill(0)  # its pages are there before the first sample is
        self._waits = waits
        self._elapsed_s = elapsed_s
        self._calls: deque[Call] = deque()
        self._put = 0
        """Place behind the last samples; places only rise, and count round by round."""
        self._freed = 0
        """Place before which everything was released."""
        self._next: dict[str, int] = {}
        self._left_out: dict[str, list[Window]] = {}
        """By signal, the samples that are left out since the last that were not."""
        self._some, self._room = Event(), Event()
        self._open = True
        self._types = {signal.name: (signal.dtype, signal.sample_shape) for signal in signals}
        self.most_bytes = 0
        """The most that was in it at any moment."""

    # -- the device's side -------------------------------------------------------------------------------------------

    def write(self, name: str, first_id: int, samples: NDArray[Any]) -> None:
        """Copy samples; see `Outlet`."""
        self._require(name, samples)
        next_id = self._next.get(name, first_id)
        samples = samples[max(next_id - first_id, 0) :]
        first_id = max(first_id, next_id)
        each = samples.itemsize * math.prod(samples.shape[1:])
        most = max(self._bytes.size // PIECES // max(each, 1), 1)
        for at in range(0, len(samples), most):
            self._write(name, first_id + at, samples[at : at + most])

    def skip(self, name: str, gap: Gap) -> None:
        """Pass on why samples are missing; see `Outlet`."""
        start = max(gap.window.start, self._next.get(name, gap.window.start))
        if start < gap.window.stop:
            self._tell_left_out(name)
            self._append("skip", name, Gap(Window(start, gap.window.stop), gap.reason, skipped=True))
            self._next[name] = gap.window.stop

    def tie(self, name: str, tie: Tie) -> None:
        """Pass on when a sample was taken; see `Outlet`."""
        self._append("tie", name, tie)

    def over_range(self, name: str, window: Window) -> None:
        """Pass on that the input was too large; see `Outlet`."""
        self._append("over_range", name, window)

    def annotate(self, note: Annotation) -> None:
        """Pass on what happened; see `Outlet`."""
        self._append("annotate", note.signal, note)

    def finish(self) -> None:
        """Say that no more will come: what was left out last is told, and the writer ends when it has all."""
        for name in tuple(self._left_out):
            self._tell_left_out(name)
        self._open = False
        self._some.set()

    # -- the writer's side -------------------------------------------------------------------------------------------

    def take(self, timeout_s: float) -> list[Call]:
        """Return the next calls, or none where none comes in time; their samples are views until they are released.

        They hold no more than a part of the ring, so that a device that waits goes on meanwhile.
        """
        if not self._calls and self._open:
            self._some.clear()
            if not self._calls and self._open:
                self._some.wait(timeout_s)
        calls: list[Call] = []
        until = self._freed + self._bytes.size // PIECES
        while self._calls and (not calls or self._calls[0].end < until):
            calls.append(self._calls.popleft())
        return calls

    def release(self, calls: Sequence[Call]) -> None:
        """Give back the room of calls, in the order in which they were taken."""
        if (end := max((call.end for call in calls), default=-1)) >= 0:
            self._freed = end
            self._room.set()

    def give_up(self) -> None:
        """Say that nobody takes anything any more but what is there: nobody waits for room then."""
        self._waits = self._open = False
        self._room.set()

    @property
    def is_live(self) -> bool:
        """Whether samples that find no room are left out."""
        return not self._waits

    @property
    def is_drained(self) -> bool:
        """Whether no more will come, and all of it was taken."""
        return not self._open and not self._calls

    @property
    def queued_bytes(self) -> int:
        """Of samples that were not released yet."""
        return self._put - self._freed

    @property
    def size_bytes(self) -> int:
        """Of all samples that it has room for."""
        return self._bytes.size

    # -- places ------------------------------------------------------------------------------------------------------

    def _write(self, name: str, first_id: int, samples: NDArray[Any]) -> None:
        """Copy no more samples than find room at once, or leave them out."""
        self._next[name] = first_id + len(samples)
        if (place := self._place(samples.nbytes)) < 0:
            self._leave_out(name, Window(first_id, first_id + len(samples)))
            return
        self._tell_left_out(name)
        at = place % self._bytes.size
        room = self._bytes[at : at + samples.nbytes].view(samples.dtype).reshape(samples.shape)
        np.copyto(room, samples)
        self._put = place + _aligned(samples.nbytes)
        self.most_bytes = max(self.most_bytes, self.queued_bytes)
        self._append("write", name, first_id, room, end=self._put)

    def _place(self, n_bytes: int) -> int:
        """Return the place of consecutive bytes, -1 where there is no room; wait for it where that may be."""
        while True:
            size = self._bytes.size
            ahead = size - self._put % size
            place = self._put if n_bytes <= ahead else self._put + ahead
            if place + n_bytes - self._freed <= size:
                return place
            self._room.clear()
            if not self._waits:
                return -1
            if place + n_bytes - self._freed > size:
                self._room.wait(WAIT_S)

    def _leave_out(self, name: str, window: Window) -> None:
        """Take down that there was no room for samples; what the device itself has lost between is no part of it."""
        windows = self._left_out.setdefault(name, [])
        if windows and windows[-1].stop == window.start:
            windows[-1] = Window(windows[-1].start, window.stop)
        else:
            windows.append(window)

    def _tell_left_out(self, name: str) -> None:
        """Pass on the gaps that samples leave for which there was no room."""
        for window in self._left_out.pop(name, ()):
            self._append("skip", name, Gap(window, NO_ROOM, skipped=True))

    def _require(self, name: str, samples: NDArray[Any] | None = None) -> None:
        """Refuse what the device did not say that it delivers."""
        if not self._types or (not name and samples is None):
            return
        if (types := self._types.get(name)) is None:
            raise CaptureError(f"the device delivers {name!r}, which is none of its signals", "", "Report it.")
        if samples is not None and (samples.ndim == 0 or (samples.dtype, samples.shape[1:]) != types):
            found = f"{samples.dtype}{list(samples.shape)}"
            wanted = f"{types[0]}[{', '.join(map(str, ('n', *types[1])))}]"
            raise CaptureError(f"the device delivers {found} of {name!r}, which is {wanted}", "", "Report it.")

    def _append(self, verb: str, name: str, *arguments: Any, end: int = -1) -> None:
        if end < 0:
            self._require(name)
        if not self._open:
            return
        self._calls.append(Call(verb, name, arguments, self._elapsed_s(), end))
        self._some.set()


def _aligned(n_bytes: int) -> int:
    return -(-n_bytes // ALIGN_BYTES) * ALIGN_BYTES
