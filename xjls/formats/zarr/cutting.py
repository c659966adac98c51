"""How the arrays of a signal are cut: into shards and chunks of samples, and chunks of entries.

A store that is written at once has shards as large as serves reading. One that grows rewrites the shard that is being
filled now and then, so that those of a slow signal are small: a minute or so, whatever the rate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from xjls.model.sample_type import FINEST, STEP, dtype_of, level_factors_of

if TYPE_CHECKING:
    from fractions import Fraction

    from xjls.formats.zarr.metadata import ArrayFacts
    from xjls.model.signal import Signal

SIZES = ((40_960, 40_960), (204_800, 204_800), (819_200, 204_800), (4_096_000, 256_000))
"""Samples of a shard, and of a chunk in it. All are whole entries of the two finest levels, of every type."""
SHARD_S = 64
"""Seconds that a shard of a growing store covers at most, but for the smallest ones."""
ENTRIES_PER_SHARD = 64
"""Of a shard's samples, one entry in a chunk of level 1 for so many; a quarter of that on each level above."""
FEWEST = 1_000
"""Entries of a chunk at least."""
_USUAL_BYTES = 4
"""Of a sample that sizes are meant for."""
_COMMON = max(FINEST.values())
"""Samples that are whole entries of level 1 of every type."""
UNITS_KEPT = 4
"""Where only the last seconds are kept, what is dropped at once is at most this part of them."""


@dataclass(frozen=True, slots=True)
class Cut:
    """How the arrays of one signal are cut."""

    shard: int
    """Samples."""
    chunk: int
    """Samples; a shard has whole ones."""
    factors: tuple[int, ...]
    """Samples an entry of each level covers that is kept, from fine to coarse. A shard has whole entries of level 1."""
    entries: tuple[int, ...]
    """Entries of a chunk of each level; none of a signal on an axis of its own."""
    separator: str = "."
    """Between the numbers in the keys of samples."""
    separators: tuple[str, ...] = ()
    """The same of each level; empty where all have a dot."""
    kept: int = 0
    """Samples that are kept at least, of a recording that drops old ones; 0 where all are."""
    unit: int = 0
    """Samples that are dropped together then: whole shards, and whole entries of all levels."""
    sparse: bool = False
    """Whether chunks are left out, in a shard that has others, of which nobody delivered a sample."""

    def all_entries(self, levels: int) -> tuple[int, ...]:
        """Return the entries of a chunk of so many levels, of which it may have fewer."""
        return (*self.entries, *self.entries[-1:] * levels)[:levels]

    def key_separator(self, level: int) -> str:
        """Return what stands between the numbers in the keys of a level."""
        return self.separators[level - 1] if self.separators else "."


def row_bytes_of(signal: Signal) -> int | None:
    """Return the bytes of a sample of a signal that is on an axis of its own; None of a series."""
    return dtype_of(signal.stored_type).itemsize * math.prod(signal.sample_shape) if signal.axis else None


