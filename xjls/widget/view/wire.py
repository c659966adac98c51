"""Strips and lanes as the browser gets them: JSON, and one buffer of float32; see docs/explanation/wire.md."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.query.answer import integral_units

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.plot.trace import Span
    from xjls.widget.view.lane import Axis, Lane
    from xjls.widget.view.strip import Strip
    from xjls.widget.view.track import Track

FULL = 255
"""`fill` of a column that has all its samples."""
_ALIGNED = 8


def encode_strips(strips: Iterable[tuple[str, int, Strip]]) -> tuple[list[dict[str, Any]], bytes]:
    """Return strips, each with the key of its lane and the number of its track, as JSON and the buffer of all.

    Examples
    --------
    >>> encode_strips([])
    ([], b'')
    """
    buffer = bytearray()
    told = [_strip(lane, track, strip, buffer) for lane, track, strip in strips]
    return told, bytes(buffer)


def _strip(lane: str, track: int, strip: Strip, buffer: bytearray) -> dict[str, Any]:
    y0 = strip.offset
    period = strip.period_ns
    place: dict[str, Any] = (
        {"x0": number(strip.edges[0]) if len(strip.edges) else 0.0, "dx": period}
        if period is not None
        else {"edges": [_put(buffer, strip.edges.astype("<f8"))]}
    )
    numbers = {"mean": strip.mean - y0}
    if not strip.is_samples:
        numbers |= {"min": strip.min - y0, "max": strip.max - y0}
        numbers |= {} if strip.std is None else {"std": strip.std}
    with np.errstate(over="ignore"):  # beyond float32 all values are drawn at the edge
        at = {name: _put(buffer, values.astype("<f4")) for name, values in numbers.items()}
    at["fill"] = _put(buffer, encode_fill(strip.fill))
    return {
        "lane": lane, "track": track, "kind": "samples" if strip.is_samples else "columns", "n": len(strip), **place,
        "y0": y0, "per": strip.step, "at": at, "spans": [encode_span(span) for span in strip.spans],
    }  # fmt: skip


def _put(buffer: bytearray, values: NDArray[Any]) -> int:
    """Append numbers where all kinds of them may lie, and return where that is."""
    buffer.extend(bytes(-len(buffer) % _ALIGNED))
    at = len(buffer)
    buffer.extend(values.tobytes())
    return at


def encode_fill(shares: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the shares of samples that are there in 255ths: 0 and 255 only where none, and where all, are.

    One sample that is missing must be seen, and one that is there as well.

    Examples
    --------
    >>> encode_fill(np.array([0, 1e-9, 0.5, 1 - 1e-9, 1])).tolist()
    [0, 1, 127, 254, 255]
    """
    return np.where(shares >= 1, FULL, np.ceil(shares * (FULL - 1))).astype(np.uint8)


def encode_span(span: Span) -> list[Any]:
    """Return where samples are missing: start, stop, and ``"gap"``, ``"part"`` or ``"damage"``."""
    kind = "damage" if span.is_damage else "gap" if span.is_whole else "part"
    return [float(span.start), float(span.stop), kind]


def encode_lanes(lanes: Sequence[Lane]) -> list[dict[str, Any]]:
    """Return what lanes are, as `facts` tells it."""
    return [_lane(lane) for lane in lanes]


def _lane(lane: Lane) -> dict[str, Any]:
    signal = lane.tracks[0].signal
    return {
        "key": lane.key, "name": lane.tracks[0].name, "units": lane.units, "shape": lane.shape,
        "integral_units": integral_units(lane.units), "rate_hz": float(signal.rate_hz),
        "period": 1e9 / float(signal.rate_hz), "tracks": [_track(track) for track in lane.tracks],
    }  # fmt: skip


def _track(track: Track) -> dict[str, Any]:
    place = {"extent": list(track.extent), "shift": track.shift_ns, "recording": track.source}
    return {"name": track.name, "label": track.label, **place}


def encode_axis(axis: Axis) -> dict[str, Any]:
    """Return what time counts from; the origin as text, because it is too large for the browser's numbers."""
    return {"utc": axis.utc, "origin": str(axis.origin_ns), "since": axis.since}


def number(value: float | None) -> float | None:
    """Return a number as JSON has it: None where there is none."""
    return None if value is None or not math.isfinite(value) else float(value)
