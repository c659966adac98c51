"""Strips that were shown lately: who goes back, or looks at the overview, asks for them again."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from xjls.widget.view.strip import Strip

MOST_KEPT = 1 << 20
"""Columns of all strips together, some 50 MB."""


class StripCache:
    """The strips used last; bounded. Thread-safe.

    What the questions of a recording bring into memory is kept by the recording itself: this saves the sums.
    """

    def __init__(self, most_columns: int = MOST_KEPT) -> None:
        self._kept: OrderedDict[tuple[object, ...], Strip] = OrderedDict()
        self._lock = Lock()
        self._most = most_columns
        self._columns = self._forgotten = 0

    def __len__(self) -> int:
        return len(self._kept)

    def forget(self) -> None:
        """Forget all of them: what they show has changed."""
        with self._lock:
            self._kept.clear()
            self._columns = 0
            self._forgotten += 1

    def strip(self, key: tuple[object, ...], make: Callable[[], Strip]) -> Strip:
        """Return the strip of a key, made where it is not there; two threads may make it at once."""
        with self._lock:
            if (found := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return found
            forgotten = self._forgotten
        made = make()
        with self._lock:
            if key not in self._kept and forgotten == self._forgotten:
                self._kept[key] = made
                self._columns += len(made)
            while self._columns > self._most and len(self._kept) > 1:
                self._columns -= len(self._kept.popitem(last=False)[1])
        return made
