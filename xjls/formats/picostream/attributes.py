"""The attributes of a file, of any vintage: what its counts mean. Told by the keys there are, never by a version."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, TypeAlias

import numpy as np

from xjls.errors import FormatError, SelectionError

Attributes: TypeAlias = Mapping[str, Any]
Mode: TypeAlias = Literal["average", "aggregate"]
OffsetSign: TypeAlias = Literal["subtract", "add"]

RANGES_V = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
"""By the driver's number of a range."""
MAX_ADC, MAX_ADC_8_BIT = 32767, 32512
"""The count of full scale: the driver scales counts to 16 bits at every resolution."""
_PLACEHOLDERS = (2560, 80)
"""Samples and nanoseconds that the oldest files have, whatever was captured."""
_FLAT = ("sample_interval_ns", "voltage_range_v")
_GROUPED = ("timeIntervalns", "chARange", "maxADC")
_GROUP = "metadata"
_MOST_RATIO = 1 << 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a file was captured."""

    interval_ns: Fraction
    """Between two samples of the converter, before the scope's own downsampling."""
    ratio: int
    """Samples of the converter in a timestep of the file."""
    mode: Mode
    """One value a timestep, or a pair of minimum and maximum."""
    range_v: float
    """Full scale, to one side."""
    max_adc: int
    """The count of full scale."""
    offset_v: float
    """What the scope added to the input."""
    resolution: str
    """As the driver calls it; empty where the file does not say."""
    total: int | None
    """Values in all, those that were dropped again included, as `adc_counts` counts them; None where nothing tells."""
    live_only: bool
    """Whether the file keeps its last seconds only, as far as it says so."""
    notes: tuple[str, ...] = ()
    """What had to be assumed."""

    @property
    def rate_hz(self) -> Fraction:
        """Timesteps a second."""
        return Fraction(10**9) / (self.interval_ns * self.ratio)

    @property
    def values_per_step(self) -> int:
        """Values of a timestep."""
        return 2 if self.mode == "aggregate" else 1

    def volts(self, sign: OffsetSign) -> tuple[float, float]:
        """Return factor and offset: volts are counts × the one + the other.

        Examples
        --------
        >>> found = decode_settings({"sample_interval_ns": 16, "voltage_range_v": 2.0, "max_adc": 32000,
        ...                          "analog_offset_v": 0.5}, {}, "run.hdf5")
        >>> found.volts("subtract"), found.volts("add")
        ((6.25e-05, -0.5), (6.25e-05, 0.5))
        """
        if sign not in ("subtract", "add"):
            raise SelectionError(f"offset_sign={sign!r} is no way to treat the offset", 'Choose "subtract" or "add".')
        return self.range_v / self.max_adc, (self.offset_v if sign == "add" else -self.offset_v) + 0.0


def decode_settings(
    root: Attributes, groups: Mapping[str, Attributes], path: str, *, max_adc: int | None = None,
    sample_interval_ns: float | None = None,
) -> Settings:  # fmt: skip
    """Return what the attributes of a file say.

    Parameters
    ----------
    root, groups
        The attributes of the file, and of each group in it.
    path
        For messages.
    max_adc, sample_interval_ns
        What the caller knows better.

    Raises
    ------
    FormatError
        One that is needed is missing, or is no number that makes sense.

    Examples
    --------
    >>> oldest = {"metadata": {"cmaxSamples": 2560, "timeIntervalns": 80, "chARange": 7, "maxADC": 32512}}
    >>> found = decode_settings({}, oldest, "run.hdf5")
    >>> found.range_v, int(found.rate_hz), found.notes[0].partition(":")[0]
    (2.0, 12500000, 'the interval may be another')
    """
    notes: list[str] = []
    if all(key in root for key in _FLAT):
        found = _Numbers(root, path)
        interval = found.interval("sample_interval_ns", sample_interval_ns)
        range_v = found.positive("voltage_range_v")
        adc_key = "max_adc"
    elif _GROUP in groups and all(key in groups[_GROUP] for key in _GROUPED[:2]):
        found = _Numbers(groups[_GROUP], path)
        interval = found.interval("timeIntervalns", sample_interval_ns)
        range_v = found.range_v("chARange")
        adc_key = "maxADC"
        if sample_interval_ns is None and (found.plain("cmaxSamples"), found.plain("timeIntervalns")) == _PLACEHOLDERS:
            notes.append(
                "the interval may be another: files of this age say 80 ns whatever was captured; open with"
                ' format_options={"sample_interval_ns": …}'
            )
    else:
        there = ", ".join(map(str, root)) or "none"
        missing = ", ".join(key for key in _FLAT if key not in root)
        raise FormatError(
            f"the attributes that tell what counts mean are missing: {missing} (there are: {there})", path,
            remedy="Was it written by PicoStream? Add them with h5py to a copy of the file.",
        )  # fmt: skip
    ratio = found.ratio("hardware_downsample_ratio")
    if max((interval * ratio).as_integer_ratio()) >> 63:
        raise FormatError(
            "the time between its samples has more digits than 64 bits hold", path,
            remedy='Say what it is: format_options={"sample_interval_ns": …}.',
        )  # fmt: skip
    resolution = found.text("resolution")
    full_scale, assumed = _full_scale(found, adc_key, resolution, max_adc)
    total, total_note = _total(root)
    mode, mode_note = _mode(found)
    live_only = total is not None or any(_tells_of_live_only(key, value) for key, value in root.items())
    notes += [note for note in (assumed, total_note, mode_note) if note]
    if live_only and total is None:
        notes.append("the time origin is unknown: the file keeps its last seconds only, and not how many came before")
    return Settings(
        interval_ns=interval, ratio=ratio, mode=mode, range_v=range_v,
        max_adc=full_scale, offset_v=found.number("analog_offset_v", 0.0), resolution=resolution, total=total,
        live_only=live_only, notes=tuple(notes),
    )  # fmt: skip


