"""Buffers -> frames on the device's own axis: which buffer each slot of each frame has, and what was lost.

Frames that nothing came of are on the axis like others, and so are the first and the last, of which a part may have
come before or after the recording. A buffer that came twice counts as it came last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xjls.errors import SelectionError
from xjls.formats.miniscope.checks import BufferFlag, unwrapped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.miniscope.buffers import Buffers
    from xjls.formats.miniscope.shape import FrameShape

__all__ = ["Grid", "Losses", "place_buffers"]

_NEEDED = ("frame_num", "frame_buffer_count")


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """What did not arrive as it should have."""

    frames: int
    """Frames of the axis."""
    complete: int
    """Frames of which all buffers are there."""
    empty: int
    """Frames of which none is."""
    missing: int
    """Buffers that frames of the axis lack."""
    lost_between: int
    """Buffers that were counted between the first and the last that can be believed, and are not there."""
    duplicates: int
    """Buffers that a later one with the same place has replaced."""
    quarantined: int
    """Buffers whose header cannot be believed, and preambles that have none."""
    cut: int
    """Buffers that data end in: in their pixels or in their headers."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grid:
    """Frames, and the buffers that they are made of."""

    buffers: Buffers
    first_frame: int
    """Number of the first frame, as the device counts; past 2**32 it goes on."""
    buffer_of: NDArray[np.int64]
    """Index of the buffer of each slot, i64[frame, slot]; -1: it is not there."""
    payload_bits: NDArray[np.int64] | None = None
    """Bits of pixels that belong to each buffer, i64[buffer]; None: all that its slot has room for."""
    by_columns: bool = False
    """Whether frames are [width, height], as mio has them."""
    duplicates: int = 0

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.buffer_of)

    @property
    def shape(self) -> FrameShape:
        """What each frame is made of."""
        return self.buffers.shape

    @property
    def device_frame(self) -> NDArray[np.int64]:
        """Numbers of the frames, i64[frame]."""
        return np.arange(self.first_frame, self.first_frame + len(self))

    @property
    def present(self) -> NDArray[np.bool_]:
        """Which buffers of frames are there, bool[frame, slot]."""
        found: NDArray[np.bool_] = self.buffer_of >= 0
        return found

    @property
    def frame_shape(self) -> tuple[int, int]:
        """Rows and columns of a frame."""
        shape = self.buffers.shape
        return (shape.width, shape.height) if self.by_columns else (shape.height, shape.width)

    def byte_window(self, start: int, stop: int) -> tuple[int, int]:
        """Return the bytes, half-open, that frames `start` up to `stop` need; (0, 0) where they have no buffer."""
        chosen = self.buffer_of[start:stop]
        slots = np.nonzero(chosen >= 0)
        if not slots[0].size:
            return 0, 0
        bits = self.buffers.bit_offset[chosen[slots]] + self.buffers.payload_bit
        last = int(bits.max()) + 8 * (self.buffers.shape.payload_bytes + 3) + 8
        return int(bits.min()) // 8, min(last // 8 + 1, self.buffers.n_bytes)

    def losses(self) -> Losses:
        """Count what is missing."""
        slots = np.count_nonzero(self.present, axis=1)
        good, whole = self.buffers.header_ok, self.buffers.whole
        is_cut = self.buffers.flags == BufferFlag.CUT_OFF
        return Losses(
            frames=len(self), complete=int(np.count_nonzero(slots == self.buffer_of.shape[1])),
            empty=int(np.count_nonzero(slots == 0)), missing=int(self.buffer_of.size - slots.sum()),
            lost_between=_lost_between(self.buffers), duplicates=self.duplicates,
            quarantined=int(np.count_nonzero(~good & ~is_cut)), cut=int(np.count_nonzero(good & ~whole | is_cut)),
        )  # fmt: skip


def place_buffers(buffers: Buffers) -> Grid:
    """Return the frames that buffers make, from the lowest number that can be believed to the highest.

    Raises
    ------
    SelectionError
        The header format has no numbers of frames, or none of places in them.

    Examples
    --------
    >>> from xjls.formats.miniscope.buffers import find_buffers
    >>> from xjls.formats.miniscope.config import load_config
    >>> place_buffers(find_buffers(np.zeros(9, np.uint8), load_config("wireless-200px"))).buffer_of.shape
    (0, 8)
    """
    needed_columns(buffers)
    n_slots = buffers.shape.n_slots
    good = np.flatnonzero(buffers.header_ok)
    if not good.size:
        return Grid(buffers=buffers, first_frame=0, buffer_of=np.empty((0, n_slots), np.int64))
    numbers = unwrapped(buffers.columns["frame_num"][good])
    first = int(numbers.min())
    buffer_of = np.full((int(numbers.max()) - first + 1, n_slots), -1, np.int64)
    is_whole = buffers.whole[good]
    chosen = good[is_whole]
    slot = buffers.columns["frame_buffer_count"][chosen].astype(np.int64)
    buffer_of[numbers[is_whole] - first, slot] = chosen
    duplicates = len(chosen) - int(np.count_nonzero(buffer_of >= 0))
    return Grid(buffers=buffers, first_frame=first, buffer_of=buffer_of, duplicates=duplicates)


def needed_columns(buffers: Buffers) -> None:
    """Refuse headers that do not say where buffers belong."""
    missing = [name for name in _NEEDED if name not in buffers.columns]
    if missing:
        raise SelectionError(
            f"the header format {buffers.format.id!r} has no {', '.join(missing)}",
            "Give a 'header_format' that says where these are; for a protobuf area, names for its fields.",
        )


def _lost_between(buffers: Buffers) -> int:
    if "buffer_count" not in buffers.columns:
        return 0
    counts = unwrapped(buffers.columns["buffer_count"][buffers.header_ok])
    return int(counts.max() - counts.min() + 1 - len(np.unique(counts))) if counts.size else 0
