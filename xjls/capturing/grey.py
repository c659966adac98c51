"""A frame as a picture of a few thousand grey levels: small enough to be sent, and with what is missing marked.

What did not arrive has no grey level of its own that could be told from a dark pixel; so it is told as spans of pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xjls.model.grey import grey_limits
from xjls.model.slots import slots_of, spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.capturing.last_frames import LastFrame
    from xjls.model.signal import Signal

LOOKED_AT = 1 << 14
"""Pixels of which black and white are found, at most."""
WHITE = 255
TINTS = ((190, 50, 40), (120, 30, 25))
"""The colours of stripes, two pixels wide, over what is missing."""


@dataclass(frozen=True, slots=True, eq=False)
class Grey:
    """A picture of a frame."""

    pixels: NDArray[np.uint8]
    """[height, width]."""
    missing: NDArray[np.bool_]
    """[height, width]: pixels of buffers that did not arrive."""
    low: float
    """What is black, in the signal's units."""
    high: float
    """What is white."""
    step: int
    """Pixels of the frame from one to the next of the picture, in both directions."""


def grey_of(frame: LastFrame, signal: Signal, most_bytes: int) -> Grey:
    """Return a frame as a picture of at most so many pixels, of which every n-th of the frame is one.

    Examples
    --------
    >>> import xjls
    >>> from fractions import Fraction
    >>> from xjls.capturing.last_frames import LastFrame
    >>> image = xjls.Signal(id=1, name="image", units="", dtype=np.dtype("u2"), rate_hz=Fraction(20), axis="frame",
    ...                     source=xjls.Source(id=1, name="scope"), sample_shape=(4, 6),
    ...                     facts={"payload_bytes": 24, "pixel_bits": 16})
    >>> frame = LastFrame(7, np.arange(24, dtype="u2").reshape(4, 6), np.array([True, False]))
    >>> grey = grey_of(frame, image, 6)
    >>> grey.step, grey.pixels.tolist(), grey.missing.tolist()
    (2, [[0, 127, 255], [255, 255, 255]], [[False, False, False], [True, True, True]])
    """
    missing = missing_pixels(frame, signal)
    step = max(math.ceil(math.sqrt(frame.pixels.size / most_bytes)), 1)
    pixels, hidden = frame.pixels[::step, ::step], missing[::step, ::step]
    low, high = grey_limits([pixels[~hidden]], LOOKED_AT)
    levels = np.nan_to_num((pixels.astype("f8") - low) * (WHITE / (high - low)), nan=0.0).clip(0, WHITE)
    black, white = (bound * signal.scale_factor + signal.add_offset for bound in (low, high))
    return Grey(np.rint(levels).astype(np.uint8), hidden, black, white, step)


def tinted(pixels: NDArray[np.uint8], missing: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return grey levels as colours, u8[height, width, 3]; what is missing is hatched in red, as no pixel ever is."""
    rgb = np.repeat(pixels[..., None], 3, axis=-1)
    rows, columns = np.nonzero(missing)
    rgb[rows, columns] = np.array(TINTS, np.uint8)[(rows + columns) // 2 % 2]
    return rgb


def missing_pixels(frame: LastFrame, signal: Signal) -> NDArray[np.bool_]:
    """Return which pixels belong to buffers that did not arrive, bool[height, width].

    A pixel that is in two buffers is missing if one of them is. None is where the signal does not tell how long
    buffers are.
    """
    if frame.present is None:
        return np.zeros(frame.pixels.shape, np.bool_)
    return ~spread(frame.present, slots_of(signal.facts, len(frame.present), frame.pixels.shape), frame.pixels.shape)
