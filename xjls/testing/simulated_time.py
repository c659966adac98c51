"""Time that is what the simulator has delivered: hours of a capture in minutes, with every flush that they have."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threading import Event

    from xjls.capturing.devices.sim import Simulator

NAP_S = 0.0005
"""What a wait takes, however long it is to last."""


class SimulatedTiming:
    """Fulfil `xjls.capturing.timing.Timing` by the samples of a simulator at full speed.

    Parameters
    ----------
    device
        Whose seconds count.
    start_ns
        UTC of the first one.

    Examples
    --------
    >>> from xjls.capturing.registry import open_device
    >>> SimulatedTiming(open_device("sim?speed=max"), 10**18).now_ns()
    1000000000000000000
    """

    def __init__(self, device: Simulator, start_ns: int) -> None:
        self._device = device
        self._start_ns = start_ns

    def now_ns(self) -> int:
        """Return UTC; see `Timing`."""
        return self._start_ns + round(self._device.delivered_s * 1e9)

    def elapsed_s(self) -> float:
        """Return seconds; see `Timing`."""
        return self._device.delivered_s

    def wait(self, event: Event, seconds: float) -> bool:  # noqa: ARG002 - the protocol's; simulated time does not wait
        """Wait a moment; see `Timing`."""
        time.sleep(NAP_S)
        return event.is_set()
