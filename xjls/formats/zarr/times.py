"""When samples and entries were taken, as CF tie points (section 8.3): positions, and UTC at them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xjls.errors import SelectionError
from xjls.model.clock import Clock

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

    from xjls.formats.zarr.ties import TieList
    from xjls.model.ties import Ties

_NONE = np.empty(0, np.int64)
_FEWEST = 3
"""Ties that are kept at least: the last may still be replaced, and the two before it make a line."""


class TiePoints(NamedTuple):
    """Positions on an axis and their times, rising; between them time is linear."""

    positions: NDArray[np.int64]
    times_ns: NDArray[np.int64]
    utc: bool
    """Whether times count from 1970; else from the first sample."""
    before: int = 0
    """How many more there are before these, in chunks that stay as they are."""


_NO_POINTS = TiePoints(_NONE, _NONE, True)


def tie_points(clock: Clock, first_id: int, length: int, step: int = 1, start: int = 0) -> TiePoints | None:
    """Return the tie points of ``length`` positions from a sample on, each ``step`` samples; None where none can be.

    Of levels, an entry on either side of every tie: between two of these there is no other, so that a straight line
    is as right there as it is elsewhere. Those before position ``start`` are left out.

    Examples
    --------
    >>> clock = Clock.from_ties([0, 1000, 2000], [0, 10**9, 3 * 10**9], rate_hz=1000)
    >>> tie_points(clock, 0, 3000).positions, tie_points(clock, 0, 23, 128).positions
    (array([   0, 1000, 2000, 2999]), array([ 0,  7,  8, 15, 16, 22]))
    """
    if not length:
        return None
    knots = _NONE if clock.ties is None else clock.ties.sample_ids - first_id
    inner = knots[(knots > 0) & (knots < (length - 1) * step)]
    positions = np.unique(np.concatenate([[0, length - 1], inner // step, -(-inner // step)]))
    positions = positions[np.searchsorted(positions, start) :]
    try:
        times_ns = clock.window(first_id, first_id + length * step, step).times(positions)
    except SelectionError:  # beyond what nanoseconds can tell
        return None
    return TiePoints(positions, times_ns if clock.utc else times_ns - clock.zero_ns, clock.utc)


@dataclass(frozen=True, slots=True, eq=False)
class TieLine:
    """The tie points of an axis that grows, by one list of ties: what no later tie can change is not computed again.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from xjls.formats.zarr.ties import TieList
    >>> from xjls.model.annotation import Tie
    >>> line, ties = TieLine(0, Fraction(1000), 1), TieList()
    >>> for second in range(5):
    ...     ties.append(Tie(sample_id=second * 1000, time_ns=second * 10**9))
    >>> line, points = line.grown(ties, 4500, chunk=2)
    >>> points.positions, len(line.knots), line.points.before
    (array([   0, 1000, 2000, 3000, 4000, 4499]), 3, 2)
    """

    first_id: int
    rate_hz: Fraction
    step: int
    """Samples from one position to the next."""
    knots: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 2), np.int64))
    """Ties that are not in ``points`` yet, and the one before them."""
    seen: int = 0
    """Ties of the list that it knows."""
    begin: int = 0
    """Position before which all is settled."""
    points: TiePoints = _NO_POINTS
    """Those that are settled, and not in whole chunks."""

    def grown(self, ties: TieList, length: int, *, chunk: int) -> tuple[TieLine, TiePoints | None]:
        """Return the line with all ties and so many positions, and its points but for whole chunks of settled ones.

        ``ties`` is the list of the last time, with or without more at its end.
        """
        told = np.concatenate([self.knots, ties.pairs(self.seen)])
        if not length:
            return self, None
        clock = Clock.from_ties(told[:, 0], told[:, 1], rate_hz=self.rate_hz, first_id=self.first_id)
        fresh = tie_points(clock, self.first_id, length, self.step, self.begin)
        if fresh is None or clock.ties is None:
            return self, None
        points = TiePoints(
            np.concatenate([self.points.positions, fresh.positions]),
            np.concatenate([self.points.times_ns, fresh.times_ns]),
            fresh.utc, self.points.before,
        )  # fmt: skip
        return replace(self, seen=len(ties), knots=told)._settled(clock.ties, length, points, chunk), points

    def _settled(self, ties: Ties, length: int, points: TiePoints, chunk: int) -> TieLine:
        """Return the line without what later ties cannot change: the last but one stays, whatever comes."""
        if len(ties) < _FEWEST:
            return self
        places = ties.sample_ids - self.first_id
        begin = max(self.begin, min(int(places[-2]) // self.step, length - 1))
        n = int(np.searchsorted(points.positions, begin))
        whole = n // chunk * chunk
        left = TiePoints(points.positions[whole:n], points.times_ns[whole:n], points.utc, points.before + whole)
        first = int(np.searchsorted(places, (begin - 1) * self.step, "right")) - 1
        first = min(max(first, 0), len(ties) - _FEWEST)
        knots = np.stack([ties.sample_ids[first:], ties.times_ns[first:]], axis=1)
        return replace(self, knots=knots[self._telling(knots[:, 0])], begin=begin, points=left)

    def _telling(self, sample_ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which ties tell of entries: of those within one, the first and the last; and those at both ends.

        Before the first tie and behind the last one, the line through two goes on.
        """
        entries = (sample_ids - self.first_id) // self.step
        changes = entries[1:] != entries[:-1]
        telling: NDArray[np.bool_] = np.append(True, changes) | np.append(changes, True)
        telling[:2] = telling[-_FEWEST:] = True
        return telling
