"""Sources, signals and their levels: what a recording says it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.model.window import Window

if TYPE_CHECKING:
    from fractions import Fraction

_F4 = np.dtype("f4")
_NOTHING = Window(0, 0)
STATISTICS = ("mean", "std", "min", "max")
"""The labels of an entry's four numbers, in the order in which every level keeps them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The instrument that produced signals."""

    id: int
    """Its number in the recording."""
    name: str
    vendor: str = ""
    model: str = ""
    version: str = ""
    """Of hardware or firmware, as the instrument says."""
    serial_number: str = ""

    def __str__(self) -> str:
        facts = (self.name, self.vendor, self.model, self.serial_number)
        return " ".join(dict.fromkeys(f for f in facts if f and f != "-")) or f"source {self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A resolution of a signal: each entry summarises ``factor`` samples, aligned to the signal's first one."""

    index: int
    """1 for the finest summary."""
    factor: int
    """Samples an entry covers."""
    length: int
    """Whole entries; samples behind the last one are in no entry of this level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One named stream of samples.

    A signal of ``rate_hz`` 0 carries annotations only and has no samples.
    """

    id: int
    """Its number in the recording."""
    name: str
    """Unique in its recording."""
    units: str
    dtype: np.dtype[Any]
    """Of the samples as they are read: packed bits arrive as bool, nibbles as (u)int8."""
    rate_hz: Fraction
    """Nominal sample rate."""
    source: Source
    window: Window = _NOTHING
    """The sample ids that exist."""
    block_length: int = 1
    """Samples in a chunk on disk: reads that start on a multiple of it (from ``first_id``) are cheapest."""
    level_dtype: np.dtype[Any] = _F4
    """Of the entries."""
    level_factors: tuple[int, ...] = ()
    """Samples an entry of each level covers, from fine to coarse; also of levels that the signal is too short for."""
    scale_factor: float = 1.0
    """Physical value = stored value × this, for samples and entries alike."""
    stored_type: str = ""
    """How the file names the type (``"f32"``, ``"u4"`` …)."""

    @property
    def first_id(self) -> int:
        """Sample id of the first sample."""
        return self.window.start

    @property
    def length(self) -> int:
        """Samples."""
        return self.window.length

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels with at least one whole entry, from fine to coarse."""
        return tuple(
            Level(index=i, factor=factor, length=self.length // factor)
            for i, factor in enumerate(self.level_factors, 1)
            if factor <= self.length
        )

    @property
    def has_samples(self) -> bool:
        """Whether it is a stream of samples at all; its length may still be 0."""
        return self.rate_hz > 0
