"""What is asked of a scope: settings in words made the driver's numbers, or refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from xjls.capturing.device import Request, Setting
from xjls.capturing.devices.ps5000a.words import (
    BANDWIDTHS,
    CHANNELS,
    COUPLINGS,
    MODES,
    NS_UNIT,
    RESOLUTIONS,
    UNITS_HZ,
)
from xjls.errors import SelectionError
from xjls.formats.picostream.attributes import RANGES_V
from xjls.model.annotation import Json

UNASKED_HZ = Fraction(6_250_000)
"""The converter's rate where none is asked for: 160 ns, which every resolution has."""
_OF_A_CHANNEL: dict[str, Json] = {"range": "20 V", "coupling": "DC", "offset": 0.0, "bandwidth": "full"}
_MEANINGS = {
    "range": "to one side, 10 mV … 50 V", "coupling": "DC or AC", "offset": "in volts, added to the input",
    "bandwidth": "full or 20 MHz",
}  # fmt: skip
SETTINGS = (
    Setting(name="resolution", default=12, meaning="bits: 8, 12, 14, 15 or 16"),
    *(Setting(name=name, default=default, meaning=_MEANINGS[name]) for name, default in _OF_A_CHANNEL.items()),
    *(
        Setting(name=f"{name}_{letter}", default=None, meaning=f"of channel {letter} alone")
        for letter in CHANNELS
        for name in _OF_A_CHANNEL
    ),
    Setting(name="mode", default="none", meaning="what it makes of several: none, average, aggregate, decimate"),
    Setting(name="ratio", default=1, meaning="of how many samples of the converter it makes one"),
    Setting(name="buffer_s", default=0.5, meaning="seconds of samples that the driver's buffer holds"),
    Setting(name="on_stall", default="end", meaning="when samples are lost uncounted: end, or go_on"),
)  # fmt: skip
ON_STALL = ("end", "go_on")
_MOST_RATIO = 1 << 24
_MOST_BUFFERED = (1 << 31) - 1
_MOST_INTERVAL = (1 << 32) - 1
_VOLTS = re.compile(r"\s*([\d.]+)\s*(mV|V|)\s*")
_UNIT_V = {"V": Fraction(1), "": Fraction(1), "mV": Fraction(1, 1000)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One input and how it is set."""

    letter: str
    range: int
    """The driver's number."""
    coupling: int
    offset_v: float
    bandwidth: int

    @property
    def name(self) -> str:
        """Of its signal."""
        return f"channel_{self.letter}"

    @property
    def number(self) -> int:
        """The driver's."""
        return CHANNELS.index(self.letter)

    @property
    def range_v(self) -> float:
        """Full scale, to one side."""
        return RANGES_V[self.range]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """All that a scope is told."""

    channels: tuple[Channel, ...]
    resolution: int
    """Bits."""
    mode: str
    ratio: int
    rate_hz: Fraction
    """Of what is delivered."""
    buffer_s: float
    on_stall: str

    @classmethod
    def of(cls, request: Request) -> Setup:
        """Return what a request asks for; refuse what makes no sense."""
        told = request.settings
        mode, ratio = _choice("mode", told["mode"], tuple(MODES)), _ratio(told["ratio"])
        if (mode == "none") != (ratio == 1):
            raise SelectionError(
                f"mode={mode!r} does not go with ratio={ratio}", "Give both, as mode=average and ratio=16, or neither."
            )
        return cls(
            channels=_channels(request.signals, told),
            resolution=_choice("resolution", told["resolution"], RESOLUTIONS),
            mode=mode,
            ratio=ratio,
            rate_hz=request.rate_hz or UNASKED_HZ / ratio,
            buffer_s=_above_0("buffer_s", told["buffer_s"]),
            on_stall=_choice("on_stall", told["on_stall"], ON_STALL),
        )

    @property
    def interval(self) -> tuple[int, int]:
        """The converter's interval, and its unit by the driver's number; see `interval_of`."""
        return interval_of(1 / (self.rate_hz * self.ratio))

    @property
    def buffered(self) -> int:
        """Samples in the driver's buffer of a channel."""
        n = int(self.rate_hz * Fraction(str(self.buffer_s))) + 1
        if n > _MOST_BUFFERED:
            raise SelectionError(f"buffer_s={self.buffer_s} makes buffers of {n:_} samples", "Choose a shorter one.")
        return n


def interval_of(seconds: Fraction) -> tuple[int, int]:
    """Return an interval in whole units, and the unit by the driver's number: ns, or finer where that is not exact.

    What is exact in no unit is rounded in the finest that has room for it.

    Examples
    --------
    >>> interval_of(1 / Fraction(62_500_000)), interval_of(Fraction(128, 10**10)), interval_of(Fraction(1, 3 * 10**6))
    ((16, 2), (12800, 1), (333333333, 0))
    >>> interval_of(Fraction(60))
    (60000000, 3)
    """
    there = [
        (value, unit) for unit, unit_hz in enumerate(UNITS_HZ) if 1 <= (value := seconds * unit_hz) <= _MOST_INTERVAL
    ]
    exact = [(int(value), unit) for value, unit in there if value.denominator == 1]
    fine = [(value, unit) for value, unit in exact if unit <= NS_UNIT]
    if fine or exact:
        return fine[-1] if fine else exact[0]
    if not there:
        raise SelectionError(
            f"{float(seconds):g} s from sample to sample is none that a scope has", "Choose another rate."
        )
    value, unit = there[0]
    return round(value), unit


def _channels(names: Sequence[str] | None, told: Mapping[str, Any]) -> tuple[Channel, ...]:
    there = [f"channel_{letter}" for letter in CHANNELS]
    names = there[:1] if names is None else names
    if unknown := [name for name in names if name not in there]:
        raise SelectionError(f"a PicoScope has no signal {unknown[0]!r}", f"Signals: {', '.join(there)}.")
    if not names:
        raise SelectionError("no signals were asked for", f"Signals: {', '.join(there)}.")
    return tuple(_channel(letter, told) for letter in CHANNELS if f"channel_{letter}" in names)


def _channel(letter: str, told: Mapping[str, Any]) -> Channel:
    own = {name: told[name] if told[f"{name}_{letter}"] is None else told[f"{name}_{letter}"] for name in _OF_A_CHANNEL}
    return Channel(
        letter=letter, range=_range(own["range"]), offset_v=_number("offset", own["offset"]),
        coupling=COUPLINGS.index(_choice("coupling", own["coupling"], COUPLINGS)),
        bandwidth=BANDWIDTHS.index(_choice("bandwidth", own["bandwidth"], BANDWIDTHS)),
    )  # fmt: skip


def _range(value: Any) -> int:
    """Return the number of a range, of volts or a text.

    Examples
    --------
    >>> _range("500 mV"), _range(20), _range("2V")
    (5, 10, 7)
    """
    found = _VOLTS.fullmatch(str(value))
    try:
        return RANGES_V.index(float(Fraction(found[1]) * _UNIT_V[found[2]] if found else value))
    except (ValueError, TypeError):
        there = ", ".join(f"{volts:g} V" for volts in RANGES_V)
        raise SelectionError(f"there is no range {value!r}", f"Ranges: {there}.") from None


def _choice(name: str, value: Any, there: Sequence[Any]) -> Any:
    if value not in there:
        raise SelectionError(f"{name}={value!r} is none", f"Choose one of {', '.join(map(str, there))}.")
    return value


def _ratio(value: Any) -> int:
    if not isinstance(value, int) or not 1 <= value <= _MOST_RATIO:
        raise SelectionError(f"ratio={value!r} is none", f"Give a whole number from 1 to {_MOST_RATIO:_}.")
    return value


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SelectionError(f"{name}={value!r} is no number", "Give one in volts.")
    return float(value)


def _above_0(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise SelectionError(f"{name}={value!r} is no length of time", "Give seconds, above 0.")
    return float(value)
