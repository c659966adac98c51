"""Raw words as a JS110 sends them: two of 16 bits a sample, with ranges that switch and samples that are missing."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

ABSENT = 0xFFFF


def ranges_of(n: int, *, seed: int = 0, dwell: tuple[int, int] = (40, 160), chatter: int = 3) -> NDArray[np.int64]:
    """Return current ranges that stay for a while and then switch, some of them back and forth.

    Parameters
    ----------
    n
        Samples.
    seed
        The same seed makes the same ranges.
    dwell
        Samples that a range stays, from and to.
    chatter
        The most switches one soon after the other.

    Examples
    --------
    >>> ranges_of(6, dwell=(2, 3)).shape
    (6,)
    """
    rng = np.random.default_rng(seed)
    found: list[int] = []
    while len(found) < n:
        for _ in range(int(rng.integers(0, chatter + 1))):
            found += [int(rng.integers(0, 8))] * int(rng.integers(1, 9))
        found += [int(rng.integers(0, 7))] * int(rng.integers(*dwell))
    return np.array(found[:n], np.int64)


def words_of(ranges: ArrayLike, *, seed: int = 0, missing: Iterable[tuple[int, int]] = ()) -> NDArray[np.uint16]:
    """Return words with these current ranges and any codes, u16[time, 2].

    Parameters
    ----------
    ranges
        0 to 7 for each sample.
    seed
        Of the codes.
    missing
        Half-open runs of samples that were not delivered.

    Examples
    --------
    >>> words_of([3, 4], missing=[(1, 2)])[:, 0] & 3
    array([3, 3], dtype=uint16)
    """
    kept = np.asarray(ranges, np.int64)
    codes = np.random.default_rng(seed).integers(0, 1 << 14, (len(kept), 2))
    words = np.empty((len(kept), 2), np.uint16)
    words[:, 0] = codes[:, 0] << 2 | kept & 3
    words[:, 1] = codes[:, 1] << 2 | (np.arange(len(kept)) & 1) << 1 | kept >> 2
    for start, stop in missing:
        words[start:stop] = ABSENT
    return words


def absent(words: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Return which samples are missing: both words have all bits set.

    Examples
    --------
    >>> absent(np.array([[0xFFFF, 0xFFFF], [0xFFFF, 0]], np.uint16))
    array([ True, False])
    """
    return np.asarray((words == ABSENT).all(axis=1))
