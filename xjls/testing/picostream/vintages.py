"""What PicoStream files of each age say of themselves: the attributes of the file, or of its group ``metadata``.

A vintage is told by the keys that are there: no key of a vintage says which one it is, and its version words mislead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Vintage: TypeAlias = Literal["F0", "F1", "F2", "F3", "F4", "F5"]
Mode: TypeAlias = Literal["average", "aggregate"]
VINTAGES: tuple[Vintage, ...] = ("F0", "F1", "F2", "F3", "F4", "F5")
RANGES_V = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
"""Single-sided ranges in volts, in the order of the driver's numbers."""
CONSTANT_SAMPLES = 2560
"""What F0 says of its length, whatever it is."""
CONSTANT_INTERVAL_NS = 80
"""What F0 says of its interval, whatever it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """How samples were taken; a None stays out of the file."""

    mode: Mode = "average"
    ratio: int | None = 1
    """Raw samples a timestep stands for."""
    interval_ns: Any = 16
    """Between raw samples, in ns."""
    range_v: Any = 2.0
    """Single-sided: 2.0 is ±2 V."""
    max_adc: Any = 32767
    """Counts at the end of the range."""
    offset_v: Any = 0.0
    resolution: str | None = "PS5000A_DR_12BIT"

    @property
    def values_per_step(self) -> int:
        """Values in the dataset for each moment: two where a minimum and a maximum alternate."""
        return 2 if self.mode == "aggregate" else 1


def group_of(vintage: Vintage, capture: Capture, length: int) -> dict[str, Any]:
    """Return what the group ``metadata`` says: the oldest files have one, later ones none.

    Examples
    --------
    >>> group_of("F0", Capture(range_v=5.0), 10_000)
    {'cmaxSamples': 2560, 'timeIntervalns': 80, 'chARange': 8, 'maxADC': 32767}
    >>> group_of("F5", Capture(), 10_000)
    {}
    """
    if vintage not in ("F0", "F1"):
        return {}
    is_constant = vintage == "F0"
    said = {
        "cmaxSamples": CONSTANT_SAMPLES if is_constant else length,
        "timeIntervalns": CONSTANT_INTERVAL_NS if is_constant else capture.interval_ns,
        "chARange": RANGES_V.index(capture.range_v) if capture.range_v in RANGES_V else capture.range_v,
        "maxADC": capture.max_adc,
    }
    return _known(said)


def attributes_of(vintage: Vintage, capture: Capture) -> dict[str, Any]:
    """Return the root attributes of a vintage.

    Examples
    --------
    >>> attributes_of("F2", Capture())
    {'sample_interval_ns': 16, 'voltage_range_v': 2.0, 'max_adc': 32767}
    >>> sorted(set(attributes_of("F5", Capture())) - set(attributes_of("F4", Capture())))
    ['analog_offset_v', 'max_adc']
    """
    if vintage in ("F0", "F1"):
        return {}
    said: dict[str, Any] = {"sample_interval_ns": capture.interval_ns, "voltage_range_v": capture.range_v}
    if vintage != "F4":
        said["max_adc"] = capture.max_adc
    is_aggregate = capture.mode == "aggregate"
    if vintage != "F2" or is_aggregate or capture.ratio != 1:
        said |= {"hardware_downsample_ratio": capture.ratio, "downsample_mode": capture.mode}
    if vintage == "F2":
        return _known(said)
    said |= {"resolution": capture.resolution, "channel_a_coupling": "PS5000A_DC"}
    said["channel_a_range"] = _range_name(capture.range_v)
    said["data_format_version"] = "2.0" if vintage == "F5" else "1.0"
    if vintage == "F5":
        said["analog_offset_v"] = capture.offset_v
    else:
        said["interleaved_format"] = is_aggregate
    if is_aggregate:
        said["aggregate_format"] = "interleaved_min_max"
        said["aggregate_description"] = "Pairs of one moment: the smallest value, then the largest."
    return _known(said)


def _known(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value is not None}


def _range_name(range_v: Any) -> str | None:
    if range_v not in RANGES_V:
        return None
    return f"PS5000A_{range_v:g}V" if range_v >= 1 else f"PS5000A_{range_v * 1000:g}MV"
