"""Bring spans of a mapped file into memory before a kernel walks over them.

Touching a cold mapping page by page is the slowest way to read a disk (half of ``read()``); populating a resident one
is pure loss when the page cache holds it in small folios. So one ``mincore`` looks, and only what is cold is populated,
16 MiB at a time, which also leaves large folios behind.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPAN_BYTES = 16 << 20
"""A step of populating: long enough for the disk to stream, short enough to stay in cache until it is copied."""
SMALL_BYTES = 1 << 18
"""Below this a look costs more than the faults that it could save."""
MADV_POPULATE_READ = 22
"""Linux ≥ 5.14; older kernels answer EINVAL and the kernel's own faults do the work."""


def make_resident(buffer: NDArray[np.uint8], start: int, stop: int) -> None:
    """Populate the cold 16 MiB spans of ``buffer[start:stop]``, a mapped file; return at once where that cannot be."""
    if stop - start < SMALL_BYTES or (call := _system_calls()) is None:
        return
    mincore, madvise = call
    page = mmap.PAGESIZE
    base = buffer.ctypes.data
    lo, hi = base + start // page * page, base + min(stop, buffer.size)
    for span in range(lo, hi, SPAN_BYTES):
        length = min(SPAN_BYTES, hi - span)
        present = np.empty(-(-length // page), np.uint8)
        if mincore(span, length, present.ctypes.data) != 0:
            return
        if not (present & 1).all():
            madvise(span, length, MADV_POPULATE_READ)


def resident_fraction(buffer: NDArray[np.uint8]) -> float:
    """Return the share of a mapped file's pages that memory holds, 0 to 1; NaN where the system cannot tell."""
    if (call := _system_calls()) is None:
        return float("nan")
    present = np.empty(-(-buffer.size // mmap.PAGESIZE), np.uint8)
    if call[0](buffer.ctypes.data, buffer.size, present.ctypes.data) != 0:
        return float("nan")
    return float((present & 1).mean())


@functools.cache
def _system_calls() -> tuple[Callable[..., int], Callable[..., int]] | None:
    """Return libc's mincore and madvise by address, or None off Linux."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    mincore, madvise = libc.mincore, libc.madvise
    mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return mincore, madvise
