"""Axes of labels: signals whose sample ids count frames or buffers, and are no moments at a steady rate.

The ids are the labels. A coordinate of them takes no memory, whatever the length; its attribute `COUNTS` says what it
counts, so that who asks for samples along time knows it for none. Axes within a sample are labelled with positions, so
that pixels and slots that were selected or turned are still known.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from functools import cached_property
from math import lcm
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from xarray.indexes import PandasIndex

from xjls.backend.axes import MOST_CHUNKS, joined
from xjls.model.totals import TOTALS

if TYPE_CHECKING:
    from xjls.backend.axes import Join
    from xjls.model.bounds import Quantity
    from xjls.model.recording import Recording
    from xjls.model.signal import Signal
    from xjls.model.window import Window

__all__ = [
    "COUNTS", "SAMPLE_DIMS", "LabelAxis", "counting_dims", "how_to_select", "label_axes", "label_coordinates",
    "position_coordinates", "totals_of",
]  # fmt: skip

COUNTS = "counts"
"""The attribute of a coordinate of sample ids: the `Signal.axis` that they count."""
SAMPLE_DIMS = "sample_dims"
"""The attribute of arrays on an axis of labels: their `Signal.sample_dims`, however the variable is turned."""
CHUNK_BYTES = 32 << 20


@dataclass(frozen=True)
class LabelAxis:
    """One axis of labels, and the signals on it."""

    dim: str
    counts: str
    """The signals' `Signal.axis`."""
    quantities: tuple[Quantity, ...]
    """What becomes a variable each."""
    window: Window
    """Sample ids along the axis."""

    @cached_property
    def signals(self) -> tuple[Signal, ...]:
        """All signals on the axis."""
        return tuple(signal for quantity in self.quantities for signal in quantity.signals)

    @property
    def sample_dims(self) -> frozenset[str]:
        """What the axes of samples are called."""
        return frozenset(dim for signal in self.signals for dim in signal.sample_dims)

    @cached_property
    def chunk(self) -> int:
        """Positions in a dask chunk: 32 MiB of the widest signal, in whole blocks of the file where these are short."""
        widest = max(math.prod(signal.sample_shape) * signal.dtype.itemsize for signal in self.signals)
        most = max(CHUNK_BYTES // max(widest, 1), 1)
        unit = 1
        for size in sorted({signal.block_length for signal in self.signals}):
            if lcm(unit, size) <= most:
                unit = lcm(unit, size)
        return max(max(most, -(-self.window.length // MOST_CHUNKS)) // unit, 1) * unit


def label_axes(recording: Recording, chosen: Iterable[Quantity], join: Join) -> list[LabelAxis]:
    """Group quantities by source and what their ids count; cut or extend each group to one window.

    Parameters
    ----------
    recording, chosen
        Whose signals, and which of them; all have an axis.
    join
        As of `xjls.backend.axes.sample_axes`: with ``"none"`` every quantity has an axis of its own.
    """
    groups: dict[tuple[Hashable, ...], list[Quantity]] = {}
    chosen = list(chosen)
    filled = {_place(quantity) for quantity in chosen if quantity.signals[0].length}
    for quantity in chosen:
        # A signal without a single sample has no place on an axis that others fill
        is_alone = join == "none" or (not quantity.signals[0].length and _place(quantity) in filled)
        groups.setdefault((*_place(quantity), quantity.name if is_alone else ""), []).append(quantity)
    axes: list[LabelAxis] = []
    for (counts, *_), members in sorted(groups.items(), key=lambda group: not group[1][0].signals[0].length):
        taken = {axis.dim for axis in axes}
        dim = f"{counts}_{members[0].name}" if join == "none" or counts in taken else str(counts)
        window = joined([signal for quantity in members for signal in quantity.signals], join, recording.path)
        axes.append(LabelAxis(dim, str(counts), tuple(members), window))
    return axes


def _place(quantity: Quantity) -> tuple[str, int]:
    """Return what tells its axis from others."""
    first = quantity.signals[0]
    return first.axis, first.source.id


def label_coordinates(axis: LabelAxis) -> xr.Coordinates:
    """Return the sample ids of an axis as its labels, i64, made when they are asked for.

    Examples
    --------
    >>> from xjls.model.window import Window
    >>> coordinates = label_coordinates(LabelAxis("frame", "frame", (), Window(12_821, 10**10)))
    >>> coordinates.to_dataset().sel(frame=slice(12_830, 12_832)).frame.values
    array([12830, 12831, 12832])
    """
    told = {"long_name": f"{axis.counts} number", COUNTS: axis.counts}
    return _integers(axis.dim, axis.window.start, axis.window.stop, told)


def position_coordinates(dim: str, length: int) -> xr.Coordinates:
    """Return the positions along an axis within samples as its labels, i64: rows and columns of pixels, slots.

    Examples
    --------
    >>> position_coordinates("height", 4).to_dataset().isel(height=slice(None, None, -2)).height.values
    array([3, 1])
    """
    return _integers(dim, 0, length, {})


def _integers(dim: str, start: int, stop: int, attrs: dict[str, Any]) -> xr.Coordinates:
    """Return labels [start, stop), made when they are asked for."""
    index = PandasIndex(pd.RangeIndex(start, stop, name=dim), dim, coord_dtype=np.dtype(np.int64))
    variables = index.create_variables()
    variables[dim].attrs = attrs
    return xr.Coordinates(variables, {dim: index})


def counting_dims(data: xr.Dataset | xr.DataArray) -> dict[str, str]:
    """Return the dimensions along which labels count something, and what it is."""
    found = {str(name): data.coords[name].attrs.get(COUNTS) for name in data.dims if name in data.coords}
    return {name: str(counts) for name, counts in found.items() if counts}


def totals_of(axes: Iterable[LabelAxis]) -> dict[str, Any]:
    """Return what the only signal that tells of losses says, for the whole: what came of frames, and what did not."""
    telling = [signal for axis in axes for signal in axis.signals if not TOTALS.isdisjoint(signal.facts)]
    return dict(telling[0].facts) if len(telling) == 1 else {}


def how_to_select(dataset: xr.Dataset) -> str:
    """Return how a span of time is taken of a Dataset that has no time axis."""
    for dim in counting_dims(dataset):
        times = [name for name, one in dataset.coords.items() if one.dims == (dim,) and str(name).startswith("time")]
        if times:
            return f"Times of each {dim} are a coordinate: ds.swap_dims({dim}={str(times[0])!r}).sel({times[0]}=...)."
    return "Open it with xjls.open(path)."
