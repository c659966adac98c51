"""An array of the last items of many: memory of one size, taken at once, in which the oldest give way to new ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Ring:
    """Keep the last items that are appended; item i lies at ``i % capacity``.

    Parameters
    ----------
    capacity
        Items that are kept.
    dtype, shape
        Of an item.

    Examples
    --------
    >>> ring = Ring(4, np.dtype("i2"))
    >>> ring.append(np.arange(6, dtype="i2"))
    >>> out = np.empty(3, "i2")
    >>> ring.read(2, out)
    >>> ring.length, out.tolist()
    (6, [2, 3, 4])
    """

    def __init__(self, capacity: int, dtype: np.dtype[Any], shape: tuple[int, ...] = ()) -> None:
        self.capacity = capacity
        self.length = 0
        """Items so far, those that are gone among them."""
        self.items: NDArray[Any] = np.empty((capacity, *shape), dtype)
        """Where they lie."""
        self.items.fill(0)  # the memory is taken now, not while a device waits

    @property
    def n_bytes(self) -> int:
        """Bytes of memory."""
        return self.items.nbytes

    def append(self, items: NDArray[Any]) -> None:
        """Append items, which are copied; only the last ones, of more than there is room for."""
        kept = items[max(len(items) - self.capacity, 0) :]
        at = (self.length + len(items) - len(kept)) % self.capacity
        first = min(len(kept), self.capacity - at)
        self.items[at : at + first] = kept[:first]
        self.items[: len(kept) - first] = kept[first:]
        self.length += len(items)

    def fill(self, item: Any, count: int) -> None:
        """Append one item many times."""
        kept = min(count, self.capacity)
        self.length += count - kept
        self.append(np.full((kept, *self.items.shape[1:]), item, self.items.dtype))

    def read(self, start: int, out: NDArray[Any]) -> None:
        """Fill ``out`` with the items from ``start`` on, as far as they are still there: others are in their place."""
        at, kept = start % self.capacity, out[: self.capacity]
        first = min(len(kept), self.capacity - at)
        kept[:first] = self.items[at : at + first]
        kept[first:] = self.items[: len(kept) - first]
