"""Counts as the driver delivers them: 16-bit numbers whose low bits are zero at a low resolution."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xjls.testing.picostream.vintages import Mode

LOST = -32768
"""What the driver writes for a sample that it lost."""


def counts_of(
    mode: Mode, n: int, *, bits: int = 12, max_adc: int = 32767, ratio: int = 1, seed: int = 0
) -> NDArray[np.int16]:
    """Return the values of ``n`` timesteps: a wave over the whole range with noise, multiples of ``2**(16 - bits)``.

    Parameters
    ----------
    mode
        ``"average"``: one value a timestep, the mean of ``ratio`` raw ones towards zero; ``"aggregate"``: the smallest
        and the largest of them, one after the other.
    n
        Timesteps.
    bits
        Of the converter.
    max_adc
        The largest count, and with a minus the smallest.
    ratio
        Raw values that make a timestep.
    seed
        The same seed makes the same values.

    Examples
    --------
    >>> counts_of("average", 4, bits=8).tolist()
    [0, 0, 512, 256]
    >>> low, high = counts_of("aggregate", 3, ratio=10).reshape(-1, 2).T
    >>> bool((low < high).all())
    True
    """
    raw = raw_counts(n * ratio, bits=bits, max_adc=max_adc, seed=seed).reshape(n, ratio)
    if mode == "average":
        total = raw.sum(axis=1, dtype=np.int64)
        mean: NDArray[np.int16] = (np.sign(total) * (np.abs(total) // ratio)).astype(np.int16)
        return mean
    return np.stack([raw.min(axis=1), raw.max(axis=1)], axis=1).reshape(-1)


def raw_counts(n: int, *, bits: int, max_adc: int, seed: int = 0) -> NDArray[np.int16]:
    """Return what the converter delivers before anything is reduced.

    Examples
    --------
    >>> set(np.unique(raw_counts(1000, bits=8, max_adc=32512) % 256).tolist())
    {0}
    """
    step = 1 << (16 - bits)
    most = max_adc // step
    noise = np.random.default_rng(seed).normal(0, 0.02, n)
    wave = np.sin(np.arange(n) * 0.003 + seed) * 1.05 + noise
    counts: NDArray[np.int16] = (np.clip(np.round(wave * most), -most, most) * step).astype(np.int16)
    return counts
