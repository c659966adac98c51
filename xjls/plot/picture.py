"""The picture as a whole: lanes one above the other over one time axis, its title and its legend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from xjls.errors import SelectionError
from xjls.plot import style
from xjls.plot.draw import draw_lane
from xjls.plot.lanes import lanes_of
from xjls.plot.marking import ROW_PT, Placed, draw_marks
from xjls.plot.marks import inside
from xjls.plot.timescale import ElapsedTime, ZonedTime, duration_text

if TYPE_CHECKING:
    from datetime import tzinfo

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from xjls.plot.draw import Look
    from xjls.plot.lanes import Lane
    from xjls.plot.timescale import TimeScale
    from xjls.plot.trace import Mark, Moment, Trace

FigSize: TypeAlias = "tuple[float | None, float | None]"
_MARGIN = 0.9
"""Of a figure's width that its axes take, about."""
_TICK_PX = 95
"""A tick a so many pixels, at most."""
_HEAD_IN = 0.95
"""Title, time axis and its label."""


def assemble(
    traces: Sequence[Trace],
    marks: Sequence[Mark],
    look: Look,
    tz: tzinfo | None,
    figsize: FigSize | None,
    title: str,
    figure: Figure | SubFigure | None,
    ax: Axes | None,
) -> Figure:
    """Draw traces and marks into a new figure, or into what is given; see `xjls.plot.plot_recording`."""
    lanes = lanes_of(traces)
    low, high = _ends(traces)
    at = _positions(low)
    axes = _axes(lanes, figsize, figure, ax)
    placed = list(zip(axes, lanes, strict=True))
    width = width_px(figsize, figure, ax)
    for where, lane in placed:
        draw_lane(where, lane, look, at, width)
    set_time(axes, _scale(low, tz, traces[0].since), float(at(high)), width)
    axes[0].figure.align_ylabels([where for where, lane in placed if lane.shape != "logic"])
    result = draw_marks(placed, inside(marks, low, high), at)
    draw_head(axes, title, legend_of(lanes, look), result)
    return cast("Figure", axes[0].figure)


def _ends(traces: Sequence[Trace]) -> tuple[Moment, Moment]:
    if not traces:
        raise SelectionError("there is no trace to draw", "Choose signals that have samples.")
    if len({trace.is_utc for trace in traces}) > 1:
        known, unknown = (", ".join(t.name for t in traces if t.is_utc is utc) for utc in (True, False))
        raise SelectionError(
            f"some signals are in UTC ({known}), others in seconds ({unknown})",
            'Draw those of one kind, or all of them with time="seconds".',
        )
    return min(trace.time[0] for trace in traces), max(trace.time[-1] for trace in traces)


def _positions(low: Moment) -> Callable[[Any], Any]:
    """Return the function from times to seconds since the picture's first."""
    if isinstance(low, np.datetime64):
        return lambda times: (np.asarray(times, "M8[ns]") - low).astype(np.int64) / 1e9
    return lambda times: times - low


def _scale(low: Moment, tz: tzinfo | None, since: str) -> TimeScale:
    if isinstance(low, np.datetime64):
        return ZonedTime(int(low.astype("M8[ns]").astype(np.int64)), tz)
    return ElapsedTime(float(low), since)


def _axes(
    lanes: Sequence[Lane],
    figsize: FigSize | None,
    figure: Figure | SubFigure | None,
    ax: Axes | None,
) -> list[Axes]:
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    from xjls.plot.canvas import Picture

    if ax is not None:
        if len(lanes) > 1:
            what = ", ".join(lane.units or lane.traces[0].name for lane in lanes)
            raise SelectionError(f"one axes cannot hold {what}", "Choose signals of one unit, or give a figure.")
        return [ax]
    heights = [lane.height_in for lane in lanes]
    if figure is None:
        wide, high = figsize or (None, None)
        size = (wide or style.WIDTH_IN, high or sum(heights) + _HEAD_IN)
        layout = ConstrainedLayoutEngine(**style.PADS)
        figure = Picture(figsize=size, dpi=style.DPI, layout=layout)
    made = figure.subplots(len(lanes), sharex=True, squeeze=False, height_ratios=heights)
    return list(made[:, 0])


