"""The picture that stands in a notebook where neither a kernel nor widgets are: what is kept, drawn as a PNG."""

from __future__ import annotations

import base64
import io
import logging
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.capturing.grey import tinted
from xjls.errors import MissingDependencyError
from xjls.plot import Mark, Trace, plot_traces
from xjls.plot.trace import spans_of
from xjls.widget.panel.still_frame import caption, figure_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.plot.trace import Moment

MOST_BYTES = 100_000
"""Of a PNG; a larger one is left out: it would make each saved notebook as much larger."""
NS = 1e9
_WHOLE = 255

_log = logging.getLogger(__name__)


def with_picture(data: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return a MIME bundle with the picture of a push that is kept, where there is one."""
    png = None
    try:
        png = png_of(kept)
    except MissingDependencyError:
        pass  # the widget shows it
    except Exception:  # noqa: BLE001 - whatever it is, the panel itself must be shown
        _log.exception("the panel has no picture")
    return dict(data) if png is None else {**data, "image/png": base64.b64encode(png).decode()}


def png_of(kept: Mapping[str, Any]) -> bytes | None:
    """Return a push that is kept as a PNG, None where nothing is in it; see `xjls.widget.panel.messages.Messages.kept`.

    Raises
    ------
    MissingDependencyError
        There is no matplotlib.

    Examples
    --------
    >>> from xjls.widget.panel.messages import Messages
    >>> from xjls.widget.panel.streaming import Streaming
    >>> streaming = Streaming("sim?speed=max&seconds=2", signals=["current"], rate="10 kHz")
    >>> messages, _ = Messages(streaming, 5), streaming.session.start().wait()
    >>> png_of({}), png_of(messages.kept(0))[1:4]
    (None, b'PNG')
    """
    if kept.get("frames"):
        return _frame_png(kept)
    lanes = [lane for lane in kept.get("lanes", ()) if lane["n"]]
    if not lanes:
        return None
    facts = {lane["key"]: lane for lane in kept["facts"]["lanes"]}
    axis = _Axis(kept["facts"], kept["newest"] - kept["window"], kept["newest"])
    traces = [_trace(lane, facts[lane["key"]], kept["data"], axis) for lane in lanes]
    marks = [
        Mark(kind="text", time=axis.moment(one["x"]), text=one["text"], signal=one["lane"]) for one in kept["marks"]
    ]
    out = io.BytesIO()
    with warnings.catch_warnings():
        # Names and marks may hold letters that the font lacks: they show as boxes, which says enough
        warnings.filterwarnings("ignore", "Glyph", UserWarning)
        plot_traces(traces, marks, std=True).savefig(out, format="png")
    return out.getvalue() if out.tell() <= MOST_BYTES else None


def _frame_png(kept: Mapping[str, Any]) -> bytes | None:
    """Return the first frame of a push; what is measured beside it is in the widget."""
    told = kept["frames"][0]
    shape = told["height"], told["width"]
    pixels = np.frombuffer(kept["data"], "u1", shape[0] * shape[1], told["at"])
    missing = np.zeros(len(pixels), np.bool_)
    for start, stop in told["missing"]:
        missing[start:stop] = True
    lost = kept["pictures"][told["key"]]["lost"]
    title = caption(told["key"], told["id"], told["absent"], told["buffers"], lost)
    out = io.BytesIO()
    figure_of(tinted(pixels.reshape(shape), missing.reshape(shape)), title).savefig(out, format="png")
    return out.getvalue() if out.tell() <= MOST_BYTES else None


class _Axis:
    """Times of a push, as pictures have them: UTC, or seconds."""

    def __init__(self, facts: Mapping[str, Any], oldest: float, newest: float) -> None:
        self.oldest, self.newest, self.since = oldest, newest, str(facts["since"])
        self._origin_ns = int(facts["origin"]) if facts["utc"] else None

    def moments(self, times: NDArray[np.float64]) -> NDArray[Any]:
        if self._origin_ns is None:
            return times / NS
        return (np.rint(times).astype(np.int64) + self._origin_ns).view("M8[ns]")

    def moment(self, time: float) -> Moment:
        found: Moment = self.moments(np.array([time]))[0]
        return found


def _trace(lane: Mapping[str, Any], facts: Mapping[str, Any], data: bytes, axis: _Axis) -> Trace:
    """Return the columns of a lane that are in the picture."""
    edges = lane["x0"] + lane["dx"] * np.arange(lane["n"] + 1)
    edges[-1] = max(min(edges[-1], axis.newest), edges[-2])  # the last one is not complete
    first = int(np.searchsorted(edges[1:-1], axis.oldest, "right"))
    at, n, y0 = lane["at"], lane["n"], lane["y0"]
    low, high, mean, std = (np.frombuffer(data, "f4", n, at[what])[first:] for what in ("min", "max", "mean", "std"))
    fill = np.frombuffer(data, "u1", n, at["fill"])[first:]
    time = axis.moments(edges[first:])
    gaps = spans_of(time, fill < _WHOLE, fill == 0, np.zeros(len(fill), np.bool_))
    return Trace(
        name=facts["name"], units=facts["units"], time=time, mean=mean + y0, min=low + y0, max=high + y0,
        std=std.astype("f8"), shape=facts["shape"], gaps=gaps, samples_per_column=lane["per"],
        is_samples=lane["per"] == 1, since=axis.since,
    )  # fmt: skip
