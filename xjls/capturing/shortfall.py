"""Samples that went missing without a trace: no sample id tells of them, but they leave the rest behind the clock.

That is told, in words, and never made a gap: how many samples it was, and where, nobody knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

WINDOW_S = 2.0
"""Of arrivals among which the soonest counts: a slow machine delays blocks, but not all of so many."""
LEAST_S = 0.05
"""What is told."""
DRIFT = 1e-3
"""How far a device's clock may be off: what comes later more slowly than that is not missing."""


def shortfall_text(more_s: float) -> str:
    """Return what is told of a shortfall of so many seconds.

    Examples
    --------
    >>> shortfall_text(-0.25)
    'samples come 0.250 s sooner again: they were late, and are not missing'
    """
    if more_s < 0:
        return f"samples come {-more_s:.3f} s sooner again: they were late, and are not missing"
    return f"samples come {more_s:.3f} s later than before: as many may be missing, and sample ids do not count them"


@dataclass(slots=True, eq=False)
class Shortfall:
    """How far the samples of a device are behind the clock, compared with how far they were.

    Parameters
    ----------
    rate_hz
        Nominal rate.

    Examples
    --------
    >>> shortfall = Shortfall(Fraction(1000))
    >>> [shortfall.arrived(1000 * i, float(i)) for i in range(5)]
    [0.0, 0.0, 0.0, 0.0, 0.0]
    >>> [round(shortfall.arrived(1000 * i, i + 0.25), 6) for i in range(5, 10)]
    [0.0, 0.0, 0.0, 0.25, 0.0]
    """

    rate_hz: Fraction
    _begin_s: float | None = None
    _soonest_s: float = 0.0
    """The least delay in this window."""
    _usual_s: float | None = None
    """That of windows before; it follows the drift of a clock."""

    def arrived(self, stop: int, elapsed_s: float) -> float:
        """Take down that the samples before ``stop`` arrived at a time; return by how many seconds more they are late.

        It is 0 where that is nothing of note, and below 0 where samples came after all.
        """
        late_s = elapsed_s - float(stop / self.rate_hz)
        if self._begin_s is None:
            self._begin_s, self._soonest_s = elapsed_s, late_s
        passed_s = elapsed_s - self._begin_s
        if passed_s < WINDOW_S:
            self._soonest_s = min(self._soonest_s, late_s)
            return 0.0
        more_s = self._compared(self._soonest_s, DRIFT * passed_s)
        self._begin_s, self._soonest_s = elapsed_s, late_s
        return more_s

    def _compared(self, soonest_s: float, drift_s: float) -> float:
        if self._usual_s is None:
            self._usual_s = soonest_s
        more_s = soonest_s - self._usual_s
        if abs(more_s) >= LEAST_S:
            self._usual_s = soonest_s
            return more_s
        self._usual_s += min(max(more_s, -drift_s), drift_s)
        return 0.0
