"""A table to CSV: a line of names, then a line a row, in UTF-8.

Floats have the fewest digits that read back as what they are, times all nine digits of a nanosecond; what is missing
or NaN is an empty cell. A kernel writes them: what stands in a file must not depend on the packages that are there.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from xjls.export.columns import TimeColumn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.export.columns import Column
    from xjls.export.rows import Span
    from xjls.export.table import Table
    from xjls.progress import Progress

BATCH_CELLS = 1 << 16
"""Cells that become text at a time: what they are made of and what they become fits in a cache."""


def write_csv(table: Table, file: BinaryIO, *, units: bool = False, progress: Progress | None = None) -> None:
    """Write a table as CSV.

    Parameters
    ----------
    table
        What to write.
    file
        Open for bytes.
    units
        Whether names are followed by units, as in ``current [A]``.
    progress
        Called with (rows done, rows in all).

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.export.table import make_table
    >>> from xjls.testing import write_demo
    >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1))
    >>> write_csv(make_table(recording, ["current", "gpi[0]"], (0, 2)), file := io.BytesIO())
    >>> print(file.getvalue().decode())
    time,current,gpi[0]
    2026-03-01T10:00:00.000000000Z,4.3455457e-06,0
    2026-03-01T10:00:00.000002000Z,4.1818516e-06,0
    <BLANKLINE>
    """
    file.write(_names(table, units=units))
    total = len(table)
    for span in table.iter_spans():
        _write_span(table.columns, span, file)
        if progress is not None:
            progress(span.row + len(span), total)


def _names(table: Table, *, units: bool) -> bytes:
    """Return the first line; names that hold commas or quotes are quoted."""
    line = io.StringIO()
    names = [f"{one.name} [{one.units}]" if units and one.units else one.name for one in table.columns]
    csv.writer(line, lineterminator="\n").writerow(names)
    return line.getvalue().encode()


def _write_span(columns: tuple[Column, ...], span: Span, file: BinaryIO) -> None:
    from xjls.kernels.text import CELL_BYTES, write_lines

    cells = np.empty((len(columns), len(span)), np.uint64)
    missing = np.zeros(cells.shape, np.bool_)
    kinds = np.array([_encode(column, span, cells[i], missing[i]) for i, column in enumerate(columns)])
    rows = max(BATCH_CELLS // len(columns), 1)
    text = np.empty(rows * len(columns) * CELL_BYTES, np.uint8)
    for start in range(0, len(span), rows):
        part = slice(start, start + rows)
        size = write_lines(np.ascontiguousarray(cells[:, part]), np.ascontiguousarray(missing[:, part]), kinds, text)
        file.write(text[:size].data)


def _encode(column: Column, span: Span, cells: NDArray[np.uint64], missing: NDArray[np.bool_]) -> int:
    """Fill in one column's cells as bits, mark what is missing, and return their kind."""
    from xjls.kernels import text

    if isinstance(column, TimeColumn):
        cells[:] = column.whole(span).view(np.uint64)
        return {"utc": text.UTC, "seconds": text.NANOSECONDS, "id": text.SIGNED}[column.told_as]
    found = column.read(span)
    if found.missing is not None:
        missing[:] = found.missing
    cells[:] = _bits(found.values)
    if found.values.dtype.kind == "f":
        return text.FLOAT32 if found.values.itemsize == 4 else text.FLOAT64
    return text.SIGNED if found.values.dtype.kind == "i" else text.UNSIGNED


def _bits(values: NDArray[Any]) -> NDArray[Any]:
    """Return floats as the bits that they are, integers with their sign."""
    if values.dtype.kind == "f":
        return values.view(f"u{values.itemsize}")
    return values.astype(np.int64).view(np.uint64) if values.dtype.kind == "i" else values
