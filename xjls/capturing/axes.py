"""Signals whose sample ids count something else than moments: frames, or the buffers that these came in.

Ids tell which samples of one axis belong together. Nothing but their arrival tells of two axes, as neither counts at a
steady rate: the calls of a device come in one order, and a moment is a place in it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from xjls.model.signal import Signal


def sample_bytes(signal: Signal) -> int:
    """Return the bytes of one sample in memory.

    Examples
    --------
    >>> import numpy as np
    >>> from fractions import Fraction
    >>> from xjls.model.signal import Signal, Source
    >>> image = Signal(id=1, name="image", units="", dtype=np.dtype("u2"), rate_hz=Fraction(20), axis="frame",
    ...                source=Source(id=1, name="scope"), sample_shape=(200, 300))
    >>> sample_bytes(image)
    120000
    """
    return signal.dtype.itemsize * math.prod(signal.sample_shape)


def axes_of(signals: Iterable[Signal]) -> dict[str, tuple[str, ...]]:
    """Return the names of signals by the axis on which they are, without those in time."""
    found: dict[str, tuple[str, ...]] = {}
    for signal in signals:
        if signal.axis:
            found[signal.axis] = (*found.get(signal.axis, ()), signal.name)
    return found


def leading(signals: Sequence[Signal]) -> Signal | None:
    """Return the signal whose samples are counted where so many are wanted: of those on an axis, that of the largest.

    It is None where all signals are in time.
    """
    return max((signal for signal in signals if signal.axis), key=sample_bytes, default=None)


def series_of(signals: Iterable[Signal]) -> tuple[Signal, ...]:
    """Return the signals in time: numbers at a steady rate."""
    return tuple(signal for signal in signals if not signal.axis)
