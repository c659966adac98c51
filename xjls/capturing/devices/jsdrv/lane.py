"""The messages of one signal as samples: their ids on the signal's own grid, and when the first was taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.capturing.timing import EVERY_S, NS
from xjls.errors import DeviceError
from xjls.formats.jls2.wire import jls_time_to_ns
from xjls.model.annotation import Tie

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.capturing.devices.jsdrv.models import Model, Port
    from xjls.model.signal import Signal

TIE_EVERY_NS = int(EVERY_S * NS)
BYTE = 8


@dataclass(slots=True, eq=False)
class Lane:
    """How far one signal is, and what its messages mean.

    Parameters
    ----------
    signal
        What it delivers.
    port, model
        Where from.
    decimation
        Ticks a sample takes.
    where
        The instrument, for messages.
    """

    signal: Signal
    port: Port
    model: Model
    decimation: int
    where: str
    arrived_s: float | None = None
    """When the last message came, by the session's clock; None before the first one."""
    is_quiet: bool = False
    """Whether it was told that nothing comes."""
    next_id: int | None = None
    """Behind the last sample that came."""
    _held: NDArray[np.bool_] | None = None
    """Bits of the last byte that may be none: the next message tells."""
    _tied: Tie | None = None
    _last: Tie | None = None

    @property
    def data_topic(self) -> str:
        """Where its messages come."""
        return f"{self.port.topic}/!data"

    @property
    def ctrl_topic(self) -> str:
        """Where it is turned on and off."""
        return f"{self.port.topic}/ctrl"

    def first_id(self, message: Mapping[str, Any]) -> int:
        """Return the id of a message's first sample; raise DeviceError where the message is of another rate."""
        ticks, decimation = int(message["sample_rate"]), int(message["decimate_factor"])
        if (ticks, decimation) != (self.model.tick_hz, self.decimation):
            raise DeviceError(
                f"{self.signal.name!r} comes at {ticks / decimation:_.12g} Hz instead of"
                f" {float(self.signal.rate_hz):_.12g} Hz",
                self.where,
                "Choose another rate or other signals; after open=restore, the instrument may be set to another rate.",
            )
        return int(message["sample_id"]) // decimation

    def starts_over(self, first_id: int) -> bool:
        """Whether a message is from a counter that began anew: none repeats what is a second old."""
        return self.next_id is not None and first_id + max(int(self.signal.rate_hz), 1) < self.next_id

    def tie(self, message: Mapping[str, Any], first_id: int, late_ns: int) -> Tie | None:
        """Take down when a message's first sample was taken; return the tie where it is time for one."""
        tie = self._last = Tie(sample_id=first_id, time_ns=jls_time_to_ns(int(message["utc"])) + late_ns)
        if self._tied is not None and tie.time_ns - self._tied.time_ns < TIE_EVERY_NS:
            return None
        self._tied = tie
        return tie

    def last_tie(self) -> Tie | None:
        """Return the tie of the last message, where it is not out yet."""
        return self._last if self._last != self._tied else None

    def tie_anew(self) -> None:
        """Make a tie of the next message: the clock has jumped."""
        self._tied = None

    def blocks(self, message: Mapping[str, Any], first_id: int) -> Iterator[tuple[int, NDArray[Any]]]:
        """Yield first sample ids and samples of a message, and before them bits that are certain now."""
        data = message["data"]
        if self.port.stored_type == "u1":
            data = np.unpackbits(data, bitorder="little").view(np.bool_)
            if self.next_id is not None and self._held is not None:
                yield self.next_id, self._held[: self._certain(first_id)]
        # At least one bit of the last byte is a sample
        n = len(data) - (BYTE - 1 if self._fills_bytes and len(data) else 0)
        if self.next_id is None or first_id + n > self.next_id:
            self.next_id, self._held = first_id + n, data[n:] if self._fills_bytes else None
        yield first_id, data[:n]

    @property
    def _fills_bytes(self) -> bool:
        return self.port.stored_type == "u1" and self.model.fills_bytes

    def _certain(self, first_id: int) -> int:
        """Return how many of the bits that were held back are samples, now that it is known where the next one is."""
        after = first_id - (self.next_id or 0)
        return after if 0 < after < BYTE else 0
