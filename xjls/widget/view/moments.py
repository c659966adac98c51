"""Between the labels of time that people and xarray use, and the nanoseconds of a view's axis."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from xjls.errors import SelectionError

if TYPE_CHECKING:
    from xjls.widget.view.lane import Axis

Label: TypeAlias = "np.datetime64 | float"
"""What a Dataset of the same recording is indexed by: UTC, or seconds."""

FARTHEST_NS = 2.0**62
"""Beyond it there is no time."""
_ISO = re.compile(r"\d{4}(-\d\d(-\d\d([T ]\d\d(:\d\d(:\d\d(\.\d{1,9})?)?)?(?P<zone>Z|[+-]\d\d:?\d\d)?)?)?)?")


def time_of(axis: Axis, label: Any) -> float:
    """Return the time of a label on an axis: of UTC as text, datetime or datetime64, or of seconds.

    Examples
    --------
    >>> from xjls.widget.view.lane import Axis
    >>> time_of(Axis(10**18, True), "2001-09-09T01:46:40.000001"), time_of(Axis(0, False), 1.5)
    (1000.0, 1500000000.0)
    """
    try:
        found = float(_utc_ns(label)[0] - axis.origin_ns) if axis.utc else _whole_ns(float(label))
    except (TypeError, ValueError, OverflowError) as error:
        raise _no_moment(axis, label) from error
    if not abs(found) < FARTHEST_NS:
        raise _no_moment(axis, label)
    return found


def label_of(axis: Axis, time: float) -> Label:
    """Return the label of the first moment at or after a time.

    Examples
    --------
    >>> from xjls.widget.view.lane import Axis
    >>> label_of(Axis(10**18, True), 1000.0), label_of(Axis(0, False), 1.5e9)
    (np.datetime64('2001-09-09T01:46:40.000001000'), 1.5)
    """
    if not abs(time) < FARTHEST_NS:
        raise SelectionError(f"there is no moment {time} ns from the beginning", "Ask for one near the recording.")
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

    A text that ends a slice stands for all of what it names, as it does in xarray: for the whole second, or day.

    Examples
    --------
    >>> from xjls.widget.view.lane import Axis
    >>> axis = Axis(10**18, True)
    >>> times_of(axis, slice_of(axis, 5, 1000), (0, 2e9)), times_of(axis, slice(None), (0, 2e9))
    ((5.0, 1000.0), (0, 2000000000.0))
    >>> times_of(axis, slice("2001-09-09T01:46:40", "2001-09-09T01:46:40"), (0, 2e9))
    (0.0, 1000000000.0)
    """
    if not isinstance(span, slice):
        raise SelectionError(f"{span!r} is no span of time", "Give a slice of two labels.")
    if span.step is not None:
        raise SelectionError(f"{span!r} is no span of time", "Give a slice of two labels, without a step.")
    start = extent[0] if span.start is None else time_of(axis, span.start)
    stop = extent[1] if span.stop is None else _end_of(axis, span.stop)
    if not stop > start:
        raise SelectionError(f"{span!r} holds no time", "Give the earlier moment first.")
    return start, float(stop)


def _end_of(axis: Axis, label: Any) -> float:
    """Return the time behind a label."""
    time = time_of(axis, label)
    if axis.utc:
        return time + _utc_ns(label)[1]
    return time + 1


def _whole_ns(seconds: float) -> float:
    """Return the last whole nanosecond that is not behind some seconds, as floats tell them."""
    if not abs(seconds) < FARTHEST_NS / 1e9:
        raise ValueError("no time at all")
    nearest = round(seconds * 1e9)
    return float(nearest if nearest / 1e9 <= seconds else nearest - 1)


def _utc_ns(label: Any) -> tuple[int, int]:
    """Return the moment of a label, and how many nanoseconds it names."""
    if isinstance(label, bool | int | float):
        raise TypeError("a number is no moment of UTC")
    length = 1
    if isinstance(label, str):
        label, length = _of_text(label)
    elif hasattr(label, "to_datetime64"):  # of pandas, to the nanosecond; in UTC
        label = label.to_datetime64()
    if isinstance(label, datetime) and label.tzinfo is not None:
        label = label.astimezone(UTC).replace(tzinfo=None)
    given = np.asarray(label)
    moment = given.astype("M8[ns]")
    if moment.ndim or np.isnat(moment) or moment.astype("M8[D]") != given.astype("M8[D]"):
        raise ValueError("no single moment, or one that nanoseconds cannot tell")
    return int(moment.astype(np.int64)), length


def _of_text(text: str) -> tuple[np.datetime64 | datetime, int]:
    """Return the moment that a text names, and how long what it names is."""
    found = _ISO.fullmatch(text.strip())
    if found is None:
        raise ValueError("no moment as ISO 8601 writes it")
    zone = found["zone"]
    if zone:
        return datetime.fromisoformat(text.strip()), 1
    moment = np.datetime64(text.strip().replace(" ", "T"))
    after = (moment + 1).astype("M8[ns]") - moment.astype("M8[ns]")
    return moment, int(after.astype(np.int64))


def _no_moment(axis: Axis, label: Any) -> SelectionError:
    like = '"2026-03-01T10:00:00.5", or a datetime64' if axis.utc else "seconds, as 1.5"
    return SelectionError(f"{label!r} is no moment of this recording", f"Give {like}.")
