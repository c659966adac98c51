"""Marks onto axes: lines for markers, dots and words for texts; thousands stay readable, as not all get their words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.plot import style
from xjls.plot.draw import LOGIC_HEIGHT
from xjls.plot.engineering import with_prefix
from xjls.plot.placing import Box, Layout, Ribbon, rows_of, spread

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from xjls.plot.lanes import Lane
    from xjls.plot.trace import Mark, Trace

    Positions = Callable[[Any], Any]

ROWS = 2
"""Of names of vertical markers, above the picture."""
ROW_PT = 11
MOST_WORDS = 24
"""Texts of a crowded lane that get their words."""
MOST_HEIGHTS = 20
"""Horizontal markers that a lane shows."""
_FEW = 60
"""Vertical markers, or texts, up to which each is a clear line or dot."""
_FIRST_OF_PAIR = re.compile(r"\d+a")
_BACKGROUND = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.75}


@dataclass(frozen=True, slots=True)
class Placed:
    """What has become of the marks."""

    rows: int
    """Rows of names above the picture."""
    hidden: int
    """Marks whose words, or lines, found no room."""


def draw_marks(lanes: Sequence[tuple[Axes, Lane]], marks: Sequence[Mark], at: Positions) -> Placed:
    """Draw marks onto the lanes of a picture.

    Call it when traces and limits are set: it lays the figure out once, to know how many pixels there are.

    Parameters
    ----------
    lanes
        Axes and lanes, from top to bottom.
    marks
        Of times inside the picture.
    at
        From times to positions.
    """
    if not marks:
        return Placed(0, 0)
    lanes[0][0].figure.canvas.figure.draw_without_rendering()
    vertical = sorted((mark for mark in marks if mark.kind == "vertical"), key=lambda mark: float(at(mark.time)))
    rows, hidden = _draw_vertical([ax for ax, _ in lanes], vertical, at)
    for number, (ax, lane) in enumerate(lanes):
        mine = [mark for mark in marks if _belongs(mark, lane, is_first=number == 0)]
        heights = [mark for mark in mine if mark.kind == "horizontal" and lane.shape != "logic"]
        _make_room(ax, [mark.y for mark in heights if mark.y is not None])
        layout = _layout(ax, lane, at)
        hidden += _draw_heights(ax, lane, heights, layout)
        hidden += _draw_texts(ax, lane, [mark for mark in mine if mark.kind == "text"], at, layout)
    return Placed(rows, hidden)


def _layout(ax: Axes, lane: Lane, at: Positions) -> Layout:
    legend = ax.get_legend()
    ribbons = [_ribbon(ax, trace, at) for trace in lane.traces if not trace.is_logic]
    return Layout(_box(ax), [_box(legend)] if legend else [], ribbons)


def _ribbon(ax: Axes, trace: Trace, at: Positions) -> Ribbon:
    """Return where a trace lies on an axis, in pixels."""
    low, high = ax.get_ylim()
    edges = at(trace.time)
    bottoms, tops = (_pixels(ax, edges[:-1], np.clip(v, low, high))[:, 1] for v in (trace.min, trace.max))
    return Ribbon(_pixels(ax, edges, low)[:, 0], bottoms, tops)


def _belongs(mark: Mark, lane: Lane, *, is_first: bool) -> bool:
    return any(mark.signal in (trace.name, *trace.signals) for trace in lane.traces) or (is_first and mark.signal == "")


def _draw_vertical(axes: Sequence[Axes], marks: list[Mark], at: Positions) -> tuple[int, int]:
    """Draw dashed lines through all lanes, and names above the first; return rows used, and names left out."""
    if not marks:
        return 0, 0
    top = axes[0]
    x = np.array([float(at(mark.time)) for mark in marks])
    pixels = _pixels(top, x, top.get_ylim()[0])[:, 0]
    clear = np.unique(pixels.round(), return_index=True)[1]
    how: dict[str, Any] = {"linewidth": 1.0, "alpha": 0.9} if len(clear) <= _FEW else {"linewidth": 0.6, "alpha": 0.3}
    for ax in axes:
        transform = ax.get_xaxis_transform()
        ax.vlines(x[clear], 0, 1, transform=transform, colors=style.MARK, linestyles="--", zorder=2.5, **how)
    tried = [i for i in spread(len(marks)) if marks[i].text]
    spans = [_span(marks[i].text, pixels[i], _em(top)) for i in tried]
    order = sorted(range(len(tried)), key=lambda k: spans[k][0])
    rows = rows_of([spans[k] for k in order], ROWS)
    for k, row in zip(order, rows, strict=True):
        if row is not None:
            _name_marker(top, marks[tried[k]].text, x[tried[k]], row)
    shown = [row for row in rows if row is not None]
    return max(shown, default=-1) + 1, sum(bool(mark.text) for mark in marks) - len(shown)


def _span(text: str, pixel: float, em: float) -> tuple[float, float]:
    """Return the pixels that a marker's name takes: the first of a pair stands left of its line, others right."""
    width = len(text) * em * style.CHARACTER_EM + 0.5 * em
    return (pixel - width, pixel) if _FIRST_OF_PAIR.fullmatch(text) else (pixel, pixel + width)


def _name_marker(ax: Axes, text: str, x: float, row: int) -> None:
    ax.annotate(
        text, (x, 1), xycoords=ax.get_xaxis_transform(), xytext=(0, 2 + row * ROW_PT), textcoords="offset points",
        ha="right" if _FIRST_OF_PAIR.fullmatch(text) else "left", va="bottom", annotation_clip=False,
        color=style.MARK, fontsize=style.SMALL_PT, parse_math=False,
    )  # fmt: skip


