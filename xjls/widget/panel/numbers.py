"""What the panel reads out: statistics of the last second and of the window, and charge and energy since zero."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from xjls.query.answer import integral_units

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.capturing.history import History
    from xjls.model.signal import Signal

STATISTICS = ("mean", "std", "rms", "min", "max", "pp")
ACCUMULATED = ("C", "J")
"""Units of integrals that are worth a line; with any prefix."""
LAST_S = 1.0
NS = 10**9


def read_out(histories: Mapping[str, History], window_s: float) -> dict[str, Any]:
    """Return all numbers, by signal, null where there is none.

    Examples
    --------
    >>> import numpy as np, xjls
    >>> from fractions import Fraction
    >>> from xjls.capturing.history import History
    >>> history = History(xjls.Signal(id=1, name="current", units="A", dtype=np.dtype("f4"), rate_hz=Fraction(1000),
    ...                               source=xjls.Source(id=1, name="bench"), stored_type="f32"))
    >>> history.add(0, np.repeat([1, 3], 1000).astype("f4"))
    >>> told = read_out({"current": history}, 2)
    >>> told["last"]["current"]["mean"], told["window"]["current"]["mean"], told["accumulated"]["current"]["value"]
    (3.0, 2.0, 4.0)
    """
    last = {name: over(one, LAST_S) for name, one in histories.items()}
    window = {name: over(one, window_s) for name, one in histories.items()}
    accumulated = {name: sums(one) for name, one in histories.items() if is_accumulated(one.signal)}
    return {"last": last, "window": window, "window_s": window_s, "accumulated": accumulated}


def over(history: History, seconds: float) -> dict[str, float | None] | None:
    """Return statistics of the last complete spans of so many seconds, exact; None before there is one."""
    spans = max(round(seconds * float(history.signal.rate_hz) / history.per), 1)
    stop = history.spans
    if not stop:
        return None
    row = history.statistics(max(stop - spans, 0), stop)
    return _told(row, history.signal)


def is_accumulated(signal: Signal) -> bool:
    """Whether a signal's integral is a charge or an energy."""
    return signal.dtype.kind in "fi" and integral_units(signal.units).endswith(ACCUMULATED)


def sums(history: History) -> dict[str, Any]:
    """Return the integral since zero, and of what it is."""
    total, rate_hz = history.total, history.signal.rate_hz
    begin = (history.first_id or 0) if history.first_id is not None else total.start
    return {
        "value": _finite(total.sum / float(rate_hz)), "units": integral_units(history.signal.units),
        "seconds": float((total.stop - total.start) / rate_hz), "missing_s": float(total.missing / rate_hz),
        "since": float((total.start - begin) * NS / rate_hz),
    }  # fmt: skip


def _told(row: NDArray[Any], signal: Signal) -> dict[str, float | None]:
    count, _, mean, squares, low, high = row.tolist()
    if not math.isfinite(squares):  # of values so large that their squares are beyond float64
        squares = math.nan
    if not count:
        return dict.fromkeys((*STATISTICS, "n"), None) | {"n": 0}
    scale, offset = signal.scale_factor, signal.add_offset
    mean, (low, high) = mean * scale + offset, sorted((low * scale + offset, high * scale + offset))
    std = math.sqrt(max(squares, 0.0) / count) * abs(scale)
    told = {"mean": mean, "std": std, "rms": math.hypot(mean, std), "min": low, "max": high, "pp": high - low}
    return {name: _finite(value) for name, value in told.items()} | {"n": int(count)}


def _finite(value: float) -> float | None:
    """Return a number, None where float64 holds none: JSON knows neither NaN nor infinities."""
    return value if math.isfinite(value) else None
