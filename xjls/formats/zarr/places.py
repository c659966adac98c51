"""Where the blocks are that answers are made from: nowhere in memory. A store has too many files to keep all mapped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.zarr.objects import Objects
    from xjls.formats.zarr.track import Track

BLOCK_SAMPLES = 8_000
"""Samples that are read for an answer at a time: far fewer than a chunk has, which is kept for the next ones."""
BLOCK_ENTRIES = 640
MOST_BLOCKS = 1 << 26
"""Of samples: who asks has eight bytes for each. Longer recordings, of pauses of days mostly, have larger blocks."""
_ROW = 6
"""Numbers of a row: finite samples, lost ones, mean, sum of squares, minimum and maximum."""


class Places:
    """Fulfil `xjls.model.reader.Places`: every block is read.

    Parameters
    ----------
    track, objects
        Whose blocks, and where these are.
    verify
        Whether checksums are checked.
    """

    counts_samples = False

    def __init__(self, track: Track, objects: Objects, verify: bool) -> None:
        self.in_place = objects.is_local
        """Next to no block is; but looking at those of this machine is as cheap as if they were."""
        times = -(-track.window.length // (BLOCK_SAMPLES * MOST_BLOCKS)) or 1
        self.block_samples = BLOCK_SAMPLES * times
        self.block_entries = BLOCK_ENTRIES * times
        self._track = track
        self._objects = objects
        self._verify = verify
        self._rows: dict[int, NDArray[np.float64]] = {}
        """By level: rows of lost entries. They stay where they are."""

    def hold(self) -> object:
        """Return nothing that must be kept; raise once the store is closed."""
        self._objects.require_open()
        return None

    def samples(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return 0 for each block of samples: it must be read."""
        return np.zeros(len(numbers), np.int64)

    def entries(self, level: int, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return 0 for each block of entries: `stored` tells which can be believed.

        But integers that nobody delivered count as lost, which no entry tells: for whole blocks of them there are rows
        that do. So hours of them are not looked for in all levels down to samples. The first block of each level is
        looked for like others: who asks sees there that samples were skipped, and are no damage.
        """
        addresses = np.zeros(len(numbers), np.int64)
        for i in np.flatnonzero(self._track.may_be_lost(level, numbers, self.block_entries)).tolist():
            if self._track.is_lost(level, int(numbers[i]), self.block_entries):
                if level in self._rows:
                    addresses[i] = self._rows[level].ctypes.data | 1  # of rows, as the protocol's kernels tell them
                else:
                    self._rows.setdefault(level, self._lost(level))
        return addresses

    def _lost(self, level: int) -> NDArray[np.float64]:
        """Return the rows of a block of entries that have no sample."""
        rows = np.full((self.block_entries, _ROW), np.nan)
        rows[:, :4] = 0, self._track.factors[level - 1], np.nan, 0
        return rows

    def stored(self, level: int, start: int, stop: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return entries of a level, and which of them can be believed."""
        return self._track.believed(level, start, stop, verify=self._verify)

    def reduced(self, start: int, stop: int) -> NDArray[np.float64] | None:  # noqa: ARG002 - the protocol's
        """Return None: samples must be read."""
        return None
