"""INDEX chunks: the places of the chunks below them.

Capacities and the order of the blocks come from the caller; nothing here follows a link.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from xjls.kernels import crc32q, fold512, slicing
from xjls.kernels.chunk import (
    ANY_ID,
    HEADER_BYTES,
    PAYLOAD_HEADER_BYTES,
    check_entries,
    check_header,
    diagnose,
    payload_agrees,
)
from xjls.kernels.cpu import CrcVariant, crc_variant
from xjls.kernels.crc import Update
from xjls.kernels.faults import Fault
from xjls.kernels.jit import BYTES, INTEGERS, READ_BYTES, READ_INTEGERS, kernel_for, part
from xjls.kernels.memory import address, load_i64

__all__ = ["INDEX_OFFSETS", "INDEX_TAG", "index_offsets"]

INDEX_TAG = 0x23
"""Tag of the INDEX chunks of sampled signals (FSR)."""

_OFFSET_BITS = 64
_OFFSET_BYTES = 8

_OK = int(Fault.OK)
_PAYLOAD_CRC = int(Fault.PAYLOAD_CRC)
_WRONG_SIZE = int(Fault.WRONG_SIZE)

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]


@part
def _entries(
    update: Update, base: int, size: int, position: int, meta: int, capacity: int, verify: bool, row: Offsets
) -> int:
    """Fill `row` with the offsets that the INDEX chunk at `position` holds; return the fault's code."""
    length = check_header(update, base, size, position, INDEX_TAG, meta, verify)
    if length < 0:
        return -length
    payload = base + position + HEADER_BYTES
    entries = check_entries(payload, length, ANY_ID, 0, 0, _OFFSET_BITS)
    if entries < 0:
        return -diagnose(update, payload, length, entries, verify)
    if verify and not payload_agrees(update, payload, length):
        return _PAYLOAD_CRC
    if entries > capacity:
        return _WRONG_SIZE
    for entry in range(entries):
        row[entry] = max(load_i64(payload + PAYLOAD_HEADER_BYTES + _OFFSET_BYTES * entry), -1)
    return _OK


@part
def _offsets(
    update: Update,
    buffer: Bytes,
    positions: Offsets,
    meta: int,
    capacity: int,
    out: Offsets,
    verify: bool,
    fault: Bytes,
) -> int:
    count = positions.size
    if capacity < 0 or fault.size < count or (count and out.size // count < capacity):
        raise ValueError("out must have capacity places for each position, and fault one")
    faults = 0
    for i in range(count):
        row = out[i * capacity : (i + 1) * capacity]
        row[:] = -1
        code = _entries(update, address(buffer), buffer.size, positions[i], meta, capacity, verify, row)
        fault[i] = code
        faults += code != _OK
    return faults


_offsets_kernel = kernel_for(*(READ_BYTES, READ_INTEGERS, types.int64, types.int64, INTEGERS, types.boolean, BYTES))


@_offsets_kernel
def _offsets_fold512(
    buffer: Bytes, positions: Offsets, meta: int, capacity: int, out: Offsets, verify: bool, fault: Bytes
) -> int:
    return _offsets(fold512.update, buffer, positions, meta, capacity, out, verify, fault)


@_offsets_kernel
def _offsets_crc32q(
    buffer: Bytes, positions: Offsets, meta: int, capacity: int, out: Offsets, verify: bool, fault: Bytes
) -> int:
    return _offsets(crc32q.update, buffer, positions, meta, capacity, out, verify, fault)


@_offsets_kernel
def _offsets_portable(
    buffer: Bytes, positions: Offsets, meta: int, capacity: int, out: Offsets, verify: bool, fault: Bytes
) -> int:
    return _offsets(slicing.update, buffer, positions, meta, capacity, out, verify, fault)


INDEX_OFFSETS = {
    CrcVariant.FOLD512: _offsets_fold512,
    CrcVariant.CRC32Q: _offsets_crc32q,
    CrcVariant.PORTABLE: _offsets_portable,
}
"""The kernel of each variant; calling one that the processor lacks ends the process."""

index_offsets = INDEX_OFFSETS[crc_variant()]
"""``index_offsets(buffer, positions, meta, capacity, out, verify, fault) -> int``: the entries of many INDEX chunks.

Row i of `out` (int64, shape (n * capacity,), C order) receives the offsets that the chunk at positions[i] (int64, shape
(n,)) holds: 0 for a chunk that was left out when the file was written, -1 beyond the last one and for the whole row of
a chunk with a fault. `fault` (uint8, shape (n,)) receives the `xjls.kernels.faults.Fault` of every chunk; returns how
many are not OK. A chunk with more than `capacity` entries is a WRONG_SIZE.
"""
