"""Markers: moments and spans that a person, or a program, has put on the axis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from xjls.errors import SelectionError
from xjls.widget.view.moments import label_of, slice_of, time_of, times_of

if TYPE_CHECKING:
    from xjls.widget.view.lane import Axis

COLORS = 6
"""Hues that markers take in turn."""


@dataclass(frozen=True, slots=True)
class Marker:
    """A moment, or a span of time.

    Examples
    --------
    >>> Marker(1.5), Marker(slice(1.5, 2.0), "burst").is_span
    (Marker(at=1.5, label='', key='', color=None), True)
    """

    at: Any
    """A label of time, or a slice of two: UTC as text, datetime or datetime64; seconds, where the axis has no UTC."""
    label: str = ""
    key: str = ""
    """Unique among the markers; ``""`` for the next number."""
    color: int | None = None
    """0 to 5; None takes the next one."""

    @property
    def is_span(self) -> bool:
        """Whether it has a beginning and an end."""
        return isinstance(self.at, slice)


def complete(markers: Iterable[Any]) -> list[Marker]:
    """Return markers with keys and colours; labels and slices become markers.

    Raises
    ------
    SelectionError
        Two have the same key.

    Examples
    --------
    >>> [(marker.key, marker.color) for marker in complete([1.5, slice(2, 3), Marker(4, key="a")])]
    [('1', 0), ('2', 1), ('a', 2)]
    """
    found = [one if isinstance(one, Marker) else Marker(one) for one in markers]
    given = [one.key for one in found if one.key]
    if twice := [key for i, key in enumerate(given) if key in given[:i]]:
        raise SelectionError(f"two markers have the key {twice[0]!r}", "Give each its own, or none.")
    free = (str(n) for n in range(1, 2 * len(found) + 1) if str(n) not in given)
    return [
        replace(one, key=one.key or next(free), color=i % COLORS if one.color is None else one.color % COLORS)
        for i, one in enumerate(found)
    ]


def encode(marker: Marker, axis: Axis, extent: tuple[float, float]) -> dict[str, Any]:
    """Return a complete marker as the browser gets it."""
    x0, x1 = times_of(axis, marker.at, extent) if marker.is_span else (time_of(axis, marker.at), None)
    return {"key": marker.key, "x0": x0, "x1": x1, "label": marker.label, "color": marker.color}


def decode(told: Mapping[str, Any], axis: Axis) -> Marker:
    """Return a marker that the browser tells."""
    start, stop = told["x0"], told.get("x1")
    at = label_of(axis, start) if stop is None else slice_of(axis, min(start, stop), max(start, stop))
    return Marker(at, str(told.get("label") or ""), str(told["key"]), int(told.get("color") or 0))
