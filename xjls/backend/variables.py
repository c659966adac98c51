"""From lazy arrays to labelled variables: what each is called, its dimensions, and what its attributes tell of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import xarray as xr
from xarray.core import indexing

from xjls.backend.arrays import BoundsArray, LevelArray, SignalArray, ValidArray
from xjls.backend.sampled import BOUND
from xjls.model.describing import describing, describing_entries, packing, packing_of_entries
from xjls.model.signal import STATISTICS

if TYPE_CHECKING:
    from xjls.backend.arrays import RecordingArray
    from xjls.backend.axes import Axis, LevelAxis
    from xjls.model.bounds import Quantity
    from xjls.model.recording import Recording
    from xjls.model.signal import Signal

__all__ = ["level_variables", "sample_variables"]

_RESERVED = frozenset(
    ("_FillValue", "_Unsigned", "add_offset", "ancillary_variables", "axis", "bounds", "calendar", "cell_methods",
     "coordinates", "dtype", "flag_masks", "flag_meanings", "flag_values", "grid_mapping", "level", "missing_value",
     "samples_per_entry", "scale_factor", "standard_name", "valid_max", "valid_min", "valid_range")
)  # fmt: skip
"""Attributes that mean something to CF, xarray or xjls: no fact of a file is told by them."""


def sample_variables(axis: Axis, quantity: Quantity, recording: Recording, *, scaled: bool) -> dict[str, xr.Variable]:
    """Return the samples of a quantity and, where integers may be none, which of them are samples."""
    name, signals = quantity.name, quantity.signals
    arrays = [SignalArray(recording, signal.name, axis.window, scaled=scaled) for signal in signals]
    attrs = describing(signals[0], name=name)
    if not scaled:
        attrs |= packing(signals[0])
    if "_FillValue" in attrs:  # netCDF takes it in the type of the values only
        attrs["_FillValue"] = signals[0].dtype.type(attrs["_FillValue"])
    made = {name: _variable((axis.dim,), arrays, attrs, (axis.chunk,), recording)}
    if arrays[0].dtype.kind != "f" and any(_may_be_none(signal, axis, recording) for signal in signals):
        made[name].attrs["ancillary_variables"] = f"{name}_valid"
        valid = [ValidArray(recording, signal.name, axis.window) for signal in signals]
        attrs = {"long_name": f"whether {name} holds a sample"}
        made[f"{name}_valid"] = _variable((axis.dim,), valid, attrs, (axis.chunk,), recording)
    made[name].attrs.update(_facts(signals[0], made[name].attrs.keys()))
    return made


def _may_be_none(signal: Signal, axis: Axis, recording: Recording) -> bool:
    """Whether an axis may have positions at which nobody delivered a sample of a signal."""
    reaches_out = signal.window & axis.window != axis.window
    skips = recording.on_damage == "gap" or reaches_out or bool(recording.skipped(signal.name))
    # An instrument that marks what it missed in one of its signals has missed that of all of them
    return skips or any(
        one.missing_value is not None
        for one in recording.signals.values()
        if (one.source, one.rate_hz) == (signal.source, signal.rate_hz)
    )


def level_variables(level_axis: LevelAxis, dim: str, recording: Recording, *, scaled: bool) -> dict[str, xr.Variable]:
    """Return the entries of the quantities whose signals all have some on the axis, by their names."""
    made = {}
    for quantity in level_axis.axis.quantities:
        found = [level_axis.members[s.name] for s in quantity.signals if s.name in level_axis.members]
        if len(found) < len(quantity.signals):
            continue
        arrays = [LevelArray(recording, s.name, level.index, entries, scaled=scaled) for s, level, entries in found]
        signal, level, _ = found[0]
        attrs = describing_entries(signal, level.index, level.factor, name=quantity.name)
        if not scaled:
            attrs |= packing_of_entries(signal)
        chunks = (level_axis.chunk, len(STATISTICS))
        made[quantity.name] = _variable((dim, "statistic"), arrays, attrs, chunks, recording)
    return made


def _variable(
    dims: tuple[str, ...], arrays: Sequence[RecordingArray], attrs: dict[str, Any], chunks: tuple[int, ...],
    recording: Recording,
) -> xr.Variable:  # fmt: skip
    """Return a lazy variable of an array, or of the two of a quantity's bounds side by side."""
    array = arrays[0]
    if len(arrays) > 1:
        array = BoundsArray(arrays)
        dims, chunks = (dims[0], BOUND, *dims[1:]), (chunks[0], len(arrays), *chunks[1:])
    encoding = {
        "preferred_chunks": {
            dim: min(chunk, max(size, 1)) for dim, chunk, size in zip(dims, chunks, array.shape, strict=True)
        },
        "recording": recording,
    }  # fmt: skip
    return xr.Variable(dims, indexing.LazilyIndexedArray(array), attrs, encoding, fastpath=True)


def _facts(signal: Signal, taken: Collection[str]) -> dict[str, Any]:
    """Return what else the file says, as far as attributes can hold it and none of another meaning has the name."""
    reserved = _RESERVED.union(taken)
    return {
        key: int(value) if isinstance(value, bool) else value
        for key, value in signal.facts.items()
        if isinstance(value, str | int | float) and key not in reserved
    }
