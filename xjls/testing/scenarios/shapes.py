"""Lengths and levels: where blocks end, and what the format forgets there."""

from __future__ import annotations

import numpy as np

from xjls.testing.jls2 import SAMPLE_TYPES, Annotation, Definition, Fsr, Release, Source, UserData
from xjls.testing.scenarios.registry import EPOCH, SECOND, SMALL, TINY, full_range, one, scenario, wave


@scenario
def default_f32() -> Definition:
    """Take default blocks, as most recordings do: two levels, ties, an annotation, a note."""
    size = 200_100
    ties = [(i, EPOCH + i * SECOND // 1_000_000) for i in (0, 100_000, size)]
    notes = [Annotation(5, data="hi")]
    signal = Fsr("current", wave(size), rate_hz=1_000_000, units="A", ties=ties, annotations=notes)
    return Definition([signal], [Source("js220", "Joulescope", "JS220", "1.0", "000001")], [UserData(0, "notes")])


@scenario
def every_type() -> Definition:
    """Cover the whole range of all 13 sample types in one recording (section 6)."""
    signals = [Fsr(name, full_range(name, 3333), dtype=name, **SMALL) for name in SAMPLE_TYPES]
    return Definition(signals)


@scenario
def five_levels() -> Definition:
    """Build five levels over 170,000 samples with the smallest blocks that a library accepts (section 5.5)."""
    return one(np.arange(170_000), **TINY)


@scenario
def one_sample() -> Definition:
    """Write a single sample: one data chunk and no level at all (section 8.4a, first row)."""
    return one([1.5])


@scenario
def shorter_than_an_entry() -> Definition:
    """Write one sample fewer than an entry: there is no INDEX (section 8.4a, first row)."""
    return one(wave(127))


@scenario
def whole_blocks() -> Definition:
    """Fill the blocks of levels 1, 2 and 3 exactly."""
    return one(wave(16_000), **TINY)


@scenario
def orphan_tail_level_1() -> Definition:
    """Leave the last data chunk out of every INDEX: it follows whole level-1 blocks without an entry (section 8.4a)."""
    return one(wave(81_920 + 50))


@scenario
def orphan_tail_level_2() -> Definition:
    """Leave the last level-1 block out of every level-2 INDEX (section 8.4a)."""
    return one(wave(1600 + 100), **TINY)


@scenario
def orphan_tail_level_3() -> Definition:
    """Leave the last level-2 block, and what is below it, out of every level-3 INDEX (section 8.4a)."""
    return one(wave(16_000 + 500), **TINY)


@scenario
def orphan_tail_level_4() -> Definition:
    """Leave the last level-3 block, and what is below it, out of every level-4 INDEX (section 8.4a)."""
    return one(wave(160_000 + 5000), **TINY)


@scenario
def orphan_tails_everywhere() -> Definition:
    """Add three samples to full blocks of every level: the tail is an orphan at each of them (section 8.4a)."""
    return one(wave(32_000 + 3), **TINY)


@scenario
def closed_tails() -> Definition:
    """Close the same tail by SUMMARY chunks without entries, the cure of section 8.4a."""
    return one(wave(32_000 + 3), release=Release(orphan_tails=False), **TINY)


@scenario
def half_summaries() -> Definition:
    """Cut 64-bit summaries in half, as every release does (section 8.4b)."""
    types = ["u32", "i32", "u64", "i64", "f64"]
    return Definition([Fsr(name, full_range(name, 5000), dtype=name, **SMALL) for name in types])


@scenario
def whole_summaries() -> Definition:
    """Keep 64-bit summaries whole, as a writer may (section 8.4b)."""
    types = ["u32", "i32", "u64", "i64", "f64"]
    signals = [Fsr(name, full_range(name, 5000), dtype=name, **SMALL) for name in types]
    return Definition(signals, release=Release(half_summaries=False))


@scenario
def odd_bits() -> Definition:
    """End sub-byte signals inside a byte (section 8.1)."""
    ramp = np.arange(1001) % 16
    samples = {"u1": ramp > 7, "u4": ramp, "i4": ramp - 8}
    return Definition([Fsr(name, made, dtype=name) for name, made in samples.items()])


@scenario
def nan_runs() -> Definition:
    """Mix in NaN and infinite samples: entries count finite ones, NaN spreads into upper deviations (section 8.3)."""
    samples = wave(20_000)
    samples[100:140] = np.nan
    samples[3000:3016] = np.nan
    samples[5000:12_000] = np.nan
    samples[15_000:15_002] = np.inf, -np.inf
    return Definition([Fsr("f32", samples, **SMALL), Fsr("f64", samples, dtype="f64", **SMALL)])
