"""Frames of a grid -> pixels. Only the bytes of the buffers that these frames have are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import SelectionError
from xjls.formats.miniscope.unpacking import unpack_pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.miniscope.grid import Grid

__all__ = ["read_frames"]

_STAGED_BYTES = 1 << 18
"""Bytes of pixels that are turned together: they stay in the second cache until they are copied on."""
_GROUP = 4


def read_frames(
    data: NDArray[np.uint8], grid: Grid, start: int, stop: int, out: NDArray[Any] | None = None, *, fill: int = 0,
    first_byte: int = 0,
) -> NDArray[Any]:  # fmt: skip
    """Return the frames `start` up to `stop` of a grid, u8 or u16[frame, height, width].

    Parameters
    ----------
    data
        u8[byte]: the whole stream, or a piece of it with the bytes of `Grid.byte_window`.
    grid
        Where buffers of frames are. ``grid.present[start:stop]`` tells which of them there are.
    out
        Where to put the frames, contiguous; None: in a new array.
    fill
        What pixels are of which a part is missing.
    first_byte
        Place of the piece in the stream.

    Raises
    ------
    SelectionError
        There are no such frames, or `out` has another shape, dtype or order.

    Examples
    --------
    >>> from xjls.formats.miniscope.buffers import find_buffers
    >>> from xjls.formats.miniscope.config import load_config
    >>> from xjls.formats.miniscope.grid import place_buffers
    >>> config = load_config(frame_width=8, frame_height=2, buffer_block_length=1, block_size=64)
    >>> words = np.array([0x78563412, 0, 7, 7, 0, 7, 0, 350, 16, 0, 190, 30, *range(4)], "<u4").view(np.uint8)
    >>> read_frames(words, place_buffers(find_buffers(words, config)), 0, 1)
    array([[[0, 0, 0, 0, 1, 0, 0, 0],
            [2, 0, 0, 0, 3, 0, 0, 0]]], dtype=uint8)
    """
    if not 0 <= start <= stop <= len(grid):
        raise SelectionError(f"there are no frames {start} to {stop}", f"Frames are 0 to {len(grid)}, half-open.")
    shape = grid.buffers.shape
    wanted = (stop - start, *grid.frame_shape)
    made = np.empty(wanted, shape.dtype) if out is None else out
    if made.shape != wanted or made.dtype != shape.dtype or not made.flags.c_contiguous:
        raise SelectionError(
            f"frames cannot be written to {made.dtype}{list(made.shape)}",
            f"Give a contiguous array {shape.dtype}{list(wanted)}.",
        )
    pixels = made.reshape(stop - start, shape.width * shape.height)
    each = max(1, _STAGED_BYTES // max(shape.n_slots * shape.payload_bytes, 1))
    for first in range(start, stop, each):
        last = min(first + each, stop)
        rows = _rows(data, grid, first, last, first_byte)
        unpack_pixels(shape, rows, pixels[first - start : last - start])
    _fill_missing(grid, start, stop, pixels, fill)
    return made


def _rows(data: NDArray[np.uint8], grid: Grid, start: int, stop: int, first_byte: int) -> NDArray[np.uint8]:
    """Return the bytes of frames, u8[frame, byte]; 0 where buffers are missing."""
    from xjls.kernels.bitstream import Reversal, take_slices

    buffers, shape = grid.buffers, grid.buffers.shape
    chosen = grid.buffer_of[start:stop].reshape(-1)
    bits = np.full(len(chosen), 8 * len(data), np.int64)  # behind the end: zeros
    there = np.flatnonzero(chosen >= 0)
    bits[there] = buffers.bit_offset[chosen[there]] + (buffers.payload_bit - 8 * first_byte)
    if there.size and bits[there].min() < 0:
        raise SelectionError(
            f"frames {start} to {stop} begin ahead of byte {first_byte}", "Give the piece that 'byte_window' says."
        )
    staged = np.empty((len(chosen), -(-shape.payload_bytes // _GROUP) * _GROUP), np.uint8)
    take_slices(data, bits, staged, Reversal(buffers.payload_reversal))
    if grid.payload_bits is not None:
        _shorten(data, bits, grid.payload_bits, chosen, staged, buffers.payload_reversal)
    rows = staged[:, : shape.payload_bytes].reshape(stop - start, shape.n_slots * shape.payload_bytes)
    return rows[:, : shape.frame_bytes]


def _shorten(
    data: NDArray[np.uint8], bits: NDArray[np.int64], limits: NDArray[np.int64], chosen: NDArray[np.int64],
    staged: NDArray[np.uint8], reversal: int,
) -> None:  # fmt: skip
    """Take zeros for what is behind the bits that belong to a buffer, ahead of their being turned."""
    from xjls.kernels.bitstream import Reversal, take_slices

    for row in np.flatnonzero((chosen >= 0) & (limits[chosen] < 8 * staged.shape[1])):
        held = np.empty((1, staged.shape[1]), np.uint8)
        take_slices(data, bits[row : row + 1], held)
        cut_behind(held[0], int(limits[chosen[row]]))
        take_slices(held[0], np.zeros(1, np.int64), staged[row : row + 1], Reversal(reversal))


def cut_behind(held: NDArray[np.uint8], n_bits: int) -> None:
    """Make bits 0 that are behind so many others, the highest of each byte first."""
    whole, part = divmod(max(n_bits, 0), 8)
    held[whole + 1 :] = 0
    held[whole : whole + 1] &= np.uint8(0xFF00 >> part & 0xFF)


def _fill_missing(grid: Grid, start: int, stop: int, pixels: NDArray[Any], fill: int) -> None:
    """Put `fill` where a part of a pixel is missing; a pixel may be of two buffers."""
    shape, present = grid.buffers.shape, grid.present[start:stop]
    if present.all() or (fill == 0 and shape.packing == "bytes"):
        return
    for slot in range(shape.n_slots):
        first, last = shape.pixels_of(slot)
        pixels[~present[:, slot], first:last] = fill
