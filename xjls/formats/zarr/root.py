"""The root of a store, read and checked: what there is, and how its arrays are cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xjls.errors import CorruptError, NotRecognizedError
from xjls.formats.zarr.metadata import arrays_of, decode_root, seal
from xjls.formats.zarr.opening import ROOT
from xjls.formats.zarr.wire import SEAL, decode_record
from xjls.storage import local_path, open_storage

if TYPE_CHECKING:
    from xjls.formats.zarr.metadata import ArrayFacts
    from xjls.formats.zarr.wire import Record, SignalRecord
    from xjls.model.documents import Document


@dataclass(frozen=True, slots=True)
class Root:
    """What a root says."""

    record: Record
    arrays: Mapping[str, ArrayFacts]
    """Those that a recording is read from, by their paths."""
    members: Mapping[str, Document]
    """The metadata of all groups and arrays, by their paths."""
    token: tuple[object, ...]
    """What tells it from another one."""
    n_bytes: int


def read_root(path: str, storage_options: Mapping[str, Any] | None) -> Root:
    """Read the root of a store.

    Raises
    ------
    FileNotFoundError
        There is nothing.
    NotRecognizedError, UnsupportedError, CorruptError
        It is no Zarr store, or plain Zarr; of another layout; or its root is damaged.
    """
    try:
        with open_storage(f"{path}/{ROOT}", storage_options) as storage:
            data, token = storage.read(0, storage.size), storage.token
    except FileNotFoundError:
        if local_path(path) is None or not Path(path).is_dir():
            raise
        raise NotRecognizedError(
            f"Is a directory, and there is no {ROOT} in it as in a Zarr store", path,
            remedy="Open a file in it, or a store; one is none before its writer has flushed or closed it.",
        ) from None  # fmt: skip
    told, members = decode_root(data, path)
    record = decode_record(told, path)
    arrays = arrays_of(told, members, path)
    if (found := seal(told, arrays)) != told.get(SEAL):
        raise CorruptError(
            "the checksum of its root differs: what it says of the recording has been changed", path,
            remedy='Samples and levels can be read with xr.open_datatree(path, engine="zarr").',
        )  # fmt: skip
    arrays |= {path: _with_all(arrays[path], one) for path, one in _of_samples(record) if one.stored is not None}
    # Roots that are put within one tick of the clock may be of one length
    return Root(record, arrays, members, (*token, found), len(data))


def _of_samples(record: Record) -> Iterator[tuple[str, SignalRecord]]:
    return ((f"0/{one.array}", one) for one in record.signals if one.rate_hz)


def _with_all(facts: ArrayFacts, record: SignalRecord) -> ArrayFacts:
    """Return what is known of an array with all that shards have: others see as much as all on its axis have."""
    return replace(facts, shape=(record.stored or 0, *facts.shape[1:]))
