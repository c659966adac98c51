"""Blocks of counts in which a value stands that is no count: looked for where they lie in memory."""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from xjls.kernels.jit import BYTES, READ_INTEGERS, kernel_for
from xjls.kernels.passes import view

__all__ = ["mark_blocks_with"]

_COUNTS = types.Array(types.int16, 1, "C", readonly=True)
_LIKE = np.empty(0, np.int16)
_LIKE.flags.writeable = False


def mark_blocks_with(value: int, addresses: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which blocks of int16 hold a value.

    Parameters
    ----------
    value
        What is looked for.
    addresses, lengths
        Int64[block]: where each block lies, and its counts; at address 0 nothing is looked at.

    Examples
    --------
    >>> counts = np.array([1, 2, -32768, 4], "i2")
    >>> place = counts.ctypes.data
    >>> mark_blocks_with(-32768, np.array([place, place + 4, 0]), np.array([2, 2, 2])).tolist()
    [False, True, False]
    """
    marks = np.empty(len(addresses), np.uint8)
    _mark(_LIKE, value, np.ascontiguousarray(addresses, np.int64), np.ascontiguousarray(lengths, np.int64), marks)
    return marks.view(np.bool_)


@kernel_for(_COUNTS, types.int64, READ_INTEGERS, READ_INTEGERS, BYTES)
def _mark(
    like: NDArray[np.int16], value: int, addresses: NDArray[np.int64], lengths: NDArray[np.int64],
    marks: NDArray[np.uint8],
) -> None:  # fmt: skip
    wanted = np.int16(value)
    for i in range(addresses.size):
        found = 0
        if addresses[i]:
            for count in view(like, addresses[i], lengths[i]):
                found += count == wanted
        marks[i] = found > 0
