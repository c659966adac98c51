"""Bytes of frames -> pixels, for each packing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.miniscope.shape import FrameShape

__all__ = ["unpack_pixels"]


def unpack_pixels(shape: FrameShape, rows: NDArray[np.uint8], out: NDArray[Any]) -> None:
    """Write the pixels of frames of u8[frame, byte] to u8 or u16[frame, pixel].

    Examples
    --------
    >>> from xjls.formats.miniscope.shape import FrameShape
    >>> shape = FrameShape(width=2, height=1, pix_depth=12, packing="msb", payload_bytes=8)
    >>> out = np.empty((1, 2), np.uint16)
    >>> unpack_pixels(shape, np.array([[0xFF, 0xE8, 0x02]], np.uint8), out)
    >>> out
    array([[4094, 2050]], dtype=uint16)
    """
    if shape.packing == "bytes":
        out[:] = rows
    elif shape.packing == "u16":
        out[:] = np.ascontiguousarray(rows).view("<u2")
    else:
        _unpack_bits(shape, rows, out)


def _unpack_bits(shape: FrameShape, rows: NDArray[np.uint8], out: NDArray[Any]) -> None:
    """Read pixels of up to 18 bits, each from the 4 bytes that its first bit is in the first of."""
    n_pixels = out.shape[1]
    padded = np.pad(rows, ((0, 0), (0, 3)))
    first = np.arange(n_pixels) * shape.pixel_bits + (shape.packing == "framed")
    byte, bit = first // 8, (first % 8).astype(np.uint32)
    is_low_first = shape.packing == "lsb"
    window = np.zeros((len(rows), n_pixels), np.uint32)
    for number in range(4):
        place = np.uint32(8 * (number if is_low_first else 3 - number))
        window |= padded[:, byte + number].astype(np.uint32) << place
    shift = bit if is_low_first else np.uint32(32 - shape.pix_depth) - bit
    out[:] = (window >> shift) & np.uint32((1 << shape.pix_depth) - 1)
