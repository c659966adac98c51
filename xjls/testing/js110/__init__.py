"""An emulated JS110: what a program sees of one over USB, with all that can go wrong.

``instrument`` is the instrument itself, ``usb_bus`` what pyusb takes for a bus with such instruments on it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from xjls.capturing.devices.js110 import link
from xjls.testing.js110.instrument import CALIBRATION, EmulatedJs110, Mishap, words_at
from xjls.testing.js110.usb_bus import EmulatedBus

__all__ = ["CALIBRATION", "EmulatedBus", "EmulatedJs110", "Mishap", "emulated_js110", "words_at"]


@contextlib.contextmanager
def emulated_js110(*instruments: EmulatedJs110, denied: bool = False, busy: bool = False) -> Iterator[EmulatedBus]:
    """Put emulated instruments in the place of USB: ``js110`` finds these, and no others.

    Parameters
    ----------
    instruments
        What is plugged in; one in real time, if nothing is said.
    denied, busy
        Whether this user may not reach them, or another program has them.

    Examples
    --------
    >>> from xjls.capturing.run import capture
    >>> with emulated_js110(EmulatedJs110("000123")):
    ...     outcome = capture("js110", duration="50 ms", signals=["current"])
    >>> outcome.counts.samples, outcome.counts.lost
    (100000, 0)
    """
    before = link.backend
    bus = EmulatedBus(instruments or (EmulatedJs110(),), denied=denied, busy=busy)
    link.backend = bus
    try:
        yield bus
    finally:
        link.backend = before
