"""What JLS says of rates: whole numbers of samples a second.

A signal that gets annotations and no samples, in a file beside its recording, may have any rate: its sample ids are
those of the recording. What the definition says then is the rate that Joulescope's programs write into such files, the
record behind the definition has the true one, and ties tell when samples were.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

IDS_HZ = 1_000_000
"""In definitions of signals whose rate JLS has not, and that get no samples."""
MOST_HZ = (1 << 32) - 1
RATE_KEYS = _NEAR, _IDS = "rate_hz", "ids_hz"
"""Of a record: a rate near that of the definition, and one that JLS has not."""
_TOLERANCE = Fraction(1, 10**6)
"""By how much the rate in a definition may be another one than that of the record beside it."""


def whole_rate(rate_hz: Fraction) -> int | None:
    """Return the rate that a definition has: the nearest whole one, where that is nearly the same; else None.

    Examples
    --------
    >>> whole_rate(Fraction(10**9, 12)), whole_rate(Fraction(1, 3)), whole_rate(Fraction(5 * 10**9))
    (83333333, None, None)
    """
    whole = round(rate_hz)
    return whole if abs(whole - rate_hz) <= rate_hz * _TOLERANCE and whole <= MOST_HZ else None


def encode_rate(rate_hz: Fraction) -> dict[str, str]:
    """Return what a record says of a rate: nothing where the definition says it all; `decode_rate` undoes it.

    Examples
    --------
    >>> encode_rate(Fraction(1000)), encode_rate(Fraction(10**9, 12)), encode_rate(Fraction(1, 3))
    ({}, {'rate_hz': '250000000/3'}, {'ids_hz': '1/3'})
    """
    if (whole := whole_rate(rate_hz)) is None:
        return {_IDS: str(rate_hz)}
    return {} if whole == rate_hz else {_NEAR: str(rate_hz)}


def decode_rate(said: Mapping[str, Any], defined_hz: int) -> Fraction | None:
    """Return the rate that a record tells, or None; raise ValueError where it makes no sense beside the definition's.

    Examples
    --------
    >>> decode_rate({"rate_hz": "250000000/3"}, 83_333_333), decode_rate({"ids_hz": "1/3"}, IDS_HZ)
    (Fraction(250000000, 3), Fraction(1, 3))
    """
    key = _IDS if _IDS in said else _NEAR
    if key not in said:
        return None
    exact = Fraction(said[key])
    defined = round(exact) if key == _NEAR else IDS_HZ if exact > 0 and whole_rate(exact) is None else None
    if defined != defined_hz:
        raise ValueError(f"a rate of {said[key]} Hz where the definition has {defined_hz}")
    return exact
