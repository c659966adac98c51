"""What stands in a notebook where no kernel is: a picture of the view, of the same columns as the screen's."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import MissingDependencyError, XjlsError
from xjls.plot import Mark, Trace, plot_traces

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.plot.trace import Moment
    from xjls.widget.view.lane import Axis
    from xjls.widget.view.strip import Strip
    from xjls.widget.view.view import View

COLUMNS = 900


def png_of(
    view: View,
    start: float,
    stop: float,
    *,
    markers: Iterable[Mapping[str, Any]] = (),
    notes: Iterable[Mapping[str, Any]] = (),
) -> bytes | None:
    """Return what is shown between two times as a PNG; None without matplotlib, or where nothing is there.

    Parameters
    ----------
    view
        Of which the first track of each lane is drawn, from its levels: no sample is read for that.
    start, stop
        In the axis' nanoseconds.
    markers, notes
        As the browser gets them.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> from xjls.widget.view.lane import Source
    >>> from xjls.widget.view.view import View
    >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1))
    >>> png_of(View([Source(recording)]), 0, 1e8)[1:4]
    b'PNG'
    """
    strips = [(key, strip) for key, track, strip in view.strips(start, stop, COLUMNS) if not track and len(strip)]
    if not strips:
        return None
    marks = [*_of_markers(view.axis, markers), *_of_notes(view.axis, notes, {key for key, _ in strips})]
    out = io.BytesIO()
    try:
        with warnings.catch_warnings():
            # Names and notes may hold letters that the font lacks: they show as boxes, which says enough
            warnings.filterwarnings("ignore", "Glyph", UserWarning)
            traces = [_trace(key, strip, view.axis) for key, strip in strips]
            plot_traces(traces, marks, std=True).savefig(out, format="png")
    except MissingDependencyError:
        return None
    except XjlsError:  # a live recording lost just then what was to be drawn
        return None
    return out.getvalue()


def _trace(key: str, strip: Strip, axis: Axis) -> Trace:
    spans = tuple(replace(s, start=_moment(axis, s.start), stop=_moment(axis, s.stop)) for s in strip.spans)
    return Trace(
        name=key, units=strip.track.signal.units, time=_moments(axis, strip.edges), mean=strip.mean, min=strip.min,
        max=strip.max, std=strip.std, shape=strip.track.shape, is_samples=strip.is_samples, gaps=spans,
        samples_per_column=strip.step, since=axis.since,
    )  # fmt: skip


def _moments(axis: Axis, times: NDArray[np.float64]) -> NDArray[Any]:
    """Return times of the axis as pictures have them: UTC, or seconds."""
    return (np.rint(times).astype(np.int64) + axis.origin_ns).view("M8[ns]") if axis.utc else times / 1e9


def _moment(axis: Axis, time: Any) -> Moment:
    found: Moment = _moments(axis, np.array([time], np.float64))[0]
    return found


def _of_markers(axis: Axis, markers: Iterable[Mapping[str, Any]]) -> list[Mark]:
    ends: list[tuple[float, str]] = []
    for one in markers:
        name = one["label"] or one["key"]
        ends += [(one["x0"], name)] if one["x1"] is None else [(one["x0"], f"{name}a"), (one["x1"], f"{name}b")]
    return [Mark(kind="vertical", time=_moment(axis, at), text=text) for at, text in ends]


def _of_notes(axis: Axis, notes: Iterable[Mapping[str, Any]], lanes: set[str]) -> list[Mark]:
    return [
        Mark(kind=one["kind"], time=_moment(axis, one["x"]), text=one["text"], y=one["y"], signal=one["lane"] or "")
        for one in notes
        if one["lane"] is None or one["lane"] in lanes
    ]
