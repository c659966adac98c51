"""What turns the codes of a JS110's converters into amperes and volts: `Calibration`, and its bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from xjls.errors import CorruptError, UnsupportedError
from xjls.formats.jls1.datafile import (
    Header,
    Record,
    Tag,
    decode_header,
    encode_datafile,
    encode_header,
    iter_records,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

CURRENT_RANGES = 7
"""10 A, 2 A, 180 mA, 18 mA, 1.8 mA, 180 µA, 18 µA."""
VOLTAGE_RANGES = 2
"""15 V, 5 V."""
PRODUCT = "1.1.1"
_SERIAL_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Offset and gain of every range: value = (code + offset) × gain, in float32.

    Where there are too few numbers the last one stands for the rest, as in the oldest files; there may be more.

    Examples
    --------
    >>> calibration = Calibration(current_gain=(0.5, 0.25), serial_number="00" * 16)
    >>> calibration.current_gain
    (0.5, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25)
    >>> Calibration.decode(calibration.encode()) == calibration
    True
    """

    current_offset: tuple[float, ...] = (0.0,)
    """In steps of the converter, for ranges 0 to 6."""
    current_gain: tuple[float, ...] = (1.0,)
    """A a step."""
    voltage_offset: tuple[float, ...] = (0.0,)
    """For ranges 0 and 1."""
    voltage_gain: tuple[float, ...] = (1.0,)
    """V a step."""
    serial_number: str = "00" * _SERIAL_BYTES
    """Of the instrument's controller, 32 hexadecimal digits."""
    version: str = "1.0.0"
    time: str = "2018-01-01T00:00:00+00:00"
    """When it was made, in ISO 8601."""
    is_signed: bool = False
    """Whether a signature came with it; nothing here verifies one."""

    def __post_init__(self) -> None:
        for name in ("current_offset", "current_gain", "voltage_offset", "voltage_gain"):
            count = CURRENT_RANGES if name.startswith("current") else VOLTAGE_RANGES
            object.__setattr__(self, name, _completed(getattr(self, name), count))

    @classmethod
    def decode(cls, data: bytes, path: str = "") -> Self:
        """Decode a container with a calibration, as instruments and recordings have it.

        Raises
        ------
        FormatError
            It is none, or damaged: where, and how.
        """
        records = iter_records(data, path)
        first = _next(records, path)
        signed = first.tag == Tag.SIGNATURE_START
        header = _next(records, path) if signed else first
        if header.tag != Tag.HEADER:
            raise CorruptError(f"the calibration begins with {_named(header)}, expected HDR", path, header.offset)
        decode_header(header, path)
        found = _next(records, path)
        if found.tag not in (Tag.DATA_JSON, Tag.OLD_CALIBRATION):
            raise CorruptError(f"the calibration holds {_named(found)}, expected AJS or CJS", path, found.offset)
        closing = [record.tag for record in records]
        try:
            facts = _facts(found, path)
            return cls._of(facts, signed and Tag.SIGNATURE in closing)
        except UnsupportedError:
            raise
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
            why = f"{type(error).__name__}: {error}"
            raise CorruptError(f"the calibration's numbers cannot be read ({why})", path, found.offset) from None

    @classmethod
    def _of(cls, facts: Mapping[str, Any], signed: bool) -> Self:
        """Make one of what its JSON says."""
        current, voltage = facts["current"], facts["voltage"]
        return cls(
            current_offset=tuple(current["offset"]), current_gain=tuple(current["gain"]),
            voltage_offset=tuple(voltage["offset"]), voltage_gain=tuple(voltage["gain"]),
            serial_number=str(facts["serial_number"]), version=str(facts["version"]), time=str(facts["time"]),
            is_signed=signed,
        )  # fmt: skip

    def encode(self) -> bytes:
        """Return a container with this calibration, without a signature."""
        header = Header(0, _version_number(self.version), 1, 1, 1, 0, bytes.fromhex(self.serial_number))
        facts = {
            "version": self.version,
            "time": self.time,
            "timestamp": "0",
            "product_name": "Joulescope JS110",
            "vendor_name": "Jetperch LLC",
            "subtype_name": "Calibration",
            "product": PRODUCT,
            "serial_number": self.serial_number,
            "voltage": {"offset": self.voltage_offset, "gain": self.voltage_gain},
            "current": {
                "offset": [*self.current_offset, 0.0, math.nan],
                "gain": [*self.current_gain, 0.0, math.nan],
            },
        }
        return encode_datafile([(Tag.HEADER, encode_header(header)), (Tag.DATA_JSON, json.dumps(facts).encode())])

    @property
    def data(self) -> bytes:
        """The bytes of a container with it, as Joulescope's classes take it."""
        return self.encode()

    def facts(self) -> dict[str, Any]:
        """Return what it says, as JSON can hold it.

        Examples
        --------
        >>> Calibration(voltage_gain=(0.5, 0.25)).facts()["voltage"]
        {'offset': [0.0, 0.0], 'gain': [0.5, 0.25]}
        """
        return {
            "serial_number": self.serial_number, "version": self.version, "time": self.time,
            "current": {"offset": list(self.current_offset), "gain": list(self.current_gain)},
            "voltage": {"offset": list(self.voltage_offset), "gain": list(self.voltage_gain)},
        }  # fmt: skip

    def scales(self) -> NDArray[np.float32]:
        """Return offsets and gains, f32[2, 12]: current ranges 0 to 6, off, missing; voltage ranges 0, 1, unknown."""
        offsets = [*self.current_offset, 0.0, math.nan, *self.voltage_offset, math.nan]
        gains = [*self.current_gain, 0.0, math.nan, *self.voltage_gain, math.nan]
        return np.array([offsets, gains], np.float32)


def _facts(record: Record, path: str) -> Mapping[str, Any]:
    """Return what the JSON of a calibration says."""
    facts: Mapping[str, Any] = json.loads(record.value)
    if (product := facts["product"]) != PRODUCT:
        problem = f"the calibration is for product {product!r}, and xjls reads {PRODUCT!r}"
        raise UnsupportedError(problem, path, record.offset)
    return facts


def _completed(numbers: Sequence[float], count: int) -> tuple[float, ...]:
    """Return so many float32 numbers."""
    if not len(numbers) or any(isinstance(number, bool | str) for number in numbers):
        raise TypeError(f"{numbers!r} are not numbers of {count} ranges")
    with np.errstate(over="ignore"):
        found = [float(np.float32(float(number))) for number in numbers[:count]]
    return (*found, *[found[-1]] * (count - len(found)))


def _version_number(text: str) -> int:
    major, minor, patch = (int(part) for part in text.split("."))
    return (major & 0xFF) << 24 | (minor & 0xFF) << 16 | patch & 0xFFFF


def _next(records: Iterator[Record], path: str) -> Record:
    record = next(records, None)
    if record is None:
        raise CorruptError("the calibration ends before its numbers", path)
    return record


def _named(record: Record) -> str:
    return record.tag.decode("ascii", "replace")
