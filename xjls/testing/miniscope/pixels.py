"""Frames, and the bytes that they are sent as."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from xjls.testing.miniscope.config import FrameConfig

Pixels: TypeAlias = NDArray[Any]


def ramps(config: FrameConfig, n: int) -> Pixels:
    """Return frames of ``x + 2 * y + 7 * k``, modulo the depth: u8 or u16[frame, height, width].

    Examples
    --------
    >>> from xjls.testing.miniscope import StreamConfig
    >>> ramps(StreamConfig(frame_width=3, frame_height=2), 2).tolist()
    [[[0, 1, 2], [2, 3, 4]], [[7, 8, 9], [9, 10, 11]]]
    """
    k, y, x = np.ogrid[:n, : config.frame_height, : config.frame_width]
    frames: Pixels = (x + 2 * y + 7 * k) % 2**config.pix_depth
    return frames.astype(dtype_of(config))


def noise(config: FrameConfig, n: int, *, seed: int = 0) -> Pixels:
    """Return frames of any pixels, u8 or u16[frame, height, width].

    Examples
    --------
    >>> from xjls.testing.miniscope import StreamConfig
    >>> noise(StreamConfig(pix_depth=10, packing="msb"), 2).dtype
    dtype('uint16')
    """
    shape = (n, config.frame_height, config.frame_width)
    return np.random.default_rng(seed).integers(0, 2**config.pix_depth, shape).astype(dtype_of(config))


def dtype_of(config: FrameConfig) -> np.dtype[Any]:
    """Return the type of pixels of a depth.

    Examples
    --------
    >>> from xjls.testing.miniscope import StreamConfig
    >>> dtype_of(StreamConfig())
    dtype('uint8')
    """
    return np.dtype(np.uint8) if config.pix_depth <= 8 else np.dtype(np.uint16)


def pack(config: FrameConfig, frame: Pixels) -> bytes:
    """Return a frame's pixels as bytes, row after row; zeros fill the last byte.

    ``bytes``: one each. ``msb`` and ``lsb``: no bit between pixels, the highest or the lowest bit of each first, into
    the highest or the lowest bit of a byte. ``u16``: two bytes each, the low one first. ``framed``: 10 bits between a 1
    and a 0, highest first. A pixel may begin in one buffer and end in the next.

    Examples
    --------
    >>> from xjls.testing.miniscope import StreamConfig
    >>> pixels = np.array([[0x3FF, 0x001]], np.uint16)
    >>> for packing in ("msb", "lsb", "u16", "framed"):
    ...     print(pack(StreamConfig(pix_depth=10, packing=packing), pixels).hex())
    ffc010
    ff0700
    ff030100
    ffe802
    """
    flat = frame.ravel()
    if config.packing == "bytes":
        return flat.astype(np.uint8).tobytes()
    if config.packing == "u16":
        return flat.astype("<u2").tobytes()
    places = np.arange(config.pix_depth)
    bits = (flat[:, None] >> (places if config.packing == "lsb" else places[::-1]) & 1).astype(np.uint8)
    if config.packing == "framed":
        bits = np.pad(bits, ((0, 0), (1, 1)))
        bits[:, 0] = 1
    return np.packbits(bits, bitorder="little" if config.packing == "lsb" else "big").tobytes()


def unpack(config: FrameConfig, data: bytes) -> Pixels:
    """Return the frame of which these are the bytes, u8 or u16[height, width]: the reverse of `pack`.

    Examples
    --------
    >>> from xjls.testing.miniscope import StreamConfig
    >>> config = StreamConfig(frame_width=2, frame_height=1, pix_depth=12, packing="lsb")
    >>> unpack(config, pack(config, np.array([[4095, 1]], np.uint16)))
    array([[4095,    1]], dtype=uint16)
    """
    shape, dtype = (config.frame_height, config.frame_width), dtype_of(config)
    if config.packing in ("bytes", "u16"):
        return np.frombuffer(data, np.uint8 if config.packing == "bytes" else "<u2").astype(dtype).reshape(shape)
    is_framed, order = config.packing == "framed", "little" if config.packing == "lsb" else "big"
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder=order)  # type: ignore[call-overload]  # one of the two
    kept: Pixels = bits[: shape[0] * shape[1] * config.pixel_bits].reshape(-1, config.pixel_bits)
    kept = kept[:, 1:-1] if is_framed else kept
    places = np.arange(config.pix_depth)
    weights = 1 << (places if config.packing == "lsb" else places[::-1])
    found: Pixels = kept @ weights
    return found.astype(dtype).reshape(shape)
