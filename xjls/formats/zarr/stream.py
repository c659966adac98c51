"""One signal as it is written: samples gathered to shards, and the levels above them, if it is a series.

A shard is written when it is full, or as far as it is when the writer is flushed; then it is written again when there
is more of it. Entries follow the samples, and each level is merged from the one below as soon as entries are whole.
What is short, and not written before the end, is cut to its length: an object that is there already cannot be cut anew.
Of what nobody delivered nothing is written: whole shards and chunks of it are only counted.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.formats.zarr.codecs import AUTO, encode_shard, worth_it
from xjls.formats.zarr.cutting import Cut, row_cut
from xjls.formats.zarr.entries import LevelStream
from xjls.formats.zarr.metadata import fill_of
from xjls.formats.zarr.series import RollingSeries, Series
from xjls.formats.zarr.skipping import GrowingGaps
from xjls.model.sample_type import level_factors_of
from xjls.model.signal import STATISTICS
from xjls.model.window import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.zarr.codecs import Parts
    from xjls.formats.zarr.folder import Folder
    from xjls.model.window import Gap

SHARD_SAMPLES = 4_096_000
"""Samples of a shard: 16 MB of float32. It and a chunk are multiples of the entries of most levels."""
CHUNK_SAMPLES = 256_000
"""Samples of a chunk, which is read, checked and decompressed as a whole."""
CHUNK_ENTRIES = 64_000
"""Entries of a chunk of level 1: 1 MB of float32. Levels above it have fewer entries by far, and smaller chunks."""
FEWEST_ENTRIES = 1_000


def usual_cut(stored_type: str, *, row_bytes: int | None = None) -> Cut:
    """Return how a signal is cut that is written at once; ``row_bytes`` as of `growing_cut`."""
    if row_bytes is not None:
        return Cut(*row_cut(SHARD_SAMPLES, CHUNK_SAMPLES, row_bytes), (), ())
    factors = level_factors_of(stored_type)
    entries = tuple(max(CHUNK_ENTRIES >> 2 * i, FEWEST_ENTRIES) for i in range(len(factors)))
    return Cut(SHARD_SAMPLES, CHUNK_SAMPLES, factors, entries)


class SampleStream:
    """Write one signal's samples and levels; the first ones that arrive tell its first sample id.

    Parameters
    ----------
    folder, array
        Where to, and what the signal's arrays are called.
    dtype, level_dtype
        Of samples, and of entries.
    cut
        How its arrays are cut.
    codec
        What samples are compressed with; `AUTO` where the first ones tell whether that is worth it.
    missing
        What stands for integers that nobody delivered; None for 0.
    shape
        Of one sample.
    """

    def __init__(
        self, folder: Folder, array: str, dtype: np.dtype[Any], level_dtype: np.dtype[Any], cut: Cut,
        codec: str | None, missing: int | None = None, shape: tuple[int, ...] = (),
    ) -> None:  # fmt: skip
        self.cut = cut
        self.dtype = dtype
        self.shape = shape
        self.sample_bytes = dtype.itemsize * math.prod(shape)
        self.level_dtype = level_dtype
        self.shard, self.chunk = cut.shard, cut.chunk
        make = RollingSeries if cut.kept else Series
        self.series = make(folder, f"0/{array}", rank=1 + len(shape), separator=cut.separator)
        steps = [above // below for below, above in pairwise(cut.factors)] + [0] * bool(cut.factors)
        self.levels = [
            LevelStream(
                make(folder, f"{i}/{array}", rank=2, separator=cut.key_separator(i)), level_dtype, step, entries,
                partial(self._is_blank, factor),
            )
            for i, (step, factor, entries) in enumerate(zip(steps, cut.factors, cut.entries, strict=True), 1)
        ]  # fmt: skip
        self.skipped = GrowingGaps()
        self.first_id: int | None = None
        self.length = 0
        """Samples so far."""
        self.stored = 0
        """Those of them that are in shards."""
        self.dropped = 0
        """Those of them that are not to be kept, from the first one on."""
        self.removed = 0
        """Those of them that are in no shard any more."""
        self.fill = fill_of(dtype, missing)
        self._codec = codec
        self._samples: NDArray[Any] = np.empty((0, *shape), dtype)
        """Of the shard that is being filled; as long as a shard once there is a sample."""
        self._summarized = 0
        """Samples that are in entries of level 1."""

    @property
    def path(self) -> str:
        """Path of the array of samples."""
        return self.series.path

    @property
    def codec(self) -> str | None:
        """What samples are compressed with, as far as that is decided."""
        return None if self._codec == AUTO else self._codec

    @property
    def factors(self) -> tuple[int, ...]:
        """Samples an entry of each level covers, from fine to coarse."""
        return self.cut.factors

    @property
    def next_id(self) -> int | None:
        """Sample id of the next sample; None before the first."""
        return None if self.first_id is None else self.first_id + self.length

    @property
    def n_bytes(self) -> int:
        """Bytes of all that was put, levels included."""
        return self.series.n_bytes + sum(level.n_bytes for level in self.levels)

    def write(self, first_id: int, samples: NDArray[Any]) -> None:
        """Append samples that continue what was written.

        Where the medium refuses them they are kept: the next call, or `flush`, tries again.
        """
        if self.first_id is None:
            self.first_id = first_id
        self.put_full()
        at = 0
        while at < len(samples):
            filled = self.length % self.shard
            take = min(len(samples) - at, self.shard - filled)
            if take == self.shard:
                self._put_whole(samples[at : at + take])
            else:
                self._gather(filled, samples[at : at + take])
            at += take

    def skip(self, gap: Gap) -> None:
        """Count samples that nobody delivered, and that continue what was written."""
        at = gap.window.start
        if self.first_id is None:
            self.first_id = at
        while at < gap.window.stop:
            # By shards: a gap is noted as far as it is counted, wherever the medium refuses something
            self.put_full()
            filled = self.length % self.shard
            whole = 0 if filled else (gap.window.stop - at) // self.shard * self.shard
            stop = at + whole if whole else min(gap.window.stop, at + self.shard - filled)
            self.skipped.append(replace(gap, window=Window(at, stop)))
            if whole:
                self._pass(whole)
            else:
                self._gather(filled, np.full((stop - at, *self.shape), self.fill, self.dtype))
            at = stop

    def put_full(self) -> None:
        """Write the last shard if it is full, and was refused."""
        if self.stored < self.length and not self.length % self.shard:
            self._put(self._samples)

    def flush(self) -> None:
        """Write all that there is."""
        if self.stored < self.length:
            self._put(self.since(self.length - (self.length % self.shard or self.shard)))
        for level in self.levels:
            level.flush()

    def close(self) -> None:
        """Write what is left, cut to its length where it was not written before."""
        if self.length < self.shard and not self.stored:
            n_chunks = max(-(-self.length // self.chunk), 1)
            self.chunk = max(-(-self.length // n_chunks), 1)
            samples, self.shard = self.since(0), n_chunks * self.chunk
            if self.length:
                self._put(samples)
        if self.stored < self.length:
            self._put(self.since(self.length - (self.length % self.shard or self.shard)))
        for level in self.levels:
            if level.length < level.chunk and not level.stored:
                level.cut()
            level.flush()

    def since(self, position: int) -> NDArray[Any]:
        """Return the samples from one on that is in the last shard."""
        start = (self.length - 1) // self.shard * self.shard
        return self._samples[position - start : self.length - start]

    def is_skipped(self, start: int, stop: int) -> bool:
        """Whether nobody delivered any of the samples [start, stop), counted from the first one."""
        return self.skipped.covers(self._window(start, stop))

    def delivered_from(self, position: int) -> int:
        """Return the position of the first sample from one on that somebody delivered; the length without any."""
        first_id = self.first_id or 0
        return min(self.skipped.end(first_id + position, first_id + self.length) - first_id, self.length)

    def _is_blank(self, factor: int, start: int, stop: int) -> bool:
        """Whether nobody delivered a sample of entries [start, stop)."""
        return self.is_skipped(start * factor, stop * factor)

    def resume(self, first_id: int, length: int, stored: int, dropped: int, last: NDArray[Any]) -> None:
        """Go on behind samples that are there; ``last`` are those of the shard that is not full."""
        self.first_id, self.length, self.stored = first_id, length, stored
        self.dropped = self.removed = dropped
        self._summarized = length // self.factors[0] * self.factors[0] if self.factors else 0
        if len(last):
            self._samples = np.empty((self.shard, *self.shape), self.dtype)
            self._samples[: len(last)] = last

    def drop(self) -> bool:
        """Let go of samples that need not be kept; return whether there are some. What has them stays as yet."""
        spare = min(self.length - self.cut.kept, self.stored) if self.cut.kept else 0
        dropped = max(spare // self.cut.unit * self.cut.unit, self.dropped)
        grew, self.dropped = dropped > self.dropped, dropped
        if grew:  # who has read the last root finds what is dropped only now, and must be told of its gaps
            self.skipped.forget((self.first_id or 0) + self.removed)
        return grew

    def remove(self, dropped: int) -> None:
        """Remove the shards and chunks that have only the first so many samples."""
        for series, size in (
            (self.series, self.shard),
            *((level.series, level.chunk * factor) for level, factor in zip(self.levels, self.factors, strict=True)),
        ):
            if isinstance(series, RollingSeries):
                series.remove_before(dropped // size)
        self.removed = dropped

    def _gather(self, filled: int, samples: NDArray[Any]) -> None:
        """Keep samples until a shard is full."""
        if len(self._samples) != self.shard:
            self._samples = np.empty((self.shard, *self.shape), self.dtype)
        self._samples[filled : filled + len(samples)] = samples
        self.length += len(samples)
        if filled + len(samples) == self.shard:
            self._put(self._samples)

    def _put_whole(self, samples: NDArray[Any]) -> None:
        """Write a shard as it comes."""
        self.length += len(samples)
        try:
            self._put(samples)
        except OSError:
            self._samples = samples.copy()
            raise

    def _put(self, samples: NDArray[Any]) -> None:
        """Write the samples of the shard that ends, so far, at the last one, and the entries that they complete."""
        start = self.length - len(samples)
        self._summarize(samples, start)
        if self.is_skipped(start, self.length):
            self.series.leave_out(start // self.shard)
        else:
            self.series.put(start // self.shard, self._encoded(samples, start))
        for level in self.levels:
            level.drain()
        self.stored = self.length

    def _encoded(self, samples: NDArray[Any], start: int) -> Parts:
        """Return the bytes of a shard; the first one decides whether compressing is worth it."""
        if self._codec == AUTO:
            self._codec = "blosc" if worth_it(samples) else None
        chunks = range(start, self.length, self.chunk) if self.cut.sparse else ()
        blank = {i for i, at in enumerate(chunks) if self.is_skipped(at, min(at + self.chunk, self.length))}
        return encode_shard(samples, self.chunk, self.shard // self.chunk, self._codec, self.fill, blank)

    def _pass(self, count: int) -> None:
        """Count whole shards that nobody delivered a sample of: they do not exist, and neither do their entries."""
        entries, blank = np.empty((0, len(STATISTICS)), self.level_dtype), count
        blank //= self.factors[0] if self.factors else 1
        for level in self.levels:
            entries, blank = level.append(entries, blank)
            if not len(entries) and not blank:
                break
        self.length += count
        self._summarized += count
        self.stored = self.length
        for level in self.levels:
            level.drain()

    def _window(self, start: int, stop: int) -> Window:
        """Return positions as sample ids."""
        first_id = self.first_id or 0
        return Window(first_id + start, first_id + stop)

    def _summarize(self, samples: NDArray[Any], start: int) -> None:
        """Hand the entries that samples complete to the levels; ``start`` is the first one's position."""
        if not self.factors:
            return
        from xjls.kernels.reduce import summarize

        factor = self.factors[0]
        begin, stop = self._summarized - start, len(samples) // factor * factor
        entries = np.empty((max(stop - begin, 0) // factor, len(STATISTICS)), self.level_dtype)
        summarize(self._counted(samples[begin:stop], self._summarized), factor, entries)
        self._summarized += len(entries) * factor
        for level in self.levels:
            if not len(entries):
                return
            entries, _ = level.append(entries)

    def _counted(self, samples: NDArray[Any], start: int) -> NDArray[Any]:
        """Return samples as entries count them: what nobody delivered is NaN, whatever the type."""
        window = self._window(start, start + len(samples))
        if self.dtype.kind == "f" or not (gaps := self.skipped.within(window)):
            return samples
        samples = samples.astype(np.float64)
        for gap in gaps:
            samples[gap.window.start - window.start : gap.window.stop - window.start] = np.nan
        return samples
