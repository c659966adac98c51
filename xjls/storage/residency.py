"""Bring spans of a mapped file into memory before a kernel walks over them.

Touching a cold mapping page by page is the slowest way to read a disk (half of ``read()``); populating a resident one
is pure loss when the page cache holds it in small folios. So the page cache is asked, and only what is cold is
populated, which also leaves large folios behind.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPAN_BYTES = 16 << 20
"""What is remembered at a time."""
SMALL_BYTES = 1 << 18
"""Below this a look costs more than the faults that it could save."""
REMEMBER_S = 1.0
"""How long a span that was seen in memory is taken to be there; a wrong belief costs the ordinary page faults."""
MADV_POPULATE_READ = 22
"""Linux ≥ 5.14; older kernels answer EINVAL and the kernel's own faults do the work."""
SYS_CACHESTAT = 451
"""Linux ≥ 6.5, the same number on all its architectures: counts resident pages a folio at a time."""


class Descriptor(Protocol):
    """What keeps a file open."""

    number: int


class Residency:
    """Know which spans of one mapped file are in memory, and bring others there.

    Parameters
    ----------
    descriptor
        Holds the open file's ``number``.
    mapping
        The whole file as uint8.
    """

    def __init__(self, descriptor: Descriptor, mapping: NDArray[np.uint8]) -> None:
        self._descriptor = descriptor
        self._base = mapping.ctypes.data
        self._size = mapping.size
        self._seen: dict[int, float] = {}
        """Number of a 16 MiB span → when it was last known to be in memory."""
        self._streamed = (0, 0, -REMEMBER_S)
        """Bytes that were populated last, grown by each populate that goes on from them, and when."""

    def ensure(self, start: int, stop: int) -> None:
        """Populate bytes ``[start, stop)`` as far as they are not in memory; return at once where that cannot be."""
        stop = min(stop, self._size)
        if stop - start < SMALL_BYTES or (calls := _system_calls()) is None:
            return
        now = time.monotonic()
        spans = range(start // SPAN_BYTES, (stop - 1) // SPAN_BYTES + 1)
        if all(now - self._seen.get(span, -REMEMBER_S) < REMEMBER_S for span in spans):
            return
        begin, end, when = self._streamed
        streaming = begin <= start <= end and now - when < REMEMBER_S
        if streaming and stop <= end:
            return
        lo = (end if streaming else start) // mmap.PAGESIZE * mmap.PAGESIZE
        if calls.missing_pages(self._descriptor.number, self._base + lo, lo, stop - lo):
            # In one call: pages that are still being read count as present, so that asking span by span would wait
            # for the disk's own read-ahead and request nothing beyond it
            calls.madvise(self._base + lo, stop - lo, MADV_POPULATE_READ)
            self._streamed = (begin if streaming else start, stop, now)
        else:
            self._seen.update(dict.fromkeys(spans, now))


def resident_fraction(path: str) -> float:
    """Return the share of a file's pages that memory holds, 0 to 1; NaN where it is empty or the system cannot tell."""
    with Path(path).open("rb") as file:
        size = file.seek(0, 2)
        if (calls := _system_calls()) is None or not size:
            return float("nan")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            view = np.frombuffer(mapped, np.uint8)
            missing = calls.missing_pages(file.fileno(), view.ctypes.data, 0, size)
            del view
    return 1 - missing / -(-size // mmap.PAGESIZE)


class _SystemCalls:
    """Linux's calls about memory, by address."""

    def __init__(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._syscall = libc.syscall
        self._syscall.restype = ctypes.c_long
        self._mincore = libc.mincore
        self._mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
        self.madvise: Callable[[int, int, int], int] = libc.madvise
        libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        self._has_cachestat = True

    def missing_pages(self, fd: int, address: int, offset: int, length: int) -> int:
        """Return how many pages of a span memory does not hold; 0 when the system does not tell."""
        pages = -(-length // mmap.PAGESIZE)
        if self._has_cachestat:
            span, found = (ctypes.c_uint64 * 2)(offset, length), (ctypes.c_uint64 * 5)()
            if self._syscall(SYS_CACHESTAT, fd, ctypes.byref(span), ctypes.byref(found), 0) == 0:
                return pages - int(found[0])
            self._has_cachestat = False
        present = np.empty(pages, np.uint8)
        if self._mincore(address, length, present.ctypes.data) != 0:
            return 0
        return pages - int(np.count_nonzero(present & 1))


@functools.cache
def _system_calls() -> _SystemCalls | None:
    """Return the calls, or None off Linux."""
    return _SystemCalls() if sys.platform == "linux" else None
