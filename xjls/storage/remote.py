"""A remote object, read in byte ranges through fsspec.

Every request costs a round trip, whatever its size: small records come from blocks that are kept, and the ranges of one
bulk read are fetched together, near neighbours in one request.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import fsspec
import numpy as np

from xjls.errors import SelectionError, TruncatedError
from xjls.storage.local import closed_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

BLOCK_BYTES = 1 << 17
"""Small records are read in aligned blocks of this size."""
KEEP_BLOCKS = 128
"""Blocks kept: 16 MiB an object at most."""
MERGE_BYTES = 1 << 18
"""Ranges closer than this are one request: the bytes between cost less than a round trip."""


def file_system_of(url: str, storage_options: Mapping[str, Any] | None = None) -> tuple[Any, str]:
    """Return fsspec's file system for an address, and what it calls that.

    Raises
    ------
    SelectionError
        Nothing is known that reads such addresses.
    """
    try:
        fs, key = fsspec.core.url_to_fs(url, **(storage_options or {}))
    except ValueError as error:
        raise SelectionError(
            f"{url} cannot be reached: {error}", "Is it written as in s3://bucket/run.zarr?"
        ) from error
    return fs, key


class RemoteObject:
    """Read an object that fsspec can reach (``s3://…``, ``https://…``, ``memory://…``) at any offset, from any thread.

    Parameters
    ----------
    url
        Anything ``fsspec.core.url_to_fs`` takes.
    storage_options
        Passed to the file system: credentials, endpoint, and so on.
    """

    is_local = False

    def __init__(self, url: str, storage_options: Mapping[str, Any] | None = None) -> None:
        self.path = url
        self._fs, self._key = file_system_of(url, storage_options)
        info = self._fs.info(self._key)
        self.size: int = int(info["size"])
        """Bytes, as of opening."""
        stamp = next((str(info[k]) for k in ("ETag", "etag", "mtime", "LastModified", "created") if k in info), "")
        self.token: tuple[object, ...] = (url, self.size, stamp)
        """What tells this content from another: address, size in bytes, and the server's tag or date."""
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._closed = False

    def read(self, offset: int, length: int) -> bytes:
        """Read up to ``length`` bytes from ``offset``; fewer where the object ends."""
        stop = min(offset + length, self.size)
        if offset < 0 or offset >= stop:
            return b""
        first, last = offset // BLOCK_BYTES, (stop - 1) // BLOCK_BYTES
        if last - first > 8:
            return self._fetch([offset], [stop])[0]
        joined = b"".join(self._block(i) for i in range(first, last + 1))
        return joined[offset - first * BLOCK_BYTES : stop - first * BLOCK_BYTES]

    def spans(self, starts: NDArray[np.int64], n_bytes: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Fetch byte ranges, near neighbours together; see `LocalFile.spans`.

        Ranges outside the object become positions at which a kernel finds nothing.
        """
        stops = np.minimum(starts + n_bytes, self.size)
        order = np.flatnonzero((starts >= 0) & (starts < stops))
        order = order[np.argsort(starts[order], kind="stable")]
        positions = np.full(len(starts), -1, np.int64)
        if not len(order):
            return np.empty(0, np.uint8), positions
        lo, hi = starts[order], np.maximum.accumulate(stops[order])
        group = np.concatenate([[0], np.cumsum(lo[1:] > hi[:-1] + MERGE_BYTES)])
        heads = np.flatnonzero(np.diff(group, prepend=-1))
        begin, end = lo[heads], np.maximum.reduceat(hi, heads)
        parts = self._fetch(begin.tolist(), end.tolist())
        base = np.concatenate([[0], np.cumsum(end - begin)])[:-1]
        positions[order] = base[group] + lo - begin[group]
        return np.frombuffer(b"".join(parts), np.uint8), positions

    def prepare(self, start: int, stop: int) -> None:
        """Do nothing: what a bulk read needs is fetched by its ranges."""

    def hold(self) -> object:
        """Return nothing that must be kept: what `spans` returns is the caller's own. Raise once it is closed."""
        if self._closed:
            raise closed_error(self.path)
        return None

    def has_grown(self) -> bool:
        """Return False: an object is replaced as a whole."""
        return False

    def close(self) -> None:
        """Forget the kept blocks, and refuse further reads; file systems of fsspec hold no handle to give back."""
        self._closed = True
        self._blocks.clear()

    def __enter__(self) -> RemoteObject:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _block(self, index: int) -> bytes:
        with self._lock:
            if (block := self._blocks.get(index)) is not None:
                self._blocks.move_to_end(index)
                return block
        block = self._fetch([index * BLOCK_BYTES], [min((index + 1) * BLOCK_BYTES, self.size)])[0]
        with self._lock:
            self._blocks[index] = block
            while len(self._blocks) > KEEP_BLOCKS:
                self._blocks.popitem(last=False)
        return block

    def _fetch(self, begin: list[int], end: list[int]) -> list[bytes]:
        if self._closed:
            raise closed_error(self.path)
        parts: list[bytes] = self._fs.cat_ranges([self._key] * len(begin), begin, end, on_error="raise")
        for part, lo, hi in zip(parts, begin, end, strict=True):
            if len(part) != hi - lo:
                raise TruncatedError(
                    f"asked for {hi - lo:_} bytes, got {len(part):_}",
                    self.path,
                    lo,
                    "Has the object changed? Open it again.",
                )
        return parts
