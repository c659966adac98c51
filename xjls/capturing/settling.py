"""A thread that brings to the disk what a capture has written, a second after the other.

The system keeps gigabytes in memory otherwise, until somebody has to wait for all of them: the writer, for longer than
the ring has room.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from threading import Event, Thread
from typing import TYPE_CHECKING

from xjls.errors import XjlsError

if TYPE_CHECKING:
    from xjls.capturing.part import Part
    from xjls.capturing.target import Target

EVERY_S = 1.0


@contextlib.contextmanager
def settling(targets: Callable[[], Sequence[Target | Part]]) -> Iterator[None]:
    """Settle all targets that there are then, again and again, while the block runs."""
    ended = Event()

    def settle() -> None:
        while not ended.wait(EVERY_S):
            for target in targets():
                with contextlib.suppress(OSError, XjlsError):  # the writer's own flush will meet it, and say it
                    target.settle()

    thread = Thread(target=settle, name="xjls settling", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
