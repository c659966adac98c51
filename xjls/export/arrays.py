"""A table to NumPy: an array a column in ``.npz``, or the one column of values in ``.npy``.

Arrays lie behind each other in the file, so that columns are written one after the other, and the recording is read
once for each. NumPy has no mark for a missing integer: where one is missing, the column becomes floats with NaN.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from xjls.errors import SelectionError
from xjls.export.columns import Samples, TimeColumn, free_name

if TYPE_CHECKING:
    from xjls.export.columns import Column
    from xjls.export.table import Table
    from xjls.progress import Progress

_LARGEST_EXACT = 4
"""Bytes of the widest integers that are the same as float64."""


def write_npz(table: Table, path: str, progress: Progress | None = None) -> None:
    """Write every column as an array of its name, and ``columns`` and ``units``: the names and units in their order.

    ``progress`` is called with (rows done, rows in all), as if the columns were written side by side.
    """
    columns = table.columns
    taken = {one.name for one in columns}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for i, column in enumerate(columns):
            with archive.open(_entry(column.name), "w", force_zip64=True) as file:
                _write_column(table, column, file, progress, i, len(columns))  # type: ignore[arg-type]  # it writes bytes
        for name, texts in (("columns", [c.name for c in columns]), ("units", [c.units for c in columns])):
            with archive.open(_entry(free_name(name, taken)), "w") as file:
                np.lib.format.write_array(file, np.array(texts, np.str_))


def write_npy(table: Table, path: str, progress: Progress | None = None) -> None:
    """Write the only column of values; ``progress`` is called with (rows done, rows in all).

    Raises
    ------
    SelectionError
        The table has several of them.
    """
    require_one_column(table)
    with Path(path).open("wb") as file:
        _write_column(table, table.values[0], file, progress, 0, 1)


def require_one_column(table: Table) -> None:
    """Raise unless a table has one column of values."""
    if len(table.values) != 1:
        raise SelectionError(
            f".npy holds one array, and these are {len(table.values)}: {', '.join(one.name for one in table.values)}",
            "Choose one signal, and one statistic of it, or write .npz.",
        )


def _entry(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(f"{name}.npy")  # without the time of day: the same table makes the same bytes


def _write_column(
    table: Table, column: Column, file: BinaryIO, progress: Progress | None, number: int, columns: int
) -> None:
    """Write a column as an array with its header; progress counts the columns before it."""
    dtype, length = _dtype(table, column), len(table)
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (length,)}
    np.lib.format.write_array_header_1_0(file, header)
    for span in table.iter_spans():
        cells = column.read(span)
        values = cells.values.view(dtype) if dtype.kind == "M" else cells.values.astype(dtype, copy=False)
        if cells.missing is not None:
            values = np.where(cells.missing, np.array(np.nan, dtype), values)
        file.write(np.ascontiguousarray(values).view(np.uint8).data)
        if progress is not None:
            progress((number * length + span.row + len(span)) // columns, length)


def _dtype(table: Table, column: Column) -> np.dtype[Any]:
    """Return what a column becomes: integers are read before, for they may have to be floats."""
    if isinstance(column, TimeColumn):
        return np.dtype("M8[ns]") if column.told_as == "utc" else column.dtype
    whole = not isinstance(column, Samples) or column.dtype.kind == "f"
    if whole or all(column.read(span).missing is None for span in table.iter_spans()):
        return column.dtype
    if column.dtype.itemsize > _LARGEST_EXACT:
        raise SelectionError(
            f"samples of {column.name!r} are missing, and NumPy has no mark for that in {column.dtype}",
            "Write .parquet or .csv, or choose a window in which it has all of them.",
        )
    return np.dtype("f4" if column.dtype.itemsize < _LARGEST_EXACT else "f8")
