"""The central kernel: many chunks of a mapped file -> one array, every byte checked on the way.

``gather(buffer, plan, tag, meta, bits, signed, verify, out, fault) -> int``

buffer
    The bytes of the file; a contiguous uint8 array, read-only or not.
plan
    Int64, C-contiguous, shape (n, 5): a row for each chunk, see `PLAN_COLUMNS`.
tag, meta
    What the header of every chunk must hold.
bits
    Size of an entry: 1, 4, or whole bytes (8, 16, 24 … 256).
signed
    Whether entries of 4 bits are two's complement. No matter for the others, which are copied as they are.
verify
    Whether to compare both CRCs of every chunk with its bytes.
out
    Uint8 view of the result: a byte for an entry of 1 or 4 bits, else the bytes of the entry.
fault
    Uint8, at least n: receives the `xjls.kernels.faults.Fault` of every chunk.

Returns the number of chunks with a fault. A fault leaves the span of its chunk in `out` as it was, but for PAYLOAD_CRC:
then the bytes have been copied already, and the caller overwrites them. Nothing is read outside `buffer` or written
outside `out`, whatever the bytes and the plan say. Raises `ValueError` for arguments that do not fit each other, and
`TypeError` for other types. Releases the GIL. Give it plain integers: an `IntEnum` costs some microseconds a call.
"""

from __future__ import annotations

from typing import NamedTuple

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
    stored_payload_crc,
)
from xjls.kernels.cpu import CrcVariant, crc_variant
from xjls.kernels.crc import INITIAL, Update, UpdateCopy
from xjls.kernels.faults import Fault
from xjls.kernels.jit import BYTES, READ_BYTES, READ_TABLE, kernel_for, part
from xjls.kernels.memory import address
from xjls.kernels.stream import copy_ahead
from xjls.kernels.unpack import unpack_bits, unpack_nibbles

__all__ = ["ANY_ID", "GATHER", "PLAN_COLUMNS", "Wanted", "area_of", "by_threes", "gather", "one_by_one"]

PLAN_COLUMNS = ("position", "first_id", "skip", "take", "dest")
"""Columns of a plan: byte offset of the chunk in the buffer (negative: absent), id of its first entry (`ANY_ID`: not
checked), entries left out at its beginning, entries taken, and the entry of the result where they begin."""

_POSITION, _FIRST_ID, _SKIP, _TAKE, _DEST = range(5)

_OK = int(Fault.OK)
_OUT_OF_BOUNDS = int(Fault.OUT_OF_BOUNDS)
_PAYLOAD_CRC = int(Fault.PAYLOAD_CRC)

Plan = NDArray[np.int64]
Row = NDArray[np.int64]
Bytes = NDArray[np.uint8]


class Wanted(NamedTuple):
    """What every chunk must be, and how its entries are read."""

    tag: int
    meta: int
    bits: int
    signed: bool
    verify: bool


class _Area(NamedTuple):
    """Where the bytes come from and go to."""

    source: int
    """Address of the buffer."""
    size: int
    """Bytes of the buffer."""
    target: int
    """Address of the result."""
    room: int
    """Entries of the result."""
    entry: int
    """Bytes of an entry of the result."""


