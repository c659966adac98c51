"""How two lazy time axes lie to each other: which positions carry the same labels, found without making a label.

Windows of one grid, and strides of it, are answered at any length; for other pairs the answer is None.
"""

from __future__ import annotations

from typing import NamedTuple

from xjls.backend.clock_array import ClockArray

__all__ = ["Overlap", "find_overlap", "inner_labels", "outer_labels"]


class Overlap(NamedTuple):
    """The positions of the labels that two axes have in common, in each; equally many."""

    in_a: range
    in_b: range


def find_overlap(a: ClockArray, b: ClockArray) -> Overlap | None:
    """Return where two increasing axes have equal labels, or None if these are not runs of both.

    Examples
    --------
    >>> from xjls.model.clock import Clock
    >>> axis = ClockArray(Clock.nominal(1_000_000), 10_000_000_000, "utc")
    >>> find_overlap(axis[:9_000_000], axis[3_000_000::2])
    Overlap(in_a=range(3000000, 8999999, 2), in_b=range(0, 3000000))
    """
    in_a, in_b = _between(a, b), _between(b, a)
    if not in_a or not in_b:
        return Overlap(range(0), range(0))
    if len(in_a) >= len(in_b):
        run = _run_of(a[in_a.start : in_a.stop], b[in_b.start : in_b.stop])
        return None if run is None else Overlap(in_a[run.start : run.stop : run.step], in_b)
    swapped = find_overlap(b, a)
    return None if swapped is None else Overlap(swapped.in_b, swapped.in_a)


def inner_labels(a: ClockArray, b: ClockArray) -> ClockArray | None:
    """Return the labels that both axes have, or None if that cannot be said without making them."""
    overlap = find_overlap(a, b)
    if overlap is None:
        return None
    common: ClockArray = a[overlap.in_a.start : overlap.in_a.stop : overlap.in_a.step]
    return common


def outer_labels(a: ClockArray, b: ClockArray) -> ClockArray | None:
    """Return the labels that either axis has, in order, or None if that cannot be said without making them."""
    if not a.size or not b.size or a.numbers(a.size - 1) < b.numbers(0):
        return ClockArray.concatenated([a, b])
    if b.numbers(b.size - 1) < a.numbers(0):
        return ClockArray.concatenated([b, a])
    overlap = find_overlap(a, b)
    if overlap is None:
        return None
    if len(overlap.in_b) == b.size:
        return a
    if len(overlap.in_a) == a.size:
        return b
    if overlap != (_between(a, b), _between(b, a)):
        return None  # where they overlap, one has labels that the other has not
    early, late, start = (a, b, overlap.in_a.stop) if overlap.in_b.start == 0 else (b, a, overlap.in_b.stop)
    return ClockArray.concatenated([early[:start], late[len(overlap.in_a) :]])


def _between(a: ClockArray, b: ClockArray) -> range:
    """Return the positions of `a` from the first to the last label of `b`."""
    if not a.size or not b.size:
        return range(0)
    first, last = b.numbers([0, b.size - 1])
    return range(int(a.searchsorted(first)), int(a.searchsorted(last, "right")))


def _run_of(fine: ClockArray, coarse: ClockArray) -> range | None:
    """Return the run of positions in `fine` that has exactly the labels of `coarse`."""
    ends = coarse.numbers([0, min(1, coarse.size - 1), coarse.size - 1])
    first, second, last = (int(position) for position in fine.searchsorted(ends))
    run = range(first, last + 1, max(second - first, 1))
    if len(run) != coarse.size or run[-1] >= fine.size:
        return None
    return run if fine[run.start : run.stop : run.step].same_as(coarse) else None
