"""What a person watches of a session: the last seconds of samples, minutes of spans, sums since zero, the newest frame.

Of signals on an axis nothing but the newest frame is kept: pictures of minutes would be gigabytes.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from xjls.capturing.axes import series_of
from xjls.capturing.buffer import StreamBuffer
from xjls.capturing.history import History
from xjls.capturing.last_frames import last_frames_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.model.annotation import Annotation, Tie
    from xjls.model.signal import Signal
    from xjls.model.window import Gap

TEXTS = 1000
"""That are kept of what was written beside the samples: the last ones."""


class Watch(StreamBuffer):
    """Keep what a live view shows; the ``live`` of a `Session`, whose writer feeds it.

    Parameters
    ----------
    signals
        Of the device.
    seconds
        Of samples that are kept; spans reach back further: see `History`.
    elapsed_s
        A clock, by which losses of the last seconds are told.

    Examples
    --------
    >>> from xjls.capturing.registry import open_device
    >>> from xjls.capturing.session import Session
    >>> from xjls.capturing.until import Until
    >>> device = open_device("sim?speed=max", rate="10 kHz", signals=["voltage"])
    >>> watch = Watch(device.signals, seconds=1)
    >>> outcome = Session(device, [], live=watch, until=Until.of(duration="2s")).start().wait()
    >>> watch.histories["voltage"].spans, watch.histories["voltage"].total.count
    (400, 20000)
    """

    takes_axes = True

    def __init__(
        self, signals: Sequence[Signal], *, seconds: float, elapsed_s: Callable[[], float] = time.monotonic
    ) -> None:
        in_time = series_of(signals)
        super().__init__(in_time, seconds=seconds)
        self.histories: Mapping[str, History] = {signal.name: History(signal) for signal in in_time}
        """By signal in time."""
        self.frames = last_frames_of(signals, elapsed_s)
        """By signal of frames."""
        self._on_axes = {signal.name for signal in signals if signal.axis}
        self._texts: deque[tuple[int, Annotation]] = deque(maxlen=TEXTS)
        self._told = 0

    def write(self, name: str, first_id: int, samples: NDArray[Any]) -> None:
        """Take samples; see `Sink`."""
        if name in self._on_axes:
            for frames in self.frames.values():
                frames.write(name, first_id, samples)
            return
        super().write(name, first_id, samples)
        self.histories[name].add(first_id, samples)

    def skip(self, name: str, gap: Gap) -> None:
        """Count samples that nobody delivered; see `Sink`."""
        if name in self._on_axes:
            for frames in self.frames.values():
                frames.skip(name, gap.window.length)
            return
        super().skip(name, gap)
        self.histories[name].skip(gap.window.start, gap.window.stop)

    def tie(self, name: str, tie: Tie) -> None:
        """Say when a sample was taken; see `Sink`. Times of an axis are samples: a tie there is of no use here."""
        if name not in self._on_axes:
            super().tie(name, tie)

    def annotate(self, note: Annotation) -> None:
        """Take a note; see `Sink`."""
        if note.signal not in self._on_axes:
            super().annotate(note)
        self._told += 1
        self._texts.append((self._told, note))

    @property
    def texts(self) -> tuple[tuple[int, Annotation], ...]:
        """The last notes, and the number of each, from 1 on; from any thread."""
        return tuple(self._texts.copy())  # a copy is made at once, whoever adds meanwhile

    def zero(self) -> None:
        """Begin all sums anew; from any thread."""
        for history in self.histories.values():
            history.zero()
