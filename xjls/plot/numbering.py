"""An axis of numbers that a device counted, where nothing tells their time: fulfils `xjls.plot.timescale.TimeScale`."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FrameCount:
    """Numbers of frames, where nothing tells their time.

    Examples
    --------
    >>> scale = FrameCount(12_824)
    >>> ticks = scale.ticks(0, 10, most=4)
    >>> scale.labels(ticks, 0), scale.title(ticks, 0, 10)
    (['#12825', '#12830'], "the device's number of the frame")
    """

    origin: int
    """The number at position 0."""

    def ticks(self, low: float, high: float, most: int) -> list[float]:
        """Return the positions of round numbers."""
        step = next(m * 10**k for k in range(19) for m in (1, 2, 5) if m * 10**k * most >= high - low)
        start, stop = math.ceil(self.origin + low), math.floor(self.origin + high)
        return [float(at - self.origin) for at in range(-(-start // step) * step, stop + 1, step)]

    def labels(self, ticks: list[float], low: float) -> list[str]:  # noqa: ARG002 - as the protocol has it
        """Return the numbers, as people type them."""
        return [f"#{self.origin + round(tick)}" for tick in ticks]

    def title(self, ticks: list[float], low: float, high: float) -> str:  # noqa: ARG002 - as the protocol has it
        """Return what is counted."""
        return "the device's number of the frame"