def _draw_heights(ax: Axes, lane: Lane, marks: list[Mark], layout: Layout) -> int:
    """Draw horizontal markers at or near the trace, with their values; return how many are without words."""
    low, high = ax.get_ylim()
    inside = [(mark, mark.y) for mark in marks if mark.y is not None and low <= mark.y <= high]
    unwritten = max(0, len(inside) - MOST_HEIGHTS)
    for mark, y in inside[:MOST_HEIGHTS]:
        ax.axhline(y, color=style.MARK, linewidth=0.9, linestyle=(0, (5, 3)), zorder=2.4)
        text = ": ".join(part for part in (mark.text, with_prefix(y, lane.units)) if part)
        unwritten += not _write_at_right(ax, text, y, layout)
    return unwritten


def _make_room(ax: Axes, heights: list[float]) -> None:
    """Widen an axis for markers that lie up to half of it outside; those farther away stay out of sight."""
    to = ax.yaxis.get_transform()
    low, high = to.transform(np.array(ax.get_ylim()))
    with np.errstate(invalid="ignore", divide="ignore"):
        found = to.transform(np.array(heights, np.float64))
    room = high - low
    near = found[(found > low - room / 2) & (found < high + room / 2)]
    if near.size and not low < near.min() <= near.max() < high:
        ends = min(low, near.min() - room * 0.04), max(high, near.max() + room * 0.08)
        ax.set_ylim(*to.inverted().transform(np.array(ends)))


def _write_at_right(ax: Axes, text: str, y: float, layout: Layout) -> bool:
    width, height = _size(ax, text)
    edge, bottom = layout.bounds.right, _pixels(ax, 0.0, y)[1] + 1
    for at in (bottom, bottom - height - 2):
        if layout.claim(Box(edge - width, at, edge, at + height)):
            _write(ax, text, edge - 2, at + height / 2, ha="right", colour=style.MARK)
            return True
    return False


def _draw_texts(ax: Axes, lane: Lane, marks: list[Mark], at: Positions, layout: Layout) -> int:
    """Draw a dot for each text, and the words of as many as there is room for; return how many have none."""
    if not marks:
        return 0
    marks = sorted(marks, key=lambda mark: float(at(mark.time)))
    pixels = _pixels(ax, [float(at(mark.time)) for mark in marks], [_height(ax, lane, mark) for mark in marks])
    pixels[:, 1] = np.clip(pixels[:, 1], layout.bounds.bottom + 3, layout.bounds.top - 5)
    _draw_dots(ax, np.unique(pixels.round(), axis=0))
    crowded = len(marks) > _FEW
    tried = [i for i in spread(len(marks), MOST_WORDS if crowded else len(marks)) if marks[i].text]
    shown = sum(_write_beside(ax, marks[i].text, pixels[i], layout) for i in tried)
    return sum(bool(mark.text) for mark in marks) - shown


def _draw_dots(ax: Axes, pixels: NDArray[np.float64]) -> None:
    few = len(pixels) <= _FEW
    how: dict[str, Any] = {"markersize": 3.0} if few else {"markersize": 1.6, "alpha": 0.35}
    x, y = ax.transAxes.inverted().transform(pixels).T
    ax.plot(x, y, "o", color=style.NOTE, transform=ax.transAxes, zorder=4, scalex=False, scaley=False, **how)


def _height(ax: Axes, lane: Lane, mark: Mark) -> float:
    """Return where a text stands on the axis: at its value, or at the top."""
    if lane.shape == "logic":
        rows = [trace.name for trace in lane.traces]
        return len(rows) - 1 - rows.index(mark.signal) + LOGIC_HEIGHT / 2 if mark.signal in rows else len(rows)
    low, high = ax.get_ylim()
    return high if mark.y is None or not np.isfinite(mark.y) else min(max(mark.y, low), high)


def _write_beside(ax: Axes, text: str, pixel: NDArray[np.float64], layout: Layout) -> bool:
    width, height = _size(ax, text)
    box = layout.place(pixel[0], pixel[1], width, height)
    if box is not None:
        ha = "left" if box.left > pixel[0] else "right"
        _write(ax, text, box.left if ha == "left" else box.right, (box.bottom + box.top) / 2, ha=ha, colour=style.NOTE)
    return box is not None


def _write(ax: Axes, text: str, x: float, y: float, *, ha: str, colour: str) -> None:
    """Write words at a pixel, as a fraction of the axes: they keep their place when the figure changes its size."""
    at = ax.transAxes.inverted().transform((x, y))
    ax.text(
        at[0], at[1], text, transform=ax.transAxes, ha=ha, va="center", color=colour, fontsize=style.SMALL_PT,
        zorder=5, parse_math=False, bbox=_BACKGROUND,
    )  # fmt: skip


def _em(ax: Axes) -> float:
    return style.SMALL_PT * ax.figure.dpi / 72


def _size(ax: Axes, text: str) -> tuple[float, float]:
    em = _em(ax)
    return len(text) * em * style.CHARACTER_EM + 0.4 * em, 1.35 * em


def _box(artist: Artist) -> Box:
    found = artist.get_window_extent()
    return Box(found.x0, found.y0, found.x1, found.y1)


def _pixels(ax: Axes, x: Any, y: Any) -> NDArray[np.float64]:
    points = np.stack(np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(y, np.float64)), axis=-1)
    found: NDArray[np.float64] = ax.transData.transform(points)
    return found