@part
def area_of(buffer: Bytes, plan: Plan, bits: int, out: Bytes, fault: Bytes) -> _Area:
    """Describe the arrays. Raise where the arguments do not fit each other."""
    if plan.shape[1] != 5 or fault.size < plan.shape[0]:
        raise ValueError("plan must have five columns, and fault a place for each of its rows")
    if bits not in (1, 4) and (bits <= 0 or bits > 256 or bits % 8):
        raise ValueError("bits must be 1, 4, or a multiple of 8 up to 256")
    entry = bits >> 3 if bits >= 8 else 1
    return _Area(address(buffer), buffer.size, address(out), out.size // entry, entry)


@part
def _check(update: Update, area: _Area, row: Row, wanted: Wanted) -> int:
    """Return the payload length of a chunk that has what its row of the plan asks for, or minus the fault's code."""
    skip, take, dest = row[_SKIP], row[_TAKE], row[_DEST]
    length = check_header(update, area.source, area.size, row[_POSITION], wanted.tag, wanted.meta, wanted.verify)
    if length < 0:
        return length
    if min(skip, take, dest) < 0 or dest > area.room or take > area.room - dest:
        return -_OUT_OF_BOUNDS
    payload = area.source + row[_POSITION] + HEADER_BYTES
    entries = check_entries(payload, length, row[_FIRST_ID], skip, take, wanted.bits)
    return length if entries >= 0 else diagnose(update, payload, length, entries, wanted.verify)


@part
def _copy_verified(
    update: Update,
    update_copy: UpdateCopy,
    payload: int,
    length: int,
    start: int,
    count: int,
    into: int,
    following: int,
) -> bool:
    """Copy bytes [start, start + count) of a payload to address `into`; return whether the payload agrees."""
    state = update(INITIAL, payload, start)
    state = update_copy(state, payload + start, into, count, following)
    state = update(state, payload + start + count, length - start - count)
    return state == stored_payload_crc(payload, length)


@part
def _transfer(
    update: Update,
    update_copy: UpdateCopy,
    payload: int,
    length: int,
    row: Row,
    wanted: Wanted,
    into: int,
    following: int,
) -> int:
    """Bring the entries that `row` asks for from a checked payload to address `into`; return the fault's code."""
    skip, take, entry = row[_SKIP], row[_TAKE], wanted.bits >> 3
    body = payload + PAYLOAD_HEADER_BYTES
    agrees = True
    if wanted.bits >= 8 and wanted.verify:
        start = PAYLOAD_HEADER_BYTES + skip * entry
        agrees = _copy_verified(update, update_copy, payload, length, start, take * entry, into, following)
    elif wanted.bits >= 8:
        copy_ahead(into, body + skip * entry, take * entry, following)
    else:
        agrees = not wanted.verify or payload_agrees(update, payload, length)
        if wanted.bits == 1:
            unpack_bits(body, skip, take, into)
        else:
            unpack_nibbles(body, skip, take, wanted.signed, into)
    return _OK if agrees else _PAYLOAD_CRC


@part
def _one(update: Update, update_copy: UpdateCopy, area: _Area, row: Row, wanted: Wanted, following: int) -> int:
    """Check and transfer the chunk of one row; return the fault's code. The chunk at `following` is the next."""
    length = _check(update, area, row, wanted)
    if length < 0:
        return -length
    payload = area.source + row[_POSITION] + HEADER_BYTES
    into = area.target + row[_DEST] * area.entry
    return _transfer(update, update_copy, payload, length, row, wanted, into, following)


@part
def _following(area: _Area, plan: Plan, i: int) -> int:
    """Address of chunk `i`, or of the last one: only ever asked for ahead of time, so it need not exist."""
    return area.source + int(plan[min(i, plan.shape[0] - 1), _POSITION])


@part
def one_by_one(update: Update, update_copy: UpdateCopy, area: _Area, plan: Plan, wanted: Wanted, fault: Bytes) -> int:
    """Gather one chunk after the other; return the number of faults."""
    faults = 0
    for i in range(plan.shape[0]):
        code = _one(update, update_copy, area, plan[i], wanted, _following(area, plan, i + 1))
        fault[i] = code
        faults += code != _OK
    return faults


@part
def _common_length(area: _Area, rows: Plan, wanted: Wanted) -> int:
    """Return the payload length of three chunks that are taken whole and are equally long, else 0."""
    common = 0
    for j in range(3):
        length = _check(crc32q.update, area, rows[j], wanted)
        whole = length > 0 and rows[j, _TAKE] * area.entry == length - PAYLOAD_HEADER_BYTES
        if not whole or (j > 0 and length != common):
            return 0
        common = length
    return common


@part
def _start(area: _Area, row: Row) -> tuple[int, int, int]:
    """Return the addresses of a chunk's payload and destination, and the CRC register after its payload header."""
    payload = area.source + row[_POSITION] + HEADER_BYTES
    return payload, area.target + row[_DEST] * area.entry, crc32q.update(INITIAL, payload, PAYLOAD_HEADER_BYTES)


@part
def _transfer_three(area: _Area, length: int, plan: Plan, i: int, fault: Bytes) -> int:
    """Transfer three whole chunks, from row `i` on, whose headers are checked; return the number of faults."""
    body = PAYLOAD_HEADER_BYTES
    payload_0, into_0, state_0 = _start(area, plan[i])
    payload_1, into_1, state_1 = _start(area, plan[i + 1])
    payload_2, into_2, state_2 = _start(area, plan[i + 2])
    state_0, state_1, state_2 = crc32q.update_copy_three(
        (state_0, state_1, state_2),
        (payload_0 + body, payload_1 + body, payload_2 + body),
        (into_0, into_1, into_2),
        length - body,
        (_following(area, plan, i + 3), _following(area, plan, i + 4), _following(area, plan, i + 5)),
    )
    fault[i] = _OK if state_0 == stored_payload_crc(payload_0, length) else _PAYLOAD_CRC
    fault[i + 1] = _OK if state_1 == stored_payload_crc(payload_1, length) else _PAYLOAD_CRC
    fault[i + 2] = _OK if state_2 == stored_payload_crc(payload_2, length) else _PAYLOAD_CRC
    return int(fault[i] != _OK) + int(fault[i + 1] != _OK) + int(fault[i + 2] != _OK)


@part
def by_threes(area: _Area, plan: Plan, wanted: Wanted, fault: Bytes) -> int:
    """Gather three chunks at a time where they are alike, with crc32q; return the number of faults."""
    faults, i = 0, 0
    while i < plan.shape[0]:
        length = 0
        if wanted.verify and wanted.bits >= 8 and i + 3 <= plan.shape[0]:
            length = _common_length(area, plan[i : i + 3], wanted)
        if length > 0:
            faults += _transfer_three(area, length, plan, i, fault)
            i += 3
        else:
            following = _following(area, plan, i + 1)
            code = _one(crc32q.update, crc32q.update_copy, area, plan[i], wanted, following)
            fault[i] = code
            faults += code != _OK
            i += 1
    return faults


_gather_kernel = kernel_for(
    *(READ_BYTES, READ_TABLE, types.int64, types.int64, types.int64, types.boolean, types.boolean, BYTES, BYTES)
)


@_gather_kernel
def _gather_fold512(
    buffer: Bytes, plan: Plan, tag: int, meta: int, bits: int, signed: bool, verify: bool, out: Bytes, fault: Bytes
) -> int:
    area, wanted = area_of(buffer, plan, bits, out, fault), Wanted(tag, meta, bits, signed, verify)
    return one_by_one(fold512.update, fold512.update_copy, area, plan, wanted, fault)


@_gather_kernel
def _gather_crc32q(
    buffer: Bytes, plan: Plan, tag: int, meta: int, bits: int, signed: bool, verify: bool, out: Bytes, fault: Bytes
) -> int:
    area, wanted = area_of(buffer, plan, bits, out, fault), Wanted(tag, meta, bits, signed, verify)
    return by_threes(area, plan, wanted, fault)


@_gather_kernel
def _gather_portable(
    buffer: Bytes, plan: Plan, tag: int, meta: int, bits: int, signed: bool, verify: bool, out: Bytes, fault: Bytes
) -> int:
    area, wanted = area_of(buffer, plan, bits, out, fault), Wanted(tag, meta, bits, signed, verify)
    return one_by_one(slicing.update, slicing.update_copy, area, plan, wanted, fault)


GATHER = {
    CrcVariant.FOLD512: _gather_fold512,
    CrcVariant.CRC32Q: _gather_crc32q,
    CrcVariant.PORTABLE: _gather_portable,
}
"""The kernel of each variant; calling one that the processor lacks ends the process."""

gather = GATHER[crc_variant()]
"""The kernel of this processor's variant: see the module's docstring."""
