"""CRC-32C by table look-ups, eight bytes a step (Kounavis and Berry, "slicing-by-8", 2005): runs on any processor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xjls.kernels.jit import part
from xjls.kernels.memory import load_i64, load_u8
from xjls.kernels.stream import copy_ahead

__all__ = ["REFLECTED_POLYNOMIAL", "update", "update_copy"]

REFLECTED_POLYNOMIAL = 0x82F63B78
"""Castagnoli's 0x1EDC6F41 with its bits reversed: bit 31 stands for x⁰."""


def _tables() -> NDArray[np.int64]:
    """Table k of 8: the state after a byte and k further zero bytes, for the 256 bytes. Shape (8, 256)."""
    state = np.arange(256, dtype=np.int64)
    for _ in range(8):
        state = (state >> 1) ^ np.where(state & 1, REFLECTED_POLYNOMIAL, 0)
    tables = [state]
    for _ in range(7):
        tables.append((tables[-1] >> 8) ^ state[tables[-1] & 0xFF])
    return np.stack(tables)


_TABLES = _tables()


@part
def update(state: int, source: int, count: int) -> int:
    """Return the CRC register after `count` more bytes at address `source`. No inversion at either end."""
    words = count >> 3
    for word in range(words):
        x = load_i64(source + 8 * word) ^ state
        state = (
            _TABLES[7, x & 0xFF]
            ^ _TABLES[6, (x >> 8) & 0xFF]
            ^ _TABLES[5, (x >> 16) & 0xFF]
            ^ _TABLES[4, (x >> 24) & 0xFF]
            ^ _TABLES[3, (x >> 32) & 0xFF]
            ^ _TABLES[2, (x >> 40) & 0xFF]
            ^ _TABLES[1, (x >> 48) & 0xFF]
            ^ _TABLES[0, (x >> 56) & 0xFF]
        )
    for place in range(source + 8 * words, source + count):
        state = (state >> 8) ^ _TABLES[0, (state ^ load_u8(place)) & 0xFF]
    return state


@part
def update_copy(state: int, source: int, destination: int, count: int, following: int) -> int:
    """As `update`, and copy the bytes to address `destination`; those at address `following` are read next."""
    copy_ahead(destination, source, count, following)
    return update(state, destination, count)
