"""Where a window is cut into columns."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import SelectionError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def equal_edges(start: int, stop: int, n: Any) -> NDArray[np.int64]:
    """Return the edges of n equal columns; of fewer where there are fewer samples."""
    if index(n) < 1:
        raise SelectionError(f"{n} columns are none", "Ask for at least one.")
    n = min(index(n), max(stop - start, 1))
    whole, rest = divmod(stop - start, n)
    i = np.arange(n + 1, dtype=np.int64)
    edges: NDArray[np.int64] = i * whole
    edges += start
    if rest:
        i *= rest
        i //= n
        edges += i
    return edges


def edges_by(start: int, stop: int, increment: Any) -> NDArray[np.int64]:
    """Return the edges of columns of so many samples, as many as fit."""
    if index(increment) < 1:
        raise SelectionError(f"columns of {increment} samples have none", "Ask for at least one sample a column.")
    n, each = (stop - start) // index(increment), min(index(increment), max(stop - start, 1))
    edges: NDArray[np.int64] = start + np.arange(n + 1, dtype=np.int64) * each
    return edges
