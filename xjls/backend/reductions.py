"""Statistics of any variable in one pass over its values, for windows where summary levels do not help.

What was filtered, masked or derived has no levels: here every dask chunk becomes one row of numbers, in one call of a
kernel, and the rows are merged in a tree. The sums are in float64; NaN and infinities are skipped, as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import xarray as xr

from xjls.backend.arrays import SignalArray
from xjls.backend.provenance import slice_of
from xjls.backend.sampled import Sampled, iter_pieces, sampled, together
from xjls.errors import SelectionError
from xjls.model.window import Window
from xjls.query.answer import deviations

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["REDUCED", "extremes", "reduce"]

_MERGED_AT_ONCE = 16
"""Rows of chunks merged in one task: a task costs a hundred times as much as a row."""
_ROW = 6
"""Numbers of a row: `xjls.query.answer.ROW`."""
_COUNT, _LOST, _MEAN, _SQUARES, _MIN, _MAX = range(_ROW)


def _sum(rows: NDArray[np.float64], _ddof: int) -> NDArray[np.float64]:
    return np.where(rows[..., _COUNT] > 0, rows[..., _MEAN] * rows[..., _COUNT], 0.0)


REDUCED: dict[str, Callable[[NDArray[np.float64], int], NDArray[np.float64]]] = {
    "count": lambda rows, _ddof: rows[..., _COUNT],
    "mean": lambda rows, _ddof: rows[..., _MEAN],
    "std": deviations,
    "min": lambda rows, _ddof: rows[..., _MIN],
    "max": lambda rows, _ddof: rows[..., _MAX],
    "sum": _sum,
}
"""What a row tells, by the name of the statistic."""


def reduce(
    data: xr.Dataset | xr.DataArray,
    statistics: Sequence[str] = ("count", "mean", "std", "min", "max", "sum"),
    *,
    ddof: int = 0,
    dim: str | None = None,
) -> xr.Dataset:
    """Reduce every variable that holds samples to its statistics along time, in one pass.

    Parameters
    ----------
    data
        A Dataset or one variable. With dask the result is lazy: ``.compute()`` reads all variables in one go. Without,
        it is computed at once, from pieces of a few million samples.
    statistics
        Names out of ``count``, ``mean``, ``std``, ``min``, ``max``, ``sum``; ``count`` is that of the finite samples
        that were not lost, and the others are of these.
    ddof
        ``std`` divides by ``count - ddof``: 0 for the population.
    dim
        The dimension to reduce; None takes the first one called ``time…``.

    Returns
    -------
    xarray.Dataset
        float64 variables with their names, over ``statistic`` instead of time; levels and marks are left out.

    Raises
    ------
    SelectionError
        No variable holds samples, or there is no such statistic.

    Examples
    --------
    >>> ds = xr.Dataset({"current": ("time", np.array([1, 3, np.nan, 5], "f4"), {"units": "A"})})
    >>> reduce(ds, ["mean", "max"]).current.values.tolist(), reduce(ds).current.sel(statistic="count").item()
    ([3.0, 5.0], 3.0)
    """
    names = [statistics] if isinstance(statistics, str) else list(statistics)
    if missing := [name for name in names if name not in REDUCED]:
        raise SelectionError(f"no statistic {missing[0]!r}", f"Choose from {', '.join(REDUCED)}.")
    variables, coords = together((one, _reduced(one, names, ddof)) for one in sampled(data, dim=dim))
    dims = {d for variable in variables.values() for d in variable.dims}
    kept = {name: c for name, c in data.coords.items() if c.dims and dims.issuperset(c.dims) and name != "statistic"}
    attrs = data.attrs if isinstance(data, xr.Dataset) else {}
    return xr.Dataset(variables, {**coords, **kept, "statistic": np.array(names)}, attrs)


def extremes(chosen: Iterable[Sampled]) -> dict[str, tuple[float, float]]:
    """Return the least and the greatest finite value of each variable, NaN where there is none. Reads all of them."""
    variables, _ = together((one, _reduced(one, ["min", "max"], 0)) for one in chosen)
    found = xr.Dataset(variables).compute()
    return {
        str(name): (float(reached[..., 0].min()), float(reached[..., 1].max()))
        for name, reached in found.data_vars.items()
    }


def _reduced(one: Sampled, names: list[str], ddof: int) -> xr.Variable:
    told = _lazily(one, names, ddof) if one.is_chunked else _tell([_eagerly(one)], names=names, ddof=ddof)
    return xr.Variable(("statistic", *one.variable.dims[1:]), told, one.attributes).transpose(..., "statistic")


def _eagerly(one: Sampled) -> NDArray[np.float64]:
    """Return a variable's rows, shape (1, …, 6); a piece of it is read at a time."""
    from xjls.kernels.moments import merge_rows

    rows = [_rows_of(values, valid) for values, valid in iter_pieces(one)]
    none = np.empty((0, *one.variable.shape[1:], _ROW))
    return merge_rows(np.concatenate([none, *rows]))[np.newaxis]


