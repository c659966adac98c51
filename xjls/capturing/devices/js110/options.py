"""What a JS110 can be told, and what of it goes into its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from xjls.capturing.device import Setting
from xjls.capturing.devices.js110.wire import AUTO_RANGE, LOW_VOLTAGE, OFF_RANGE, RAW_SOURCE, Extio, Settings
from xjls.errors import SelectionError
from xjls.formats.jls1.suppression import Suppression

if TYPE_CHECKING:
    from collections.abc import Collection

KEEP = "keep"
SETTINGS = (
    Setting(
        name="current_range", default="auto",
        meaning="auto, 10 A, 2 A, 180 mA, 18 mA, 1.8 mA, 180 uA, 18 uA; off, which cuts the load off; keep",
    ),
    Setting(name="voltage_range", default="15 V", meaning="15 V, 5 V, or keep"),
    Setting(
        name="suppression", default="normal",
        meaning="of the current while ranges switch: normal, off, or MODE_PRE_WINDOW_POST as in mean_1_n_1",
    ),
    Setting(name="io_voltage", default=KEEP, meaning="of inputs and outputs: 1.8 to 5.0 V, off, or keep"),
    Setting(name="calibration", default="active", meaning="active or factory"),
    Setting(name="at_end", default=KEEP, meaning="keep the load powered, or off"),
)  # fmt: skip
CURRENT_RANGES = {
    "auto": AUTO_RANGE, "10 A": 0x01, "2 A": 0x02, "180 mA": 0x04, "18 mA": 0x08, "1.8 mA": 0x10, "180 uA": 0x20,
    "18 uA": 0x40, "off": OFF_RANGE,
}  # fmt: skip
VOLTAGE_RANGES = {"15 V": 0, "5 V": LOW_VOLTAGE}
IO_MV = {"off": 0} | {f"{mv / 1000:.1f} V": mv for mv in (1800, 2100, 2500, 2700, 3000, 3300, 3600, 5000)}
CALIBRATIONS = {"active": 1, "factory": 0}
INPUTS = {"gpi[0]": 2, "gpi[1]": 3}
"""What the lowest bit of a code is told to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for; None keeps what is in force."""

    current_range: int | None
    voltage_range: int | None
    suppression: Suppression
    io_mv: int | None
    calibration: int
    ends_off: bool
    inputs: frozenset[str] = frozenset()
    """Names of those that are recorded."""

    @classmethod
    def of(cls, told: Mapping[str, Any], signals: Collection[str]) -> Self:
        """Read settings, all of which are there.

        Raises
        ------
        SelectionError
            One of them has no such value; the message lists what there is.
        """
        return cls(
            current_range=_choice(told, "current_range", CURRENT_RANGES),
            voltage_range=_choice(told, "voltage_range", VOLTAGE_RANGES),
            suppression=Suppression.of(str(told["suppression"])),
            io_mv=_choice(told, "io_voltage", IO_MV),
            calibration=CALIBRATIONS[_key(told, "calibration", CALIBRATIONS)],
            ends_off=_key(told, "at_end", (KEEP, "off")) == "off",
            inputs=frozenset(INPUTS.keys() & set(signals)),
        )

    def settings(self, before: Settings | None) -> Settings:
        """Return what is to be in force, idle, where something is in force already, or where nobody knows."""
        current_range, options = (AUTO_RANGE, 0) if before is None else (before.current_range, before.options)
        if self.current_range is not None:
            current_range = self.current_range
        if self.voltage_range is not None:
            options = options & ~LOW_VOLTAGE | self.voltage_range
        return Settings(1, current_range, RAW_SOURCE, options & LOW_VOLTAGE, 0)

    def extio(self, before: Extio) -> Extio:
        """Return inputs and outputs as they are to be: only what was asked for is another."""
        maps = [INPUTS[name] if name in self.inputs else 0 for name in INPUTS]
        io_mv = before.io_mv if self.io_mv is None else self.io_mv
        return before._replace(current_lsb=maps[0], voltage_lsb=maps[1], io_mv=io_mv, inputs=0)


def named(value: int, names: Mapping[str, int]) -> str:
    """Return the name of a value.

    Examples
    --------
    >>> named(0x40, CURRENT_RANGES), named(3300, IO_MV), named(0x41, CURRENT_RANGES)
    ('18 uA', '3.3 V', '0x41')
    """
    return next((name for name, number in names.items() if number == value), f"0x{value:02x}")


def _choice(told: Mapping[str, Any], name: str, values: Mapping[str, int]) -> int | None:
    key = _key(told, name, (*values, KEEP))
    return None if key == KEEP else values[key]


def _key(told: Mapping[str, Any], name: str, keys: Collection[str]) -> str:
    """Return which of the keys was told, however it is spelled: ``1.8mA``, ``180 µA``, ``3.3``."""
    text = _plain(told[name])
    for key in keys:
        if text == _plain(key) or (_volts(text) is not None and _volts(text) == _volts(_plain(key))):
            return key
    raise SelectionError(f"{name}={told[name]!r} is none", f"Choose one of {', '.join(keys)}.")


def _plain(told: Any) -> str:
    return str(told).replace(" ", "").replace("µ", "u").replace("μ", "u").casefold()


def _volts(text: str) -> float | None:
    """Return the number of volts that a text is, with or without their sign."""
    try:
        return float(text.removesuffix("v"))
    except ValueError:
        return None
