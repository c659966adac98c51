"""The attributes of a file, of any vintage: what its counts mean. Told by the keys there are, never by a version."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from numbers import Real
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from xjls.errors import FormatError, SelectionError

Attributes: TypeAlias = Mapping[str, Any]
Mode: TypeAlias = Literal["average", "aggregate"]
OffsetSign: TypeAlias = Literal["subtract", "add"]

RANGES_V = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
"""By the driver's number of a range."""
MAX_ADC, MAX_ADC_8_BIT = 32767, 32512
"""The count of full scale: the driver scales counts to 16 bits at every resolution."""
LOST = -32768
"""What drivers mark lost data with: no count."""
MARKED = "marked as lost by the driver"
"""Why such samples are missing."""
_PLACEHOLDERS = (2560, 80)
"""Samples and nanoseconds that the oldest files have, whatever was captured."""
_FLAT = ("sample_interval_ns", "voltage_range_v")
_GROUPED = ("timeIntervalns", "chARange")
_GROUP = "metadata"
_MOST_RATIO = 1 << 40
_NO = ("", "no", "false", "0", "0.0")


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
    at_root = _Numbers(root, path)
    if all(key in root for key in _FLAT):
        scale = _flat(at_root, sample_interval_ns)
    elif _GROUP in groups and all(key in groups[_GROUP] for key in _GROUPED):
        scale = _grouped(_Numbers(groups[_GROUP], path), sample_interval_ns)
    else:
        raise _nothing_told(root, path)
    found = scale.attributes
    ratio = found.ratio("hardware_downsample_ratio")
    if max((scale.interval_ns * ratio).as_integer_ratio()) >> 63:
        raise FormatError(
            "the time between its samples has more digits than 64 bits hold", path,
            remedy='Say what it is: format_options={"sample_interval_ns": …}.',
        )  # fmt: skip
    resolution = found.text("resolution")
    full_scale, assumed = _full_scale(found, scale.adc_key, resolution, max_adc)
    mode, mode_note = _mode(found)
    total, total_note = _total(at_root)
    live_only, live_note = _live_only(at_root, total)
    return Settings(
        interval_ns=scale.interval_ns, ratio=ratio, mode=mode, range_v=scale.range_v,
        max_adc=full_scale, offset_v=found.number("analog_offset_v", 0.0), resolution=resolution, total=total,
        live_only=live_only, notes=tuple(filter(None, (scale.note, assumed, total_note, mode_note, live_note))),
    )  # fmt: skip


class _Scale(NamedTuple):
    """What files of every vintage tell, each in its own words."""

    attributes: _Numbers
    """Where the rest is told."""
    interval_ns: Fraction
    range_v: float
    adc_key: str
    """By which the count of full scale is told."""
    note: str = ""


def _flat(root: _Numbers, interval_ns: float | None) -> _Scale:
    interval = root.interval("sample_interval_ns", interval_ns)
    return _Scale(root, interval, root.positive("voltage_range_v"), "max_adc")


def _grouped(group: _Numbers, interval_ns: float | None) -> _Scale:
    said = group.plain("cmaxSamples"), group.plain("timeIntervalns")
    note = (
        "the interval may be another: files of this age say 80 ns whatever was captured; open with"
        ' format_options={"sample_interval_ns": …}'
    )
    return _Scale(
        group, group.interval("timeIntervalns", interval_ns), group.range_v("chARange"), "maxADC",
        note if interval_ns is None and said == _PLACEHOLDERS else "",
    )  # fmt: skip


def _nothing_told(root: Attributes, path: str) -> FormatError:
    there = ", ".join(map(str, root)) or "none"
    missing = ", ".join(key for key in _FLAT if key not in root)
    return FormatError(
        f"the attributes that tell what counts mean are missing: {missing} (there are: {there})", path,
        remedy="Was it written by PicoStream? Add them with h5py to a copy of the file.",
    )  # fmt: skip


class _Numbers:
    """Attributes as numbers that make sense; names the one that does not."""

    def __init__(self, attributes: Attributes, path: str) -> None:
        self.keys = tuple(attributes)
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
        if not _is_number(value) or not math.isfinite(value):
            raise self._nonsense(key, "a finite number")
        return float(value)

    def positive(self, key: str) -> float:
        if not (value := self.number(key, math.nan)) > 0:
            raise self._nonsense(key, "a number above 0")
        return value

    def interval(self, key: str, better: float | None) -> Fraction:
        if better is not None:
            if not _is_number(better) or not 0 < better < math.inf:
                raise SelectionError(f"sample_interval_ns={better!r} is no interval", "Give a number of ns above 0.")
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


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _full_scale(found: _Numbers, key: str, resolution: str, better: int | None) -> tuple[int, str]:
    """Return the count of full scale, and what was assumed for it."""
    if better is not None:
        if not _is_number(better) or not 1 <= better < math.inf or better != int(better):
            raise SelectionError(f"max_adc={better!r} is no count of full scale", "Give a whole number from 1 on.")
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


def totals(root: Attributes) -> dict[str, int]:
    """Return the attributes that tell the values in all, as live-only files have one, by any name that says so.

    Examples
    --------
    >>> totals({"total_samples": 5000, "max_adc": 32767})
    {'total_samples': 5000}
    """
    return _totals(_Numbers(root, ""))


def _totals(root: _Numbers) -> dict[str, int]:
    told: dict[str, int] = {}
    for key in root.keys:
        name, number = key.lower(), root.plain(key)
        if "total" not in name or "sample" not in name or not _is_number(number):
            continue
        if 0 <= number < 1 << 62 and number == int(number):
            told[key] = int(number)
    return told


def _total(root: _Numbers) -> tuple[int | None, str]:
    """Return the values in all that a live-only file tells, unless its attributes contradict each other."""
    told = _totals(root)
    if len(set(told.values())) > 1:
        return None, f"{' and '.join(told)} differ: which are the samples in all is not known"
    return (next(iter(told.values())), "") if told else (None, "")


def _live_only(root: _Numbers, total: int | None) -> tuple[bool, str]:
    """Return whether the file keeps its last seconds only, as far as anything in it says so."""
    if total is not None:
        return True, ""
    if any(_is_of_live_only(key) and root.text(key).strip().lower() not in _NO for key in root.keys):
        return True, "the time origin is unknown: the file keeps its last seconds only, and not how many came before"
    return False, ""


def _is_of_live_only(key: str) -> bool:
    """Whether a name is one such as ``live_only`` or ``max_buff_sec``.

    Examples
    --------
    >>> [_is_of_live_only(name) for name in ("live_only", "max_buff_sec", "delivered", "buffers", "buffer_size")]
    [True, True, False, False, False]
    """
    words = set(re.split("[^a-z]+", key.lower()))
    return "live" in words or bool(words & {"buff", "buffer"} and words & {"sec", "max"})


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
