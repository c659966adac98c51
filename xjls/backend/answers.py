"""Statistics and columns of a Dataset's variables: by the levels where a variable is the recording, else by its values.

Either way an answer is of the values that the variable shows, whatever it is called, and no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from dask.base import compute
from dask.delayed import delayed

from xjls.backend.index import TimeIndex
from xjls.backend.provenance import origin_of
from xjls.backend.rates import rate_hz_of
from xjls.backend.sampled import PIECE, Sampled, sampled, together
from xjls.backend.stored import stored_rows
from xjls.errors import SelectionError
from xjls.query.answer import LOOK_SAMPLES, ROW, STATISTICS, check_nans, deviations, integral_units
from xjls.query.edges import edges_by, equal_edges

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.backend.provenance import Origin
    from xjls.query.answer import Nans

__all__ = ["columns", "integrate", "known_extremes", "rate_of", "statistics"]

_COUNT, _LOST, _MEAN, _SQUARES, _MIN, _MAX = range(len(ROW))


@dataclass(frozen=True)
class _Numbers:
    """The answers for the columns of one variable."""

    table: NDArray[np.float64]
    """Shape (column, statistic)."""
    lost: int
    exact: bool


@dataclass(frozen=True)
class _Question:
    """One variable, cut into columns."""

    dataset: xr.Dataset
    one: Sampled
    edges: NDArray[np.int64]
    """Positions along time, shape (column + 1,)."""
    ddof: int
    nans: Nans

    @cached_property
    def origin(self) -> Origin | None:
        return origin_of(self.one.variable)

    @cached_property
    def rate_hz(self) -> float:
        """Values a second; see `rate_of`."""
        return rate_of(self.dataset, self.one)

    def from_levels(self, origin: Origin) -> _Numbers:
        """Answer for the untouched recording."""
        held = origin.recording.signal(origin.name).window
        asked = origin.window.start + self.edges
        edges = asked.clip(held.start, held.stop)
        found = origin.recording.columns_between(origin.name, edges, ddof=self.ddof, nans=self.nans)
        found = found.as_stored() if origin.is_stored else found
        table = np.stack([getattr(found, statistic) for statistic in STATISTICS], axis=1).astype(np.float64, copy=False)
        # Beyond its ends a signal of floats shows NaN; one of integers has marks that say that nothing is there
        beyond = 0 if self.one.valid is None else int(np.ptp(asked) - np.ptp(edges))
        return _Numbers(table, int(found.lost.sum()) + beyond, found.exact)

    def from_rows(self, rows: NDArray[np.float64]) -> _Numbers:
        """Answer from what the values were reduced to."""
        count, mean = rows[:, _COUNT], rows[:, _MEAN]
        integral = np.where(count > 0, mean * count, 0.0) / self.rate_hz
        table = np.stack([count, mean, deviations(rows, self.ddof), rows[:, _MIN], rows[:, _MAX], integral], axis=1)
        return _Numbers(table, int(rows[:, _LOST].sum()), True)

    def from_store(self) -> _Numbers | None:
        """Answer from the levels beside an array of a Zarr store; None where values must be read, or had better be."""
        one = self.one
        seen = self.nans == "count" or (self.nans == "auto" and one.length <= LOOK_SAMPLES)
        if len(self.edges) != 2 or one.valid is not None or (one.variable.dtype.kind == "f" and seen):
            return None
        rows = stored_rows(self.dataset, one)
        if rows is None:
            return None
        from xjls.kernels.moments import merge_rows

        return replace(self.from_rows(merge_rows(rows)[np.newaxis]), exact=one.variable.dtype.kind != "f")

    @property
    def attributes(self) -> dict[str, Any]:
        """What is kept of the variable's attributes, and the units of the integral."""
        kept = {key: value for key, value in self.one.attributes.items() if key != "first_sample_id"}
        return kept | {"units": self.one.units, "integral_units": integral_units(self.one.units), "ddof": self.ddof}


def statistics(dataset: xr.Dataset, signals: str | Iterable[str] | None, ddof: int, nans: Nans) -> xr.Dataset:
    """Return the statistics of each variable over all that it shows; see `XjlsAccessor.statistics`."""
    questions = [
        _Question(dataset, one, np.array([0, one.length], np.int64), ddof, nans) for one in _signals(dataset, signals)
    ]
    made = []
    for question, found in _answered(questions):
        attrs = question.attributes | _health(question.one.length, found)
        made.append((question.one, xr.Variable(("statistic",), found.table[0], attrs)))
    variables, coords = together(made)
    return xr.Dataset(variables, {**coords, "statistic": list(STATISTICS)}, dataset.attrs)


