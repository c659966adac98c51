"""Sizes, times and tables as people read them; see `xjls.model.amounts` for quantities."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from xjls.storage import local_path

_BYTES = ("B", "kB", "MB", "GB", "TB", "PB")


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
