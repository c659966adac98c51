"""The levels of one signal: rows of its reductions, where samples agree with them, and rows of twenty of these above.

Reductions were made by another program, of what it held then: with its suppression and ranges, in some releases with
deviations that are too small. So some of them, all over the recording, are compared with the samples as they are read
now: those of the widest span, and of rows with switches of ranges, which suppression changes, too. Where one differs
none is believed, and entries are made of samples when somebody asks. The first and the last row, and some that are
missing, are made of samples at once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from xjls.formats.jls1.reductions import COUNT, MAX, MEAN, MIN, ROW_LENGTH, SQUARES
from xjls.model.sample_type import STEP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.jls1.reductions import Reductions

Use: TypeAlias = Literal["auto", "trust", "ignore"]
USES: tuple[Use, ...] = ("auto", "trust", "ignore")
_PROBES = 32
"""Rows that are compared with samples, and as many with switches."""
_MADE_AT_ONCE = 2_048
"""Rows that are made of samples without being asked for."""
_READ_SAMPLES = 1 << 21
_ROUNDING = 4 * np.finfo(np.float32).eps
"""Of numbers that were rounded to float32 once, relative to the largest of them."""


class Levels:
    """The levels of a signal; made once, then only read.

    Parameters
    ----------
    reductions, name
        Whose rows.
    read
        Returns the samples of [start, stop), NaN where there are none, and whether all of them could be read.
    use
        Whether rows are believed: ``"auto"`` where samples agree, ``"trust"`` always, ``"ignore"`` never.
    complete
        Which rows are of samples that are all there, where rows have no counts; None where they have.
    floating
        Whether samples may be NaN. Of others, rows that tell of less than all samples are made when they are asked for:
        whoever asks must see which of them are none.
    """

    def __init__(
        self, reductions: Reductions, name: str, read: Callable[[int, int], tuple[NDArray[np.float64], bool]],
        use: Use, *, floating: bool, complete: NDArray[np.bool_] | None = None,
    ) -> None:  # fmt: skip
        self._factor = reductions.factor
        self._read = read
        rows, known = reductions.rows(name)
        if complete is not None:
            known &= complete
        self._switches = reductions.switches()
        self.agrees = use == "trust" or (use == "auto" and self._agree(rows, known, reductions.are_counted))
        """Whether rows are believed at all."""
        if not self.agrees:
            known = np.zeros_like(known)
        elif use == "auto":
            self._complete(rows, known)
        if not floating:
            known &= rows[:, COUNT] == self._factor
        self._rows = [rows]
        self._known = [known]
        self._merge()

    def entries(self, level: int, start: int, stop: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return entries [start, stop) of a level, float64[n, 4], and which of them are believed."""
        rows = self._rows[level - 1][start:stop]
        entries = rows[:, MEAN:].copy()
        with np.errstate(invalid="ignore", divide="ignore"):
            entries[:, SQUARES - MEAN] = np.sqrt(np.maximum(rows[:, SQUARES], 0) / rows[:, COUNT])
        return entries, self._known[level - 1][start:stop].copy()

    def whole(self, level: int, start: int, stop: int) -> NDArray[np.bool_]:
        """Return which entries [start, stop) count as many samples as they cover, or none."""
        rows, factor = self._rows[level - 1][start:stop], self._factor * STEP ** (level - 1)
        found: NDArray[np.bool_] = (rows[:, COUNT] == factor) | (rows[:, COUNT] == 0)
        return found

    def address(self, level: int, start: int, stop: int) -> int:
        """Return the address of rows [start, stop) of a level; 0 where one of them is not believed."""
        if not self._known[level - 1][start:stop].all():
            return 0
        return self._rows[level - 1][start:stop].ctypes.data

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """Rows of each level."""
        return tuple(len(rows) for rows in self._rows)

    # -- making ------------------------------------------------------------------------------------------------------

    def _agree(self, rows: NDArray[np.float64], known: NDArray[np.bool_], counted: bool) -> bool:
        """Whether samples say the same as some rows."""
        inner = known & (rows[:, COUNT] > 0)
        inner[:1] = inner[-1:] = False
        widths = rows[:, MAX] - rows[:, MIN]
        for number in sorted({*_widest(inner, widths), *_widest(inner & self._switches, widths)}):
            made, is_whole = self._made(number, number + 1)
            if is_whole and not _is_alike(rows[number], made[0], counted=counted):
                return False
        return True

    def _complete(self, rows: NDArray[np.float64], known: NDArray[np.bool_]) -> None:
        """Make some rows of samples: those at the ends, which saw what is not in the file, and unknown ones."""
        wanted = ~known
        wanted[:1] = wanted[-1:] = True
        for number in np.flatnonzero(wanted)[:_MADE_AT_ONCE].tolist():
            made, is_whole = self._made(number, number + 1)
            if is_whole or not known[number]:
                rows[number] = made[0]
                known[number] = is_whole

    def _made(self, start: int, stop: int) -> tuple[NDArray[np.float64], bool]:
        """Return rows made of samples, and whether all of these could be read."""
        from xjls.kernels.moments import moments_of_runs

        values, is_whole = self._read(start * self._factor, stop * self._factor)
        rows = np.empty((stop - start, ROW_LENGTH))
        moments_of_runs(values, np.arange(stop - start + 1) * self._factor, rows)
        return rows, is_whole

    def _merge(self) -> None:
        """Make the levels above."""
        from xjls.kernels.moments import merge_rows

        while len(self._rows[-1]) >= STEP:
            rows, known = self._rows[-1], self._known[-1]
            count = len(rows) // STEP
            merged = merge_rows(rows[: count * STEP].reshape(count, STEP, ROW_LENGTH).swapaxes(0, 1))
            merged[merged[:, COUNT] == 0, MEAN:] = np.nan
            self._rows.append(merged)
            self._known.append(np.logical_and.reduce(known[: count * STEP].reshape(count, STEP), axis=1))


def _widest(candidates: NDArray[np.bool_], widths: NDArray[np.float64]) -> list[int]:
    """Return the row of the widest span in each of some parts of the candidates."""
    parts = np.array_split(np.flatnonzero(candidates), _PROBES)
    return [int(part[np.argmax(widths[part])]) for part in parts if len(part)]


def _is_alike(row: NDArray[np.float64], made: NDArray[np.float64], *, counted: bool) -> bool:
    """Whether a row is what samples give, but for rounding."""
    if counted and row[COUNT] != made[COUNT]:
        return False
    if not made[COUNT]:
        return not row[COUNT]
    scale = max(abs(made[MIN]), abs(made[MAX]))
    places = [MEAN, MIN, MAX]
    means = np.abs(row[places] - made[places]).max() <= _ROUNDING * scale
    std, wanted = (np.sqrt(max(one[SQUARES], 0) / one[COUNT]) for one in (row, made))
    return bool(means and abs(std - wanted) <= _ROUNDING * (scale + wanted))
