"""Samples without a value: one count of them for what is hatched, for what numbers say, and for what a page holds.

Summary entries may still answer for damaged samples, so that what is missing in an answer depends on whether it
was made of entries, of which level, or of samples. What is missing in the recording does not: here it is counted by the
gaps that are known, and by what answers leave out besides. What is known grows as more is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from xjls.model.recording import Recording
    from xjls.model.window import Gap
    from xjls.query.answer import Columns, Statistics
    from xjls.widget.view.track import Track

Found: TypeAlias = "Columns | Statistics"
Knowledge: TypeAlias = tuple[int, ...]
"""What is known of a track's missing samples, as numbers that change when more is."""


def missing_in(recording: Recording, name: str, edges: NDArray[np.int64], found: Found) -> NDArray[np.int64]:
    """Return how many samples of columns have no value to read: lost, never delivered, NaN or infinite.

    Parameters
    ----------
    recording, name
        Whose samples; call it behind the question: what that came upon is known then.
    edges
        Sample ids, int64[column + 1].
    found
        The columns, or the statistics of a single one.

    Returns
    -------
    ndarray
        int64[column].

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1))
    >>> columns = recording.columns("current", None, 3)
    >>> missing_in(recording, "current", columns.edges, columns).tolist()
    [0, 0, 0]
    """
    left_out = np.diff(edges) - np.atleast_1d(found.count)
    known = _covered(recording.status.gaps.get(name, ()), edges)
    if not known.any():
        return np.asarray(left_out)
    # No entry answers for what nobody delivered: it is NaN in float signals, and counts as lost in others
    known = _covered([*recording.status.gaps.get(name, ()), *recording.skipped(name)], edges)
    unanswered = np.atleast_1d(found.lost) + _undelivered(recording, name, edges, found)
    return np.asarray(left_out + np.maximum(known - unanswered, 0))


def held_as_nan(recording: Recording, name: str, edges: NDArray[np.int64], found: Found) -> NDArray[np.int64]:
    """Return how many of them are held, as NaN or infinite, int64[column]; see `missing_in`."""
    return np.asarray(np.atleast_1d(found.nan) - _undelivered(recording, name, edges, found))


def _undelivered(recording: Recording, name: str, edges: NDArray[np.int64], found: Found) -> NDArray[np.int64]:
    """Return how many of the NaN stand for samples that nobody delivered."""
    nan = np.atleast_1d(found.nan)
    return np.minimum(nan, _covered(recording.skipped(name), edges)) if nan.any() else nan


def knowledge(track: Track) -> Knowledge:
    """Return what is known of a track's missing samples; in microseconds, whatever its length."""
    found: list[int] = []
    for name in track.signals:
        recording = track.recording
        found.append(sum(gap.window.length for gap in recording.status.gaps.get(name, ())))
        # NaN among the samples of an entry are known once somebody has looked; without levels they always are
        if recording.signal(name).levels and track.samples.length:
            found.append(recording.statistics(name, track.samples, nans="trust").count)
    return tuple(found)


def _covered(gaps: Iterable[Gap], edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many samples between each two neighbours of ``edges`` lie in gaps; those of two gaps count once."""
    starts, stops = _joined(gaps)
    if not len(starts):
        return np.zeros(len(edges) - 1, np.int64)
    before = np.concatenate([[0], np.cumsum(stops - starts)])
    which = np.searchsorted(starts, edges, "right")
    last = np.maximum(which - 1, 0)
    beyond = np.where(which > 0, np.maximum(stops[last] - edges, 0), 0)
    return np.asarray(np.diff(before[which] - beyond))


def _joined(gaps: Iterable[Gap]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return starts and stops of gaps, int64[gap], in order; those that overlap are one."""
    ends = np.array(sorted((gap.window.start, gap.window.stop) for gap in gaps), np.int64).reshape(-1, 2)
    if not len(ends):
        return ends[:, 0], ends[:, 1]
    reach = np.maximum.accumulate(ends[:, 1])
    first = np.concatenate([[True], ends[1:, 0] > reach[:-1]])
    return ends[first, 0], reach[np.append(np.flatnonzero(first)[1:] - 1, len(ends) - 1)]
