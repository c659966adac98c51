"""Statistics of spans of a signal in a ring, where it lies: nothing is copied, and who adds does not wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xjls.formats.memory.ring import Ring
from xjls.formats.memory.summary import COUNT, LOST, ROW_LENGTH
from xjls.model.window import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.memory.track import View


def rows_between(view: View, edges: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return a row for the samples between each two neighbours of ``edges``; see `xjls.formats.memory.summary`.

    Parameters
    ----------
    view
        Of a signal in a ring.
    edges
        int64[span + 1]: sample ids of the view, which do not fall.

    Returns
    -------
    ndarray
        float64[span, 6]. Of spans whose samples gave way meanwhile, all are lost.
    """
    gaps = () if view.track.floating else view.skipped.within(Window(int(edges[0]), int(edges[-1])))
    cuts = np.unique(np.concatenate([edges, *([gap.window.start, gap.window.stop] for gap in gaps)]))
    rows = _rows(view, cuts)
    for gap in gaps:
        first, last = np.searchsorted(cuts, [gap.window.start, gap.window.stop])
        rows[first:last] = np.nan
        rows[first:last, COUNT], rows[first:last, LOST] = 0, np.diff(cuts[first : last + 1])
    return rows if len(cuts) == len(edges) else _joined(rows, np.searchsorted(cuts, edges))


def _rows(view: View, cuts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the rows between positions, and that all is lost of those that gave way."""
    from xjls.kernels.ring import summarize_ring

    track = view.track
    rings = [ring for ring in (track.samples, *track.levels) if isinstance(ring, Ring)]
    samples, *levels = [ring.items for ring in rings]
    rows = np.empty((len(cuts) - 1, ROW_LENGTH))
    positions = cuts - view.window.start + view.start
    summarize_ring(samples, list(zip(track.factors, levels, strict=True)), positions, rows)
    gone = positions[:-1] < view.oldest()
    rows[gone] = np.nan
    rows[gone, COUNT], rows[gone, LOST] = 0, np.diff(positions)[gone]
    return rows


def _joined(rows: NDArray[np.float64], where: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the rows of spans, each of which begins at a row and ends before that of the next."""
    from xjls.kernels.moments import merge_rows

    joined = np.full((len(where) - 1, ROW_LENGTH), np.nan)
    joined[:, [COUNT, LOST]] = 0
    single = np.diff(where) == 1
    joined[single] = rows[where[:-1][single]]
    for i in np.flatnonzero(~single & (np.diff(where) > 0)).tolist():
        joined[i] = merge_rows(rows[where[i] : where[i + 1]])
    return joined
