"""Objects of a store, opened on first use, and their chunks: checked once, used where they lie or kept for a while."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from xjls.errors import TruncatedError
from xjls.formats.zarr.codecs import NOWHERE, decode_chunk, decode_index, index_bytes
from xjls.storage import local_path, open_storage
from xjls.storage.local import closed_error

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.zarr.metadata import ArrayFacts
    from xjls.storage import Storage

KEEP_OBJECTS = 64
"""Objects that are kept open: each is a file."""
KEEP_BYTES = 1 << 26
"""Of chunks that were decompressed, or fetched."""
NO_OBJECT = "there is no such object"
NO_CHUNK = "its chunk was never written"


class Fault(NamedTuple):
    """Why a chunk gave nothing."""

    reason: str
    offset: int = 0
    """First byte that is damaged, of the object."""
    stop: int = 0
    whole: bool = False
    """Whether none of the object's chunks can be read."""


Chunk: TypeAlias = "NDArray[Any] | Fault"
"""A chunk's values, or why there are none."""


@dataclass(slots=True, eq=False)
class _Opened:
    """An object that was found."""

    storage: Storage
    places: NDArray[np.int64]
    """Where each chunk begins, and how long it is; -1 for one that is not there."""
    verified: NDArray[np.bool_]
    """Which chunks were found to be intact."""


class Objects:
    """Read chunks of a store's arrays, from any thread.

    Parameters
    ----------
    root, storage_options
        Where the store is.
    """

    def __init__(self, root: str, storage_options: Mapping[str, Any] | None) -> None:
        self.root = root
        self.is_local = local_path(root) is not None
        self._options = storage_options
        self._opened: OrderedDict[str, _Opened | Fault] = OrderedDict()
        self._kept: OrderedDict[tuple[str, int], NDArray[Any]] = OrderedDict()
        self._kept_bytes = 0
        self._lock = threading.RLock()
        self._closed = False

    def path(self, key: str) -> str:
        """Return where an object is."""
        return f"{self.root}/{key}"

    def chunks(self, key: str, facts: ArrayFacts, numbers: Sequence[int], *, verify: bool) -> list[Chunk]:
        """Return chunks of an object, each with as many positions as a chunk has, or why there is none.

        They are not to be written to.

        Parameters
        ----------
        key, facts
            The object, and the array that it belongs to.
        numbers
            Of the chunks in it, rising.
        verify
            Whether to check the checksums of those that were not found to be intact before.
        """
        self.require_open()
        opened = self._object(key, facts)
        if isinstance(opened, Fault):
            return [opened] * len(numbers)
        found: dict[int, Chunk | None] = {number: self._kept_chunk(key, number) for number in numbers}
        wanted = [number for number, kept in found.items() if kept is None and opened.places[number, 0] >= 0]
        if wanted:
            found.update(self._read(key, facts, opened, wanted, verify=verify))
        return [Fault(NO_CHUNK) if (chunk := found[number]) is None else chunk for number in numbers]

    def forget(self) -> None:
        """Open objects anew from now on: they may have been replaced by others with more in them."""
        with self._lock:
            self._opened.clear()
            self._kept.clear()
            self._kept_bytes = 0

    def require_open(self) -> None:
        """Raise ValueError after closing."""
        if self._closed:
            raise closed_error(self.root)

    def close(self) -> None:
        """Give back what is held, and refuse further reads."""
        self._closed = True
        with self._lock:
            self._opened.clear()
            self._kept.clear()

    def _object(self, key: str, facts: ArrayFacts) -> _Opened | Fault:
        with self._lock:
            if (known := self._opened.get(key)) is not None:
                self._opened.move_to_end(key)
                return known
        found = self._open(key, facts)
        with self._lock:
            self._opened[key] = found
            while len(self._opened) > KEEP_OBJECTS:
                self._opened.popitem(last=False)
        return found

    def _open(self, key: str, facts: ArrayFacts) -> _Opened | Fault:
        try:
            storage = open_storage(self.path(key), self._options)
        except FileNotFoundError:
            return Fault(NO_OBJECT, whole=True)
        if not facts.sharded:
            places = np.array([[0, storage.size]], np.int64)
            return _Opened(storage, places, np.zeros(1, np.bool_))
        n_chunks = facts.shard // facts.chunk
        length = index_bytes(n_chunks)
        try:
            index = decode_index(storage.read(max(storage.size - length, 0), length))
        except ValueError as error:
            return Fault(str(error), max(storage.size - length, 0), storage.size, whole=True)
        places = np.where(index == NOWHERE, np.uint64(2**63), index).view(np.int64)
        if len(places) != n_chunks or (places[:, 0] + places[:, 1] > storage.size).any():
            return Fault("its index is of another object", max(storage.size - length, 0), storage.size, whole=True)
        return _Opened(storage, places, np.zeros(n_chunks, np.bool_))

    def _read(
        self, key: str, facts: ArrayFacts, opened: _Opened, numbers: list[int], *, verify: bool
    ) -> dict[int, Chunk]:
        """Read chunks that are there, those of a remote object together."""
        offsets, lengths = opened.places[numbers, 0], opened.places[numbers, 1]
        try:
            buffer, places = opened.storage.spans(offsets, int(lengths.max()))
        except (ValueError, TruncatedError) as error:
            self.require_open()
            return {
                number: Fault(str(error), offset, offset + length)
                for number, offset, length in zip(numbers, offsets.tolist(), lengths.tolist(), strict=True)
            }
        found: dict[int, Chunk] = {}
        for number, place, length, offset in zip(numbers, places.tolist(), lengths.tolist(), offsets, strict=True):
            data = buffer[place : place + length]
            try:
                values = decode_chunk(data, facts.dtype, facts.codec, verify=verify and not opened.verified[number])
                values = values.reshape(facts.chunk, facts.row)
            except (ValueError, RuntimeError) as error:
                found[number] = Fault(str(error), int(offset), int(offset) + length)
                continue
            opened.verified[number] |= verify
            found[number] = values
            if facts.codec or not self.is_local:
                self._keep((key, number), values)
        return found

    def _kept_chunk(self, key: str, number: int) -> NDArray[Any] | None:
        with self._lock:
            if (kept := self._kept.get((key, number))) is not None:
                self._kept.move_to_end((key, number))
            return kept

    def _keep(self, which: tuple[str, int], values: NDArray[Any]) -> None:
        with self._lock:
            if which not in self._kept:
                self._kept[which] = values
                self._kept_bytes += values.nbytes
            while self._kept_bytes > KEEP_BYTES and len(self._kept) > 1:
                self._kept_bytes -= self._kept.popitem(last=False)[1].nbytes
