"""Which variables of a Dataset hold samples, and their values, a piece at a time.

Levels are summaries and not samples; a ``<name>_valid`` belongs to its signal and says which of its samples were lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xjls.errors import SelectionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PIECE", "Sampled", "iter_pieces", "sampled"]

PIECE = 1 << 22
"""Samples held at a time where there is no dask to cut a variable."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """One variable that holds samples."""

    name: str
    dim: str
    """The dimension that is time."""
    variable: xr.Variable
    """The samples; time is its first dimension."""
    valid: xr.Variable | None
    """Which of them the recording holds, on the same dimension; None: all."""

    @property
    def length(self) -> int:
        """Samples along time."""
        return int(self.variable.shape[0])

    @property
    def units(self) -> str:
        """Of the values; ``""`` where nobody says."""
        return str(self.variable.attrs.get("units", ""))

    @property
    def is_chunked(self) -> bool:
        """Whether dask holds it."""
        return self.variable.chunks is not None


def sampled(
    data: xr.Dataset | xr.DataArray, signals: str | Iterable[str] | None = None, dim: str | None = None
) -> list[Sampled]:
    """Return the variables that hold samples. Reads nothing.

    Parameters
    ----------
    data
        A Dataset, opened or derived; or one variable, which is then taken whatever it is called.
    signals
        Names; None takes all but levels, marks and what is not numeric.
    dim
        The time dimension; None takes the first one called ``time…``, or the only one.

    Raises
    ------
    SelectionError
        There is no variable of that name, it is not numeric or has no such dimension, or there is none at all.

    Examples
    --------
    >>> ds = xr.Dataset({"current": ("time", [1.0, 2.0]), "label": "bench"})
    >>> [one.name for one in sampled(ds)]
    ['current']
    """
    if isinstance(data, xr.DataArray):
        name = "values" if data.name is None else str(data.name)
        return [_described(data.drop_vars(name, errors="ignore").to_dataset(name=name), name, dim)]
    if signals is not None:
        chosen = [_described(data, name, dim) for name in ([signals] if isinstance(signals, str) else signals)]
        if not chosen:
            raise SelectionError("no signal was named", "Name at least one, or leave signals=None for all.")
        return chosen
    variables = {str(name): data.variables[name] for name in data.data_vars}
    marks = {mark for variable in variables.values() for mark in _marks(variable.attrs)}
    names = [name for name, variable in variables.items() if name not in marks and _is_sampled(variable, dim)]
    if not names:
        raise SelectionError(
            "no variable of this Dataset holds samples along time",
            f"Variables: {', '.join(map(str, data.data_vars)) or 'none'}.",
        )
    return [_described(data, name, dim) for name in names]


def iter_pieces(one: Sampled) -> Iterator[tuple[NDArray[Any], NDArray[np.bool_] | None]]:
    """Yield the samples and, where it is known, which of them are valid, from first to last; reads each once.

    Pieces are dask's chunks, or of at most `PIECE` samples.
    """
    if one.variable.chunks is not None:
        lengths = list(one.variable.chunks[0])
    else:
        lengths = [min(PIECE, one.length - start) for start in range(0, one.length, PIECE)]
    start = 0
    for length in lengths:
        piece = {one.dim: slice(start, start + length)}
        valid = None if one.valid is None else one.valid.isel(piece).values.astype(np.bool_, copy=False)
        yield one.variable.isel(piece).values, valid
        start += length


def _is_sampled(variable: xr.Variable, dim: str | None) -> bool:
    is_level = "statistic" in variable.dims or "samples_per_entry" in variable.attrs
    return not is_level and variable.dtype.kind in "biuf" and _time_of(variable, dim) is not None


def _marks(attrs: Any) -> list[str]:
    return str(attrs.get("ancillary_variables", "")).split()


def _time_of(variable: xr.Variable, dim: str | None) -> str | None:
    """Return which dimension is time; None where there is no such."""
    dims = [str(d) for d in variable.dims]
    if dim is not None:
        return dim if dim in dims else None
    named = [d for d in dims if d.startswith("time")]
    return named[0] if named else dims[0] if len(dims) == 1 else None


def _described(dataset: xr.Dataset, name: str, dim: str | None) -> Sampled:
    if name not in dataset.data_vars:
        names = ", ".join(map(str, dataset.data_vars)) or "none"
        raise SelectionError(f"no variable {name!r} in this Dataset", f"Variables: {names}.")
    variable = dataset.variables[name]
    if variable.dtype.kind not in "biuf":
        raise SelectionError(f"{name!r} holds {variable.dtype}, not real numbers", "Choose others with signals=.")
    time = _time_of(variable, dim)
    if time is None:
        dims = ", ".join(map(str, variable.dims)) or "none"
        raise SelectionError(f"{name!r} has no dimension {dim or 'called time'}", f"Dimensions: {dims}.")
    valid = None
    for mark in _marks(variable.attrs):
        if mark.endswith("_valid") and mark in dataset.data_vars and dataset.variables[mark].dims == (time,):
            valid = dataset.variables[mark]
    return Sampled(name, time, variable.transpose(time, ...), valid)
