"""Signals whose sample ids count something else than moments: frames, or the buffers that these came in.

Ids tell which samples of one axis belong together. Nothing but their arrival tells of two axes, as neither counts at a
steady rate: the calls of a device come in one order, and a moment is a place in it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from xjls.model.annotation import Json
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

    What tells of positions counts only where nothing was measured. It is None where all signals are in time.
    """
    on_axes = (signal for signal in signals if signal.axis)
    return max(on_axes, key=lambda signal: (not signal.describes_axis, sample_bytes(signal)), default=None)


def in_order(signals: Sequence[Signal]) -> tuple[str, ...]:
    """Return the names of signals on axes, those of the axis last that is counted: buffers come ahead of frames."""
    lead = leading(signals)
    on_axes = [signal for signal in signals if signal.axis]
    return tuple(one.name for one in sorted(on_axes, key=lambda one: lead is not None and one.axis == lead.axis))


def referring(signals: Sequence[Signal]) -> dict[str, str]:
    """Return, by signal whose samples are ids on another axis of its source, the first signal that is on that one.

    Such a signal says so by the fact ``refers_to``, as what tells the frame of each buffer; what is negative is no id.

    Examples
    --------
    >>> import numpy as np
    >>> from fractions import Fraction
    >>> from xjls.model.signal import Signal, Source
    >>> told = {"units": "", "dtype": np.dtype("i8"), "source": Source(id=1, name="scope"), "rate_hz": Fraction(20)}
    >>> referring([Signal(id=1, name="frame_number", axis="buffer", facts={"refers_to": "frame"}, **told),
    ...            Signal(id=2, name="image", axis="frame", **told), Signal(id=3, name="time", axis="frame", **told)])
    {'frame_number': 'image'}
    """
    first: dict[tuple[int, Json], str] = {}
    for signal in signals:
        if signal.axis:
            first.setdefault((signal.source.id, signal.axis), signal.name)
    wanted = ((signal.name, signal.source.id, signal.facts.get("refers_to")) for signal in signals)
    return {name: first[source, axis] for name, source, axis in wanted if axis and (source, axis) in first}


def series_of(signals: Iterable[Signal]) -> tuple[Signal, ...]:
    """Return the signals in time: numbers at a steady rate."""
    return tuple(signal for signal in signals if not signal.axis)
