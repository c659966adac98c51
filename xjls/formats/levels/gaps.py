"""The gaps of signals as arrays of integers and back: a recording may have a million of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from xjls.formats.levels.layout import GAP_COLUMNS
from xjls.model.window import Gap, Window, merge_gaps

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Reasons:
    """Number why samples are none.

    Examples
    --------
    >>> reasons = Reasons()
    >>> table = reasons.encode([Gap(Window(5, 9), "off", skipped=True), Gap(Window(9, 12), "torn", 4096)])
    >>> table.tolist(), reasons.known
    ([[5, 9, -1, 0], [9, 12, 4096, 1]], (('off', True), ('torn', False)))
    >>> decode_gaps(table.tolist(), reasons.known)[1]
    Gap(window=Window(start=9, stop=12), reason='torn', offset=4096)
    """

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, bool], int] = {}

    @property
    def known(self) -> tuple[tuple[str, bool], ...]:
        """All of them, each with whether nobody delivered the samples, in the order of their numbers."""
        return tuple(self._numbers)

    def encode(self, gaps: Iterable[Gap]) -> NDArray[np.int64]:
        """Return gaps, neighbours of one reason joined, as int64[n, 4]: see `GAP_COLUMNS`."""
        rows = [
            (gap.window.start, gap.window.stop, gap.offset, self._number(gap.reason, skipped=gap.skipped))
            for gap in merge_gaps(gaps)
        ]
        return np.array(rows, np.int64).reshape(-1, len(GAP_COLUMNS))

    def _number(self, reason: str, *, skipped: bool) -> int:
        return self._numbers.setdefault((reason, skipped), len(self._numbers))


def decode_gaps(rows: Iterable[Sequence[int]], reasons: Sequence[tuple[str, bool]]) -> tuple[Gap, ...]:
    """Return what `Reasons.encode` was given, by the rows of its table."""
    return tuple(
        Gap(Window(start, stop), reasons[number][0], offset, skipped=reasons[number][1])
        for start, stop, offset, number in rows
    )
