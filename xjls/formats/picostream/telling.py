"""The attributes of a new file: those of the one that its signal comes from, word for word, if they are true of it.

Else what the signal says is put in their place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from xjls.errors import FormatError, SelectionError
from xjls.formats.picostream.attributes import MAX_ADC, decode_settings
from xjls.formats.picostream.extras import DATASET
from xjls.formats.picostream.opening import COUNTS, UNITS

if TYPE_CHECKING:
    from xjls.formats.picostream.attributes import Settings
    from xjls.model.annotation import Json
    from xjls.model.signal import Signal

_MOST_BYTES = 60_000
"""Of an attribute: HDF5 ends at 64 KiB."""
_MOST_NS = (1 << 63) - 1
_AGGREGATE = {
    "aggregate_format": "interleaved_min_max",
    "aggregate_description": "minimum and maximum of each timestep, one after the other",
}


@dataclass(frozen=True, slots=True)
class Told:
    """What a file says of itself."""

    root: dict[str, Any] = field(default_factory=dict)
    """Attributes of the file, as h5py takes them."""
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Those of groups, by their names."""
    left: dict[str, Json] = field(default_factory=dict)
    """Facts that are no attributes."""

    def place(self, n_values: int) -> tuple[int, int | None]:
        """Return the first sample id, and that from which seconds count, that a reader makes of a file of so many."""
        settings = self.settings()
        if settings is None or settings.total is None:
            return 0, None
        return max(settings.total - n_values, 0) // settings.values_per_step, 0

    def settings(self) -> Settings | None:
        """Return what a reader makes of it; None where that is nothing."""
        try:
            return decode_settings(self.root, self.groups, "")
        except FormatError:
            return None


def told_of(signal: Signal, *, paired: bool) -> Told:
    """Return what a file of a signal, or of a pair of which it is one, says of itself.

    Raises
    ------
    SelectionError
        PicoStream cannot say its units, rate or scale.

    Examples
    --------
    >>> from xjls.model.signal import Signal, Source
    >>> signal = Signal(id=1, name="a", units="mV", dtype=np.dtype("i2"), rate_hz=Fraction(10**6), scale_factor=0.5,
    ...                 source=Source(id=1, name="scope"), facts={"probe": "x10"})
    >>> told_of(signal, paired=False).root
    {'probe': 'x10', 'sample_interval_ns': 1000, 'hardware_downsample_ratio': 1, 'downsample_mode': 'average', \
'voltage_range_v': 16.3835, 'max_adc': 32767, 'analog_offset_v': 0.0, 'data_format_version': '2.0'}
    """
    if signal.units not in UNITS:
        raise SelectionError(
            f"{signal.name!r} is in {signal.units or 'no units'!r}, and PicoStream's files hold volts",
            f"Choose a signal in {' or '.join(UNITS)}, or write a Zarr store or a JLS file.",
        )
    told = _attributes(signal.facts)
    if (settings := told.settings()) is None or not _is_true(settings, signal, paired=paired):
        for key in (*_AGGREGATE, "interleaved_format"):
            told.root.pop(key, None)
        told.root.update(_described(signal, paired=paired))
    return told


def _is_true(settings: Settings, signal: Signal, *, paired: bool) -> bool:
    """Whether a reader would find the signal as it is."""
    unit, physical = UNITS[signal.units], (signal.scale_factor, signal.add_offset)
    found = [tuple(number * unit for number in settings.volts(sign)) for sign in ("subtract", "add")]
    alike = settings.rate_hz == signal.rate_hz and (settings.mode == "aggregate") == paired
    return alike and physical in found


def _described(signal: Signal, *, paired: bool) -> dict[str, Any]:
    """Return the attributes of the present format that say what a signal says."""
    unit = UNITS[signal.units]
    range_v, max_adc = _range(signal, signal.scale_factor / unit)
    return {
        "sample_interval_ns": _interval_ns(signal), "hardware_downsample_ratio": 1,
        "downsample_mode": "aggregate" if paired else "average", "voltage_range_v": range_v, "max_adc": max_adc,
        "analog_offset_v": -signal.add_offset / unit + 0.0, "data_format_version": "2.0",
        **(_AGGREGATE if paired else {}),
    }  # fmt: skip


def _interval_ns(signal: Signal) -> int:
    interval_ns = Fraction(10**9) / signal.rate_hz
    if interval_ns.denominator != 1 or interval_ns > _MOST_NS:
        raise SelectionError(
            f"samples of {signal.name!r} are {float(interval_ns):g} ns apart, and PicoStream keeps whole nanoseconds",
            'Resample it as a Dataset, set ds[name].attrs["sample_rate_hz"] to the nominal rate there, or write a Zarr'
            " store.",
        )
    return int(interval_ns)


def _range(signal: Signal, scale_v: float) -> tuple[float, int]:
    """Return volts and counts of full scale whose ratio is the scale, to the last bit: 32768 is a power of two."""
    if not scale_v > 0:
        raise SelectionError(
            f"{signal.name!r} has a scale of {signal.scale_factor:g}, and PicoStream's are above 0",
            "Write a Zarr store or a JLS file.",
        )
    return next(
        (scale_v * most, most) for most in (MAX_ADC, MAX_ADC + 1) if scale_v * most / most == scale_v or most > MAX_ADC
    )


def _attributes(facts: Mapping[str, Json]) -> Told:
    """Return facts as attributes, those of groups by ``group/name``, and what cannot be one."""
    told = Told()
    for name, value in facts.items():
        group, slash, key = name.rpartition("/")
        attribute = _attribute(value)
        misplaced = "/" in group or bool(slash) != bool(group) or group in (COUNTS, DATASET)
        if attribute is None or not key or misplaced or not _is_text(name):
            told.left[name] = value
        elif group:
            told.groups.setdefault(group, {})[key] = attribute
        else:
            told.root[key] = attribute
    return told


def _attribute(value: Json) -> Any:
    """Return a value as h5py keeps it, so that it comes back equal; None where it would not."""
    if value is None:
        return h5py.Empty("f8")
    if isinstance(value, str):
        return value if _is_text(value) else None
    try:
        array = np.asarray(value)
        same = json.dumps(array.tolist()) == json.dumps(value)
    except (ValueError, TypeError):
        return None
    if not same or array.dtype.kind not in "biufU" or max(array.nbytes, 16 * array.size) > _MOST_BYTES:
        return None
    if array.dtype.kind == "U":
        return array.astype(h5py.string_dtype()) if all(map(_is_text, array.ravel().tolist())) else None
    return array if isinstance(value, list) else value


def _is_text(text: str) -> bool:
    """Whether HDF5 has such a text: no zeros, and no halves of characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
