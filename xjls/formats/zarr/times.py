"""When samples and entries were taken, as CF tie points (section 8.3): positions, and UTC at them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xjls.errors import SelectionError
from xjls.model.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction

    from numpy.typing import NDArray

    from xjls.model.annotation import Tie


class TiePoints(NamedTuple):
    """Positions on an axis and their times, rising; between them time is linear."""

    positions: NDArray[np.int64]
    times_ns: NDArray[np.int64]
    utc: bool
    """Whether times count from 1970; else from the first sample."""


def clock_of(ties: Iterable[tuple[Tie, ...]], rate_hz: Fraction, first_id: int) -> Clock:
    """Return the clock of signals that share their sample ids, through the ties of all."""
    tied = [some for some in ties if some]
    if not tied:
        return Clock.nominal(rate_hz, origin_id=first_id)
    merged = tied[0]
    if any(other != merged for other in tied):
        by_id = {tie.sample_id: tie for some in tied for tie in some}
        merged = tuple(by_id[sample_id] for sample_id in sorted(by_id))
    ids, times = [tie.sample_id for tie in merged], [tie.time_ns for tie in merged]
    return Clock.from_ties(ids, times, rate_hz=rate_hz, first_id=first_id)


def tie_points(clock: Clock, first_id: int, length: int, step: int = 1) -> TiePoints | None:
    """Return the tie points of ``length`` positions from a sample on, each ``step`` samples; None where none can be.

    Of levels, an entry on either side of every tie: between two of these there is no other, so that a straight line
    is as right there as it is elsewhere.

    Examples
    --------
    >>> clock = Clock.from_ties([0, 1000, 2000], [0, 10**9, 3 * 10**9], rate_hz=1000)
    >>> tie_points(clock, 0, 3000).positions, tie_points(clock, 0, 23, 128).positions
    (array([   0, 1000, 2000, 2999]), array([ 0,  7,  8, 15, 16, 22]))
    """
    if not length:
        return None
    knots = np.empty(0, np.int64) if clock.ties is None else clock.ties.sample_ids - first_id
    inner = knots[(knots > 0) & (knots < (length - 1) * step)]
    positions = np.unique(np.concatenate([[0, length - 1], inner // step, -(-inner // step)]))
    try:
        times_ns = clock.window(first_id, first_id + length * step, step).times(positions)
    except SelectionError:  # beyond what nanoseconds can tell
        return None
    return TiePoints(positions, times_ns if clock.utc else times_ns - clock.zero_ns, clock.utc)
