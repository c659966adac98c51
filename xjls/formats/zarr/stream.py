"""One signal as it is written: samples gathered to shards, and the levels above them.

A shard is written when it is full, or as far as it is when the writer is flushed; then it is written again when there
is more of it. Entries follow the samples, and each level is merged from the one below as soon as entries are whole.
What is short, and not written before the end, is cut to its length: an object that is there already cannot be cut anew.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.formats.zarr.codecs import encode_chunk, encode_shard, padded
from xjls.formats.zarr.folder import Series
from xjls.formats.zarr.metadata import fill_of
from xjls.formats.zarr.skipping import GrowingGaps
from xjls.model.signal import STATISTICS
from xjls.model.window import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.zarr.folder import Folder
    from xjls.model.window import Gap

SHARD_SAMPLES = 4_096_000
"""Samples of a shard: 16 MB of float32. It and a chunk are multiples of the entries of most levels."""
CHUNK_SAMPLES = 256_000
"""Samples of a chunk, which is read, checked and decompressed as a whole."""
CHUNK_ENTRIES = 64_000
"""Entries of a chunk of level 1: 1 MB of float32. Levels above it have fewer entries by far, and smaller chunks."""
FEWEST_ENTRIES = 1_000


class LevelStream:
    """Write one level's entries; those that do not fill an entry of the next level yet are kept for it.

    Parameters
    ----------
    folder, path
        Where to, and the array's path there.
    dtype
        Of the entries.
    step
        Entries merged into one of the next level; 0 where there is none.
    chunk
        Entries of a chunk.
    """

    def __init__(self, folder: Folder, path: str, dtype: np.dtype[Any], step: int, chunk: int) -> None:
        self.path = path
        self.length = 0
        """Entries so far."""
        self.chunk = chunk
        self._series = Series(folder, path, rank=2)
        self._step = step
        self._entries = np.empty((self.chunk, len(STATISTICS)), dtype)
        self._unmerged = self._entries[:0].copy()
        self._full: list[tuple[int, NDArray[Any]]] = []
        """Chunks that are to be written, by their numbers."""
        self._written = 0

    @property
    def n_bytes(self) -> int:
        """Bytes of all that was put."""
        return self._series.n_bytes

    def append(self, entries: NDArray[Any]) -> NDArray[Any]:
        """Append entries; return those of the next level that they complete. Writes nothing."""
        at = 0
        while at < len(entries):
            filled = self.length % self.chunk
            take = min(len(entries) - at, self.chunk - filled)
            self._entries[filled : filled + take] = entries[at : at + take]
            self.length += take
            at += take
            if filled + take == self.chunk:
                self._full.append((self.length // self.chunk - 1, self._entries))
                self._entries = np.empty_like(self._entries)
        return self._merged(entries)

    def drain(self) -> None:
        """Write the chunks that are full."""
        while self._full:
            number, entries = self._full[0]
            self._put(number, entries)
            self._written = (number + 1) * self.chunk
            del self._full[0]

    def flush(self) -> None:
        """Write all that there is."""
        self.drain()
        if self._written < self.length:
            self._put(self.length // self.chunk, self._entries[: self.length % self.chunk])
            self._written = self.length

    def close(self) -> None:
        """Write what is left."""
        if self.length < self.chunk and not self._written:
            self.chunk = max(self.length, 1)
            self._full = [(0, self._entries[: self.length])] if self.length else []
        self.flush()

    def _put(self, number: int, entries: NDArray[Any]) -> None:
        self._series.put(number, encode_chunk(padded(entries, self.chunk, np.nan), None))

    def _merged(self, entries: NDArray[Any]) -> NDArray[Any]:
        from xjls.kernels.reduce import merge

        if not self._step:
            return entries[:0]
        below = np.concatenate([self._unmerged, entries])
        n = len(below) // self._step
        above = np.empty((n, len(STATISTICS)), entries.dtype)
        merge(below, self._step, above)
        self._unmerged = below[n * self._step :]
        return above


class SampleStream:
    """Write one signal's samples and levels; the first ones that arrive tell its first sample id.

    Parameters
    ----------
    folder, array
        Where to, and what the signal's arrays are called.
    dtype, level_dtype
        Of samples, and of entries.
    factors
        Samples an entry of each level covers, from fine to coarse.
    codec
        What samples are compressed with.
    missing
        What stands for integers that nobody delivered; None for 0.
    """

    def __init__(
        self, folder: Folder, array: str, dtype: np.dtype[Any], level_dtype: np.dtype[Any], factors: tuple[int, ...],
        codec: str | None, missing: int | None = None,
    ) -> None:  # fmt: skip
        self.path = f"0/{array}"
        self.codec = codec
        self.factors = factors
        self.dtype = dtype
        self.level_dtype = level_dtype
        self.shard, self.chunk = SHARD_SAMPLES, CHUNK_SAMPLES
        steps = [above // below for below, above in pairwise(factors)] + [0]
        self.levels = [
            LevelStream(folder, f"{i + 1}/{array}", level_dtype, step, max(CHUNK_ENTRIES >> 2 * i, FEWEST_ENTRIES))
            for i, step in enumerate(steps)
        ]  # fmt: skip
        self.skipped = GrowingGaps()
        self.first_id: int | None = None
        self.length = 0
        """Samples so far."""
        self._series = Series(folder, self.path)
        self.fill = fill_of(dtype, missing)
        self._samples: NDArray[Any] = np.empty(0, dtype)
        """Of the shard that is being filled; as long as a shard once there is a sample."""
        self._summarized = 0
        """Samples that are in entries of level 1."""
        self._written = 0

    @property
    def next_id(self) -> int | None:
        """Sample id of the next sample; None before the first."""
        return None if self.first_id is None else self.first_id + self.length

    @property
    def n_bytes(self) -> int:
        """Bytes of all that was put, levels included."""
        return self._series.n_bytes + sum(level.n_bytes for level in self.levels)

    def write(self, first_id: int, samples: NDArray[Any]) -> None:
        """Append samples that continue what was written.

        Where the medium refuses them they are kept: the next call, or `flush`, tries again.
        """
        if self.first_id is None:
            self.first_id = first_id
        self._put_full()
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
        filling = np.full(min(gap.window.length, self.shard), self.fill, self.dtype)
        at = gap.window.start
        while at < gap.window.stop:
            # By shards: a gap is noted as far as it is counted, wherever the medium refuses something
            self._put_full()
            stop = min(gap.window.stop, at + self.shard - self.length % self.shard)
            self.skipped.append(replace(gap, window=Window(at, stop)))
            self.write(at, filling[: stop - at])
            at = stop

    def flush(self) -> None:
        """Write all that there is."""
        if self._written < self.length:
            self._put(self._samples[: self.length % self.shard or self.shard])
        for level in self.levels:
            level.flush()

    def close(self) -> None:
        """Write what is left."""
        if self.length < self.shard and not self._written:
            n_chunks = max(-(-self.length // self.chunk), 1)
            self.chunk = max(-(-self.length // n_chunks), 1)
            self.shard = n_chunks * self.chunk
        if self._written < self.length:
            self._put(self._samples[: self.length % self.shard or self.shard])
        for level in self.levels:
            level.close()

    def _put_full(self) -> None:
        """Write the last shard if it is full, and was refused."""
        if self._written < self.length and not self.length % self.shard:
            self._put(self._samples)

    def _gather(self, filled: int, samples: NDArray[Any]) -> None:
        """Keep samples until a shard is full."""
        if not len(self._samples):
            self._samples = np.empty(self.shard, self.dtype)
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
        if not self.skipped.covers(self._window(start, self.length)):
            parts = encode_shard(samples, self.chunk, self.shard // self.chunk, self.codec, self.fill)
            self._series.put(start // self.shard, parts)
        for level in self.levels:
            level.drain()
        self._written = self.length

    def _window(self, start: int, stop: int) -> Window:
        """Return positions as sample ids."""
        first_id = self.first_id or 0
        return Window(first_id + start, first_id + stop)

    def _summarize(self, samples: NDArray[Any], start: int) -> None:
        """Hand the entries that samples complete to the levels; ``start`` is the first one's position."""
        from xjls.kernels.reduce import summarize

        factor = self.factors[0]
        begin, stop = self._summarized - start, len(samples) // factor * factor
        entries = np.empty((max(stop - begin, 0) // factor, len(STATISTICS)), self.level_dtype)
        summarize(self._counted(samples[begin:stop], self._summarized), factor, entries)
        self._summarized += len(entries) * factor
        for level in self.levels:
            if not len(entries):
                return
            entries = level.append(entries)

    def _counted(self, samples: NDArray[Any], start: int) -> NDArray[Any]:
        """Return samples as entries count them: what nobody delivered is NaN, whatever the type."""
        window = self._window(start, start + len(samples))
        if self.dtype.kind == "f" or not (gaps := self.skipped.within(window)):
            return samples
        samples = samples.astype(np.float64)
        for gap in gaps:
            samples[gap.window.start - window.start : gap.window.stop - window.start] = np.nan
        return samples
