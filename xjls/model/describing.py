"""What attributes say of a signal, in CF's words: of arrays of samples and of entries, in memory and in stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xjls.model.signal import Signal

_SOURCE = ("vendor", "model", "version", "serial_number")


def describing(signal: Signal, *, name: str | None = None, first_id: int | None = None) -> dict[str, Any]:
    """Return what the numbers of a signal are, and which instrument made them.

    ``name`` is another one that it is shown under; ``first_id`` that of its first sample, if it does not know it yet.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1))
    >>> attributes = describing(recording.signal("current"))
    >>> attributes["units"], attributes["model"], attributes["sample_rate_hz"]
    ('A', 'JS220', 500000)
    """
    source, rate = signal.source, signal.rate_hz
    said: dict[str, Any] = {"units": signal.units, "long_name": name or signal.name}
    instrument = {"source": source.name} | {fact: getattr(source, fact) for fact in _SOURCE}
    said |= {key: value for key, value in instrument.items() if value not in ("", "-")}
    rate_name = "nominal_rate_hz" if signal.axis else "sample_rate_hz"  # times of frames are measured, one by one
    said[rate_name] = int(rate) if rate.denominator == 1 else float(rate)
    if not signal.axis:  # where ids are labels, these tell
        said["first_sample_id"] = signal.first_id if first_id is None else first_id
    return said


def describing_entries(
    signal: Signal, level: int, factor: int, *, name: str | None = None, first_id: int | None = None
) -> dict[str, Any]:
    """Return the same of the entries of a level, each of which covers ``factor`` samples."""
    return describing(signal, first_id=first_id) | {
        "long_name": f"{name or signal.name}, statistics of {factor} samples",
        "level": level, "samples_per_entry": factor,
    }  # fmt: skip


def packing(signal: Signal) -> dict[str, Any]:
    """Return the attributes by which CF makes physical values of stored ones."""
    said: dict[str, Any] = {}
    if signal.is_scaled:
        said["scale_factor"] = float(signal.scale_factor)
    if signal.add_offset:
        said["add_offset"] = float(signal.add_offset)
    if signal.missing_value is not None and signal.dtype.kind in "iu":
        said["_FillValue"] = int(signal.missing_value)
    return said


def packing_of_entries(signal: Signal) -> dict[str, Any]:
    """Return what stored entries are: CF has no words for an offset that leaves out deviations."""
    scale, offset, units = float(signal.scale_factor), float(signal.add_offset), signal.units
    if not offset:
        return {"scale_factor": scale} if signal.is_scaled else {}
    return {
        "units": "count", "physical_units": units, "physical_scale": scale, "physical_offset": offset,
        "comment": f"in {units}, mean, min and max are value × {scale!r} + {offset!r}, std is value × {scale!r}",
    }  # fmt: skip
