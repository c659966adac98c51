"""Which pixels of a frame each of its buffers holds, as facts of the frames tell.

A frame is sent as one string of bits, row after row, and cut wherever a buffer is full: a pixel may begin in one buffer
and end in the next.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FRAME_SIDES", "GAP_VALUE", "PAYLOAD_BYTES", "PIXEL_BITS", "pixels_of_slot", "slots_of", "spread"]

PAYLOAD_BYTES, PIXEL_BITS = "payload_bytes", "pixel_bits"
"""Facts of a signal of frames: bytes of pixels in all buffers but the last, and bits of a pixel as it is sent."""
GAP_VALUE = "gap_value"
"""Fact of what is known of frames: what it is of those of which nothing came, as between two captures."""
FRAME_SIDES = {"height": "frame_height", "width": "frame_width"}
"""Facts that say how many pixels whole frames have, by the name of the dimension."""


def pixels_of_slot(slot: int, payload_bytes: int, pixel_bits: int, n_pixels: int) -> tuple[int, int]:
    """Return the pixels that have a bit in a buffer of a frame, half-open, counted row by row.

    Examples
    --------
    >>> [pixels_of_slot(slot, 8, 12, 12) for slot in range(3)]
    [(0, 6), (5, 11), (10, 12)]
    """
    first, stop = 8 * payload_bytes * slot, 8 * payload_bytes * (slot + 1)
    return min(first // pixel_bits, n_pixels), min(-(-stop // pixel_bits), n_pixels)


def slots_of(facts: Mapping[str, Any], n_slots: int, shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return the pixels of each slot of frames of a shape; none where facts do not tell, or tell of other frames.

    Examples
    --------
    >>> slots_of({"payload_bytes": 8, "pixel_bits": 8}, 2, (2, 6))
    [(0, 8), (8, 12)]
    """
    n_bytes, bits = facts.get(PAYLOAD_BYTES), facts.get(PIXEL_BITS)
    if isinstance(n_bytes, bool | float | str | None) or isinstance(bits, bool | float | str | None):
        return []
    n_pixels = math.prod(shape)
    if min(n_bytes, bits) < 1 or -(-n_pixels * bits // (8 * n_bytes)) != n_slots:
        return []
    return [pixels_of_slot(slot, int(n_bytes), int(bits), n_pixels) for slot in range(n_slots)]


def spread(flags: NDArray[np.bool_], spans: Sequence[tuple[int, int]], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return which pixels of frames are there, of which buffers are: a pixel in two of them needs both.

    Parameters
    ----------
    flags
        ``[..., slot]``.
    spans
        The pixels of each slot, as `slots_of` returns them. Pixels in none of them count as there.
    shape
        Of a frame.

    Returns
    -------
    NDArray[np.bool_]
        ``[..., *shape]``.

    Examples
    --------
    >>> spread(np.array([True, False, True]), [(0, 4), (3, 5), (5, 6)], (2, 3)).tolist()
    [[True, True, True], [False, False, True]]
    """
    pixels = np.ones((*flags.shape[:-1], math.prod(shape)), np.bool_)
    for slot, (first, stop) in enumerate(spans):
        pixels[..., first:stop] &= flags[..., slot, np.newaxis]
    return pixels.reshape(*flags.shape[:-1], *shape)
