"""Calibrations in every layout that files have, and the scales that they mean."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xjls.testing.jls1.records import container, record

SERIAL = "0123456789abcdef" * 2
CURRENT_RANGES, VOLTAGE_RANGES = 7, 2
OFF, MISSING = 7, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Numbers of a calibration, and how its container is laid out.

    Examples
    --------
    >>> Calibration(current_gain=(0.5, 0.25)).scales()[1, [0, 1, 6, 7, 8]]
    array([0.5 , 0.25, 0.25, 0.  ,  nan], dtype=float32)
    """

    current_offset: tuple[float, ...] = (-2807.1, -2810.2, -2811.9, -2813.3, -2823.8, -2815.5, -2817.25)
    current_gain: tuple[float, ...] = (6.829e-4, 1.6375e-4, 1.4626e-5, 1.49376e-6, 1.49705e-7, 1.49839e-8, 1.49845e-9)
    voltage_offset: tuple[float, ...] = (-1150.6, -2041.7)
    voltage_gain: tuple[float, ...] = (9.468e-4, 2.934e-4)
    entries: int = 9
    """Of the arrays of currents: 9, of which one is 0 and one NaN; 8, whose last is NaN; fewer: as many as are given.
    """
    tag: str = "AJS"
    """Of its JSON; ``"CJS"`` once."""
    is_signed: bool = False
    deflated: bool = False

    def encode(self) -> bytes:
        """Return the container."""
        head = struct.pack("<qIIHHI16s", 1 << 40, 1 << 24, 1, 1, 1, 0, bytes.fromhex(SERIAL))
        facts = {
            "version": "1.0.0", "time": "2019-05-04T10:15:00+00:00", "timestamp": str(1 << 40),
            "product_name": "Joulescope JS110", "vendor_name": "Jetperch LLC", "subtype_name": "Calibration",
            "product": "1.1.1", "serial_number": SERIAL,
            "voltage": {"offset": self.voltage_offset, "gain": self.voltage_gain},
            "current": {"offset": self._stored(self.current_offset), "gain": self._stored(self.current_gain)},
        }  # fmt: skip
        value = json.dumps(facts).encode()
        records = [record("HDR", head), record(self.tag, value, deflated=self.deflated)]
        if self.is_signed:
            signature = bytes(range(64))
            records = [record("SGS", b"\x01" + bytes(7) + bytes(32)), *records, record("SGE", signature)]
        return container(records)

    def scales(self) -> NDArray[np.float32]:
        """Return offsets and gains of current ranges 0 to 8, then of voltage ranges 0 and 1, f32[2, 11]."""
        rows = [
            [*_filled(current, CURRENT_RANGES), 0.0, math.nan, *_filled(voltage, VOLTAGE_RANGES)]
            for current, voltage in (
                (self.current_offset, self.voltage_offset),
                (self.current_gain, self.voltage_gain),
            )
        ]
        return np.array(rows, np.float32)

    def _stored(self, numbers: tuple[float, ...]) -> list[float]:
        tail = {9: [0.0, math.nan], 8: [math.nan]}.get(self.entries, [])
        return [*numbers, *tail][: self.entries]


RAW_SCALES = np.array([[0] * 8 + [math.nan, 0, 0], [1] * 7 + [0, math.nan, 1, 1]], np.float32)
"""Of a file without a calibration: codes stay codes; off is 0, and what is missing NaN."""


def _filled(numbers: tuple[float, ...], count: int) -> list[float]:
    return [*numbers, *[numbers[-1]] * count][:count]
