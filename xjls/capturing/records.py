"""What a capture leaves in a recording beside samples: how it was set up, when it began, and why it ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from xjls._version import __version__
from xjls.model.annotation import UserData

if TYPE_CHECKING:
    from xjls.capturing.counts import Counts
    from xjls.capturing.device import Device
    from xjls.model.annotation import Json

CAPTURE_META = 0x6A7
"""The number of these records, among those that applications choose."""


def begun(device: Device, uri: str, now_ns: int) -> UserData:
    """Return the record of a beginning."""
    source = device.source
    told: dict[str, Json] = {
        "capture": "begun", "utc": utc_text(now_ns), "device": uri, "xjls": __version__,
        "instrument": {
            "name": source.name, "vendor": source.vendor, "model": source.model, "version": source.version,
            "serial_number": source.serial_number,
        },
        "settings": dict(device.settings),
        "signals": {signal.name: float(signal.rate_hz) for signal in device.signals},
    }  # fmt: skip
    return UserData(meta=CAPTURE_META, data=told)


def ended(reason: str, counts: Counts, now_ns: int) -> UserData:
    """Return the record of an end."""
    told: dict[str, Json] = {"capture": "ended", "utc": utc_text(now_ns), "reason": reason, "counts": counts.as_json()}
    return UserData(meta=CAPTURE_META, data=told)


def utc_text(time_ns: int) -> str:
    """Return a moment as ISO 8601 has it.

    Examples
    --------
    >>> utc_text(1_772_359_200_123_456_789)
    '2026-03-01T10:00:00.123456Z'
    """
    seconds, rest = divmod(time_ns, 10**9)
    whole = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)
    return whole.isoformat().replace("+00:00", "Z")
