"""Whether a variable is the untouched recording, or store, only sliced: then its levels answer for it.

It is, if its values are a lazy array of the recording behind slices, or a dask graph that does nothing but slice one.
Whatever else there is in the way, arithmetic, a mask, values in memory: nothing is claimed, and the values are read.
"""

from __future__ import annotations

import operator
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
from dask._task_spec import Alias, DataNode, Task, TaskRef
from dask.array.chunk import getitem
from dask.array.core import getter, getter_inline, getter_nofancy
from dask.core import flatten
from xarray.backends.zarr import ZarrArrayWrapper
from xarray.core import indexing

from xjls.backend.arrays import BoundsArray, SamplesArray, SignalArray
from xjls.backend.utc_array import UtcArray
from xjls.model.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterable

    import xarray as xr

    from xjls.model.recording import Recording
    from xjls.model.signal import Signal

__all__ = ["Origin", "Slice", "labelled_origin_of", "origin_of", "slice_of"]

_WRAPPERS = (indexing.ImplicitToExplicitIndexingAdapter, indexing.MemoryCachedArray, indexing.CopyOnWriteArray)
_SOURCES = (SamplesArray, BoundsArray, UtcArray, ZarrArrayWrapper)
_SLICING = (operator.getitem, getitem, getter, getter_inline, getter_nofancy)
_REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class Origin:
    """Which samples of a recording a variable shows, all of them in turn."""

    recording: Recording
    name: str
    """The signal."""
    window: Window
    """Sample ids; they may reach outside the signal where others on the axis do."""
    is_stored: bool
    """Whether the variable has the values as they are stored, and not physical ones."""

    @property
    def signal(self) -> Signal:
        """The signal as the recording describes it."""
        return self.recording.signal(self.name)


@dataclass(frozen=True, slots=True)
class Slice:
    """A contiguous part of a lazy array along its first dimension, all of it along the others."""

    root: Any
    """A `SamplesArray`, `BoundsArray` or `UtcArray` of a recording, or xarray's `ZarrArrayWrapper`."""
    start: int
    stop: int
    bound: int | None = None
    """The one member that it shows of a `BoundsArray`; None: all that there is."""

    @property
    def array(self) -> Any:
        """The array that it is a part of."""
        return self.root if self.bound is None else self.root.members[self.bound]

    def sliced(self, key: Any) -> Slice | None:
        """Return the part of it that a key selects; None unless that is contiguous and in order."""
        first, *others = key if isinstance(key, tuple) else (key,)
        if others and isinstance(self.array, BoundsArray) and isinstance(others[0], int | np.integer):
            return replace(self, bound=int(others[0])).sliced((first, *others[1:]))
        for by, size in zip(others, self.array.shape[1:], strict=False):
            if not isinstance(by, slice) or by.indices(size) != (0, size, 1):
                return None
        if not isinstance(first, slice):
            return None
        start, stop, step = first.indices(self.stop - self.start)
        return replace(self, start=self.start + start, stop=self.start + max(start, stop)) if step == 1 else None


def slice_of(variable: xr.Variable) -> Slice | None:
    """Return which part of a recording's or a store's array a variable shows; None unless that can be proved."""
    data = variable._data
    return _dask_slice(data) if isinstance(data, da.Array) else _lazy_slice(data)


def origin_of(variable: xr.Variable) -> Origin | None:
    """Return which samples a variable shows; None unless it is provably the recording's own. Reads nothing.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> ds = xjls.open(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1))
    >>> part = ds.current.isel(time=slice(10, 30))
    >>> origin_of(part.variable).window.length, origin_of((part * 2).variable)
    (20, None)
    """
    found = slice_of(variable)
    return None if found is None or not isinstance(found.array, SignalArray) else _origin(found, found.array)


def labelled_origin_of(variable: xr.Variable) -> Origin | None:
    """Return the same of a variable on an axis of labels; its times may be shown for what are seconds."""
    found = slice_of(variable)
    array = None if found is None else getattr(found.array, "seconds", found.array)
    if found is None or not isinstance(array, SamplesArray) or isinstance(array, SignalArray):
        return None
    return _origin(found, array)


def _origin(found: Slice, array: SamplesArray) -> Origin:
    window = Window(array.window.start + found.start, array.window.start + found.stop)
    return Origin(array.recording, array.name, window, not array.scaled)


def _lazy_slice(data: Any) -> Slice | None:
    """Return the part of a source that xarray's lazy arrays show."""
    while isinstance(data, _WRAPPERS):
        data = data.array
    if not isinstance(data, indexing.LazilyIndexedArray) or not isinstance(data.array, _SOURCES):
        return None
    return Slice(data.array, 0, data.array.shape[0]).sliced(data.key.tuple)


_seen: OrderedDict[str, tuple[int, int, int | None] | None] = OrderedDict()
"""What was found of the last dask arrays, by their names, which stand for their content."""


def _dask_slice(array: da.Array) -> Slice | None:
    """Return the part of a source that a dask array shows."""
    roots = {
        key: found
        for layer in array.dask.layers.values()
        if len(layer) == 1
        for key, value in layer.items()
        if (found := _lazy_slice(getattr(value, "value", value))) is not None
    }
    if len(roots) != 1:
        return None
    ((key, root),) = roots.items()
    if array.name not in _seen:
        found = _traced(array, {key: root})
        _seen[array.name] = None if found is None else (found.start, found.stop, found.bound)
        if len(_seen) > _REMEMBERED:
            _seen.popitem(last=False)
    span = _seen[array.name]
    return None if span is None else Slice(root.root, *span)


def _traced(array: da.Array, known: dict[Any, Slice | None]) -> Slice | None:
    """Follow every chunk to its source; return what they show together if they follow each other."""
    joined: Slice | None = None
    keys: Iterable[Any] = flatten(array.__dask_keys__())  # type: ignore[no-untyped-call]
    for key in keys:
        part = _trace(array.dask, key, known)
        if part is None:
            return None
        if joined is None:
            joined = part
        elif (part.start, part.bound) == (joined.stop, joined.bound):
            joined = replace(joined, stop=part.stop)
        elif part.start != part.stop:
            return None
    return joined


def _trace(graph: Any, key: Any, known: dict[Any, Slice | None]) -> Slice | None:
    if key not in known:
        task = graph[key]
        known[key] = None
        if isinstance(task, Alias):
            known[key] = _trace(graph, getattr(task.target, "key", task.target), known)
        elif isinstance(task, Task) and task.func in _SLICING and len(task.args) >= 2 and not task.kwargs:
            source, by = task.args[:2]
            inner = _trace(graph, source.key, known) if isinstance(source, TaskRef) else None
            known[key] = inner and inner.sliced(by.value if isinstance(by, DataNode) else by)
    return known[key]
