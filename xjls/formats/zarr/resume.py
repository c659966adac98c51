"""A store that is there as a writer that goes on where it ended: closed or killed, whoever of xjls wrote it.

Nothing that the root speaks of is touched until there is another root; what it does not speak of is removed, since the
samples that come now are other ones. What the writer knew is read: the shard that is not full and the tail, the last
chunk of each level, ties, gaps and the last records.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import UnsupportedError
from xjls.formats.zarr.cutting import growing_cut, resumed_cut, row_bytes_of
from xjls.formats.zarr.folder import folder_there
from xjls.formats.zarr.journal import Journal
from xjls.formats.zarr.leftovers import Leftovers
from xjls.formats.zarr.opening import ROOT
from xjls.formats.zarr.publishing import Publisher
from xjls.formats.zarr.reader import ZarrReader
from xjls.formats.zarr.skipping import GrowingGaps
from xjls.formats.zarr.stream import SampleStream
from xjls.formats.zarr.tail_object import PATH, tail_key
from xjls.formats.zarr.ties import CHUNK_TIES, TieList
from xjls.formats.zarr.writer import ZarrWriter
from xjls.formats.zarr.written import WrittenSignal
from xjls.model.sample_type import level_factors_of
from xjls.model.signal import STATISTICS
from xjls.model.window import Window
from xjls.storage import absolute_path

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.zarr.entries import LevelStream
    from xjls.formats.zarr.folder import Folder
    from xjls.formats.zarr.track import Track
    from xjls.formats.zarr.wire import SignalRecord


def resumed(path: str, keep_s: float | None, storage_options: Mapping[str, Any] | None) -> ZarrWriter:
    """Return a writer that goes on with a store.

    Parameters
    ----------
    path
        Of the store, or its address.
    keep_s
        Seconds that are kept from now on; None for as many as so far, which may be all.
    storage_options
        For fsspec.

    Raises
    ------
    BlockingIOError
        Somebody else is writing to it.
    LostSamplesError, CorruptError
        What the writer must know is damaged; the store is left as it is.
    UnsupportedError
        Its arrays are cut as xjls does not cut them.
    """
    path = absolute_path(path).rstrip("/")
    ZarrReader(path, storage_options).close()  # before anything is made where nothing is
    folder = folder_there(path, storage_options)
    try:
        reader = ZarrReader(path, storage_options)
        try:
            return _Resumed(reader, folder, path, keep_s).writer()
        finally:
            reader.close()
    except BaseException:
        folder.release()
        raise


class _Resumed:
    """What a store says, put into the parts of a writer."""

    def __init__(self, reader: ZarrReader, folder: Folder, path: str, keep_s: float | None) -> None:
        self._reader = reader
        self._folder = folder
        self._path = path
        self._root = reader.root
        self._keep_s = self._root.record.keep_s if keep_s is None else keep_s
        self._recut: list[str] = []
        """Arrays that have other keys now."""

    def writer(self) -> ZarrWriter:
        """Return the writer."""
        record = self._root.record
        writer = ZarrWriter(self._folder, grows=True, keep_s=self._keep_s)
        signals = [self._signal(one) for one in record.signals]
        separator, members = self._separator(), self._root.members
        self._recut += [path for path in members if _is_axis(path)] if separator == "/" else []
        leftovers = Leftovers(self._folder, frozenset(members), tuple(self._recut))
        publisher = Publisher(self._folder, self._keep_s)
        publisher.resume(record, signals, leftovers, separator=separator, tail_bytes=self._clean_tail())
        journal = Journal(self._folder, record.next_tail, record.tail, record.identity)
        writer.go_on(record.sources, signals, publisher, journal)
        return writer

    def _signal(self, record: SignalRecord) -> WrittenSignal:
        signal = self._reader.described(record.name)
        if not signal.has_samples:
            return WrittenSignal(signal, record.array, None)
        track = self._reader.track(record.name)
        stream = self._stream(record, track)
        ties = TieList(self._reader.ties(signal), record.first_tie)
        return WrittenSignal(signal, record.array, stream, ties)

    def _stream(self, record: SignalRecord, track: Track) -> SampleStream:
        """Return the stream of a signal, as far as it is written."""
        facts, stored_type = track.samples_facts, record.stored_type
        signal = self._reader.described(record.name)
        wanted = growing_cut(stored_type, record.rate_hz, self._keep_s, row_bytes=row_bytes_of(signal))
        factors = () if signal.axis else level_factors_of(stored_type)
        cut = resumed_cut(wanted, factors, facts, track.levels, track.length)
        is_apart = bool(cut.factors) and cut.shard % cut.factors[0] != 0
        if is_apart or track.factors[: len(cut.factors)] != cut.factors[: len(track.factors)]:
            raise UnsupportedError(
                f"{record.name!r} has shards of {cut.shard:_} samples and levels of {track.factors}, not as xjls cuts",
                self._path,
                remedy="Convert it to another store first.",
            )
        stream = SampleStream(
            self._folder, record.array, facts.dtype, signal.level_dtype, cut, facts.codec, signal.missing_value,
            signal.sample_shape,
        )  # fmt: skip
        if cut.separator == facts.separator:
            self._continue(stream, track, record)
        else:
            self._begin_again(stream, track)
        every = (stream.series, *(level.series for level in stream.levels))
        self._recut += [series.path for series in every if series.separator == "/"]
        return stream

    def _continue(self, stream: SampleStream, track: Track, record: SignalRecord) -> None:
        """Give a stream what its writer knew."""
        stored = track.samples_facts.shape[0]
        stream.series.resume(record.dropped // stream.shard, -(-stored // stream.shard))
        if not track.length:
            for level in stream.levels:
                level.series.resume(0, 0)
            return
        stream.skipped = GrowingGaps(track.skipped)
        # A shard that is full, and was not put, is all in the tail
        filled = (track.length - (stored < track.length)) // stream.shard * stream.shard
        start = record.first_id + max(filled, record.dropped)
        last, _ = track.read(Window(start, record.first_id + track.length), None, "raise", True)
        stream.resume(record.first_id, track.length, stored, record.dropped, last)
        for index, level in enumerate(stream.levels, 1):
            self._continue_level(level, index, track, record.dropped)

    def _continue_level(self, level: LevelStream, index: int, track: Track, dropped: int) -> None:
        stored = self._stored(level, index, track)
        factor = track.factors[index - 1] if index <= len(track.factors) else 0
        first_kept = dropped // factor if factor else 0
        level.series.resume(first_kept // level.chunk, -(-stored // level.chunk))
        total = track.length // factor if factor else 0
        first = level.needed_from(stored, total)
        entries = np.full((total - first, len(STATISTICS)), np.nan, level.dtype)
        known = max(first, first_kept)
        if known < total:
            window = Window(known - first_kept, total - first_kept)
            entries[known - first :] = track.read_level(index, window, "raise", True)
        level.resume(stored, first, entries)

    def _stored(self, level: LevelStream, index: int, track: Track) -> int:
        """Return how many entries the objects have that a level goes on with."""
        facts = track.levels[index - 1] if index <= len(track.levels) else None
        return facts.shape[0] if facts is not None and facts.separator == level.series.separator else 0

    def _begin_again(self, stream: SampleStream, track: Track) -> None:
        """Write what there is into a stream anew: one object, which was cut to its length."""
        for series in (stream.series, *(level.series for level in stream.levels)):
            series.resume(0, 0)
        samples, _ = track.read(track.window, None, "raise", True)
        at, begin = track.window.start, track.window.start
        for gap in track.skipped:
            self._write(stream, at, samples[at - begin : gap.window.start - begin])
            stream.skip(gap)
            at = gap.window.stop
        self._write(stream, at, samples[at - begin :])

    def _write(self, stream: SampleStream, first_id: int, samples: NDArray[Any]) -> None:
        if len(samples):
            stream.write(first_id, samples)

    def _clean_tail(self) -> int:
        """Remove objects of the tail that the root does not speak of; return the bytes of the others."""
        needed = {tail_key(number) for number in self._root.record.tail} | {f"{PATH}/{ROOT}"}
        keys = {f"{PATH}/{name}" for name in self._folder.names(PATH)}
        for key in keys - needed:
            self._folder.remove(key)
        return sum(self._folder.size(key) for key in keys & needed)

    def _separator(self) -> str:
        """Return what stands in the keys of tie points: what was written at once is not cut as it grows."""
        for path, document in self._root.members.items():
            if _is_axis(path):
                cut = document["chunk_grid"]["configuration"]["chunk_shape"] != [CHUNK_TIES]
                separator = str(document["chunk_key_encoding"]["configuration"]["separator"])
                return "/" if cut else separator
        return "."


def _is_axis(path: str) -> bool:
    """Whether an array has tie points of an axis."""
    return path.endswith(("_tie_index", "_tie_utc", "_tie_s"))
