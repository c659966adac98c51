"""The frames that mio makes of a stream, with its losses: for results that must be those of older analyses.

By its rules buffers reach from preamble to preamble, so that the last one is lost; nothing is checked; buffers ahead of
a first slot 0 are skipped; each change of the frame's number ends a frame, so that frames lost as a whole leave no
place, and the last frame is lost as well. What is missing is 0.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from xjls.errors import SelectionError
from xjls.formats.miniscope.frames import cut_behind
from xjls.formats.miniscope.grid import Grid, needed_columns

if TYPE_CHECKING:
    from xjls.formats.miniscope.buffers import Buffers
    from xjls.formats.miniscope.fields import Columns
    from xjls.formats.miniscope.shape import FrameShape

__all__ = ["place_as_mio"]


def place_as_mio(buffers: Buffers, header_reversal: int) -> Grid:
    """Return the frames that mio makes, [width, height] each.

    Parameters
    ----------
    buffers
        Of a stream, all of them.
    header_reversal
        How words of headers are turned: a `xjls.kernels.bitstream.Reversal`.

    Raises
    ------
    SelectionError
        Pixels are not of 8 bits, one byte each: mio has no others.
    """
    needed_columns(buffers)
    shape = buffers.shape
    _refuse_depth(shape)
    reach = np.diff(buffers.bit_offset)  # so the last buffer has none
    held = replace(buffers, bit_offset=buffers.bit_offset[:-1], columns=_columns(buffers, header_reversal))
    slot, number = held.columns["frame_buffer_count"].astype(np.int64), held.columns["frame_num"]
    begins = np.flatnonzero(slot == 0)
    used = np.arange(begins[0] if begins.size else len(slot), len(slot))
    used = used[slot[used] < shape.n_slots]  # mio leaves the others out ahead of looking at their frame
    frame = np.concatenate([[0], np.cumsum(number[used][1:] != number[used][:-1])]).astype(np.int64)[: len(used)]
    n_frames = int(frame[-1]) if len(frame) else 0  # without the last
    buffer_of = np.full((n_frames, shape.n_slots), -1, np.int64)
    is_placed = (slot[used] >= 0) & (slot[used] < shape.n_slots) & (frame < n_frames)
    buffer_of[frame[is_placed], slot[used][is_placed]] = used[is_placed]
    duplicates = int(np.count_nonzero(is_placed) - np.count_nonzero(buffer_of >= 0))
    return Grid(
        buffers=buffers, first_frame=0, buffer_of=buffer_of, payload_bits=reach - buffers.payload_bit, by_columns=True,
        duplicates=duplicates,
    )  # fmt: skip


def _refuse_depth(shape: FrameShape) -> None:
    if shape.packing != "bytes" or shape.pix_depth != 8:
        raise SelectionError(
            f"mio makes no frames of {shape.pix_depth} bits packed as {shape.packing!r}",
            "Leave 'layout' out, or give 8 bits packed as 'bytes'.",
        )


def _columns(buffers: Buffers, header_reversal: int) -> Columns:
    """Return what headers say if they end where the next preamble begins."""
    from xjls.kernels.bitstream import Reversal, take_slices

    words = buffers.words[:-1].copy()
    room = np.diff(buffers.bit_offset) - 32
    way = Reversal(header_reversal)
    for row in np.flatnonzero(room < 32 * words.shape[1]):
        held = np.empty((1, 4 * words.shape[1]), np.uint8)
        again = np.empty_like(held)
        # Turning is its own reverse: back to the wire, cut there, and turned again
        take_slices(words[row].astype("<u4").view(np.uint8), np.zeros(1, np.int64), held, way)
        cut_behind(held[0], int(room[row]))
        take_slices(held[0], np.zeros(1, np.int64), again, way)
        words[row] = again.view("<u4")[0]
    return buffers.format.decode(words)
