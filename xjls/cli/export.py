"""``xjls export``: signals as a table for other programs: CSV, Parquet, NumPy."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from xjls.cli import EXIT_DAMAGED
from xjls.cli.arguments import PLAINLY, Opening
from xjls.cli.frame_window import label_window
from xjls.cli.text import written
from xjls.cli.window import windows_of
from xjls.export.csv import write_csv
from xjls.export.table import make_table
from xjls.export.writing import write_table
from xjls.formats import open_recording
from xjls.progress import shown

if TYPE_CHECKING:
    from xjls.export.table import Table
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
    opening: Opening = PLAINLY,
) -> int:
    """Write signals as a table, say what was written and what is missing of it; return the exit status."""
    with open_recording(path, on_damage="gap", **opening) as recording:
        names = list(signals) or None
        window = _window(recording, [axis] if axis else signals, start, stop)
        table = make_table(
            recording, names, window, axis=axis, every=every, columns=columns, statistics=statistics, time=time
        )
        if out == STANDARD_OUTPUT:
            write_csv(table, sys.stdout.buffer, units=units)
            told = _shape(table)
        else:
            write_table(table, out, units=units, overwrite=overwrite, progress=shown(_rows), option="--overwrite")
            told = f"{written(out)}: {_shape(table)}"
    # What goes to standard output is the table alone
    print("\n".join([told, *_remarks(table)]), file=sys.stderr if out == STANDARD_OUTPUT else sys.stdout)
    return EXIT_DAMAGED if table.lost else 0


def _window(
    recording: Recording, signals: Sequence[str], start: str | None, stop: str | None
) -> tuple[int, int] | None:
    """Return the sample ids of the axis from one moment up to another, as far as any of its signals has them."""
    if (label := _label(recording, signals)) is not None:
        return label_window(recording, label, start, stop)
    found = windows_of(recording, signals, start, stop).values()
    return min(first for first, _ in found), max(last for _, last in found)


def _label(recording: Recording, names: Sequence[str]) -> str | None:
    """Return what rows count where they are no moments: the axis of the first name, or that is named; else None.

    Without a name it is the table's to say what there is.
    """
    there = recording.signals
    axes = dict.fromkeys(signal.axis for signal in there.values() if signal.axis)
    if not names:
        return next(iter(axes), None) if not any(signal.is_series for signal in there.values()) else None
    if names[0] in there:
        return there[names[0]].axis or None
    return names[0] if names[0] in axes else None


def _shape(table: Table) -> str:
    return f"{_rows(len(table))} of {', '.join(column.name for column in table.columns)}"


def _remarks(table: Table) -> list[str]:
    """Say, by signal, what is missing, and what is not exact."""
    missing = "samples are lost or were never delivered, and missing here; see xjls info"
    remarks = [f"  {name}: {lost:,} {missing}" for name, lost in table.lost.items()]
    remarks += [
        f"  {name}: from summaries that may hide single NaN; see xjls stats --nans count" for name in table.inexact
    ]
    return remarks


def _rows(number: int) -> str:
    """Return a number of rows."""
    return f"{number:,} rows"
