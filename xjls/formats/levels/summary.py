"""From samples to entries of level 1, in float64: samples are summarised where they lie in memory, or as they are read.

What nobody delivered, or is lost, does not count; neither does NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.model.sample_type import bits_of
from xjls.model.signal import STATISTICS
from xjls.model.window import Gap, Window, runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from xjls.model.reader import OnDamage, Places, Reader
    from xjls.model.signal import Signal

STEP_BYTES = 1 << 21
"""Of samples that are looked at together where they lie: they stay in the cache while that happens twice."""
READ_SAMPLES = 1 << 20
"""Samples that are read at a time, where they do not lie in memory."""


class Summarizer:
    """Summarise the samples of one signal; thread-safe.

    Parameters
    ----------
    reader, signal
        Whose samples.
    factor
        Samples of an entry.
    places
        Where samples lie; None to read all of them.
    on_damage, verify
        As of `xjls.model.reader.Reader.read`.
    """

    def __init__(
        self, reader: Reader, signal: Signal, factor: int, places: Places | None = None, *,
        on_damage: OnDamage = "gap", verify: bool = True,
    ) -> None:  # fmt: skip
        self._reader = reader
        self._signal = signal
        self._factor = factor
        # Packed bits must be unpacked, which reading does
        self._places = places if places and places.in_place and bits_of(signal.stored_type) >= 8 else None
        self._on_damage: OnDamage = on_damage
        self._verify = verify

    def entries(self, start: int, stop: int) -> tuple[NDArray[np.float64], list[Gap]]:
        """Return entries [start, stop) as float64[n, 4], and the gaps among their samples."""
        out = np.empty((stop - start, len(STATISTICS)))
        done = np.zeros(stop - start, np.bool_)
        if self._places is not None:
            _held = self._places.hold()
            for run in self._runs(self._places, start * self._factor, stop * self._factor):
                self._summarize_run(run, start, stop, out, done)
        gaps: list[Gap] = []
        for lo, hi in runs(~done, max(READ_SAMPLES // self._factor, 1)):
            gaps += self._summarize_read(start + lo, start + hi, out[lo:hi])
        return out, gaps

    def gaps_behind(self, entries: int) -> tuple[Gap, ...]:
        """Return the gaps among the samples behind so many entries: those that are in none."""
        window = Window(self._signal.first_id + entries * self._factor, self._signal.window.stop)
        return self._reader.read(self._signal, window, None, self._on_damage, self._verify)[1]

    def _runs(self, places: Places, start: int, stop: int) -> Iterator[_Run]:
        """Yield what lies together of samples [start, stop), whole blocks of which no sample is missing."""
        size, length, width = places.block_samples, self._signal.length, self._signal.dtype.itemsize
        at_once = max(STEP_BYTES // (size * width), 1)
        first, last = start // size, -(-stop // size)
        for lo in range(first, last, at_once):
            numbers = np.arange(lo, min(lo + at_once, last), dtype=np.int64)
            addresses = places.samples(numbers)
            follows = (addresses[1:] == addresses[:-1] + size * width) & (addresses[:-1] > 0)
            heads = np.flatnonzero(np.concatenate([[True], ~follows])).tolist()
            for head, end in zip(heads, [*heads[1:], len(numbers)], strict=True):
                if addresses[head]:
                    begin = int(numbers[head]) * size
                    yield _Run(begin, min(begin + (end - head) * size, length), int(addresses[head]))

    def _summarize_run(
        self, run: _Run, start: int, stop: int, out: NDArray[np.float64], done: NDArray[np.bool_]
    ) -> None:
        """Summarise those of entries [start, stop) that lie in a run."""
        from xjls.kernels.reduce import summarize

        first = max(-(-run.start // self._factor), start)
        last = min(run.stop // self._factor, stop)
        if first < last:
            samples = run.samples(self._signal.dtype)[first * self._factor - run.start :]
            summarize(samples, self._factor, out[first - start : last - start])
            done[first - start : last - start] = True

    def _summarize_read(self, start: int, stop: int, out: NDArray[np.float64]) -> tuple[Gap, ...]:
        """Read the samples of entries [start, stop) and summarise them; return the gaps among them."""
        from xjls.kernels.reduce import summarize

        first_id, factor = self._signal.first_id, self._factor
        window = Window(first_id + start * factor, first_id + stop * factor)
        samples, gaps = self._reader.read(self._signal, window, None, self._on_damage, self._verify)
        if gaps and self._signal.dtype.kind != "f":
            samples = samples.astype(np.float64)
            for gap in gaps:
                samples[gap.window.start - window.start : gap.window.stop - window.start] = np.nan
        summarize(samples, factor, out)
        return gaps


@dataclass(frozen=True, slots=True)
class _Run:
    """Samples [start, stop), counted from the signal's first one, that lie together at an address."""

    start: int
    stop: int
    address: int

    def samples(self, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return them as an array, which does not keep them there."""
        return np.asarray(_Lying(self.address, self.stop - self.start, dtype))


class _Lying:
    """What NumPy takes for an array: samples at an address."""

    __slots__ = ("__array_interface__",)

    def __init__(self, address: int, count: int, dtype: np.dtype[Any]) -> None:
        self.__array_interface__ = {
            "shape": (count,), "typestr": dtype.str, "data": (address, True), "version": 3,
        }  # fmt: skip
