"""From axes and lazy arrays to labelled objects: the Dataset, its coarsened levels, and the tree of them."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import xarray as xr
from xarray.indexes import PandasIndex

from xjls.backend.axes import level_axes, sample_axes
from xjls.backend.index import time_coordinates
from xjls.backend.labelled import label_axes, label_coordinates, position_coordinates, totals_of
from xjls.backend.sampled import BOUND
from xjls.backend.variables import level_variables, plain, sample_variables
from xjls.errors import SelectionError
from xjls.model.bounds import BOUNDS, quantities
from xjls.model.signal import STATISTICS

if TYPE_CHECKING:
    from xjls.backend.axes import Axis, Join, LevelAxis, TimeUnit
    from xjls.backend.labelled import LabelAxis
    from xjls.model.bounds import Quantity
    from xjls.model.recording import Recording

Levels: TypeAlias = "Literal['auto'] | bool | int | Sequence[int]"

_LABELLED = {
    dim: (xr.Variable(dim, labels), PandasIndex(labels, dim, coord_dtype=labels.dtype))
    for dim, labels in ((BOUND, np.array(BOUNDS)), ("statistic", np.array(STATISTICS)))
}
"""The dimensions beside time: the labels of each, and their index."""

AUTO_ENTRIES = 1 << 20
"""``levels="auto"`` leaves out longer ones, so that a careless ``.compute()`` stays cheap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What to open of a recording, and how to label it."""

    signals: tuple[str, ...] | None = None
    """Names of signals or of quantities; None takes all quantities that have samples."""
    levels: Levels = "auto"
    time: TimeUnit = "auto"
    join: Join = "inner"
    scaled: bool = True
    """Whether fixed-point samples become physical values."""
    drop: frozenset[str] = frozenset()
    """Variables to leave out."""

    def __post_init__(self) -> None:
        if self.time not in ("auto", "utc", "seconds"):
            raise SelectionError(f"time={self.time!r} is no way to label time", 'Choose "auto", "utc" or "seconds".')
        several = isinstance(self.levels, list | tuple | range) and all(isinstance(index, int) for index in self.levels)
        if not (several or isinstance(self.levels, int) or self.levels == "auto"):
            raise SelectionError(
                f"levels={self.levels!r} names no levels", 'Choose "auto", True, False, an index such as 1, or [1, 2].'
            )

    def chosen(self, recording: Recording) -> list[Quantity]:
        """Return what of a recording has samples, and is wanted."""
        chosen = quantities(recording, self.signals, self.drop)
        empty = [q.name for q in chosen if not all(signal.has_samples for signal in q.signals)]
        if self.signals is not None and empty:
            raise SelectionError(
                f"{', '.join(empty)} of {recording.path} has no samples, only annotations",
                "They are in ds.xjls.annotations.",
            )
        return [q for q in chosen if q.name not in empty]

    def axes(self, recording: Recording) -> list[Axis]:
        """Return the time axes of the chosen signals."""
        series = (quantity for quantity in self.chosen(recording) if quantity.signals[0].is_series)
        return sample_axes(recording, series, self.join, self.time)

    def label_axes(self, recording: Recording) -> list[LabelAxis]:
        """Return the axes of the chosen signals whose sample ids count something else than moments."""
        others = (quantity for quantity in self.chosen(recording) if not quantity.signals[0].is_series)
        return label_axes(recording, others, self.join)

    def level_axes(self, axis: Axis) -> list[LevelAxis]:
        """Return the coarsened axes that belong into the Dataset."""
        if self.levels is False:
            return []
        if self.levels == "auto":
            return level_axes(axis, None, AUTO_ENTRIES)
        if self.levels is True:
            return level_axes(axis, None, None)
        return level_axes(axis, self._indices, None)

    def require_levels(self, recording: Recording) -> None:
        """Refuse levels that are named, and that no signal has."""
        there = {level.index for signal in recording.signals.values() for level in signal.levels}
        if missing := [index for index in self._indices if index not in there]:
            levels = ", ".join(map(str, sorted(there))) or "none"
            raise SelectionError(
                f"no level {missing[0]!r} in {recording.path}", f"Levels: {levels}.{_how_to_build(recording)}"
            )

    @property
    def _indices(self) -> list[int]:
        """The levels that are named one by one."""
        if isinstance(self.levels, bool | str):
            return []
        return [self.levels] if isinstance(self.levels, int) else list(self.levels)


def open_samples(recording: Recording, choice: Choice) -> xr.Dataset:
    """Return the samples of a recording, with its summary levels on coarsened coordinates.

    Does no I/O on samples: the variables are lazy, the time coordinates are computed.
    """
    variables: dict[str, xr.Variable] = {}
    coordinates: list[xr.Coordinates] = []
    choice.require_levels(recording)
    for axis in choice.axes(recording):
        coordinates.append(_coordinate(axis))
        for quantity in axis.quantities:
            _add(variables, sample_variables(axis, quantity, recording, scaled=choice.scaled), recording)
        for level_axis in choice.level_axes(axis):
            coordinates.append(_level_coordinate(level_axis, level_axis.dim))
            made = level_variables(level_axis, level_axis.dim, recording, scaled=choice.scaled)
            named = {f"{name}_x{level_axis.factor}": variable for name, variable in made.items()}
            _add(variables, named, recording)
    told: list[str] = []
    found = choice.label_axes(recording)
    dims = {dim for one in coordinates for dim in one.dims}.union(*(label_axis.sample_dims for label_axis in found))
    for label_axis in found:
        coordinates.append(label_coordinates(label_axis))
        _add_labelled(variables, told, label_axis, recording, choice, dims)
    coordinates += _within_samples(variables, {axis.dim for axis in found}, {dim for one in coordinates for dim in one})
    return _dataset(variables, coordinates, recording, choice.drop, told, totals_of(found))


def _add_labelled(
    variables: dict[str, xr.Variable], told: list[str], axis: LabelAxis, recording: Recording, choice: Choice,
    dims: Collection[Hashable],
) -> None:  # fmt: skip
    """Add the signals on an axis of labels, and to ``told`` the names of those that are coordinates of it.

    None is called as one of ``dims``: times of frames must not be taken for the time axis of other signals.
    """
    sizes = {str(dim): size for variable in variables.values() for dim, size in variable.sizes.items()}
    for quantity in axis.quantities:
        made = sample_variables(axis, quantity, recording, scaled=choice.scaled, utc=choice.time != "seconds")
        for name, variable in made.items():
            # Frames may be of several sizes
            apart = {d: f"{d}_{quantity.name}" for d, n in variable.sizes.items() if sizes.setdefault(str(d), n) != n}
            shown = f"{name}_{axis.dim}" if name in dims else name
            _add(variables, {shown: variable._replace(dims=[apart.get(d, d) for d in variable.dims])}, recording)
            if quantity.signals[0].describes_axis:
                told.append(shown)


def _within_samples(
    variables: Mapping[str, xr.Variable], dims: AbstractSet[Hashable], taken: AbstractSet[Hashable]
) -> list[xr.Coordinates]:
    """Return the labels of what samples along ``dims`` are arrays of, but for what has some already."""
    arrays = (variable.sizes for variable in variables.values() if not dims.isdisjoint(variable.dims))
    sizes = {str(dim): size for one in arrays for dim, size in one.items() if dim not in taken | _LABELLED.keys()}
    return [position_coordinates(dim, size) for dim, size in sizes.items()]


def open_level(recording: Recording, index: int, choice: Choice) -> xr.Dataset:
    """Return one level as a Dataset whose variables have their signals' names, on ``time`` where they share it."""
    variables: dict[str, xr.Variable] = {}
    coordinates: list[xr.Coordinates] = []
    for axis in choice.axes(recording):
        for level_axis in level_axes(axis, [index], None):
            dim = f"time_{next(iter(level_axis.members))}" if coordinates else "time"
            coordinates.append(_level_coordinate(level_axis, dim))
            variables.update(level_variables(level_axis, dim, recording, scaled=choice.scaled))
    return _dataset(variables, coordinates, recording, choice.drop)


