"""Samples to DATA chunks of a JLS v2 file: header, samples and both checksums in one pass.

``pack_chunks(samples, count, bits, first_id, meta, at, previous, previous_length, out)``

samples
    Uint8: the bytes of whole chunks, as the file holds them.
count, bits
    Samples of a chunk, and bits of a sample: ``samples`` holds n chunks of count * bits / 8 bytes.
first_id
    Sample id of the first sample; each chunk's is ``count`` more than that of the one before.
meta
    Of every header.
at
    Byte offset in the file of the first chunk.
previous
    Byte offset of the chunk before it in its list, 0 for none. Each chunk links to those before and behind it; the last
    one's link forward is 0.
previous_length
    Payload length of the chunk before it in the file.
out
    Uint8: receives the chunks, `chunk_bytes` of each; the bytes between payload and checksum are 0.

Raises `ValueError` where the sizes do not fit each other. Releases the GIL.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from xjls.kernels import crc32q, fold512, slicing
from xjls.kernels.chunk import HEADER_BYTES, PAYLOAD_HEADER_BYTES, following_bytes
from xjls.kernels.cpu import CrcVariant, crc_variant
from xjls.kernels.crc import INITIAL, Update, UpdateCopy
from xjls.kernels.jit import BYTES, READ_BYTES, kernel_for, part
from xjls.kernels.memory import address, store_i64, store_u32

__all__ = ["DATA_TAG", "PACK", "pack_chunks"]

DATA_TAG = 0x22
"""Tag of the DATA chunks of sampled signals (FSR)."""

Bytes = NDArray[np.uint8]


@part
def _pack(
    update: Update, update_copy: UpdateCopy, samples: Bytes, count: int, bits: int, first_id: int, meta: int, at: int,
    previous: int, previous_length: int, out: Bytes,
) -> None:  # fmt: skip
    body = count * bits >> 3
    length = PAYLOAD_HEADER_BYTES + body
    size = HEADER_BYTES + following_bytes(length)
    n = samples.size // max(body, 1)
    if count < 1 or count * bits & 7 or samples.size != n * body or out.size != n * size:
        raise ValueError("samples must be whole chunks, and out have room for them")
    for i in range(n):
        chunk, begin = address(out) + i * size, at + i * size
        store_i64(chunk, begin + size if i + 1 < n else 0)
        store_i64(chunk + 8, begin - size if i else previous)
        store_u32(chunk + 16, DATA_TAG | meta << 16)
        store_u32(chunk + 20, length)
        store_u32(chunk + 24, length if i else previous_length)
        store_u32(chunk + 28, update(INITIAL, chunk, 28) ^ INITIAL)
        payload = chunk + HEADER_BYTES
        store_i64(payload, first_id + i * count)
        store_u32(payload + 8, count)
        store_u32(payload + 12, bits)
        state = update(INITIAL, payload, PAYLOAD_HEADER_BYTES)
        source = address(samples) + i * body
        state = update_copy(state, source, payload + PAYLOAD_HEADER_BYTES, body, source + body)
        end = payload + following_bytes(length)
        # The pad reaches at most 7 bytes back from the checksum, behind the payload
        for place in range(payload + length, end - 4):
            out[place - address(out)] = 0
        store_u32(end - 4, state ^ INITIAL)


_kernel = kernel_for(
    READ_BYTES, types.int64, types.int64, types.int64, types.int64, types.int64, types.int64, types.int64, BYTES
)


@_kernel
def _pack_fold512(
    samples: Bytes, count: int, bits: int, first_id: int, meta: int, at: int, previous: int, previous_length: int,
    out: Bytes,
) -> None:  # fmt: skip
    update, copy = fold512.update, fold512.update_copy
    _pack(update, copy, samples, count, bits, first_id, meta, at, previous, previous_length, out)


@_kernel
def _pack_crc32q(
    samples: Bytes, count: int, bits: int, first_id: int, meta: int, at: int, previous: int, previous_length: int,
    out: Bytes,
) -> None:  # fmt: skip
    update, copy = crc32q.update, crc32q.update_copy
    _pack(update, copy, samples, count, bits, first_id, meta, at, previous, previous_length, out)


@_kernel
def _pack_portable(
    samples: Bytes, count: int, bits: int, first_id: int, meta: int, at: int, previous: int, previous_length: int,
    out: Bytes,
) -> None:  # fmt: skip
    update, copy = slicing.update, slicing.update_copy
    _pack(update, copy, samples, count, bits, first_id, meta, at, previous, previous_length, out)


PACK = {
    CrcVariant.FOLD512: _pack_fold512,
    CrcVariant.CRC32Q: _pack_crc32q,
    CrcVariant.PORTABLE: _pack_portable,
}
"""The kernel of each variant; calling one that the processor lacks ends the process."""

pack_chunks = PACK[crc_variant()]
"""The kernel of this processor's variant: see the module's docstring."""
