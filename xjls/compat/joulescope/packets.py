"""What was inserted and is not processed: words of a JS110, as they came, and how many are missing between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.capturing.devices.js110.packets import Packets
from xjls.capturing.devices.js110.wire import PACKET_BYTES, PACKET_SAMPLES
from xjls.compat.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_AT_ONCE = 1024
"""Packets that are looked at together."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Consecutive samples."""

    missing: int
    """Samples that are missing before them."""
    words: NDArray[np.uint16]
    """u16[time, 2]."""
    voltage_ranges: NDArray[np.uint8]
    """Of as many equal parts of them."""


class Inserted:
    """Take packets, or words; and say what came."""

    def __init__(self) -> None:
        self._packets = Packets(_AT_ONCE)
        self._room = np.frombuffer(self._packets.buffer, np.uint8)

    def packets(self, data: bytes | bytearray | memoryview | NDArray[np.uint8]) -> Iterator[Part]:
        """Yield what whole packets hold; those of another type or length count as missing.

        A packet that is cut off at the end is left out.
        """
        found = np.frombuffer(data, np.uint8) if not isinstance(data, np.ndarray) else data.reshape(-1).view(np.uint8)
        whole = len(found) // PACKET_BYTES
        for start in range(0, whole, _AT_ONCE):
            stop = min(start + _AT_ONCE, whole)
            self._room[: (stop - start) * PACKET_BYTES] = found[start * PACKET_BYTES : stop * PACKET_BYTES]
            for run in self._packets.runs(stop - start):
                yield Part(run.missing * PACKET_SAMPLES, run.words.reshape(-1, 2), run.voltage_ranges)


def checked_words(data: Any, voltage_range: int) -> Part:
    """Return words that were given as they are; refuse what are none."""
    if not isinstance(data, np.ndarray) or data.dtype != np.uint16:
        raise RefusedError("raw data is no array of uint16", 'Give pairs of current and voltage, as .astype("u2").')
    if data.size % 2:
        raise RefusedError(f"raw data has {data.size} numbers", "Give pairs of current and voltage.")
    return Part(0, data.reshape(-1, 2).copy(), np.array([voltage_range], np.uint8))
