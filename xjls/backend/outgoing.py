"""Variables on their way out: each described as the signal that it will be, and computed piece by piece.

What came from a recording keeps its stored type, its sample ids and its ties, and what nobody delivered of it stays a
gap. Everything else is described by its values and its labels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.backend.answers import rate_of
from xjls.backend.index import TimeIndex
from xjls.backend.labelled import COUNTS
from xjls.backend.provenance import origin_of
from xjls.backend.rates import is_even
from xjls.backend.sampled import PIECE
from xjls.errors import SelectionError
from xjls.formats.carry import Piece, cut
from xjls.model.annotation import Tie
from xjls.model.bounds import BOUNDS
from xjls.model.sample_type import dtype_of, name_of
from xjls.model.signal import Signal, Source
from xjls.model.window import Gap, Window, merge_gaps, runs

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from xjls.backend.provenance import Origin
    from xjls.backend.sampled import Sampled
    from xjls.model.signal import Bound

__all__ = ["Outgoing", "numbered", "outgoing", "source_of"]

_UNEVEN = 0.01
"""Of a sample period: labels that are farther from a straight line are not those of one rate."""
_DRIFT, _ROUNDING = 1e-3, 1e-9
"""How far labels of UTC, which follow a real clock, and others may be from a whole rate."""
_FINEST_RATE = 10**6
"""The largest denominator of a rate that is told by labels."""
_LONG_BEFORE_S = 3600
"""Readers do not look at ties so long before the first sample."""
_SOURCE = ("vendor", "model", "version", "serial_number")
_UNKNOWN = "its values are not known"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One signal on its way."""

    one: Sampled
    origin: Origin | None
    signal: Signal
    """As it will be, but for the numbers of it and its source."""
    first_id: int
    is_stored: bool
    """Whether values are stored as they are: else they are physical ones of the signal."""
    ties: list[Tie]

    @property
    def window(self) -> Window:
        """The sample ids that it will have."""
        return Window(self.first_id, self.first_id + self.one.length)

    def pieces(self) -> Iterator[Piece]:
        """Yield the samples as dask has cut them, or in pieces of some millions."""
        chunks = self.one.variable.chunks
        each = max(PIECE // max(math.prod(self.signal.sample_shape), 1), 1)
        lengths = chunks[0] if chunks is not None else [each] * -(-self.one.length // each)
        edges: list[int] = (self.first_id + np.minimum(np.cumsum([0, *lengths]), self.one.length)).tolist()
        return cut(self.signal, edges, self.read)

    def read(self, window: Window) -> tuple[NDArray[Any], tuple[Gap, ...]]:
        """Return the samples of a window as they are stored, and which of them are none."""
        origin = self.origin
        if origin is not None and window & origin.signal.window == window:
            return origin.recording.read_with_gaps(origin.name, window, on_damage=origin.recording.on_damage)
        return self._computed(window)

    def _computed(self, window: Window) -> tuple[NDArray[Any], tuple[Gap, ...]]:
        """Compute the values of a window, and describe those that are none as gaps."""
        span = {self.one.dim: slice(window.start - self.first_id, window.stop - self.first_id)}
        values = self.one.variable.isel(span).values
        known = np.ones(len(values), np.bool_) if self.one.valid is None else self.one.valid.isel(span).values
        if values.dtype.kind == "f" and self.signal.dtype.kind != "f":
            known = known & np.isfinite(values)
            values = np.where(known, values, self.signal.add_offset)
        skipped = () if self.origin is None else self.origin.recording.skipped(self.origin.name)
        gaps = [inside for gap in skipped if (inside := gap & window).window.length]
        for gap in gaps:
            known[gap.window.start - window.start : gap.window.stop - window.start] = True
        gaps += [Gap(Window(window.start + lo, window.start + hi), _UNKNOWN) for lo, hi in runs(~known)]
        if not self.is_stored:
            values = np.rint((values - self.signal.add_offset) / self.signal.scale_factor)
        return values.astype(self.signal.dtype, copy=False), merge_gaps(gaps)


def outgoing(dataset: xr.Dataset, one: Sampled, beside: Origin | None = None) -> Outgoing:
    """Describe a variable as the signal that it will be.

    Parameters
    ----------
    dataset, one
        The variable, and its labels.
    beside
        Of a recording's own variable on the same dimension: what is derived from it has its sample ids, and its ties.

    Raises
    ------
    SelectionError
        No recording can hold it: it has more dimensions than time, a type of its own, or no even rate.
    """
    if (labels := _swapped(dataset, one.dim)) is not None:
        raise SelectionError(
            f"{one.name!r} is labelled by {one.dim!r}, and as a signal it would be by {labels!r}",
            f"Swap them back: ds.swap_dims({one.dim}={labels!r}).",
        )
    if one.variable.ndim > 1:
        raise SelectionError(f"{one.name!r} has more dimensions than time", "Select one position of the others.")
    origin = origin_of(one.variable)
    place = origin or beside
    rate = _rate(dataset, one, place)
    _require_even(dataset, one, float(rate))
    first_id = place.window.start if place is not None else 0
    stored = _stored_as(one, origin)
    # Of the recording's own variable they are its signal's units, also where it shows values as they are stored
    units = one.units if origin is None else str(one.variable.attrs.get("units", ""))
    signal = Signal(
        id=0, name=one.signal_name, units=units, rate_hz=rate, source=source_of(one, origin),
        origin_id=None if place is None else place.signal.origin_id, bound=_bound(one, origin), **stored,
    )  # fmt: skip
    is_stored = not signal.is_scaled or (origin is not None and origin.is_stored)
    return Outgoing(one, origin, signal, first_id, is_stored, _ties(dataset, one, place, first_id, float(rate)))


def _swapped(dataset: xr.Dataset, dim: str) -> str | None:
    """Return the labels of a dimension that count something, where others have taken their place."""
    beside = (str(name) for name, one in dataset.coords.items() if one.dims == (dim,) and COUNTS in one.attrs)
    return next((name for name in beside if name != dim), None)


def numbered(found: list[Outgoing], *, anew: bool) -> list[Outgoing]:
    """Return signals with numbers of their own, and of their sources: their recording's, unless they are given anew."""
    own = [out.origin.signal for out in found if out.origin is not None]
    if not anew and len({signal.id for signal in own}) == len(found):
        kept = [replace(out.signal, id=signal.id, source=signal.source) for out, signal in zip(found, own, strict=True)]
        return [replace(out, signal=signal) for out, signal in zip(found, kept, strict=True)]
    sources = {source: i for i, source in enumerate(dict.fromkeys(out.signal.source for out in found), 1)}
    return [
        replace(out, signal=replace(out.signal, id=i, source=replace(out.signal.source, id=sources[out.signal.source])))
        for i, out in enumerate(found, 1)
    ]


def source_of(one: Sampled, origin: Origin | None) -> Source:
    """Return the instrument, without a number."""
    if origin is not None:
        return replace(origin.signal.source, id=0)
    facts = {key: str(one.variable.attrs.get(key, "")) for key in _SOURCE}
    return Source(id=0, name=str(one.variable.attrs.get("source", "")), **facts)


def _rate(dataset: xr.Dataset, one: Sampled, origin: Origin | None) -> Fraction:
    """Return the nominal rate: a whole one where it is nearly that. Labels of UTC become ties, and tell the rest."""
    rate = rate_of(dataset, one)
    if origin is not None:
        nominal = origin.signal.rate_hz
        if abs(rate / float(nominal) - 1) <= _DRIFT:
            return nominal
    labelled = one.dim in dataset.coords and dataset[one.dim].dtype.kind == "M"
    if not 0 < rate < np.inf:
        raise SelectionError(
            f"{one.name!r} has {rate:g} samples a second",
            'Set ds[name].attrs["sample_rate_hz"] to the nominal rate.',
        )
    if abs(rate / max(round(rate), 1) - 1) <= (_DRIFT if labelled else _ROUNDING):
        return Fraction(max(round(rate), 1))
    # Of slow signals, a fraction of the period: that of the rate would have too few digits
    return (
        Fraction(rate).limit_denominator(_FINEST_RATE)
        if rate > 1
        else 1 / Fraction(1 / rate).limit_denominator(_FINEST_RATE)
    )


def _bound(one: Sampled, origin: Origin | None) -> tuple[str, Bound] | None:
    """Return which extreme of which quantity it is, if it is one and has that name."""
    if one.bound in BOUNDS:
        return one.name, one.bound
    return origin.signal.bound if origin is not None and origin.name == one.name else None


def _stored_as(one: Sampled, origin: Origin | None) -> dict[str, Any]:
    """Return what a signal's values are, and how they are stored: as in the recording where it is one."""
    if origin is not None:
        signal = origin.signal
        held = origin.window & signal.window
        if signal.dtype.kind == "f" or held == origin.window:
            facts = ("dtype", "stored_type", "scale_factor", "add_offset", "missing_value", "facts")
            return {fact: getattr(signal, fact) for fact in facts}
    try:
        stored_type = name_of(one.variable.dtype)
        return {"stored_type": stored_type, "dtype": dtype_of(stored_type)}
    except SelectionError as error:
        raise SelectionError(f"{one.name!r} holds {one.variable.dtype}, which no recording has", error.remedy) from None


def _require_even(dataset: xr.Dataset, one: Sampled, rate: float) -> None:
    """Raise where the labels of samples are not those of one rate."""
    if is_even(dataset, one):
        return
    if isinstance(dataset.xindexes.get(one.dim), TimeIndex):
        raise SelectionError(
            f"the times of {one.name!r} have a gap, and a signal has one rate", "Write its parts one by one."
        )
    labels = dataset[one.dim].values
    unit = np.timedelta64(1, "s") if labels.dtype.kind in "mM" else 1
    steps = np.diff(labels) / unit * rate
    if not len(steps) or np.abs(steps - 1).max() <= _UNEVEN:
        return
    at = int(np.abs(steps - 1).argmax())
    raise SelectionError(
        f"samples {at} and {at + 1} of {one.name!r} are {steps[at]:g} periods apart, and a signal has one rate",
        "Resample it to even steps, or reindex it so that what is missing is NaN.",
    )


def _ties(dataset: xr.Dataset, one: Sampled, origin: Origin | None, first_id: int, rate_hz: float) -> list[Tie]:
    """Return the ties of a signal: the recording's own within it, and those of its first and last label."""
    if not one.length:
        return []
    ends = _ends(dataset, one, first_id)
    if origin is None:
        return ends
    # Who gave UTC to a recording that knows none wants it kept
    ties = list(origin.recording.ties(origin.name)) or ends
    if origin.window == origin.signal.window:
        return ties
    # A clock is straight between its ties: with one on either side it goes on as it did
    start, stop = origin.window.start, origin.window.stop - 1
    before = [tie for tie in ties if start - _LONG_BEFORE_S * rate_hz <= tie.sample_id <= start][-1:] or ends[:1]
    after = [tie for tie in ties if tie.sample_id >= stop][:1] or ends[1:]
    return [*before, *(tie for tie in ties if start < tie.sample_id < stop), *after]


def _ends(dataset: xr.Dataset, one: Sampled, first_id: int) -> list[Tie]:
    """Return the ties of the first and the last label; none where these are not UTC."""
    if one.dim not in dataset.coords or dataset[one.dim].dtype.kind != "M":
        return []
    at = [0, one.length - 1] if one.length > 1 else [0]
    times = dataset[one.dim][at].values.astype("M8[ns]").view(np.int64).tolist()
    return [Tie(sample_id=first_id + i, time_ns=time) for i, time in zip(at, times, strict=True)]
