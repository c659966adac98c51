"""Amounts as people write them, with units: lengths of time, rates and sizes, exactly; and as they read them."""

from __future__ import annotations

import re
from datetime import timedelta
from fractions import Fraction
from typing import TypeAlias

from xjls.errors import SelectionError

Amount: TypeAlias = "float | str | Fraction"
"""A number in the plain unit, or a text with one."""

SECONDS = {
    "": Fraction(1), "s": Fraction(1), "ms": Fraction(1, 10**3), "us": Fraction(1, 10**6), "µs": Fraction(1, 10**6),
    "μs": Fraction(1, 10**6), "ns": Fraction(1, 10**9), "min": Fraction(60), "h": Fraction(3600), "d": Fraction(86400),
}  # fmt: skip
"""Units of time, in seconds."""
_HERTZ = {
    f"{prefix}{unit}": Fraction(factor)
    for prefix, factor in (("", 1), ("k", 10**3), ("M", 10**6), ("G", 10**9))
    for unit in ("", "Hz", "S/s", "Sa/s")
}  # fmt: skip
_BYTES = {
    f"{prefix}{unit}": Fraction(factor)
    for prefix, factor in (("", 1), ("k", 10**3), ("M", 10**6), ("G", 10**9), ("T", 10**12))
    for unit in ("", "B")
} | {f"{prefix}iB": Fraction(2**power) for prefix, power in (("K", 10), ("M", 20), ("G", 30), ("T", 40))}
_PREFIXED = re.compile("([nµmkMG])(A|V|W|C|J|V·s)")
"""Units that have a prefix already."""
_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"))
_TERM = re.compile(r"([\d._]+(?:[eE][+-]?\d+)?)\s*([a-zA-Zµμ/]*)\s*")


def seconds_of(amount: Amount | timedelta) -> Fraction:
    """Return a length of time in seconds.

    Raises
    ------
    SelectionError
        It is none, or not above 0.

    Examples
    --------
    >>> seconds_of("1h30min"), seconds_of("250 ms"), seconds_of(1.5)
    (Fraction(5400, 1), Fraction(1, 4), Fraction(3, 2))
    """
    if isinstance(amount, timedelta):
        amount = Fraction(amount // timedelta(microseconds=1), 10**6)
    return _amount(amount, SECONDS, "length of time", "Give seconds, or a text as 250ms, 10s, 1h30min or 2d.")


def hertz_of(amount: Amount) -> Fraction:
    """Return a rate in samples a second; see `seconds_of`.

    Examples
    --------
    >>> hertz_of("62.5 MHz"), hertz_of("2M"), hertz_of(1e6)
    (Fraction(62500000, 1), Fraction(2000000, 1), Fraction(1000000, 1))
    """
    return _amount(amount, _HERTZ, "rate", 'Give samples a second, as 1e6 or "62.5 MHz".')


def bytes_of(amount: Amount) -> int:
    """Return a size in bytes; see `seconds_of`.

    Examples
    --------
    >>> bytes_of("1.5 GB"), bytes_of("1 GiB"), bytes_of(4096)
    (1500000000, 1073741824, 4096)
    """
    return int(_amount(amount, _BYTES, "size", 'Give bytes, or a text as "500 MB".'))


def quantity(value: float, unit: str) -> str:
    """Return a value with an SI prefix.

    Examples
    --------
    >>> quantity(2e6, "Hz"), quantity(0.0125, "A"), quantity(0, "V"), quantity(1202.72, "mV")
    ('2 MHz', '12.5 mA', '0 V', '1.20272 V')
    """
    if value and (parts := _PREFIXED.fullmatch(unit)) is not None:
        given = next(factor for factor, prefix in _PREFIXES if prefix == parts[1])
        return quantity(value * given, parts[2])
    if value == 0 or value != value or abs(value) == float("inf"):
        return f"{value:.6g} {unit}"
    factor, prefix = next(((f, p) for f, p in _PREFIXES if abs(value) >= f * 0.9999995), _PREFIXES[-1])
    return f"{value / factor:.6g} {prefix}{unit}"


def duration(seconds: float) -> str:
    """Return a length of time.

    Examples
    --------
    >>> duration(0.25), duration(62), duration(90_000)
    ('250 ms', '1 min 2 s', '1 d 1 h')
    """
    if seconds < 60:
        return quantity(seconds, "s")
    parts, rest = [], round(seconds)
    for length, name in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, rest = divmod(rest, length)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2])


def counted(n: int, what: str) -> str:
    """Return so many of something.

    Examples
    --------
    >>> counted(1, "gap"), counted(2000, "gap")
    ('1 gap', '2,000 gaps')
    """
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def _amount(amount: Amount, units: dict[str, Fraction], what: str, remedy: str) -> Fraction:
    try:
        found = _sum(amount, units) if isinstance(amount, str) else Fraction(str(amount))
    except (ValueError, ZeroDivisionError, KeyError):
        raise SelectionError(f"{amount!r} is no {what}", remedy) from None
    if found <= 0:
        raise SelectionError(f"{amount!r} is no {what} above 0", remedy)
    return found


def _sum(text: str, units: dict[str, Fraction]) -> Fraction:
    """Return the sum of the terms of a text; raise ValueError or KeyError where it is none."""
    total, at, text = Fraction(0), 0, text.strip()
    while at < len(text):
        term = _TERM.match(text, at)
        if term is None:
            raise ValueError(text)
        total += Fraction(term[1]) * units[term[2]]
        at = term.end()
    return total