def _lazily(one: Sampled, names: list[str], ddof: int) -> Any:
    """Return the statistics of a variable in dask: a row a chunk, merged in a tree; shape (statistic, …).

    Chunks of the untouched recording are reduced where they lie in the file, without an array of their values.
    """
    values = one.variable.data
    weights = None if one.valid is None else _along_time(one.valid.data, values)
    reduce_chunk: Callable[..., NDArray[np.float64]] = _rows_of_chunk
    if (parts := _parts_of(one)) is not None:
        values, weights = da.arange(len(values.chunks[0]), chunks=1), None
        reduce_chunk = parts
    return da.reduction(  # type: ignore[no-untyped-call]
        values,
        chunk=reduce_chunk,
        combine=_merge,
        aggregate=partial(_tell, names=names, ddof=ddof),
        axis=0,
        weights=weights,
        keepdims=True,
        concatenate=False,
        output_size=len(names),
        split_every=_MERGED_AT_ONCE,
        dtype=np.float64,
        meta=np.empty((0,) * values.ndim),
    )


@dataclass(frozen=True, slots=True)
class _Parts:
    """The chunks of a variable that is the untouched recording, by their numbers; a task carries no more than this."""

    array: SignalArray
    start: int
    """Position in the array of the first chunk."""
    stop: int
    first: int
    """Length of the first chunk."""
    size: int
    """Length of all others but the last."""

    def __call__(self, numbers: NDArray[np.int64], axis: Any = None, keepdims: bool = True) -> NDArray[np.float64]:  # noqa: ARG002
        """Reduce one chunk from its samples."""
        begin = self.start + (self.first + (int(numbers[0]) - 1) * self.size if numbers[0] else 0)
        end = min(self.start + self.first + int(numbers[0]) * self.size, self.stop)
        array = self.array
        inside = Window(array.window.start + begin, array.window.start + end) & array.signal.window
        found = array.recording.read_statistics(array.name, inside)
        row = (found if array.scaled else found.as_stored()).row
        row[_LOST] += end - begin - inside.length
        return row[np.newaxis]

    def __dask_tokenize__(self) -> tuple[object, ...]:
        return ("parts", *self.array.__dask_tokenize__(), self.start, self.stop, self.first, self.size)


def _parts_of(one: Sampled) -> _Parts | None:
    """Return the chunks of a variable that is the untouched recording's; None if it is not, or they are uneven."""
    found, (first, *others) = slice_of(one.variable), one.variable.data.chunks[0]
    if found is None or not isinstance(found.array, SignalArray) or one.variable.ndim > 1:
        return None
    size = others[0] if others else first
    if any(length != size for length in others[:-1]) or (others and others[-1] > size):
        return None
    return _Parts(found.array, found.start, found.stop, first, size)


def _along_time(valid: Any, values: Any) -> Any:
    """Give marks the shape of the samples, of which they share the first axis."""
    return da.asarray(valid).reshape((-1, *(1,) * (values.ndim - 1)))  # type: ignore[no-untyped-call]


def _rows_of_chunk(
    values: NDArray[Any],
    valid: NDArray[Any] | None = None,
    axis: Any = None,  # noqa: ARG001 - dask gives it
    keepdims: bool = True,  # noqa: ARG001
) -> NDArray[np.float64]:
    # dask gives marks the shape of the values, which may be empty
    return _rows_of(values, None if valid is None else valid.T[(0,) * (valid.ndim - 1)])


def _rows_of(values: NDArray[Any], valid: NDArray[Any] | None = None) -> NDArray[np.float64]:
    """Reduce a block, shape (time, …), to one row for each of its columns, shape (1, …, 6)."""
    from xjls.kernels.moments import moments

    kept = None if valid is None else np.asarray(valid, np.bool_)
    rows = np.empty((1, *values.shape[1:], _ROW))
    for place in np.ndindex(*values.shape[1:]):
        column = values[(slice(None), *place)]
        row = rows[(0, *place)]
        moments(column if kept is None or kept.all() else column[kept], row)
        if kept is not None:
            row[_LOST] = kept.size - np.count_nonzero(kept)
    return rows


def _merge(rows: Any, axis: Any = None, keepdims: bool = True) -> NDArray[np.float64]:  # noqa: ARG001 - dask gives them
    """Merge the rows of several blocks, shape (1, …, 6) each, into one."""
    from xjls.kernels.moments import merge_rows

    if not isinstance(rows, list):
        return np.asarray(rows)
    return rows[0] if len(rows) == 1 else merge_rows(np.concatenate(rows))[np.newaxis]


def _tell(
    rows: Any, axis: Any = None, keepdims: bool = True, *, names: list[str], ddof: int  # noqa: ARG001
) -> NDArray[np.float64]:  # fmt: skip
    """Return what the rows of several blocks tell together, shape (statistic, …)."""
    merged = _merge(rows)[0]
    return np.stack([REDUCED[name](merged, ddof) for name in names])
