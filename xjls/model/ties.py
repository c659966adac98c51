"""The (sample id, UTC) pairs of a recording, as stored: which of them count, and why the others do not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from xjls.model.annotation import Tie

__all__ = ["Ties", "shared_pairs"]

_EARLIEST_S = 3600


@dataclass(frozen=True, slots=True, eq=False)
class Ties:
    """Ties of a clock in the order of their sample ids, and the stored pairs that were left out.

    Examples
    --------
    >>> ties = Ties.chosen([0, 0, 100, 50], [7, 8, 108, 59], rate_hz=1000)
    >>> ties.sample_ids, ties.times_ns
    (array([  0, 100]), array([  8, 108]))
    >>> ties.ignored
    array([0, 3])
    """

    sample_ids: NDArray[np.int64]
    """Strictly increasing."""
    times_ns: NDArray[np.int64]
    """UTC in nanoseconds since the Unix epoch, one per sample id; may run backwards."""
    early: NDArray[np.int64]
    """Positions, in the order given, of pairs more than an hour before the first sample."""
    replaced: NDArray[np.int64]
    """Positions, in the order given, of pairs followed by another for the same sample id."""
    unsorted: NDArray[np.int64]
    """Positions, in the order given, of pairs whose sample id is smaller than one before them."""

    def __post_init__(self) -> None:
        if len(self.sample_ids) != len(self.times_ns) or len(self.sample_ids) == 0:
            raise ValueError(f"{len(self.sample_ids)} sample ids and {len(self.times_ns)} times do not make ties")
        if np.any(np.diff(self.sample_ids) <= 0):
            raise ValueError("sample ids of ties must increase")
        for values in (self.sample_ids, self.times_ns, self.early, self.replaced, self.unsorted):
            values.setflags(write=False)

    @classmethod
    def chosen(
        cls,
        sample_ids: Sequence[int] | ArrayLike,
        times_ns: Sequence[int] | ArrayLike,
        *,
        rate_hz: int | Fraction,
        first_id: int = 0,
    ) -> Ties:
        """Choose the ties that count from pairs in the order they were stored (specification jls-v2 §9).

        Pairs more than an hour before `first_id` are left out if any other remains. Of the rest, an equal sample id
        replaces the pair before it and a smaller one is ignored.
        """
        ids, times = _pairs(sample_ids, times_ns)
        is_early = ids < first_id - int(_EARLIEST_S * Fraction(rate_hz))
        if is_early.all():
            is_early[:] = False
        candidates = np.flatnonzero(~is_early)
        in_order = ids[candidates] >= np.maximum.accumulate(ids[candidates])
        kept = candidates[in_order]
        is_last = np.append(ids[kept][1:] != ids[kept][:-1], True)
        return cls(
            sample_ids=ids[kept[is_last]],
            times_ns=times[kept[is_last]],
            early=np.flatnonzero(is_early),
            replaced=kept[~is_last],
            unsorted=candidates[~in_order],
        )

    def __len__(self) -> int:
        return len(self.sample_ids)

    @property
    def ignored(self) -> NDArray[np.int64]:
        """Positions, in the order given, of all pairs that were left out."""
        return np.sort(np.concatenate([self.early, self.replaced, self.unsorted]))


def shared_pairs(tied: Iterable[Iterable[Tie]]) -> list[tuple[int, int]]:
    """Return the (sample id, UTC) pairs of signals that share their sample ids.

    Signals that repeat each other count once, in the order as written. Where they differ, pairs are ordered by their
    sample ids, and of those for the same one the last signal's counts.

    Examples
    --------
    >>> from xjls.model.annotation import Tie
    >>> shared_pairs([[Tie(sample_id=at, time_ns=at * 10**6 + 7)] for at in (1000, 0)])
    [(0, 7), (1000, 1000000007)]
    """
    lists = [pairs for one in tied if (pairs := [(tie.sample_id, tie.time_ns) for tie in one])]
    if all(other == lists[0] for other in lists):
        return lists[0] if lists else []
    return sorted({sample_id: (sample_id, time_ns) for pairs in lists for sample_id, time_ns in pairs}.values())


def _pairs(sample_ids: ArrayLike, times_ns: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    ids, times = np.asarray(sample_ids), np.asarray(times_ns)
    if ids.shape != times.shape or ids.ndim != 1 or ids.size == 0:
        raise ValueError(f"{ids.size} sample ids and {times.size} times do not make ties")
    if ids.dtype.kind not in "iu" or times.dtype.kind not in "iu":
        raise TypeError(f"ties are integers, not {ids.dtype} sample ids and {times.dtype} nanoseconds")
    return ids.astype(np.int64), times.astype(np.int64)
