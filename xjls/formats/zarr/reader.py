"""From a store to a Recording: its root says what there is, chunks are read when they are asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import CorruptError, NotRecognizedError
from xjls.formats.zarr.health import Health
from xjls.formats.zarr.metadata import arrays_of, decode_root, seal
from xjls.formats.zarr.objects import Fault, Objects
from xjls.formats.zarr.opening import ROOT
from xjls.formats.zarr.pages import Pages
from xjls.formats.zarr.places import Places
from xjls.formats.zarr.track import Track
from xjls.formats.zarr.wire import FORMAT, SEAL, decode_record
from xjls.model.annotation import Tie
from xjls.model.documents import decode_annotation, decode_gap, decode_user_data
from xjls.model.facts import with_facts
from xjls.model.sample_type import dtype_of, level_dtype_of
from xjls.model.signal import Signal, Source
from xjls.storage import local_path, open_storage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.zarr.metadata import ArrayFacts
    from xjls.formats.zarr.objects import Chunk
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
        self._options = storage_options
        try:
            with open_storage(f"{path}/{ROOT}", storage_options) as storage:
                root, self.token = storage.read(0, storage.size), storage.token
        except FileNotFoundError:
            if local_path(path) is None or not Path(path).is_dir():
                raise
            raise NotRecognizedError(
                f"Is a directory, and there is no {ROOT} in it as in a Zarr store", path,
                remedy="Open a file in it, or a store; one is none before its writer has flushed or closed it.",
            ) from None  # fmt: skip
        told, members = decode_root(root, path)
        record = decode_record(told, path)
        self._arrays = arrays_of(told, members, path)
        if seal(told, self._arrays) != told.get(SEAL):
            raise CorruptError(
                "the checksum of its root differs: what it says of the recording has been changed", path,
                remedy='Samples and levels can be read with xr.open_datatree(path, engine="zarr").',
            )  # fmt: skip
        self.was_closed = record.closed
        self.sources = record.sources
        self._size_bytes = len(root) + record.size_bytes
        self._signals = {signal.name: signal for signal in record.signals}
        self.names = tuple(self._signals)
        self._objects = Objects(path, storage_options)
        self._health = Health()
        self._pages = Pages(path, storage_options, record, self._health)
        self._tracks: dict[str, Track] = {}

    # -- reading -----------------------------------------------------------------------------------------------------

    def describe(self, name: str) -> Signal:
        """Return a signal's facts; see `Reader`."""
        record = self._signals[name]
        source = next((one for one in self.sources if one.id == record.source), None)
        source = source or Source(id=record.source, name=f"source {record.source}")
        facts: dict[str, Any] = {
            "id": record.id, "name": name, "units": record.units, "rate_hz": record.rate_hz, "source": source,
            "stored_type": record.stored_type,
        }  # fmt: skip
        if not record.rate_hz:
            return with_facts(Signal(dtype=np.dtype("f4"), **facts), record.facts)
        track = self._track(name)
        signal = Signal(
            dtype=dtype_of(record.stored_type), window=track.window, block_length=track.samples_facts.chunk,
            level_dtype=level_dtype_of(record.stored_type), level_factors=track.factors, **facts,
        )  # fmt: skip
        return with_facts(signal, record.facts)

    def read(
        self, signal: Signal, window: Window, out: NDArray[Any] | None, on_damage: OnDamage, verify: bool
    ) -> tuple[NDArray[Any], tuple[Gap, ...]]:
        """Read samples; see `Reader`."""
        if not signal.has_samples:
            return np.empty(0, signal.dtype) if out is None else out, ()
        return self._track(signal.name).read(window, out, on_damage, verify)

    def read_level(
        self, signal: Signal, level: Level, entries: Window, on_damage: OnDamage, verify: bool
    ) -> NDArray[Any]:
        """Read entries of a level; see `Reader`."""
        return self._track(signal.name).read_level(level.index, entries, on_damage, verify)

    def places(self, signal: Signal, verify: bool) -> Places:
        """Return where a signal's blocks are: they are read; see `Reader`."""
        return Places(self._track(signal.name), self._objects, verify)

    def gaps(self, signal: Signal) -> tuple[Gap, ...]:
        """Return what nobody delivered: more is not known without reading; see `Reader`."""
        return self.skipped(signal)

    def skipped(self, signal: Signal) -> tuple[Gap, ...]:
        """Return the gaps that the writer recorded; see `Reader`."""
        return tuple(self._track(signal.name).skipped) if signal.has_samples else ()

    def ties(self, signal: Signal) -> tuple[Tie, ...]:
        """Return a signal's ties; see `Reader`."""
        array = self._signals[signal.name].ties
        if array is None:
            return ()
        pairs: list[list[int]] = []
        for key, chunk in self._tie_chunks(array):
            if isinstance(chunk, Fault):
                raise CorruptError(
                    f"ties of {signal.name!r} cannot be read: {chunk.reason}", self._objects.path(key),
                    remedy='Open it with time="seconds", which needs none.',
                )  # fmt: skip
            pairs += chunk.tolist()
        length = self._arrays[f"ties/{array}"].shape[0]
        return tuple(Tie(sample_id=sample_id, time_ns=time_ns) for sample_id, time_ns in pairs[:length])

    def annotations(self) -> tuple[Annotation, ...]:
        """Return all annotations but those of damaged pages; see `Reader`."""
        self._objects.require_open()
        return self._annotations

    def user_data(self) -> tuple[UserData, ...]:
        """Return user data but those of damaged pages; see `Reader`."""
        self._objects.require_open()
        return self._user_data

    def status(self) -> Status:
        """Return what is known of the store's health, and its size as its writer told it; see `Reader`."""
        return self._health.status(closed=self.was_closed, size_bytes=self._size_bytes)

    def check(self, progress: Callable[[int, int], None] | None) -> tuple[Damage, ...]:
        """Read and verify every object; see `Reader`."""
        tracks = [self._track(name) for name, signal in self._signals.items() if signal.rate_hz]
        arrays = [(facts.dtype.itemsize * facts.row, facts) for t in tracks for facts in (t.samples_facts, *t.levels)]
        done, total = 0, sum(width * facts.shape[0] for width, facts in arrays)
        _ = self._annotations, self._user_data, self._gaps
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

    def _tie_chunks(self, array: str) -> Iterator[tuple[str, Chunk]]:
        """Yield the chunks of an array of ties, with the keys of their objects."""
        facts = self._arrays[f"ties/{array}"]
        for number in range(-(-facts.shape[0] // facts.chunk)):
            key = f"ties/{array}/{facts.key(number)}"
            yield key, self._objects.chunks(key, facts, [0], verify=True)[0]

    def _check_ties(self, name: str) -> None:
        """Read the ties of a signal, and note what is damaged of them."""
        if (array := self._signals[name].ties) is not None:
            for key, chunk in self._tie_chunks(array):
                if isinstance(chunk, Fault):
                    self._health.add(key, chunk, f"ties of {name!r} cannot be read")

    # -- arrays ------------------------------------------------------------------------------------------------------

    def _track(self, name: str) -> Track:
        if (kept := self._tracks.get(name)) is not None:
            return kept
        record = self._signals[name]
        samples = self._arrays[f"0/{record.array}"]
        levels: list[ArrayFacts] = []
        while (path := f"{len(levels) + 1}/{record.array}") in self._arrays:
            levels.append(self._arrays[path])
        skipped = partial(self._skipped, name)
        made = Track(
            self._objects, name, record.array, record.first_id, samples, levels, skipped, self._health,
            record.facts.get("missing_value"),
        )  # fmt: skip
        return self._tracks.setdefault(name, made)

    # -- records -----------------------------------------------------------------------------------------------------

    @cached_property
    def _annotations(self) -> tuple[Annotation, ...]:
        numbers = {"": -1} | {name: i for i, name in enumerate(self.names)}
        notes = self._pages.read("annotations", decode_annotation)
        return tuple(sorted(notes, key=lambda note: numbers.get(note.signal, len(numbers))))

    @cached_property
    def _user_data(self) -> tuple[UserData, ...]:
        return tuple(self._pages.read("user_data", decode_user_data))

    @cached_property
    def _gaps(self) -> dict[str, list[Gap]]:
        found: dict[str, list[Gap]] = {name: [] for name in self.names}
        for name, gap in self._pages.read("gaps", decode_gap):
            found.setdefault(name, []).append(gap)
        return found

    def _skipped(self, name: str) -> list[Gap]:
        """Return the gaps of a signal; raise where some are not known: their filling would pass for samples."""
        gaps = self._gaps[name]
        self._pages.require("gaps")
        return gaps
