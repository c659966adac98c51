"""Following a recording while somebody writes it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from xjls.errors import LostSamplesError
from xjls.model.window import Window

if TYPE_CHECKING:
    from xjls.model.reader import Reader
    from xjls.model.signal import Signal


class Growing:
    """What `xjls.Recording` can tell of how it grows."""

    epoch: int

    @property
    def signals(self) -> Mapping[str, Signal]:
        """The signals by name."""
        raise NotImplementedError

    @property
    def was_closed(self) -> bool:
        """Whether the writer closed it."""
        raise NotImplementedError

    def refresh(self) -> bool:
        """Look again; return whether it grew."""
        raise NotImplementedError

    def follow(
        self,
        *,
        from_start: bool = False,
        interval_s: float = 0.2,
        timeout_s: float | None = None,
        wait: Callable[[float], None] = time.sleep,
    ) -> Iterator[dict[str, Window]]:
        """Yield what is added to a recording while another process, or thread, writes it.

        Parameters
        ----------
        from_start
            Whether what is there already comes first; else only what is added from now on.
        interval_s
            How long to wait between looks.
        timeout_s
            How long to wait for more, at most; None for ever.
        wait
            Called with the seconds to wait.

        Yields
        ------
        dict
            By name, the new samples of each signal that has some: read them with `read`, or ask `columns` about them.
            It ends when the writer has closed the recording, or when nothing was added for so long. Of a recording
            that its writer empties now and then, what was dropped unseen is passed over; where its sample ids begin
            anew, ``epoch`` has counted, and all that is there is new.

        Examples
        --------
        >>> import tempfile, xjls
        >>> from xjls.testing import write_demo
        >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1))
        >>> [sum(recording.statistics("current", new["current"]).count for new in recording.follow(from_start=True))]
        [50000]
        """
        seen = {} if from_start else {name: signal.window.stop for name, signal in self.signals.items()}
        epoch, waited = self.epoch, 0.0
        while True:
            if epoch != self.epoch:
                epoch, seen = self.epoch, {}
            windows = {name: signal.window for name, signal in self.signals.items()}
            fresh = {
                name: Window(min(max(seen.get(name, w.start), w.start), w.stop), w.stop) for name, w in windows.items()
            }
            if news := {name: window for name, window in fresh.items() if window.length}:
                seen |= {name: window.stop for name, window in news.items()}
                waited = 0.0
                yield news
            if self.was_closed or (timeout_s is not None and waited >= timeout_s):
                return
            wait(interval_s)
            waited += interval_s
            self.refresh()


def begins_anew(signal: Signal, old: Reader, new: Reader) -> bool:
    """Whether sample ids of a signal mean other samples to a new reader; there may be as many as before."""
    if signal.name not in new.names or (now := new.describe(signal.name).window).stop < signal.window.stop:
        return True
    if now.start != signal.first_id or not signal.length:
        return False
    try:
        old.read(signal, Window(signal.first_id, signal.first_id + 1), None, "gap", False)
    except LostSamplesError:
        return True
    except (ValueError, OSError):  # it was closed, or is gone
        return False
    return False
