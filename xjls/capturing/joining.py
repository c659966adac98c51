"""Calls of a device, fewer and larger: what is written costs by the call as well as by the byte."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from xjls.capturing.ring import Call

LARGE_BYTES = 1 << 18
"""Of samples that are not copied once more for it."""
TOGETHER_S = 0.1
"""Between the arrivals of calls that become one: it has the first one's, by which a duration of frames goes."""


def joined(calls: Sequence[Call], on_axes: Sequence[str] = ()) -> Iterator[Call]:
    """Yield calls in their order, small consecutive samples of a signal as one, with what else was said between them.

    Parameters
    ----------
    calls
        As they were taken out of the ring.
    on_axes
        Signals that end by when their samples arrive, in the order in which they are yielded: buffers ahead of the
        frames that were made of them. Of these, only what came within a tenth of a second is one.

    Examples
    --------
    >>> from xjls.capturing.ring import Ring
    >>> ring = Ring(1 << 16, waits=False)
    >>> for at in (0, 2, 4, 7):
    ...     for name in "ab":
    ...         ring.write(name, at, np.arange(at, at + 2))
    >>> [(call.name, call.arguments[1].tolist()) for call in joined(ring.take(0))]
    [('a', [0, 1, 2, 3, 4, 5]), ('b', [0, 1, 2, 3, 4, 5]), ('a', [7, 8]), ('b', [7, 8])]
    """
    waiting: dict[str, list[Call]] = {}
    for call in calls:
        if call.verb != "write":
            yield from _all(waiting, on_axes)
            yield call
            continue
        before = waiting.get(call.name)
        is_apart = before is not None and not _continues(before[-1], call)
        if call.name in on_axes and (is_apart or _is_late(waiting, on_axes, call.arrived_s)):
            yield from _those(waiting, on_axes)
        elif is_apart:
            yield _one(waiting.pop(call.name))
        waiting.setdefault(call.name, []).append(call)
    yield from _all(waiting, on_axes)


def _all(waiting: dict[str, list[Call]], on_axes: Sequence[str]) -> Iterator[Call]:
    yield from _those(waiting, [name for name in waiting if name not in on_axes])
    yield from _those(waiting, on_axes)


def _those(waiting: dict[str, list[Call]], names: Sequence[str]) -> Iterator[Call]:
    for name in names:
        if name in waiting:
            yield _one(waiting.pop(name))


def _is_late(waiting: dict[str, list[Call]], on_axes: Sequence[str], now_s: float) -> bool:
    """Whether the first of these signals' calls that wait has waited for long enough."""
    first_s = min((waiting[name][0].arrived_s for name in on_axes if name in waiting), default=now_s)
    return now_s - first_s >= TOGETHER_S


def _continues(before: Call, call: Call) -> bool:
    (first_id, samples), (next_id, more) = before.arguments, call.arguments
    return bool(next_id == first_id + len(samples) and max(samples.nbytes, more.nbytes) < LARGE_BYTES)


def _one(calls: list[Call]) -> Call:
    first = calls[0]
    if len(calls) == 1:
        return first
    samples = np.concatenate([call.arguments[1] for call in calls])
    return replace(first, arguments=(first.arguments[0], samples))  # what was taken is released, not this
