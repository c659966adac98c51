"""The recordings that join a session while it runs, and leave it, and what people write into them meanwhile.

Anybody asks, from any thread; the writer's thread does it, between two blocks. Once the session takes no more, nothing
that was asked for is lost: what had joined until then is closed with the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

from xjls.capturing import records
from xjls.capturing.part import Part
from xjls.errors import CaptureError, SelectionError
from xjls.model.annotation import text_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xjls.capturing.device import Device
    from xjls.capturing.target import Target
    from xjls.capturing.timing import Timing
    from xjls.capturing.until import Until
    from xjls.capturing.writing import Writer
    from xjls.model.annotation import UserData

MOST_TEXT_BYTES = 1 << 16
"""Of a mark."""


class Parts:
    """Let recordings join the writer of a session, and leave it.

    Parameters
    ----------
    device, uri
        What is captured.
    writer
        Does what is wanted.
    timing
        When a recording begins.
    """

    def __init__(self, device: Device, uri: str, writer: Writer, timing: Timing) -> None:
        self._device, self._uri = device, uri
        self._writer = writer
        self._timing = timing
        self._there: list[Part] = []
        self._is_open = True
        self._lock = Lock()

    def __iter__(self) -> Iterator[Part]:
        """All that have joined, also those that have left, in the order in which they came."""
        return iter(tuple(self._there))

    def record(self, target: Target, until: Until | None) -> Part:
        """Begin a recording, and have it join; what is refused leaves nothing. See `Session.record`."""
        part = Part(target, self._device.signals, until, is_live=self._device.is_live)
        try:
            begin(target, self._device, records.begun(self._device, self._uri, self._timing.now_ns()))
            self._want(lambda: self._writer.join(part), part)
        except BaseException:
            target.discard()
            raise
        return part

    def release(self, part: Part, reason: str) -> None:
        """Close one at the next border of a block. See `Session.release`."""
        self._writer.want(lambda: self._writer.leave(part, reason))

    def mark(self, text: str, signal: str) -> None:
        """Write a text at the newest sample of a signal; ``""`` for the first one. See `Session.mark`."""
        names = tuple(one.name for one in self._device.signals)
        name = signal or names[0]
        if name not in names:
            raise SelectionError(f"no signal {name!r} is captured", f"Signals: {', '.join(names)}.")
        _require_text(text)
        self._want(lambda: self._writer.mark(name, lambda sample_id: text_at(name, sample_id, text)))

    def refuse(self) -> None:
        """Take no more from now on."""
        with self._lock:
            self._is_open = False

    def _want(self, wish: Callable[[], None], part: Part | None = None) -> None:
        """Have something done, unless nothing is taken any more; both are looked at and asked for as one."""
        with self._lock:
            if not self._is_open:
                raise CaptureError("the session has ended", self._uri, "Begin another one.")
            if part is not None:
                self._there.append(part)
            self._writer.want(wish)


def _require_text(text: str) -> None:
    """Raise SelectionError where a format might refuse a text: that would end the recording."""
    try:
        length = len(text.encode())
    except UnicodeEncodeError:
        raise SelectionError("the text of a mark has half a letter, which UTF-8 does not hold", "Mend it.") from None
    if length > MOST_TEXT_BYTES:
        raise SelectionError(f"a mark of {length:,} bytes is too long", f"Write at most {MOST_TEXT_BYTES:,}.")


def begin(target: Target, device: Device, begun: UserData) -> None:
    """Define in a recording what is captured, and leave the record of the beginning."""
    target.begin(device.source, device.signals)
    target.add_user_data(begun)
    target.flush()
