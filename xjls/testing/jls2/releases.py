"""Habits of the library releases that wrote the files people have (format sections 8.4 and 14)."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Release:
    """Habits of the library release that wrote a file (format sections 8.4 and 14); the defaults are those of 0.17.

    Examples
    --------
    >>> RELEASES["0.6.1"].nan_levels, Release().half_summaries
    (True, True)
    """

    std_ddof: int = 0
    """1: level-1 standard deviations are those of a sample, n - 1 (0.4.0 to 0.6.0)."""
    nan_levels: bool = False
    """Entries of level 2 and up are NaN (0.6.1)."""
    wrong_timestamps: bool = False
    """Timestamps of level 3 and up advance too little (before 0.7.0)."""
    half_summaries: bool = True
    """Only the first half of every SUMMARY of 64-bit numbers is written (every release that has them)."""
    orphan_tails: bool = True
    """A level without a whole entry is not closed (every release); False closes it with a SUMMARY of no entries."""
    stale_lengths: bool = True
    """After an empty payload, ``payload_prev_length`` repeats the length before it (since 0.8.0)."""
    exact_parameters: bool = False
    """Block parameters are taken as they are (0.3.x)."""
    version: int = 0x01000000
    """The version word of the file header."""


RELEASES = MappingProxyType(
    {
        "0.17": Release(),
        "0.7.3": Release(stale_lengths=False),
        "0.6.3": Release(stale_lengths=False, wrong_timestamps=True),
        "0.6.1": Release(stale_lengths=False, wrong_timestamps=True, nan_levels=True),
        "0.5.3": Release(stale_lengths=False, wrong_timestamps=True, std_ddof=1),
        "0.3.4": Release(stale_lengths=False, wrong_timestamps=True, exact_parameters=True),
    }
)
"""Habits by a release that shows them."""
