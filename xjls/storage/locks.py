"""Locks by which programs that write to one file keep out of each other's way, where the system has them."""

from __future__ import annotations

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows: nobody is kept out
    fcntl = None  # type: ignore[assignment]  # asked for below

__all__ = ["lock"]


def lock(descriptor: int, *, shared: bool = False, wait: bool = False) -> None:
    """Take the lock of an open file, which is held until all that share the descriptor have closed it.

    Readers take a ``shared`` one, which keeps writers out. Where a system has no locks, nothing is done.

    Raises
    ------
    BlockingIOError
        Another holds it, and nobody wants to ``wait``.
    OSError
        The file system has no locks.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryFile() as file:
    ...     lock(file.fileno())
    """
    if fcntl is not None:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
