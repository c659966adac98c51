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
_BESIDE = 64
"""Samples beside a row that may change what is in it."""
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
    apt
        Which rows can be of the samples as they are read; None for all.
    partial
        Whether rows of fewer samples than they cover can be believed: those with a finite current are counted, in all
        fields.
    floating
        Whether samples may be NaN. Of others, what is none must be seen by whoever asks: such rows are made then.
    """

    def __init__(
        self, reductions: Reductions, name: str, read: Callable[[int, int], tuple[NDArray[np.float64], bool]],
        use: Use, *, partial: bool, floating: bool, apt: NDArray[np.bool_] | None = None,
    ) -> None:  # fmt: skip
        self._factor = reductions.factor
        rows, known = reductions.rows(name)
        if apt is not None:
            known &= apt
        if not partial:
            known &= rows[:, COUNT] == self._factor
        # Not kept: what reads is of the reader, which keeps this
        samples = _Samples(read, reductions.factor)
        self.agrees = use == "trust" or (use == "auto" and _agree(samples, rows, known, reductions))
        """Whether rows are believed at all."""
        if not self.agrees:
            known = np.zeros_like(known)
        elif use == "auto":
            _complete(samples, rows, known)
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


class _Samples:
    """Rows made of samples; see `Levels`."""

    def __init__(self, read: Callable[[int, int], tuple[NDArray[np.float64], bool]], factor: int) -> None:
        self._read = read
        self._factor = factor

    def row(self, number: int, beside: int = 0) -> tuple[NDArray[np.float64], bool]:
        """Return a row, and whether its samples, and so many beside them, could all be read."""
        from xjls.kernels.moments import moments

        start, stop = number * self._factor, (number + 1) * self._factor
        values, is_whole = self._read(start, stop)
        if beside and is_whole:
            is_whole = self._read(max(start - beside, 0), start)[1] and self._read(stop, stop + beside)[1]
        return moments(values), is_whole


def _agree(samples: _Samples, rows: NDArray[np.float64], known: NDArray[np.bool_], reductions: Reductions) -> bool:
    """Whether samples say the same as some rows."""
    inner = known.copy()
    inner[:1] = inner[-1:] = False
    widths = rows[:, MAX] - rows[:, MIN]
    for number in sorted({*_widest(inner, widths), *_widest(inner & reductions.switches(), widths)}):
        # What is lost changes what suppression makes of samples beside it
        made, is_whole = samples.row(number, _BESIDE)
        if is_whole and not _is_alike(rows[number], made, counted=reductions.are_counted):
            return False
    return True


def _complete(samples: _Samples, rows: NDArray[np.float64], known: NDArray[np.bool_]) -> None:
    """Make some rows of samples: those at the ends, which saw what is not in the file, and unknown ones."""
    wanted = ~known
    wanted[:1] = wanted[-1:] = True
    for number in np.flatnonzero(wanted)[:_MADE_AT_ONCE].tolist():
        made, is_whole = samples.row(number)
        if is_whole or not known[number]:
            rows[number] = made
            known[number] = is_whole


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
