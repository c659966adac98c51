"""One stream of the panel: a device, a session without stores of its own, and the recordings that join and leave it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from xjls.capturing.registry import open_device
from xjls.capturing.rehearsal import rehearse
from xjls.capturing.run import record, shown_s
from xjls.capturing.session import Session
from xjls.capturing.watching import Watch
from xjls.errors import SelectionError

if TYPE_CHECKING:
    from xjls.capturing.outcome import Outcome
    from xjls.capturing.part import Part
    from xjls.capturing.until import Until
    from xjls.model.amounts import Amount

SHOWN_S = 10.0
"""Of samples that ``session.recording`` has; the picture reaches back further."""


class Streaming:
    """Stream a device, and record what is wanted of it.

    Parameters
    ----------
    device, signals, rate, settings
        As of `xjls.capturing.registry.open_device`.

    Examples
    --------
    >>> import tempfile
    >>> from xjls.capturing.until import Until
    >>> streaming = Streaming("sim", signals=["current"], rate="10 kHz")
    >>> part = streaming.record(tempfile.mkdtemp() + "/run.zarr", Until.of(duration="0.1s"))
    >>> streaming.session.start().has_ended(0), part.ended.wait(10), streaming.is_recording
    (False, True, False)
    >>> streaming.end().paths == (part.path,)
    True
    """

    def __init__(
        self, device: str, *, signals: Sequence[str] | None = None, rate: Amount | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        opened = open_device(device, signals=signals, rate=rate, settings=settings)
        try:
            self.device = device
            self.signals = opened.signals
            rehearse((), None, opened.signals)
            self.watch = Watch(opened.signals, seconds=shown_s(opened.signals, SHOWN_S))
            self.session = Session(opened, [], uri=device, live=self.watch)
        except BaseException:
            opened.close()
            raise
        self.part: Part | None = None
        """The recording that is written, or the last one that was."""

    @property
    def is_recording(self) -> bool:
        """Whether something is written now."""
        return self.part is not None and not self.part.ended.is_set()

    def record(self, path: str, until: Until, **how: Any) -> Part:
        """Write what comes from now on to a store; ``how`` as of `xjls.capturing.run.record`."""
        if self.part is not None and self.is_recording:
            raise SelectionError(f"{self.part.path} is being recorded", "Stop that first.")
        self.part = record(self.session, self.signals, path, until=until, **how)
        return self.part

    def release(self, part: Part, reason: str) -> None:
        """Close a recording, and wait until it is."""
        if not part.ended.is_set():
            self.session.release(part, reason)
        while not part.ended.wait(0.05) and not self.session.has_ended():
            pass

    def end(self, reason: str = "") -> Outcome:
        """End the session, and return how it ended, as `Session.wait` does."""
        self.session.stop(*([reason] if reason else []))
        return self.session.wait()
