"""What of a file is in memory: dropped, filled by reading, and proved to be so.

A mapping that lives pins the pages it has touched, so everything that maps a file must be closed before it is dropped;
and a machine short of memory, or one that reclaims early, takes pages away at any time. Hence the proofs.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from pathlib import Path

import numpy as np

STEP = 1 << 24


def resident(path: Path) -> float:
    """Return the share of a file's pages that is in memory; touches none of them.

    Asked of the system here, not of xjls: its own knowledge of this is part of what is measured.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapping:
        buffer = np.frombuffer(mapping, np.uint8)
        present = np.empty(-(-buffer.size // mmap.PAGESIZE), np.uint8)
        address, length = ctypes.c_void_p(buffer.ctypes.data), ctypes.c_size_t(buffer.size)
        failed = ctypes.CDLL(None).mincore(address, length, ctypes.c_void_p(present.ctypes.data))
        del buffer  # a mapping with an array over it cannot be closed
    if failed:
        raise OSError(f"the system does not tell what of {path.name} is in memory")
    return float((present & 1).mean())


def drop(path: Path) -> None:
    """Take a file out of the page cache; raise where something holds a page of it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)
    if share := resident(path):
        raise RuntimeError(f"{share:.4f} of {path.name} is still in memory: something maps it")


def fill(path: Path) -> None:
    """Bring a file into memory by reading it from front to back, which leaves large folios behind."""
    drop(path)
    read_span(path, 0, path.stat().st_size)
    require(path)


def require(path: Path) -> None:
    """Read again what the system took back meanwhile."""
    for _ in range(3):
        if resident(path) == 1:
            return
        read_span(path, 0, path.stat().st_size)
    raise RuntimeError(f"{path.name} does not stay in memory: is there enough?")


def read_span(path: Path, start: int, stop: int) -> None:
    """Read bytes one after the other into one buffer, as fast as ``read()`` can."""
    buffer = memoryview(bytearray(STEP))
    descriptor = os.open(path, os.O_RDONLY)
    try:
        while start < stop:
            start += os.preadv(descriptor, [buffer[: min(STEP, stop - start)]], start)
    finally:
        os.close(descriptor)