def open_groups(recording: Recording, choice: Choice) -> dict[str, xr.Dataset]:
    """Return the pyramid: ``/`` with attributes only, ``/0`` the samples, ``/1`` and up the levels."""
    names = recording.signals if choice.signals is None else choice.signals
    if odd := [name for name in names if "/" in name and name not in choice.drop]:
        raise SelectionError(
            f"the signal name {odd[0]!r} of {recording.path} contains '/', which a tree takes for a path",
            'Choose others with signals=, or open levels as Datasets with group="1".',
        )
    plain = replace(choice, levels=False)
    top = max((len(signal.levels) for signal in recording.signals.values()), default=0)
    groups = {"/": xr.Dataset(attrs=_attributes(recording)), "/0": open_samples(recording, plain)}
    for index in range(1, top + 1):
        level = open_level(recording, index, plain)
        if level.data_vars:
            groups[f"/{index}"] = level
    return groups


def open_group(recording: Recording, group: str, choice: Choice) -> xr.Dataset:
    """Return one group of the pyramid, by its name: ``"0"`` the samples, ``"1"`` and up the levels."""
    name = group.strip("/")
    tops = range(max((len(signal.levels) for signal in recording.signals.values()), default=0) + 1)
    if name == "":
        return open_samples(recording, choice)
    if not name.isdecimal() or int(name) not in tops:
        groups = ", ".join(map(str, tops))
        raise SelectionError(f"no group {group!r} in {recording.path}", f"Groups: {groups}.{_how_to_build(recording)}")
    if name == "0":
        return open_samples(recording, replace(choice, levels=False))
    return open_level(recording, int(name), choice)


