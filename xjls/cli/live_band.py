"""A live view as text: the bands of signals in braille dots, two by four a letter, with their ranges and means."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from xjls.model.amounts import quantity
from xjls.plot.trace import shape_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.capturing.history import History
    from xjls.model.signal import Signal

_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""The bit of each dot of a letter, from top to bottom, from left to right."""
_BLANK = 0x2800
_MEAN, _MIN = 2, 4
"""Where they stand in a row: see `xjls.query.answer.ROW`."""
LABEL = 12
"""Letters at the left of a band."""
LEAST_ROWS, MOST_ROWS = 2, 8
"""Of one band."""
LEAST_COLUMNS = 30
COLORS = (36, 32, 33, 35, 34, 31)
"""Of the terminal: one a signal, in turns."""


def band(low: NDArray[np.float64], high: NDArray[np.float64], rows: int, bounds: tuple[float, float]) -> list[str]:
    """Return lines of letters whose dots lie between ``low`` and ``high``, two columns a letter.

    Parameters
    ----------
    low, high
        Shape (column,); NaN where there is nothing.
    rows
        Lines.
    bounds
        The values of the lowest and the highest dot.

    Examples
    --------
    >>> band(np.array([0.0, 1, 2, 3]), np.array([0.0, 1, 2, 3]), 1, (0, 3))
    ['⡠⠊']
    """
    dots = 4 * rows
    bottom, top = bounds
    scale = (dots - 1) / (top - bottom) if top > bottom else 0.0
    there = np.isfinite(low) & np.isfinite(high)
    first = np.where(there, dots - 1 - np.round((high - bottom) * scale), dots).clip(0, dots)
    last = np.where(there, dots - 1 - np.round((low - bottom) * scale), -1).clip(-1, dots - 1)
    place = np.arange(dots)[:, None]
    shown = (place >= first) & (place <= last)
    shown = np.pad(shown, ((0, 0), (0, len(low) % 2)))
    cells = shown.reshape(rows, 4, -1, 2).transpose(0, 2, 1, 3)
    return ["".join(chr(_BLANK + code) for code in line) for line in (cells * _DOTS).sum((2, 3)).tolist()]


def frame(
    histories: Mapping[str, History], columns: int, rows: int, seconds: float, *, colored: bool = True
) -> list[str]:
    """Return the last seconds of signals as lines, of at most so many letters and so many lines.

    Signals that find no room are left out, and named.
    """
    there = [history for history in histories.values() if history.spans]
    if not there:
        return ["nothing has come yet"]
    each = max(min(rows // len(there), MOST_ROWS + 1), LEAST_ROWS + 1)
    shown = there[: max(rows // each, 1)]
    lines = []
    for i, history in enumerate(shown):
        color = COLORS[i % len(COLORS)] if colored else 0
        lines += _lane(history, columns, 1 if _is_logic(history.signal) else each - 1, seconds, color)
    if left := there[len(shown) :]:
        lines.append(f"no room for {', '.join(history.signal.name for history in left)}"[:columns])
    return lines


def _lane(history: History, width: int, rows: int, seconds: float, color: int) -> list[str]:
    """Return a line that names a signal, and its band."""
    signal = history.signal
    low, high = _extremes(history, 2 * max(width - LABEL, LEAST_COLUMNS), seconds)
    last = history.statistics(history.spans - max(round(signal.rate_hz / history.per), 1), history.spans)
    mean = float(last[_MEAN]) * signal.scale_factor + signal.add_offset
    there = np.isfinite(low)
    bounds = (float(low[there].min()), float(high[there].max())) if there.any() else (0.0, 1.0)
    labels = [_label(bounds[1], signal), *[""] * (rows - 2), _label(bounds[0], signal)] if rows > 1 else [""]
    dots = band(low, high, rows, (0.0, 1.0) if _is_logic(signal) else bounds)
    paint = (lambda text: f"\033[{color}m{text}\033[0m") if color else str
    title = f"{signal.name}  {'nothing came' if math.isnan(mean) else _label(mean, signal)} over the last second"
    return [title[:width], *(f"{label:>{LABEL - 1}} {paint(line)}" for label, line in zip(labels, dots, strict=True))]


def _extremes(history: History, n: int, seconds: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return smallest and largest values of ``n`` columns, NaN where nothing was delivered yet, or at all.

    Columns have borders that stay, so that the picture moves, and does not flicker.
    """
    signal = history.signal
    spans = max(math.ceil(seconds * signal.rate_hz / history.per / n), 1)
    stop = history.spans // spans
    rows = history.columns(max(stop - n, 0), stop, spans)[:, _MIN:] * signal.scale_factor + signal.add_offset
    found = np.full((n, 2), np.nan)
    found[n - len(rows) :] = np.sort(rows, axis=1)
    return found[:, 0], found[:, 1]


def _is_logic(signal: Signal) -> bool:
    return shape_of(signal.dtype, signal.units) == "logic"


def _label(value: float, signal: Signal) -> str:
    return quantity(float(f"{value:.4g}"), signal.units) if signal.units else f"{value:.4g}"
