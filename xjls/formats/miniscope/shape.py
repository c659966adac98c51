"""What frames are made of: pixels, the bytes that they are sent as, and the buffers that these are cut into.

A frame is one string of bytes, cut wherever a buffer is full: pixels of other than 8 bits may begin in one buffer and
end in the next. ``slot`` is the place of a buffer in its frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import SelectionError
from xjls.model.slots import FRAME_SIDES, PAYLOAD_BYTES, PIXEL_BITS, pixels_of_slot

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PACKINGS", "FrameShape"]

PACKINGS = ("bytes", "msb", "lsb", "u16", "framed")
"""How pixels become bytes. ``bytes``: one each. ``msb``, ``lsb``: no bit between them, the highest or the lowest of
each first. ``u16``: two bytes each, the low one first. ``framed``: between a 1 and a 0, the highest first."""
_MOST_SIDE = 1 << 14
_MOST_SLOTS = 1 << 12


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameShape:
    """Frames of pixels, and the buffers that hold one.

    Examples
    --------
    >>> shape = FrameShape(width=200, height=200, payload_bytes=5032)
    >>> shape.n_slots, int(shape.sizes[-1]), shape.dtype
    (8, 4776, dtype('uint8'))
    >>> FrameShape(width=4, height=3, pix_depth=12, packing="lsb", payload_bytes=8).pixels_of(1)
    (5, 11)
    """

    width: int
    height: int
    pix_depth: int = 8
    """Bits of a pixel that count."""
    packing: str = "bytes"
    """One of `PACKINGS`."""
    payload_bytes: int
    """Bytes of pixels that a buffer has room for."""

    def __post_init__(self) -> None:
        for name, value in (("frame_width", self.width), ("frame_height", self.height)):
            if not 1 <= value <= _MOST_SIDE:
                raise SelectionError(f"'{name}' is {value}", f"Give 1 to {_MOST_SIDE} pixels.")
        if self.packing not in PACKINGS:
            raise SelectionError(f"'packing' is {self.packing!r}", f"Give one of {', '.join(PACKINGS)}.")
        most = 8 if self.packing == "bytes" else 16
        if not 1 <= self.pix_depth <= most:
            remedy = f"Give 1 to {most} bits with the packing {self.packing!r}"
            more = "; deeper pixels need one of msb, lsb, u16, framed." if most == 8 else "."
            raise SelectionError(f"'pix_depth' is {self.pix_depth}", remedy + more)
        if self.payload_bytes < 1:
            raise SelectionError(
                f"a buffer has room for {self.payload_bytes} bytes of pixels",
                "'buffer_block_length' times 'block_size' (bytes) must be more than 'header_len' (bits) and "
                "'dummy_words' (of 4 bytes) take.",
            )
        if self.n_slots > _MOST_SLOTS:
            raise SelectionError(
                f"a frame has {self.n_slots} buffers of {self.payload_bytes} bytes", f"At most {_MOST_SLOTS} are read."
            )

    @property
    def pixel_bits(self) -> int:
        """Bits that a pixel has on its way."""
        return {"bytes": 8, "u16": 16, "framed": self.pix_depth + 2}.get(self.packing, self.pix_depth)

    @property
    def frame_bytes(self) -> int:
        """Bytes of a frame's pixels on their way."""
        return -(-self.width * self.height * self.pixel_bits // 8)

    @property
    def n_slots(self) -> int:
        """Buffers of a frame."""
        return -(-self.frame_bytes // self.payload_bytes)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Bytes of pixels in each buffer of a frame, i64[slot]."""
        sizes = np.full(self.n_slots, self.payload_bytes, np.int64)
        sizes[-1] = self.frame_bytes - self.payload_bytes * (self.n_slots - 1)
        return sizes

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of pixels: u8 up to 8 bits, u16 above."""
        return np.dtype(np.uint8 if self.pix_depth <= 8 else np.uint16)

    def pixels_of(self, slot: int) -> tuple[int, int]:
        """Return the pixels that have a bit in a buffer: the first, and one behind the last."""
        return pixels_of_slot(slot, self.payload_bytes, self.pixel_bits, self.width * self.height)

    @property
    def facts(self) -> dict[str, int]:
        """What tells others which pixels each buffer holds; see `xjls.model.slots`."""
        sides = {FRAME_SIDES["height"]: self.height, FRAME_SIDES["width"]: self.width}
        return {PAYLOAD_BYTES: self.payload_bytes, PIXEL_BITS: self.pixel_bits, **sides}
