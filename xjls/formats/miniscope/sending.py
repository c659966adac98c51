"""Frames -> the bits that an instrument sends of them: what `xjls.formats.miniscope.push` takes apart again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from xjls.errors import SelectionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.miniscope.config import StreamConfig

__all__ = ["BitPacker", "buffers_on_wire"]

_DUMMY = 0xFF00_CCCC
_MASK = 0xFFFF_FFFF
_GROUP = 4


def buffers_on_wire(
    config: StreamConfig, pixels: NDArray[np.uint8], values: Mapping[str, int], *, buffer_ms: float = 0.0
) -> list[NDArray[np.uint8]]:
    """Return the buffers of a frame, each as the bits that are sent, u8[bit] of 0 and 1.

    Parameters
    ----------
    config
        How they are sent; pixels have 8 bits.
    pixels
        u8[height, width].
    values
        What headers say, by fields of the header format; ``buffer_count`` and ``timestamp`` are those of the first
        buffer, and what is of a buffer alone is not given.
    buffer_ms
        How much later than the one before each buffer is filled.

    Raises
    ------
    SelectionError
        The configuration has another packing.

    Examples
    --------
    >>> from xjls.formats.miniscope.config import load_config
    >>> config = load_config(frame_width=8, frame_height=2, buffer_block_length=1, block_size=64)
    >>> (bits,) = buffers_on_wire(config, np.zeros((2, 8), np.uint8), {"frame_num": 7, "buffer_count": 7})
    >>> len(bits), np.packbits(bits)[:12].tobytes().hex()
    (512, '123456780000000007000000')
    """
    if config.packing != "bytes":
        raise SelectionError(f"frames are not sent with the packing {config.packing!r}", "Give 'bytes'.")
    sizes = config.shape.sizes
    columns = _columns(config, values, sizes, buffer_ms)
    known = config.header_format.names
    words = np.zeros((len(sizes), config.header_words), "<u4")
    words[:, : config.header_format.words] = config.header_format.encode(
        {name: column for name, column in columns.items() if name in known}
    )
    staged = np.zeros((len(sizes), -(-config.payload_bytes // _GROUP) * _GROUP), np.uint8)
    flat, first = np.ascontiguousarray(pixels).reshape(-1), 0
    for slot, size in enumerate(sizes.tolist()):
        staged[slot, :size] = flat[first : first + size]
        first += size
    head = np.full(config.dummy_words, _DUMMY, "<u4").view(np.uint8)
    wire = [
        np.broadcast_to(_turned(head[None], config.header_reversal), (len(sizes), head.size)),
        np.broadcast_to(np.frombuffer(config.pattern.to_bytes(4, "big"), np.uint8), (len(sizes), 4)),
        _turned(words.view(np.uint8), config.header_reversal), _turned(staged, config.payload_reversal),
    ]  # fmt: skip
    return list(np.unpackbits(np.concatenate(wire, axis=1), axis=1))


def _columns(
    config: StreamConfig, values: Mapping[str, int], sizes: NDArray[np.int64], buffer_ms: float
) -> dict[str, NDArray[np.int64]]:
    """Return what the headers of a frame say, i64[buffer] by field."""
    slots = np.arange(len(sizes))
    columns = {name: np.full(len(sizes), value, np.int64) for name, value in values.items()}
    count = values.get("buffer_count", 0) + slots
    columns |= {
        "linked_list": count % max(config.num_buffers, 1), "buffer_count": count & _MASK,
        "write_buffer_count": count & _MASK, "frame_buffer_count": slots, "pixel_count": sizes,
        "frame_num": np.full(len(sizes), values.get("frame_num", 0) & _MASK, np.int64),
        "timestamp": values.get("timestamp", 0) + (slots * buffer_ms).astype(np.int64) & _MASK,
    }  # fmt: skip
    return columns


def _turned(rows: NDArray[np.uint8], reversal: int) -> NDArray[np.uint8]:
    """Return rows of groups of 4 bytes as they are sent: what turns them back turns them as well."""
    from xjls.kernels.bitstream import Reversal, take_slices

    data = np.ascontiguousarray(rows).reshape(-1)
    out = np.empty(rows.shape, np.uint8)
    take_slices(data, np.arange(len(rows)) * 8 * rows.shape[1], out, Reversal(reversal))
    return out


class BitPacker:
    """Make bytes of bits that come in pieces of any length.

    Examples
    --------
    >>> packer = BitPacker()
    >>> packer.pack([np.array([1, 0, 0], np.uint8)]).hex(), packer.pack([np.ones(9, np.uint8)]).hex()
    ('', '9f')
    """

    def __init__(self) -> None:
        self._rest = np.empty(0, np.uint8)

    def pack(self, pieces: Iterable[NDArray[np.uint8]]) -> bytes:
        """Take further bits, u8[bit] of 0 and 1; return the bytes that are full."""
        bits = np.concatenate([self._rest, *pieces])
        n = len(bits) // 8 * 8
        self._rest = bits[n:].copy()
        return np.packbits(bits[:n]).tobytes()
