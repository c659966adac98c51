"""Reductions of a recording, bytes to rows: count, lost, mean, sum of squares, minimum and maximum of every row.

A block ends with one row for so many samples, of each field. Rows of format v2 are counted, and hold the sum of squared
distances where others would hold a variance; rows of v1 hold the population variance, and no count. They were made of
what the instrument's buffer held then: with that session's suppression, calibration and ranges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import CorruptError, FormatError
from xjls.formats.jls1.arrays import decode_arrays
from xjls.formats.jls1.config import FIELDS
from xjls.formats.jls1.layout import UNKNOWN
from xjls.model.status import Damage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.jls1.config import Config
    from xjls.formats.jls1.layout import Layout
    from xjls.formats.jls1.walk import Walk

COUNT, LOST, MEAN, SQUARES, MIN, MAX = range(6)
ROW_LENGTH = 6
_HIGHEST_RANGE = 7
_STATISTICS = 4
"""Mean, variance, minimum and maximum, numbered from 1 in the ids of arrays."""
_FIELD_OF = {
    "current": "current", "voltage": "voltage", "power": "power", "current_range": "current_range",
    "gpi0": "current_lsb", "gpi1": "voltage_lsb",
}  # fmt: skip


class Reductions:
    """Rows of all fields, read at once; thread-safe, once made.

    Parameters
    ----------
    walk, layout, config
        Of the file.
    factor
        Samples of a row; 0 where there are to be none.
    length
        Samples of the recording.
    """

    def __init__(self, walk: Walk, layout: Layout, config: Config, factor: int, length: int) -> None:
        self.factor = factor
        self.length = length // factor if factor else 0
        """Rows: one for each whole reduction of samples."""
        self.damage: list[Damage] = []
        self.are_counted = config.reduction_format == "v2"
        self._fields = config.fields
        self._rows = np.full((len(FIELDS), self.length, ROW_LENGTH), np.nan)
        self._rows[..., (COUNT, LOST)] = 0
        self._known = np.zeros(self.length, np.bool_)
        per_block = config.samples_per_block // self.factor if self.factor else 0
        for block in layout.blocks.values():
            if block.reductions != UNKNOWN and block.number * per_block < self.length:
                self._take(walk, block.reductions, block.number * per_block, per_block)

    def rows(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return a copy of the rows of a signal, float64[row, 6], and which of them tell of its samples.

        Where suppression has put a current in the place of a missing sample, that was counted in all fields: such rows
        have no mean, or a range that there is not. Rows of no sample are never believed: a look at samples is cheap.
        """
        number = FIELDS.index(_FIELD_OF[name])
        rows = self._rows[number].copy()
        if FIELDS[number] not in self._fields:
            return rows, np.zeros(self.length, np.bool_)
        filled = self._rows[FIELDS.index("current_range"), :, MAX] > _HIGHEST_RANGE
        known = self._known & ~filled & _can_be(rows, self.factor)
        return rows, known

    def switches(self) -> NDArray[np.bool_]:
        """Return which rows have, or begin with, a switch of current ranges: what suppression changes is in these."""
        ranges = self._rows[FIELDS.index("current_range")]
        found: NDArray[np.bool_] = ranges[:, MIN] != ranges[:, MAX]
        found[1:] |= ranges[1:, MIN] != ranges[:-1, MAX]
        found &= np.isfinite(ranges[:, MIN])
        return found

    def highest_ranges(self, most: int) -> list[tuple[int, int, float]]:
        """Return the samples of some rows of the highest mean current ranges, half-open, and that mean."""
        rows, known = self.rows("current_range")
        usable = np.flatnonzero(known & (rows[:, COUNT] == self.factor) & (rows[:, MEAN] >= 1))
        found = usable[np.argsort(rows[usable, MEAN], kind="stable")[::-1][:most]]
        return [(i * self.factor, (i + 1) * self.factor, float(rows[i, MEAN])) for i in found.tolist()]

    def _take(self, walk: Walk, offset: int, start: int, most: int) -> None:
        """Take the rows of a block, at most so many, from a row on."""
        head = walk.head(offset)
        if head is None or not head.length:
            return
        try:
            value = walk.record(head).value
            found = self._decoded(value, walk.storage.path, offset)
        except FormatError as error:
            self.damage.append(Damage(offset, head.stop, error.problem, "levels are made of samples there"))
            return
        stop = min(start + min(found.shape[1], most), self.length)
        self._rows[: len(found), start:stop] = found[:, : stop - start]
        self._known[start:stop] = True

    def _decoded(self, value: bytes, path: str, offset: int) -> NDArray[np.float64]:
        """Return the rows of a block, float64[field, row, 6]."""
        return _decode_v2(value, path, offset) if self.are_counted else self._decode_v1(value, path, offset)

    def _decode_v1(self, value: bytes, path: str, offset: int) -> NDArray[np.float64]:
        n_fields = len(self._fields)
        if len(value) % (4 * _STATISTICS * n_fields):
            raise CorruptError(f"{len(value)} bytes are not reductions of {n_fields} fields", path, offset)
        table = np.frombuffer(value, "<f4").astype(np.float64).reshape(-1, n_fields, _STATISTICS).swapaxes(0, 1)
        rows = np.zeros((len(FIELDS), table.shape[1], ROW_LENGTH))
        numbers = [FIELDS.index(field) for field in self._fields]
        rows[numbers, :, MEAN:] = table
        rows[..., COUNT] = self.factor
        rows[..., SQUARES] *= self.factor
        return _cleaned(rows)


def _decode_v2(value: bytes, path: str, offset: int) -> NDArray[np.float64]:
    """Return the rows of a block of format v2, float64[field, row, 6]."""
    arrays = decode_arrays(value, path, offset)
    counts = arrays.get(0)
    wanted = [field << 4 | statistic for field in range(len(FIELDS)) for statistic in range(1, _STATISTICS + 1)]
    if counts is None or any(len(arrays.get(number, ())) != len(counts) for number in wanted):
        raise CorruptError(f"reductions have arrays {sorted(arrays)} of unequal lengths", path, offset)
    rows = np.zeros((len(FIELDS), len(counts), ROW_LENGTH))
    rows[..., COUNT] = counts
    table: Any = np.stack([arrays[number].astype(np.float64) for number in wanted])
    rows[..., MEAN:] = table.reshape(len(FIELDS), _STATISTICS, -1).swapaxes(1, 2)
    return _cleaned(rows)


def _can_be(rows: NDArray[np.float64], factor: int) -> NDArray[np.bool_]:
    """Return which rows can be those of up to ``factor`` samples."""
    with np.errstate(invalid="ignore"):
        ordered = (rows[:, MIN] <= rows[:, MEAN]) & (rows[:, MEAN] <= rows[:, MAX]) & (rows[:, SQUARES] >= 0)
        found: NDArray[np.bool_] = (rows[:, COUNT] > 0) & (rows[:, COUNT] <= factor) & ordered
    return found & np.isfinite(rows[:, MEAN:]).all(axis=1)


def _cleaned(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rows; those of no sample have no statistics, whatever the file says of them."""
    rows[rows[..., COUNT] == 0, MEAN:] = np.nan
    return rows
