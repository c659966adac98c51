"""Result memory that is used again.

A fresh array of 32 MiB or more is zeroed page by page by the operating system every time, which halves the speed of a
large read. Large results therefore come from slabs that return to a small pool when the last array over them is gone.
"""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

FROM_BYTES = 32 << 20
"""Smaller arrays are recycled by malloc already."""
KEEP_BYTES = 256 << 20
"""Free memory that the pool holds at most."""


class _Slab:
    """Lend one raw array; give it back to the pool when the last view of it dies."""

    __slots__ = ("__array_interface__", "_pool", "_raw")

    def __init__(self, pool: Pool, raw: NDArray[np.uint8], n_bytes: int) -> None:
        self._pool = pool
        self._raw = raw
        self.__array_interface__ = {
            "shape": (n_bytes,),
            "typestr": "|u1",
            "data": (raw.ctypes.data, False),
            "version": 3,
        }

    def __del__(self) -> None:
        self._pool._take_back(self._raw)


class Pool:
    """Keep free slabs, at most ``keep_bytes`` of them.

    Examples
    --------
    >>> pool = Pool()
    >>> a = pool.empty(10_000_000, np.dtype("f4")); address = a.ctypes.data
    >>> del a
    >>> pool.empty(9_000_000, np.dtype("f4")).ctypes.data == address
    True
    """

    def __init__(self, keep_bytes: int = KEEP_BYTES) -> None:
        self._free: list[NDArray[np.uint8]] = []
        self._keep_bytes = keep_bytes
        # Re-entrant: a garbage collection inside the locked region may end a slab on the same thread
        self._lock = threading.RLock()

    def empty(self, length: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return an uninitialised array of one dimension, like ``np.empty``."""
        n_bytes = dtype.itemsize * length
        if n_bytes < FROM_BYTES:
            return np.empty(length, dtype)
        return np.asarray(_Slab(self, self._lend(n_bytes), n_bytes)).view(dtype)

    def _lend(self, n_bytes: int) -> NDArray[np.uint8]:
        with self._lock:
            # A slab up to twice as long will do: more would waste memory that the caller may hold for long
            fitting = [raw for raw in self._free if n_bytes <= raw.size <= 2 * n_bytes]
            if fitting:
                best = min(fitting, key=lambda raw: raw.size)
                self._free = [raw for raw in self._free if raw is not best]
                return best
        return np.empty(-(-n_bytes // (1 << 20)) << 20, np.uint8)

    def _take_back(self, raw: NDArray[np.uint8]) -> None:
        with self._lock:
            self._free.append(raw)
            while sum(free.size for free in self._free) > self._keep_bytes:
                self._free.pop(0)


pool = Pool()
"""The one pool of the process."""


def array_to_fill(
    out: NDArray[Any] | None, length: int, dtype: np.dtype[Any], sample_shape: tuple[int, ...] = ()
) -> NDArray[Any]:
    """Return what a read fills, [time, *sample_shape]: the caller's array where it is fit for that, else a new one.

    Raises ValueError where ``out`` is of another type or shape, not contiguous or read-only.
    """
    shape = (length, *sample_shape)
    if out is None:
        made = pool.empty(math.prod(shape), dtype)
        return made.reshape(shape) if sample_shape else made
    if out.shape != shape or out.dtype != dtype or not out.flags.c_contiguous or not out.flags.writeable:
        raise ValueError(
            f"out is {out.dtype}{list(out.shape)}, needed is a writable, contiguous {dtype}{list(shape)}. "
            f"Make it with np.empty({shape if sample_shape else length}, {dtype.name!r})"
        )
    return out
