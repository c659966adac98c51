"""Where the samples and entries of a signal with a sidecar lie: samples in the recording, entries in the sidecar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.levels.sidecar import SignalLevels
    from xjls.model.reader import Places as PlacesProtocol


class Places:
    """Fulfil `xjls.model.reader.Places`.

    Parameters
    ----------
    samples
        Where the recording's samples lie.
    levels
        The sidecar's.
    floating
        Whether samples may be NaN.
    verify
        Whether checksums are checked.
    """

    counts_samples = False

    def __init__(self, samples: PlacesProtocol, levels: SignalLevels, *, floating: bool, verify: bool) -> None:
        self.in_place = samples.in_place
        self.block_samples = samples.block_samples
        self.block_entries = levels.levels[0].cut.block_entries
        self.samples = samples.samples
        self.reduced = samples.reduced
        self._hold = samples.hold
        self._levels = levels
        self._floating = floating
        self._verify = verify

    def hold(self) -> object:
        """Return what keeps addresses good; raise where the recording was closed, or a file shrank."""
        return self._hold(), *[level.hold() for level in self._levels.levels]

    def entries(self, level: int, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the address of each block of entries; 0 for one that is damaged, afar, or covers what is no sample."""
        found = self._levels.levels[level - 1].addresses(numbers, verify=self._verify)
        found[self._levels.touched(level, numbers * self.block_entries, self.block_entries)] = 0
        if self._floating:
            for i in np.flatnonzero(found).tolist():
                found[i] *= self._is_finite(level, int(numbers[i]))
        return found

    def stored(self, level: int, start: int, stop: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return entries of a level, and which of them can be believed: those that tell how many samples they count."""
        entries, known = self._levels.levels[level - 1].read(start, stop, verify=self._verify)
        touched = self._levels.touched(level, np.arange(start, stop, dtype=np.int64), 1)
        # Of floats, one that is NaN throughout has no sample, whoever is to blame
        return entries, known & ~(touched & np.isfinite(entries[:, 0]) if self._floating else touched)

    def _is_finite(self, level: int, number: int) -> bool:
        """Return whether a block and its neighbours hold no NaN: a run of it may begin or end in them, unseen."""
        files = self._levels.levels[level - 1]
        lo, hi = number * self.block_entries - 1, (number + 1) * self.block_entries + 1
        entries, known = files.read(max(lo, 0), min(hi, files.cut.length), verify=self._verify)
        return bool(known.all() and np.isfinite(entries[:, :2]).all())
