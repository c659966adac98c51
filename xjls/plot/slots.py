"""Which pixels each buffer of a frame holds, as far as pictures show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xjls.model.slots import slots_of

if TYPE_CHECKING:
    from xjls.plot.frames import Frames


def slot_pixels(frames: Frames) -> tuple[tuple[int, int], ...]:
    """Return the pixels of each slot of a frame, counted row by row and half-open; () where nothing tells them."""
    return tuple(slots_of(frames.image.facts, frames.n_slots, frames.image.sample_shape))
