"""Black and white of frames: between which values their pixels go from one to the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["grey_limits"]

DARK, BRIGHT = 1.0, 99.5
"""Percentiles of pixels that are black and white."""
LOOKED_AT = 1 << 22
"""Pixels of which these are found, at most."""


def grey_limits(pixels: Sequence[NDArray[Any]], most: int = LOOKED_AT) -> tuple[float, float]:
    """Return the values that are black and white, the same for all frames: percentiles of their pixels.

    Where these are equal, few pixels differ from all others, and the smallest and the largest one are black and white;
    where all are one value, 0 is black and any other one white.

    Parameters
    ----------
    pixels
        Those of each frame that arrived, of any shape. What is not finite is left out.
    most
        Of how many percentiles are taken.

    Examples
    --------
    >>> grey_limits([np.arange(101).reshape(1, 101)])
    (1.0, 99.5)
    >>> grey_limits([np.zeros(1000), np.array([7.0, np.nan])]), grey_limits([np.zeros(4)]), grey_limits([])
    ((0.0, 7.0), (0.0, 1.0), (0.0, 1.0))
    """
    parts = [one[np.isfinite(one)] for one in pixels]
    parts = [part for part in parts if part.size]
    if not parts:
        return 0.0, 1.0
    step = -(-sum(map(len, parts)) // most)
    some = np.concatenate([part[::step] for part in parts])
    low, high = (float(value) for value in np.percentile(some, (DARK, BRIGHT)))
    if low == high:
        low, high = float(min(part.min() for part in parts)), float(max(part.max() for part in parts))
    return (low, high) if low < high else (0.0, max(high, 1.0))
