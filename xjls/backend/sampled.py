"""Which variables of a Dataset hold samples, and their values, a piece at a time.

Levels are summaries and not samples; a ``<name>_valid`` belongs to its signal and says which of its samples were lost.
A variable of bounds, ``(time, bound)``, is several series: each is asked for itself, and the answers are put together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xjls.backend.labelled import counting_dims
from xjls.errors import SelectionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BOUND", "PIECE", "Sampled", "iter_pieces", "masks_of", "names_of_samples", "sampled", "together"]

BOUND = "bound"
"""The dimension along which the extremes of one quantity stand side by side."""

_PACKING = frozenset(("scale_factor", "add_offset"))
"""Attributes of values as they are stored: what else is said, units above all, is of the physical ones."""
_OF_SAMPLES = _PACKING | {"ancillary_variables", "_FillValue"}
"""Attributes that tell how samples are stored, and which are none."""
PIECE = 1 << 22
"""Samples held at a time where there is no dask to cut a variable."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """One series of samples: a variable, or one bound of it."""

    name: str
    """Of the variable."""
    dim: str
    """The dimension that is time."""
    variable: xr.Variable
    """The samples; time is its first dimension."""
    valid: xr.Variable | None
    """Which of them the recording holds, on the same dimension; None: all."""
    bound: Any = None
    """Its label along `BOUND`; None where the variable has no bounds."""

    @property
    def attributes(self) -> dict[str, Any]:
        """What the variable says of itself, and an answer about it may say as well."""
        left_out = _OF_SAMPLES | {"units"} if self._is_packed else _OF_SAMPLES
        return {key: value for key, value in self.variable.attrs.items() if key not in left_out}

    @property
    def signal_name(self) -> str:
        """What it is called as a signal of its own."""
        return self.name if self.bound is None else f"{self.name}_{self.bound}"

    @property
    def length(self) -> int:
        """Samples along time."""
        return int(self.variable.shape[0])

    @property
    def units(self) -> str:
        """Of the values; ``""`` where nobody says, and of values as they are stored."""
        return "" if self._is_packed else str(self.variable.attrs.get("units", ""))

    @property
    def _is_packed(self) -> bool:
        return not _PACKING.isdisjoint(self.variable.attrs)

    @property
    def is_chunked(self) -> bool:
        """Whether dask holds it."""
        return self.variable.chunks is not None


def sampled(
    data: xr.Dataset | xr.DataArray, signals: str | Iterable[str] | None = None, dim: str | None = None
) -> list[Sampled]:
    """Return the variables that hold samples, each bound of one for itself. Reads nothing.

    Parameters
    ----------
    data
        A Dataset, opened or derived; or one variable, which is then taken whatever it is called.
    signals
        Names; None takes all but levels, marks, what is not numeric, and what lies along labels that count frames or
        the like.
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
        return _named(data.drop_vars(name, errors="ignore").to_dataset(name=name), name, dim)
    if signals is not None:
        names = [signals] if isinstance(signals, str) else list(signals)
        if not names:
            raise SelectionError("no signal was named", "Name at least one, or leave signals=None for all.")
        return [one for name in names for one in _named(data, name, dim)]
    return [one for name in names_of_samples(data, dim) for one in _described(data, name, dim)]


def names_of_samples(data: xr.Dataset, dim: str | None = None, *, required: bool = True) -> list[str]:
    """Return the names of all variables that hold samples along time; raise if there is none, and one is required."""
    variables = {str(name): data.variables[name] for name in data.data_vars}
    marks = {mark for variable in variables.values() for mark in masks_of(variable.attrs)}
    counting = {} if dim is not None else counting_dims(data)
    names = [
        name for name, variable in variables.items()
        if name not in marks and _is_sampled(variable, dim) and _time_of(variable, dim) not in counting
    ]  # fmt: skip
    if not names and required:
        raise SelectionError(
            "no variable of this Dataset holds samples along time",
            f"Variables: {', '.join(map(str, data.data_vars)) or 'none'}.{_how_to_reduce(counting, variables)}",
        )
    return names


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


def masks_of(attrs: Any) -> list[str]:
    """Return the names of the variables that say of a variable with these attributes which of its values are some."""
    return str(attrs.get("ancillary_variables", "")).split()