def columns(
    dataset: xr.Dataset, n: int, signals: str | Iterable[str] | None, increment: int | None, ddof: int, nans: Nans
) -> xr.Dataset:
    """Return the statistics of each variable over consecutive spans of time; see `XjlsAccessor.columns`."""
    questions = []
    for one in _signals(dataset, signals):
        edges = _edges(one.length, n, increment)
        questions.append(_Question(dataset, one, edges, ddof, nans))
    made = []
    coords = {"statistic": xr.Variable(("statistic",), list(STATISTICS))}
    for question, found in _answered(questions):
        dim = question.one.dim
        attrs = question.attributes | _health(int(question.edges[-1]), found)
        made.append((question.one, xr.Variable((dim, "statistic"), found.table, attrs)))
        coords[dim] = _starts(dataset, dim, question.edges)
        counts = np.diff(question.edges)
        coords[f"samples_{dim}"] = xr.Variable((dim,), counts, {"long_name": "samples of a column"})
    variables, bounds = together(made)
    return xr.Dataset(variables, bounds | coords, dataset.attrs)


def integrate(dataset: xr.Dataset, signals: str | Iterable[str] | None, nans: Nans) -> xr.Dataset:
    """Return the integral of each variable over all that it shows; see `XjlsAccessor.integrate`."""
    found = statistics(dataset, signals, 0, nans)
    made = {}
    integral = found.sel(statistic="integral", drop=True)
    for name, variable in found.data_vars.items():
        attrs = {key: value for key, value in variable.attrs.items() if key not in ("integral_units", "ddof")}
        attrs |= {"units": variable.attrs["integral_units"], "long_name": f"integral of {name} over time"}
        made[name] = integral[name].drop_attrs().assign_attrs(attrs)
    return xr.Dataset(made, attrs=dataset.attrs)


def rate_of(dataset: xr.Dataset, one: Sampled) -> float:
    """Return the values a second: the nominal rate, unless time labels tell another one; NaN where nothing tells."""
    found = rate_hz_of(dataset, one)
    return np.nan if found is None else found


def known_extremes(dataset: xr.Dataset, names: Iterable[str]) -> dict[str, tuple[float, float]]:
    """Return the smallest and largest value of each variable that is the untouched recording; others are left out."""
    known: dict[str, list[NDArray[np.float64] | None]] = {}
    for one in sampled(dataset, list(names)):
        question = _Question(dataset, one, np.array([0, one.length], np.int64), 0, "trust")
        told = None if question.origin is None else question.from_levels(question.origin).table[0, 3:5]
        known.setdefault(one.name, []).append(told)
    spans = {name: np.array(told) for name, told in known.items() if not any(one is None for one in told)}
    return {name: (np.fmin.reduce(span[:, 0]), np.fmax.reduce(span[:, 1])) for name, span in spans.items()}


def _signals(dataset: xr.Dataset, signals: str | Iterable[str] | None) -> list[Sampled]:
    found = sampled(dataset, signals)
    plain = [one for one in found if one.variable.ndim == 1]
    if (signals is not None and len(plain) < len(found)) or not plain:
        odd = next(one for one in found if one.variable.ndim > 1)
        raise SelectionError(
            f"{odd.name!r} has the dimensions {', '.join(map(str, odd.variable.dims))}, not time alone",
            "Select one position of the others, or use ds.xjls.reduce.",
        )
    return plain


def _health(samples: int, found: _Numbers) -> dict[str, Any]:
    """Return how many samples there were, and what became of those that do not count; netCDF takes no bool."""
    nan = samples - int(found.table[:, 0].sum()) - found.lost
    return {"samples": samples, "nan": nan, "lost": found.lost, "exact": int(found.exact)}


