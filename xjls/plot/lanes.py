"""Which traces share an axis, in which order the axes stand, and how high each is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from xjls.errors import SelectionError
from xjls.plot.engineering import AxisUnit

if TYPE_CHECKING:
    from xjls.plot.trace import Shape, Trace

Scale = Literal["auto", "linear", "log"]

WIDE = 1000
"""An axis that spans more than this factor is logarithmic, unless told otherwise."""
_HEIGHTS = {"analog": 2.1, "steps": 0.85, "logic": 0.42}
"""In inches; of a lane, or of each logic trace in it."""


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """One axis of the picture."""

    shape: Shape
    traces: tuple[Trace, ...]
    """Of one unit; logic traces stand one below the other."""

    @property
    def units(self) -> str:
        """Of its traces."""
        return self.traces[0].units

    @property
    def height_in(self) -> float:
        """Inches that it takes where nobody asks for another size."""
        return _HEIGHTS[self.shape] * (len(self.traces) if self.shape == "logic" else 1)

    def reach(self) -> tuple[float, float]:
        """Return the smallest and the largest value; NaN where there is none."""
        ends = [trace.min[np.isfinite(trace.min)] for trace in self.traces]
        tops = [trace.max[np.isfinite(trace.max)] for trace in self.traces]
        if not any(map(len, ends)):
            return np.nan, np.nan
        return float(min(e.min() for e in ends if len(e))), float(max(t.max() for t in tops if len(t)))

    def unit(self) -> AxisUnit:
        """Return the unit of its axis, with the prefix for its largest value."""
        low, high = self.reach()
        return AxisUnit.of(self.units, max(abs(low), abs(high)))

    def scale(self, asked: Scale) -> Literal["linear", "log", "symlog"]:
        """Return how its axis counts.

        ``"auto"`` is logarithmic where all values are positive and span more than three decades. Where a logarithm is
        asked for and there are others than positive values, the axis is linear around 0.
        """
        low, high = self.reach()
        if asked not in ("auto", "linear", "log"):
            raise SelectionError(f"scale={asked!r} is no scale", 'Choose "auto", "linear" or "log".')
        if self.shape != "analog" or asked == "linear" or not high - low > 0:
            return "linear"
        if low > 0:
            return "log" if asked == "log" or high > low * WIDE else "linear"
        return "symlog" if asked == "log" else "linear"


def lanes_of(traces: Sequence[Trace]) -> list[Lane]:
    """Return the lanes of a picture: one a unit, then one for each signal of few states, then all logic signals in one.

    Examples
    --------
    >>> from xjls.plot.trace import Trace
    >>> def trace(name, units, shape="analog"):
    ...     return Trace(name=name, units=units, time=np.arange(2.0), mean=np.ones(1), min=np.ones(1), max=np.ones(1),
    ...                  shape=shape)
    >>> lanes = lanes_of([trace("d0", "", "logic"), trace("in", "V"), trace("d1", "", "logic"), trace("out", "V")])
    >>> [[trace.name for trace in lane.traces] for lane in lanes]
    [['in', 'out'], ['d0', 'd1']]
    """
    analog = [trace for trace in traces if trace.shape == "analog"]
    lanes = [
        Lane("analog", tuple(trace for trace in analog if trace.units == units))
        for units in dict.fromkeys(trace.units for trace in analog)
    ]
    lanes += [Lane("steps", (trace,)) for trace in traces if trace.shape == "steps"]
    logic = tuple(trace for trace in traces if trace.is_logic)
    return [*lanes, Lane("logic", logic)] if logic else lanes