def set_time(axes: Sequence[Axes], scale: TimeScale, span: float, width: int) -> None:
    """Set the time axis; its label follows when someone pans or zooms."""
    from xjls.plot.canvas import TimeFormatter, TimeLocator

    last, locator = axes[-1], TimeLocator(scale, max(2, width // _TICK_PX))

    def name(changed: Axes) -> None:
        low, high = sorted(changed.get_xlim())
        last.set_xlabel(scale.title(list(locator.tick_values(low, high)), low, high), fontsize=style.LABEL_PT)

    last.xaxis.set_major_locator(locator)
    last.xaxis.set_major_formatter(TimeFormatter(scale))
    last.callbacks.connect("xlim_changed", name)
    last.set_xlim(0, span)


def legend_of(lanes: Sequence[Lane], look: Look) -> list[tuple[Any, str]]:
    """Return what the picture's signs mean, as far as it has them."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    traces = [trace for lane in lanes if lane.shape != "logic" for trace in lane.traces]
    spans = [span for lane in lanes for trace in lane.traces for span in trace.gaps]
    columns = [trace for trace in traces if not trace.is_samples]
    has_means, has_middles = (any(bool(trace.signals) is bounds for trace in columns) for bounds in (False, True))
    grey = style.QUIET
    signs: list[tuple[bool, Any, str]] = [
        (bool(columns) and look.band, Patch(color=grey, **style.BAND), "min to max"),
        (has_means and look.std, Patch(color=grey, **style.SPREAD), "mean ± std"),
        (has_means and look.mean, Line2D([], [], color=grey, **style.LINE), "mean"),
        (has_middles and look.mean, Line2D([], [], color=grey, **style.LINE), "middle of min and max"),
    ]
    for is_damage, text in ((False, "no samples"), (True, "damaged")):
        wholes = [span.is_whole for span in spans if span.is_damage == is_damage]
        signs.append((bool(wholes), Patch(**style.shading(is_damage=is_damage, is_whole=any(wholes))), text))
    return [(sign, text) for on, sign, text in signs if on]


def draw_head(axes: Sequence[Axes], title: str, legend: list[tuple[Any, str]], placed: Placed) -> None:
    """Write the title and the legend above the names of markers, and below the picture what is not in it."""
    from matplotlib.transforms import offset_copy

    top, pad = axes[0], 5 + placed.rows * ROW_PT
    top.set_title(title, loc="left", fontsize=style.TITLE_PT, pad=pad, parse_math=False)
    if legend:
        signs, texts = [sign for sign, _ in legend], [text for _, text in legend]
        names = top.get_legend()
        top.legend(
            signs, texts, loc="lower right", bbox_to_anchor=(1, 1), ncols=len(texts), frameon=False,
            bbox_transform=offset_copy(top.transAxes, top.figure.canvas.figure, y=pad - 2, units="points"),
            fontsize=style.SMALL_PT, borderaxespad=0, borderpad=0.1, columnspacing=1.2, handlelength=1.6,
        )  # fmt: skip
        if names is not None:
            top.add_artist(names)
    if placed.hidden:
        text = f"no room for the words of {placed.hidden:,} annotation{'s' * (placed.hidden != 1)}"
        axes[-1].annotate(
            text, (1, 0), xycoords="axes fraction", xytext=(0, -22), textcoords="offset points", ha="right", va="top",
            fontsize=style.SMALL_PT, color=style.QUIET,
        )  # fmt: skip


def width_px(figsize: FigSize | None = None, figure: Figure | SubFigure | None = None, ax: Axes | None = None) -> int:
    """Return how many pixels wide the axes of a picture will be, about.

    Examples
    --------
    >>> width_px(), width_px((4, 3))
    (900, 360)
    """
    if ax is not None:
        return max(1, round(ax.get_window_extent().width))
    pixels = figure.bbox.width if figure is not None else ((figsize or (None,))[0] or style.WIDTH_IN) * style.DPI
    return max(1, round(pixels * _MARGIN))


def summary(traces: Sequence[Trace]) -> str:
    """Return what a picture shows, in words: how much time, and how many samples a column."""
    if not traces:
        return ""
    low, high = _ends(traces)
    most = max(trace.samples_per_column for trace in traces)
    columns = "samples" if most <= 1 else f"{_count(most)} samples a column"
    return f"{duration_text(float(_positions(low)(high)))} · {columns}"


def _count(samples: float) -> str:
    return f"{samples:,.0f}" if samples >= 10 else f"{samples:.2g}"