def _time_of(variable: xr.Variable, dim: str | None) -> str | None:
    """Return which dimension is time; None where there is no such."""
    dims = [str(d) for d in variable.dims]
    if dim is not None:
        return dim if dim in dims else None
    named = [d for d in dims if d.startswith("time")]
    return named[0] if named else dims[0] if len(dims) == 1 else None


def together(answers: Iterable[tuple[Sampled, xr.Variable]]) -> tuple[dict[str, xr.Variable], dict[str, xr.Variable]]:
    """Return answers by the names of their variables, and coordinates; those of bounds are put side by side.

    They are told apart along `BOUND`, before an answer's last dimension. An attribute that is not the same of all is a
    list.

    Examples
    --------
    >>> ds = xr.Dataset({"v": (("time", "bound"), [[1, 3], [2, 5]])}, {"bound": ["min", "max"]})
    >>> answers = [(one, xr.Variable("statistic", [one.variable.mean()], {"n": 2})) for one in sampled(ds)]
    >>> variables, coords = together(answers)
    >>> variables["v"].dims, variables["v"].values.tolist(), variables["v"].attrs, coords["bound"].values.tolist()
    (('bound', 'statistic'), [[1.5], [4.0]], {'n': 2}, ['min', 'max'])
    """
    found: dict[str, list[tuple[Any, xr.Variable]]] = {}
    for one, variable in answers:
        found.setdefault(one.name, []).append((one.bound, variable))
    variables, coords = {}, {}
    for name, answered in found.items():
        bounds, parts = zip(*answered, strict=True)
        variables[name] = parts[0]
        if bounds[0] is not None:
            dims = parts[0].dims
            variables[name] = xr.Variable.concat(parts, BOUND).transpose(*dims[:-1], BOUND, *dims[-1:])
            variables[name].attrs = _told([part.attrs for part in parts])
            coords[BOUND] = xr.Variable(BOUND, list(bounds))
    return variables, coords


def _told(attributes: list[dict[Any, Any]]) -> dict[Any, Any]:
    """Return attributes of several as those of one."""
    several = {key: [attrs[key] for attrs in attributes] for key in attributes[0]}
    return {
        key: told[0] if all(one is told[0] or np.array_equal(one, told[0]) for one in told) else told
        for key, told in several.items()
    }


def _how_to_reduce(counting: Mapping[str, str], variables: Mapping[str, xr.Variable]) -> str:
    """Return how variables are reduced that lie along labels that count something; ``""`` where there are none."""
    found = ((name, dim) for dim in counting for name, variable in variables.items() if dim in variable.dims)
    name, dim = next(found, ("", ""))
    return f" Reduce those along {dim!r} by xarray, as ds.{name}.mean({dim!r})." if name else ""


def _named(dataset: xr.Dataset, name: str, dim: str | None) -> list[Sampled]:
    """Return a variable that was asked for; refuse one whose positions are no moments."""
    variable = dataset.variables.get(name)
    counting = counting_dims(dataset)
    along = None if dim is not None or variable is None else next((d for d in variable.dims if d in counting), None)
    if along is not None and name != along:
        raise SelectionError(
            f"{name!r} lies along {along!r}, whose labels count and are no times",
            f"Reduce it by xarray, as ds.{name}.mean({along!r}).",
        )
    return _described(dataset, name, dim)


def _described(dataset: xr.Dataset, name: str, dim: str | None) -> list[Sampled]:
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
    for mark in masks_of(variable.attrs):
        there = mark.endswith("_valid") and mark in dataset.data_vars
        if there and set(dataset.variables[mark].dims) in ({time}, {time, BOUND}.intersection(variable.dims)):
            valid = dataset.variables[mark].transpose(time, ...)
    whole = Sampled(name, time, variable.transpose(time, ...), valid)
    has_bounds = time != BOUND and variable.sizes.get(BOUND, 0) > 0
    return list(_bounds(dataset, whole)) if has_bounds else [whole]


def _bounds(dataset: xr.Dataset, whole: Sampled) -> Iterator[Sampled]:
    """Yield each bound of a variable, with its label; without labels, with its position."""
    size = whole.variable.sizes[BOUND]
    labels = dataset.coords[BOUND].values.tolist() if BOUND in dataset.coords else range(size)
    for i, label in enumerate(labels):
        valid = whole.valid
        if valid is not None and BOUND in valid.dims:
            valid = valid[{BOUND: i}]
        yield replace(whole, variable=whole.variable[{BOUND: i}], valid=valid, bound=label)
