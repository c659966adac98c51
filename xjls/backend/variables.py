"""From lazy arrays to labelled variables: what each is called, its dimensions, and what its attributes tell of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from xarray.core import indexing

from xjls.backend.arrays import BoundsArray, LevelArray, SamplesArray, SignalArray, ValidArray
from xjls.backend.labelled import SAMPLE_DIMS
from xjls.backend.sampled import BOUND
from xjls.backend.utc_array import UtcArray, are_utc
from xjls.model.describing import describing, describing_entries, packing, packing_of_entries
from xjls.model.signal import STATISTICS

if TYPE_CHECKING:
    from xjls.backend.arrays import RecordingArray
    from xjls.backend.axes import Axis, LevelAxis
    from xjls.backend.labelled import LabelAxis
    from xjls.model.bounds import Quantity
    from xjls.model.recording import Recording
    from xjls.model.signal import Signal
    from xjls.model.window import Window

__all__ = ["level_variables", "plain", "sample_variables"]

_RESERVED = frozenset(
    ("_FillValue", "_Unsigned", "add_offset", "ancillary_variables", "axis", "bounds", "calendar", "cell_methods",
     "coordinates", "dtype", "flag_masks", "flag_meanings", "flag_values", "grid_mapping", "level", "missing_value",
     "samples_per_entry", "scale_factor", "standard_name", "valid_max", "valid_min", "valid_range")
)  # fmt: skip
"""Attributes that mean something to CF, xarray or xjls: no fact of a file is told by them."""


def sample_variables(
    axis: Axis | LabelAxis, quantity: Quantity, recording: Recording, *, scaled: bool, utc: bool = True
) -> dict[str, xr.Variable]:
    """Return the samples of a quantity and, where integers may be none, which of them are samples.

    ``utc`` makes times of seconds since 1970 that stand on an axis of labels.
    """
    name, signals = quantity.name, quantity.signals
    arrays = [_samples(recording, signal, axis.window, scaled, utc) for signal in signals]
    attrs = describing(signals[0], name=name)
    if not scaled:
        attrs |= packing(signals[0])
    if arrays[0].dtype.kind == "M":
        del attrs["units"]  # the type says it, and those who write it choose others
    if "_FillValue" in attrs:  # netCDF takes it in the type of the values only
        attrs["_FillValue"] = signals[0].dtype.type(attrs["_FillValue"])
    dims, chunks = (axis.dim, *signals[0].sample_dims), (axis.chunk, *signals[0].sample_shape)
    made = {name: _variable(dims, arrays, attrs, chunks, recording)}
    marks = _marks(signals[0], axis)
    if arrays[0].dtype.kind in "biu" and any(_may_be_none(signal, axis, recording) for signal in signals):
        marks.append(f"{name}_valid")
        valid = [ValidArray(recording, signal.name, axis.window) for signal in signals]
        attrs = {"long_name": f"whether {name} holds a sample"}
        made[f"{name}_valid"] = _variable((axis.dim,), valid, attrs, (axis.chunk,), recording)
    if marks:
        made[name].attrs["ancillary_variables"] = " ".join(marks)
    if len(signals[0].sample_dims) > 1:
        made[name].attrs[SAMPLE_DIMS] = " ".join(signals[0].sample_dims)
    made[name].attrs.update(_flags(signals[0]) | plain(signals[0].facts, made[name].attrs.keys()))
    return made


def _samples(recording: Recording, signal: Signal, window: Window, scaled: bool, utc: bool) -> RecordingArray:
    """Return the samples of a signal; those of a series as one whose levels can be asked."""
    if signal.is_series:
        return SignalArray(recording, signal.name, window, scaled=scaled)
    samples = SamplesArray(recording, signal.name, window, scaled=scaled)
    return UtcArray(samples) if utc and samples.dtype.kind == "f" and are_utc(signal.units) else samples


def _marks(signal: Signal, axis: Axis | LabelAxis) -> list[str]:
    """Return the variables of the axis that say of a signal on labels which parts of its samples there are."""
    told = str(signal.facts.get("ancillary_variables", "")).split() if signal.axis else []
    return [quantity.name for quantity in axis.quantities if quantity.name in told]


def _may_be_none(signal: Signal, axis: Axis | LabelAxis, recording: Recording) -> bool:
    """Whether an axis may have positions at which nobody delivered a sample of a signal."""
    reaches_out = signal.window & axis.window != axis.window
    if recording.on_damage == "gap" or reaches_out:
        return True
    if signal.axis and "ancillary_variables" in signal.facts:
        return False  # what was not delivered is marked there
    # An instrument that marks what it missed in one of its signals has missed that of all of them
    return bool(recording.skipped(signal.name)) or any(
        one.missing_value is not None
        for one in recording.signals.values()
        if (one.source, one.rate_hz, one.axis) == (signal.source, signal.rate_hz, signal.axis)
    )


def _flags(signal: Signal) -> dict[str, Any]:
    """Return what the bits of a signal on labels mean, as CF says it; the masks are of its type."""
    masks, meanings = signal.facts.get("flag_masks"), signal.facts.get("flag_meanings")
    if not (signal.axis and isinstance(masks, list | tuple) and isinstance(meanings, str)):
        return {}
    return {"flag_masks": np.array(masks, signal.dtype), "flag_meanings": meanings}


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


def plain(facts: Mapping[str, Any], taken: Collection[str] = ()) -> dict[str, Any]:
    """Return facts of a file as far as attributes can hold them and none of another meaning has the name."""
    reserved = _RESERVED.union(taken)
    return {
        key: int(value) if isinstance(value, bool) else value
        for key, value in facts.items()
        if isinstance(value, str | int | float) and key not in reserved
    }
