"""From a store to a Recording: its root says what there is, chunks are read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import CorruptError, NotRecognizedError
from xjls.formats.zarr.health import Health
from xjls.formats.zarr.metadata import arrays_of, decode_root, seal
from xjls.formats.zarr.objects import Fault, Objects
from xjls.formats.zarr.opening import ROOT
from xjls.formats.zarr.places import Places
from xjls.formats.zarr.track import Track
from xjls.formats.zarr.wire import FORMAT, SEAL, decode_record
from xjls.model.annotation import Tie
from xjls.model.sample_type import dtype_of, level_dtype_of
from xjls.model.signal import Signal, Source
from xjls.storage import local_path, open_storage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.zarr.metadata import ArrayFacts
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

    def __init__(self, path: str, storage_options: Mapping[str, Any] | None = None) -> None:
        self._path = path
        self._options = storage_options
        try:
            with open_storage(f"{path}/{ROOT}", storage_options) as storage:
                root, self.token = storage.read(0, storage.size), storage.token
        except FileNotFoundError:
            if local_path(path) is None or not Path(path).is_dir():
                raise
            raise NotRecognizedError(f"Is a directory, and there is no {ROOT} in it as in a Zarr store", path) from None
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
        self._notes, self._records = record.annotations, record.user_data
        self._signals = {signal.name: signal for signal in record.signals}
        self.names = tuple(self._signals)
        self._objects = Objects(path, storage_options)
        self._health = Health()
        self._tracks: dict[str, Track] = {}

    # -- reading -----------------------------------------------------------------------------------------------------

    def describe(self, name: str) -> Signal:
        """Return a signal's facts; see `Reader`."""
        record = self._signals[name]
        source = next((one for one in self.sources if one.id == record.source), None)
        source = source or Source(id=record.source, name=f"source {record.source}")
        facts: dict[str, Any] = {
            "id": record.id, "name": name, "units": record.units, "rate_hz": record.rate_hz, "source": source,
            "stored_type": record.stored_type, "scale_factor": record.scale_factor,
        }  # fmt: skip
        if not record.rate_hz:
            return Signal(dtype=np.dtype("f4"), **facts)
        track = self._track(name)
        return Signal(
            dtype=dtype_of(record.stored_type), window=track.window, block_length=track.samples_facts.chunk,
            level_dtype=level_dtype_of(record.stored_type), level_factors=track.factors, **facts,
        )  # fmt: skip

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
        return self._track(signal.name).skipped if signal.has_samples else ()

    def ties(self, signal: Signal) -> tuple[Tie, ...]:
        """Return a signal's ties; see `Reader`."""
        array = self._signals[signal.name].ties
        if array is None:
            return ()
        facts, pairs = self._arrays[f"ties/{array}"], []
        for number in range(-(-facts.shape[0] // facts.chunk)):
            key = f"ties/{array}/{facts.key(number)}"
            (chunk,) = self._objects.chunks(key, facts, [0], verify=True)
            if isinstance(chunk, Fault):
                raise CorruptError(
                    f"ties of {signal.name!r} cannot be read: {chunk.reason}", self._objects.path(key),
                    remedy='Open it with time="seconds", which needs none.',
                )  # fmt: skip
            pairs += chunk[: facts.shape[0] - number * facts.chunk].tolist()
        return tuple(Tie(sample_id=sample_id, time_ns=time_ns) for sample_id, time_ns in pairs)

    def annotations(self) -> tuple[Annotation, ...]:
        """Return all annotations; see `Reader`."""
        return self._notes

    def user_data(self) -> tuple[UserData, ...]:
        """Return user data; see `Reader`."""
        return self._records

    def status(self) -> Status:
        """Return what is known of the store's health; see `Reader`."""
        return self._health.status(closed=self.was_closed, size_bytes=self._size_bytes)

    def check(self, progress: Callable[[int, int], None] | None) -> tuple[Damage, ...]:
        """Read and verify every object; see `Reader`."""
        tracks = [self._track(name) for name, signal in self._signals.items() if signal.rate_hz]
        arrays = [(facts.dtype.itemsize * facts.row, facts) for t in tracks for facts in (t.samples_facts, *t.levels)]
        done, total = 0, sum(width * facts.shape[0] for width, facts in arrays)
        for track in tracks:
            for n_bytes in track.check():
                done += n_bytes
                if progress is not None:
                    progress(done, total)
        return self.status().damage

    def close(self) -> None:
        """Give back what is held; see `Reader`."""
        self._objects.close()

    # -- arrays ------------------------------------------------------------------------------------------------------

    def _track(self, name: str) -> Track:
        if (kept := self._tracks.get(name)) is not None:
            return kept
        record = self._signals[name]
        samples = self._arrays[f"0/{record.array}"]
        levels: list[ArrayFacts] = []
        while (path := f"{len(levels) + 1}/{record.array}") in self._arrays:
            levels.append(self._arrays[path])
        made = Track(self._objects, name, record.array, record.first_id, samples, levels, record.skipped, self._health)
        return self._tracks.setdefault(name, made)

    @cached_property
    def _size_bytes(self) -> int:
        """Return the bytes of all objects, as of the first question."""
        local = local_path(self._path)
        if local is not None:
            return sum(path.stat().st_size for path in Path(local).rglob("*") if path.is_file())
        import fsspec

        fs, prefix = fsspec.core.url_to_fs(self._path, **(self._options or {}))
        return int(fs.du(prefix))
