"""Frames and buffers on their way out: variables on axes of labels, each as the signal that it will be.

Labels are sample ids, and so must follow each other. Coordinates of an axis go along with what lies on it; a mark that
says of which positions nothing is there becomes gaps.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from xjls.backend.labelled import counting_dims
from xjls.backend.outgoing import Outgoing, source_of
from xjls.backend.provenance import labelled_origin_of
from xjls.backend.sampled import Sampled, masks_of
from xjls.backend.utc_array import UNIX_SECONDS, as_seconds
from xjls.errors import SelectionError
from xjls.model.sample_type import dtype_of, name_of
from xjls.model.signal import Signal
from xjls.model.totals import without_totals

if TYPE_CHECKING:
    from xjls.backend.provenance import Origin

__all__ = ["names_on_labels", "outgoing_on_labels"]

_KEPT = ("ancillary_variables", "flag_meanings", "refers_to")
"""Attributes that are facts of whatever was derived from a signal."""


def names_on_labels(dataset: xr.Dataset, signals: Iterable[str] | None) -> list[str]:
    """Return the variables on axes of labels among those that were named, or all; and the coordinates of their axes."""
    counting = counting_dims(dataset)
    named = [str(name) for name in (dataset.data_vars if signals is None else signals)]
    found = [name for name in named if name in dataset and not counting.keys().isdisjoint(dataset[name].dims)]
    dims = {dim for dim in counting if signals is None or any(dim in dataset[name].dims for name in found)}
    beside = [str(name) for name, one in dataset.coords.items() if name not in dims and not dims.isdisjoint(one.dims)]
    masks = {mark for name in found for mark in masks_of(dataset[name].attrs) if mark.endswith("_valid")}
    return [name for name in dict.fromkeys([*found, *beside]) if name not in masks]


def outgoing_on_labels(dataset: xr.Dataset, name: str) -> Outgoing:
    """Describe a variable on an axis of labels as the signal that it will be.

    Raises
    ------
    SelectionError
        Its labels do not count on, it lies along two such axes, or no recording holds its type.
    """
    counting = counting_dims(dataset)
    dims = [str(dim) for dim in dataset[name].dims if dim in counting]
    if len(dims) > 1:
        raise SelectionError(f"{name!r} lies along {' and '.join(dims)}", "Select one position of one of them.")
    dim = dims[0]
    variable = dataset.variables[name].transpose(dim, ...)
    origin = labelled_origin_of(variable)
    facts, attrs = _stored_as(name, variable, origin), variable.attrs
    if variable.dtype.kind == "M" and origin is None:
        variable = xr.Variable(variable.dims, as_seconds(variable.values), {**attrs, "units": UNIX_SECONDS})
    units = str(variable.attrs.get("units", "")) if origin is None else origin.signal.units
    is_held = origin is not None and origin.window & origin.signal.window == origin.window
    one = Sampled(name, dim, variable, None if is_held else _known(dataset, name, dim))
    signal = Signal(
        id=0, name=_stored_name(name, dim, origin), units=units, source=source_of(one, origin),
        rate_hz=_rate(attrs, origin), axis=counting[dim], sample_shape=variable.shape[1:],
        sample_dims=tuple(str(d) for d in variable.dims[1:]), describes_axis=name in dataset.coords, **facts,
    )  # fmt: skip
    is_stored = not signal.is_scaled or (origin is not None and origin.is_stored)
    return Outgoing(one, origin, signal, _first_id(dataset, dim), is_stored, [])


def _stored_name(name: str, dim: str, origin: Origin | None) -> str:
    """Return what a variable is called in a recording: as there, if only the Dataset needed another name for it."""
    return origin.name if origin is not None and name == f"{origin.name}_{dim}" else name


def _stored_as(name: str, variable: xr.Variable, origin: Origin | None) -> dict[str, Any]:
    """Return what values are and how they are stored, and what is said of them that holds of a part as well."""
    if origin is not None:
        signal = origin.signal
        told = {key: getattr(signal, key) for key in ("dtype", "stored_type", "scale_factor", "add_offset")}
        is_whole = origin.window == signal.window
        return told | {"facts": signal.facts if is_whole else without_totals(signal.facts)}
    try:
        stored_type = "f64" if variable.dtype.kind == "M" else name_of(variable.dtype)
    except SelectionError as error:
        raise SelectionError(f"{name!r} holds {variable.dtype}, which no recording has", error.remedy) from None
    return {"stored_type": stored_type, "dtype": dtype_of(stored_type), "facts": _facts_of(variable.attrs)}


def _facts_of(told: Any) -> dict[str, Any]:
    """Return the facts that attributes of a derived variable still tell."""
    facts = {key: told[key] for key in _KEPT if key in told}
    return facts | {"flag_masks": np.asarray(told["flag_masks"]).tolist()} if "flag_masks" in told else facts


def _known(dataset: xr.Dataset, name: str, dim: str) -> xr.Variable | None:
    """Return of which positions there is something; None: of all."""
    for mark in masks_of(dataset[name].attrs):
        if mark in dataset and dataset[mark].dtype == np.bool_ and dim in dataset[mark].dims:
            others = [other for other in dataset[mark].dims if other != dim]
            return dataset.variables[mark].any(others) if others else dataset.variables[mark]
    return None


def _rate(attrs: Any, origin: Origin | None) -> Fraction:
    """Return the nominal rate; 1 where nobody says one."""
    if origin is not None:
        return origin.signal.rate_hz
    given = attrs.get("nominal_rate_hz")
    is_rate = isinstance(given, int | float | np.number) and 0 < float(given) < np.inf
    return (Fraction(float(given)).limit_denominator(10**6) if is_rate else Fraction(0)) or Fraction(1)


def _first_id(dataset: xr.Dataset, dim: str) -> int:
    """Return the id of the first position; refuse ids that do not count on."""
    index = dataset.indexes[dim]
    if not len(index):
        return 0
    steps = np.array([index.step]) if isinstance(index, pd.RangeIndex) else np.diff(np.asarray(index))
    if len(index) > 1 and not (index.dtype.kind in "iu" and (steps == 1).all()):
        raise SelectionError(
            f"the labels of {dim!r} do not count on, and a signal's sample ids do",
            f"Select a slice of it, or write its parts one by one; ds.reindex({dim}=...) brings back what is left out.",
        )
    return int(index[0])
