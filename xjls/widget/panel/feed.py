"""The columns of a live picture that a browser does not have yet, as numbers and one buffer of bytes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.plot.trace import shape_of
from xjls.query.answer import deviations, integral_units
from xjls.widget.view.wire import encode_fill

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.capturing.history import History
    from xjls.model.signal import Signal

COLUMNS = 1200
"""Of a window, at most."""
SPARE = 4
"""The part of a window that is told beyond it, as signals may end some time apart."""
NS = 10**9
_COUNT, _MEAN, _MIN, _MAX = 0, 2, 4, 5
_MOST = float(np.finfo("f4").max)


def lane_of(signal: Signal) -> dict[str, Any]:
    """Return what never changes of a signal."""
    return {
        "key": signal.name, "name": signal.name, "units": signal.units, "shape": shape_of(signal.dtype, signal.units),
        "integral_units": integral_units(signal.units), "rate_hz": float(signal.rate_hz),
    }  # fmt: skip


class Feed:
    """Tell what is new of all signals, in columns of one window.

    Parameters
    ----------
    histories
        By signal.
    window_s
        Seconds that the picture shows.
    columns
        Of these, at most.

    Notes
    -----
    Columns have fixed borders, so that one that was told stays as it was; only the last one, which is not complete yet,
    is told again.

    Examples
    --------
    >>> import numpy as np, xjls
    >>> from fractions import Fraction
    >>> from xjls.capturing.history import History
    >>> history = History(xjls.Signal(id=1, name="current", units="A", dtype=np.dtype("f4"), rate_hz=Fraction(1000),
    ...                               source=xjls.Source(id=1, name="bench"), stored_type="f32"))
    >>> feed = Feed({"current": history}, 12)
    >>> history.add(0, np.arange(52, dtype="f4"))
    >>> [(lane["k0"], lane["n"]) for lane in feed.news()[0]], [(lane["k0"], lane["n"]) for lane in feed.news()[0]]
    ([(0, 5)], [(5, 0)])
    """

    def __init__(self, histories: Mapping[str, History], window_s: float, columns: int = COLUMNS) -> None:
        self.window_s = window_s
        self._histories = histories
        self._most = columns + columns // SPARE
        self._spans = {
            name: max(math.ceil(window_s * float(one.signal.rate_hz) / one.per / columns), 1)
            for name, one in histories.items()
        }
        self._sent: dict[str, int] = {}
        """By signal, the first column that was not told whole."""
        self._y0: dict[str, float] = {}

    @property
    def begin_ns(self) -> int | None:
        """Nanoseconds of the first sample of all signals, from sample id 0 on; None before there is one."""
        begun = [one for one in self._histories.values() if one.first_id is not None]
        return min((round((one.first_id or 0) * NS / one.signal.rate_hz) for one in begun), default=None)

    def again(self) -> None:
        """Tell everything once more, next time."""
        self._sent.clear()
        self._y0.clear()

    def news(self) -> tuple[list[dict[str, Any]], bytes]:
        """Return the lanes of which something is new, and the buffer that their offsets are in."""
        lanes, parts, at = [], [], 0
        for name, history in self._histories.items():
            if history.first_id is None:
                continue
            told, data = self._lane(name, history, at)
            at += len(data)
            lanes.append(told)
            parts.append(data)
        return lanes, b"".join(parts)

    def newest_ns(self) -> int:
        """Return the time of the newest sample, from the first one on."""
        ends = [one.next_id * NS / one.signal.rate_hz for one in self._histories.values() if one.first_id is not None]
        return 0 if not ends else round(max(ends)) - (self.begin_ns or 0)

    def _lane(self, name: str, history: History, at: int) -> tuple[dict[str, Any], bytes]:
        spans, signal = self._spans[name], history.signal
        there = history.spans
        whole = there // spans
        first = max(self._sent.get(name, 0), whole - self._most, -(-history.oldest // spans), 0)
        rows = history.columns(first, whole, spans) if first < whole else np.empty((0, 6))
        counts = np.full(len(rows), spans * history.per)
        if whole * spans < there:
            rows = np.concatenate([rows, history.statistics(whole * spans, there)[None]])
            counts = np.append(counts, (there - whole * spans) * history.per)
        self._sent[name] = whole
        y0 = self._y0.setdefault(name, _middle(rows, signal)) if len(rows) else self._y0.get(name, 0.0)
        arrays = _arrays(rows, counts, signal, y0)
        offsets, data = {}, b""
        for what, values in arrays.items():
            offsets[what] = at + len(data)
            data += values.tobytes()
        data += bytes(-len(data) % 8)
        dx = spans * history.per * NS / signal.rate_hz
        begin = (history.first_id or 0) * NS / signal.rate_hz - (self.begin_ns or 0)
        return {
            "key": name, "k0": first, "n": len(rows), "x0": float(begin + first * dx), "dx": float(dx),
            "per": spans * history.per, "y0": y0, "at": offsets,
        }, data  # fmt: skip


def _arrays(rows: NDArray[np.float64], counts: NDArray[Any], signal: Signal, y0: float) -> dict[str, NDArray[Any]]:
    """Return what is drawn of rows: float32 relative to ``y0``, in the signal's units, and the share that is there."""
    scale, offset = signal.scale_factor, signal.add_offset - y0
    low, high = (_MIN, _MAX) if scale >= 0 else (_MAX, _MIN)
    values = {"mean": _MEAN, "min": low, "max": high}
    with np.errstate(over="ignore", invalid="ignore"):  # where float64 holds no squares, there is no deviation
        told: dict[str, NDArray[Any]] = {
            what: _as_f4(rows[:, which] * scale + offset) for what, which in values.items()
        }
        told["std"] = _as_f4(deviations(rows, 0) * abs(scale))
    told["fill"] = encode_fill(rows[:, _COUNT] / counts)
    return told


def _as_f4(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return values as float32, those beyond it as the last that it holds."""
    return values.clip(-_MOST, _MOST).astype("f4")


def _middle(rows: NDArray[np.float64], signal: Signal) -> float:
    means = rows[np.isfinite(rows[:, _MEAN]), _MEAN]
    with np.errstate(over="ignore"):
        middle = float(means.mean() * signal.scale_factor + signal.add_offset) if len(means) else 0.0
    return middle if math.isfinite(middle) else 0.0