def _how_to_build(recording: Recording) -> str:
    """Return what gives levels to signals that have none; ``""`` where none lacks them."""
    lacks = any(signal.is_series and not signal.level_factors for signal in recording.signals.values())
    return f" Build those it lacks: xjls index {recording.path}" if lacks else ""


def _dataset(
    variables: Mapping[str, xr.Variable],
    coordinates: Iterable[xr.Coordinates],
    recording: Recording,
    drop: frozenset[str],
    told: Collection[str] = (),
    totals: Mapping[str, Any] = MappingProxyType({}),
) -> xr.Dataset:
    """Put a Dataset together; ``told`` are variables that tell of an axis, ``totals`` attributes of the whole."""
    kept = {name: variable for name, variable in variables.items() if name not in drop}
    dims = {dim for variable in kept.values() for dim in variable.dims}
    labels: dict[Any, xr.Variable] = {}
    indexes: dict[Any, xr.Index] = {}
    for coordinate in coordinates:
        if dims.issuperset(coordinate.dims) and drop.isdisjoint(coordinate):
            labels.update(coordinate.variables)
            indexes.update(coordinate.xindexes)
    for dim, (variable, index) in _LABELLED.items():
        if dim in dims:
            labels[dim], indexes[dim] = variable, index
    _refuse_collision(sorted(map(str, (labels.keys() | dims) & kept.keys())), recording)
    labels.update((name, kept.pop(name)) for name in told if name in kept)
    # One step: adding coordinates one after the other builds a Dataset each time
    return xr.Dataset(kept, xr.Coordinates(labels, indexes), {**plain(totals), **_attributes(recording)})


def _add(variables: dict[str, xr.Variable], made: Mapping[str, xr.Variable], recording: Recording) -> None:
    _refuse_collision(sorted(variables.keys() & made.keys()), recording)
    variables.update(made)


def _refuse_collision(names: list[str], recording: Recording) -> None:
    """Raise where a signal is called as a level, a mark or an axis is: one would silently stand for the other."""
    if names:
        raise SelectionError(
            f"{names[0]!r} of {recording.path} is the name of a signal and of what xjls makes for another",
            "Choose fewer with signals=, or open with levels=False.",
        )


def _coordinate(axis: Axis) -> xr.Coordinates:
    clock = axis.labelling_clock.window(axis.window.start, axis.window.stop)
    return time_coordinates(
        axis.dim,
        clock,
        axis.window.length,
        unit=axis.time_unit,
        attrs=_time_attributes(axis),
        preferred_chunk=axis.chunk,
    )


def _level_coordinate(level_axis: LevelAxis, dim: str) -> xr.Coordinates:
    axis = level_axis.axis
    stop = level_axis.start_id + level_axis.length * level_axis.factor
    # Seconds count from the first sample of the axis, also where a cell begins before it
    clock = axis.labelling_clock.window(level_axis.start_id, stop, level_axis.factor)
    attrs = _time_attributes(axis) | {"samples_per_entry": level_axis.factor}
    return time_coordinates(
        dim, clock, level_axis.length, unit=axis.time_unit, cells=True, attrs=attrs, preferred_chunk=level_axis.chunk
    )


def _time_attributes(axis: Axis) -> dict[str, Any]:
    if axis.time_unit == "utc":
        return {"standard_name": "time", "long_name": "UTC", "axis": "T"}
    is_known = any(signal.origin_id is not None for signal in axis.signals)
    since = "the capture began" if is_known else "the first sample"
    return {"standard_name": "time", "long_name": f"time since {since}", "units": "s", "axis": "T"}


def _attributes(recording: Recording) -> dict[str, Any]:
    """Return the attributes of the whole."""
    attrs = {"Conventions": "CF-1.11", "format": recording.format}
    return attrs if recording.was_closed else attrs | {"recording_status": "not closed by its writer"}


def restore_time(dataset: xr.Dataset) -> xr.Dataset:
    """Give chunked time coordinates back their computed labels: ``chunks=`` makes every coordinate a dask array."""
    restored = {}
    for dim, index in dataset.xindexes.items():
        made = index.create_variables({dim: dataset.variables[dim]})
        if isinstance(dataset.variables[dim].chunks, tuple) and dim in made:
            restored[dim] = made[dim]
    if not restored:
        return dataset
    indexes = {name: dataset.xindexes[name] for name in restored}
    closer = dataset._close
    fixed = dataset.assign_coords(xr.Coordinates(restored, indexes))
    fixed.encoding = dataset.encoding
    fixed.set_close(closer)
    return fixed
