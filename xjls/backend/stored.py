"""Levels beside the samples in a Zarr store that plain xarray has opened: rows for the middle of a span from them.

A level belongs to a variable if both are untouched arrays of one group, called ``current`` and ``current_x128``, the
labels of its entries are those of the samples where they begin, and the first and the last entry are those of the
samples, or of the entries of the level below. Nothing else is believed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.backend.provenance import slice_of
from xjls.backend.sampled import PIECE
from xjls.model.signal import STATISTICS
from xjls.query.answer import ROW

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from xjls.backend.sampled import Sampled

__all__ = ["stored_rows"]

Spans = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Level:
    """A level of a variable: entry ``first + k`` covers the samples from position ``start + k * factor`` on."""

    variable: xr.Variable
    factor: int
    first: int
    start: int
    count: int
    """Entries whose samples the variable shows, all of them."""

    def whole(self, start: int, stop: int) -> tuple[int, int]:
        """Return the range of entries that lie in samples [start, stop)."""
        lo = max(0, -(-(start - self.start) // self.factor))
        hi = min(self.count, (stop - self.start) // self.factor)
        return lo, max(lo, hi)

    def rows(self, lo: int, hi: int) -> NDArray[np.float64]:
        """Read entries as rows; what cannot be believed has a count of NaN."""
        piece = self.variable[self.first + lo : self.first + hi].transpose(..., "statistic").values.astype(np.float64)
        rows = np.zeros((hi - lo, len(ROW)))
        rows[:, 0] = np.where(np.isfinite(piece[:, :2]).all(axis=1), self.factor, np.nan)
        rows[:, 2], rows[:, 3], rows[:, 4:] = piece[:, 0], self.factor * piece[:, 1] ** 2, piece[:, 2:]
        return rows


def stored_rows(dataset: xr.Dataset, one: Sampled) -> NDArray[np.float64] | None:
    """Return rows that together are all samples of a variable, most of them entries of its levels; None without any."""
    levels = _confirmed(one, _levels(dataset, one))
    if not levels:
        return None
    found: list[NDArray[np.float64]] = []
    open_spans: Spans = [(0, one.length)]
    for level in reversed(levels):
        open_spans = [left for span in open_spans for left in _taken(level, *span, found)]
    for start, stop in open_spans:
        found += [_row(one, at, min(at + PIECE, stop))[np.newaxis] for at in range(start, stop, PIECE)]
    return np.concatenate(found)


def _row(one: Sampled, start: int, stop: int) -> NDArray[np.float64]:
    from xjls.kernels.moments import moments

    return moments(one.variable[start:stop].values)


def _confirmed(one: Sampled, levels: list[_Level]) -> list[_Level]:
    """Return the levels, from fine to coarse, whose first and last entries are those of what is below them."""
    from xjls.kernels.moments import merge_rows

    confirmed: list[_Level] = []
    for level in sorted(levels, key=lambda level: level.factor):
        below = confirmed[-1] if confirmed else None
        for k in {0, level.count - 1}:
            start = level.start + k * level.factor
            if below is None:
                told = _row(one, start, start + level.factor)
            else:
                inner = below.rows(*below.whole(start, start + level.factor))
                told = merge_rows(inner[inner[:, 0] > 0])
            row = level.rows(k, k + 1)[0]
            known = row[0] > 0 and told[0] == level.factor
            if known and not np.allclose(row[[2, 4, 5]], told[[2, 4, 5]], rtol=1e-5, atol=1e-6 * abs(told[4:]).max()):
                break
        else:
            confirmed.append(level)
    return confirmed


def _taken(level: _Level, start: int, stop: int, found: list[NDArray[np.float64]]) -> Spans:
    """Add the entries of a level that lie in a span to what was found; return the spans that are left."""
    lo, hi = level.whole(start, stop)
    if lo == hi:
        return [(start, stop)]
    rows = level.rows(lo, hi)
    known = np.isfinite(rows[:, 0])
    found.append(rows[known])
    edges = [start, *_edges_of_runs(~known, level.start + lo * level.factor, level.factor), stop]
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]


def _edges_of_runs(unknown: NDArray[np.bool_], first: int, factor: int) -> list[int]:
    """Return where the first entry begins, where runs of unknown ones begin and end, and where the last one ends."""
    inner = np.flatnonzero(np.diff(unknown, prepend=False, append=False))
    return [first, *(first + factor * inner).tolist(), first + factor * len(unknown)]


def _levels(dataset: xr.Dataset, one: Sampled) -> list[_Level]:
    samples = slice_of(one.variable)
    if samples is None or not one.length:
        return []
    place, levels = _place(samples.array), []
    for variable in dataset.variables.values():
        factor = variable.attrs.get("samples_per_entry")
        if not isinstance(factor, int | np.integer) or variable.ndim != 2 or "statistic" not in variable.dims:
            continue
        entries = slice_of(variable)
        if entries is not None and place is not None and _place(entries.array) == (place[0], f"{place[1]}_x{factor}"):
            level = _aligned(dataset, one, variable, int(factor))
            levels += [level] if level is not None else []
    return levels


def _place(array: Any) -> tuple[str, str] | None:
    """Return the store and path of a Zarr array."""
    stored = getattr(array, "_array", None)
    return None if stored is None else (str(getattr(stored, "store", "")), str(getattr(stored, "path", "")))


def _aligned(dataset: xr.Dataset, one: Sampled, variable: xr.Variable, factor: int) -> _Level | None:
    """Place a level by the labels of the first and last entry whose samples are all there; None where they differ."""
    dim = next(str(d) for d in variable.dims if d != "statistic")
    if one.dim not in dataset.coords or dim not in dataset.coords:
        return None
    if list(map(str, dataset.coords["statistic"].values)) != list(STATISTICS):
        return None
    times, labels = dataset[one.dim].values, dataset[dim].values
    first = int(np.searchsorted(labels, times[0]))
    if first == len(labels):
        return None
    start = int(np.searchsorted(times, labels[first]))
    count = min((one.length - start) // factor, len(labels) - first)
    if count < 1:
        return None
    ends = np.array([0, count - 1])
    same = np.array_equal(times[start + ends * factor], labels[first + ends])
    return _Level(variable, factor, first, start, count) if same else None
