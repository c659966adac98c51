"""How often each value occurs: labelled histograms, and the distributions that follow from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import xarray as xr
from dask.base import compute

from xjls.backend.reductions import extremes as find_extremes
from xjls.backend.sampled import Sampled, iter_pieces, sampled, together
from xjls.errors import SelectionError
from xjls.query.histogram import OUTSIDE, Bins, choose_bins, count

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ccdf", "cdf", "histogram"]

_ADDED_AT_ONCE = 16


def histogram(
    data: xr.Dataset | xr.DataArray,
    bins: int | None = None,
    range: tuple[float, float] | None = None,  # noqa: A002 - as NumPy calls it
    signals: str | Sequence[str] | None = None,
    *,
    density: bool = False,
    extremes: Mapping[str, tuple[float, float]] | None = None,
) -> xr.Dataset:
    """Count how many samples fall into bins of equal width.

    Parameters
    ----------
    data
        A Dataset or one variable. With dask its chunks are counted in parallel, without in pieces; the result is
        computed in either case.
    bins
        How many; None takes one for each value of integers that span at most 1024 values, else 256.
    range
        From the first bin's left to the last one's right edge, for all signals; None takes each signal's own extremes,
        which costs another pass over those that `extremes` does not know.
    signals
        Names; None takes all that hold samples.
    density
        Give the counts divided by their sum and by the bin's width.
    extremes
        Minimum and maximum by signal, where they are known already, from levels for example.

    Returns
    -------
    xarray.Dataset
        ``<signal>(<signal>_bin)``, int64, or float64 for a density; its coordinates ``<signal>_bin`` are the centres,
        ``<signal>_bin_left`` and ``<signal>_bin_right`` the edges, in the signal's units. A bin contains its left edge,
        the last one both. Attributes count the samples ``counted``, ``below``, ``above``, ``not_finite`` and ``lost``.

    Raises
    ------
    SelectionError
        No such signal, no bins, or a range that is none.

    Examples
    --------
    >>> ds = xr.Dataset({"gpi": ("time", np.array([True, False, True]))})
    >>> histogram(ds).gpi.to_series().to_dict()
    {0.0: 1, 1.0: 2}
    """
    chosen = sampled(data, signals)
    known = dict(extremes or {})
    if range is None:
        known |= find_extremes(one for one in chosen if one.variable.dtype.kind != "b" and one.name not in known)
    cut = {one.name: _bins(one, bins, range, known.get(one.name, (0.0, 1.0))) for one in chosen}
    counts = compute(*(_counts(one, cut[one.name]) for one in chosen))  # type: ignore[no-untyped-call]
    told = zip(chosen, counts, strict=True)
    variables, coords = together((one, _labelled(one, cut[one.name], counted, density)) for one, counted in told)
    for one in chosen:
        coords |= _edges(one, cut[one.name])
    return xr.Dataset(variables, coords)


def cdf(data: xr.Dataset | xr.DataArray, **options: Any) -> xr.Dataset:
    """Return the cumulative distribution: the share of the finite samples below each edge of the bins, exactly.

    Samples outside the range count: the first value is the share below it. At the last edge, which belongs to the last
    bin, it is the share up to and with the edge.

    Parameters
    ----------
    data
        What `histogram` gave, or what it takes.
    **options
        Of `histogram`, for the latter.

    Returns
    -------
    xarray.Dataset
        ``<signal>(<signal>_edge)``, from 0 to 1.

    Examples
    --------
    >>> ds = xr.Dataset({"current": ("time", [0.5, 1.5, 1.6, 9.0])})
    >>> cdf(ds, bins=2, range=(0, 2)).current.to_series().to_dict()
    {0.0: 0.0, 1.0: 0.25, 2.0: 0.75}
    """
    counted = data if isinstance(data, xr.Dataset) and _is_histogram(data) else histogram(data, **options)
    return xr.merge([_cumulated(counted, str(name)) for name in counted.data_vars], compat="no_conflicts", join="exact")


def ccdf(data: xr.Dataset | xr.DataArray, **options: Any) -> xr.Dataset:
    """Return the complementary distribution, 1 - `cdf`: the share of the finite samples from each edge on.

    Examples
    --------
    >>> ds = xr.Dataset({"current": ("time", [0.5, 1.5, 1.6, 9.0])})
    >>> ccdf(ds, bins=2, range=(0, 2)).current.to_series().to_dict()
    {0.0: 1.0, 1.0: 0.75, 2.0: 0.25}
    """
    with xr.set_options(keep_attrs=True):
        complement = 1 - cdf(data, **options)
    for variable in complement.data_vars.values():
        variable.attrs["long_name"] = str(variable.attrs["long_name"]).replace("share below", "share from", 1)
    return complement


def _bins(one: Sampled, number: int | None, span: tuple[float, float] | None, known: tuple[float, float]) -> Bins:
    if span is None:
        return choose_bins(one.variable.dtype, *known, number)
    try:
        low, high = map(float, span)
    except (TypeError, ValueError):
        raise SelectionError(f"range={span!r} is no range", "Give range=(low, high) with low < high.") from None
    if not low < high:
        raise SelectionError(
            f"there is no finite range from {low} to {high}", "Give range=(low, high) with low < high."
        )
    if number is None and one.variable.dtype.kind in "biu" and low.is_integer() and high.is_integer():
        return choose_bins(one.variable.dtype, low, high, None)
    return choose_bins(np.dtype("f8"), low, high, number)


def _counts(one: Sampled, bins: Bins) -> Any:
    """Return the counts of a signal, or dask's promise of them."""
    if not one.is_chunked:
        return count(iter_pieces(one), bins)
    values = one.variable.data
    axes, width = tuple(range(values.ndim)), bins.number + len(OUTSIDE)
    marks: tuple[Any, ...] = (None, None)
    if one.valid is not None:
        marks = (da.asarray(one.valid.data).rechunk((values.chunks[0],)), (0,))  # type: ignore[no-untyped-call]
    counted = da.blockwise(  # type: ignore[no-untyped-call]
        _count_chunk, (*axes, len(axes)), values, axes, *marks, bins=bins, new_axes={len(axes): width},
        adjust_chunks=dict.fromkeys(axes, 1), dtype=np.int64, meta=np.empty((0,) * (len(axes) + 1), np.int64),
    )  # fmt: skip
    return counted.sum(axis=axes, split_every=_ADDED_AT_ONCE)


