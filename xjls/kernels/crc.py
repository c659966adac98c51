"""CRC-32C (Castagnoli) of bytes in an array, by the fastest way that this processor has.

Every variant is a pair of parts, ``update(state, source, count)`` and ``update_copy(state, source, destination,
count, following)``, on the bare register. The checksum starts it at `INITIAL` and inverts it at the end.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import types
from numpy.typing import NDArray

from xjls.kernels import crc32q, fold512, slicing
from xjls.kernels.cpu import CrcVariant, crc_variant
from xjls.kernels.jit import READ_BYTES, kernel_for, part
from xjls.kernels.memory import address

__all__ = ["CRC32C", "INITIAL", "Update", "UpdateCopy", "crc32c"]

INITIAL = 0xFFFFFFFF
"""First value of the CRC register, and what its last one is inverted by."""


Update = Callable[[int, int, int], int]
"""CRC register, address, count -> CRC register after so many bytes."""

UpdateCopy = Callable[[int, int, int, int, int], int]
"""CRC register, source, destination, count, what is read next -> CRC register, and the bytes are copied."""


@part
def _checksum(update: Update, buffer: NDArray[np.uint8], start: int, stop: int) -> np.uint32:
    if not 0 <= start <= stop <= buffer.size:
        raise ValueError("start and stop must lie within the buffer, in order")
    return np.uint32(update(INITIAL, address(buffer) + start, stop - start) ^ INITIAL)


_crc32c_kernel = kernel_for(READ_BYTES, types.int64, types.int64)


@_crc32c_kernel
def _crc32c_fold512(buffer: NDArray[np.uint8], start: int, stop: int) -> np.uint32:
    return _checksum(fold512.update, buffer, start, stop)


@_crc32c_kernel
def _crc32c_crc32q(buffer: NDArray[np.uint8], start: int, stop: int) -> np.uint32:
    return _checksum(crc32q.update, buffer, start, stop)


@_crc32c_kernel
def _crc32c_portable(buffer: NDArray[np.uint8], start: int, stop: int) -> np.uint32:
    return _checksum(slicing.update, buffer, start, stop)


CRC32C = {
    CrcVariant.FOLD512: _crc32c_fold512,
    CrcVariant.CRC32Q: _crc32c_crc32q,
    CrcVariant.PORTABLE: _crc32c_portable,
}
"""The checksum kernel of each variant; calling one that the processor lacks ends the process."""

crc32c = CRC32C[crc_variant()]
"""``crc32c(buffer, start, stop) -> int``: the CRC-32C of bytes [start, stop) of a contiguous uint8 array.

Raises `ValueError` if they are not all there.
"""
