"""Between the labels of time that people and xarray use, and the nanoseconds of a view's axis."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from xjls.errors import SelectionError

if TYPE_CHECKING:
    from xjls.widget.view.lane import Axis

Label: TypeAlias = "np.datetime64 | float"
"""What a Dataset of the same recording is indexed by: UTC, or seconds."""


def time_of(axis: Axis, label: Any) -> float:
    """Return the time of a label on an axis: of UTC as text, datetime or datetime64, or of seconds.

    Examples
    --------
    >>> from xjls.widget.view.lane import Axis
    >>> time_of(Axis(10**18, True), "2001-09-09T01:46:40.000001"), time_of(Axis(0, False), 1.5)
    (1000.0, 1500000000.0)
    """
    try:
        return float(_utc_ns(label) - axis.origin_ns) if axis.utc else float(label) * 1e9
    except (TypeError, ValueError, OverflowError) as error:
        like = '"2026-03-01T10:00:00.5", or a datetime64' if axis.utc else "seconds, as 1.5"
        raise SelectionError(f"{label!r} is no moment of this recording", f"Give {like}.") from error


def _utc_ns(label: Any) -> int:
    if isinstance(label, bool | int | float):
        raise TypeError("a number is no moment of UTC")
    if hasattr(label, "to_datetime64"):  # of pandas, to the nanosecond; in UTC
        label = label.to_datetime64()
    elif isinstance(label, datetime) and label.tzinfo is not None:
        label = label.astimezone(UTC).replace(tzinfo=None)
    moment = np.asarray(label).astype("M8[ns]")
    if moment.ndim or np.isnat(moment):
        raise ValueError("no single moment")
    return int(moment.astype(np.int64))


def label_of(axis: Axis, time: float) -> Label:
    """Return the label of the first moment at or after a time.

    Examples
    --------
    >>> from xjls.widget.view.lane import Axis
    >>> label_of(Axis(10**18, True), 1000.0), label_of(Axis(0, False), 1.5e9)
    (np.datetime64('2001-09-09T01:46:40.000001000'), 1.5)
    """
    whole = math.ceil(time)
    return np.datetime64(axis.origin_ns + whole, "ns") if axis.utc else whole / 1e9


def slice_of(axis: Axis, start: float, stop: float) -> slice:
    """Return the slice of labels that selects the samples of ``[start, stop)``: both of its ends are in it.

    Examples
    --------
    >>> from xjls.widget.view.lane import Axis
    >>> slice_of(Axis(10**18, True), 0, 1000.0)
    slice(np.datetime64('2001-09-09T01:46:40.000000000'), np.datetime64('2001-09-09T01:46:40.000000999'), None)
    """
    first, end = label_of(axis, start), label_of(axis, stop)
    if isinstance(end, np.datetime64):
        return slice(first, end - np.timedelta64(1, "ns"))
    return slice(first, math.nextafter(end, -math.inf))


def times_of(axis: Axis, span: slice, extent: tuple[float, float]) -> tuple[float, float]:
    """Return the half-open span of a slice of labels, both ends of which belong to it; None is an end of the extent.

    Examples
    --------
    >>> from xjls.widget.view.lane import Axis
    >>> axis = Axis(10**18, True)
    >>> times_of(axis, slice_of(axis, 5, 1000), (0, 2e9)), times_of(axis, slice(None), (0, 2e9))
    ((5.0, 1000.0), (0, 2000000000.0))
    """
    if not isinstance(span, slice):
        raise SelectionError(f"{span!r} is no span of time", "Give a slice of two labels.")
    if span.step is not None:
        raise SelectionError(f"{span!r} is no span of time", "Give a slice of two labels, without a step.")
    start = extent[0] if span.start is None else time_of(axis, span.start)
    if span.stop is None:
        stop = extent[1]
    elif axis.utc:
        stop = time_of(axis, span.stop) + 1
    else:
        stop = math.nextafter(float(span.stop), math.inf) * 1e9
        stop = round(stop) if abs(stop - round(stop)) < 1e-3 else math.ceil(stop)
    if not stop > start:
        raise SelectionError(f"{span!r} holds no time", "Give the earlier moment first.")
    return start, float(stop)
