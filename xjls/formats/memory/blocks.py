"""A growing array, in blocks that never move: what was read of it once stays where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Blocks:
    """Keep all that is appended; one thread appends, any number read what they know to be there.

    Parameters
    ----------
    size
        Items of a block.
    dtype, shape
        Of an item.

    Examples
    --------
    >>> blocks = Blocks(4, np.dtype("i2"))
    >>> blocks.append(np.arange(6, dtype="i2"))
    >>> out = np.empty(3, "i2")
    >>> blocks.read(2, out)
    >>> blocks.length, out.tolist()
    (6, [2, 3, 4])
    """

    capacity: int | None = None
    """Items that are kept: all."""

    def __init__(self, size: int, dtype: np.dtype[Any], shape: tuple[int, ...] = ()) -> None:
        self.size = size
        self.length = 0
        """Items so far."""
        self._dtype = dtype
        self._shape = shape
        self._blocks: list[NDArray[Any]] = []
        self._filling: NDArray[Any] | None = None

    @property
    def n_bytes(self) -> int:
        """Bytes of all blocks; one that stands for many of filling counts each time."""
        return len(self._blocks) * self.size * self._dtype.itemsize * int(np.prod(self._shape, dtype=int))

    def append(self, items: NDArray[Any]) -> None:
        """Append items, which are copied."""
        at = 0
        while at < len(items):
            filled = self.length % self.size
            if not filled:
                self._blocks.append(np.empty((self.size, *self._shape), self._dtype))
            take = min(len(items) - at, self.size - filled)
            self._blocks[-1][filled : filled + take] = items[at : at + take]
            self.length += take
            at += take

    def fill(self, item: Any, count: int) -> None:
        """Append one item many times; whole blocks of it are one block in memory, and it is always the same item."""
        head = min(-self.length % self.size, count)
        whole, rest = divmod(count - head, self.size)
        self.append(np.full((head, *self._shape), item, self._dtype))
        if whole:
            if self._filling is None:
                self._filling = np.full((self.size, *self._shape), item, self._dtype)
            self._blocks += [self._filling] * whole
            self.length += whole * self.size
        self.append(np.full((rest, *self._shape), item, self._dtype))

    def read(self, start: int, out: NDArray[Any]) -> None:
        """Fill ``out`` with the items from ``start`` on."""
        at = 0
        while at < len(out):
            number, inside = divmod(start + at, self.size)
            take = min(len(out) - at, self.size - inside)
            out[at : at + take] = self._blocks[number][inside : inside + take]
            at += take

    def address(self, number: int) -> int:
        """Return where a block lies."""
        return self._blocks[number].ctypes.data
