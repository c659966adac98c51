"""The index of a lazy time coordinate: xarray's protocol, answered from a clock.

One index serves one coordinate on one dimension. Its state is the coordinate's own labels, a `ClockArray`, so that the
two cannot disagree, and both stay a few numbers at any length.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from xarray.core.indexing import IndexSelResult
from xarray.indexes import PandasIndex

from xjls.backend.clock_array import LIMIT, ClockArray, Unit
from xjls.backend.labels import LabelError, parse_labels
from xjls.backend.lookup import Lookup
from xjls.backend.overlap import find_overlap, inner_labels, outer_labels
from xjls.errors import SelectionError
from xjls.model.clock import Clock

__all__ = ["LabelError", "TimeIndex", "time_coordinates"]


def time_coordinates(
    name: Hashable,
    clock: Clock,
    size: int,
    *,
    unit: Unit,
    cells: bool = False,
    attrs: Mapping[Any, Any] | None = None,
    preferred_chunk: int | None = None,
) -> xr.Coordinates:
    """Return the time coordinate `name`, on a dimension of the same name, with its lazy index.

    Parameters
    ----------
    name
        Coordinate and dimension: "time", "time_x128" …
    clock
        Its position 0 is the first label: a window of the recording's clock.
    size
        Number of labels.
    unit
        "utc" for datetime64[ns]; "seconds" for float64 seconds since the clock's zero.
    cells
        Whether a label stands for the time up to the next label (an entry of a level) rather than for one sample.
    attrs
        Attributes of the coordinate.
    preferred_chunk
        Labels per dask chunk. To be that of the data along this dimension, or `chunks={}` gives inconsistent chunks.

    Examples
    --------
    >>> coords = time_coordinates("time", Clock.nominal(1_000_000), 10_000_000_000, unit="seconds")
    >>> xr.Dataset(coords=coords).sel(time=slice(5, 6)).sizes
    Frozen({'time': 1000001})
    """
    labels = ClockArray(clock if unit == "utc" else clock.elapsed(), size, unit)
    encoding = {"preferred_chunks": {name: preferred_chunk}} if preferred_chunk else None
    index = TimeIndex(labels, name, cells=cells)
    variable = xr.Variable((name,), labels, attrs=attrs, encoding=encoding)
    return xr.Coordinates({name: variable}, indexes={name: index})


class TimeIndex(xr.Index):
    """Exact time labels of any number of samples or cells.

    Examples
    --------
    >>> index = TimeIndex(ClockArray(Clock.nominal(1000), 10**10, "utc"), "time")
    >>> index.sel({"time": slice("1970-01-01T00:00:01", "1970-01-01T00:00:02")}).dim_indexers
    {'time': slice(1000, 3000, None)}
    >>> index
    <TimeIndex 'time' of 10_000_000_000 samples: 1970-01-01T00:00:00.000 … 1970-04-26T17:46:39.999>
    """

    __slots__ = ("cells", "dim", "labels", "name")

    def __init__(self, labels: ClockArray, name: Hashable, *, dim: Hashable | None = None, cells: bool = False) -> None:
        self.labels = labels
        self.name = name
        self.dim = name if dim is None else dim
        self.cells = cells

    @classmethod
    def from_variables(cls, variables: Mapping[Any, xr.Variable], *, options: Mapping[str, Any]) -> TimeIndex:
        """Return the index of one lazy coordinate; called by `set_xindex`, with cells=True for a level."""
        if len(variables) != 1:
            raise ValueError(f"a TimeIndex is over one coordinate, not {len(variables)}")
        ((name, variable),) = variables.items()
        labels = variable._data
        if not isinstance(labels, ClockArray):
            raise SelectionError(
                f"{name!r} holds {type(labels).__name__}, not lazy times", "Slice the recording before chunking it."
            )
        return cls(labels, name, dim=variable.dims[0], **options)

    def create_variables(self, variables: Mapping[Any, xr.Variable] | None = None) -> dict[Any, xr.Variable]:
        """Return the coordinate with its lazy labels, also where it was chunked; attributes and encoding stay."""
        old = (variables or {}).get(self.name)
        attrs, encoding = (old.attrs, old.encoding) if old is not None else (None, None)
        return {self.name: xr.Variable((self.dim,), self.labels, attrs=attrs, encoding=encoding)}

    def isel(self, indexers: Mapping[Any, Any]) -> xr.Index | None:
        """Return the index of some positions: slices and runs stay lazy, others get a pandas index."""
        indexer = indexers[self.dim]
        if isinstance(indexer, xr.Variable):
            if indexer.dims != (self.dim,):
                return None
            indexer = indexer.data
        if not isinstance(indexer, slice) and np.ndim(indexer) == 0:
            return None
        picked = self.labels[indexer]
        if isinstance(picked, ClockArray):
            return self if picked is self.labels else self._with(picked)
        return self._pandas(picked)

    def sel(self, labels: dict[Any, Any], method: str | None = None, tolerance: Any = None) -> IndexSelResult:
        """Return the positions of labels; see `Lookup` for what a slice, a period and a cell mean."""
        ((_, label),) = labels.items()
        lookup = self._lookup()
        if isinstance(label, slice):
            if method is not None or tolerance is not None:
                raise NotImplementedError("a slice of times takes neither method nor tolerance")
            return IndexSelResult({self.dim: lookup.find_slice(label)})
        if isinstance(label, Mapping):
            raise TypeError(f"{self.name!r} is selected with times, not with a mapping")
        indexer = _find(lookup, label, method, tolerance)
        if isinstance(label, xr.DataArray) and not isinstance(indexer, slice):
            indexer = xr.DataArray(indexer, coords=label.coords, dims=label.dims)
        elif isinstance(label, xr.Variable) and not isinstance(indexer, slice):
            indexer = xr.Variable(label.dims, indexer)
        return IndexSelResult({self.dim: indexer})

    def equals(self, other: xr.Index, *, exclude: frozenset[Hashable] | None = None) -> bool:
        """Whether both name equal labels on one dimension, compared as functions."""
        del exclude  # of one dimension: xarray does not ask when that is excluded
        return isinstance(other, TimeIndex) and self.dim == other.dim and self.labels.same_as(other.labels)

    def join(self, other: xr.Index, how: str = "inner") -> Any:
        """Return the index of the common ("inner") or of all ("outer") labels.

        Windows and strides of one grid stay lazy at any length; others join through pandas, up to the array's limit.
        """
        mine: xr.Index = self  # xarray folds three indexes and more from the left: it may be a pandas index by now
        if isinstance(mine, TimeIndex) and isinstance(other, TimeIndex):
            _refuse_mixed_units(self, other)
            self._refuse_foreign_cells(other)
            joined = (inner_labels if how == "inner" else outer_labels)(self.labels, other.labels)
            if joined is not None:
                return self._with(joined)
        return _as_pandas(mine).join(_as_pandas(other), how=how)

    def reindex_like(self, other: xr.Index, method: str | None = None, tolerance: Any = None) -> dict[Hashable, Any]:
        """Return, for each label of `other`, its position here or -1.

        xarray lists the positions of the longer of both, 8 bytes each: more than the array's limit are refused.
        """
        size = other.labels.size if isinstance(other, TimeIndex) else len(other.to_pandas_index())
        longer = max(size, self.labels.size)
        if longer > LIMIT:
            raise SelectionError(
                f"aligning different windows of {longer:_} labels of {self.name!r} would take "
                f"{longer * 8 / 2**30:.3g} GiB of memory",
                "Slice both to their common window first, with sel or isel.",
            )
        if isinstance(other, TimeIndex):
            _refuse_mixed_units(self, other)
            overlap = find_overlap(self.labels, other.labels) if method is None else None
            if overlap is not None:
                positions = np.full(size, -1)
                positions[overlap.in_b.start : overlap.in_b.stop : overlap.in_b.step] = overlap.in_a
                return {self.dim: positions}
        labels = np.asarray(other.labels if isinstance(other, TimeIndex) else other.to_pandas_index())
        return {self.dim: self._lookup().search(parse_labels(labels, self.labels.unit), method, tolerance)}

    @classmethod
    def concat(
        cls, indexes: Sequence[xr.Index], dim: Hashable, positions: Iterable[Iterable[int]] | None = None
    ) -> Any:
        """Return the index of all labels in turn; parts that continue each other become one segment again."""
        del dim  # each index knows it
        orders = None if positions is None else [np.asarray(order) for order in positions]
        lazy = [index for index in indexes if isinstance(index, TimeIndex)]
        if len(lazy) == len(indexes) and _is_in_turn(orders):
            return lazy[0]._with(ClockArray.concatenated(index.labels for index in lazy))
        return PandasIndex.concat([_as_pandas(index) for index in indexes], lazy[0].dim, orders)

    def rename(self, name_dict: Mapping[Any, Hashable], dims_dict: Mapping[Any, Hashable]) -> TimeIndex:
        """Return the index under new names of its coordinate and dimension."""
        name, dim = name_dict.get(self.name, self.name), dims_dict.get(self.dim, self.dim)
        return type(self)(self.labels, name, dim=dim, cells=self.cells)

    def to_pandas_index(self) -> pd.Index[Any]:
        """Materialise the labels, for what xarray leaves to pandas (groupby, resample); refused beyond the limit."""
        return self._pandas(np.asarray(self.labels)).index

    @property
    def clock(self) -> Clock:
        """The clock whose position 0 is the first label; of a coordinate in seconds it counts from the clock's zero."""
        return self.labels.clock

    @property
    def size(self) -> int:
        """Number of labels."""
        return self.labels.size

    @property
    def index(self) -> pd.Index[Any]:
        """The labels in pandas, for `PandasIndex.concat` and `join`, which read it from their arguments."""
        return self.to_pandas_index()

    @property
    def coord_dtype(self) -> np.dtype[Any]:
        """The labels' dtype, likewise."""
        return self.labels.dtype

    def __repr__(self) -> str:
        return f"<TimeIndex {self.name!r} of {self._count()}: {self.labels._repr_inline_(200)}>"

    def _repr_inline_(self, max_width: int) -> str:
        text = f"TimeIndex of {self._count()}"
        return text if len(text) <= max_width else "TimeIndex"

    def _copy(self, deep: bool = True, memo: dict[int, Any] | None = None) -> TimeIndex:
        del deep, memo  # immutable
        return self._with(self.labels)

    def _refuse_foreign_cells(self, other: TimeIndex) -> None:
        """Raise where levels would be spread over each other: each has an axis of its own, and no cells in common."""
        if not (self.cells and other.cells):
            return
        overlap = find_overlap(self.labels, other.labels)
        if overlap is None or not overlap.in_a:
            raise SelectionError(
                f"the entries of {self.name!r} belong to different recordings, or to windows that do not meet",
                "Open with levels=False to join samples only.",
            )

    def _lookup(self) -> Lookup:
        return Lookup(self.labels, self.name, cells=self.cells)

    def _with(self, labels: ClockArray) -> TimeIndex:
        return type(self)(labels, self.name, dim=self.dim, cells=self.cells)

    def _pandas(self, labels: Any) -> PandasIndex:
        return PandasIndex(pd.Index(labels, name=self.name), self.dim)

    def _count(self) -> str:
        noun = "cell" if self.cells else "sample"
        return f"{self.labels.size:_} {noun}{'' if self.labels.size == 1 else 's'}"


def _find(lookup: Lookup, label: Any, method: str | None, tolerance: Any) -> Any:
    values = np.asarray(label)
    if values.dtype.kind == "b" and values.ndim:
        return values
    if values.ndim:
        return lookup.find_array(values, method, tolerance)
    return lookup.find_scalar(values[()] if values.dtype.kind in "mM" else values.item(), method, tolerance)


def _as_pandas(index: xr.Index) -> PandasIndex:
    if isinstance(index, TimeIndex):
        return index._pandas(np.asarray(index.labels))
    if isinstance(index, PandasIndex):
        return index
    raise TypeError(f"a time axis does not join with {type(index).__name__}")


def _is_in_turn(orders: list[NDArray[Any]] | None) -> bool:
    if orders is None:
        return True
    order = np.concatenate(orders)
    return bool(np.array_equal(order, np.arange(len(order))))


def _refuse_mixed_units(a: TimeIndex, b: TimeIndex) -> None:
    if a.labels.unit != b.labels.unit:
        raise SelectionError(
            f"{a.name!r} is in {a.labels.unit} and {b.name!r} in {b.labels.unit}: they have no label in common",
            "Open both recordings with the same time=.",
        )
