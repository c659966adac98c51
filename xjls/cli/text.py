"""Numbers, times and tables as people read them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from xjls.storage import local_path

_BYTES = ("B", "kB", "MB", "GB", "TB", "PB")
_PREFIXED = re.compile("([nµmkMG])(A|V|W|C|J|V·s)")
"""Units that have a prefix already."""
_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"))


def size(n_bytes: int) -> str:
    """Return a size in decimal units.

    >>> size(999), size(2_617_000_000)
    ('999 B', '2.62 GB')
    """
    value, unit = float(n_bytes), 0
    while value >= 1000 and unit < len(_BYTES) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.3g} {_BYTES[unit]}"


def written(out: str) -> str:
    """Say what was written, and how large that is: a file, or all files of a folder; of an address that is not asked.

    >>> written("memory://lab/run.zarr")
    'wrote memory://lab/run.zarr'
    """
    if (local := local_path(out)) is None:
        return f"wrote {out}"
    place = Path(os.path.expanduser(local))  # noqa: PTH111 - as what is written is looked up
    files = [place] if place.is_file() else [file for file in place.rglob("*") if file.is_file()]
    return f"wrote {out}, {size(sum(file.stat().st_size for file in files))}"


def quantity(value: float, unit: str) -> str:
    """Return a value with an SI prefix.

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


def moment(time_ns: int) -> str:
    """Return a UTC time in ISO form, with the digits that it needs.

    >>> moment(1_772_359_200_000_000_000), moment(1_772_359_200_000_500_000)
    ('2026-03-01T10:00:00Z', '2026-03-01T10:00:00.0005Z')
    """
    whole, fraction = divmod(time_ns, 10**9)
    digits = f".{fraction:09d}".rstrip("0") if fraction else ""
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}{digits}Z"


def table(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Return rows as aligned columns, those in ``right`` flush right.

    >>> print(table([["a", "1"], ["bcd", "22"]], right=[1]))
      a     1
      bcd  22
    """
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
        lines.append(("  " + "  ".join(cells)).rstrip())
    return "\n".join(lines)
