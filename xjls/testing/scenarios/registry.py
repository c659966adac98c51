"""What a scenario is, the list of all of them, and the samples that they are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xjls.testing.jls2 import (
    RELEASES,
    SAMPLE_TYPES,
    Definition,
    Fsr,
    Release,
    Truth,
    encode_definition,
    truth_of,
)

TINY: dict[str, Any] = {
    "samples_per_data": 16,
    "sample_decimate": 16,
    "entries_per_summary": 10,
    "summary_decimate": 10,
}
"""The smallest blocks that a library accepts for f32; blocks of level L cover 160 * 10**(L - 1) samples."""
SMALL: dict[str, Any] = {
    "samples_per_data": 64,
    "sample_decimate": 16,
    "entries_per_summary": 20,
    "summary_decimate": 10,
}
"""Blocks that make several levels of a few thousand samples."""
SECOND = 1 << 30
"""JLS time of one second."""
EPOCH = 257_594_400 * SECOND
"""JLS time of 2026-03-01T10:00:00Z."""


@dataclass(frozen=True, slots=True, eq=False)
class Scenario:
    """A recording's bytes and the truth about them."""

    name: str
    """Name of the function that made it."""
    data: bytes
    """The file."""
    truth: Truth
    """What a perfect reader finds."""
    definition: Definition
    """What was written, with the habits of its release."""
    notes: str
    """What is odd about it."""

    @property
    def signals(self) -> dict[str, NDArray[Any]]:
        """Samples by signal, shape ``(n,)``; positions in ``lost`` cannot be read."""
        return {name: found.samples for name, found in self.truth.signals.items() if found.samples is not None}

    @property
    def lost(self) -> dict[str, tuple[tuple[int, int], ...]]:
        """Half-open windows of positions by signal that were counted but cannot be read."""
        return {name: found.lost for name, found in self.truth.signals.items() if found.lost}


SCENARIOS: list[Callable[[], Scenario]] = []
"""Every scenario, as functions to call."""


def scenario(define: Callable[[], Definition]) -> Callable[[], Scenario]:
    """Register a definition as a scenario; the function then returns the scenario."""

    def made() -> Scenario:
        definition = define()
        notes = " ".join((define.__doc__ or "").split())
        return Scenario(define.__name__, encode_definition(definition), truth_of(definition), definition, notes)

    made.__name__ = made.__qualname__ = define.__name__
    made.__doc__ = define.__doc__
    SCENARIOS.append(made)
    return made


def wave(size: int) -> NDArray[np.float64]:
    """Return a sine with noise."""
    noise = np.random.default_rng(1).normal(0, 0.1, size)
    made: NDArray[np.float64] = np.sin(np.arange(size) * 0.01) + noise
    return made


def one(samples: ArrayLike, *, release: str | Release = "0.17", closed: bool = True, **how: Any) -> Definition:
    """Define a recording of one signal, f32 unless ``how`` says otherwise."""
    habits = RELEASES[release] if isinstance(release, str) else release
    signal = Fsr("current", samples, **{"rate_hz": 1000, "units": "A", **how})
    return Definition([signal], release=habits, closed=closed)


def full_range(dtype: str, size: int) -> NDArray[Any]:
    """Return noise over the whole range of an integer type, its ends first; a wave for a float type."""
    kind = SAMPLE_TYPES[dtype]
    if kind.basetype == 4:
        return wave(size).astype(kind.numpy_dtype)
    low, high = (-(2 ** (kind.bits - 1)), 2 ** (kind.bits - 1) - 1) if kind.basetype == 1 else (0, 2**kind.bits - 1)
    wide = np.uint64 if low == 0 else np.int64
    samples = np.random.default_rng(kind.bits).integers(low, high, size, dtype=wide, endpoint=True)
    samples[:2] = low, high
    return samples.astype(kind.numpy_dtype)


def steps(size: int, *, low: int = 0, high: int = 2) -> NDArray[np.int64]:
    """Return long constant runs with an edge now and then."""
    return np.where(np.arange(size) // 3000 % 2, high - 1, low)
