"""One signal's questions: from a window of sample ids to an answer.

The flow of one question: window → samples counted from the first one → one kernel call over the blocks that are known →
where some are not, `blocks` brings them and the kernel is asked again → an answer.
"""

from __future__ import annotations

from itertools import pairwise
from operator import index
from typing import TYPE_CHECKING

import numpy as np

from xjls.errors import SelectionError
from xjls.kernels.moments import merge_rows
from xjls.kernels.spans import summarize_span
from xjls.model.window import Window
from xjls.query.answer import ROW, Columns, Statistics, check_nans
from xjls.query.blocks import STEP_SAMPLES, Blocks
from xjls.query.edges import edges_by, equal_edges

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.model.reader import OnDamage, Reader
    from xjls.model.signal import Signal
    from xjls.model.window import WindowLike
    from xjls.query.answer import Nans

STREAM_SAMPLES = 1 << 16
"""A signal of more samples that has no levels is reduced as it is read."""


class Pyramid:
    """Answer questions about one signal; thread-safe.

    Parameters
    ----------
    reader, signal
        Whose samples and entries.
    on_damage, verify
        As of the recording.
    """

    def __init__(self, reader: Reader, signal: Signal, *, on_damage: OnDamage, verify: bool) -> None:
        if not signal.has_samples:
            raise SelectionError(
                f"{signal.name!r} has no samples, only annotations, and so no statistics",
                "Ask for a signal that has samples.",
            )
        if not signal.is_series:
            raise SelectionError(
                f"{signal.name!r} has a sample for each {signal.axis}, and is no series in time",
                f"Reduce what recording.read({signal.name!r}) returns, or the Dataset's, as ds.{signal.name}.mean().",
            )
        self.signal = signal
        self._reader = reader
        self._raises = on_damage == "raise"
        self._verify = verify
        self._blocks = Blocks(reader, signal, verify=verify)
        self._hold = self._blocks.places.hold
        self._streams = not self._blocks.top and signal.length > STREAM_SAMPLES

    def statistics(self, window: WindowLike, ddof: int, nans: Nans) -> Statistics:
        """Return the statistics of a window; see `xjls.model.recording.Recording.statistics`."""
        start, stop = self._bounds(window)
        row, exact = self._summarized(start, stop, nans)
        first_id = self._blocks.first_id
        return Statistics(self.signal, first_id + start, first_id + stop, row, ddof, exact)

    def read_statistics(self, window: WindowLike, ddof: int) -> Statistics:
        """Return the statistics of a window from its samples; see `xjls.model.recording.Recording.read_statistics`."""
        start, stop = self._bounds(window)
        _held = self._hold()
        row = self._passed(start, stop)
        if row[1] and self._raises:
            self._raise_loss(start, stop)
        first_id = self._blocks.first_id
        return Statistics(self.signal, first_id + start, first_id + stop, row, ddof, True)

    def columns(
        self, window: WindowLike, n: int, *, increment: int | None, ddof: int, nans: Nans, snap: bool
    ) -> Columns:
        """Return the columns of a window; see `xjls.model.recording.Recording.columns`."""
        start, stop = self._bounds(window)
        edges = equal_edges(start, stop, n) if increment is None else edges_by(start, stop, increment)
        if snap:
            edges = self._snapped(edges)
        rows, exact = self._summarized_all(edges, nans)
        return Columns(self.signal, edges + self._blocks.first_id, rows, ddof=ddof, exact=exact, snapped=snap)

    def columns_between(self, edges: NDArray[np.int64], ddof: int, nans: Nans) -> Columns:
        """Return the columns between given edges; see `xjls.model.recording.Recording.columns_between`."""
        edges = np.asarray(edges)
        if edges.ndim != 1 or edges.dtype.kind not in "iu" or len(edges) < 1 or (edges[1:] < edges[:-1]).any():
            raise SelectionError("the edges of columns do not rise", "Give at least one sample id, in rising order.")
        inner = edges.astype(np.int64) - self._blocks.first_id
        self._bounds((int(edges[0]), int(edges[-1])))
        rows, exact = self._summarized_all(inner, nans)
        return Columns(self.signal, inner + self._blocks.first_id, rows, ddof=ddof, exact=exact)

    def _bounds(self, window: WindowLike) -> tuple[int, int]:
        """Return a window in samples counted from the first one."""
        blocks = self._blocks
        if window is None:
            return 0, blocks.length
        if isinstance(window, Window):
            start, stop = window.start - blocks.first_id, window.stop - blocks.first_id
        else:
            try:
                lo, hi = window
                start = 0 if lo is None else index(lo) - blocks.first_id
                stop = blocks.length if hi is None else index(hi) - blocks.first_id
            except (TypeError, ValueError):
                start = -1
        if not 0 <= start <= stop <= blocks.length:
            Window.of(window, self.signal.window)  # raises
        return start, stop

    def _summarized(self, start: int, stop: int, nans: Nans) -> tuple[NDArray[np.float64], bool]:
        """Return a row of samples [start, stop), and whether it is exact."""
        check_nans(nans)
        blocks = self._blocks
        if start == stop or self._streams:
            rows, exact = self._summarized_all(np.array([start, stop], np.int64), nans)
            return rows[0], exact
        _held = self._hold()
        row = np.empty(7)
        exact = True
        # The table is held by its name: a thread that replaces it must not take the memory away. What others see of NaN
        # from then on is told to the new one only
        table = blocks.table
        unknown = summarize_span(table.where, blocks.facts, blocks.looked, blocks.most_looked_at, start, stop, row)
        if row[6]:
            exact = False
            if nans == "count" or (nans == "auto" and row[6] <= blocks.most_looked_at):
                exact, unknown = blocks.look(start, stop, nans), 1
        if unknown or blocks.table is not table:
            row = blocks.solve(np.array([start, stop], np.int64), blocks.top)[0]
        if row[1] and self._raises:
            self._raise_loss(start, stop)
        return row, exact

    def _summarized_all(self, edges: NDArray[np.int64], nans: Nans) -> tuple[NDArray[np.float64], bool]:
        """Return a row for the samples between each two neighbours of ``edges``, and whether all are exact."""
        check_nans(nans)
        blocks = self._blocks
        _held = self._hold()
        exact = True
        if self._streams:
            rows = self._streamed(edges)
        else:
            if blocks.floating and blocks.uses_entries(edges):
                exact = blocks.look(int(edges[0]), int(edges[-1]), nans)
            rows = blocks.solve(edges, blocks.top)
        if self._raises and blocks.losses and rows[:, 1].any():
            self._raise_loss(int(edges[0]), int(edges[-1]))
        return rows, exact

    def _snapped(self, edges: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return edges, the inner ones moved to the borders of the coarsest entries that each column is longer than."""
        start, stop = int(edges[0]), int(edges[-1])
        shortest = (stop - start) // max(len(edges) - 1, 1)
        factor = max(factor for factor in self._blocks.factors if factor <= max(shortest, 1))
        moved = edges + factor // 2
        moved //= factor
        moved *= factor
        np.minimum(moved, stop, out=np.maximum(moved, start, out=moved))
        moved[0], moved[-1] = start, stop
        return moved

    def _streamed(self, edges: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return a row for the samples between each two neighbours of ``edges``, from one pass over the samples."""
        if len(edges) == 2:
            return self._passed(int(edges[0]), int(edges[1]))[np.newaxis]
        rows = np.zeros((len(edges) - 1, len(ROW)))
        cuts = np.arange(edges[0], edges[-1] + STEP_SAMPLES, STEP_SAMPLES).clip(None, edges[-1])
        for start, stop in pairwise(cuts.tolist()):
            first, last = int(np.searchsorted(edges, start, "right")) - 1, int(np.searchsorted(edges, stop, "left"))
            inner = np.clip(edges[first : last + 1], start, stop)
            part = self._blocks.rows_of_samples(inner)
            for i in range(first, last):
                rows[i] = merge_rows(np.stack([rows[i], part[i - first]]))
        rows[rows[:, 0] == 0, 2:] = np.nan
        return rows

    def _passed(self, start: int, stop: int) -> NDArray[np.float64]:
        """Return the row of samples [start, stop) from one pass over them: where they lie, or as they are read."""
        rows = self._blocks.places.reduced(start, stop) if start < stop else None
        if rows is None:
            cuts = [start, *range(start + STEP_SAMPLES, stop, STEP_SAMPLES), stop]
            rows = np.concatenate([self._blocks.rows_of_samples(np.array(span)) for span in pairwise(cuts)])
        row = merge_rows(rows)
        if not row[0]:
            row[2:] = np.nan
        return row

    def _raise_loss(self, start: int, stop: int) -> None:
        """Raise what a read of the first lost samples of a window raises."""
        first_id = self._blocks.first_id
        asked = Window(first_id + start, first_id + stop)
        for gap in self._blocks.losses:
            if (there := gap.window & asked).length:
                self._reader.read(
                    self.signal,
                    Window(there.start, min(there.stop, there.start + STEP_SAMPLES)),
                    None,
                    "raise",
                    self._verify,
                )
        if not self._blocks.skips:
            raise SelectionError(
                f"samples of {self.signal.name!r} in {asked} are lost", 'Open with on_damage="gap" to leave them out.'
            )
