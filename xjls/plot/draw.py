"""Lanes onto axes: bands, lines and steps, and the shading of what is missing. Positions are seconds from an origin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from xjls.plot import style
from xjls.plot.wording import words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from xjls.plot.lanes import Lane, Scale
    from xjls.plot.trace import Span, Trace

    Positions = Callable[[Any], Any]

LOGIC_HEIGHT = 0.7
"""Of a logic trace, where the next one is 1 away."""
_MOST_DOTS = 0.12
"""Samples a pixel up to which each gets a dot."""
_FEW_DECADES = 150
"""A logarithmic axis that spans less than this factor has ticks at 2 and 5 as well."""
_ROOM = 0.06
"""Of an axis beyond its values."""


@dataclass(frozen=True, slots=True)
class Look:
    """What of each trace is drawn."""

    band: bool = True
    """From the smallest to the largest sample of each column."""
    mean: bool = True
    std: bool = False
    """Mean ± standard deviation."""
    scale: Scale = "auto"


def draw_lane(ax: Axes, lane: Lane, look: Look, at: Positions, width_px: int) -> None:
    """Draw the traces of a lane, and label its vertical axis.

    Parameters
    ----------
    ax, lane, look
        Where, what and how.
    at
        From a trace's times to positions.
    width_px
        Of the axes: tells where samples are far enough apart for dots.
    """
    if lane.shape == "logic":
        _draw_logic(ax, lane, at)
    else:
        colours = [style.STEPS] if lane.shape == "steps" else style.colours(lane.units, len(lane.traces))
        for trace, colour in zip(lane.traces, colours, strict=True):
            _draw_trace(ax, trace, look, colour, at(trace.time), width_px)
        _set_values(ax, lane, look)
    _shade_lane(ax, lane, at)
    ax.grid(visible=True, axis="x" if lane.shape == "logic" else "both", color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(which="both", labelsize=style.SMALL_PT)


def _draw_trace(ax: Axes, trace: Trace, look: Look, colour: str, edges: NDArray[np.float64], width_px: int) -> None:
    if trace.is_samples and trace.shape == "analog":
        dots = len(trace) <= _MOST_DOTS * width_px
        how: dict[str, Any] = {"marker": "o", "markersize": 3.2} if dots else {}
        ax.plot(edges[:-1], trace.mean, color=colour, label=_label(trace.name), **style.LINE, **how)
        return
    if look.band:
        _fill(ax, trace.min, trace.max, edges, colour, style.BAND)
    if look.std and trace.std is not None:
        low, high = trace.mean - trace.std, trace.mean + trace.std
        _fill(ax, np.fmax(low, trace.min), np.fmin(high, trace.max), edges, colour, style.SPREAD)
    if look.mean:
        _step(ax, trace.mean, edges, colour, trace.name)


def _fill(ax: Axes, low: Any, high: Any, edges: NDArray[np.float64], colour: str, how: dict[str, Any]) -> None:
    from matplotlib.patches import StepPatch

    # ax.stairs is the same, but looks for the extremes of each segment as of a Bézier curve: 40 ms a trace
    ax.add_artist(StepPatch(high, edges, baseline=low, fill=True, color=colour, **how))


def _step(ax: Axes, values: NDArray[np.float64], edges: NDArray[np.float64], colour: str, name: str) -> None:
    from matplotlib.patches import StepPatch

    how = {"fill": False, "color": colour, "label": _label(name), **style.LINE}
    ax.add_artist(StepPatch(values, edges, baseline=None, **how))  # type: ignore[arg-type]  # None is a line


def _draw_logic(ax: Axes, lane: Lane, at: Positions) -> None:
    """Draw low and high as steps; where a signal toggles within a column, its range pale and its duty strong."""
    count = len(lane.traces)
    for row, trace in enumerate(lane.traces):
        edges, base = at(trace.time), float(count - 1 - row)
        low, high, duty = (base + LOGIC_HEIGHT * values for values in (trace.min, trace.max, trace.mean))
        _fill(ax, low, high, edges, style.LOGIC, style.BAND)
        _fill(ax, np.where(np.isfinite(duty), base, np.nan), duty, edges, style.LOGIC, style.SPREAD)
        _step(ax, duty, edges, style.LOGIC, trace.name)
    ax.set_ylim(-0.2, count - 1 + LOGIC_HEIGHT + 0.2)
    ax.set_yticks(
        [count - 1 - row + LOGIC_HEIGHT / 2 for row in range(count)],
        [words(trace.name, 18) for trace in lane.traces],
        parse_math=False,
    )
    ax.tick_params(axis="y", length=0)


def _set_values(ax: Axes, lane: Lane, look: Look) -> None:
    """Set limits, scale, ticks and label of the axis of values."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

    from xjls.plot.canvas import NumberFormatter, PrefixFormatter

    scale, unit = lane.scale(look.scale), lane.unit()
    if scale != "linear":
        ax.set_yscale(scale, **({"linthresh": _threshold(lane)} if scale == "symlog" else {}))
        ax.yaxis.set_major_formatter(PrefixFormatter(lane.units))
        low, high = lane.reach()
        few = scale == "log" and high < low * _FEW_DECADES
        ax.yaxis.set_minor_formatter(PrefixFormatter(lane.units) if few else NullFormatter())
        if few:
            ax.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
        label = ""
    else:
        steps = (
            {"steps": [1, 2, 5, 10], "integer": True, "min_n_ticks": 1}
            if lane.shape == "steps"
            else {"steps": [1, 2, 2.5, 5, 10]}
        )
        ax.yaxis.set_major_locator(MaxNLocator(4 if lane.shape == "steps" else 6, **steps))
        ax.yaxis.set_major_formatter(NumberFormatter(unit))
        label = unit.label
    ax.set_ylim(*_limits(lane, scale))
    _name(ax, lane, label)


