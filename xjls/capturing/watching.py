"""What a person watches of a session: the last seconds of samples, minutes of spans, and sums since zero."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from xjls.capturing.buffer import StreamBuffer
from xjls.capturing.history import History

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.model.annotation import Annotation
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

    def __init__(self, signals: Sequence[Signal], *, seconds: float) -> None:
        super().__init__(signals, seconds=seconds)
        self.histories: Mapping[str, History] = {signal.name: History(signal) for signal in signals}
        """By signal."""
        self._texts: deque[tuple[int, Annotation]] = deque(maxlen=TEXTS)
        self._told = 0

    def write(self, name: str, first_id: int, samples: NDArray[Any]) -> None:
        """Take samples; see `Sink`."""
        super().write(name, first_id, samples)
        self.histories[name].add(first_id, samples)

    def skip(self, name: str, gap: Gap) -> None:
        """Count samples that nobody delivered; see `Sink`."""
        super().skip(name, gap)
        self.histories[name].skip(gap.window.start, gap.window.stop)

    def annotate(self, note: Annotation) -> None:
        """Take a note; see `Sink`."""
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
