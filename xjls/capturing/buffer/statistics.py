"""Rows of statistics as Joulescope tells them: records of 40 bytes, and dictionaries with units."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.capturing.buffer.fields import STATS_FIELD_NAMES, units_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

STATS_DTYPE = np.dtype([("length", "u8"), ("mean", "f8"), ("variance", "f8"), ("min", "f8"), ("max", "f8")])
"""One statistic: ``length`` finite samples; ``variance`` is the sum of their squared distances from the mean.

Where ``length`` is 0 the others are NaN.
"""
_INTEGRALS = {"current": ("charge", "C"), "power": ("energy", "J")}
PICO = 10**12


def fill_stats(rows: NDArray[np.float64], out: NDArray[Any]) -> None:
    """Fill records from rows, float64[n, 6]; see `xjls.query.answer.ROW`.

    Examples
    --------
    >>> out = np.empty(1, STATS_DTYPE)
    >>> fill_stats(np.array([[2, 0, 1.5, 0.5, 1, 2]]), out)
    >>> out[0].item()
    (2, 1.5, 0.5, 1.0, 2.0)
    """
    out["length"] = rows[:, 0]
    for i, name in enumerate(("mean", "variance", "min", "max"), 2):
        out[name] = np.where(rows[:, 0] > 0, rows[:, i], np.nan)


def stats_to_api(stats: NDArray[Any], t_start: float, t_stop: float) -> dict[str, Any]:
    """Return six statistics as a dictionary of numbers with units.

    Parameters
    ----------
    stats
        Shape (field = 6,), of `STATS_DTYPE`, in the order of `STATS_FIELD_NAMES`.
    t_start, t_stop
        Of which seconds they are.

    Returns
    -------
    dict
        ``time`` and ``signals``. Of each signal ``µ``, ``σ2``, ``min``, ``max`` and ``p2p``; of current and power also
        ``∫``, the mean × the seconds. The variance ``σ2`` is that of a sample of the population, in the square of the
        signal's unit.

    Examples
    --------
    >>> stats = np.array([(3, 2.0, 2.0, 1.0, 3.0)] * 6, STATS_DTYPE)
    >>> told = stats_to_api(stats, 0.0, 0.5)
    >>> told["signals"]["current"]["σ2"], told["signals"]["current"]["∫"]
    ({'value': 1.0, 'units': 'A²'}, {'value': 1.0, 'units': 'C'})
    """
    units = {name: units_of(name, {}) for name in STATS_FIELD_NAMES}
    return told_statistics(stats, units, t_start, t_stop)


def told_statistics(stats: NDArray[Any], units: Mapping[str, str], t_start: float, t_stop: float) -> dict[str, Any]:
    """Return statistics of any fields, of which ``units`` has the names in their order; see `stats_to_api`."""
    delta = t_stop - t_start
    return {
        "time": {
            "range": {"value": [t_start, t_stop], "units": "s"},
            "delta": {"value": delta, "units": "s"},
            "samples": {"value": int(stats[0]["length"]), "units": "samples"},
        },
        "signals": {
            name: _signal(record.item(), name, unit, delta)
            for (name, unit), record in zip(units.items(), stats, strict=True)
        },
    }


def told_statistic(mean: float, variance: float, low: float, high: float, units: str) -> dict[str, Any]:
    """Return one statistic as a dictionary of numbers with units.

    Examples
    --------
    >>> told_statistic(2.0, 1.0, 1.0, 3.0, "A")["p2p"]
    {'value': 2.0, 'units': 'A'}
    """
    return {
        "µ": {"value": mean, "units": units},
        "σ2": {"value": variance, "units": f"{units}²" if units else ""},
        "min": {"value": low, "units": units},
        "max": {"value": high, "units": units},
        "p2p": {"value": high - low, "units": units},
    }


def _signal(record: tuple[int, float, float, float, float], name: str, units: str, delta: float) -> dict[str, Any]:
    length, mean, squares, low, high = record
    told = told_statistic(mean, squares / (length - 1) if length > 1 else 0.0 * squares, low, high, units)
    if name in _INTEGRALS:
        told["∫"] = {"value": mean * delta, "units": _INTEGRALS[name][1]}
    return told


class Accumulators:
    """Charge and energy since the beginning: exact sums, which are rounded only when they are told.

    Examples
    --------
    >>> sums = Accumulators(Fraction(1000))
    >>> for _ in range(10):
    ...     sums.add({"current": 1e-13, "power": float("nan")}, 1000)
    >>> sums.told()
    {'charge': {'value': 1e-12, 'units': 'C'}, 'energy': {'value': 0.0, 'units': 'J'}}
    >>> sums.picos("charge")
    1
    """

    def __init__(self, rate_hz: Fraction) -> None:
        self._rate_hz = rate_hz
        self._sums = {quantity: Fraction(0) for quantity, _ in _INTEGRALS.values()}

    def add(self, means: dict[str, float], samples: int) -> None:
        """Add the means of so many samples, by field; one that is NaN adds nothing."""
        for field, (quantity, _) in _INTEGRALS.items():
            if field in means and np.isfinite(means[field]):
                self._sums[quantity] += Fraction(means[field]) * samples / self._rate_hz

    def picos(self, quantity: str) -> int:
        """Return a sum in 10⁻¹² of its unit, rounded once."""
        return round(self._sums[quantity] * PICO)

    def told(self) -> dict[str, Any]:
        """Return the sums with their units."""
        return {
            quantity: {"value": float(self._sums[quantity]), "units": units} for quantity, units in _INTEGRALS.values()
        }
