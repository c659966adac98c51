"""Where bytes live: local files, mapped; remote objects, read in ranges. What is opened is never written.

A storage has a ``path``, a ``size`` in bytes and a ``token`` that changes with the content; ``read`` returns small
records as bytes, ``spans`` makes byte ranges addressable for a kernel. All of it is safe from any thread.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from xjls.storage.local import LocalFile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Storage", "absolute_path", "local_path", "open_storage"]


class Storage(Protocol):
    """What a format reads from; thread-safe, read-only."""

    path: str
    size: int
    token: tuple[object, ...]
    is_local: bool

    def read(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``; fewer where the content ends. For records of some KiB."""
        ...

    def spans(self, starts: NDArray[np.int64], n_bytes: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Return a buffer that holds ranges of at most ``n_bytes``, and the place of each in it. For kernels."""
        ...

    def prepare(self, start: int, stop: int) -> None:
        """Expect reads at many places among these bytes; a hint, which costs little where it is not needed."""
        ...

    def hold(self) -> object:
        """Return what keeps the bytes of `spans` where they are, whatever is closed; raise once they are not there."""
        ...

    def has_grown(self) -> bool:
        """Return whether there is more by now than when it was opened."""
        ...

    def close(self) -> None:
        """Give back what is held; twice is harmless."""
        ...

    def __enter__(self) -> Storage: ...

    def __exit__(self, *exc: object) -> None: ...


def absolute_path(path: str) -> str:
    """Return a path that means the same in a process that works elsewhere; an address stays what it is."""
    local = local_path(path)
    return path if local is None else os.path.abspath(os.path.expanduser(local))  # noqa: PTH100, PTH111 - str to str


def local_path(path: str | os.PathLike[str]) -> str | None:
    """Return the path on this machine, or None for an address (``s3://…``) that needs fsspec.

    Examples
    --------
    >>> local_path("file:///data/run.jls"), local_path("run.jls"), local_path("s3://lab/run.jls")
    ('/data/run.jls', 'run.jls', None)
    """
    text = os.fspath(path)
    if text.startswith("file://"):
        return text.removeprefix("file://")
    return None if "://" in text or "::" in text else text


def open_storage(path: str | os.PathLike[str], storage_options: Mapping[str, Any] | None = None) -> Storage:
    """Open a local path or an fsspec address for reading.

    Raises
    ------
    OSError
        As the operating system or the file system says: not found, no permission, is a directory.
    """
    local = local_path(path)
    if local is not None:
        return LocalFile(os.path.expanduser(local))  # noqa: PTH111 - keeps str, as the mapping needs no Path
    from xjls.storage.remote import RemoteObject

    return RemoteObject(os.fspath(path), storage_options)
