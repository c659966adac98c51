"""Requests and packets of a JS110: bytes to records and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import IntEnum
from struct import Struct
from typing import Any, NamedTuple

VENDOR_ID, PRODUCT_ID = 0x16D0, 0x0E88
ENDPOINT = 0x82
"""Bulk in: samples."""
PACKET_BYTES = 512
PACKET_SAMPLES = 126
RAW_SAMPLES = 1
"""Type of a packet that holds samples."""
INDEXES = 1 << 16
"""Packets after which their numbers begin anew."""
NOT_ISSUED, BUSY = -1, 19
"""What became of the settings, while they are still under way."""
RUN, IDLE = 0x03, 0x00
"""Streaming, of USB and of the converters."""
RAW_SOURCE = 0xC0
AUTO_RANGE, OFF_RANGE = 0x80, 0x00
LOW_VOLTAGE = 0x02
"""The option that chooses 5 V rather than 15 V."""

_HEADER = Struct("<BBBxI")
_SETTINGS = Struct("<5B3x")
_EXTIO = Struct("<8BII")
_STATUS = Struct("<i")
_VERSION = 1


class Request(IntEnum):
    """What a control transfer is about."""

    SETTINGS = 3
    STATUS = 4
    SERIAL = 7
    CALIBRATION = 8
    EXTIO = 9
    INFO = 10


class Kind(IntEnum):
    """What the data of a control transfer are."""

    SETTINGS = 1
    STATUS = 2
    EXTIO = 3
    INFO = 4


class Settings(NamedTuple):
    """All that is measured, and how."""

    power: int
    """Of the sensor."""
    current_range: int
    """One bit: 0x01 for 10 A to 0x40 for 18 µA; `AUTO_RANGE`, `OFF_RANGE`."""
    source: int
    options: int
    streaming: int


class Extio(NamedTuple):
    """Inputs and outputs."""

    flags: int
    trigger: int
    current_lsb: int
    """What the lowest bit of the current's code is: 0 its own, 2 and 3 input 0 and 1."""
    voltage_lsb: int
    gpo0: int
    gpo1: int
    uart: int
    inputs: int
    """As they are: one bit each."""
    baud: int
    io_mv: int


def encode_settings(settings: Settings) -> bytes:
    """Return the 16 bytes that put settings into force.

    Examples
    --------
    >>> encode_settings(Settings(1, AUTO_RANGE, RAW_SOURCE, 0, RUN)).hex()
    '01100100000000000180c00003000000'
    """
    return _packet(Kind.SETTINGS, _SETTINGS.pack(*settings))


def decode_settings(data: bytes) -> Settings | None:
    """Return the settings in force; None where it is something else."""
    body = _body(data, Kind.SETTINGS, _SETTINGS.size)
    return None if body is None else Settings(*_SETTINGS.unpack(body))


def encode_extio(extio: Extio) -> bytes:
    """Return the 24 bytes that put inputs and outputs into force."""
    return _packet(Kind.EXTIO, _EXTIO.pack(*extio))


def decode_extio(data: bytes) -> Extio | None:
    """Return inputs and outputs as they are; None where it is something else."""
    body = _body(data, Kind.EXTIO, _EXTIO.size)
    return None if body is None else Extio(*_EXTIO.unpack(body))


def decode_status(data: bytes) -> int | None:
    """Return what became of the last settings: 0 for good, `NOT_ISSUED`, `BUSY`; None where it is something else.

    Examples
    --------
    >>> decode_status(bytes.fromhex("0118020000000000 1300000000000000 0000000000000000"))
    19
    """
    body = _body(data, Kind.STATUS, _STATUS.size)
    return None if body is None else int(_STATUS.unpack(body)[0])


def decode_info(data: bytes) -> Mapping[str, Any]:
    """Return what the instrument says of itself; older ones put a header before it. Nothing where it is no JSON.

    Examples
    --------
    >>> decode_info(b'{"ctl": {}}'), decode_info(b"?")
    ({'ctl': {}}, {})
    """
    text = data if data.startswith(b"{") else data[_HEADER.size :]
    try:
        found = json.loads(text.rstrip(b"\0"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _packet(kind: Kind, body: bytes) -> bytes:
    return _HEADER.pack(_VERSION, _HEADER.size + len(body), kind, 0) + body


def _body(data: bytes, kind: Kind, size: int) -> bytes | None:
    """Return the first bytes behind a packet's header; None where the header or the size is wrong."""
    if len(data) < _HEADER.size + size or data[:3] != bytes((_VERSION, len(data), kind)):
        return None
    return data[_HEADER.size : _HEADER.size + size]
