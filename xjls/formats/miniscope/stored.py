"""The bytes of a stored stream, by slices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.storage import Storage

__all__ = ["StoredBytes"]


class StoredBytes:
    """Fulfil `xjls.formats.miniscope.buffers.ByteSource` over a local file or a remote object.

    Parameters
    ----------
    storage
        Stays open for as long as slices are taken; those of a local file stay what they are.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def __len__(self) -> int:
        """Return how many there are."""
        return self._storage.size

    def __getitem__(self, place: slice, /) -> NDArray[np.uint8]:
        """Return some of them, u8[byte]."""
        start, stop, _ = place.indices(len(self))
        if start >= stop:
            return np.empty(0, np.uint8)
        buffer, places = self._storage.spans(np.array([start], np.int64), stop - start)
        at = int(places[0])
        return buffer[at : at + stop - start]
