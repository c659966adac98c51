"""The driver's numbers, and what they are called."""

from __future__ import annotations

OK, NOT_FOUND, NOT_RESPONDING, INVALID_HANDLE, INVALID_CHANNEL = 0, 0x03, 0x07, 0x0C, 0x10
STREAMING_FAILED, DATA_NOT_AVAILABLE, BUFFER_STALL, NO_SAMPLES_AVAILABLE, BUSY = 0x14, 0x18, 0x1C, 0x25, 0x27
DRIVER_FUNCTION = 0x43
SUPPLY_CONNECTED, SUPPLY_NOT_CONNECTED, SUPPLY_UNDERVOLTAGE, NON_USB3_PORT = 0x119, 0x11A, 0x11C, 0x11E
QUESTIONS = frozenset({SUPPLY_CONNECTED, SUPPLY_NOT_CONNECTED, NON_USB3_PORT})
"""About power; they are answered with themselves."""
NOTHING_NEW = frozenset({OK, DATA_NOT_AVAILABLE, NO_SAMPLES_AVAILABLE, BUSY, DRIVER_FUNCTION})
"""What a poll returns while all is well."""
GONE = frozenset({NOT_FOUND, NOT_RESPONDING, INVALID_HANDLE})
_STATUSES = {
    0x01: "all units are open", NOT_FOUND: "it is not found", 0x04: "its firmware cannot be loaded",
    NOT_RESPONDING: "it does not answer", INVALID_HANDLE: "its handle is not valid", 0x0D: "a parameter is not valid",
    0x0F: "the range is not valid", INVALID_CHANNEL: "the channel is not valid", STREAMING_FAILED: "streaming failed",
    BUFFER_STALL: "the driver's buffer stalled", BUSY: "it is busy", 0x2B: "the sample interval is not valid",
    DRIVER_FUNCTION: "the driver is busy with another call", 0x46: "there are no buffers",
    0x47: "the ratio mode is not supported", SUPPLY_CONNECTED: "its power supply was plugged in",
    SUPPLY_NOT_CONNECTED: "its power supply is not plugged in", SUPPLY_UNDERVOLTAGE: "its power supply is too weak",
    NON_USB3_PORT: "it is on a port that is not USB 3", 0x121: "too many channels are on for this resolution",
}  # fmt: skip
RESOLUTIONS = (8, 12, 14, 15, 16)
"""Bits, by the driver's number."""
COUPLINGS = ("AC", "DC")
CHANNELS = "abcd"
RANGE_WORDS = ("10MV", "20MV", "50MV", "100MV", "200MV", "500MV", "1V", "2V", "5V", "10V", "20V", "50V")
MODES = {"none": 0, "aggregate": 1, "decimate": 2, "average": 4}
BANDWIDTHS = ("full", "20 MHz")
UNITS_HZ = (10**15, 10**12, 10**9, 10**6, 10**3, 1)
"""By the driver's number of a unit of time, how many are in a second."""
NS_UNIT = 2
RISING = 2
VARIANT, SERIAL, FIRMWARE = 3, 4, 9
"""Numbers of what a unit tells of itself."""


def status_text(status: int) -> str:
    """Return what a status says.

    Examples
    --------
    >>> status_text(0x2B), status_text(0x999)
    ('the sample interval is not valid (0x2B)', 'status 0x999')
    """
    return f"{_STATUSES[status]} (0x{status:X})" if status in _STATUSES else f"status 0x{status:X}"