def _name(ax: Axes, lane: Lane, label: str) -> None:
    """Name the axis: its signal and unit, or, where several share it, the unit; names in a legend then."""
    unit = f"({label})" if label else ""
    if len(lane.traces) > 1:
        ax.set_ylabel(label or words(lane.units, 12), fontsize=style.LABEL_PT, parse_math=False)
        made = ax.legend(loc="upper right", fontsize=style.SMALL_PT, ncols=3, framealpha=0.85, borderpad=0.3)
        for entry in made.get_texts():
            entry.set_parse_math(False)
    elif lane.shape == "steps":
        ax.set_ylabel(words(lane.traces[0].name, 14), fontsize=style.SMALL_PT, parse_math=False)
    else:
        name = words(lane.traces[0].name, 24)
        text = f"{name} {unit}" if len(name) <= 14 else f"{name}\n{unit}"
        ax.set_ylabel(text.rstrip(), fontsize=style.LABEL_PT, parse_math=False)


def _limits(lane: Lane, scale: Literal["linear", "log", "symlog"]) -> tuple[float, float]:
    low, high = lane.reach()
    if not np.isfinite(low):
        return 0.0, 1.0
    if scale == "log":
        room = (high / low) ** _ROOM
        return low / room, high * room
    if lane.shape == "steps":
        return low - 0.4, high + 0.4
    room = (high - low) * _ROOM or abs(high) * 0.1 or 1.0
    return low - room, high + room


def _threshold(lane: Lane) -> float:
    """Return up to where an axis that crosses 0 is linear: the power of ten below the means that matter."""
    means = np.abs(np.concatenate([trace.mean for trace in lane.traces]))
    means = means[np.isfinite(means) & (means > 0)]
    floor = max(float(np.percentile(means, 5)), float(means.max()) * 1e-6) if means.size else 1.0
    return float(10.0 ** np.floor(np.log10(floor)))


def _shade_lane(ax: Axes, lane: Lane, at: Positions) -> None:
    if lane.shape != "logic":
        spans = list(dict.fromkeys(span for trace in lane.traces for span in trace.gaps))
        _shade(ax, spans, at, (0, 1), ax.get_xaxis_transform())
        return
    for row, trace in enumerate(lane.traces):
        _shade(ax, trace.gaps, at, (len(lane.traces) - 1 - row, LOGIC_HEIGHT), ax.transData)


def _shade(ax: Axes, spans: Any, at: Positions, heights: tuple[float, float], transform: Any) -> None:
    """Shade spans of each kind at once; the order of kinds puts what is worse on top."""
    for is_damage, is_whole in ((False, False), (False, True), (True, False), (True, True)):
        bars = [_bar(span, at) for span in spans if (span.is_damage, span.is_whole) == (is_damage, is_whole)]
        if bars:
            ax.broken_barh(bars, heights, transform=transform, **style.shading(is_damage=is_damage, is_whole=is_whole))


def _bar(span: Span, at: Positions) -> tuple[float, float]:
    start, stop = float(at(span.start)), float(at(span.stop))
    return start, stop - start


def _label(name: str) -> str:
    """Return a name as a legend takes it: those that begin with "_" are left out of legends."""
    return f" {words(name)}" if name.startswith("_") else words(name)