def _answered(questions: list[_Question]) -> Iterator[tuple[_Question, _Numbers]]:
    """Yield questions with their answers; the values of all that need them are read in one go."""
    for question in questions:
        check_nans(question.nans)
    told = [q.from_levels(q.origin) if q.origin is not None else q.from_store() for q in questions]
    tasks = [_row_tasks(question) if found is None else [] for question, found in zip(questions, told, strict=True)]
    computed: tuple[Any, ...] = compute(*tasks)  # type: ignore[no-untyped-call]
    for question, found, parts in zip(questions, told, computed, strict=True):
        yield question, found or question.from_rows(_merged(parts, len(question.edges) - 1))


def _row_tasks(question: _Question) -> list[Any]:
    """Return what gives (first column, rows) of each piece of a variable: tasks of dask, or the rows themselves."""
    one, edges = question.one, question.edges
    chunks = one.variable.chunks
    lengths = chunks[0] if chunks is not None else [PIECE] * -(-one.length // PIECE)
    tasks, start = [], 0
    for length in lengths:
        stop = min(start + length, int(edges[-1]))
        if start < stop:
            first, last = int(np.searchsorted(edges, start, "right")) - 1, int(np.searchsorted(edges, stop, "left"))
            inner = edges[first : last + 1].clip(start, stop) - start
            piece = {one.dim: slice(start, stop)}
            values = one.variable.isel(piece)
            valid = None if one.valid is None else one.valid.isel(piece)
            if one.is_chunked:
                mark = None if valid is None else valid.data
                tasks.append(delayed(_part, pure=True)(first, values.data, mark, inner))
            else:
                tasks.append(_part(first, values.values, None if valid is None else valid.values, inner))
        start += length
    return tasks


def _part(
    first: int, values: NDArray[Any], valid: NDArray[Any] | None, edges: NDArray[np.int64]
) -> tuple[int, NDArray[np.float64]]:
    """Return the number of the first column, and the rows of the columns of one piece of a variable."""
    from xjls.kernels.moments import moments_of_runs

    rows = np.empty((len(edges) - 1, len(ROW)))
    values = np.asarray(values)
    lost = np.zeros(len(rows), np.int64)
    known = None if valid is None else np.asarray(valid, np.bool_)  # whatever was done to all variables
    if known is not None and not known.all():
        values = np.where(known, values, np.nan)
        lost = np.diff(np.concatenate([[0], np.cumsum(~known)])[edges])
    moments_of_runs(values, edges, rows)
    rows[:, _LOST] = lost
    return first, rows


def _merged(parts: list[tuple[int, NDArray[np.float64]]], n: int) -> NDArray[np.float64]:
    """Return the rows of all columns from those of the pieces; a column may lie in several."""
    from xjls.kernels.moments import merge_rows

    rows = np.zeros((n, len(ROW)))
    rows[:, _MEAN:] = np.nan
    for first, part in parts:
        span = slice(first, first + len(part))
        rows[span] = merge_rows(np.stack([rows[span], part]))
    return rows


def _edges(length: int, n: int, increment: int | None) -> NDArray[np.int64]:
    """Return the positions between columns: ``n`` of equal length, or of ``increment`` samples as many as fit."""
    return equal_edges(0, length, n) if increment is None else edges_by(0, length, increment)


def _starts(dataset: xr.Dataset, dim: str, edges: NDArray[np.int64]) -> xr.Variable:
    """Return the coordinate of columns: the label of each first sample; the attribute ``end`` is the last one's end."""
    index_ = dataset.xindexes.get(dim)
    attrs = dict(dataset[dim].attrs) if dim in dataset.coords else {}
    if isinstance(index_, TimeIndex):
        labels = index_.labels.numbers(edges)
        starts = labels[:-1].view("M8[ns]") if index_.labels.unit == "utc" else labels[:-1]
        return xr.Variable((dim,), starts, attrs | {"end": labels[-1].item()})
    values = dataset[dim].values if dim in dataset.coords else np.empty(0)
    if not values.size or values.dtype.kind not in "Mmiuf":
        return xr.Variable((dim,), edges[:-1], attrs | {"end": int(edges[-1])})
    if values.dtype.kind in "Mm":
        values = values.astype(f"{values.dtype.kind}8[ns]")
    last = int(edges[-1])
    end = values[last] if last < len(values) else values[-1] + (values[-1] - values[0]) / max(len(values) - 1, 1)
    number = np.asarray(end).view(np.int64).item() if values.dtype.kind in "Mm" else np.asarray(end).item()
    return xr.Variable((dim,), values[edges[:-1]], attrs | {"end": number})
