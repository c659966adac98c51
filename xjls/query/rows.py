"""From samples and entries to rows that carry their own counts, and small helps with flags of entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.kernels.moments import moments_of_runs
from xjls.query.answer import ROW

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.model.window import Gap


def rows_of(values: NDArray[Any], edges: NDArray[np.int64], lost: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return a row for the values between each two neighbours of ``edges``."""
    rows = np.empty((len(lost), len(ROW)))
    moments_of_runs(values, edges, rows)
    rows[:, 1] = lost
    return rows


def rows_of_entries(entries: NDArray[Any], empty: NDArray[np.bool_], factor: int) -> NDArray[np.float64]:
    """Return entries as rows: each has ``factor`` finite samples, an empty one none."""
    rows = np.zeros((len(entries), len(ROW)))
    rows[:, 0] = np.where(empty, 0, factor)
    rows[:, 2] = entries[:, 0]
    rows[:, 3] = factor * entries[:, 1].astype(np.float64) ** 2
    rows[:, 4:] = entries[:, 2:]
    return rows


def lost_counts(gaps: tuple[Gap, ...], edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many samples between each two neighbours of ``edges``, in sample ids, lie in gaps."""
    lost = np.zeros(len(edges) - 1, np.int64)
    for gap in gaps:
        clipped = edges.clip(gap.window.start, gap.window.stop)
        lost += clipped[1:] - clipped[:-1]
    return lost


def beside(flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return whether a neighbour of each is set."""
    beside = np.zeros_like(flags)
    beside[1:] |= flags[:-1]
    beside[:-1] |= flags[1:]
    return beside
