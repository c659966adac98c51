"""Statistics of consecutive spans of a recording in JLS v1, as Joulescope's records: `Spans`.

The middle of a long span is made of reductions, whose rows are kept once somebody asked for them; the ends, and short
spans, of samples, whose six signals are converted and reduced together.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.capturing.buffer.fields import STATS_FIELD_COUNT, STATS_FIELD_NAMES
from xjls.capturing.buffer.statistics import STATS_DTYPE
from xjls.compat.joulescope.reading import SIGNAL_OF
from xjls.model.window import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.compat.joulescope.reading import Reading

_TOGETHER = 100
"""Rows of reductions that are made together."""
_PART = 1 << 20
"""Samples that are worth a thread."""
_BEGINNING = 10_000
"""Samples that could be reduced in the time that it takes to begin somewhere."""


class Spans:
    """Answer for spans of a recording, one after the other.

    Parameters
    ----------
    reading
        The recording; closed by others.
    """

    def __init__(self, reading: Reading) -> None:
        self.factor: int = reading.reader.file.samples_per_row
        """Samples of a reduction; 0 in a recording without any."""
        count = reading.length // self.factor if self.factor else 0
        self._reading = reading
        self._rows = np.empty((count, STATS_FIELD_COUNT), STATS_DTYPE)
        self._known = np.zeros(-(-count // _TOGETHER), np.bool_)

    def fill(self, start: int, increment: int, out: NDArray[Any]) -> None:
        """Fill ``out``, C-contiguous and of shape (span, field = 6), of `STATS_DTYPE`.

        Span i is of samples [start + i * increment, start + (i + 1) * increment), all within the recording.
        """
        if not len(out):
            return
        if not self.factor or increment < self.factor:
            self._of_samples(start + increment * np.arange(len(out) + 1), out)
        elif start % self.factor == increment % self.factor == 0:
            self._of_rows(start, increment, out)
        else:
            self._of_both(start + increment * np.arange(len(out) + 1), out)

    def rows(self, start: int, stop: int) -> NDArray[Any]:
        """Return rows [start, stop) of reductions, which are kept."""
        wanted = np.arange(start // _TOGETHER, -(-stop // _TOGETHER))
        unknown = wanted[~self._known[wanted]]
        if len(unknown):
            self._learn(int(unknown[0]), int(unknown[-1]) + 1)
        return self._rows[start:stop]

    @property
    def count(self) -> int:
        """Rows of reductions: one for each whole one of samples."""
        return len(self._rows)

    def _of_rows(self, start: int, increment: int, out: NDArray[Any]) -> None:
        from xjls.kernels.analyser import merge_runs

        each, first = increment // self.factor, start // self.factor
        rows = self.rows(first, first + each * len(out))
        if each == 1:
            out.view(np.float64)[:] = rows.view(np.float64)  # numbers are copied at once, records field by field
            return
        starts = each * np.arange(len(out))
        merge_runs(rows, starts, starts + each, out)

    def _of_samples(self, edges: NDArray[np.int64], out: NDArray[Any]) -> None:
        """Fill spans between sample ids in one pass over samples, parts of it at the same time."""
        n_parts = min(int(edges[-1] - edges[0]) // _PART, len(out), os.cpu_count() or 1)
        if n_parts < 2:
            self._pass(edges, out)
            return
        bounds = np.linspace(0, len(out), n_parts + 1).astype(int).tolist()
        parts = [(edges[lo : hi + 1], out[lo:hi]) for lo, hi in pairwise(bounds)]
        with ThreadPoolExecutor(n_parts, "spans") as pool:
            for _ in pool.map(self._pass, *zip(*parts, strict=True)):
                pass

    def _pass(self, edges: NDArray[np.int64], out: NDArray[Any]) -> None:
        from xjls.kernels.analyser import Carry, reduce_floats, reduce_words

        carry, window = Carry(edges, out), Window(int(edges[0]), int(edges[-1]))
        if not self._reading.is_raw:
            for fields in self._reading.pieces(window):
                reduce_floats(carry, fields)
            return
        for block in self._reading.blocks(window):
            reduce_words(carry, block.current, block.voltage, block.power, block.current_range, block.gpi0, block.gpi1)

    def _of_both(self, edges: NDArray[np.int64], out: NDArray[Any]) -> None:
        """Fill spans that do not begin or end where reductions do."""
        from xjls.kernels.analyser import merge_runs

        lo, hi = -(-edges[:-1] // self.factor), edges[1:] // self.factor
        at_ends = int((edges[1:] - edges[:-1] - self.factor * (hi - lo)).sum())
        if (lo >= hi).any() or at_ends + _BEGINNING * len(edges) > edges[-1] - edges[0]:
            self._of_samples(edges, out)
            return
        first = int(lo[0])
        parts = np.empty((len(out), 3, STATS_FIELD_COUNT), STATS_DTYPE)
        middle = np.empty_like(out)
        merge_runs(self.rows(first, int(hi[-1])), lo - first, hi - first, middle)
        parts[:, 1] = middle
        self._fill_ends(edges, self.factor * lo, self.factor * hi, parts)
        starts = 3 * np.arange(len(out))
        merge_runs(parts.reshape(-1, STATS_FIELD_COUNT), starts, starts + 3, out)

    def _fill_ends(
        self, edges: NDArray[np.int64], lo: NDArray[np.int64], hi: NDArray[np.int64], parts: NDArray[Any]
    ) -> None:
        """Fill what is ahead of ``lo`` and behind ``hi`` in each span: around an edge it is read together."""
        before, behind = np.append(edges[0], hi), np.append(lo, edges[-1])
        two = np.empty((2, STATS_FIELD_COUNT), STATS_DTYPE)
        for i in range(len(edges)):
            self._of_samples(np.array([before[i], edges[i], behind[i]]), two)
            if i:
                parts[i - 1, 2] = two[0]
            if i < len(parts):
                parts[i, 0] = two[1]

    def _learn(self, start: int, stop: int) -> None:
        """Make rows, in groups of `_TOGETHER`."""
        reading, reader = self._reading, self._reading.reader
        lo, hi = start * _TOGETHER, min(stop * _TOGETHER, self.count)
        rows = self._rows[lo:hi]
        counted = reader.file.config.reduction_format == "v2"  # others do not tell how many samples are missing
        if counted and all(reader.levels(SIGNAL_OF[field]).agrees for field in reading.fields):
            self._fill_from_levels(lo, hi, rows)
        else:
            self._of_samples(self.factor * np.arange(lo, hi + 1), rows)
        self._known[start:stop] = True

    def _fill_from_levels(self, lo: int, hi: int, rows: NDArray[Any]) -> None:
        reading, window = self._reading, (lo * self.factor, hi * self.factor)
        for i, field in enumerate(STATS_FIELD_NAMES):
            record = rows[:, i]
            record["length"] = 0
            for name in ("mean", "variance", "min", "max"):
                record[name] = np.nan
            if field in reading.fields:
                found = reading.recording.columns(SIGNAL_OF[field], window, increment=self.factor)
                record["length"], record["mean"] = found.count, found.mean
                record["variance"] = found.std**2 * found.count
                record["min"], record["max"] = found.min, found.max