def row_cut(shard: int, chunk: int, row_bytes: int) -> tuple[int, int]:
    """Return how many samples of so many bytes are as much as a shard and a chunk of float32, and never more samples.

    A shard has whole chunks, and a chunk one sample at least.

    Examples
    --------
    >>> row_cut(4_096_000, 256_000, 1), row_cut(4_096_000, 256_000, 40_000), row_cut(4_096_000, 256_000, 10**8)
    ((4096000, 256000), (400, 25), (1, 1))
    """
    rows = max(min(chunk, chunk * _USUAL_BYTES // row_bytes), 1)
    return max(min(shard, shard * _USUAL_BYTES // row_bytes) // rows, 1) * rows, rows


def growing_cut(
    stored_type: str, rate_hz: Fraction, keep_s: float | None = None, *, row_bytes: int | None = None
) -> Cut:
    """Return how a signal is cut that grows.

    Parameters
    ----------
    stored_type, rate_hz
        Of the signal.
    keep_s
        Seconds that are kept of it; None for all.
    row_bytes
        Of a sample, if the signal is on an axis of its own: such have no levels.

    Examples
    --------
    >>> from fractions import Fraction
    >>> slow, fast = (growing_cut("f32", Fraction(rate)) for rate in (1000, 2_000_000))
    >>> (slow.shard, slow.chunk, slow.entries[:2]), (fast.shard, fast.chunk, fast.entries[:2])
    ((40960, 40960, (1000, 1000)), (4096000, 256000, (64000, 16000)))
    >>> rolling = growing_cut("f32", Fraction(2_000_000), keep_s=60)
    >>> rolling.kept, rolling.unit, rolling.factors
    (120000000, 20480000, (128, 2560, 51200, 1024000, 20480000))
    """
    if row_bytes is not None:
        return _growing_rows(row_bytes, rate_hz, keep_s)
    factors = level_factors_of(stored_type)
    shard, chunk = max((size for size in SIZES if size[0] <= rate_hz * SHARD_S), default=SIZES[0])
    entries = tuple(max(shard // ENTRIES_PER_SHARD >> 2 * i, FEWEST) for i in range(len(factors)))
    if keep_s is None:
        return Cut(shard, chunk, factors, entries, sparse=True)
    kept = _samples_kept(rate_hz, keep_s)
    most = max(kept // UNITS_KEPT, factors[0])
    if shard > most:
        shard, chunk = max((size for size in SIZES if size[0] <= most), default=(_smallest(factors, most),) * 2)
    return _dropping(Cut(shard, chunk, factors, entries, kept=kept, sparse=True))


def _growing_rows(row_bytes: int, rate_hz: Fraction, keep_s: float | None) -> Cut:
    """Return how a signal on an axis of its own is cut: as others of as many bytes are, and without levels."""
    sizes = [row_cut(*size, row_bytes) for size in SIZES]
    shard, chunk = max((size for size in sizes if size[0] <= rate_hz * SHARD_S), default=sizes[0])
    if keep_s is None:
        return Cut(shard, chunk, (), (), sparse=True)
    kept = _samples_kept(rate_hz, keep_s)
    # Powers of two are whole in each other: what lies on one axis drops the same, whatever its shards
    shard = _power_of_two(min(shard, max(kept // UNITS_KEPT, 1)))
    return _dropping(Cut(shard, min(_power_of_two(chunk), shard), (), (), kept=kept, sparse=True))


def _samples_kept(rate_hz: Fraction, keep_s: float) -> int:
    return max(-(-int(rate_hz * round(keep_s * 1000)) // 1000), 1)


def _power_of_two(most: int) -> int:
    return 1 << most.bit_length() - 1


def _dropping(cut: Cut) -> Cut:
    """Return a cut with what is dropped at once, and with levels and chunks that go with it.

    Signals of one rate drop the same samples, whatever their types: they lie on one axis.
    """
    most = cut.kept // UNITS_KEPT
    if not cut.factors:
        unit = _power_of_two(max(most, 1))
        return replace(cut, unit=unit if not unit % cut.shard else max(most // cut.shard, 1) * cut.shard)
    unit = _times(cut.shard, most)
    factors = tuple(factor for factor in cut.factors if not unit % factor)
    entries = (min(size, max(most // factor, 1)) for size, factor in zip(cut.entries, factors, strict=False))
    return replace(cut, unit=unit, factors=factors, entries=tuple(entries))


def _smallest(factors: tuple[int, ...], most: int) -> int:
    """Return the samples of a shard that are fewer than usual: for all types the same, where they are enough."""
    if most < _COMMON:
        entry = max(factor for factor in factors if factor <= most)
        return most // entry * entry
    size = _COMMON
    while size * STEP <= most:
        size *= STEP
    return _times(size, most)


def _times(size: int, most: int) -> int:
    """Return 1, 2, 5, 10, 20 … times a size: the largest that is not above another one, at least itself."""
    times = max(most // size, 1)
    power = int(10 ** (len(str(times)) - 1))
    return size * power * max(digit for digit in (1, 2, 5) if digit * power <= times)


def resumed_cut(
    wanted: Cut, factors: tuple[int, ...], samples: ArrayFacts, levels: Sequence[ArrayFacts], length: int
) -> Cut:
    """Return how a signal goes on to be cut, of which arrays are there.

    Arrays stay as they are cut. Only what is one object, and was cut to its length, is cut as is wanted, with other
    keys: so that it can be put beside what is there. Where samples are, so are all levels.

    Parameters
    ----------
    wanted
        How it would be cut from the start.
    factors
        Of all levels that there can be; none of a signal on an axis of its own.
    samples, levels
        The arrays.
    length
        Samples so far.
    """
    shard, chunk, separator = samples.shard, samples.chunk, samples.separator
    if length <= shard and separator == "." and (shard < wanted.shard or (factors and shard % factors[0])):
        shard, chunk, separator = wanted.shard, wanted.chunk, "/"
    again = Cut(shard, chunk, factors, wanted.all_entries(len(factors)), separator, kept=wanted.kept, sparse=True)
    if again.kept:
        again = _dropping(again)
    entries, factors, separators = list(again.entries), again.factors, ["."] * len(again.factors)
    for i, level in enumerate(levels[: len(factors)]):
        is_short = level.shape[0] <= level.chunk < entries[i] and level.separator == "."
        if is_short or separator != samples.separator:
            separators[i] = "/"
        else:
            entries[i], separators[i] = level.chunk, level.separator
    return replace(again, entries=tuple(entries), separators=tuple(separators))