class _Numbers:
    """Attributes as numbers that make sense; names the one that does not."""

    def __init__(self, attributes: Attributes, path: str) -> None:
        self._attributes = attributes
        self._path = path

    def plain(self, key: str) -> Any:
        """Return an attribute as Python has it; None where it is missing or no single value."""
        value = self._attributes.get(key)
        if isinstance(value, np.ndarray) and value.size == 1:
            value = value.reshape(-1)[0]
        return value.item() if isinstance(value, np.generic) else value

    def text(self, key: str) -> str:
        value = self.plain(key)
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) if value is not None else ""

    def number(self, key: str, default: float) -> float:
        if key not in self._attributes:
            return default
        value = self.plain(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self._nonsense(key, "a finite number")
        return float(value)

    def positive(self, key: str) -> float:
        if not (value := self.number(key, math.nan)) > 0:
            raise self._nonsense(key, "a number above 0")
        return value

    def interval(self, key: str, better: float | None) -> Fraction:
        if better is not None:
            if not (math.isfinite(better) and better > 0):
                raise SelectionError(f"sample_interval_ns={better!r} is no interval", "Give nanoseconds above 0.")
            return Fraction(str(better))
        self.positive(key)
        return Fraction(str(self.plain(key)))

    def whole(self, key: str, most: int) -> int:
        value = self.positive(key)
        if value != int(value) or value > most:
            raise self._nonsense(key, f"a whole number from 1 to {most:_}")
        return int(value)

    def ratio(self, key: str) -> int:
        return self.whole(key, _MOST_RATIO) if key in self._attributes else 1

    def range_v(self, key: str) -> float:
        which = self.number(key, math.nan)
        if which not in range(len(RANGES_V)):
            raise self._nonsense(key, f"the number of a range, 0 to {len(RANGES_V) - 1}")
        return RANGES_V[int(which)]

    def has(self, key: str) -> bool:
        return key in self._attributes

    def _nonsense(self, key: str, expected: str) -> FormatError:
        return FormatError(
            f"its attribute {key!r} is {self._attributes.get(key)!r}, expected {expected}", self._path,
            remedy="Put it right with h5py in a copy of the file.",
        )  # fmt: skip


def _full_scale(found: _Numbers, key: str, resolution: str, better: int | None) -> tuple[int, str]:
    """Return the count of full scale, and what was assumed for it."""
    if better is not None:
        if better < 1:
            raise SelectionError(f"max_adc={better!r} is no count of full scale", "Give one from 1 on.")
        return int(better), ""
    if found.has(key):
        return found.whole(key, 1 << 31), ""
    assumed = MAX_ADC_8_BIT if resolution.endswith("_8BIT") else MAX_ADC
    return assumed, f"full scale is taken to be {assumed} counts, which the file does not say"


def _mode(found: _Numbers) -> tuple[Mode, str]:
    """Return how timesteps are stored."""
    said = found.text("downsample_mode")
    if said == "aggregate" or found.plain("interleaved_format") is True or found.has("aggregate_format"):
        return "aggregate", ""
    note = "" if said in ("", "average") else f"the downsampling mode {said!r} is not known: one value a timestep"
    return "average", note


def _total(root: Attributes) -> tuple[int | None, str]:
    """Return the values in all that a live-only file tells, by any name that says so."""
    told = {}
    for key, value in root.items():
        name = key.lower()
        if "total" in name and "sample" in name.partition("total")[2] + name.partition("total")[0]:
            number = value.item() if isinstance(value, np.generic) else value
            if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 1 << 62:
                told[key] = number
    if len(set(told.values())) > 1:
        return None, f"{' and '.join(told)} differ: which are the samples in all is not known"
    return (next(iter(told.values())), "") if told else (None, "")


def _tells_of_live_only(key: str, value: Any) -> bool:
    name = key.lower()
    return ("live" in name or "buff" in name) and bool(np.any(value)) if not isinstance(value, str) else "live" in name


def plain_facts(root: Attributes, groups: Mapping[str, Attributes]) -> dict[str, Any]:
    """Return all attributes as JSON has them, those of groups by ``group/name``.

    Examples
    --------
    >>> plain_facts({"max_adc": np.int64(32767), "ok": np.True_}, {"metadata": {"chARange": np.array([7])}})
    {'max_adc': 32767, 'ok': True, 'metadata/chARange': [7]}
    """
    named = dict(root) | {f"{group}/{key}": value for group, own in groups.items() for key, value in own.items()}
    return {str(key): _plain(value) for key, value in named.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return value if isinstance(value, bool | int | float | str) or value is None else str(value)
