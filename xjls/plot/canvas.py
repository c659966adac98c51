"""What matplotlib lacks: ticks by our own scales, and a figure that a notebook shows without pyplot.

The only module that needs matplotlib to be imported: `xjls.plot.figure` does so when it draws.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.ticker import Formatter, Locator

from xjls.plot.engineering import AxisUnit, numbers, with_prefix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xjls.plot.timescale import TimeScale


class Picture(Figure):
    """A figure that notebooks show, whether or not pyplot was imported."""

    def _repr_png_(self) -> bytes:
        """Return the picture as notebooks ask for it."""
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=self.dpi)
        return file.getvalue()


class TimeLocator(Locator):
    """Ticks where a time scale wants them."""

    def __init__(self, scale: TimeScale, most: int) -> None:
        self._scale = scale
        self._most = most

    def __call__(self) -> Sequence[float]:
        """Return the ticks of the axis as it is now."""
        low, high = _view(self)
        return self.tick_values(low, high)

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        """Return the ticks between two positions."""
        return self._scale.ticks(vmin, vmax, self._most)


class TimeFormatter(Formatter):
    """Labels as a time scale words them."""

    def __init__(self, scale: TimeScale) -> None:
        self._scale = scale

    def __call__(self, x: float, pos: int | None = None) -> str:  # noqa: ARG002 - what matplotlib calls
        """Return one label; interactive windows ask for it below the cursor."""
        return self.format_ticks([x])[0]

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """Return the labels of all ticks."""
        return self._scale.labels(list(values), _view(self)[0])


def _view(part: Locator | Formatter) -> tuple[float, float]:
    low, high = sorted(part.axis.get_view_interval())  # type: ignore[union-attr]  # they are asked once they have one
    return low, high


class NumberFormatter(Formatter):
    """Plain numbers in the unit that the axis is labelled in."""

    def __init__(self, unit: AxisUnit) -> None:
        self._unit = unit

    def __call__(self, x: float, pos: int | None = None) -> str:  # noqa: ARG002 - what matplotlib calls
        """Return one number with its unit, for a cursor."""
        return f"{x * self._unit.factor:.6g} {self._unit.label}".rstrip()

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """Return the labels of all ticks, with the same digits."""
        return numbers(value * self._unit.factor for value in values)


class PrefixFormatter(Formatter):
    """Numbers each with a prefix of its own: for an axis over many decades."""

    def __init__(self, units: str) -> None:
        self._units = units

    def __call__(self, x: float, pos: int | None = None) -> str:  # noqa: ARG002 - what matplotlib calls
        """Return one label."""
        return with_prefix(x, self._units)
