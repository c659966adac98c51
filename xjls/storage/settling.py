"""Letting the disk begin with what the system holds in memory, before somebody has to wait for all of it at once."""

from __future__ import annotations

import contextlib
import ctypes
import os
from functools import cache
from typing import Any

_WRITE = 2
"""SYNC_FILE_RANGE_WRITE: begin to write, and wait for nothing."""


def settle(path: str | os.PathLike[str]) -> None:
    """Begin to bring to the disk what was written to a file so far; from any thread.

    Unlike `os.fsync` it makes no other writer wait for a journal, and promises nothing: what the disk refuses is told
    to whoever syncs the file. Where the system has no such call, nothing is done; so it is with a file that is gone.
    """
    begin = _sync_file_range()
    if begin is None:
        return
    with contextlib.suppress(OSError):
        file = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        try:
            begin(file, 0, 0, _WRITE)
        finally:
            os.close(file)


@cache
def _sync_file_range() -> Any:
    """Return Linux's call, which Python does not have; None elsewhere."""
    try:
        found = ctypes.CDLL(None).sync_file_range
    except (OSError, AttributeError, TypeError):
        return None
    found.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return found
