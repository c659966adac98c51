"""Numbers with engineering prefixes: which one an axis takes, and as many digits as its ticks need."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from xjls.plot.wording import words

_PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}
_EXPONENTS = {prefix: exponent for exponent, prefix in _PREFIXES.items()} | {"u": -6, "μ": -6}
_PARTS = re.compile("([fpnuµμmkMGT])?(A|V|W|C|J|Hz|s|F|H|Ω|ohm|Ah|Wh|VA|S|T|Pa|N|m|B)")
"""Units that take a prefix; others (°C, %, dBm, counts …) are read with plain numbers."""
_MOST_DIGITS = 12


@dataclass(frozen=True, slots=True)
class AxisUnit:
    """The unit that an axis is labelled in."""

    label: str
    """With its prefix: ``"mA"``."""
    factor: float
    """Number on the axis = value × this."""

    @classmethod
    def of(cls, units: str, largest: float) -> AxisUnit:
        """Choose the prefix for an axis whose numbers reach ``largest``, in ``units``.

        Examples
        --------
        >>> AxisUnit.of("A", 0.12), AxisUnit.of("mA", 0.02), AxisUnit.of("°C", 0.02)
        (AxisUnit(label='mA', factor=1000.0), AxisUnit(label='µA', factor=1000.0), AxisUnit(label='°C', factor=1.0))
        """
        parts = _PARTS.fullmatch(units)
        if parts is None or not math.isfinite(largest):
            return cls(words(units, 12), 1.0)
        given = _EXPONENTS[parts[1] or ""]
        exponent = _exponent(abs(largest) * 10.0**given)
        return cls(_PREFIXES[exponent] + parts[2], 10.0 ** (given - exponent))


def _exponent(value: float) -> int:
    """Return the power of ten of a value's prefix."""
    if value == 0:
        return 0
    return min(max(3 * math.floor(math.log10(value * 1.0000001) / 3), min(_PREFIXES)), max(_PREFIXES))


def with_prefix(value: float, units: str) -> str:
    """Return one value with a prefix of its own.

    Examples
    --------
    >>> with_prefix(1e-5, "A"), with_prefix(0.15, "A"), with_prefix(-20, "mA"), with_prefix(0, "W")
    ('10 µA', '150 mA', '−20 mA', '0 W')
    """
    unit = AxisUnit.of(units, value)
    return f"{value * unit.factor:.6g} {unit.label}".rstrip().replace("-", "−")


def digits(values: Iterable[float]) -> int:
    """Return how many digits behind the point tell evenly spaced values apart, and no more.

    Examples
    --------
    >>> digits([0, 50, 100, 150]), digits([3.2, 3.225, 3.25]), digits([3.30001, 3.30002])
    (0, 3, 5)
    """
    values = list(values)
    step = min((abs(b - a) for a, b in pairwise(values) if b != a), default=abs(values[0]) if values else 0)
    if not step or not math.isfinite(step):
        return 0
    first = max(0, -math.floor(math.log10(step) + 1e-9))
    tried = range(min(first, _MOST_DIGITS), min(first + 3, _MOST_DIGITS))
    return next((n for n in tried if _told(values, n, step)), min(first + 2, _MOST_DIGITS))


def _told(values: list[float], n_digits: int, step: float) -> bool:
    return all(abs(round(value, n_digits) - value) < 0.01 * step for value in values)


def numbers(values: Iterable[float]) -> list[str]:
    """Return evenly spaced numbers, all with the same digits, with a true minus sign.

    Examples
    --------
    >>> numbers([-50, 0, 50, 100, 150]), numbers([3.2, 3.225, 3.25])
    (['−50', '0', '50', '100', '150'], ['3.200', '3.225', '3.250'])
    """
    values = list(values)
    n = digits(values)
    return [f"{value + 0.0:.{n}f}".replace("-", "−") if round(value, n) else f"{0:.{n}f}" for value in values]
