"""The law of captures: what a recording holds is what the simulator sent, and what it does not hold is in its gaps."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.capturing.devices.sim import expected
from xjls.model.window import Window, valid_mask

if TYPE_CHECKING:
    from xjls.model.recording import Recording
    from xjls.model.sink import Sink

PIECE = 1 << 20


def check_captured(recording: Recording, *, shift: int = 0) -> dict[str, int]:
    """Hold all samples of a recording to those of the simulator, by their ids; return how many are lost, by signal.

    Parameters
    ----------
    recording
        Of the simulator's signals.
    shift
        What was added to the simulator's sample ids.
    """
    lost = {}
    for signal in recording.signals.values():
        lost[signal.name] = 0
        for start in range(signal.first_id, signal.window.stop, PIECE):
            window = Window(start, min(start + PIECE, signal.window.stop))
            samples, gaps = recording.read_with_gaps(signal.name, window)
            valid = valid_mask(window, gaps)
            sent = expected(signal.name, window.start - shift, window.stop - shift)
            wrong = np.flatnonzero(valid & (samples != sent))
            assert not len(wrong), f"{signal.name} is another from sample {window.start + wrong[0]:_} on"
            assert all(gap.skipped for gap in gaps), f"{signal.name} has damage: {gaps}"
            lost[signal.name] += int(np.count_nonzero(~valid))
        assert lost[signal.name] == sum(gap.window.length for gap in recording.skipped(signal.name))
    return lost


class RefusingSink:
    """A sink whose medium is full now and then: calls are refused before they reach it.

    Parameters
    ----------
    sink
        The real one.
    refuses
        Asked at each call, by its name, whether it is refused.

    Examples
    --------
    >>> from xjls.formats.memory import MemorySink
    >>> RefusingSink(MemorySink(), lambda verb: verb == "flush").flush()
    Traceback (most recent call last):
    OSError: [Errno 28] No space left on device
    """

    def __init__(self, sink: Sink, refuses: Callable[[str], bool]) -> None:
        self._sink = sink
        self._refuses = refuses

    def __getattr__(self, verb: str) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            if self._refuses(verb):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return getattr(self._sink, verb)(*arguments, **options)

        return call
