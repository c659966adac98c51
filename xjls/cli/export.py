"""``xjls export``: signals as a table for other programs: CSV, Parquet, NumPy."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xjls.cli import EXIT_DAMAGED
from xjls.cli.text import size
from xjls.cli.window import window_of
from xjls.errors import SelectionError
from xjls.export.choosing import chosen
from xjls.export.csv import write_csv
from xjls.export.table import Table, make_table
from xjls.export.writing import write_table
from xjls.formats import open_recording
from xjls.progress import shown

if TYPE_CHECKING:
    from xjls.model.recording import Recording

STANDARD_OUTPUT = "-"


def export(
    path: str,
    out: str,
    *,
    start: str | None = None,
    stop: str | None = None,
    signals: Sequence[str] = (),
    axis: str | None = None,
    every: int | None = None,
    columns: int | None = None,
    statistics: Sequence[str] = (),
    time: str = "auto",
    units: bool = False,
    overwrite: bool = False,
) -> int:
    """Write signals as a table, say what was written and what is missing of it; return the exit status."""
    with open_recording(path, on_damage="gap") as recording:
        names = list(signals) or None
        window = _window(recording, chosen(recording, names, axis), axis, start, stop, named=bool(signals))
        table = make_table(
            recording, names, window, axis=axis, every=every, columns=columns, statistics=statistics, time=time
        )
        if out == STANDARD_OUTPUT:
            write_csv(table, sys.stdout.buffer, units=units)
            told = _shape(table)
        else:
            write_table(table, out, units=units, overwrite=overwrite, progress=shown(_rows), option="--overwrite")
            told = f"wrote {out}, {size(Path(out).stat().st_size)}: {_shape(table)}"
    # What goes to standard output is the table alone
    print("\n".join([told, *_remarks(table)]), file=sys.stderr if out == STANDARD_OUTPUT else sys.stdout)
    return EXIT_DAMAGED if table.lost else 0


def _window(
    recording: Recording, names: Sequence[str], axis: str | None, start: str | None, stop: str | None, *, named: bool
) -> tuple[int, int]:
    """Return the sample ids of the axis from one moment up to another, as far as any of its signals has them."""
    found: list[tuple[int, int]] = []
    refused: list[SelectionError] = []
    for name in [axis] if axis else names:
        try:
            found.append(window_of(recording, name, start, stop))
        except SelectionError as error:
            if named:
                raise
            refused.append(error)
    if not found:
        raise refused[0]
    return min(first for first, _ in found), max(last for _, last in found)


def _shape(table: Table) -> str:
    return f"{_rows(len(table))} of {', '.join(column.name for column in table.columns)}"


def _remarks(table: Table) -> list[str]:
    """Say, by signal, what is missing, and what is not exact."""
    remarks = [
        f"  {name}: {lost:,} samples are lost, and missing here; see xjls check" for name, lost in table.lost.items()
    ]
    remarks += [
        f"  {name}: from summaries that may hide single NaN; see xjls stats --nans count" for name in table.inexact
    ]
    return remarks


def _rows(number: int) -> str:
    """Return a number of rows."""
    return f"{number:,} rows"
