"""Blocks of summary entries in a file: which of them can be used where they lie.

An entry whose mean or deviation is not finite covers samples that are not, and does not say how many.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types
from numpy.typing import NDArray

from xjls.kernels.jit import BYTES, READ_BYTES, READ_INTEGERS, kernel_for, part
from xjls.kernels.memory import address, load_f32, load_f64

__all__ = ["ANY", "FIRST", "LAST", "VARIES", "mark_blocks"]

FIRST, LAST, ANY, VARIES = 1, 2, 4, 8
"""Marks of a block: its first entry is not finite, its last one, any of them; some entry's deviation is not 0."""


@part
def _marks(place: int, count: int, wide: bool) -> int:
    marks = 0
    for i in range(count):
        if wide:
            mean, std = load_f64(place + 32 * i), load_f64(place + 32 * i + 8)
        else:
            mean, std = load_f32(place + 16 * i), load_f32(place + 16 * i + 4)
        if not math.isfinite(mean + std):
            marks |= ANY | (FIRST if i == 0 else 0) | (LAST if i == count - 1 else 0)
        elif std > 0:
            marks |= VARIES
    return marks


@kernel_for(READ_BYTES, READ_INTEGERS, READ_INTEGERS, types.boolean, BYTES)
def mark_blocks(
    buffer: NDArray[np.uint8], positions: NDArray[np.int64], counts: NDArray[np.int64], wide: bool,
    marks: NDArray[np.uint8],
) -> None:  # fmt: skip
    """Mark blocks of ``counts[i]`` entries that begin at ``buffer[positions[i]]``; negative: 0, there is none.

    The caller has proved that they lie within the buffer. ``wide`` entries are float64, not float32.
    """
    for i in range(positions.size):
        marks[i] = _marks(address(buffer) + positions[i], counts[i], wide) if positions[i] >= 0 else 0
