"""From a store to a Recording: its root says what there is, chunks are read when they are asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import CorruptError
from xjls.formats.zarr.beside import Beside, open_pages
from xjls.formats.zarr.health import Health
from xjls.formats.zarr.objects import Fault, Objects
from xjls.formats.zarr.places import Places
from xjls.formats.zarr.root import read_root
from xjls.formats.zarr.tail import Tail
from xjls.formats.zarr.track import Track
from xjls.formats.zarr.wire import FORMAT
from xjls.model.annotation import Tie
from xjls.model.facts import with_facts
from xjls.model.sample_type import dtype_of, level_dtype_of
from xjls.model.signal import Signal, Source

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.zarr.metadata import ArrayFacts
    from xjls.formats.zarr.objects import Chunk
    from xjls.formats.zarr.wire import SignalRecord
    from xjls.model.annotation import Annotation, UserData
    from xjls.model.reader import OnDamage
    from xjls.model.signal import Level
    from xjls.model.status import Damage, Status
    from xjls.model.window import Gap, Window


class ZarrReader:
    """Fulfil `xjls.model.reader.Reader` for Zarr stores that xjls wrote.

    Parameters
    ----------
    path
        A local folder, or an address that fsspec understands.
    storage_options
        For fsspec.

    Raises
    ------
    NotRecognizedError, UnsupportedError, CorruptError
        It is no Zarr store, or plain Zarr; of another layout; or its root is damaged.
    """

    format = FORMAT
    restarts = False

    def __init__(self, path: str, storage_options: Mapping[str, Any] | None = None) -> None:
        self._path = path
        self.root = root = read_root(path, storage_options)
        self.token = root.token
        self._arrays, record = root.arrays, root.record
        self.was_closed = record.closed
        self.sources = record.sources
        self._size_bytes = root.n_bytes + record.size_bytes
        self._signals = {signal.name: signal for signal in record.signals}
        self.names = tuple(self._signals)
        self._objects = Objects(path, storage_options)
        self._tail = Tail(path, storage_options, root, partial(read_root, path, storage_options), self._objects)
        self._health = Health()
        self._beside = Beside(partial(open_pages, path, storage_options, root, self._tail, self._health), self.names)
        self._tracks: dict[str, Track] = {}

    # -- reading -----------------------------------------------------------------------------------------------------

    def describe(self, name: str) -> Signal:
        """Return a signal's facts; see `Reader`."""
        signal, record = self.described(name), self._signals[name]
        if not signal.has_samples:
            return signal
        track = self.track(name)
        origin_id = signal.origin_id
        if record.dropped and origin_id is None and signal.is_series:
            origin_id = self._origin_id(record)
        return replace(
            signal, window=track.window, block_length=track.samples_facts.chunk, origin_id=origin_id,
            level_factors=tuple(factor for factor in track.factors if factor <= track.window.length),
        )  # fmt: skip

    def _origin_id(self, record: SignalRecord) -> int:
        """Return the id of the very first sample of all signals of one source and rate, though it is dropped."""
        return min(
            one.first_id
            for one in self._signals.values()
            if (one.source, one.rate_hz, one.facts.get("axis")) == (record.source, record.rate_hz, None)
            and self.track(one.name).length
        )

    def described(self, name: str) -> Signal:
        """Return what was said of a signal before there was a sample of it."""
        record = self._signals[name]
        source = next((one for one in self.sources if one.id == record.source), None)
        source = source or Source(id=record.source, name=f"source {record.source}")
        facts: dict[str, Any] = {
            "id": record.id, "name": name, "units": record.units, "rate_hz": record.rate_hz, "source": source,
            "stored_type": record.stored_type,
        }  # fmt: skip
        if not record.rate_hz:
            return with_facts(Signal(dtype=np.dtype("f4"), **facts), record.facts)
        facts |= {"dtype": dtype_of(record.stored_type), "level_dtype": level_dtype_of(record.stored_type)}
        return with_facts(Signal(**facts), record.facts)

    def read(
        self, signal: Signal, window: Window, out: NDArray[Any] | None, on_damage: OnDamage, verify: bool
    ) -> tuple[NDArray[Any], tuple[Gap, ...]]:
        """Read samples; see `Reader`."""
        if not signal.has_samples:
            return np.empty(0, signal.dtype) if out is None else out, ()
        return self.track(signal.name).read(window, out, on_damage, verify)

    def read_level(
        self, signal: Signal, level: Level, entries: Window, on_damage: OnDamage, verify: bool
    ) -> NDArray[Any]:
        """Read entries of a level; see `Reader`."""
        return self.track(signal.name).read_level(level.index, entries, on_damage, verify)

    def places(self, signal: Signal, verify: bool) -> Places:
        """Return where a signal's blocks are: they are read; see `Reader`."""
        return Places(self.track(signal.name), self._objects, verify)

    def gaps(self, signal: Signal) -> tuple[Gap, ...]:
        """Return what nobody delivered: more is not known without reading; see `Reader`."""
        return self.skipped(signal)

    def skipped(self, signal: Signal) -> tuple[Gap, ...]:
        """Return the gaps that the writer recorded; see `Reader`."""
        return tuple(self.track(signal.name).skipped) if signal.has_samples else ()

    def ties(self, signal: Signal) -> tuple[Tie, ...]:
        """Return a signal's ties; see `Reader`."""
        array, first = self._signals[signal.name].ties, self._signals[signal.name].first_tie
        if array is None:
            return ()
        pairs: list[list[int]] = []
        for key, chunk in self._tie_chunks(array, first):
            if isinstance(chunk, Fault):
                raise CorruptError(
                    f"ties of {signal.name!r} cannot be read: {chunk.reason}", self._objects.path(key),
                    remedy='Open it with time="seconds", which needs none.',
                )  # fmt: skip
            pairs += chunk.tolist()
        length = self._arrays[f"ties/{array}"].shape[0] - first
        beside = next((one.ties_beside for one in self._signals.values() if one.array == array), ())
        told = (*pairs[:length], *beside)
        return tuple(Tie(sample_id=sample_id, time_ns=time_ns) for sample_id, time_ns in told)

    def annotations(self) -> tuple[Annotation, ...]:
        """Return all annotations but those of damaged pages; see `Reader`."""
        self._objects.require_open()
        return self._beside.annotations

    def user_data(self) -> tuple[UserData, ...]:
        """Return user data but those of damaged pages; see `Reader`."""
        self._objects.require_open()
        return self._beside.user_data

    def status(self) -> Status:
        """Return what is known of the store's health, and its size as its writer told it; see `Reader`."""
        return self._health.status(closed=self.was_closed, size_bytes=self._size_bytes)

    def check(self, progress: Callable[[int, int], None] | None) -> tuple[Damage, ...]:
        """Read and verify every object; see `Reader`."""
        tracks = [self.track(name) for name, signal in self._signals.items() if signal.rate_hz]
        done, total = 0, sum(track.n_bytes for track in tracks)
        _ = self._beside.annotations, self._beside.user_data, self._beside.gaps
        for name in self._signals:
            self._check_ties(name)
        for track in tracks:
            with contextlib.suppress(CorruptError):  # its gaps cannot be told, which was noted
                for n_bytes in track.check():
                    done += n_bytes
                    if progress is not None:
                        progress(done, total)
        return self.status().damage

    def close(self) -> None:
        """Give back what is held; see `Reader`."""
        self._objects.close()
        self._tail.close()

    def _tie_chunks(self, array: str, first: int) -> Iterator[tuple[str, Chunk]]:
        """Yield the chunks of an array of ties from one of these on, with the keys of their objects."""
        facts = self._arrays[f"ties/{array}"]
        for number in range(first // facts.chunk, -(-facts.shape[0] // facts.chunk)):
            key = f"ties/{array}/{facts.key(number)}"
            yield key, self._objects.chunks(key, facts, [0], verify=True)[0]

    def _check_ties(self, name: str) -> None:
        """Read the ties of a signal, and note what is damaged of them."""
        if (array := self._signals[name].ties) is not None:
            for key, chunk in self._tie_chunks(array, self._signals[name].first_tie):
                if isinstance(chunk, Fault):
                    self._health.add(key, chunk, f"ties of {name!r} cannot be read")

    # -- arrays ------------------------------------------------------------------------------------------------------

    def track(self, name: str) -> Track:
        """Return what reads a signal that has samples."""
        if (kept := self._tracks.get(name)) is not None:
            return kept
        record = self._signals[name]
        samples = self._arrays[f"0/{record.array}"]
        levels: list[ArrayFacts] = []
        while (path := f"{len(levels) + 1}/{record.array}") in self._arrays:
            levels.append(self._arrays[path])
        skipped = partial(self._beside.skipped, name)
        made = Track(self._objects, record, samples, levels, skipped, self._health, self._tail)
        return self._tracks.setdefault(name, made)
