"""A table to Parquet, by pyarrow: typed columns with their units, a row group a span; what is missing is null."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xjls.errors import MissingDependencyError
from xjls.export.columns import TimeColumn

if TYPE_CHECKING:
    from xjls.export.columns import Column
    from xjls.export.rows import Span
    from xjls.export.table import Table
    from xjls.progress import Progress


def require_pyarrow() -> Any:
    """Return the package pyarrow, or raise an error that names the extra."""
    try:
        import pyarrow.parquet
    except ImportError:
        raise MissingDependencyError("pyarrow", "parquet") from None
    return pyarrow


def write_parquet(table: Table, path: str, progress: Progress | None = None) -> None:
    """Write a table to a new file; ``progress`` is called with (rows done, rows in all)."""
    arrow = require_pyarrow()
    schema = _schema(arrow, table)
    small = [one.name for one in table.values if one.dtype.kind in "iu" and one.dtype.itemsize == 1]
    # Times rise evenly, so that their differences take next to nothing; dictionaries are for a handful of values
    options = {"use_dictionary": small, "column_encoding": {table.time.name: "DELTA_BINARY_PACKED"}}
    if table.time.told_as == "seconds":
        del options["column_encoding"]
    total = len(table)
    with arrow.parquet.ParquetWriter(path, schema, compression="zstd", **options) as writer:
        for span in table.iter_spans():
            arrays = [_array(arrow, one, span, schema.field(i).type) for i, one in enumerate(table.columns)]
            writer.write_table(arrow.Table.from_arrays(arrays, schema=schema), row_group_size=max(len(span), 1))
            if progress is not None:
                progress(span.row + len(span), total)


def _schema(arrow: Any, table: Table) -> Any:
    fields = [
        arrow.field(one.name, _type(arrow, one), metadata={"units": one.units} if one.units else None)
        for one in table.columns
    ]
    return arrow.schema(fields, metadata=table.facts)


def _type(arrow: Any, column: Column) -> Any:
    if isinstance(column, TimeColumn) and column.told_as == "utc":
        return arrow.timestamp("ns", tz="UTC")
    return arrow.from_numpy_dtype(column.dtype)


def _array(arrow: Any, column: Column, span: Span, kind: Any) -> Any:
    cells = column.read(span)
    values = cells.values.view("M8[ns]") if arrow.types.is_timestamp(kind) else cells.values
    return arrow.array(values, type=kind, mask=cells.missing)
