"""Rows at the end of a block: what its samples were, summarised as recording software did."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xjls.testing.jls1.definition import Definition
from xjls.testing.jls1.records import arrays
from xjls.testing.jls1.truth import converted, decoded

GROUPS = 4
"""Parts of a reduction that the faulty software put together one by one."""
Table = NDArray[np.float64]


def fields_of(definition: Definition) -> NDArray[np.float64]:
    """Return what the recording session held of all samples, f64[6, time]: missing ones as it had them."""
    if definition.words is not None:
        kept = converted(definition.words[: definition.length], definition, definition.rows_suppressed)
    elif definition.floats is not None:
        kept = dict(decoded(definition.floats))
        kept["current_range"] = definition.floats.current_range
        kept = {name: kept[name] for name in ("current", "voltage", "power", "current_range", "gpi0", "gpi1")}
    else:
        return np.empty((6, 0))
    return np.stack([np.asarray(values, np.float64) for values in kept.values()])


def rows_of(fields: Table, size: int, *, understated: bool = False) -> tuple[NDArray[np.uint64], Table]:
    """Return counts u64[row] and mean, sum of squares, smallest and largest f64[row, field, 4] of whole rows.

    Only samples with a finite current count; a row of none is NaN.

    Examples
    --------
    >>> count, table = rows_of(np.array([[1.0, 3, np.nan, 5]] * 6), 2)
    >>> count, table[:, 0].tolist()
    (array([2, 1], dtype=uint64), [[2.0, 2.0, 1.0, 3.0], [5.0, 0.0, 5.0, 5.0]])
    """
    count = fields.shape[1] // size
    numbers, table = np.zeros(count, np.uint64), np.full((count, 6, 4), np.nan)
    for row in range(count):
        part = fields[:, row * size : (row + 1) * size]
        part = part[:, np.isfinite(part[0])]
        numbers[row] = part.shape[1]
        if part.shape[1]:
            squares = _understated(part) if understated else ((part - part.mean(axis=1)[:, None]) ** 2).sum(axis=1)
            table[row] = np.stack([part.mean(axis=1), squares, part.min(axis=1), part.max(axis=1)], axis=1)
    return numbers, table


def encode_rows(definition: Definition, fields: Table) -> bytes:
    """Return the value at the end of a block of these samples."""
    size = definition.sizes.reduction
    if definition.rows == "none":
        return b""
    counts, table = rows_of(fields, size, understated=definition.rows_understated)
    if definition.rows == "v1":
        table[:, :, 1] /= np.maximum(counts, 1)[:, None]
        return table[:, : definition.row_fields].astype("<f4").tobytes()
    return encode_v2(counts, table)


def encode_v2(counts: NDArray[np.uint64], table: Table) -> bytes:
    """Return 25 arrays of one length: counts, then four of each field."""
    by_id: dict[int, Any] = {0: counts.astype("<u8")}
    for number in range(6):
        for statistic in range(4):
            by_id[number << 4 | statistic + 1] = table[:, number, statistic].astype("<f4")
    return arrays(by_id)


def padded(counts: NDArray[np.uint64], table: Table, rows: int, *, is_first: bool) -> tuple[NDArray[np.uint64], Table]:
    """Return so many rows, those behind the others of no sample: zeros in the first block, limits in later ones."""
    empty = np.zeros((rows - len(counts), 6, 4))
    if not is_first:
        empty[:, :, 2], empty[:, :, 3] = np.inf, -np.inf
    return np.append(counts, np.zeros(len(empty), np.uint64)), np.concatenate([table, empty])


def _understated(part: Table) -> Table:
    """Put sums of squares together without the first operand's own distance from the mean of both."""
    groups = np.array_split(part, min(GROUPS, part.shape[1]), axis=1)
    count, mean, total = 0, np.zeros(6), np.zeros(6)
    for group in groups:
        n, own = group.shape[1], group.mean(axis=1)
        both = (mean * count + own * n) / (count + n)
        total = total + ((group - own[:, None]) ** 2).sum(axis=1) + n * (own - both) ** 2
        count, mean = count + n, both
    return total if len(groups) > 1 else ((part - part.mean(axis=1)[:, None]) ** 2).sum(axis=1)
