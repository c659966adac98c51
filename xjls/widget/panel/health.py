"""How a capture does: rates achieved, what is lost where, and how far a recording is."""

from __future__ import annotations

import shutil
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xjls.capturing.showing import part_done
from xjls.storage import absolute_path, local_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xjls.capturing.counts import Counts
    from xjls.capturing.part import Part

OVER_S = 2.0
"""Over which rates are measured."""


@dataclass(frozen=True, slots=True)
class _Sample:
    elapsed_s: float
    samples: int
    n_bytes: int


class Health:
    """Watch the counts of a session.

    Parameters
    ----------
    rates_hz
        Nominal rates, by signal.
    counted
        The signal whose rate is told; ``""`` for the fastest one. Of a device with frames that is their signal.

    Examples
    --------
    >>> from xjls.capturing.counts import Counts, SignalCounts
    >>> health = Health({"current": 1000.0})
    >>> for s in range(3):
    ...     signals = {"current": SignalCounts(samples=1000 * s, lost=5)}
    ...     told = health.told(Counts(elapsed_s=s, n_bytes=4000 * s, signals=signals))
    >>> told["rate_hz"], told["bytes_per_s"], told["lost"], told["left_out"], told["is_well"]
    (1000.0, 4000.0, 5, 0, False)
    """

    def __init__(self, rates_hz: Mapping[str, float], counted: str = "") -> None:
        self._fastest = counted or max(rates_hz, key=lambda name: rates_hz[name])
        self._nominal_hz = rates_hz[self._fastest]
        self._before: deque[_Sample] = deque()

    def told(self, counts: Counts) -> dict[str, Any]:
        """Take counts down, and return what they say; called again and again."""
        mine = counts.signals.get(self._fastest)
        now = _Sample(counts.elapsed_s, 0 if mine is None else mine.samples, counts.n_bytes)
        self._before.append(now)
        while len(self._before) > 2 and now.elapsed_s - self._before[1].elapsed_s >= OVER_S:
            self._before.popleft()
        first = self._before[0]
        passed_s = now.elapsed_s - first.elapsed_s
        return {
            "rate_hz": (now.samples - first.samples) / passed_s if passed_s else 0.0, "nominal_hz": self._nominal_hz,
            "bytes_per_s": (now.n_bytes - first.n_bytes) / passed_s if passed_s else 0.0,
            "lost": counts.lost - counts.left_out, "left_out": counts.left_out, "gaps": counts.gaps,
            "over_range": counts.over_range, "queued": counts.queued, "most_queued": counts.most_queued,
            "lag_s": counts.lag_s, "most_lag_s": counts.most_lag_s,
            "is_well": not (counts.lost or counts.missing or counts.over_range),
            "tallies": [[what, n] for what, n in counts.tallies.items() if n],
        }  # fmt: skip


def progress_of(part: Part, bytes_per_s: float) -> dict[str, Any]:
    """Return how far a recording is, and for how long there is room on its disk."""
    counts, free = part.counts, free_bytes(part.path)
    until_s = part.until.duration_s
    recorded_s = float(counts.recorded_s)
    return {
        "path": part.path, "recorded_s": recorded_s, "bytes": counts.n_bytes, "lost": counts.lost,
        "done": part_done(counts, part.until), "of_s": None if until_s is None else float(until_s),
        "remaining_s": _remaining_s(part, bytes_per_s), "reason": part.reason,
        "free_bytes": free, "free_s": free / bytes_per_s if free is not None and bytes_per_s else None,
    }  # fmt: skip


def _remaining_s(part: Part, bytes_per_s: float) -> float | None:
    """Return the seconds to the nearest limit, of duration or size; None without one."""
    counts, until = part.counts, part.until
    ends = []
    if until.duration_s is not None:
        ends.append(float(until.duration_s - counts.recorded_s))
    if until.n_bytes is not None and bytes_per_s:
        ends.append((until.n_bytes - counts.n_bytes) / bytes_per_s)
    return max(min(ends), 0.0) if ends else None


def free_bytes(path: str) -> int | None:
    """Return the room on the disk on which a recording is; None where it is on none of this machine."""
    if local_path(path) is None:
        return None
    place = Path(absolute_path(path))
    there = next((one for one in (place, *place.parents) if one.exists()), None)
    return None if there is None else shutil.disk_usage(there).free
