"""One chunk of a JLS v2 file: where its fields are, and whether it is whole and the one that was asked for.

Header (32 bytes)                                   Payload header (16 bytes, in front of the body)
  16 u8 tag   18 u16 signal | level << 12             0 i64 id of the first entry   8 u32 entries
  20 u32 payload length   28 u32 CRC of bytes 0..27   12 u16 bits of an entry

The payload is followed by zeros up to four bytes before a multiple of 8, and by its CRC. Every field is read once, and
checked before it is relied on, so that bytes which another process changes meanwhile can spoil values but never lead
out of bounds.
"""

from __future__ import annotations

from xjls.kernels.crc import INITIAL, Update
from xjls.kernels.faults import Fault
from xjls.kernels.jit import part
from xjls.kernels.memory import load_i64, load_u8, load_u16, load_u32

__all__ = [
    "ANY_ID",
    "HEADER_BYTES",
    "PAYLOAD_HEADER_BYTES",
    "check_entries",
    "check_header",
    "diagnose",
    "following_bytes",
    "payload_agrees",
    "stored_payload_crc",
]

HEADER_BYTES = 32
PAYLOAD_HEADER_BYTES = 16
ANY_ID = -(2**63)
"""Stands for the first id of a chunk when the plan does not know it."""

_HEADER_CHECKED_BYTES = 28
_CRC_BYTES = 4

_OUT_OF_BOUNDS = -int(Fault.OUT_OF_BOUNDS)
_HEADER_CRC = -int(Fault.HEADER_CRC)
_WRONG_CHUNK = -int(Fault.WRONG_CHUNK)
_WRONG_ID = -int(Fault.WRONG_ID)
_TOO_SHORT = -int(Fault.TOO_SHORT)
_PAYLOAD_CRC = -int(Fault.PAYLOAD_CRC)
_WRONG_SIZE = -int(Fault.WRONG_SIZE)
_ABSENT = -int(Fault.ABSENT)


@part
def following_bytes(length: int) -> int:
    """Bytes between a chunk's header and the next chunk: payload, pad and CRC."""
    return (length + _CRC_BYTES + 7) & ~7 if length else 0


@part
def stored_payload_crc(payload: int, length: int) -> int:
    """Return the CRC that the file holds for the payload at address `payload`, as the register that gives it."""
    return load_u32(payload + following_bytes(length) - _CRC_BYTES) ^ INITIAL


@part
def payload_agrees(update: Update, payload: int, length: int) -> bool:
    """Whether the payload at address `payload` has the CRC that the file holds for it."""
    return update(INITIAL, payload, length) == stored_payload_crc(payload, length)


@part
def check_header(update: Update, base: int, size: int, position: int, tag: int, meta: int, verify: bool) -> int:
    """Return the payload length of the chunk at `position` of the `size` bytes at `base`, or minus the fault's code.

    The length is that of at least a payload header, and the chunk lies within the bytes.
    """
    if position < 0:
        return _ABSENT
    if position > size - HEADER_BYTES:
        return _OUT_OF_BOUNDS
    header = base + position
    if verify and update(INITIAL, header, _HEADER_CHECKED_BYTES) ^ INITIAL != load_u32(header + _HEADER_CHECKED_BYTES):
        return _HEADER_CRC
    if load_u8(header + 16) != tag or load_u16(header + 18) != meta:
        return _WRONG_CHUNK
    length = load_u32(header + 20)
    if following_bytes(length) > size - HEADER_BYTES - position:
        return _OUT_OF_BOUNDS
    return length if length >= PAYLOAD_HEADER_BYTES else _TOO_SHORT


@part
def check_entries(payload: int, length: int, first_id: int, skip: int, take: int, bits: int) -> int:
    """Return the number of entries stored in the payload, or minus the fault's code.

    They have `bits` each, the first one is `first_id`, and there are at least [skip, skip + take). A payload may hold
    fewer entries than it counts: summaries of 64-bit samples are stored by half.
    """
    if load_u16(payload + 12) != bits:
        return _WRONG_SIZE
    if first_id != ANY_ID and first_id != load_i64(payload):
        return _WRONG_ID
    stored = (length - PAYLOAD_HEADER_BYTES) * 8 // bits
    entries = min(load_u32(payload + 8), stored)
    return entries if take <= entries - skip else _TOO_SHORT


@part
def diagnose(update: Update, payload: int, length: int, fault: int, verify: bool) -> int:
    """Return PAYLOAD_CRC instead of `fault` (minus its code) where the fields that tell it are damaged themselves."""
    return fault if not verify or payload_agrees(update, payload, length) else _PAYLOAD_CRC
