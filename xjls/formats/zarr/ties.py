"""Ties as they were written, in numbers: kept by the writer, and an array of the group ``ties``."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from xjls.formats.zarr.codecs import encode_chunk, padded
from xjls.formats.zarr.metadata import encode_array
from xjls.formats.zarr.series import RollingSeries, Series
from xjls.model.annotation import Tie

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.zarr.folder import Folder
    from xjls.model.documents import Document

CHUNK_TIES = 4096
TIES_BESIDE = 64
"""Ties that stand beside the array, at most, of a store that grows: a chunk is not put again for each."""
_TELLING = 3
"""Ties before a sample that tell its time, whatever comes."""
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

    __slots__ = ("_data", "_hash", "first")

    def __init__(self, ties: Iterable[Tie] = (), first: int = 0) -> None:
        self._data = bytearray()
        self._hash = hashlib.blake2b(digest_size=16)
        self.first = first
        """Position of the first tie that is kept; those before it are counted only."""
        for tie in ties:
            self.append(tie)

    def append(self, tie: Tie) -> None:
        """Add a tie."""
        pair = _PAIR.pack(tie.sample_id, tie.time_ns)
        self._data += pair
        self._hash.update(pair)

    def pairs(self, start: int = 0, stop: int | None = None) -> NDArray[np.int64]:
        """Return ties [start, stop), (tie, 2): sample ids, and UTC in nanoseconds; of those that are kept."""
        begin, end = (None if at is None else max(at - self.first, 0) * _PAIR.size for at in (start, stop))
        return np.frombuffer(self._data[begin:end], "<i8").astype(np.int64).reshape(-1, 2)

    def forget(self, sample_id: int) -> None:
        """Let go of whole chunks of ties before a sample; some that tell its time stay."""
        is_later = self.pairs()[:, 0] >= sample_id
        before = int(is_later.argmax()) if is_later.any() else len(is_later)
        first = max((self.first + before - _TELLING) // CHUNK_TIES * CHUNK_TIES, self.first)
        del self._data[: (first - self.first) * _PAIR.size]
        self.first = first

    @property
    def digest(self) -> bytes:
        """What is equal for lists of the same ties, however many there are."""
        return self._hash.digest()

    def __len__(self) -> int:
        return self.first + len(self._data) // _PAIR.size

    def __iter__(self) -> Iterator[Tie]:
        return (Tie(sample_id=sample_id, time_ns=time_ns) for sample_id, time_ns in self.pairs().tolist())


class TieArray:
    """Write a list of ties: whole chunks once, the last one again when there is more of it.

    Parameters
    ----------
    folder, path
        Where to, and the array's path there.
    rolling
        Whether the first chunks are removed after a while.
    """

    def __init__(self, folder: Folder, path: str, *, rolling: bool = False) -> None:
        self.path = path
        self._series = (RollingSeries if rolling else Series)(folder, path, rank=2)
        self._length = 0
        """Ties that were put."""

    @property
    def n_bytes(self) -> int:
        """Bytes of all that was put."""
        return self._series.n_bytes

    def put(self, ties: TieList, *, but: int = 0) -> None:
        """Write what is new of a list, always the same one; nothing where that are at most ``but`` ties."""
        self._length = max(self._length, ties.first)
        if len(ties) - self._length <= but:
            return
        while self._length < len(ties):
            number = self._length // CHUNK_TIES
            pairs = ties.pairs(number * CHUNK_TIES, (number + 1) * CHUNK_TIES)
            self._series.put(number, encode_chunk(padded(pairs, CHUNK_TIES, 0), None))
            self._length = number * CHUNK_TIES + len(pairs)

    def rest(self, ties: TieList) -> list[list[int]]:
        """Return the ties of a list that were not put."""
        return [[sample_id, time_ns] for sample_id, time_ns in ties.pairs(self._length).tolist()]

    def resume(self, first: int, length: int) -> None:
        """Go on behind ties [first, length) that are there."""
        self._length = length
        self._series.resume(first // CHUNK_TIES, -(-length // CHUNK_TIES))

    def remove(self, first: int) -> None:
        """Remove the chunks before a tie."""
        if isinstance(self._series, RollingSeries):
            self._series.remove_before(first // CHUNK_TIES)

    def describe(self, dim: str) -> Document:
        """Return the array's metadata."""
        said = {"long_name": "sample ids, and UTC in nanoseconds since 1970-01-01, as they were written"}
        return encode_array(np.dtype("i8"), [self._length, 2], [dim, "pair"], said, chunk=CHUNK_TIES)
