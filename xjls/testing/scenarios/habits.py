"""Habits of releases and of drivers: omitted chunks, wrong numbers, dead writers, ids that start anywhere."""

from __future__ import annotations

from typing import Any

import numpy as np

from xjls.testing.jls2 import Annotation, Definition, Fsr, UserData
from xjls.testing.scenarios.registry import EPOCH, SECOND, SMALL, TINY, full_range, one, scenario, steps, wave


@scenario
def omitted_constants() -> Definition:
    """Omit constant chunks of 8 bits and fewer, as 0.13.2 to 0.17 do on request (section 8.7)."""
    ranges = {"u1": (0, 2), "u4": (3, 13), "i4": (-8, 8), "u8": (5, 201), "i8": (-100, 6)}
    signals = [
        Fsr(name, steps(20_000, low=low, high=high), dtype=name, omit="constant", **SMALL)
        for name, (low, high) in ranges.items()
    ]
    return Definition(signals)


@scenario
def omitted_tail() -> Definition:
    """Omit the partial last chunk of a constant signal too, as 0.8.0 to 0.13.1 did: its end is lost (section 8.7)."""
    return one(np.full(200_000, 5), dtype="u8", omit="all-constant")


@scenario
def lossy_omission() -> Definition:
    """Omit chunks of wider types, as 0.8.0 to 0.13.1 could: the samples are gone, the entries stay (section 8.7)."""
    how: dict[str, Any] = {"samples_per_data": 1280, "omit": "lossy"}
    wave = np.sin(np.arange(13_000) * 0.01)
    return Definition([Fsr("f32", wave, **how), Fsr("i16", wave * 100, dtype="i16", **how)])


@scenario
def sample_std() -> Definition:
    """Compute level-1 standard deviations with n - 1, as 0.4.0 to 0.6.0 did (section 14)."""
    return one(wave(20_000), release="0.5.3", **SMALL)


@scenario
def nan_levels() -> Definition:
    """Fill levels 2 and up with NaN, as 0.6.1 did (section 14)."""
    return one(wave(20_000), release="0.6.1", **SMALL)


@scenario
def wrong_timestamps() -> Definition:
    """Let timestamps of level 3 and up fall behind from the second block on, as before 0.7.0 (section 8.4c)."""
    return one(wave(60_000), release="0.6.3", **TINY)


@scenario
def exact_parameters() -> Definition:
    """Keep block parameters as they are, without rounding, as 0.3.x did (section 5.5)."""
    blocks: dict[str, Any] = {"samples_per_data": 100, "sample_decimate": 10, "entries_per_summary": 50}
    return one(wave(20_000), release="0.3.4", summary_decimate=10, **blocks)


@scenario
def offset_ids() -> Definition:
    """Start sample ids far from 0, and at odd places for the sub-byte types (sections 5.3 and 8.3)."""
    signals = [
        Fsr(name, full_range(name, 5001), dtype=name, first_id=2**40 + 13, ties=[(2**40 + 13, EPOCH)], **SMALL)
        for name in ("u1", "u4", "f32")
    ]
    return Definition(signals)


@scenario
def negative_ids() -> Definition:
    """Start sample ids below 0 (section 8.6)."""
    ties = [(-777, EPOCH), (9223, EPOCH + 10 * SECOND)]
    return one(wave(10_000), first_id=-777, ties=ties, annotations=[Annotation(-5, data="before 0")], **SMALL)


@scenario
def late_definitions() -> Definition:
    """Define a signal after another's data, as instruments' drivers do (section 4)."""
    late = Fsr("gpi", steps(4000), dtype="u1", define="late", **SMALL)
    return Definition([Fsr("current", wave(4000), **SMALL), late])


@scenario
def unclosed() -> Definition:
    """Kill the writer: no END, no length, no INDEX of what came last, a partial chunk lost (section 15)."""
    ties = [(i * 100, EPOCH + i * SECOND // 10) for i in range(150)]
    signals = [
        Fsr("current", wave(20_000), ties=ties, annotations=[Annotation(19_000, data="late")], **SMALL),
        Fsr("gpi", steps(20_000), dtype="u8", **SMALL),
    ]
    return Definition(signals, user_data=[UserData(1, {"a": 1})], closed=False)


@scenario
def unclosed_omission() -> Definition:
    """Kill the writer while it omits constant chunks: after the last INDEX their value is nowhere (section 15)."""
    samples = np.repeat([0, 1, 0, 1, 0, 1, 1, 1, 1, 0], 700)
    samples[6950] = 1
    return one(samples, dtype="u8", omit="constant", closed=False, **SMALL)