def _count_chunk(values: NDArray[Any], valid: NDArray[Any] | None = None, *, bins: Bins) -> NDArray[np.int64]:
    counted = count([(values, None if valid is None else valid.astype(np.bool_, copy=False))], bins)
    return counted.reshape((1,) * values.ndim + (-1,))


def _labelled(one: Sampled, bins: Bins, counted: NDArray[np.int64], density: bool) -> xr.Variable:
    counts = counted[: bins.number]
    total = int(counts.sum())
    values = counts / max(total, 1) / bins.width if density else counts
    attrs: dict[str, Any] = {"long_name": f"{'density' if density else 'samples'} of {one.name}"}
    if density:
        attrs["units"] = f"1/{one.units}" if one.units else "1"
    attrs |= {"counted": total}
    attrs |= {name: int(number) for name, number in zip(OUTSIDE, counted[bins.number :], strict=True)}
    return xr.Variable((f"{one.name}_bin",), values, attrs)


def _edges(one: Sampled, bins: Bins) -> dict[str, xr.Variable]:
    """Return the coordinates of a signal's bins."""
    dim, edges, units = f"{one.name}_bin", bins.edges, {"units": one.units} if one.units else {}
    return {
        dim: xr.Variable(dim, bins.centres, {"long_name": one.name, **units}),
        f"{dim}_left": xr.Variable(dim, edges[:-1], {"long_name": f"{one.name}, left edge", **units}),
        f"{dim}_right": xr.Variable(dim, edges[1:], {"long_name": f"{one.name}, right edge", **units}),
    }


def _is_histogram(data: xr.Dataset) -> bool:
    return bool(data.data_vars) and all(
        variable.dims[-1:] == (f"{name}_bin",) and "counted" in variable.attrs
        for name, variable in data.data_vars.items()
    )


def _cumulated(counted: xr.Dataset, name: str) -> xr.Dataset:
    variable = counted[name]
    left, right = counted[f"{name}_bin_left"], counted[f"{name}_bin_right"]
    inside, below, above = (np.asarray(variable.attrs[key])[..., np.newaxis] for key in ("counted", "below", "above"))
    if max(inside.ndim, below.ndim, above.ndim) > variable.ndim:
        raise SelectionError(f"the histogram of {name!r} is that of one bound", "Take the cdf of all, then select.")
    shares = variable.values
    if shares.dtype.kind == "f":
        shares = shares * (right - left).values * inside
    total = below + inside + above
    before = np.zeros((*shares.shape[:-1], 1))
    cumulated = below + np.concatenate([before, np.cumsum(shares, axis=-1)], axis=-1)
    values = np.divide(cumulated, total, out=np.full(cumulated.shape, np.nan), where=total > 0)
    dim = f"{name}_edge"
    edges = np.append(left.values, right.values[-1:])
    units = {key: left.attrs[key] for key in ("units",) if key in left.attrs}
    attrs = {"long_name": f"share below {name}", "units": "1"}
    coords = {other: counted[other] for other in variable.dims[:-1] if other in counted.coords}
    made = (*variable.dims[:-1], dim), values, attrs
    return xr.Dataset({name: made}, {**coords, dim: (dim, edges, {"long_name": name, **units})})
