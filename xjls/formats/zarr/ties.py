"""Ties as they were written, in numbers: kept by the writer, and an array of the group ``ties``."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from xjls.formats.zarr.codecs import encode_chunk, padded
from xjls.formats.zarr.folder import Series
from xjls.formats.zarr.metadata import encode_array
from xjls.model.annotation import Tie

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.zarr.folder import Folder
    from xjls.model.documents import Document

CHUNK_TIES = 4096
_PAIR = struct.Struct("<qq")


class TieList:
    """The ties of one signal, in the order of the calls; it only grows.

    Examples
    --------
    >>> ties = TieList()
    >>> ties.append(Tie(sample_id=5, time_ns=10**18))
    >>> len(ties), ties.pairs().tolist()
    (1, [[5, 1000000000000000000]])
    """

    __slots__ = ("_data", "_hash")

    def __init__(self) -> None:
        self._data = bytearray()
        self._hash = hashlib.blake2b(digest_size=16)

    def append(self, tie: Tie) -> None:
        """Add a tie."""
        pair = _PAIR.pack(tie.sample_id, tie.time_ns)
        self._data += pair
        self._hash.update(pair)

    def pairs(self, start: int = 0, stop: int | None = None) -> NDArray[np.int64]:
        """Return ties [start, stop), (tie, 2): sample ids, and UTC in nanoseconds."""
        data = self._data[start * _PAIR.size : None if stop is None else stop * _PAIR.size]
        return np.frombuffer(data, "<i8").astype(np.int64).reshape(-1, 2)

    @property
    def digest(self) -> bytes:
        """What is equal for lists of the same ties, however many there are."""
        return self._hash.digest()

    def __len__(self) -> int:
        return len(self._data) // _PAIR.size

    def __iter__(self) -> Iterator[Tie]:
        return (Tie(sample_id=sample_id, time_ns=time_ns) for sample_id, time_ns in self.pairs().tolist())


class TieArray:
    """Write a list of ties: whole chunks once, the last one again when there is more of it.

    Parameters
    ----------
    folder, path
        Where to, and the array's path there.
    """

    def __init__(self, folder: Folder, path: str) -> None:
        self.path = path
        self._series = Series(folder, path, rank=2)
        self._length = 0
        """Ties that were put."""

    @property
    def n_bytes(self) -> int:
        """Bytes of all that was put."""
        return self._series.n_bytes

    def put(self, ties: TieList) -> None:
        """Write what is new of a list, always the same one."""
        while self._length < len(ties):
            number = self._length // CHUNK_TIES
            pairs = ties.pairs(number * CHUNK_TIES, (number + 1) * CHUNK_TIES)
            self._series.put(number, encode_chunk(padded(pairs, CHUNK_TIES, 0), None))
            self._length = number * CHUNK_TIES + len(pairs)

    def describe(self, dim: str) -> Document:
        """Return the array's metadata."""
        said = {"long_name": "sample ids, and UTC in nanoseconds since 1970-01-01, as they were written"}
        return encode_array(np.dtype("i8"), [self._length, 2], [dim, "pair"], said, chunk=CHUNK_TIES)
