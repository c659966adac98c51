"""Samples as files store them: eight bits or two nibbles a byte, the first one lowest. Imports no numba."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["packed"]


def packed(samples: NDArray[Any], bits: int) -> NDArray[Any]:
    """Return samples of so many bits as they are stored: packed bytes, or the samples themselves where bytes hold them.

    Examples
    --------
    >>> packed(np.array([1, -1, 2], "i1"), 4).tobytes().hex()
    'f102'
    """
    if bits == 1:
        return np.packbits(samples, bitorder="little")
    if bits == 4:
        nibbles = np.zeros(len(samples) + len(samples) % 2, np.uint8)
        nibbles[: len(samples)] = samples.view(np.uint8) & 15
        pairs: NDArray[np.uint8] = nibbles[::2] | nibbles[1::2] * np.uint8(16)
        return pairs
    return samples
